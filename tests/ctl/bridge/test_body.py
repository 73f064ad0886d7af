# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.body`.
"""

from __future__ import annotations

from twisted.internet.error import ConnectionLost
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from mcpd.ctl.bridge.body import Body, Cut, Stream, TooLong, Whole
from mcpd.ctl.bridge.valve import Valve
from mcpd.wire.sse import Event
from tests.ctl.bridge.stage import Flow


class BodyTests(SynchronousTestCase):
    """
    Tests for :class:`Body`.
    """

    def setUp(self) -> None:
        """
        Begin a body.
        """
        self.valve, self.flow, self.whole = Valve(), Flow(), Whole(4)
        self.body = Body(self.valve, self.whole.take)
        self.body.makeConnection(self.flow)

    def test_whole(self) -> None:
        """
        A body ends where the response says so, or with its connection if it does not say.
        """
        for reason in (ResponseDone(), PotentialDataLoss()):
            self.setUp()
            self.body.dataReceived(b"ab")
            self.body.dataReceived(b"cd")
            self.body.connectionLost(Failure(reason))
            self.assertIsNone(self.successResultOf(self.body.over))
            self.assertEqual(self.whole.text(), b"abcd")

    def test_cut(self) -> None:
        """
        A body that breaks off is not taken for a whole one.
        """
        self.body.connectionLost(Failure(ConnectionLost()))
        self.failureResultOf(self.body.over, Cut)

    def test_too_long(self) -> None:
        """
        A body that is too long ends its connection, and what still comes of it is dropped.
        """
        self.body.dataReceived(b"abcde")
        self.failureResultOf(self.body.over, TooLong)
        self.assertEqual(self.flow.said, ["stop"])
        self.body.dataReceived(b"f")
        self.body.connectionLost(Failure(ConnectionLost()))

    def test_cancel(self) -> None:
        """
        Who wants no more of it hangs up.
        """
        self.body.over.addErrback(lambda _: None)
        self.body.over.cancel()
        self.assertEqual(self.flow.said, ["stop"])

    def test_slow(self) -> None:
        """
        A body waits while what comes of it is not read, whatever its transport was told meanwhile.
        """
        self.valve.pauseProducing()
        self.body.dataReceived(b"a")
        self.assertEqual(self.flow.said, ["pause", "pause"])


class StreamTests(SynchronousTestCase):
    """
    Tests for :class:`Stream`.
    """

    def test_split(self) -> None:
        """
        Events are the same wherever the connection cuts them.
        """
        text = b"id: 1\nretry: 5\ndata: {}\n\n: hello\r\n\r\ndata: 2\n\n"
        for size in (1, 2, 3, 7, len(text)):
            heard: list[Event] = []
            stream = Stream(64, heard.append)
            for start in range(0, len(text), size):
                stream.take(text[start : start + size])
            self.assertEqual([event.data for event in heard], [b"{}", b"2"])
            self.assertEqual((stream.events.last_id, stream.events.retry), (b"1", 5))

    def test_too_long(self) -> None:
        """
        An event that is too long is refused, whether its line has an end or not.
        """
        heard: list[Event] = []
        self.assertRaises(TooLong, Stream(8, heard.append).take, b"data: 1234567")
        stream = Stream(8, heard.append)
        stream.take(b"data: 1\n")
        self.assertRaises(TooLong, stream.take, b"data: 2\n")
        self.assertEqual(heard, [])
