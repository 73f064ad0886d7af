# -*- test-case-name: tests.workers.test_failures -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.failures`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.units import Seconds, Tries
from mcpd.workers.failures import Failures
from mcpd.workers.spec import Restart

RULES = Restart((Seconds(0.5), Seconds(60)), Tries(5, Seconds(300)))


class FailuresTests(SynchronousTestCase):
    """
    Tests for what follows from failures.
    """

    def setUp(self) -> None:
        """
        Have none, and always the longest pause.
        """
        self.chance = 1.0
        self.failures = Failures(RULES, lambda: self.chance)

    def pause(self, now: float, lasted: float = 0, *, fruitless: bool = False) -> float:
        """
        Fail, and tell how long nothing is started.
        """
        self.failures.add(now, lasted, fruitless=fruitless)
        return self.failures.until - now

    def test_doubles(self) -> None:
        """
        The pause doubles with each failure, up to the longest.
        """
        pauses = [self.pause(1000.0 * n) for n in range(10)]
        self.assertEqual(pauses, [0.5, 1, 2, 4, 8, 16, 32, 60, 60, 60])

    def test_for_ever(self) -> None:
        """
        A plugin may fail for years: the pause stays the longest.
        """
        pauses = [self.pause(n) for n in range(5000)]
        self.assertEqual(pauses[-1], 60)

    def test_jitter(self) -> None:
        """
        What failed at the same time is not started at the same time: a pause is half of itself at least.
        """
        self.chance = 0.0
        self.assertEqual(self.pause(0), 0.25)
        self.chance = 0.5
        self.assertEqual(self.pause(0), 0.75)

    def test_uptime(self) -> None:
        """
        The pause starts over only once something lasted longer than the longest.
        """
        for _ in range(6):
            self.pause(0)
        self.assertEqual(self.pause(0, lasted=60), 32)
        self.assertEqual(self.pause(0, lasted=60.1), 0.5)

    def test_give_up(self) -> None:
        """
        After five fruitless failures in five minutes it is given up, and tried again after those.
        """
        for n in range(4):
            self.assertLess(self.pause(n, fruitless=True), 10)
            self.assertFalse(self.failures.given_up)
        self.assertEqual(self.pause(4, fruitless=True), 300)
        self.assertTrue(self.failures.given_up)

    def test_once_more(self) -> None:
        """
        What was given up is given up again after one more failure, fruitless or not.
        """
        for _ in range(5):
            self.pause(0, fruitless=True)
        for fruitless in (True, False):
            self.assertEqual(self.pause(300, fruitless=fruitless), 300)
            self.assertTrue(self.failures.given_up)

    def test_seldom(self) -> None:
        """
        Failures that are far apart never add up to giving up.
        """
        for n in range(50):
            self.pause(75.0 * n, fruitless=True)
            self.assertFalse(self.failures.given_up, n)

    def test_of_use(self) -> None:
        """
        What was of use may fail as often as it does: it is not given up.
        """
        for n in range(50):
            self.pause(n, lasted=1)
        self.assertFalse(self.failures.given_up)

    def test_recover(self) -> None:
        """
        What becomes ready is no longer given up, and has all its tries again; the pause stays.
        """
        for _ in range(5):
            self.pause(0, fruitless=True)
        self.failures.recover()
        self.assertFalse(self.failures.given_up)
        self.assertEqual(self.pause(10, fruitless=True), 16)
        self.assertFalse(self.failures.given_up)

    def test_over(self) -> None:
        """
        A failure is remembered for as long as it may matter, and not for ever.
        """
        self.pause(1000)
        until = self.failures.until
        self.assertFalse(self.failures.is_over(until + 360))
        self.assertTrue(self.failures.is_over(until + 361))
