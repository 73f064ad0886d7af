# -*- test-case-name: tests.workers.test_descriptors -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Our ends of a worker's pipes.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet import abstract, main
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IDelayedCall, IReactorFDSet, IReactorTime
from twisted.python.failure import Failure

_READ = 256 << 10
_LAST_READS = 64
# Seconds for which who writes too fast is not read.
_SPELL = 0.1


class Inlet(abstract.FileDescriptor):
    """
    A worker's standard input: written at once while the pipe takes it.
    """

    def __init__(self, reactor: IReactorFDSet, descriptor: int) -> None:
        super().__init__(reactor)
        self._descriptor = descriptor
        self.connected = 1

    def fileno(self) -> int:
        """
        Tell the descriptor to the reactor.
        """
        return self._descriptor

    @property
    def waiting(self) -> int:
        """
        How many bytes wait for the worker to read.
        """
        return len(self.dataBuffer) - self.offset + self._tempDataLen

    def send(self, data: bytes) -> int:
        """
        Write, now if nothing waits, else later.

        Returns:
            How many bytes wait now.
        """
        if not (self._tempDataBuffer or self.dataBuffer) and self.connected:
            sent = self.writeSomeData(data)
            if isinstance(sent, Exception):
                self.connectionLost(Failure(sent))
                return 0
            if sent == len(data):
                return 0
            data = data[sent:]
        self.write(data)
        return self.waiting

    def writeSomeData(self, data: bytes) -> int | Exception:
        """
        Write what the pipe takes now.
        """
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError:
            return main.CONNECTION_LOST

    def connectionLost(self, reason: Failure) -> None:
        """
        Close the pipe; what still waits is dropped.
        """
        if self.connected:
            super().connectionLost(reason)
            os.close(self._descriptor)


class Outflow(abstract.FileDescriptor):
    """
    What a worker writes, read in large pieces.

    Args:
        reactor: Provides IReactorFDSet and IReactorTime.
        descriptor: Where it is read.
        heard: Called with each piece.
        finished: Called at its end.
        most: How many bytes a second are read; 0: any number.  Who writes more
            has to wait, and costs us no more.
    """

    def __init__(
        self,
        reactor: Any,
        descriptor: int,
        heard: Callable[[bytes], None],
        finished: Callable[[], None],
        most: int = 0,
    ) -> None:
        super().__init__(reactor)
        self._clock: IReactorTime = reactor
        self._descriptor = descriptor
        self._heard = heard
        self._finished = finished
        self._most = self._left = int(most * _SPELL)
        self._resting: IDelayedCall | None = None
        self.connected = 1

    def fileno(self) -> int:
        """
        Tell the descriptor to the reactor.
        """
        return self._descriptor

    def doRead(self) -> Exception | None:
        """
        Read one piece.
        """
        try:
            data = os.read(self._descriptor, _READ)
        except BlockingIOError:
            return None
        except OSError:
            return main.CONNECTION_LOST
        if not data:
            return main.CONNECTION_DONE
        if self._most:
            self._left -= len(data)
            if self._left < 0 and self._resting is None:
                self.stopReading()
                self._resting = self._clock.callLater(_SPELL, self._resume)
        self._heard(data)
        return None

    def _resume(self) -> None:
        self._resting, self._left = None, self._most
        self.startReading()

    def drain(self) -> None:
        """
        Read what a worker that is gone has left in the pipe, and finish.

        Bounded: a grandchild may still be writing.
        """
        for _ in range(_LAST_READS):
            if not self.connected or self.doRead() is not None:
                break
        self.connectionLost(Failure(ConnectionDone()))

    def connectionLost(self, reason: Failure) -> None:
        """
        Close the pipe at its end.
        """
        if self.connected:
            self.close()
            self._finished()

    def close(self) -> None:
        """
        Close the pipe, whatever may still come.
        """
        if self.connected:
            if self._resting is not None:
                self._resting.cancel()
            super().connectionLost(Failure(ConnectionDone()))
            os.close(self._descriptor)
