# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.unixport`, with sockets that are files in a folder of the test.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet.protocol import Factory, Protocol
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.daemon.unixport import PRIVATE, UnixPort, bind


class Heard(Factory):
    """
    Keeps the connections that it makes.
    """

    noisy = False

    def __init__(self) -> None:
        self.made: list[Protocol] = []

    def buildProtocol(self, addr: object) -> Protocol:
        """
        Make one more.
        """
        self.made.append(Protocol())
        return self.made[-1]


class BindTests(SynchronousTestCase):
    """
    Tests for making a socket.
    """

    def setUp(self) -> None:
        """
        Make a folder with a short name, as sockets need it.
        """
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "mcp.sock"

    def connect(self) -> socket.socket:
        """
        Connect to it.
        """
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.connect(str(self.path))
        return client

    def open(self, own: bool) -> UnixPort:
        """
        Open a port at it.
        """
        self.factory, self.reactor = Heard(), MemoryReactorClock()
        listening = bind(str(self.path), 0o600, -1, 5)
        port = UnixPort(listening, self.factory, self.reactor, own)
        port.startListening()
        return port

    def stop(self, port: UnixPort) -> None:
        """
        Stop listening.
        """
        stopped = port.stopListening()
        self.reactor.advance(0)
        self.successResultOf(stopped)

    def test_mode(self) -> None:
        """
        The socket has the mode that was asked for, whatever the umask is.
        """
        former = os.umask(0o077)
        self.addCleanup(os.umask, former)
        bind(str(self.path), 0o666, -1, 5).close()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o666)

    def test_group(self) -> None:
        """
        The socket has the group that was asked for, and its owner stays.
        """
        bind(str(self.path), 0o660, os.getgid(), 5).close()
        status = self.path.stat()
        self.assertEqual((status.st_uid, status.st_gid), (os.getuid(), os.getgid()))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o660)

    def test_taken(self) -> None:
        """
        What is there already stays as it is.
        """
        self.path.write_text("mine")
        self.assertRaises(OSError, bind, str(self.path), 0o600, -1, 5)
        self.assertEqual(self.path.read_text(), "mine")

    def test_impossible(self) -> None:
        """
        A socket that can't have its group is not left there for anybody.
        """
        self.assertRaises(OverflowError, bind, str(self.path), 0o600, 1 << 40, 5)
        self.assertFalse(self.path.exists())

    def test_connected(self) -> None:
        """
        A client that connects is served.
        """
        port = self.open(own=True)
        self.assertIn(port, self.reactor.getReaders())
        client = self.connect()
        port.doRead()
        self.assertEqual(len(self.factory.made), 1)
        transport: Any = self.factory.made[0].transport
        transport.connectionLost(Failure(ConnectionError()))
        self.assertEqual(client.recv(1), b"")
        self.stop(port)

    def test_own(self) -> None:
        """
        A socket of ours is gone when we stop, and nobody can connect.
        """
        port = self.open(own=True)
        self.assertEqual(os.fsdecode(port.getHost().name), str(self.path))
        self.stop(port)
        self.assertFalse(self.path.exists())
        self.assertNotIn(port, self.reactor.getReaders())

    def test_replaced(self) -> None:
        """
        What somebody else has put in its place stays there, as does a place that is empty.
        """
        port = self.open(own=True)
        self.path.unlink()
        self.path.write_text("another's")
        self.stop(port)
        self.assertEqual(self.path.read_text(), "another's")
        self.path.unlink()
        port = self.open(own=True)
        self.path.unlink()
        self.stop(port)

    def test_handed(self) -> None:
        """
        Clients of a socket that was handed to us wait in it once we have stopped, until somebody takes them.
        """
        listening = bind(str(self.path), 0o640, -1, 5)
        manager = listening.dup()
        self.addCleanup(manager.close)
        self.factory, self.reactor = Heard(), MemoryReactorClock()
        port = UnixPort(listening, self.factory, self.reactor, own=False)
        port.startListening()
        self.stop(port)
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o640)
        client = self.connect()
        taken, _ = manager.accept()
        self.addCleanup(taken.close)
        taken.sendall(b"x")
        self.assertEqual(client.recv(1), b"x")

    def test_private(self) -> None:
        """
        Twisted still has what is used of its own affairs.
        """
        self.assertTrue(all(hasattr(owner, name) for owner, name in PRIVATE))
