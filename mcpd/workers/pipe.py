# -*- test-case-name: tests.workers.test_pipe -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The process of one worker, and its descriptors.

Standard input and output are descriptors of our own, which Twisted's process
transport never sees: they are read in large pieces and written at once, and a
grandchild that keeps them open delays nothing.  Standard error and the
launcher's status go through Twisted.
"""

from __future__ import annotations

import fcntl
import os
from typing import Any, Protocol

from attrs import define, field
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IProcessTransport, IReactorProcess
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from mcpd.sandbox.kill import Tree
from mcpd.sandbox.plan import Launch, Refused, read_status
from mcpd.workers.descriptors import Inlet, Outflow

_PIPE = 256 << 10
_STATUS = 4 << 10
_STDERR, _STATUS_FD = 2, 3


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

    def exited(self, how: str) -> None:
        """
        Hear that the process is gone, and all that it wrote was heard.
        """


@define(eq=False)
class Pipe(ProcessProtocol):
    """
    One process, from its spawn to its end.
    """

    _ears: Ears
    _inlet: Inlet
    _outflow: Outflow
    _status: bytes = field(init=False, default=b"")
    _tree: Tree | None = field(init=False, default=None)

    @classmethod
    def spawn(cls, reactor: Any, launch: Launch, limit: int, ears: Ears) -> Pipe:
        """
        Start a process.

        Args:
            reactor: Provides IReactorProcess and IReactorFDSet.
            launch: What to start.
            limit: Most bytes of a line of its standard output.
            ears: Who hears it.

        Raises:
            OSError: It could not be started.
        """
        theirs_in, ours_in = os.pipe()
        ours_out, theirs_out = os.pipe()
        for descriptor in (ours_in, ours_out):
            os.set_blocking(descriptor, False)
            _widen(descriptor)
        inlet, outflow = Inlet(reactor, ours_in), Outflow(reactor, ours_out, limit, ears.lines, ears.overflow)
        pipe = cls(ears, inlet, outflow)
        try:
            pipe._spawn(reactor, launch, theirs_in, theirs_out)
        except BaseException:
            pipe._close()
            raise
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        outflow.startReading()
        return pipe

    def _spawn(self, reactor: IReactorProcess, launch: Launch, standard_in: int, standard_out: int) -> None:
        process = reactor.spawnProcess(
            self,
            launch.arguments[0],
            launch.arguments,
            env=dict(launch.environment),
            childFDs={0: standard_in, 1: standard_out, _STDERR: "r", _STATUS_FD: "r"},
        )
        # Kept: once the process has ended Twisted forgets the number.
        self._tree = Tree(process.pid)

    @property
    def pid(self) -> int:
        """
        The process id; it stays the same when the launcher becomes the plugin.
        """
        return self._tree.pid if self._tree else 0

    @property
    def waiting(self) -> int:
        """
        How many bytes wait for the worker to read.
        """
        return self._inlet.waiting

    def send(self, data: bytes) -> None:
        """
        Write to its standard input.
        """
        self._inlet.send(data)

    def close_input(self) -> None:
        """
        Tell it that nothing more will come, once what waits is read.
        """
        self._inlet.loseConnection()

    def terminate(self) -> None:
        """
        Ask it and its group to end.
        """
        if self._tree:
            self._tree.terminate()

    def destroy(self) -> None:
        """
        Kill it and everything below it.
        """
        if self._tree:
            self._tree.destroy()

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        Hear its standard error, or the launcher.
        """
        if childFD == _STDERR:
            self._ears.said(data)
        elif len(self._status) < _STATUS:
            # Bounded: the launcher says one line or two.
            self._status += data

    def childConnectionLost(self, childFD: int) -> None:
        """
        Hear the launcher's last word: its status closes when the plugin starts.
        """
        if childFD != _STATUS_FD:
            return
        try:
            read_status(self._status)
        except Refused as refused:
            self._ears.refused(str(refused))
        else:
            self._ears.launched()

    def processExited(self, reason: Failure) -> None:
        """
        Let go of everything at once, whoever else may hold the pipes.

        Twisted's ``processEnded`` waits for the end of every pipe, which a
        grandchild can put off for ever.
        """
        tree, self._tree = self._tree, None
        if tree:
            tree.destroy_group()
        self._outflow.drain()
        self._close()
        transport: IProcessTransport | None = self.transport
        if transport is not None:
            for descriptor in (_STDERR, _STATUS_FD):
                transport.closeChildFD(descriptor)
        self._ears.exited(_how(reason))

    def _close(self) -> None:
        done = Failure(ConnectionDone())
        self._inlet.connectionLost(done)
        self._outflow.connectionLost(done)


def _widen(descriptor: int) -> None:
    # Unprivileged users share 64 MiB for all pipes; without it all works, in
    # smaller pieces.
    try:
        fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE)
    except OSError:
        return


def _how(reason: Failure) -> str:
    value = reason.value
    number = getattr(value, "signal", None)
    if number is not None:
        return f"killed by signal {number}"
    return f"exit status {getattr(value, 'exitCode', None) or 0}"
