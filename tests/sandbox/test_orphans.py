# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.orphans`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import count
from pathlib import Path

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.kill import Tree
from mcpd.sandbox.orphans import Orphans, adopt, wait
from tests.sandbox.machine import Machine


class OrphansCase(SynchronousTestCase):
    """
    A daemon on a machine in memory.
    """

    def setUp(self) -> None:
        """
        Have a daemon that has begun, and know two workers of it.
        """
        path = Path(self.mktemp())
        path.mkdir()
        self.machine = Machine(path)
        self.clock = Clock()
        self.known: set[int] = set()
        self.adopted: list[bool] = []
        tokens: Iterator[int] = count(1)
        self.orphans = Orphans(
            self.clock,
            "ours",
            lambda size: next(tokens).to_bytes(size, "big"),
            self.machine.proc,
            self.machine.kill,
            self.machine.wait,
            lambda: self.adopted.append(True),
            self.known,
        )

    def worker(self, pid: int) -> tuple[bytes, Tree]:
        """
        Have a worker, and tell its environment.
        """
        mark = self.orphans.mark()
        environment = f"MCPD_MARK={mark}\0".encode()
        self.machine.child(pid, environment)
        self.known.add(pid)
        return environment, self.orphans.tree(mark, pid)

    def end(self, pid: int, tree: Tree) -> None:
        """
        Let a worker end.
        """
        tree.destroy_rest()
        self.known.discard(pid)
        self.machine.gone(pid)


