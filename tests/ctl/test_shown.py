# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.shown`.
"""

from __future__ import annotations

import sys

from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.shown import clean, console, moment, size, span


class ShownTests(SynchronousTestCase):
    """
    Tests for how numbers are written.
    """

    def test_span(self) -> None:
        """
        A duration has its two largest units.
        """
        told = [span(seconds) for seconds in (-1, 0.4, 61, 3600, 90061)]
        self.assertEqual(told, ["0 s", "0 s", "1 m 1 s", "1 h 0 m", "1 d 1 h"])

    def test_clean(self) -> None:
        """
        Nothing that a plugin says overwrites its line.
        """
        self.assertEqual(clean("evil\rgood\r\n"), "evilgood\n")

    def test_no_output(self) -> None:
        """
        Without a standard output nothing is shown, and nothing breaks.
        """
        self.patch(sys, "stdout", None)
        console({}).print("nobody reads this")

    def test_size(self) -> None:
        """
        A size has the largest unit that it fills.
        """
        told = [size(count) for count in (None, 7, 1536, 12 << 20, 3 << 30)]
        self.assertEqual(told, ["-", "7", "1.5K", "12.0M", "3.0G"])

    def test_moment(self) -> None:
        """
        A moment is told in UTC, if it is known.
        """
        self.assertEqual([moment(None), moment(0)], ["-", "1970-01-01T00:00:00Z"])
