# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.bridge`.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.bridge import Bridge
from mcpd.ctl.bridge.far import Target
from mcpd.ctl.bridge.relay import GRACE
from tests.ctl.bridge.stage import FarSide, Pipes


class BridgeTests(SynchronousTestCase):
    """
    Tests for :class:`Bridge`.
    """

    def setUp(self) -> None:
        """
        Have a bridge that runs.
        """
        self.clock, self.far, self.pipes = Clock(), FarSide(), Pipes()
        self.told: list[str] = []
        self.bridge = Bridge(self.clock, self.far, Target(b"http://far/mcp"), self.told.append, 64)
        self.running = Deferred.fromCoroutine(self.bridge.run())
        self.bridge.near.makeConnection(self.pipes)

    def test_end(self) -> None:
        """
        It relays, and ends with its client: first what is on its way, then the rest of what was written.
        """
        self.pipes.near = self.bridge.near
        self.bridge.near.dataReceived(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        self.bridge.near.readConnectionLost()
        self.assertNoResult(self.running)
        self.far.last.result()
        self.assertEqual(self.successResultOf(self.running), 0)
        self.assertEqual(self.pipes.written, [b'{"jsonrpc":"2.0","id":1,"result":{}}\n'])

    def test_stop(self) -> None:
        """
        A signal ends it as its client would, and a client that does not read does not hold it up.
        """
        self.bridge.stop()
        self.assertNoResult(self.running)
        self.clock.advance(GRACE + 0.1)
        self.assertEqual(self.successResultOf(self.running), 0)

    def test_too_long(self) -> None:
        """
        A client that says what nobody can understand ends it with a failure.
        """
        self.pipes.near = self.bridge.near
        self.bridge.near.dataReceived(b"x" * 99)
        self.assertEqual(self.successResultOf(self.running), 1)
        self.assertEqual(self.told, ["a line is longer than 64 bytes"])
