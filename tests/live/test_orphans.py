# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for what detaches itself from a worker, and for what a worker used, by a real kernel.

This process is the daemon for a while, and the workers are its own.
"""

from __future__ import annotations

import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase, TestCase

from mcpd.sandbox.leftovers import sweep_leftovers
from mcpd.sandbox.limits import Limits
from mcpd.sandbox.mark import new_mark, state_id
from mcpd.sandbox.orphans import Orphans
from mcpd.sandbox.plan import Confinement, Launch
from mcpd.workers.pipe import Exit, Pipe
from tests.live import proc
from tests.live.client import holds

_SECONDS = 30
_PATIENCE = 20.0

clock: Any = reactor

_DETACH = """
import os, signal, sys
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        AFTER
    os._exit(0)
os.wait()
sys.stdin.read()
"""

STAY = _DETACH.replace("AFTER", "signal.pause()")
"""A plugin that leaves a daemon of its own behind, which keeps its pipes."""

HIDE = _DETACH.replace("AFTER", "os.execve('/bin/sleep', ['sleep', '600'], {})")
"""Likewise, but what it leaves has wiped its environment."""

LEAVE = _DETACH.replace("AFTER", "os._exit(0)")
"""Likewise, but what it leaves ends by itself."""

WORK = """
import os
held = bytearray(os.urandom(1 << 20) * 64)
while sum(os.times()[:2]) < 0.5:
    pass
