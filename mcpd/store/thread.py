# -*- test-case-name: tests.store.test_thread -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One thread of our own, for what may wait for a disk.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

T = TypeVar("T")


def _pool() -> ThreadPool:
    return ThreadPool(0, 1, "store")


@define(eq=False)
class Thread:
    """
    The thread.  It begins with its first job and ends with the reactor.

    Attributes:
        reactor: Provides ``IReactorFromThreads`` and ``IReactorCore``.
    """

    _reactor: Any
    _pool: ThreadPool = field(init=False, factory=_pool)

    def run(self, job: Callable[[], T]) -> Deferred[T]:
        """
        Have something done in the thread.  Jobs are done one by one, in their order.

        Returns:
            Fires in the reactor's thread, with what the job gives or raises.
        """
        if not self._pool.started:
            self._pool.start()
            # What waits for the reactor to stop comes before "during": it may still run jobs.
            self._reactor.addSystemEventTrigger("during", "shutdown", self._pool.stop)
        return deferToThreadPool(self._reactor, self._pool, job)
