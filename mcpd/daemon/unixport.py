# -*- test-case-name: tests.daemon.test_unixport -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Listening at a UNIX socket, of ours or of a service manager's.

Twisted's own port has no group, and does to a socket that was handed over what
only its owner may: it gives it a mode and a backlog, shuts it down at the end
and removes its file, after which clients are refused until the manager is told
to make another.
"""

from __future__ import annotations

import os
import socket
from typing import Any

from twisted.internet import tcp, unix
from twisted.internet.interfaces import IProtocolFactory
from twisted.python.failure import Failure

PRIVATE = ((tcp, "_reservedFD"), (unix.Port, "_shouldShutdown"))
"""What is Twisted's own affair and is used here all the same."""

_ACCEPTS = 100  # as Twisted begins


def bind(path: str, mode: int, gid: int, backlog: int) -> socket.socket:
    """
    Make a listening socket to which nobody could connect before it had its mode and its group.

    Args:
        path: Where; nothing may be there.
        mode: The file's mode.
        gid: The file's group; -1: our own.
        backlog: Connections that the kernel holds.

    Raises:
        OSError: It can't be made; nothing of it is left.
    """
    there = socket.socket(socket.AF_UNIX)
    try:
        there.setblocking(False)
        there.bind(path)
        try:
            if gid >= 0:
                os.chown(path, -1, gid)
            # After that, which may take bits of it away (chown(2)).
            os.chmod(path, mode)
            # Connections are refused until now.
            there.listen(backlog)
        except Exception:
            os.unlink(path)
            raise
    except Exception:
        there.close()
        raise
    return there


class UnixPort(unix.Port):
    """
    A port at a UNIX socket that listens already.
    """

    def __init__(self, listening: socket.socket, factory: IProtocolFactory, reactor: Any, own: bool) -> None:
        """
        Take a socket over.

        Args:
            listening: It.
            factory: Makes our side of connections.
            reactor: Watches it.
            own: Whether it ends with us, and its file with it.
        """
        path: Any = listening.getsockname()
        super().__init__(path, factory, reactor=reactor)
        self._shouldShutdown = own
        self._listening = listening
        self._file = (path, _identity(path)) if own else None

    def startListening(self) -> None:
        """
        Take connections.
        """
        # A descriptor kept in reserve, to hang up with when there is no other.
        tcp._reservedFD.reserve()
        factory: Any = self.factory
        factory.doStart()
        self.connected = True
        self.socket = self._listening
        self.fileno = self.socket.fileno  # type: ignore[method-assign]  # as Twisted does
        self.numberAccepts = _ACCEPTS
        self.startReading()

    def connectionLost(self, reason: Failure) -> None:
        """
        Take none any more.
        """
        # Not what somebody else has put there meanwhile.
        if self._file is not None and _identity(self._file[0]) == self._file[1]:
            os.unlink(self._file[0])
        tcp.Port.connectionLost(self, reason)


def _identity(path: str) -> tuple[int, int] | None:
    try:
        status = os.lstat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino
