# -*- test-case-name: tests.testing.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Processes that are none, on a reactor in memory.

Their descriptors are real pipes, so what reads and writes them is tested as it
is; only time and the processes themselves are made up.
"""

from __future__ import annotations

import os
import select
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.error import ProcessDone, ProcessTerminated
from twisted.internet.interfaces import IProcessProtocol, IReactorProcess
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from zope.interface import implementer

# Beyond the kernel's largest process id (proc(5), pid_max), so that a signal
# which a test lets out reaches nobody.
_FIRST_PID = 1 << 24
_READ = 1 << 20


@define(eq=False)
class FakeProcess:
    """
    A process as the program in it sees itself.

    Attributes:
        arguments: Its command line.
        environment: Its whole environment.
        pid: Its process id; no real process has it.
        ends: Its ends of its pipes, by their numbers in it.
    """

    arguments: Sequence[str]
    environment: Mapping[str, str]
    pid: int
    ends: dict[int, int]
    _protocol: Any = field(repr=False)

    def write(self, number: int, data: bytes) -> None:
        """
        Write to one of its descriptors; not more than a pipe holds.
        """
        os.write(self.ends[number], data)

    def read(self) -> bytes:
        """
        Read what has come to its standard input; nothing if it has ended, too.
        """
        readable, _, _ = select.select([self.ends[0]], [], [], 0)
        return os.read(self.ends[0], _READ) if readable else b""

    def close(self, *numbers: int) -> None:
        """
        Close some of its descriptors; without numbers, all.
        """
        for number in numbers or tuple(self.ends):
            os.close(self.ends.pop(number))

    def exit(self, code: int = 0, signal: int | None = None) -> None:
        """
        End, closing every descriptor that is still its own.
        """
        self.close()
        reason = ProcessTerminated(code, signal) if code or signal else ProcessDone(None)
        self._protocol.processExited(Failure(reason))


@implementer(IReactorProcess)
class ProcessReactor(MemoryReactorClock):
    """
    A reactor in memory that spawns what is none.

    Attributes:
        processes: What was spawned, in order.
        refusal: What ``spawnProcess`` raises; None if it spawns.
    """

    def __init__(self) -> None:
        super().__init__()
        self.processes: list[FakeProcess] = []
        self.refusal: Exception | None = None

    def spawnProcess(  # noqa: PLR0917  as the interface has it
        self,
        processProtocol: IProcessProtocol,
        executable: bytes | str,
        args: Sequence[Any] = (),
        env: Mapping[Any, Any] | None = None,
        path: bytes | str | None = None,
        uid: int | None = None,
        gid: int | None = None,
        usePTY: bool | tuple[Any, ...] = False,
        childFDs: Mapping[int, str | int] | None = None,
    ) -> Any:
        """
        Remember what would be spawned, with copies of its descriptors.

        Only descriptor numbers are understood in ``childFDs``, not ``"r"`` and
        ``"w"``.
        """
        if self.refusal is not None:
            raise self.refusal
        ends = {number: os.dup(int(theirs)) for number, theirs in (childFDs or {}).items()}
        pid = _FIRST_PID + len(self.processes)
        process = FakeProcess(list(args), dict(env or {}), pid, ends, processProtocol)
        self.processes.append(process)
        return process

    def turn(self) -> bool:
        """
        Read and write once where a pipe is ready, as a reactor does in one turn.

        Returns:
            Whether any was.
        """
        readers, writers = list(self.getReaders()), list(self.getWriters())
        readable, writable, _ = select.select(readers, writers, [], 0)
        for reader in readable:
            # One that is read may close another.
            if reader in self.getReaders():
                self._lose(reader, reader.doRead())
        for writer in writable:
            if writer in self.getWriters():
                self._lose(writer, writer.doWrite())
        return bool(readable or writable)

    def settle(self) -> None:
        """
        Go on until no pipe is ready.
        """
        while self.turn():
            pass

    def _lose(self, selectable: Any, why: Exception | None) -> None:
        if why:
            self.removeReader(selectable)
            self.removeWriter(selectable)
            selectable.connectionLost(Failure(why))
