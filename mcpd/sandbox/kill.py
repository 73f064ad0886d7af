# -*- test-case-name: tests.sandbox.test_kill -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Ending a worker's whole tree of processes.

A worker leads a process group.  What left that group is found through
``/proc`` while it is still a descendant, which it is no more once its parent has
ended; so who is one is noted before a worker is asked to end.  What detached
itself twice before that is :mod:`mcpd.sandbox.orphans`' to find.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from attrs import define, field

from mcpd.sandbox.proc import PROC, Proc, Process

Kill = Callable[[int, int], None]
"""Sends a process a signal; a negative number is a group (kill(2))."""


def send(kill: Kill, pid: int, number: int) -> bool:
    """
    Signal a process or a group, if it is there and ours.

    Returns:
        Whether it was.
    """
    try:
        kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _nobody() -> None:
    return


@define(eq=False)
class Tree:
    """
    The processes below one worker, and the worker.

    Attributes:
        pid: The worker, which leads its group.
        proc: Where the kernel tells about processes.
        kill: Signals a process or a group.
        bereaved: Called once the worker itself has ended and its tree was killed.
    """

    pid: int
    proc: Proc = PROC
    kill: Kill = os.kill
    bereaved: Callable[[], None] = _nobody
    _remembered: set[Process] = field(init=False, factory=set)

    def remember(self) -> None:
        """
        Note who is a descendant now: once the worker has ended nobody can tell.
        """
        self._remembered.update(self.proc.descendants([self.pid]))

    def terminate(self) -> None:
        """
        Ask the worker and its group to end.
        """
        # Before the launcher has its session there is no group of that number.
        if not send(self.kill, -self.pid, signal.SIGTERM):
            send(self.kill, self.pid, signal.SIGTERM)

    def destroy(self) -> None:
        """
        Kill the worker, its group and every descendant that is still one.
        """
        self.remember()
        for pid in (-self.pid, self.pid):
            send(self.kill, pid, signal.SIGKILL)
        self._destroy_remembered()

    def destroy_rest(self) -> None:
        """
        Kill what is left of the group, and of the remembered, once the worker itself has ended.

        The group's number stays taken while a member lives; without one the
        signal reaches nobody.
        """
        send(self.kill, -self.pid, signal.SIGKILL)
        self._destroy_remembered()
        self.bereaved()

    def _destroy_remembered(self) -> None:
        if not self._remembered:
            return
        there = {(process.pid, process.start) for process in self.proc.processes()}
        for process in self._remembered:
            if (process.pid, process.start) in there:
                send(self.kill, process.pid, signal.SIGKILL)
