# -*- test-case-name: tests.sandbox.test_orphans -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What detaches itself from a worker, and so becomes a child of the daemon.

The daemon adopts all that its workers leave (PR_SET_CHILD_SUBREAPER, prctl(2)),
and looks again and again who is a child of it that Twisted did not start.  An
orphan that has ended is waited for.  One that has the mark of a living worker
(:mod:`mcpd.sandbox.mark`) is left alone: some plugins have a helper that runs by
itself.  It ends with its worker.

One without a mark of ours is some worker's, too, if it has no_new_privs set and
was no child of ours before the first worker: nobody can say whose, so that it
can't end with its worker.  It is killed once it was seen so twice, for a
process that is just becoming another program shows no environment.  What a
daemon was given as children by who started it, a container's helpers for
instance, is none of our business.
"""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable, Container
from functools import partial

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.internet.process import reapProcessHandlers
from twisted.internet.task import deferLater

from mcpd.sandbox.kill import Kill, Tree, send
from mcpd.sandbox.mark import is_of, new_mark, read_mark
from mcpd.sandbox.proc import PROC, Proc

_PR_SET_CHILD_SUBREAPER = 36
# Seconds until the next look: soon after something was found or a worker
# ended, since what is being killed may leave orphans itself; then twice as long
# each time.
_SOON, _ROUND = 0.1, 10.0
# Looks at the end, one after the other.
_LAST = 30


def adopt() -> None:
    """
    Make what our descendants leave our children.

    Where the kernel can't, it becomes init's, as everywhere.
    """
    zero = ctypes.c_ulong(0)
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), zero, zero, zero)


def wait(pid: int) -> bool:
    """
    Wait for a child if it has ended.

    Returns:
        Whether it is gone.
    """
    try:
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    except ChildProcessError:
        return True


@define(eq=False)
class Orphans:
    """
    The orphans of a daemon's workers.
    """

    _clock: IReactorTime
    _state: str
    _entropy: Callable[[int], bytes]
    _proc: Proc = PROC
    _kill: Kill = os.kill
    _wait: Callable[[int], bool] = wait
    _adopt: Callable[[], None] = adopt
    _known: Container[int] = reapProcessHandlers
    _living: set[str] = field(init=False, factory=set)
    _strangers: frozenset[int] = field(init=False, default=frozenset())
    _suspects: frozenset[int] = field(init=False, default=frozenset())
    _pause: float = field(init=False, default=_SOON)
    _looking: IDelayedCall | None = field(init=False, default=None)

    def begin(self) -> None:
        """
        Adopt, and look from now on; called in the process that stays, before the first worker.
        """
        self._strangers = frozenset(self._proc.children(os.getpid()))
        self._adopt()
        self._look()

    def mark(self) -> str:
        """
        Make the mark of a new worker.
        """
        return new_mark(self._state, self._entropy)

    def tree(self, mark: str, pid: int) -> Tree:
        """
        Make what signals a worker; from now on its orphans are left alone until it has ended.

        Args:
            mark: The mark in its environment.
            pid: Its process id.
        """
        self._living.add(mark)
        return Tree(pid, self._proc, self._kill, partial(self._bereave, mark))

    async def stop(self) -> None:
        """
        Kill every orphan that is left, once the workers have ended; gives up after three seconds.
        """
        if not self._rest():
            return
        for _ in range(_LAST):
            if not self.sweep():
                break
            await deferLater(self._clock, _SOON)

    def sweep(self) -> int:
        """
        Wait for the orphans that have ended, and kill those that have no worker.

        Returns:
            How many have none.
        """
        ours = [pid for pid in self._proc.children(os.getpid()) if pid not in self._known]
        marks = {pid: read_mark(self._proc.environment(pid)) for pid in ours if not self._wait(pid)}
        self._strangers = self._strangers.intersection(marks)
        unmarked = frozenset(pid for pid, mark in marks.items() if self._is_unmarked(pid, mark))
        lost = {pid for pid, mark in marks.items() if is_of(mark, self._state) and mark not in self._living}
        self._destroy(lost | (unmarked & self._suspects))
        self._suspects = unmarked
        return len(lost | unmarked)

    def _is_unmarked(self, pid: int, mark: str) -> bool:
        if is_of(mark, self._state) or pid in self._strangers:
            return False
        return self._proc.gains_nothing(pid)

    def _destroy(self, pids: set[int]) -> None:
        if not pids:
            return
        # Told before they die, for then what is below them is ours, and has to be found again.
        below = [process.pid for process in self._proc.descendants(pids)]
        for pid in (*pids, *below):
            send(self._kill, pid, signal.SIGKILL)

    def _bereave(self, mark: str) -> None:
        self._living.discard(mark)
        if self._rest():
            self._look()

    def _look(self) -> None:
        found = self.sweep()
        self._pause = _SOON if found else min(2 * self._pause, _ROUND)
        self._looking = self._clock.callLater(self._pause, self._look)

    def _rest(self) -> bool:
        # Says whether we were looking at all.
        if self._looking is None:
            return False
        self._looking.cancel()
        self._looking, self._pause = None, _SOON / 2
        return True
