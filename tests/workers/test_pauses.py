# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.pauses`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.units import Seconds, Tries
from mcpd.workers.member import NOTHING, Key
from mcpd.workers.pauses import MOST, Pauses
from mcpd.workers.spec import Restart

RULES = Restart((Seconds(1), Seconds(8)), Tries(2, Seconds(60)))
ALICE: Key = (NOTHING, "key:alice")
BOB: Key = (NOTHING, "key:bob")


class PausesTests(SynchronousTestCase):
    """
    Tests for who has to wait.
    """

    def setUp(self) -> None:
        """
        Have nothing failed, and chance on the side of the longest pauses.
        """
        self.clock = Clock()
        self.pauses = Pauses(self.clock, lambda: 1.0)

    def test_own(self) -> None:
        """
        Whose own worker failed waits; others do not.
        """
        self.assertEqual(self.pauses.add(ALICE, RULES, 0, fruitless=False), 1)
        self.assertEqual([self.pauses.pause(key) for key in (ALICE, BOB, None)], [1, 0, 0])
        self.clock.advance(1)
        self.assertEqual(self.pauses.pause(ALICE), 0)

    def test_everybody(self) -> None:
        """
        What failed for everybody lets everybody wait, and is given up in the end.
        """
        self.pauses.add(None, RULES, 0, fruitless=True)
        self.assertEqual((self.pauses.pause(BOB), self.pauses.rest(BOB), self.pauses.given_up), (1, 0, False))
        self.pauses.add(None, RULES, 0, fruitless=True)
        self.assertEqual((self.pauses.pause(BOB), self.pauses.given_up), (60, True))
        self.pauses.recover()
        self.assertFalse(self.pauses.given_up)

    def test_proven(self) -> None:
        """
        A plugin whose workers are of use is not given up for bad starts in between.
        """
        self.pauses.prove()
        for _ in range(5):
            self.pauses.add(None, RULES, 0, fruitless=True)
            self.pauses.prove()
        self.assertFalse(self.pauses.given_up)

    def test_own_given_up(self) -> None:
        """
        However often one's own worker fails, the plugin is not given up.
        """
        for _ in range(5):
            self.pauses.add(ALICE, RULES, 0, fruitless=False)
        self.pauses.recover()
        self.assertEqual((self.pauses.given_up, self.pauses.pause(ALICE)), (False, 8))

    def test_forgotten(self) -> None:
        """
        An operator who asks for a new start has not to wait.
        """
        self.pauses.add(None, RULES, 0, fruitless=True)
        self.pauses.forget()
        self.assertEqual(self.pauses.pause(None), 0)

    def test_faded(self) -> None:
        """
        A failure that is long past does not lengthen the next pause.
        """
        for _ in range(3):
            self.pauses.add(ALICE, RULES, 0, fruitless=False)
        self.pauses.fade()
        self.assertEqual(self.pauses.add(ALICE, RULES, 0, fruitless=False), 8)
        self.clock.advance(100)
        self.pauses.fade()
        self.assertEqual(self.pauses.add(ALICE, RULES, 0, fruitless=False), 1)

    def test_bounded(self) -> None:
        """
        Of very many that failed the oldest are forgotten, and never what concerns everybody.
        """
        self.pauses.add(None, RULES, 0, fruitless=True)
        for number in range(MOST + 5):
            self.pauses.add((NOTHING, f"#{number}"), RULES, 0, fruitless=False)
        self.assertEqual(self.pauses.rest((NOTHING, "#0")), 0)
        self.assertEqual(self.pauses.rest((NOTHING, f"#{MOST + 4}")), 1)
        self.assertEqual(self.pauses.rest(None), 1)
