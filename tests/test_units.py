# -*- test-case-name: tests.test_units -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.units`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.units import (
    Rate,
    Seconds,
    Tries,
    read_bytes,
    read_rate,
    read_seconds,
    read_tries,
    write_bytes,
    write_rate,
    write_seconds,
    write_tries,
)


class UnitsTests(SynchronousTestCase):
    """
    Tests for durations and sizes.
    """

    def test_durations(self) -> None:
        """
        A duration is a whole number with one of four units.
        """
        for text, seconds in (("0s", 0), ("250ms", 0.25), ("30s", 30), ("5m", 300), ("24h", 86400)):
            self.assertEqual(read_seconds(text), seconds)

    def test_sizes(self) -> None:
        """
        A size is a whole number, alone or with one of three units of 1024.
        """
        for text, size in (("0", 0), ("512", 512), ("64K", 65536), ("4M", 4194304), ("1G", 1073741824)):
            self.assertEqual(read_bytes(text), size)

    def test_no_durations(self) -> None:
        """
        Nothing else is a duration.
        """
        for text in ("", "s", "30", "30 s", " 30s", "30s\n", "1.5s", "-1s", "+1s", "30S", "1d", "٣s", "1_0s"):
            with self.assertRaisesRegex(ValueError, "a duration is written", msg=text):
                read_seconds(text)

    def test_no_sizes(self) -> None:
        """
        Nothing else is a size.
        """
        for text in ("", "K", "64k", "64KB", "64 K", "1.5M", "-1", "1T", "64K\n", "٣", "1_0"):
            with self.assertRaisesRegex(ValueError, "a size is written", msg=text):
                read_bytes(text)

    def test_tries(self) -> None:
        """
        So many times in so long are a number and a duration, with a slash.
        """
        self.assertEqual(read_tries("5/5m"), Tries(5, Seconds(300)))
        self.assertEqual(read_tries("999999/250ms"), Tries(999999, Seconds(0.25)))

    def test_no_tries(self) -> None:
        """
        Nothing else is.
        """
        for text in (
            "",
            "5",
            "5/",
            "/5m",
            "0/5m",
            "05/5m",
            "-5/5m",
            "1000000/5m",
            "5 /5m",
            "5/5m/5m",
            "٣/5m",
        ):
            with self.assertRaises(ValueError, msg=text):
                read_tries(text)

    def test_rates(self) -> None:
        """
        So many a second and so many at once are two numbers; a word says: any number.
        """
        self.assertEqual(read_rate("100/s, 200"), Rate(100, 200))
        self.assertEqual(read_rate("1/s, 999999"), Rate(1, 999999))
        self.assertIsNone(read_rate("off"))

    def test_no_rates(self) -> None:
        """
        Nothing else is one.
        """
        for text in (
            "",
            "100",
            "100/s",
            "100/s,200",
            "100/s,  200",
            "100/s, 200\n",
            " 100/s, 200",
            "100/m, 200",
            "0/s, 200",
            "100/s, 0",
            "01/s, 2",
            "-1/s, 2",
            "1.5/s, 2",
            "1000000/s, 2",
            "1/s, 1000000",
            "٣/s, 2",
            "Off",
            "none",
        ):
            with self.assertRaisesRegex(ValueError, "a rate is written", msg=text):
                read_rate(text)

    @given(st.none() | st.builds(Rate, st.integers(1, 999_999), st.integers(1, 999_999)))
    def test_rates_again(self, rate: Rate | None) -> None:
        """
        A rate that was written and read is the same.
        """
        self.assertEqual(read_rate(write_rate(rate)), rate)

    def test_written(self) -> None:
        """
        A value is written in the largest unit that is exact.
        """
        seconds = [write_seconds(value) for value in (0, 0.25, 1, 90, 120, 5400, 7200)]
        self.assertEqual(seconds, ["0ms", "250ms", "1s", "90s", "2m", "90m", "2h"])
        sizes = [write_bytes(value) for value in (0, 1, 1023, 1024, 1536, 1 << 20, 3 << 30)]
        self.assertEqual(sizes, ["0", "1", "1023", "1K", "1536", "1M", "3G"])

    @given(st.integers(0, 999_999_999), st.sampled_from(["ms", "s", "m", "h"]))
    def test_durations_again(self, number: int, unit: str) -> None:
        """
        A duration that was read, written and read again is the same.
        """
        seconds = read_seconds(f"{number}{unit}")
        self.assertEqual(read_seconds(write_seconds(seconds)), seconds)

    @given(st.integers(1, 999_999), st.integers(0, 999_999_999), st.sampled_from(["ms", "s", "m", "h"]))
    def test_tries_again(self, count: int, number: int, unit: str) -> None:
        """
        So are so many times in so long.
        """
        tries = Tries(count, read_seconds(f"{number}{unit}"))
        self.assertEqual(read_tries(write_tries(tries)), tries)

    @given(st.integers(0, 999_999_999), st.sampled_from(["", "K", "M", "G"]))
    def test_sizes_again(self, number: int, unit: str) -> None:
        """
        A size that was read, written and read again is the same.
        """
        size = read_bytes(f"{number}{unit}")
        self.assertEqual(read_bytes(write_bytes(size)), size)
