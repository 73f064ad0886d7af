# -*- test-case-name: tests.testing.test_thread -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A thread that is none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, maybeDeferred

T = TypeVar("T")


@define(eq=False)
class FakeThread:
    """
    It does its jobs where it is asked to, at once or when it is told.

    Attributes:
        is_held: Whether jobs wait for :meth:`work`.
    """

    is_held: bool = False
    _waiting: deque[Callable[[], None]] = field(init=False, factory=deque)

    def run(self, job: Callable[[], T]) -> Deferred[T]:
        """
        Do a job, or have it wait.
        """
        done: Deferred[T] = Deferred()
        self._waiting.append(partial(_do, job, done))
        if not self.is_held:
            self.work()
        return done

    def work(self) -> None:
        """
        Do what waits, in its order.
        """
        while self._waiting:
            self.work_once()

    def work_once(self) -> None:
        """
        Do the first thing that waits.
        """
        self._waiting.popleft()()


def _do(job: Callable[[], T], done: Deferred[T]) -> None:
    maybeDeferred(job).chainDeferred(done)
