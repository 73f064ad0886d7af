# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How other programs are run, and how their leftovers are found.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from tests.live import proc
from tests.live.daemon import left_behind
from tests.live.process import Ended, finish, start


class ProcessTests(TestCase):
    """
    Programs with a beginning and an end.
    """

    timeout = 30

    async def _check(self) -> None:
        command = ("/bin/sh", "-c", "echo out; echo err >&2; exit 3")
        ended = await finish(reactor, command, 10.0)
        self.assertEqual((ended.code, sorted(ended.said.split())), (3, ["err", "out"]))

    def test_end(self) -> Deferred[None]:
        """
        A program's exit code and all that it wrote are told.
        """
        return Deferred.fromCoroutine(self._check())

    async def _check_kill(self) -> None:
        self.assertEqual(await finish(reactor, ("/bin/sleep", "20"), 0.1), Ended(None, signal.SIGKILL, ""))

    def test_too_long(self) -> Deferred[None]:
        """
        A program that takes too long is killed.
        """
        return Deferred.fromCoroutine(self._check_kill())

    async def _check_left(self) -> None:
        folder = Path(self.mktemp()).resolve()
        run = start(reactor, ("/bin/sleep", "20"), {"HOME": str(folder / "state")})
        # Until it has become the other program, it still has our environment.
        while not left_behind(folder):
            await deferLater(reactor, 0.05, lambda: None)
        run.signal("KILL")
        await run.ended
        self.assertEqual(left_behind(folder), [])

    def test_left(self) -> Deferred[None]:
        """
        A process whose home is in a daemon's folder is found, until it is gone.
        """
        return Deferred.fromCoroutine(self._check_left())


class ProcTests(TestCase):
    """
    What is told of a process.
    """

    timeout = 30

    async def _check_child(self) -> None:
        run = start(reactor, ("/bin/sh", "-c", "exec 8</dev/null 9</dev/null; echo; read stay"))
        pid: int = run.transport.pid  # type: ignore[union-attr]  # set once spawned
        while not run.said():
            await deferLater(reactor, 0.05, lambda: None)
        self.assertIn(pid, proc.children(os.getpid()))
        self.assertTrue(proc.is_there(pid))
        self.assertGreaterEqual(proc.descriptors(pid), 5)
        self.assertGreater(proc.resident(pid), 1 << 16)
        run.signal("KILL")
        await run.ended
        self.assertNotIn(pid, proc.children(os.getpid()))
        self.assertFalse(proc.is_there(pid))

    def test_child(self) -> Deferred[None]:
        """
        A child is among its parent's until it is gone, and what it has is counted.
        """
        return Deferred.fromCoroutine(self._check_child())

    def test_zombie(self) -> None:
        """
        A process that has ended but was not waited for is a child, but does not run.
        """
        pid = os.posix_spawn("/bin/true", ("true",), {})
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self.assertEqual(proc.children(os.getpid())[pid], "Z")
        self.assertFalse(proc.is_there(pid))
        os.waitpid(pid, 0)
