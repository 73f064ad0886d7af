# -*- test-case-name: tests.sandbox.test_kill -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Ending a worker's whole tree of processes.

A worker leads a process group.  What left that group is found through
``/proc`` while it is still a descendant, which it is no more once its parent has
ended; so who is one is noted before a worker is asked to end.  What detached
itself twice before that is not found.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from attrs import define, field, frozen

Kill = Callable[[int, int], None]


# Where "parent" and "start time" stand in proc(5)'s stat, behind the name.
_PARENT, _START = 1, 19


@frozen
class _Process:
    """
    One process; its number may be another's later, but not with the same start.
    """

    pid: int
    parent: int
    start: bytes


@define(eq=False)
class Tree:
    """
    The processes below one worker, and the worker.

    Attributes:
        pid: The worker, which leads its group.
        proc: Where the kernel tells about processes.
        kill: Signals a process; a negative number is a group (kill(2)).
    """

    pid: int
    proc: Path = Path("/proc")
    kill: Kill = os.kill
    _remembered: set[_Process] = field(init=False, factory=set)

    def remember(self) -> None:
        """
        Note who is a descendant now: once the worker has ended nobody can tell.
        """
        self._remembered.update(self._descendants())

    def terminate(self) -> None:
        """
        Ask the worker and its group to end.
        """
        # Before the launcher has its session there is no group of that number.
        if not self._signal(-self.pid, signal.SIGTERM):
            self._signal(self.pid, signal.SIGTERM)

    def destroy(self) -> None:
        """
        Kill the worker, its group and every descendant that is still one.
        """
        self.remember()
        for pid in (-self.pid, self.pid):
            self._signal(pid, signal.SIGKILL)
        self._destroy_remembered()

    def destroy_rest(self) -> None:
        """
        Kill what is left of the group, and of the remembered, once the worker itself has ended.

        The group's number stays taken while a member lives; without one the
        signal reaches nobody.
        """
        self._signal(-self.pid, signal.SIGKILL)
        self._destroy_remembered()

    def _destroy_remembered(self) -> None:
        if not self._remembered:
            return
        there = {(process.pid, process.start) for process in self._processes()}
        for process in self._remembered:
            if (process.pid, process.start) in there:
                self._signal(process.pid, signal.SIGKILL)

    def _signal(self, pid: int, number: int) -> bool:
        try:
            self.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _descendants(self) -> list[_Process]:
        children: dict[int, list[_Process]] = {}
        for process in self._processes():
            children.setdefault(process.parent, []).append(process)
        found = children.get(self.pid, [])
        for process in found:
            found += children.get(process.pid, ())
        return found

    def _processes(self) -> Iterator[_Process]:
        # Where the kernel tells nothing, the group must do.
        entries = self.proc.iterdir() if self.proc.is_dir() else ()
        for entry in entries:
            if not entry.name.isdigit():
                continue
            # A process may end while we look; its name may hold anything but
            # the last parenthesis (proc(5)).
            with suppress(OSError, ValueError, IndexError):
                stat = (entry / "stat").read_bytes()
                said = stat[stat.rindex(b")") + 2 :].split()
                yield _Process(int(entry.name), int(said[_PARENT]), said[_START])
