# -*- test-case-name: tests.workers.test_queue -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.queue`.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen
from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.workers.member import EVERYBODY, NOTHING, Key
from mcpd.workers.queue import Ask, Queue
from tests.workers.stage import Audience, call

Held = Deferred[Answer | Refusal]
ANSWER = Answer(b"1", {})
HOPELESS = Fault(Kind.PLUGIN_UNAVAILABLE, "hopeless")


@frozen(eq=False)
class Asked:
    """
    What a worker was asked.
    """

    call: Call
    listener: Listener
    waited: float
    answer: Held


class QueueTests(SynchronousTestCase):
    """
    Tests for calls that wait for a worker.
    """

    def setUp(self) -> None:
        """
        Have room for three.
        """
        self.clock = Clock()
        self.queue = Queue(self.clock, 3)
        self.given_up: list[Held] = []
        self.asked: list[Asked] = []

    def hold(self, caller: str = "key:a", seconds: float = 10) -> Held:
        """
        Let a call wait.
        """
        return self.queue.hold((NOTHING, caller), call(), Audience(caller), seconds)

    def ask(self, call: Call, listener: Listener, waited: float) -> Held:
        """
        Take a call as a worker would.
        """
        answer: Held = Deferred(self.given_up.append)
        self.asked.append(Asked(call, listener, waited, answer))
        return answer

    def give(self, *callers: str) -> list[str]:
        """
        Give the calls of these, or of all; tell whose were given.
        """
        begun = len(self.asked)
        self.queue.give(lambda key: self.ask if not callers or key[1] in callers else None)
        return [each.listener.caller for each in self.asked[begun:]]

    def fault(self, held: Held) -> Fault:
        """
        Tell how a call failed.
        """
        failure = self.failureResultOf(held, Fault)
        assert isinstance(failure.value, Fault)
        return failure.value

    def test_given(self) -> None:
        """
        Calls are given in the order in which they came, and their answers go back to those who asked.
        """
        calls = [call("one"), call("two")]
        listeners = [Audience(), Audience()]
        held = [self.queue.hold(EVERYBODY, *each, 10) for each in zip(calls, listeners, strict=True)]
        self.assertEqual(len(self.queue), 2)
        self.give()
        self.assertEqual(
            [(each.call, each.listener) for each in self.asked], [*zip(calls, listeners, strict=True)]
        )
        self.assertEqual(len(self.queue), 0)
        self.asked[1].answer.callback(ANSWER)
        self.assertIs(self.successResultOf(held[1]), ANSWER)
        self.asked[0].answer.errback(Fault(Kind.PLUGIN_GONE, "gone"))
        self.assertIs(self.fault(held[0]).kind, Kind.PLUGIN_GONE)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_some(self) -> None:
        """
        A call for which nobody is free lets later ones pass, and keeps its place before those to come.
        """
        for caller in ("key:a", "key:b", "key:a"):
            self.hold(caller)
        self.assertEqual(self.give("key:b"), ["key:b"])
        self.hold("key:c")
        self.assertEqual(
            list(self.queue.wanted().items()), [((NOTHING, "key:a"), (2, 0)), ((NOTHING, "key:c"), (1, 0))]
        )
        self.assertEqual(self.give("key:c", "key:a"), ["key:a", "key:a", "key:c"])

    def test_own(self) -> None:
        """
        A call that shares a worker with nobody waits for one of its own.
        """
        for _ in range(2):
            self.queue.hold(None, call(), Audience(), 10)
        first, second = self.queue.wanted()
        self.assertNotEqual(first, second)
        self.assertTrue(self.queue.waits(first))
        self.queue.give(lambda key: self.ask if key == first else None)
        self.assertEqual((self.queue.waits(first), self.queue.waits(second)), (False, True))

    def test_sorted(self) -> None:
        """
        Who waits may come to wait for another worker, and keeps the place.
        """
        for caller in ("key:a", "key:b", "key:a"):
            self.hold(caller)
        self.queue.sort(lambda listener: EVERYBODY)
        self.assertEqual(self.queue.wanted(), {EVERYBODY: (3, 0)})
        self.queue.sort(lambda listener: None)
        self.assertEqual(len(self.queue.wanted()), 3)
        self.assertEqual(self.give(), ["key:a", "key:b", "key:a"])

    def test_waited(self) -> None:
        """
        Who answers a call is told how long it has waited, since that is a part of its time.
        """
        self.clock.advance(1000)
        self.hold()
        self.clock.advance(2)
        self.hold()
        self.clock.advance(0.5)
        self.assertEqual(self.queue.wanted(), {(NOTHING, "key:a"): (2, 2.5)})
        self.give()
        self.assertEqual([each.waited for each in self.asked], [2.5, 0.5])

    def test_full(self) -> None:
        """
        One call too many fails at once, is told when to come again, and the others wait on.
        """
        held = [self.hold() for _ in range(3)]
        fault = self.fault(self.hold())
        self.assertEqual((fault.kind, fault.text), (Kind.OVERLOADED, "too many calls wait for this plugin"))
        self.assertEqual(fault.data, {"retryAfterMs": 1000})
        for each in held:
            self.assertNoResult(each)
        self.give()
        self.assertNoResult(self.hold())

    def test_expired(self) -> None:
        """
        A call that waits too long fails, makes room for another, and no worker ever sees it.
        """
        held, other = self.hold(seconds=5), self.hold(seconds=6)
        self.clock.advance(4.9)
        self.assertNoResult(held)
        self.clock.advance(0.1)
        fault = self.fault(held)
        self.assertEqual(
            (fault.kind, fault.text), (Kind.DEADLINE, "no worker of the plugin was free in time")
        )
        self.assertNoResult(other)
        self.assertEqual((len(self.queue), len(self.give())), (1, 1))

    def test_in_time(self) -> None:
        """
        A call that was given is no longer bound by the time that it might wait.
        """
        held = self.hold(seconds=5)
        self.give()
        self.clock.advance(6)
        self.assertNoResult(held)

    def test_refused(self) -> None:
        """
        Those calls fail which need not wait any longer, each with its own fault; the others wait on.
        """
        held = {caller: self.hold(caller) for caller in ("key:a", "key:b", "key:c")}
        faults = {"key:a": HOPELESS, "key:c": Fault(Kind.PLUGIN_GONE, "gone")}
        self.queue.refuse(lambda key: faults.get(key[1]))
        self.assertIs(self.fault(held["key:a"]), HOPELESS)
        self.assertIs(self.fault(held["key:c"]), faults["key:c"])
        self.assertNoResult(held["key:b"])
        self.assertEqual((len(self.queue), len(self.clock.getDelayedCalls())), (1, 1))

    def test_cancelled_waiting(self) -> None:
        """
        A caller that gives up a waiting call makes room for another.
        """
        held = self.hold()
        held.cancel()
        self.failureResultOf(held, CancelledError)
        self.assertEqual((len(self.queue), self.clock.getDelayedCalls()), (0, []))

    def test_cancelled_given(self) -> None:
        """
        A caller that gives up a call which was given cancels it at the worker.
        """
        held = self.hold()
        self.give()
        held.cancel()
        self.failureResultOf(held, CancelledError)
        self.assertEqual(self.given_up, [self.asked[0].answer])

    def test_cancelled_over(self) -> None:
        """
        A caller that gives up a call which was answered, refused or expired changes nothing.
        """
        held = [self.hold(seconds=1), self.hold("key:b"), self.hold("key:c")]
        self.clock.advance(1)
        self.queue.refuse(lambda key: HOPELESS if key[1] == "key:b" else None)
        self.give()
        self.asked[0].answer.callback(ANSWER)
        for each in held:
            each.cancel()
        self.assertEqual([self.fault(each).kind for each in held[:2]], [Kind.DEADLINE, HOPELESS.kind])
        self.assertIs(self.successResultOf(held[2]), ANSWER)
        self.assertEqual(self.given_up, [])

    def test_giving_up_another(self) -> None:
        """
        A caller who gives up all calls because of one's fate has each of them answered once.
        """
        spoils: tuple[Callable[[], None], ...] = (
            lambda: self.queue.refuse(lambda key: HOPELESS),
            lambda: self.queue.give(lambda key: lambda call, listener, waited: fail(HOPELESS)),
        )
        for spoil in spoils:
            first, second = self.hold(), self.hold()
            first.addErrback(lambda failure, other: other.cancel(), second)
            spoil()
            self.successResultOf(first)
            self.failureResultOf(second, CancelledError)
            self.assertEqual(len(self.queue), 0)

    def test_giving_up_while_asked(self) -> None:
        """
        A call that ends while somebody looks for its worker is given to nobody, and ends once.
        """
        held = self.hold()

        def wanted(key: Key) -> Ask:
            self.queue.refuse(lambda key: HOPELESS)
            return self.ask

        self.queue.give(wanted)
        self.assertIs(self.fault(held), HOPELESS)
        self.assertEqual((self.asked, self.clock.getDelayedCalls()), ([], []))

    def test_giving_up_while_given(self) -> None:
        """
        A caller that gives up its call at the very moment at which it is given cancels it at the worker.
        """
        held = self.hold()

        def ask(call: Call, listener: Listener, waited: float) -> Held:
            held.cancel()
            return self.ask(call, listener, waited)

        self.queue.give(lambda key: ask)
        self.failureResultOf(held, CancelledError)
        self.assertEqual(self.given_up, [self.asked[0].answer])

    def test_asking_anew(self) -> None:
        """
        A caller who asks again at once waits again, and does not keep us busy for ever.
        """
        again: list[Held] = []
        first = self.hold()
        first.addErrback(lambda failure: again.append(self.hold()))
        self.queue.refuse(lambda key: HOPELESS)
        self.assertEqual(len(self.queue), 1)
        self.assertNoResult(again[0])
        second = self.hold()
        second.addCallback(lambda answer: again.append(self.hold()))
        self.queue.give(lambda key: lambda call, listener, waited: succeed(ANSWER))
        self.assertEqual(len(self.queue), 1)
