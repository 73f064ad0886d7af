# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.flood`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.workers.flood import Flood


class FloodTests(SynchronousTestCase):
    """
    Tests for what a worker may say without being asked.
    """

    def setUp(self) -> None:
        """
        Allow twenty-five a second.
        """
        self.clock = Clock()
        self.flood = Flood(self.clock, 25)

    def rises(self, count: int) -> int:
        """
        Say so many things; how many of them were too many.
        """
        return sum(self.flood.rises() for _ in range(count))

    def test_burst(self) -> None:
        """
        Two seconds' worth may come at once, and no more.
        """
        self.assertEqual(self.rises(50), 0)
        self.assertEqual(self.rises(1), 1)

    def test_steady(self) -> None:
        """
        What comes no faster than allowed never is too much.
        """
        for _ in range(1000):
            self.assertEqual(self.rises(1), 0)
            self.clock.advance(0.04)

    def test_too_fast(self) -> None:
        """
        What is a little faster than allowed is too much in the end.
        """
        rose = 0
        for _ in range(100):
            rose += self.rises(26)
            self.clock.advance(1)
        self.assertGreater(rose, 0)

    def test_saved(self) -> None:
        """
        Silence saves up no more than one burst.
        """
        self.rises(50)
        self.clock.advance(3600)
        self.assertEqual(self.rises(50), 0)
        self.assertEqual(self.rises(1), 1)
