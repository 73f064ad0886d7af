# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.agent`.
"""

from __future__ import annotations

from twisted.internet.testing import MemoryReactorClock
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IAgent
from zope.interface.verify import verifyObject

from mcpd.ctl.bridge.agent import CONNECT, NoAuthority, agent
from tests.web.pki import root


class AgentTests(SynchronousTestCase):
    """
    Tests for what connects.
    """

    def setUp(self) -> None:
        """
        Have a reactor.
        """
        self.reactor = MemoryReactorClock()

    def test_tcp(self) -> None:
        """
        An address is connected to as it says, for a bounded time.
        """
        asking = agent(self.reactor, None, None)
        verifyObject(IAgent, asking)
        asking.request(b"GET", b"http://127.0.0.1:8420/mcp")
        ((host, port, _, patience, _),) = self.reactor.tcpClients
        self.assertEqual((host, port, patience), ("127.0.0.1", 8420, CONNECT))

    def test_socket(self) -> None:
        """
        A UNIX socket is connected to, whatever the address says.
        """
        agent(self.reactor, "/run/mcpd/mcp.sock", None).request(b"GET", b"http://localhost/mcp")
        self.assertEqual(self.reactor.unixClients[0][0], "/run/mcpd/mcp.sock")
        self.assertEqual(self.reactor.tcpClients, [])

    def test_authority(self) -> None:
        """
        A private authority is trusted, and what is none is refused.
        """
        pem = root().pem
        verifyObject(IAgent, agent(self.reactor, None, b"# ours\n" + pem + pem))
        for text in (b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
            self.assertRaises(NoAuthority, agent, self.reactor, None, text)
