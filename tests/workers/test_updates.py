# -*- test-case-name: tests.workers.test_updates -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.updates`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.workers.updates import Updates
from tests.relay.watched import Turns


class UpdatesTests(SynchronousTestCase):
    """
    Tests for telling what has changed.
    """

    def setUp(self) -> None:
        """
        Have nothing told.
        """
        self.clock = Clock()
        self.told: list[str] = []
        self.updates = Updates(self.clock, self.told.append)

    def test_once(self) -> None:
        """
        What changes often in a twentieth of a second is told once, at its end.
        """
        self.assertTrue(self.updates.add("a"))
        self.clock.advance(0.03)
        for uri in ("b", "a"):
            self.assertTrue(self.updates.add(uri))
        self.assertEqual(self.told, [])
        self.clock.advance(0.02)
        self.assertEqual(self.told, ["a", "b"])

    def test_again(self) -> None:
        """
        What changes later is told again.
        """
        for _ in range(2):
            self.updates.add("a")
            self.clock.advance(0.05)
        self.assertEqual(self.told, ["a", "a"])

    def test_bounded(self) -> None:
        """
        More than a thousand different ones at a time are not told; those that are stay so.
        """
        added = [self.updates.add(str(number)) for number in range(1001)]
        self.assertEqual((added.count(True), added[-1]), (1000, False))
        self.assertTrue(self.updates.add("0"))
        self.clock.advance(0.05)
        self.assertEqual(len(self.told), 1000)
        self.assertTrue(self.updates.add("1000"))

    def test_steps(self) -> None:
        """
        Many are told in steps, and what changes meanwhile waits for its own twentieth of a second.
        """
        clock = Turns()
        updates = Updates(clock, self.told.append)
        for number in range(50):
            updates.add(str(number))
        clock.advance(0.05)
        self.assertEqual(len(self.told), 20)
        updates.add("0")
        clock.turn()
        self.assertEqual(len(self.told), 40)
        clock.turn()
        self.assertEqual(self.told, [str(number) for number in range(50)])
        clock.advance(0.04)
        self.assertEqual(len(self.told), 50)
        clock.advance(0.02)
        self.assertEqual(self.told[50:], ["0"])
        self.assertEqual(clock.getDelayedCalls(), [])

    def test_end_between(self) -> None:
        """
        Nothing is told after the end, though some of it was already.
        """
        clock = Turns()
        updates = Updates(clock, self.told.append)
        for number in range(50):
            updates.add(str(number))
        clock.advance(0.05)
        updates.end()
        clock.advance(1)
        self.assertEqual(len(self.told), 20)

    def test_end(self) -> None:
        """
        Nothing is told after the end.
        """
        self.updates.end()
        self.updates.add("a")
        self.updates.end()
        self.assertEqual((self.clock.getDelayedCalls(), self.told), ([], []))
