# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.crier`.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.crier import MOST, STEP, Crier
from mcpd.wire.message import Piece
from tests.relay.watched import FakeSession, Turns

ONE, TWO = (b'{"method":"one"}',), (b'{"method":', b'"two"}')


@define(eq=False)
class Echo(FakeSession):
    """
    A session that has something cried again when it is told the first time.
    """

    crier: Crier[FakeSession] | None = None

    def tell(self, parts: Sequence[Piece]) -> None:
        """
        Remember a message, and have it told again.
        """
        FakeSession.tell(self, parts)
        crier, self.crier = self.crier, None
        if crier is not None:
            crier.cry("a", parts, [self])


def tell(session: FakeSession, text: bytes) -> None:
    """
    Tell a session something.
    """
    session.tell((text,))


class CrierTests(SynchronousTestCase):
    """
    Tests for telling many the same.
    """

    def setUp(self) -> None:
        """
        Have nothing to tell yet.
        """
        self.clock = Turns()
        self.crier = Crier(self.clock, tell)

    def told(self, sessions: Sequence[FakeSession]) -> int:
        """
        Count what was told.
        """
        return sum(len(session.said) for session in sessions)

    def test_few(self) -> None:
        """
        A few are told in the reactor's next turn, all of it and in order.
        """
        sessions = [FakeSession(), FakeSession()]
        self.crier.cry("a", ONE, sessions)
        self.crier.cry("a", TWO, sessions)
        self.assertEqual(self.told(sessions), 0)
        self.clock.turn()
        self.assertEqual([session.methods for session in sessions], [["one", "two"]] * 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nobody(self) -> None:
        """
        Where nobody is to be told there is nothing to do.
        """
        self.crier.cry("a", ONE, [])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_steps(self) -> None:
        """
        Ten thousand sessions are told in steps, each session once.
        """
        sessions = [FakeSession() for _ in range(10_000)]
        self.crier.cry("a", ONE, sessions)
        turns = 0
        while self.clock.getDelayedCalls():
            before = self.told(sessions[turns * STEP : (turns + 1) * STEP])
            self.clock.turn()
            self.assertEqual((before, self.told(sessions[turns * STEP : (turns + 1) * STEP])), (0, STEP))
            turns += 1
        self.assertEqual(turns, 100)
        self.assertEqual({len(session.said) for session in sessions}, {1})

    def test_twice(self) -> None:
        """
        What changes twice before a session was told is told once, and to the untold first.
        """
        sessions = [FakeSession() for _ in range(STEP + 2)]
        self.crier.cry("a", ONE, sessions)
        self.crier.cry("a", ONE, sessions)
        self.clock.turn()
        self.assertEqual([len(session.said) for session in sessions[-3:]], [1, 0, 0])
        self.crier.cry("a", ONE, sessions)
        self.clock.turn()
        self.assertEqual([len(session.said) for session in sessions[-3:]], [1, 1, 1])
        self.assertEqual([len(session.said) for session in sessions[:STEP]], [2] * (STEP - 2) + [1] * 2)
        self.clock.turn()
        self.assertEqual([len(session.said) for session in sessions], [2] * STEP + [1] * 2)

    def test_lanes(self) -> None:
        """
        Who has much to tell delays others by no more than a turn.
        """
        many, few = [FakeSession() for _ in range(STEP * 5)], [FakeSession()]
        self.crier.cry("a", ONE, many)
        self.crier.cry("a", TWO, many)
        self.crier.cry("b", ONE, few)
        self.clock.turn()
        self.assertEqual(few[0].methods, [])
        self.clock.turn()
        self.assertEqual(few[0].methods, ["one"])

    def test_turns(self) -> None:
        """
        Several things that one has to tell go on side by side.
        """
        many = [FakeSession() for _ in range(STEP * 5)]
        self.crier.cry("a", ONE, many)
        self.crier.cry("a", TWO, many)
        self.clock.turn(2)
        self.assertEqual(many[0].methods, ["one", "two"])

    def test_bound(self) -> None:
        """
        A plugin that names ever new resources fills no memory, and its old ones are told still.
        """
        session = FakeSession()
        for number in range(MOST + 1):
            self.crier.cry("a", (b'{"method":"%d"}' % number,), [session])
        other = FakeSession()
        self.crier.cry("a", (b'{"method":"0"}',), [other])
        self.crier.cry("b", ONE, [other])
        self.clock.turn(MOST // STEP + 1)
        self.assertEqual(session.methods, [str(number) for number in range(MOST)])
        self.assertEqual(sorted(other.methods), ["0", "one"])

    def test_again(self) -> None:
        """
        What changes while it is told is told again, in a later turn.
        """
        session = Echo(crier=self.crier)
        self.crier.cry("a", ONE, [session])
        self.clock.turn()
        self.assertEqual(session.methods, ["one"])
        self.clock.turn()
        self.assertEqual(session.methods, ["one", "one"])
        self.assertEqual(self.clock.getDelayedCalls(), [])
