# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.throttle`.
"""

from __future__ import annotations

from msgspec import Raw
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.throttle import BURST, PAUSE, Throttle
from mcpd.wire.message import Notice


class ThrottleTests(SynchronousTestCase):
    """
    Tests for the progress of one call.
    """

    def setUp(self) -> None:
        """
        Throttle a call that is remembered by its numbers.
        """
        self.clock = Clock()
        self.said: list[int] = []
        self.throttle = Throttle(self.clock, lambda notice: self.said.append(int(notice.params["progress"])))

    def hear(self, *numbers: int) -> None:
        """
        Let the plugin tell how far it is.
        """
        for number in numbers:
            params = {"progress": Raw(b"%d" % number)}
            self.throttle.take(Notice("notifications/progress", params))

    def flood(self) -> list[int]:
        """
        Let the plugin tell as much as is passed at once.
        """
        numbers = list(range(BURST))
        self.hear(*numbers)
        return numbers

    def test_few(self) -> None:
        """
        A call that tells of few steps is heard at once, however fast they come.
        """
        self.assertEqual(self.flood(), self.said)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many(self) -> None:
        """
        A call that tells of many is heard from time to time, and always of the newest.
        """
        first = self.flood()
        self.hear(100, 101, 102)
        self.assertEqual(self.said, first)
        self.clock.advance(PAUSE * 0.9)
        self.hear(103)
        self.assertEqual(self.said, first)
        self.clock.advance(PAUSE * 0.2)
        self.assertEqual(self.said, [*first, 103])
        self.hear(104)
        self.clock.advance(PAUSE)
        self.assertEqual(self.said, [*first, 103, 104])
        self.clock.advance(10 * PAUSE)
        self.assertEqual(self.said, [*first, 103, 104])

    def test_flood(self) -> None:
        """
        A second of a thousand notices is about twenty for the client, in their order.
        """
        for number in range(1000):
            self.hear(number)
            self.clock.advance(0.001)
        self.assertLessEqual(len(self.said), BURST + 1 / PAUSE)
        self.assertGreaterEqual(len(self.said), 1 / PAUSE)
        self.assertEqual(self.said, sorted(set(self.said)))

    def test_slow(self) -> None:
        """
        A call that tells of its steps slowly is heard at once, however many they are.
        """
        for number in range(3 * BURST):
            self.hear(number)
            self.assertEqual(self.said[-1], number)
            self.clock.advance(PAUSE)

    def test_last(self) -> None:
        """
        What was told last before the answer is always heard, and before it.
        """
        first = self.flood()
        self.hear(100, 101)
        self.throttle.flush()
        self.assertEqual(self.said, [*first, 101])
        self.throttle.flush()
        self.assertEqual(self.said, [*first, 101])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_after_flush(self) -> None:
        """
        Nothing comes faster because what waited was passed early.
        """
        first = self.flood()
        self.hear(100)
        self.throttle.flush()
        self.hear(101)
        self.assertEqual(self.said, [*first, 100])
        self.clock.advance(PAUSE)
        self.assertEqual(self.said, [*first, 100, 101])

    def test_close(self) -> None:
        """
        A call that is over is not heard of again, and leaves no timer.
        """
        first = self.flood()
        self.hear(100)
        self.throttle.close()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(2 * PAUSE)
        self.hear(101)
        self.throttle.flush()
        self.throttle.close()
        self.assertEqual(self.said, first)