"""
"""A plugin that uses half a second of processor time and 64 MiB of memory, and ends."""

_PARENT = """
import os, subprocess, sys
arguments = sys.argv[1:]
arguments[arguments.index("PARENT")] = str(os.getpid())
subprocess.Popen(["/bin/sh", "-c", 'exec "$@" 3>/dev/null', "sh", *arguments])
os.close(1)
sys.stdin.read()
"""


@define(eq=False)
class Listening:
    """
    Hears a worker's process.

    Attributes:
        ended: Fires with how it ended.
        heard: Lines that it wrote.
        refusals: Why it was not started.
    """

    ended: Deferred[Exit] = field(factory=Deferred)
    heard: list[bytes] = field(factory=list)
    refusals: list[str] = field(factory=list)

    def launched(self) -> None:
        """
        Hear that it runs.
        """

    def refused(self, why: str) -> None:
        """
        Hear that it does not.
        """
        self.refusals.append(why)

    def lines(self, lines: list[bytes]) -> None:
        """
        Hear lines.
        """
        self.heard += lines

    def overflow(self) -> None:
        """
        Hear that a line was too long.
        """

    def said(self, data: bytes) -> None:
        """
        Hear standard error.
        """

    def exited(self, exit: Exit) -> None:
        """
        Hear its end.
        """
        self.ended.callback(exit)


def confine(home: Path) -> Confinement:
    """
    Confine a plugin as by default.
    """
    confinement = Confinement(sys.executable, home, "", (), Limits(256 << 20, 32, 256, 256 << 20))
    confinement.prepare()
    return confinement


def plan(confinement: Confinement, mark: str, script: str) -> Launch:
    """
    Plan a plugin in Python.
    """
    command = (sys.executable, "-c", script)
    return confinement.plan("probe", command, {}, parent=os.getpid(), user="somebody", mark=mark)


class OrphansTests(TestCase):
    """
    Tests for a daemon and what its workers leave.
    """

    timeout = 60

    if not Path("/proc/self/status").exists():
        skip = "there is no /proc to look into"

    def setUp(self) -> None:
        """
        Be a daemon.
        """
        home = Path(self.mktemp()).absolute()
        self.confinement = confine(home)
        self.orphans = Orphans(clock, state_id(home), os.urandom)
        self.orphans.begin()
        zero = ctypes.c_ulong(0)
        self.addCleanup(ctypes.CDLL(None).prctl, 36, zero, zero, zero, zero)
        self.addCleanup(lambda: Deferred.fromCoroutine(self.orphans.stop()))

    def start(self, script: str) -> tuple[Listening, Pipe]:
        """
        Start a worker, as a daemon does.
        """
        ears, mark = Listening(), self.orphans.mark()
        launch = plan(self.confinement, mark, script)
        pipe = Pipe.spawn(clock, launch, 1 << 20, ears, partial(self.orphans.tree, mark))
        self.addCleanup(self.end, ears, pipe)
        return ears, pipe

    def end(self, ears: Listening, pipe: Pipe) -> Deferred[Exit]:
        """
        End a worker, if it has not.
        """
        pipe.destroy()
        return ears.ended

    async def until(self, what: Callable[[], object]) -> None:
        """
        Wait until something holds.
        """
        self.assertTrue(await holds(clock, lambda: bool(what()), _PATIENCE))

    async def _check_gone(self, script: str) -> None:
        ears, pipe = self.start(script)
        others, other = self.start(STAY)
        await self.until(lambda: ears.heard and others.heard)
        orphan, spared = int(ears.heard[0]), int(others.heard[0])
        await self.until(lambda: {orphan, spared} <= proc.children(os.getpid()).keys())
        pipe.close_input()
        self.assertEqual((await ears.ended).status, 0)
        await self.until(lambda: not proc.is_there(orphan))
        await self.until(lambda: orphan not in proc.children(os.getpid()))
        # Another worker's is not touched, until that ends: by a signal to it alone.
        self.assertTrue(proc.is_there(spared))
        os.kill(other.pid, signal.SIGKILL)
        self.assertEqual((await others.ended).signal, signal.SIGKILL)
        await self.until(lambda: spared not in proc.children(os.getpid()))

    def test_double_fork(self) -> Deferred[None]:
        """
        What left its worker's group, session and parents, and keeps its pipes, is gone with its worker.
        """
        return Deferred.fromCoroutine(self._check_gone(STAY))

    async def _check_hidden(self) -> None:
        ears, _ = self.start(HIDE)
        await self.until(lambda: ears.heard)
        orphan = int(ears.heard[0])
        await self.until(lambda: not proc.is_there(orphan))
        self.assertFalse(ears.ended.called)

    def test_wiped(self) -> Deferred[None]:
        """
        What detached itself and wiped its environment is found, too, for it can't undo no_new_privs.
        """
        return Deferred.fromCoroutine(self._check_hidden())

    async def _check_zombie(self) -> None:
        ears, pipe = self.start(LEAVE)
        await self.until(lambda: ears.heard)
        await self.until(lambda: int(ears.heard[0]) not in proc.children(os.getpid()))
        self.assertTrue(proc.is_there(pipe.pid))

    def test_zombie(self) -> Deferred[None]:
        """
        What detached itself and ended does not stay a zombie.
        """
        return Deferred.fromCoroutine(self._check_zombie())

    async def _check_used(self) -> None:
        ears, _ = self.start(WORK)
        exit = await ears.ended
        self.assertEqual((exit.status, exit.signal, ears.refusals), (0, None, []))
        assert exit.cpu is not None
        assert exit.memory is not None
        self.assertTrue(0.5 <= exit.cpu < _SECONDS, exit)
        self.assertTrue(64 << 20 <= exit.memory < 1 << 30, exit)

    def test_used(self) -> Deferred[None]:
        """
        What a worker used in its life is told with its end.
        """
        return Deferred.fromCoroutine(self._check_used())

    async def _check_using(self) -> None:
        ears, pipe = self.start(STAY)
        await self.until(lambda: ears.heard)
        using = pipe.usage()
        assert using is not None
        self.assertTrue(1 << 20 < using.memory < 1 << 30, using)
        self.assertTrue(0 < using.cpu < _SECONDS, using)
        pipe.destroy()
        await ears.ended
        self.assertEqual(pipe.usage(), None)

    def test_using(self) -> Deferred[None]:
        """
        What a worker uses is told while it lives.
        """
        return Deferred.fromCoroutine(self._check_using())


class LeftoversTests(SynchronousTestCase):
    """
    Tests for what a killed daemon leaves.
    """

    if not Path("/proc/self/status").exists():
        skip = "there is no /proc to look into"

    def test_killed_daemon(self) -> None:
        """
        What outlived a killed daemon is gone once the next one has looked, and nothing of another daemon.
        """
        home, elsewhere = (Path(self.mktemp()).absolute() for _ in range(2))
        mine, _ = self.leave(home)
        others, orphan = self.leave(elsewhere)
        self.assertEqual(sweep_leftovers(state_id(home)), 1)
        # The end of the file says that nobody has the other end any more.
        self.assertEqual(self.read(mine), b"")
        self.assertEqual(sweep_leftovers(state_id(home)), 0)
        self.assertTrue(proc.is_there(orphan))
        self.assertEqual(sweep_leftovers(state_id(elsewhere)), 1)
        self.assertEqual(self.read(others), b"")

    def leave(self, home: Path) -> tuple[int, int]:
        """
        Have a daemon, kill it, and tell what reads its plugin's output, and who is left of that.
        """
        launch = plan(confine(home), new_mark(state_id(home), os.urandom), STAY)
        arguments = list(launch.arguments)
        arguments[4] = "PARENT"
        ours, theirs = os.pipe()
        self.addCleanup(os.close, ours)
        daemon = subprocess.Popen(
            [sys.executable, "-c", _PARENT, *arguments],
            env=launch.environment, stdin=subprocess.PIPE, stdout=theirs,
        )  # fmt: skip
        os.close(theirs)
        self.addCleanup(daemon.stdin.close if daemon.stdin else daemon.kill)
        try:
            orphan = int(self.read(ours))
        finally:
            daemon.kill()
            daemon.wait()
        self.addCleanup(self.kill, orphan)
        return ours, orphan

    def kill(self, pid: int) -> None:
        """
        Kill what a failed test leaves.
        """
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes()
        except OSError:
            return
        if b"MCPD_MARK=" in environment:
            os.kill(pid, signal.SIGKILL)

    def read(self, descriptor: int) -> bytes:
        """
        Read what comes in time.
        """
        readable, _, _ = select.select([descriptor], [], [], _SECONDS)
        self.assertTrue(readable, "nothing came in time")
        return os.read(descriptor, 4096)
