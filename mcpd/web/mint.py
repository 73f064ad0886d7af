# -*- test-case-name: tests.web.test_mint -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Request ids: ULIDs, so that they sort by time.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define

# Bytes of a draw: one for each random letter of a stem, and three for the count.
_RANDOM, _DRAW, _POOL = 12, 15, 480
_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
# Any byte to a letter; each letter stands for eight of them.
_ANY = _LETTERS.encode() * 8
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
    _era: int = -1
    _start: str = ""
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
        drawn, self._pool = self._pool[:_DRAW], self._pool[_DRAW:]
        self._count = int.from_bytes(drawn[_RANDOM:], "big") & 0x7FFFF
        high, low = _PAIRS[millisecond >> 10 & 1023], _PAIRS[millisecond & 1023]
        if millisecond >> 20 != self._era:
            self._begin(millisecond >> 20)
        self._stem = self._start + high + low + drawn[:_RANDOM].translate(_ANY).decode()

    def _begin(self, era: int) -> None:
        # The letters that stay the same for 2 ** 20 milliseconds, about 17 minutes.
        self._era = era
        self._start = _PAIRS[era >> 20 & 1023] + _PAIRS[era >> 10 & 1023] + _PAIRS[era & 1023]
