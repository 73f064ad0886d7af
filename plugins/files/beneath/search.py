# -*- test-case-name: plugins.files.tests.test_search -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Looking for text in files.

:class:`Search` does it here and now, and may take for ever: see :mod:`.apart`.
"""

from __future__ import annotations

import re
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from .call import ANSWER, Call, Json, Refused
from .place import Roots, numbered, open_file, trouble
from .walk import Entry, Walk

DEPTH = 32  # folders, one in another
BYTES = 256 << 20  # bytes that one search reads
SHOWN = 400  # characters of a line that it shows
CHUNK = 1 << 20  # bytes that are looked at together before the lines are
NEWS = 500  # lines between two looks at the clock
PROGRESS = 0.5  # seconds between two notices

Hunting = Callable[[Roots, Json, Call], Iterator[Json]]
"""
Who searches: yields ``{"match": ...}``, from time to time and at last
``{"status": ...}``, or one ``{"refused": sentence}``.
"""


@dataclass
class Search:
    """
    One search, through all the files.

    Attributes:
        query: The arguments of the tool, with their defaults.
        now: The time in seconds.
        files: Files that were searched.
        skipped: Files that could not be: not text, or not readable.
        read: Bytes of them.
        stopped: Why it ended early: ``matches``, ``size``, ``bytes``, ``files`` or, so far, nothing.
    """

    query: Json
    now: Callable[[], float]
    files: int = 0
    skipped: int = 0
    read: int = 0
    stopped: str = ""
    _found: int = 0
    _size: int = 0
    _told: tuple[float, int] = (0.0, 0)

    def run(self, roots: Roots) -> Iterator[Json]:
        """
        Search; yields what :data:`Hunting` says.
        """
        try:
            yield from self._run(roots)
        except OSError as error:
            yield {"refused": trouble(error)}
        except Refused as refused:
            yield {"refused": str(refused)}

    def _pattern(self) -> re.Pattern[str]:
        text = self.query["query"] if self.query["regex"] else re.escape(self.query["query"])
        try:
            return re.compile(text, re.IGNORECASE if self.query["ignore_case"] else 0)
        except (re.error, OverflowError, RecursionError) as error:
            raise Refused(f"'query' is no regular expression of Python: {error}.") from None

    def _run(self, roots: Roots) -> Iterator[Json]:
        pattern = self._pattern()
        self._told = (self.now(), 0)
        walk = Walk(roots, self.query.get("glob"))
        for entry in walk.entries(roots.find(self.query["path"]), DEPTH):
            if stat.S_ISREG(entry.facts.st_mode):
                yield from self._open(entry, pattern)
            if self.stopped:
                break
        if (walk.cut or walk.deep) and not self.stopped:
            self.stopped = "files"
        yield self._status()

    def _status(self) -> Json:
        status = {"files": self.files, "skipped": self.skipped, "bytes": self.read, "stopped": self.stopped}
        return {"status": status}

    def _open(self, entry: Entry, pattern: re.Pattern[str]) -> Iterator[Json]:
        try:
            with open_file(entry.folder, entry.name) as file:
                if self._may_match(file):
                    yield from self._file(entry.place.path, file, pattern)
            self.files += 1
            yield from self._news()
        except (OSError, UnicodeError, Refused):
            # Unreadable, not text, or not a file any more: the others matter.
            self.skipped += 1

    def _may_match(self, file: BinaryIO) -> bool:
        # Most files have nothing of a plain text, which their bytes tell
        # many times faster than their lines.
        if self.query["regex"] or self.query["ignore_case"] or "\ufffd" in self.query["query"]:
            return True
        needle = self.query["query"].encode()
        seen = 0
        kept = b""
        while self.read + seen <= BYTES and (chunk := file.read(CHUNK)):
            self._check(chunk)
            if needle in kept + chunk:
                file.seek(0)
                return True
            kept = chunk[-len(needle) :]
            seen += len(chunk)
        self._count(seen)
        return False

    def _check(self, piece: bytes) -> None:
        if b"\0" in piece:
            raise UnicodeError("not text")

    def _count(self, size: int) -> None:
        self.read += size
        if self.read > BYTES:
            self.stopped = "bytes"

    def _file(self, path: str, file: BinaryIO, pattern: re.Pattern[str]) -> Iterator[Json]:
        context = self.query["context"]
        before: deque[str] = deque(maxlen=context)
        waiting: list[Json] = []
        for number, piece in numbered(file):
            text = self._text(piece)
            for match in waiting:
                match["after"].append(text[:SHOWN])
                self._size += len(match["after"][-1])
            found = pattern.search(text)
            if found and self._room(path, text, before):
                start = max(0, found.start() - SHOWN // 4) if len(text) > SHOWN else 0
                shown = text[start : start + SHOWN]
                waiting.append(
                    {"path": path, "line": number, "text": shown, "before": list(before), "after": []}
                )
            while waiting and len(waiting[0]["after"]) == context:
                yield {"match": waiting.pop(0)}
            if self.stopped:
                break
            before.append(text[:SHOWN])
            if number % NEWS == 0:
                yield from self._news()
        for match in waiting:
            yield {"match": match}

    def _text(self, piece: bytes) -> str:
        self._check(piece)
        self._count(len(piece))
        return piece.decode("utf-8", "replace").rstrip("\r\n")

    def _room(self, path: str, text: str, before: Sequence[str]) -> bool:
        self._size += len(path) + min(len(text), SHOWN) + sum(map(len, before))
        if self._size > ANSWER:
            self.stopped = "size"
        elif self._found == self.query["limit"]:
            self.stopped = "matches"
        else:
            self._found += 1
            return True
        return False

    def _news(self) -> Iterator[Json]:
        when, progress = self._told
        if self.now() - when >= PROGRESS and self.read > progress:
            self._told = (self.now(), self.read)
            yield self._status()
