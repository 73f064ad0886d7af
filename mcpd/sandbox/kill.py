# -*- test-case-name: tests.sandbox.test_kill -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Ending a worker's whole tree of processes.

A worker leads a process group.  What left that group, but is still a
descendant, is found through ``/proc``; what did both, a double fork with a
session of its own, is not.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from attrs import frozen

Kill = Callable[[int, int], None]


@frozen
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
        descendants = list(self._descendants())
        for pid in (-self.pid, self.pid, *descendants):
            self._signal(pid, signal.SIGKILL)

    def destroy_group(self) -> None:
        """
        Kill what is left of the group once the worker itself has ended.

        The group's number stays taken while a member lives; without one the
        signal reaches nobody.
        """
        self._signal(-self.pid, signal.SIGKILL)

    def _signal(self, pid: int, number: int) -> bool:
        try:
            self.kill(pid, number)
        except (ProcessLookupError, PermissionError):
            return False
        return True

    def _descendants(self) -> Iterator[int]:
        children: dict[int, list[int]] = {}
        for pid, parent in self._parents():
            children.setdefault(parent, []).append(pid)
        found = [self.pid]
        for pid in found:
            found += children.get(pid, ())
        return iter(found[1:])

    def _parents(self) -> Iterator[tuple[int, int]]:
        # Where the kernel tells nothing, the group must do.
        entries = self.proc.iterdir() if self.proc.is_dir() else ()
        for entry in entries:
            if not entry.name.isdigit():
                continue
            # A process may end while we look; its name may hold anything but
            # the last parenthesis (proc(5)).
            with suppress(OSError, ValueError, IndexError):
                stat = (entry / "stat").read_bytes()
                yield int(entry.name), int(stat[stat.rindex(b")") + 2 :].split()[1])
