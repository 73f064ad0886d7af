# -*- test-case-name: tests.wire.test_lines -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Lines out of a stream of bytes.

The framing of MCP over standard input and output: one message a line.  A
:class:`Lines` knows nothing of JSON; :mod:`mcpd.wire.codec` reads what it
yields.
"""

from __future__ import annotations

from attrs import define, field

_SHORT = 4096
"""Pieces of fewer bytes are joined as they come."""


class LineTooLong(Exception):
    """
    A line grew beyond its bound; nothing after it can be trusted.
    """


@define
class Lines:
    """
    Cuts a stream into lines.

    Attributes:
        limit: Most bytes of one line, its end not counted.
    """

    limit: int
    _pieces: list[bytes] = field(init=False, factory=list)
    _kept: int = field(init=False, default=0)

    def feed(self, data: bytes) -> list[bytes]:
        """
        Take what was read, and give the lines that are whole now.

        Lines come without their end (a line feed, or a carriage return and a
        line feed); empty ones are left out.

        Raises:
            LineTooLong: A line is longer than the limit.
        """
        end = data.rfind(b"\n")
        if end < 0:
            self._keep(data)
            return []
        rest = data[end + 1 :]
        whole = data[:end]
        if self._pieces:
            self._pieces.append(whole)
            whole = b"".join(self._pieces)
            self._pieces.clear()
            self._kept = 0
        if rest:
            self._keep(rest)
        if b"\n" not in whole:
            return self._checked([whole])
        return self._checked(whole.split(b"\n"))

    def _checked(self, lines: list[bytes]) -> list[bytes]:
        whole = []
        for line in lines:
            bare = line[:-1] if line[-1:] == b"\r" else line
            if len(bare) > self.limit:
                raise LineTooLong
            if bare:
                whole.append(bare)
        return whole

    def _keep(self, data: bytes) -> None:
        self._kept += len(data)
        # Bounded: a worker may never send the end of a line.  One more for
        # the "\\r" that does not count.
        if self._kept > self.limit + 1:
            raise LineTooLong
        # Two bytes at a time would make a list thirty times as large as the line.
        if self._pieces and len(self._pieces[-1]) < _SHORT:
            self._pieces[-1] += data
        else:
            self._pieces.append(data)
