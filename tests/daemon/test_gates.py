# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.gates`.
"""

from __future__ import annotations

import os

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.daemon.gates import Gates
from mcpd.testing.client import Modern
from mcpd.testing.ports import DoorReactor
from mcpd.units import Bytes
from mcpd.web.health import Health
from mcpd.web.spec import Limits, Listen

LISTEN = Listen("tcp:8420:interface=127.0.0.1")
LIMITS = Limits()


class GatesTests(SynchronousTestCase):
    """
    Tests for the listeners.
    """

    def setUp(self) -> None:
        """
        Have none.
        """
        self.reactor = DoorReactor()
        self.gates = Gates(self.reactor, os.urandom, LIMITS, "https://tools.example.org")

    def open(self, listen: Listen = LISTEN) -> str:
        """
        Open one that says that it is alive.
        """
        return self.gates.open(listen, {b"/healthz": Health("alive", lambda: True)})

    def client(self, host: bytes = b"127.0.0.1:8420", port: int = 0) -> Modern:
        """
        Make a client of one of them.
        """
        factory = list(self.reactor.ports.values())[port].factory
        return Modern(factory, self.reactor, path=b"/healthz", host=host)

    def status(self, host: bytes = b"127.0.0.1:8420", port: int = 0) -> int:
        """
        Ask one of them whether it is alive.
        """
        return self.client(host, port).send(b"GET").status

    def close(self) -> Deferred[None]:
        """
        Close all.
        """
        return Deferred.fromCoroutine(self.gates.close())

    def test_open(self) -> None:
        """
        Each listener has an address that one can paste, and serves what it was given.
        """
        self.assertEqual(self.gates.addresses, [])
        told = [self.open(), self.open(Listen("tcp6:8421:interface=\\:\\:1"))]
        self.assertEqual(told, ["http://127.0.0.1:8420", "http://[::1]:8421"])
        self.assertEqual(self.gates.addresses, told)
        self.assertEqual((self.status(), self.status(b"[::1]:8421", 1)), (200, 200))

    def test_names(self) -> None:
        """
        A listener answers for its own names and the canonical address, and for no others.
        """
        self.open(evolve(LISTEN, hosts=("more.example.org",)))
        for host, status in (
            (b"more.example.org", 200),
            (b"tools.example.org", 200),
            (b"localhost:8420", 200),
            (b"evil.example", 421),
        ):
            self.assertEqual(self.status(host), status, host)

    def test_backlog(self) -> None:
        """
        The kernel holds as many connections as the limits say, or the listener's own endpoint.
        """
        self.open()
        self.open(Listen("tcp:8421:interface=127.0.0.1:backlog=7"))
        self.assertEqual([port.backlog for port in self.reactor.ports.values()], [1024, 7])

    def test_taken(self) -> None:
        """
        An address that is taken is refused with its name, and those that are open stay.
        """
        self.open()
        error = self.assertRaises(CannotListenError, self.open)
        self.assertIn("127.0.0.1:8420", str(error))
        self.assertEqual((self.gates.addresses, self.status()), (["http://127.0.0.1:8420"], 200))

    def test_limit(self) -> None:
        """
        Other limits hold at all listeners at once, for new connections.
        """
        self.open()
        self.open(Listen("tcp:8421:interface=127.0.0.1"))
        self.gates.limit(evolve(LIMITS, head=Bytes(128)))
        fields = ((b"X-Long", b"x" * 200),)
        for port in (0, 1):
            asked = self.client(port=port, host=b"localhost").send(b"GET", b"", fields)
            self.assertEqual(asked.status, 431)
        self.gates.limit(evolve(LIMITS, connections=0))
        for port in (0, 1):
            self.assertFalse(self.status(b"localhost", port))

    def test_close(self) -> None:
        """
        Closed listeners take nobody, and connections that nothing runs on are ended.
        """
        self.open()
        self.open(Listen("tcp:8421:interface=127.0.0.1"))
        asked = self.client().send(b"GET")
        self.assertTrue(asked.is_connected)
        closed = self.close()
        self.assertNoResult(closed)
        self.reactor.advance(0)
        self.successResultOf(closed)
        self.reactor.advance(1)
        self.assertEqual((self.reactor.ports, asked.is_connected), ({}, False))

    def test_at_once(self) -> None:
        """
        A port that has closed at once is as good as one that takes its time.
        """
        self.gates = Gates(MemoryReactorClock(), os.urandom, LIMITS, "")
        self.open()
        self.successResultOf(self.close())
