# -*- test-case-name: tests.workers.test_pipe -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The process of one worker, and its descriptors.

All of them are pipes of our own, which Twisted's process transport never sees:
they are read in large pieces and written at once, what a process wrote last is
read when it ends, and a grandchild that keeps them open delays nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from attrs import define, field, frozen
from twisted.internet.error import ConnectionDone
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mcpd.sandbox.kill import Tree
from mcpd.sandbox.plan import Launch, Refused, read_status
from mcpd.sandbox.reaper import attend
from mcpd.sandbox.usage import Usage, usage
from mcpd.wire.lines import Lines, LineTooLong
from mcpd.workers.descriptors import Inlet, Outflow

_PIPE = 256 << 10
_SHORT = 4 << 10
# Bytes a second that are read of what it writes to its standard error; how much
# of that is told is configured.
_MOST_ERROR = 4 << 20
_INPUT, _OUTPUT, _ERROR, _STATUS = 0, 1, 2, 3


@frozen
class Exit:
    """
    How a process ended.

    Attributes:
        status: Its exit status; None if it was killed by a signal.
        signal: The signal; None if it exited by itself.
        cpu: Seconds of processor time that it used, it and those of its
            children that it waited for; None if nobody knows.
        memory: Bytes of memory that it had resident at the most; None likewise.
    """

    status: int | None
    signal: int | None = None
    cpu: float | None = None
    memory: int | None = None

    def __str__(self) -> str:
        return f"exit status {self.status}" if self.signal is None else f"killed by signal {self.signal}"


class Ears(Protocol):
    """
    Who hears a worker's process.
    """

    def launched(self) -> None:
        """
        Hear that the launcher has become the plugin.
        """

    def refused(self, why: str) -> None:
        """
        Hear that the launcher could not; it ends by itself.
        """

    def lines(self, lines: list[bytes]) -> None:
        """
        Hear lines of its standard output.
        """

    def overflow(self) -> None:
        """
        Hear that a line grew too long; nothing more is read.
        """

    def said(self, data: bytes) -> None:
        """
        Hear some of its standard error.
        """

    def exited(self, exit: Exit) -> None:
        """
        Hear that the process is gone, and all that it wrote was heard.
        """


