# -*- test-case-name: tests.web.test_mint -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Request ids: ULIDs, so that they sort by time.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define

_DRAW, _POOL = 10, 640
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(first + second for first in _LETTERS for second in _LETTERS)


@define
class Mint:
    """
    Makes ids, each greater than the one before within a millisecond.

    The random part is drawn once for each millisecond and then counted up, as
    the ULID specification says.  Its top bit is left 0, so that the count
    cannot run over.

    Attributes:
        entropy: Gives as many random bytes as asked.
    """

    entropy: Callable[[int], bytes]
    _millisecond: int = -1
    _stem: str = ""
    _count: int = 0
    _pool: bytes = b""

    def mint(self, now: float) -> str:
        """
        Make an id.

        Args:
            now: Seconds since 1970.
        """
        millisecond = int(now * 1000)
        if millisecond != self._millisecond or self._count >> 20:
            self._draw(millisecond)
        count = self._count
        self._count = count + 1
        return self._stem + _PAIRS[count >> 10] + _PAIRS[count & 1023]

    def _draw(self, millisecond: int) -> None:
        self._millisecond = millisecond
        if not self._pool:
            # One system call for many draws.
            self._pool = self.entropy(_POOL)
        drawn = int.from_bytes(self._pool[:_DRAW], "big")
        self._pool = self._pool[_DRAW:]
        self._count = drawn & 0x7FFFF
        number = ((millisecond & 0xFFFFFFFFFFFF) << 60) | drawn >> 20
        shifts = range(100, -1, -10)
        self._stem = "".join([_PAIRS[number >> shift & 1023] for shift in shifts])