class OrphansTests(OrphansCase):
    """
    Tests for what becomes of orphans.
    """

    def setUp(self) -> None:
        """
        Have a daemon that has begun.
        """
        super().setUp()
        self.orphans.begin()

    def test_adopted(self) -> None:
        """
        A daemon adopts before it has a worker, once.
        """
        self.assertEqual(self.adopted, [True])

    def test_zombie(self) -> None:
        """
        An orphan that has ended is waited for; a worker that has is left to who waits for it.
        """
        environment, _ = self.worker(10)
        self.machine.child(11, environment)
        self.machine.end(10)
        self.machine.end(11)
        self.clock.advance(10)
        self.assertEqual((self.machine.waited, self.machine.sent), ([11], []))

    def test_living(self) -> None:
        """
        A helper that runs by itself is left alone as long as its worker lives, and ends with it.
        """
        environment, tree = self.worker(10)
        others, _ = self.worker(20)
        self.machine.child(11, environment)
        self.machine.child(21, others)
        for _ in range(5):
            self.clock.advance(10)
        self.assertEqual(self.machine.sent, [])
        self.end(10, tree)
        self.assertEqual(self.machine.killed, [-10, 11])
        self.clock.advance(0.1)
        self.assertEqual(self.machine.waited, [11])

    def test_late(self) -> None:
        """
        What becomes an orphan only as its worker's tree dies is found soon after.
        """
        environment, tree = self.worker(10)
        self.end(10, tree)
        self.machine.child(11, environment)
        self.clock.advance(0.1)
        self.machine.child(12, environment)
        self.clock.advance(0.1)
        self.assertEqual(self.machine.killed, [-10, 11, 12])

    def test_below(self) -> None:
        """
        An orphan is killed with all that is below it.
        """
        environment, tree = self.worker(10)
        self.machine.child(11, environment)
        self.machine.has(12, 11)
        self.machine.has(13, 12)
        self.end(10, tree)
        self.assertEqual(self.machine.killed, [-10, 11, 12, 13])

    def test_unmarked(self) -> None:
        """
        What wiped its environment, or wears another's, is killed once it was seen so twice.
        """
        self.machine.child(11)
        self.machine.child(12, b"MCPD_MARK=theirs:01\0")
        self.assertEqual(self.orphans.sweep(), 2)
        self.assertEqual(self.machine.killed, [])
        self.orphans.sweep()
        self.assertCountEqual(self.machine.killed, [11, 12])

    def test_becoming(self) -> None:
        """
        A helper that shows no environment just while it becomes another program is left alone.
        """
        environment, _ = self.worker(10)
        for shown in (b"", environment, b"", environment):
            self.machine.child(11, shown)
            self.orphans.sweep()
        self.assertEqual(self.machine.killed, [])

    def test_forged(self) -> None:
        """
        A mark of ours that no living worker has saves nobody.
        """
        self.worker(10)
        self.machine.child(11, b"MCPD_MARK=ours:99\0")
        self.orphans.sweep()
        self.assertEqual(self.machine.killed, [11])

    def test_privileged(self) -> None:
        """
        A child that could gain privileges is no worker's, and none of our business.
        """
        self.machine.child(11, locked=False)
        for _ in range(3):
            self.assertEqual(self.orphans.sweep(), 0)
        self.assertEqual(self.machine.killed, [])

    def test_pace(self) -> None:
        """
        Without orphans we look more and more rarely, and soon again when there was one.
        """
        looks: list[float] = []
        for _ in range(10):
            [call] = self.clock.getDelayedCalls()
            looks.append(round(call.getTime() - self.clock.seconds(), 1))
            self.clock.advance(looks[-1])
        self.assertEqual(looks, [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10, 10, 10, 10])
        self.machine.child(11)
        self.clock.advance(10)
        self.clock.advance(0.1)
        self.assertEqual(self.machine.killed, [11])

    def test_stop(self) -> None:
        """
        A daemon that ends leaves nothing behind: it goes on until nothing is there.
        """
        environment, tree = self.worker(10)
        self.end(10, tree)
        self.machine.stubborn = (11,)
        self.machine.child(11, environment)
        stopped = Deferred.fromCoroutine(self.orphans.stop())
        self.clock.advance(0.1)
        self.assertNoResult(stopped)
        self.machine.stubborn = ()
        self.clock.advance(0.1)
        self.clock.advance(0.1)
        self.successResultOf(stopped)
        self.assertEqual((self.machine.waited, self.clock.getDelayedCalls()), ([11], []))

    def test_immortal(self) -> None:
        """
        What can't be killed does not keep a daemon from ending.
        """
        self.machine.stubborn = (11,)
        self.machine.child(11, b"MCPD_MARK=ours:99\0")
        stopped = Deferred.fromCoroutine(self.orphans.stop())
        for _ in range(29):
            self.clock.advance(0.1)
        self.assertNoResult(stopped)
        self.clock.advance(0.1)
        self.successResultOf(stopped)

    def test_after_stop(self) -> None:
        """
        Once it is stopped nothing looks any more.
        """
        _, tree = self.worker(10)
        self.successResultOf(Deferred.fromCoroutine(self.orphans.stop()))
        self.end(10, tree)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class BeginTests(OrphansCase):
    """
    Tests for how a daemon begins.
    """

    def test_never(self) -> None:
        """
        A daemon that never began has no orphans, and ends at once.
        """
        self.machine.child(11, b"MCPD_MARK=ours:99\0")
        _, tree = self.worker(10)
        self.end(10, tree)
        self.successResultOf(Deferred.fromCoroutine(self.orphans.stop()))
        self.assertEqual((self.machine.killed, self.clock.getDelayedCalls()), ([-10], []))

    def test_strangers(self) -> None:
        """
        Who was there before the first worker is left alone, and waited for; not so who has its number later.
        """
        self.machine.child(5)
        self.orphans.begin()
        for _ in range(3):
            self.assertEqual(self.orphans.sweep(), 0)
        self.machine.end(5)
        self.orphans.sweep()
        self.assertEqual((self.machine.killed, self.machine.waited), ([], [5]))
        self.machine.child(5)
        self.machine._ended.clear()
        self.orphans.sweep()
        self.orphans.sweep()
        self.assertEqual(self.machine.killed, [5])


class KernelTests(SynchronousTestCase):
    """
    Tests for what is asked of this machine's kernel.
    """

    def test_adopt(self) -> None:
        """
        A daemon's descendants leave their children to it, from then on.
        """
        libc, found = ctypes.CDLL(None), ctypes.c_int(-1)
        self.addCleanup(libc.prctl, 36, ctypes.c_ulong(0), *[ctypes.c_ulong(0)] * 3)
        adopt()
        libc.prctl(37, ctypes.byref(found), *[ctypes.c_ulong(0)] * 3)
        self.assertEqual(found.value, 1)

    def test_no_child(self) -> None:
        """
        What is no child of ours is gone.
        """
        self.assertTrue(wait(1 << 24))
