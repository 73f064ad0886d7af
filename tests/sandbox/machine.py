# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A machine with processes that are none, for the tests of what looks at them.
"""

from __future__ import annotations

import os
from pathlib import Path

from attrs import define, field

from mcpd.sandbox.proc import Proc


@define(eq=False)
class Machine:
    """
    A folder in which a kernel tells about processes, and who takes its signals.

    Attributes:
        path: The folder, which is there.
        missing: Processes and groups that can't be signalled, for there are none.
        forbidden: Those that can't for they are another's.
        stubborn: Those that stay whatever they are sent.
        sent: Signals that were sent, in order.
        waited: Processes that were waited for.
    """

    path: Path
    missing: tuple[int, ...] = ()
    forbidden: tuple[int, ...] = ()
    stubborn: tuple[int, ...] = ()
    sent: list[tuple[int, int]] = field(factory=list)
    waited: list[int] = field(factory=list)
    _ended: set[int] = field(factory=set)

    @property
    def proc(self) -> Proc:
        """
        What it tells.
        """
        return Proc(self.path)

    @property
    def killed(self) -> list[int]:
        """
        Whom SIGKILL was sent.
        """
        return [pid for pid, number in self.sent if number == 9]

    def has(
        self,
        pid: int,
        parent: int,
        name: str = "plugin",
        start: int = 5,
        environment: bytes = b"",
        locked: bool = True,
    ) -> None:
        """
        Let there be a process.

        Args:
            pid: Its number.
            parent: Its parent's.
            name: What it calls itself.
            start: When it was started.
            environment: Its variables.
            locked: Whether it has no_new_privs set.
        """
        folder = self.path / str(pid)
        folder.mkdir(exist_ok=True)
        between, after = b"1 " * 9 + b"100 50 20 30 " + b"1 " * 4, b"0 0"
        stat = b"%d (%b) S %d %b%d %b" % (pid, name.encode(), parent, between, start, after)
        (folder / "stat").write_bytes(stat)
        (folder / "environ").write_bytes(environment)
        (folder / "status").write_text(f"Name:\tx\nNoNewPrivs:\t{int(locked)}\nSeccomp:\t0\n")
        (folder / "statm").write_bytes(b"1000 25 10 1 0 90 0\n")

    def child(self, pid: int, environment: bytes = b"", locked: bool = True) -> None:
        """
        Let there be a child of ours.
        """
        self.has(pid, os.getpid(), environment=environment, locked=locked)

    def end(self, pid: int) -> None:
        """
        Let a process end; if it is ours, it stays until it is waited for.
        """
        self._ended.add(pid)
        (self.path / str(pid) / "environ").write_bytes(b"")

    def gone(self, pid: int) -> None:
        """
        Let there be no trace of a process.
        """
        for each in (self.path / str(pid)).iterdir():
            each.unlink()
        (self.path / str(pid)).rmdir()

    def kill(self, pid: int, number: int) -> None:
        """
        Signal a process, or a group.
        """
        if pid in self.missing:
            raise ProcessLookupError
        if pid in self.forbidden:
            raise PermissionError
        self.sent.append((pid, number))
        if number == 9 and pid not in self.stubborn and (self.path / str(pid)).exists():
            self.end(pid)

    def wait(self, pid: int) -> bool:
        """
        Wait for a child of ours, if it has ended.
        """
        if pid not in self._ended:
            return False
        self.waited.append(pid)
        self.gone(pid)
        return True
