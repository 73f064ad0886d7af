# -*- test-case-name: plugins.files.tests.test_tools -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The four tools: what they do.  How they are described is in :mod:`.offer`.

Each takes judged arguments and gives the structured content and the same as
text, the way that a person would like to read it.
"""

from __future__ import annotations

import datetime
import os
from collections.abc import Sequence
from typing import Any

from .call import ANSWER, Call, Json, Refused
from .place import Place, Roots, kind, numbered, open_file, reach
from .search import Hunting
from .walk import Walk

ENTRIES = 1000  # that one list tells
SCAN = 64 << 20  # bytes of a file that are passed over to reach a line

_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127)}
_LAST_SECOND = 253402300799  # of the year 9999, the last that datetime knows

Told = tuple[Json, str]
"""Structured content, and the same as text."""


class Files:
    """
    The files beneath the roots.

    Attributes:
        roots: The roots.
    """

    def __init__(self, roots: Roots, hunting: Hunting) -> None:
        self.roots = roots
        self._hunting = hunting

    def list(self, arguments: Json, call: Call) -> Told:
        """
        Tell what is in a folder.
        """
        entries: list[Json] = []
        size = 0
        walk = Walk(self.roots, arguments.get("glob"))
        cut = False
        for entry in walk.entries(self.roots.find(arguments["path"]), arguments["depth"]):
            call.check()
            told = describe(entry.place, entry.facts)
            size += len(told["path"])
            if len(entries) == ENTRIES or size > ANSWER:
                cut = True
                break
            entries.append(told)
        return {"entries": entries, "truncated": cut or walk.cut}, _listing(entries, cut or walk.cut)

    def read(self, arguments: Json, call: Call) -> Told:
        """
        Tell the text of a file, or some lines of it.
        """
        place = self._place(arguments["path"])
        first = arguments["first_line"]
        last = arguments.get("last_line", float("inf"))
        if last < first:
            raise Refused("'last_line' must not be before 'first_line'.")
        taken = bytearray()
        number = at = scanned = 0
        told: Json = {"path": place.path, "truncated": False}
        with reach(place) as (folder, name), open_file(folder, name) as file:
            told["size"] = os.fstat(file.fileno()).st_size
            for number, piece in numbered(file):
                call.check()
                if number < first:
                    scanned += len(piece)
                    if scanned > SCAN:
                        raise Refused(f"Line {first} is further than {SCAN >> 20} MiB into the file.")
                    continue
                told["truncated"] = number <= last and len(taken) + len(piece) > ANSWER
                if number > last or told["truncated"]:
                    told["next_line"] = number if number > at else number + 1
                    break
                taken += piece
                at = number
        if first > 1 and not at:
            raise Refused(f"The file has only {number} lines.")
        if b"\0" in taken:
            raise Refused(f"That file is not text; it has {told['size']} bytes.")
        text = taken.decode("utf-8", "replace")
        told |= {"text": text, "first_line": first, "last_line": at}
        return told, text if "next_line" not in told else f"{text}\n[more from line {told['next_line']}]"

    def search(self, arguments: Json, call: Call) -> Told:
        """
        Tell where some text is.
        """
        matches: list[Json] = []
        status: Json = {}
        progress = 0
        for event in self._hunting(self.roots, arguments, call):
            call.check()
            match event:
                case {"match": match}:
                    matches.append(match)
                case {"status": status}:
                    if status["bytes"] > progress:
                        progress = status["bytes"]
                        call.tell(progress, f"{status['files']} files, {len(matches)} matches")
                case _:
                    raise Refused(event["refused"])
        call.check()  # Without it, what was killed would pass for an end.
        told = {
            "matches": matches,
            "files": status["files"],
            "skipped": status["skipped"],
            "truncated": bool(status["stopped"]),
        }
        if status["stopped"]:
            told["stopped_by"] = status["stopped"]
        return told, _findings(told)

    def stat(self, arguments: Json, call: Call) -> Told:
        """
        Tell what something is.
        """
        call.check()
        place = self._place(arguments["path"])
        with reach(place) as (folder, name):
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
        told = describe(place, facts) | {"mode": f"{facts.st_mode & 0o7777:04o}"}
        return told, "\n".join(f"{key}: {_plain(str(value))}" for key, value in told.items())

    def _place(self, path: str) -> Place:
        place = self.roots.find(path)
        if place is None:
            raise Refused(f"Say which file. {self.roots.sentence()}")
        return place


def describe(place: Place, facts: os.stat_result) -> Json:
    """
    Tell what something is; a time that has no date is moved to the nearest that has.
    """
    seconds = min(max(int(facts.st_mtime), 0), _LAST_SECOND)
    modified = datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()
    return {"path": place.path, "type": kind(facts), "size": facts.st_size, "modified": modified}


def _plain(path: str) -> str:
    # A name may have a newline in it, which would pass for another entry.
    return path.translate(_CONTROL)


def _listing(entries: Sequence[Json], cut: bool) -> str:
    lines = []
    for entry in entries:
        size = f", {entry['size']} bytes" if entry["type"] == "file" else ""
        lines.append(f"{_plain(entry['path'])}  ({entry['type']}{size})")
    return "\n".join([*(lines or ["Nothing is there."]), *["[there is more]"] * cut])


def _findings(told: dict[str, Any]) -> str:
    lines = []
    for match in told["matches"]:
        path, number = _plain(match["path"]), match["line"]
        first = number - len(match["before"])
        lines += [f"{path}-{first + index}- {text}" for index, text in enumerate(match["before"])]
        lines.append(f"{path}:{number}: {match['text']}")
        lines += [f"{path}-{number + 1 + index}- {text}" for index, text in enumerate(match["after"])]
    end = f"[stopped by the bound on {told['stopped_by']}]" if told["truncated"] else ""
    return "\n".join([*lines, f"{len(told['matches'])} matches in {told['files']} files. {end}".rstrip()])
