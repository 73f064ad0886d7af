# -*- test-case-name: tests.web.test_chunks -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A request's body out of the pieces that the network brings.

Both kinds are fed bytes and tell when they have had enough; neither does any
input or output.  How long a body may take is the connection's business.
"""

from __future__ import annotations

from enum import Enum

from attrs import define, field

from mcpd.wire.fault import Fault, Kind

# Bounded: what a chunked body may have besides its content.  Extensions were
# used to make servers read for ever what no content limit sees.
_LINE = 256
_EXTRA = 8 << 10

_HEX = frozenset(b"0123456789abcdefABCDEF")
# A chunk extension and a trailer field: visible, blank, or beyond ASCII.
_TEXT = bytes([9, *range(32, 127), *range(128, 256)])


@define
class Measured:
    """
    A body whose length is known from its head.

    Attributes:
        length: Bytes that it has.
        kept: What has come.
    """

    length: int
    kept: bytearray = field(factory=bytearray)

    def feed(self, data: bytes) -> bytes | None:
        """
        Take a piece.

        Returns:
            What follows the body, or None while the body is not whole.
        """
        missing = self.length - len(self.kept)
        if len(data) < missing:
            self.kept += data
            return None
        self.kept += memoryview(data)[:missing]
        return data[missing:]


class _Next(Enum):
    """
    What a chunked body goes on with.
    """

    SIZE = 1
    CONTENT = 2
    END = 3
    TRAILER = 4
    NOTHING = 5


@define
class Chunked:
    """
    A body in chunks (RFC 9112, section 7.1), read strictly.

    A line ends in CR LF and nothing else, a size is at most eight hexadecimal
    digits, and extensions and trailer fields are read over: nothing of ours
    looks at them, so nothing of theirs may change what a field said before.

    Attributes:
        limit: Most bytes of content.
        kept: The content that has come.
    """

    limit: int
    kept: bytearray = field(factory=bytearray)
    _rest: bytes = b""
    _missing: int = 0
    _extra: int = 0
    _next: _Next = _Next.SIZE

    def feed(self, data: bytes) -> bytes | None:
        """
        Take a piece.

        Returns:
            What follows the body, or None while the body is not whole.

        Raises:
            Fault: It is no such body, or longer than the limit.
        """
        data = self._rest + data
        start = at = 0
        while at >= 0:
            start, at = at, self._read(data, at)
            if self._next is _Next.NOTHING:
                return data[at:]
        self._rest = data[start:]
        return None

    def _read(self, data: bytes, at: int) -> int:
        # Each step reads from ``at``, says what is next, and gives where that
        # starts; -1 says that it needs more, and then it has changed nothing.
        match self._next:
            case _Next.SIZE:
                return self._size(data, at)
            case _Next.CONTENT:
                return self._content(data, at)
            case _Next.END:
                return self._end(data, at)
            case _:
                return self._trailer(data, at)

    def _size(self, data: bytes, at: int) -> int:
        end = self._line(data, at)
        if end < 0:
            return -1
        line = data[at:end]
        digits, mark, extension = line.partition(b";")
        self._count(len(mark) + len(extension))
        # A blank before an extension is RFC 9112's "bad whitespace".
        digits = digits.rstrip(b" \t") if mark else digits
        if not 0 < len(digits) <= 8 or not _HEX.issuperset(digits):
            raise _bad("the size of a chunk is not a number")
        self._missing = int(digits, 16)
        if len(self.kept) + self._missing > self.limit:
            raise Fault(Kind.TOO_LARGE, "the body is longer than limits.body")
        self._next = _Next.CONTENT if self._missing else _Next.TRAILER
        return end + 2

    def _content(self, data: bytes, at: int) -> int:
        piece = data[at : at + self._missing]
        if not piece:
            return -1
        self.kept += piece
        self._missing -= len(piece)
        if not self._missing:
            self._next = _Next.END
        return at + len(piece)

    def _end(self, data: bytes, at: int) -> int:
        if not b"\r\n".startswith(data[at : at + 2]):
            raise _bad("a chunk does not end where its size says")
        if len(data) < at + 2:
            return -1
        self._next = _Next.SIZE
        return at + 2

    def _trailer(self, data: bytes, at: int) -> int:
        end = self._line(data, at)
        if end < 0:
            return -1
        self._count(end - at)
        if end == at:
            self._next = _Next.NOTHING
        elif b":" not in data[at + 1 : end] or data[at] in b" \t":
            raise _bad("a line after the last chunk is no field")
        return end + 2

    def _line(self, data: bytes, at: int) -> int:
        end = data.find(b"\r\n", at, at + _LINE + 2)
        line = data[at:end] if end >= 0 else data[at : at + _LINE + 2].removesuffix(b"\r")
        if len(line) > _LINE or line.translate(None, _TEXT):
            raise _bad("a line between chunks is too long or has a letter that it cannot have")
        return end

    def _count(self, extra: int) -> None:
        self._extra += extra
        if self._extra > _EXTRA:
            raise _bad("the body has more extensions and trailer fields than content")


def _bad(text: str) -> Fault:
    return Fault(Kind.BAD_REQUEST, text)
