# -*- test-case-name: tests.workers.test_said -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a worker writes to its standard error or has for a log, on its way to ours.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

_LINE = 4 << 10
_TOLD = 200
# What a line costs besides its bytes: each is an event of its own.
_EACH = 200
# As "printable" writes what can't be printed.
_ESCAPE = r"\\(?:x1b\[[0-9;]{0,20}m|x[0-9a-f]{2}|u[0-9a-f]{4}|u[0-9a-f]{8}|[nrt])"
_COLOUR = re.compile(r"\\x1b\[[0-9;]{0,20}m")
_ROOT = r"(?:(?:~[\w.-]{0,32})?/|[a-z]:[\\/])"
# Linear: no choice in it can fail after a part that has no bound.
_PATH = re.compile(
    rf"""
    (?P<address>\b(?![a-z0-9+.-]{{0,20}}file:)[a-z][a-z0-9+.-]{{1,20}}://[\w\[](?:[^\s'"<>,;()|:]|:(?!/))*)
    | (?<="){_ROOT}[^"]+ | (?<='){_ROOT}[^']+ | (?<=`){_ROOT}[^`]+
    | (?:(?<![\w/])|(?<=\s-[a-z])|{_ESCAPE}) {_ROOT}
      (?:\\\s|{_ESCAPE}|[^\s'"`,;:()\[\]{{}}<>|]|[,;:](?=[\w/.~-]))+
    """,
    re.VERBOSE | re.IGNORECASE,
)


def printable(data: bytes, most: int = _LINE) -> str:
    r"""
    Make a line of a stranger's fit for a log.

    Control characters, line separators and what turns the direction of text
    are shown by their escapes (``\\x1b``): a log's reader is not a terminal to
    be written to.
    """
    text = data[:most].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def discreet(line: str, most: int = _TOLD) -> str:
    """
    Make a line of a worker's fit for a caller: what looks like a path is not for strangers.

    A path is what begins with a slash, a tilde or a drive's letter, and is not
    part of a word or of an address (``https://host/x``) before it; one between
    quotation marks ends at the second.
    """
    told = _COLOUR.sub("", _PATH.sub(lambda found: found["address"] or "[path]", line)).strip()
    return told if len(told) <= most else told[:most] + "..."


@define(eq=False)
class Said:
    """
    Cuts standard error into lines, and bounds how much of it is told.

    Attributes:
        rate: Bytes a second that are told; one second's worth may come at once.
            Each line counts for 200 more.
        tell: Called with each line.
        dropped: Called with how many bytes were dropped, once a second at most.
    """

    _clock: IReactorTime
    rate: int
    tell: Callable[[str], None]
    dropped: Callable[[int], None]
    _rest: bytes = field(init=False, default=b"")
    _second: float = field(init=False, default=-1.0)
    _left: int = field(init=False, default=0)
    _lost: int = field(init=False, default=0)

    def heard(self, data: bytes) -> None:
        """
        Take some bytes.
        """
        self._refill()
        told = self._afford(data)
        self._lost += len(data) - len(told)
        data = told
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            _tell(line, self.tell)
        # Bounded: a worker may never end its line.
        whole = len(rest) - len(rest) % _LINE
        _tell(rest[:whole], self.tell)
        self._rest = rest[whole:]

    def _afford(self, data: bytes) -> bytes:
        end = 0
        while end < len(data) and self._left > 0:
            most = min(end + self._left, len(data))
            found = data.find(b"\n", end, most)
            stop = most if found < 0 else found + 1
            self._left -= stop - end + (0 if found < 0 else _EACH)
            end = stop
        return data[:end]

    def line(self, line: bytes, tell: Callable[[str], None]) -> None:
        """
        Take a whole line from elsewhere, within the same bound.

        Args:
            line: The line.
            tell: Called with it, instead of ``tell``.
        """
        self._refill()
        told = line[: max(self._left, 0)]
        self._lost += len(line) - len(told)
        self._left -= len(told) + _EACH
        _tell(told, tell)

    def close(self) -> None:
        """
        Tell what is left.
        """
        _tell(self._rest, self.tell)
        self._rest = b""
        self._report()

    def _refill(self) -> None:
        now = self._clock.seconds()
        if now - self._second >= 1:
            self._report()
            self._second, self._left = now, self.rate

    def _report(self) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            self.dropped(lost)


def _tell(line: bytes, tell: Callable[[str], None]) -> None:
    line = line.rstrip(b"\r")
    for start in range(0, len(line), _LINE):
        tell(printable(line[start : start + _LINE]))
