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
        lines: list[bytes] = []
        start = 0
        # Not split(): it looks at each byte, which find() leaves to the C library.
        while (end := data.find(b"\n", start)) >= 0:
            line = data[start:end]
            start = end + 1
            if self._pieces:
                line = b"".join((*self._pieces, line))
                self._pieces.clear()
                self._kept = 0
            if line[-1:] == b"\r":
                line = line[:-1]
            if len(line) > self.limit:
                raise LineTooLong
            if line:
                lines.append(line)
        if start < len(data):
            self._keep(data[start:])
        return lines

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
