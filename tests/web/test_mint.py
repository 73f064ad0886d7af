# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.mint`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.mint import Mint

LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def value(text: str) -> int:
    """
    Read an id as the number that it writes.
    """
    number = 0
    for letter in text:
        number = number * 32 + LETTERS.index(letter)
    return number


class MintTests(SynchronousTestCase):
    """
    Request ids.
    """

    def test_shape(self) -> None:
        """
        An id is a ULID: 48 bits of time in milliseconds, and 80 of chance.
        """
        mint = Mint(lambda size: b"\xff" * size)
        number = value(mint.mint(1469918176.385))
        self.assertEqual(number >> 80, 1469918176385)
        # The top bit of the part that is counted up starts as 0.
        self.assertEqual(number & (1 << 80) - 1, (1 << 80) - 1 - (1 << 19))

    def test_order(self) -> None:
        """
        Ids are unique, and sort as they were made.
        """
        mint = Mint(bytes)
        ids = [mint.mint(1.0 + number // 50 / 1000) for number in range(5000)]
        self.assertEqual(ids, sorted(set(ids)))
        self.assertEqual({len(id) for id in ids}, {26})

    def test_time(self) -> None:
        """
        An id tells its millisecond, whatever was asked before.
        """
        mint = Mint(bytes)
        for millisecond in (0, 1 << 20, (1 << 20) - 1, (1 << 48) - 1, 1023, 1024):
            self.assertEqual(value(mint.mint((millisecond + 0.5) / 1000)) >> 80, millisecond)

    def test_many(self) -> None:
        """
        A clock that stands still does not run out of ids.
        """
        draws = iter((b"\x01" + b"\xff" * 14, b"\x02" + b"\xff" * 14))
        mint = Mint(lambda size: next(draws))
        ids = [mint.mint(1.0) for _ in range((1 << 19) + 2)]
        self.assertEqual(len(set(ids)), len(ids))
