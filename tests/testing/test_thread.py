# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.thread`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.thread import FakeThread


class FakeThreadTests(SynchronousTestCase):
    """
    Tests for a thread that is none.
    """

    def test_at_once(self) -> None:
        """
        A job is done at once, and gives what it gives.
        """
        self.assertEqual(self.successResultOf(FakeThread().run(lambda: 5)), 5)
        self.failureResultOf(FakeThread().run(list[int]().pop), IndexError)

    def test_held(self) -> None:
        """
        A thread that is held does its jobs when it is told, in their order.
        """
        thread = FakeThread(is_held=True)
        done: list[int] = []
        jobs = [thread.run(lambda: done.append(1)), thread.run(lambda: done.append(2))]
        for job in jobs:
            self.assertNoResult(job)
        thread.work_once()
        self.assertEqual(done, [1])
        thread.work()
        self.assertEqual(done, [1, 2])
        for job in jobs:
            self.successResultOf(job)
        thread.work()
        self.assertEqual(done, [1, 2])
