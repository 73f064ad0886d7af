# -*- test-case-name: plugins.files.tests.test_walk -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What is in folders, and in folders in them.
"""

from __future__ import annotations

import fnmatch
import itertools
import os
import re
import stat
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from .place import FOLDER, Place, Roots, reach, want_file

SEEN = 100_000  # entries that one walk looks at


@dataclass(frozen=True)
class Entry:
    """
    Something in a folder.

    Attributes:
        place: Where it is.
        names: The names that lead to it from where the walk began.
        folder: The descriptor of the folder that it is in, good until the walk goes on.
        name: Its name there.
        facts: What lstat says.
    """

    place: Place
    names: tuple[str, ...]
    folder: int
    name: str
    facts: os.stat_result


class Glob:
    """
    A pattern on the names that lead to something.

    ``*``, ``?`` and ``[...]`` stay within a name and ``**`` is any number of
    names; a pattern without a slash is one on the last name.
    """

    def __init__(self, pattern: str) -> None:
        parts = [part for part in pattern.split("/") if part]
        if "/" not in pattern:
            parts.insert(0, "**")
        self._parts = [None if part == "**" else re.compile(fnmatch.translate(part)) for part in parts]

    def matches(self, names: Sequence[str]) -> bool:
        """
        Tell whether it matches, in time that grows with both lengths and no faster.
        """
        states = self._skip({0})
        for name in names:
            states = self._skip({after for state in states for after in self._after(state, name)})
        return len(self._parts) in states

    def _skip(self, states: set[int]) -> set[int]:
        for state, part in enumerate(self._parts):
            if part is None and state in states:
                states.add(state + 1)
        return states

    def _after(self, state: int, name: str) -> tuple[int, ...]:
        if state == len(self._parts):
            return ()
        part = self._parts[state]
        if part is None:
            return (state,)
        return (state + 1,) if part.match(name) else ()


class Walk:
    """
    One way through folders, in the order of their names.

    Attributes:
        cut: Whether there was more than it may look at.
        deep: Whether there were folders deeper than it went.
        left: Entries that it may still look at.
    """

    def __init__(self, roots: Roots, glob: str | None) -> None:
        self.cut = False
        self.deep = False
        self._roots = roots
        self._glob = Glob(glob or "**")
        self.left = SEEN

    def entries(self, place: Place | None, depth: int) -> Iterator[Entry]:
        """
        Find what is in a folder that matches, or the file itself that is there.

        Args:
            place: Where to begin; None is above the roots.
            depth: 1 is the folder's own entries, 2 those of its folders, too.

        Raises:
            Refused: There is neither a folder nor a file.
            OSError: It cannot be reached.
        """
        return (entry for entry in self._all(place, depth) if self._glob.matches(entry.names))

    def _all(self, place: Place | None, depth: int) -> Iterator[Entry]:
        if place is None:
            for root in self._roots.all:
                yield Entry(Place(root, ()), (root.name,), root.fd, ".", os.fstat(root.fd))
                if depth > 1:
                    yield from self._open(Place(root, ()), (root.name,), root.fd, ".", depth - 1)
            return
        with reach(place) as (folder, name):
            facts = os.stat(name, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(facts.st_mode):
                yield from self._open(place, (), folder, name, depth)
            else:
                want_file(facts)
                yield Entry(place, (name,), folder, name, facts)

    def _open(
        self, place: Place, names: tuple[str, ...], above: int, name: str, depth: int
    ) -> Iterator[Entry]:
        fd = os.open(name, FOLDER, dir_fd=above)
        try:
            yield from self._inside(place, names, fd, depth)
        finally:
            os.close(fd)

    def _inside(self, place: Place, names: tuple[str, ...], fd: int, depth: int) -> Iterator[Entry]:
        with os.scandir(fd) as found:
            inside = list(itertools.islice(found, self.left + 1))
        self.cut = self.cut or len(inside) > self.left
        del inside[self.left :]
        self.left -= len(inside)
        for item in sorted(inside, key=lambda item: item.name):
            # Whatever went away, or turned into something else, is left out.
            with suppress(OSError):
                facts = item.stat(follow_symlinks=False)
                here, to = Place(place.root, (*place.names, item.name)), (*names, item.name)
                yield Entry(here, to, fd, item.name, facts)
                if not stat.S_ISDIR(facts.st_mode):
                    continue
                if depth > 1:
                    yield from self._open(here, to, fd, item.name, depth - 1)
                else:
                    self.deep = True
