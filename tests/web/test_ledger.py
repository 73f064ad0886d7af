# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.ledger`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.units import Bytes
from mcpd.web.ledger import Ledger
from mcpd.web.spec import Limits


class LedgerTests(SynchronousTestCase):
    """
    What all doors hold together.
    """

    def test_connections(self) -> None:
        """
        All listeners together take so many connections, and one again after another ended.
        """
        ledger = Ledger(Limits(connections=2))
        self.assertEqual([ledger.enter(peer) for peer in ("", "127.0.0.1", "192.0.2.1")], [True, True, False])
        ledger.leave("127.0.0.1")
        self.assertTrue(ledger.enter("192.0.2.1"))
        self.assertEqual(ledger.connections, 2)

    def test_address(self) -> None:
        """
        One address has so many connections, whatever the others have.
        """
        ledger = Ledger(Limits(connections_per_address=2))
        peers = ("192.0.2.1", "192.0.2.1", "192.0.2.1", "2001:db8::1", "192.0.2.1")
        self.assertEqual([ledger.enter(peer) for peer in peers], [True, True, False, True, False])
        ledger.leave("192.0.2.1")
        self.assertTrue(ledger.enter("192.0.2.1"))

    def test_near(self) -> None:
        """
        Loopback and sockets without addresses have no bound of their own.
        """
        ledger = Ledger(Limits(connections_per_address=1))
        for peer in ("", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"):
            self.assertTrue(ledger.enter(peer) and ledger.enter(peer), peer)

    def test_forgets(self) -> None:
        """
        An address that has no connection any more takes no memory.
        """
        ledger = Ledger(Limits())
        for number in range(100):
            peer = f"192.0.2.{number}"
            ledger.enter(peer)
            ledger.leave(peer)
        self.assertEqual((ledger.connections, len(ledger._addresses)), (0, 0))

    def test_bytes(self) -> None:
        """
        Bytes of unfinished bodies are bounded, up to the last one.
        """
        ledger = Ledger(Limits(buffered=Bytes(10)))
        self.assertEqual([ledger.keep(9), ledger.keep(1), ledger.keep(1)], [True, True, False])
        ledger.drop(2)
        self.assertEqual((ledger.keep(1), ledger.buffered), (True, 10))
