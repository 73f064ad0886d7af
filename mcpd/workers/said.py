# -*- test-case-name: tests.workers.test_said -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a worker writes to its standard error or has for a log, on its way to ours.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

_LINE = 4 << 10


def printable(data: bytes, most: int = _LINE) -> str:
    r"""
    Make a line of a stranger's fit for a log.

    Control characters, line separators and what turns the direction of text
    are shown by their escapes (``\\x1b``): a log's reader is not a terminal to
    be written to.
    """
    text = data[:most].decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


@define(eq=False)
class Said:
    """
    Cuts standard error into lines, and bounds how much of it is told.

    Attributes:
        rate: Bytes a second that are told; one second's worth may come at once.
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
        if len(data) > self._left:
            self._lost += len(data) - self._left
            data = data[: self._left]
        self._left -= len(data)
        *lines, rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._tell(line)
        # Bounded: a worker may never end its line.
        whole = len(rest) - len(rest) % _LINE
        self._tell(rest[:whole])
        self._rest = rest[whole:]

    def line(self, line: bytes) -> None:
        """
        Take a whole line from elsewhere, within the same bound.
        """
        self._refill()
        told = line[: self._left]
        self._lost += len(line) - len(told)
        self._left -= len(told)
        self._tell(told)

    def close(self) -> None:
        """
        Tell what is left.
        """
        self._tell(self._rest)
        self._rest = b""
        self._report()

    def _tell(self, line: bytes) -> None:
        line = line.rstrip(b"\r")
        for start in range(0, len(line), _LINE):
            self.tell(printable(line[start : start + _LINE]))

    def _refill(self) -> None:
        now = self._clock.seconds()
        if now - self._second >= 1:
            self._report()
            self._second, self._left = now, self.rate

    def _report(self) -> None:
        lost, self._lost = self._lost, 0
        if lost:
            self.dropped(lost)
