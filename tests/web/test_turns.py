# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.turns`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.turns import Turns


@define
class Reactor:
    """
    Calls in its next turn what it was told in this one; a Clock would do all at once.
    """

    calls: list[Callable[[], object]] = field(factory=list)

    def callLater(self, delay: float, call: Callable[[], object]) -> None:
        """
        Remember it.
        """
        assert not delay
        self.calls.append(call)

    def turn(self) -> None:
        """
        Do what was told until now.
        """
        calls, self.calls = self.calls, []
        for call in calls:
            call()


class TurnsTests(SynchronousTestCase):
    """
    Tests for who goes on next.
    """

    def setUp(self) -> None:
        """
        Have nobody wait.
        """
        self.reactor = Reactor()
        reactor: Any = self.reactor
        self.turns = Turns(reactor)
        self.said: list[int] = []

    def crowd(self, count: int) -> None:
        """
        Have so many wait.
        """
        for number in range(count):
            self.turns.add(partial(self.said.append, number))

    def test_few(self) -> None:
        """
        A few of many go on in a turn, who came first first, and nothing is called when nobody is left.
        """
        self.crowd(20)
        self.assertEqual(self.said, [])
        for count in (8, 16, 20):
            self.reactor.turn()
            self.assertEqual(self.said, list(range(count)))
        self.assertEqual(self.reactor.calls, [])

    def test_again(self) -> None:
        """
        Who goes on and has more to do comes after all others, and not in the same turn.
        """

        def go_on() -> None:
            self.said.append(100)
            if self.said.count(100) < 3:
                self.turns.add(go_on)

        self.turns.add(go_on)
        self.crowd(2)
        self.reactor.turn()
        self.assertEqual(self.said, [100, 0, 1])
        for _ in range(2):
            self.reactor.turn()
        self.assertEqual(self.said, [100, 0, 1, 100, 100])
        self.assertEqual(self.reactor.calls, [])

    def test_share(self) -> None:
        """
        The more there are, the less each has of a turn, and never nothing.
        """
        shares = []
        for _ in range(10):
            shares.append(self.turns.share)
            self.crowd(1)
        self.assertEqual(shares, [4, 4, 2, 2, 1, 1, 1, 1, 1, 1])

    def test_failing(self) -> None:
        """
        One that fails takes nobody's turn but its own.
        """

        def fail() -> None:
            raise ValueError("no")

        self.turns.add(fail)
        self.crowd(1)
        self.assertRaises(ValueError, self.reactor.turn)
        self.reactor.turn()
        self.assertEqual(self.said, [0])
