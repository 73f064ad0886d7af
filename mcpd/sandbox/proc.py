# -*- test-case-name: tests.sandbox.test_proc -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the kernel tells about processes (proc(5)).

A process may end while it is looked at; what is gone is told as nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from attrs import frozen

# Where "parent" and "start time" stand in stat, behind the name.
_PARENT, _START = 1, 19
# Bytes of an environment that are read: a process can make its own very large.
_ENVIRONMENT = 1 << 20
_STATUS = 16 << 10


@frozen
class Process:
    """
    One process; its number may be another's later, but not with the same start.

    Attributes:
        pid: Its process id.
        parent: Its parent's.
        start: When it was started, as the kernel writes it.
    """

    pid: int
    parent: int
    start: bytes


@frozen
class Proc:
    """
    Where the kernel tells about processes.

    Attributes:
        path: The folder; nothing is known where it is missing.
    """

    path: Path = Path("/proc")

    def processes(self) -> Iterator[Process]:
        """
        Tell every process that there is.
        """
        entries = self.path.iterdir() if self.path.is_dir() else ()
        for entry in entries:
            if entry.name.isdigit():
                with suppress(OSError, ValueError, IndexError):
                    said = self.stat(int(entry.name))
                    yield Process(int(entry.name), int(said[_PARENT]), said[_START])

    def descendants(self, pids: Iterable[int]) -> list[Process]:
        """
        Tell who is below these now; they themselves are not.
        """
        children: dict[int, list[Process]] = {}
        for process in self.processes():
            children.setdefault(process.parent, []).append(process)
        found = [child for pid in pids for child in children.get(pid, ())]
        for process in found:
            found += children.get(process.pid, ())
        return found

    def descends(self, pid: int, ancestor: int) -> bool:
        """
        Say whether one process is below another; True, too, if it is gone, for nobody can say then.

        Args:
            pid: A process id; 0: one that can't be seen from here.
            ancestor: The other's.
        """
        while pid > 1:
            try:
                pid = int(self.stat(pid)[_PARENT])
            except (OSError, ValueError, IndexError):
                return True
            if pid == ancestor:
                return True
        return False

    def children(self, pid: int) -> list[int]:
        """
        Tell the process ids of the children of one.
        """
        try:
            # One for each of its threads, and none at all in some kernels.
            lists = [task / "children" for task in (self.path / str(pid) / "task").iterdir()]
            return [int(child) for each in lists for child in each.read_bytes().split()]
        except OSError:
            return [process.pid for process in self.processes() if process.parent == pid]

    def stat(self, pid: int) -> list[bytes]:
        """
        Tell the fields of one that stand behind its name; the first is its state.

        Raises:
            OSError: It is gone.
            ValueError: This is no such line.
        """
        stat = (self.path / str(pid) / "stat").read_bytes()
        # A name may hold anything but the last parenthesis.
        return stat[stat.rindex(b")") + 2 :].split()

    def environment(self, pid: int) -> list[bytes]:
        """
        Tell the environment that one was started with; nothing if it is another user's.
        """
        return self._read(pid, "environ", _ENVIRONMENT).split(b"\0")

    def gains_nothing(self, pid: int) -> bool:
        """
        Say whether one has no_new_privs set, which it can't undo and its children inherit.
        """
        return b"\nNoNewPrivs:\t1\n" in self._read(pid, "status", _STATUS)

    def _read(self, pid: int, name: str, most: int) -> bytes:
        with suppress(OSError), (self.path / str(pid) / name).open("rb", buffering=0) as file:
            return file.read(most) or b""
        return b""


PROC = Proc()
"""This machine's."""
