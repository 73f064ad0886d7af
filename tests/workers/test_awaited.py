# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.awaited`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import AlreadyCalledError, CancelledError, Deferred, gatherResults, succeed
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.message import Answer
from mcpd.workers.awaited import PRIVATE, Awaited

ANSWER = Answer(b"1", {})

Step = Callable[[Any, list[Any]], object]


def _add(value: object) -> Step:
    def step(waited: Any, told: list[Any]) -> None:
        def note(result: object) -> object:
            told.append(result)
            return value

        waited.addCallback(note)

    return step


def _raise(waited: Any, told: list[Any]) -> None:
    def fail(result: object) -> None:
        told.append(result)
        raise ValueError("no")

    waited.addCallback(fail)


def _defer(waited: Any, told: list[Any]) -> None:
    _add(succeed("late"))(waited, told)


def _add_within(waited: Any, told: list[Any]) -> None:
    def add(result: object) -> str:
        told.append(result)
        waited.addCallback(told.append)
        return "within"

    waited.addCallback(add)


def _pair(waited: Any, told: list[Any]) -> None:
    waited.addCallbacks(told.append, lambda failure: told.append(failure.type))


def _argued(waited: Any, told: list[Any]) -> None:
    waited.addCallback(lambda result, *args, **kwargs: told.append((result, args, kwargs)), 1, two=2)


def _rescue(waited: Any, told: list[Any]) -> None:
    waited.addErrback(lambda failure: told.append(failure.type))


def _chain(waited: Any, told: list[Any]) -> None:
    outer: Deferred[Any] = succeed(None)
    outer.addCallback(lambda _: waited)
    outer.addBoth(told.append)


def _pause(waited: Any, told: list[Any]) -> None:
    waited.pause()


STEPS: dict[str, Step] = {
    "none": _add(None),
    "value": _add(5),
    "failure": lambda waited, told: waited.addCallback(lambda result: Failure(ValueError("x"))),
    "raise": _raise,
    "deferred": _defer,
    "within": _add_within,
    "pair": _pair,
    "argued": _argued,
    "rescue": _rescue,
    "chain": _chain,
    "pause": _pause,
    "cancel": lambda waited, told: waited.cancel(),
}
ENDS: dict[str, Step] = {
    "callback": lambda waited, told: waited.callback(ANSWER),
    "errback": lambda waited, told: waited.errback(ValueError("y")),
    "failed": lambda waited, told: waited.callback(Failure(ValueError("z"))),
}


class AwaitedTests(SynchronousTestCase):
    """
    Tests for what a call's outcome is told by.
    """

    def run_steps(self, kind: type[Deferred[Any]], before: list[str], end: str, after: list[str]) -> Any:
        """
        Do all that with one of a kind, and tell what came of it.
        """
        told: list[Any] = []
        waited = kind()
        for name in before:
            STEPS[name](waited, told)
        try:
            ENDS[end](waited, told)
        except AlreadyCalledError:
            told.append("already")
        for name in after:
            STEPS[name](waited, told)
        waited.addBoth(lambda result: told.append(result.type if isinstance(result, Failure) else result))
        state = waited.called, waited.paused, bool(waited._callbacks)
        return [each.type if isinstance(each, Failure) else each for each in told], state

    @given(
        st.lists(st.sampled_from(sorted(STEPS)), max_size=4),
        st.sampled_from(sorted(ENDS)),
        st.lists(st.sampled_from(sorted(STEPS)), max_size=2),
    )
    def test_same(self, before: list[str], end: str, after: list[str]) -> None:
        """
        Whatever is done with it, it does what any Deferred does.
        """
        ours = self.run_steps(Awaited, before, end, after)
        theirs = self.run_steps(Deferred, before, end, after)
        # What nobody heard of is logged by both.
        self.flushLoggedErrors(ValueError, CancelledError)
        self.assertEqual(ours, theirs)

    def test_usual(self) -> None:
        """
        One who waits is told, and a second outcome is refused.
        """
        told: list[Any] = []
        waited = Awaited()
        waited.addCallbacks(told.append, told.append)
        waited.callback(ANSWER)
        self.assertEqual(told, [ANSWER])
        self.assertRaises(AlreadyCalledError, waited.callback, ANSWER)
        self.assertIsNone(self.successResultOf(waited))

    def test_gathered(self) -> None:
        """
        Others of Twisted's take it for one of their own.
        """
        waited = Awaited()
        both: Deferred[list[Any]] = gatherResults([waited, succeed(2)])
        waited.callback(ANSWER)
        self.assertEqual(self.successResultOf(both), [ANSWER, 2])

    def test_private(self) -> None:
        """
        What Twisted keeps to itself and is used here is there.
        """
        waited: Deferred[None] = Deferred()
        for name in PRIVATE:
            self.assertTrue(hasattr(waited, name), name)
