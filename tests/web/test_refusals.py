# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.refusals`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import Event, RefusalsUntold, RequestRefused
from mcpd.web.refusals import MOST, Refusals

ONE = RequestRefused("ID", "192.0.2.1", 401, "who are you?")


class RefusalsTests(SynchronousTestCase):
    """
    What an operator is told of those that are refused.
    """

    def setUp(self) -> None:
        """
        Keep what is told.
        """
        self.told: list[Event] = []
        self.refusals = Refusals(self.told.append)

    def add(self, now: float, count: int) -> None:
        """
        Refuse some.
        """
        for _ in range(count):
            self.refusals.add(now, ONE)

    def test_few(self) -> None:
        """
        Each of few is told, and nothing more.
        """
        for second in range(5):
            self.add(1000.0 + second, MOST)
        self.refusals.look(2000.0)
        self.assertEqual(self.told, [ONE] * MOST * 5)
        self.assertFalse(self.refusals.waiting)

    def test_many(self) -> None:
        """
        Of many, some are told, and how many there were besides.
        """
        self.add(1000.0, MOST + 5)
        self.assertTrue(self.refusals.waiting)
        self.refusals.look(1000.9)
        self.assertEqual(self.told, [ONE] * MOST)
        self.refusals.look(1001.0)
        self.refusals.look(1002.0)
        self.assertEqual(self.told[MOST:], [RefusalsUntold(5)])
        self.assertFalse(self.refusals.waiting)

    def test_flood(self) -> None:
        """
        A flood is told of at the same pace, however long it lasts, and every one of it is counted.
        """
        for second in range(60):
            self.add(1000.0 + second, 1000)
        self.refusals.look(2000.0)
        untold = [event.count for event in self.told if isinstance(event, RefusalsUntold)]
        self.assertEqual((len(self.told), sum(untold)), (60 * (MOST + 1), 60 * (1000 - MOST)))

    def test_clock(self) -> None:
        """
        A clock that is set back silences nothing.
        """
        self.add(1000.0, MOST)
        self.add(10.0, 1)
        self.assertEqual(len(self.told), MOST + 1)