@define(eq=False)
class Pipe(ProcessProtocol):
    """
    One process, from its spawn to its end.

    Attributes:
        pid: The process id; it stays the same when the launcher becomes the
            plugin.
    """

    _reactor: Any
    _ears: Ears
    _lines: Lines
    _inlet: Inlet
    _trees: Callable[[int], Tree]
    pid: int = field(init=False, default=0)
    _outflows: dict[int, Outflow] = field(init=False, factory=dict)
    _status: bytes = field(init=False, default=b"")
    _tree: Tree | None = field(init=False, default=None)
    _used: Usage | None = field(init=False, default=None)

    @classmethod
    def spawn(
        cls, reactor: Any, launch: Launch, limit: int, ears: Ears, trees: Callable[[int], Tree] = Tree
    ) -> Pipe:
        """
        Start a process.

        Args:
            reactor: Provides IReactorProcess, IReactorFDSet and IReactorTime.
            launch: What to start.
            limit: Most bytes of a line of its standard output.
            ears: Who hears it.
            trees: Makes what signals a process and all below it.

        Raises:
            OSError: It could not be started.
        """
        theirs_in, ours_in = os.pipe()
        _widen(ours_in)
        pipe = cls(reactor, ears, Lines(limit), Inlet(reactor, _ours(ours_in)), trees)
        theirs = {_INPUT: theirs_in}
        try:
            pipe._open(theirs)
            pipe._spawn(launch, theirs)
        except BaseException:
            pipe._close()
            raise
        finally:
            for descriptor in theirs.values():
                os.close(descriptor)
        for outflow in pipe._outflows.values():
            outflow.startReading()
        return pipe

    def _open(self, theirs: dict[int, int]) -> None:
        # In this order they are drained: the status says what the others mean.
        for number, heard, finished, most in (
            (_STATUS, self._heard_status, self._tell_status, 0),
            (_OUTPUT, self._heard, _nothing, 0),
            (_ERROR, self._ears.said, _nothing, _MOST_ERROR),
        ):
            reading, theirs[number] = os.pipe()
            self._outflows[number] = Outflow(self._reactor, _ours(reading), heard, finished, most)
        _widen(theirs[_OUTPUT])

    def _spawn(self, launch: Launch, theirs: dict[int, int]) -> None:
        program, environment = launch.arguments[0], dict(launch.environment)
        process = self._reactor.spawnProcess(
            self, program, launch.arguments, env=environment, childFDs=theirs
        )
        # Once the process has ended Twisted forgets the number; if it has already, there is none.
        if process.pid is not None:
            self.pid = process.pid
            self._tree = self._trees(self.pid)
            attend(process, self)

    @property
    def waiting(self) -> int:
        """
        How many bytes wait for the worker to read.
        """
        return self._inlet.waiting

    def usage(self) -> Usage | None:
        """
        Tell what the process uses now; None if nobody knows, or it has ended.
        """
        return usage(self.pid, self._tree.proc) if self._tree else None

    def send(self, data: bytes) -> int:
        """
        Write to its standard input.

        Returns:
            How many bytes wait now.
        """
        return self._inlet.send(data)

    def close_input(self) -> None:
        """
        Tell it that nothing more will come, once what waits is read.
        """
        if self._tree:
            self._tree.remember()
        self._inlet.loseConnection()

    def terminate(self) -> None:
        """
        Ask it and its group to end.
        """
        if self._tree:
            self._tree.remember()
            self._tree.terminate()

    def destroy(self) -> None:
        """
        Kill it and everything below it.
        """
        if self._tree:
            self._tree.destroy()

    def ending(self) -> None:
        """
        Kill what is left of its tree (:class:`mcpd.sandbox.reaper.Heir`).
        """
        tree, self._tree = self._tree, None
        if tree:
            tree.destroy_rest()

    def used(self, usage: Usage) -> None:
        """
        Keep what it used.
        """
        self._used = usage

    def processExited(self, reason: Failure) -> None:
        """
        Hear its last words and let go of everything, whoever else may hold the pipes.
        """
        if self.pid:
            self.ending()
        # The rest in a turn of its own.  The reactor may know already that our
        # pipes have ended, and would tell that to whoever got their numbers
        # meanwhile: the next worker.  And what ended before it was ours is told
        # to who spawns it afterwards.
        self._reactor.callLater(0, self._exited, reason)

    def _exited(self, reason: Failure) -> None:
        self.ending()
        for outflow in self._outflows.values():
            outflow.drain()
        self._close()
        number = getattr(reason.value, "signal", None)
        status = getattr(reason.value, "exitCode", None) or 0
        cpu, memory = (self._used.cpu, self._used.memory) if self._used else (None, None)
        self._ears.exited(Exit(status if number is None else None, number, cpu, memory))

    def _heard(self, data: bytes) -> None:
        try:
            lines = self._lines.feed(data)
        except LineTooLong:
            self._outflows[_OUTPUT].close()
            self._ears.overflow()
            return
        if lines:
            self._ears.lines(lines)

    def _heard_status(self, data: bytes) -> None:
        # Bounded: the launcher says one line or two.
        if len(self._status) < _SHORT:
            self._status += data

    def _tell_status(self) -> None:
        # The launcher's last word: its status closes when the plugin starts.
        try:
            read_status(self._status)
        except Refused as refused:
            self._ears.refused(str(refused))
        else:
            self._ears.launched()

    def _close(self) -> None:
        self._inlet.connectionLost(Failure(ConnectionDone()))
        for outflow in self._outflows.values():
            outflow.close()


def _nothing() -> None:
    # Not the end of a pipe but the end of the process says that a worker is gone.
    return


def _ours(descriptor: int) -> int:
    os.set_blocking(descriptor, False)
    return descriptor


def _widen(descriptor: int) -> None:
    # Unprivileged users share 64 MiB for all pipes; without it all works, in
    # smaller pieces.
    with suppress(OSError):
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)
