# -*- test-case-name: tests.workers.test_held -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.held`.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.workers.held import Held
from tests.workers.stage import Audience, call

Waiting = Deferred[Answer | Refusal]
ANSWER = Answer(b"1", {})


class HeldTests(SynchronousTestCase):
    """
    Tests for calls that wait for a worker.
    """

    def setUp(self) -> None:
        """
        Have room for three.
        """
        self.clock = Clock()
        self.held = Held(self.clock, 3)
        self.given_up: list[Waiting] = []
        self.asked: list[tuple[Call, Listener, Waiting]] = []

    def hold(self, seconds: float = 10) -> Waiting:
        """
        Let a call wait.
        """
        return self.held.hold(call(), Audience(), seconds)

    def ask(self, call: Call, listener: Listener) -> Waiting:
        """
        Take a call as a worker would.
        """
        asked: Waiting = Deferred(self.given_up.append)
        self.asked.append((call, listener, asked))
        return asked

    def fault(self, waiting: Waiting) -> Fault:
        """
        Tell how a call failed.
        """
        failure = self.failureResultOf(waiting, Fault)
        assert isinstance(failure.value, Fault)
        return failure.value

    def test_given(self) -> None:
        """
        Calls are given in the order in which they came, and their answers go back to those who asked.
        """
        calls = [call("one"), call("two")]
        listeners = [Audience(), Audience()]
        waiting = [self.held.hold(*each, 10) for each in zip(calls, listeners, strict=True)]
        self.assertEqual(len(self.held), 2)
        self.held.give(self.ask)
        self.assertEqual([(each[0], each[1]) for each in self.asked], [*zip(calls, listeners, strict=True)])
        self.assertEqual(len(self.held), 0)
        self.asked[1][2].callback(ANSWER)
        self.assertIs(self.successResultOf(waiting[1]), ANSWER)
        self.asked[0][2].errback(Fault(Kind.PLUGIN_GONE, "gone"))
        self.assertIs(self.fault(waiting[0]).kind, Kind.PLUGIN_GONE)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_full(self) -> None:
        """
        One call too many fails at once, and the others wait on.
        """
        waiting = [self.hold() for _ in range(3)]
        fault = self.fault(self.hold())
        self.assertEqual(
            (fault.kind, fault.text), (Kind.PLUGIN_UNAVAILABLE, "too many calls wait for this plugin")
        )
        for each in waiting:
            self.assertNoResult(each)
        self.held.give(lambda call, listener: succeed(ANSWER))
        self.assertNoResult(self.hold())

    def test_expired(self) -> None:
        """
        A call that waits too long fails, and no worker ever sees it.
        """
        waiting = self.hold(5)
        self.clock.advance(4.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.assertIs(self.fault(waiting).kind, Kind.DEADLINE)
        self.held.give(self.ask)
        self.assertEqual(self.asked, [])

    def test_in_time(self) -> None:
        """
        A call that was given is no longer bound by the time that it might wait.
        """
        waiting = self.hold(5)
        self.held.give(self.ask)
        self.clock.advance(6)
        self.assertNoResult(waiting)

    def test_refused(self) -> None:
        """
        All waiting calls fail with the same fault.
        """
        waiting = [self.hold(), self.hold()]
        fault = Fault(Kind.PLUGIN_UNAVAILABLE, "hopeless")
        self.held.refuse(fault)
        self.assertEqual([self.fault(each) for each in waiting], [fault, fault])
        self.assertEqual((len(self.held), self.clock.getDelayedCalls()), (0, []))

    def test_cancelled_waiting(self) -> None:
        """
        A caller that gives up a waiting call makes room for another.
        """
        waiting = self.hold()
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual((len(self.held), self.clock.getDelayedCalls()), (0, []))

    def test_cancelled_given(self) -> None:
        """
        A caller that gives up a call which was given cancels it at the worker.
        """
        waiting = self.hold()
        self.held.give(self.ask)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(self.given_up, [self.asked[0][2]])

    def test_giving_up_another(self) -> None:
        """
        A caller who gives up all calls because of one's fate has each of them answered once.
        """
        for spoil in (self.held.refuse, lambda fault: self.held.give(lambda call, listener: fail(fault))):
            first, second = self.hold(), self.hold()
            first.addErrback(lambda failure, other: other.cancel(), second)
            spoil(Fault(Kind.PLUGIN_UNAVAILABLE, "hopeless"))
            self.successResultOf(first)
            self.failureResultOf(second, CancelledError)
            self.assertEqual(len(self.held), 0)

    def test_asking_anew(self) -> None:
        """
        A caller who asks again at once waits again, and does not keep us busy for ever.
        """
        again: list[Waiting] = []
        first = self.hold()
        first.addErrback(lambda failure: again.append(self.hold()))
        self.held.refuse(Fault(Kind.PLUGIN_UNAVAILABLE, "hopeless"))
        self.assertEqual(len(self.held), 1)
        self.assertNoResult(again[0])
