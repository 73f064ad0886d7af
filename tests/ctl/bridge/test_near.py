# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.near`.
"""

from __future__ import annotations

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcpd.ctl.bridge.near import Near
from mcpd.ctl.bridge.valve import Valve
from tests.ctl.bridge.stage import Pipes


class NearTests(SynchronousTestCase):
    """
    Tests for :class:`Near`.
    """

    def setUp(self) -> None:
        """
        Connect a client.
        """
        self.heard: list[bytes] = []
        self.valve, self.pipes = Valve(), Pipes()
        self.near = Near(8, self.valve, self.heard.append)
        self.pipes.near = self.near
        verifyObject(IHalfCloseableProtocol, self.near)
        self.near.makeConnection(self.pipes)

    def test_lines(self) -> None:
        """
        Each line of the client is heard, wherever the pipe cuts it.
        """
        self.near.dataReceived(b"one\ntw")
        self.near.dataReceived(b"o\r\n")
        self.assertEqual(self.heard, [b"one", b"two"])
        self.assertNoResult(self.near.ended)

    def test_too_long(self) -> None:
        """
        A line without an end ends the bridge before it fills the memory.
        """
        self.near.dataReceived(b"123456789 and more")
        self.assertEqual(self.successResultOf(self.near.ended), "a line is longer than 8 bytes")
        self.near.dataReceived(b"\nmore\n")
        self.near.readConnectionLost()
        self.assertEqual(self.heard, [])

    def test_say(self) -> None:
        """
        A message is one line, and none once the client reads no more.
        """
        self.near.say((b"{", b"}"))
        self.near.writeConnectionLost()
        self.near.say((b"{}",))
        self.near.close()
        self.near.connectionLost()
        self.assertEqual(self.pipes.written, [b"{}\n"])
        self.assertEqual(self.successResultOf(self.near.ended), "")
        self.assertIsNone(self.successResultOf(self.near.closed))

    def test_end(self) -> None:
        """
        The end of the input is told, and what was written by then is still delivered.
        """
        self.near.readConnectionLost()
        self.assertEqual(self.successResultOf(self.near.ended), "")
        self.assertNoResult(self.near.closed)
        self.near.close()
        self.assertIsNone(self.pipes.producer)
        self.assertIsNone(self.successResultOf(self.near.closed))

    def test_hold(self) -> None:
        """
        The client is read no more while it does not read, or while too much waits, and then again.
        """
        self.valve.pauseProducing()
        self.near.hold(True)
        self.assertEqual(self.pipes.said, ["pause"])
        self.valve.resumeProducing()
        self.assertEqual(self.pipes.said, ["pause"])
        self.near.hold(False)
        self.assertEqual(self.pipes.said, ["pause", "resume"])
        self.near.stopProducing()
