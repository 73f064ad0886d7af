# -*- test-case-name: tests.testing.test_daemon -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.daemon`.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import ServerFactory
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcpd.testing.daemon import DoorReactor, MemoryDaemon, settings
from mcpd.testing.worker import legacy, modern, tools
from mcpd.workers.spec import Plugin


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
        self.assertEqual(self.reactor.ports, {})

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


class MemoryDaemonTests(SynchronousTestCase):
    """
    Tests for the daemon.
    """

    def test_through(self) -> None:
        """
        A call goes from a client of either era through the whole daemon to a plugin of either era.
        """
        plugins = [Plugin(name, ("x",)) for name in ("old", "new")]
        answers = {"old": legacy(tools("say")), "new": modern(tools("say"))}
        memory = MemoryDaemon(settings(Path(self.mktemp()), *plugins, auth="required"), answers)
        memory.start()
        old, new = memory.legacy(), memory.modern()
        old.shake()
        for client in (old, new):
            for name in ("old__say", "new__say"):
                asked = client.ask("tools/call", {"name": name, "arguments": {"x": name}})
                memory.reactor.advance(0)
                self.assertEqual(asked.result["content"], [{"type": "text", "text": f'{{"x": "{name}"}}'}])
        self.assertEqual(set(memory.plugins), {"old", "new"})
        stopped = memory.stop()
        memory.reactor.advance(1)
        self.successResultOf(stopped)

    def test_open(self) -> None:
        """
        Where no key is needed its clients send none.
        """
        memory = MemoryDaemon(settings(Path(self.mktemp())))
        memory.start()
        client = memory.modern(path=b"/elsewhere")
        self.assertEqual(list(client.fields), [])
        self.assertEqual(client.ask("tools/list").status, 404)
        memory.stop()
        memory.reactor.advance(1)
