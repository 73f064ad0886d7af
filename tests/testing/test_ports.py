# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.ports`.
"""

from __future__ import annotations

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcpd.testing.ports import DoorReactor


class DoorReactorTests(SynchronousTestCase):
    """
    Tests for the reactor.
    """

    def setUp(self) -> None:
        """
        Have a reactor.
        """
        self.reactor = DoorReactor()
        self.factory = ServerFactory()

    def test_port(self) -> None:
        """
        A port is there until it has stopped, and tells where.
        """
        port = self.reactor.listenTCP(80, self.factory, 7, "127.0.0.1")
        verifyObject(IListeningPort, port)
        self.assertEqual(self.reactor.ports, {("127.0.0.1", 80): port})
        self.assertEqual((port.factory, port.backlog), (self.factory, 7))
        self.assertEqual(port.getHost(), IPv4Address("TCP", "127.0.0.1", 80))
        stopped = port.stopListening()
        self.assertNoResult(stopped)
        self.reactor.advance(0)
        self.successResultOf(stopped)
        self.assertEqual((self.reactor.ports, self.reactor.closed), ({}, [("127.0.0.1", 80)]))

    def test_reads(self) -> None:
        """
        A port may take nobody in for a while.
        """
        port = self.reactor.listenTCP(80, self.factory)
        reads = [port.reads]
        for change in (port.stopReading, port.startReading):
            change()
            reads.append(port.reads)
        self.assertEqual(reads, [True, False, True])

    def test_addresses(self) -> None:
        """
        A port may be one of IPv6, or of every address.
        """
        self.assertEqual(
            self.reactor.listenTCP(80, self.factory, 1, "::1").getHost(), IPv6Address("TCP", "::1", 80)
        )
        everywhere = self.reactor.listenTCP(80, self.factory)
        self.assertEqual(everywhere.getHost(), IPv4Address("TCP", "0.0.0.0", 80))

    def test_taken(self) -> None:
        """
        No two ports are at one address.
        """
        self.reactor.listenTCP(80, self.factory)
        self.assertRaises(CannotListenError, self.reactor.listenTCP, 80, self.factory)

    def test_socket(self) -> None:
        """
        A port may be a socket with a path, of which there is no file.
        """
        port = self.reactor.listenUNIX("x.sock", self.factory, 7, 0o600)
        self.assertEqual((port.getHost(), port.backlog), (UNIXAddress("x.sock"), 7))
        self.assertEqual(self.reactor.ports, {("x.sock", None): port})
        error = self.assertRaises(CannotListenError, self.reactor.listenUNIX, "x.sock", self.factory)
        self.assertIn("x.sock", str(error))
