# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.store.thread`.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.store.database import Run
from mcpd.store.thread import Thread

# Seconds until a thread that does not answer is a failure.
_LONG = 30


@define(eq=False)
class Turns:
    """
    A reactor that takes a turn when it is told.

    Attributes:
        ending: What it does when it stops.
    """

    ending: list[Callable[[], None]] = field(factory=list)
    _calls: queue.SimpleQueue[Callable[[], None]] = field(factory=queue.SimpleQueue)

    def callFromThread(self, call: Callable[..., None], *args: Any) -> None:
        """
        Have something called in the next turn.
        """
        self._calls.put(lambda: call(*args))

    def addSystemEventTrigger(self, phase: str, event: str, call: Callable[[], None]) -> None:
        """
        Have something called at its end.
        """
        assert (phase, event) == ("during", "shutdown")
        self.ending.append(call)

    def stop(self) -> None:
        """
        Come to its end.
        """
        while self.ending:
            self.ending.pop()()

    def turn(self) -> None:
        """
        Wait for a thread, and do what it wants done.
        """
        self._calls.get(timeout=_LONG)()


class ThreadTests(SynchronousTestCase):
    """
    Tests for the store's thread.
    """

    def setUp(self) -> None:
        """
        Have a thread.
        """
        self.reactor = Turns()
        self.thread = Thread(self.reactor)
        self.addCleanup(self.reactor.stop)

    def result(self, done: Deferred[Any]) -> Any:
        """
        Wait for what a job gives.
        """
        self.reactor.turn()
        return self.successResultOf(done)

    def test_elsewhere(self) -> None:
        """
        What waits for a disk does not keep the daemon from its clients.
        """
        run: Run = self.thread.run
        first, second = (run(threading.get_ident) for _ in range(2))
        numbers = {self.result(first), self.result(second)}
        self.assertEqual(len(numbers), 1)
        self.assertNotIn(threading.get_ident(), numbers)

    def test_order(self) -> None:
        """
        What came first is done first, however long it takes.
        """
        may_go = threading.Event()
        done: list[int] = []
        self.thread.run(lambda: may_go.wait(_LONG))
        jobs = [self.thread.run(lambda number=number: done.append(number)) for number in range(20)]  # type: ignore[misc]
        self.assertEqual(done, [])
        may_go.set()
        for _ in range(21):
            self.reactor.turn()
        self.assertEqual(done, list(range(20)))
        for job in jobs:
            self.assertIsNone(self.successResultOf(job))

    def test_raises(self) -> None:
        """
        A job that fails fails for who wanted it, and the next one is done.
        """
        failed = self.thread.run(list[int]().pop)
        self.reactor.turn()
        self.failureResultOf(failed, IndexError)
        self.assertEqual(self.result(self.thread.run(lambda: 5)), 5)

    def test_ends(self) -> None:
        """
        The thread ends with the daemon, and does before that what is left to do.
        """
        before = threading.active_count()
        done: list[int] = []
        self.thread.run(lambda: done.append(1))
        self.assertEqual(threading.active_count(), before + 1)
        self.reactor.stop()
        self.reactor.turn()
        self.assertEqual((done, threading.active_count()), ([1], before))

    def test_unused(self) -> None:
        """
        A daemon that ends before it wrote anything has no thread to wait for.
        """
        self.assertEqual(self.reactor.ending, [])
