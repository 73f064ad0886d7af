# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.asked`.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.asked import Asked

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


class Ear(Protocol):
    """
    A door that hears, and says what a test says.
    """

    def __init__(self) -> None:
        self.heard = b""
        self.lost: list[Any] = []

    def dataReceived(self, data: bytes) -> None:
        """
        Hear bytes.
        """
        self.heard += data

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted has a default
        """
        Hear the end.
        """
        self.lost.append(reason.type)

    def say(self, *pieces: bytes) -> None:
        """
        Write pieces.
        """
        assert self.transport is not None
        for piece in pieces:
            self.transport.write(piece)


@define
class Doors(ServerFactory):
    """
    Makes ears.

    Attributes:
        ears: Them.
        answer: What each says at once.
    """

    answer: bytes = b""
    ears: list[Ear] = field(factory=list)

    def buildProtocol(self, addr: Any) -> Ear:
        """
        Make an ear.
        """
        ear = Ear()
        if self.answer:
            ear.connectionMade = lambda: ear.say(self.answer)  # type: ignore[method-assign]
        self.ears.append(ear)
        return ear


def whole(body: bytes, fields: bytes = b"") -> bytes:
    """
    Make a JSON answer.
    """
    about = b"Content-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
    return b"HTTP/1.1 200 OK\r\n" + about + fields + b"\r\n" + body


def chunk(data: bytes) -> bytes:
    """
    Make a chunk.
    """
    return b"%x\r\n%b\r\n" % (len(data), data)


class AskedTests(SynchronousTestCase):
    """
    Tests for what comes back.
    """

    def setUp(self) -> None:
        """
        Have a door.
        """
        self.clock = Clock()
        self.doors = Doors()

    def ask(self, peer: str = "127.0.0.1") -> Asked:
        """
        Ask something.
        """
        return Asked.over(self.doors, self.clock, peer, b"GET")

    def test_whole(self) -> None:
        """
        A JSON answer is read when it is whole, in whatever pieces it comes.
        """
        asked = self.ask()
        self.assertEqual((asked.status, asked.is_over), (0, False))
        answer = whole(b'{"id":1,"result":{"x":"y"}}', b"X-Thing: T\r\n")
        ear = self.doors.ears[0]
        ear.say(*(answer[at : at + 1] for at in range(len(answer) - 1)))
        self.assertEqual((asked.status, asked.fields["x-thing"], asked.is_over), (200, "T", False))
        ear.say(answer[-1:])
        self.assertEqual((asked.is_over, asked.result, asked.notices), (True, {"x": "y"}, []))

    def test_batch(self) -> None:
        """
        The messages of a batch are messages like others, in an answer and in a stream.
        """
        whole_one, stream = self.ask(), self.ask()
        self.doors.ears[0].say(whole(b'[{"id":1},{"method":"m"}]'))
        self.doors.ears[1].say(STREAM, chunk(b'data: [{"id":1}]\n\ndata: {"id":2}\n\n'))
        self.assertEqual((whole_one.answers, whole_one.notices), ([{"id": 1}], [{"method": "m"}]))
        self.assertEqual(stream.messages, [{"id": 1}, {"id": 2}])

    def test_error(self) -> None:
        """
        An error is an answer.
        """
        asked = self.ask()
        self.doors.ears[0].say(whole(b'{"error":{"code":1}}'))
        self.assertEqual(asked.error, {"code": 1})
        self.assertEqual(len(asked.answers), 1)

    def test_stream(self) -> None:
        """
        Messages of a stream are there as soon as they came.
        """
        asked = self.ask()
        ear = self.doors.ears[0]
        ear.say(STREAM, chunk(b'event: message\ndata: {"method":"m"}\n\ndata: {"id"'))
        self.assertEqual((asked.notices, asked.answers, asked.is_over), ([{"method": "m"}], [], False))
        ear.say(chunk(b': 1, "result":{}}\n\n: x\n\n'), b"0\r\n\r\n")
        self.assertEqual((asked.result, asked.is_over), ({}, True))

    def test_marks(self) -> None:
        """
        The ids of events are kept, those without a message among them, and when to come again.
        """
        asked = self.ask()
        ear = self.doors.ears[0]
        ear.say(STREAM)
        self.assertEqual((asked.marks, asked.retry), ([], None))
        ear.say(chunk(b'id: 1\nretry: 500\ndata: \n\ndata: {"id":1}\n\nid: 2\ndata: {"id":2}\n\n'))
        self.assertEqual((asked.marks, asked.retry), ([b"1", b"2"], 500))
        self.assertEqual(asked.messages, [{"id": 1}, {"id": 2}])

    def test_silent(self) -> None:
        """
        An answer without a body is an answer without messages.
        """
        asked = self.ask()
        self.doors.ears[0].say(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual((asked.status, asked.is_over, asked.messages), (202, True, []))

    def test_hang_up(self) -> None:
        """
        A client that hangs up is gone for the daemon, once.
        """
        asked, other = self.ask(), self.ask()
        asked.hang_up()
        asked.hang_up()
        self.assertEqual([ear.lost for ear in self.doors.ears], [[ConnectionDone], []])
        self.assertEqual((asked.is_connected, other.is_connected), (False, True))

    def test_closed(self) -> None:
        """
        A connection that the daemon closes or aborts ends in the next turn.
        """
        for end, reason in (("loseConnection", ConnectionDone), ("abortConnection", ConnectionAborted)):
            asked = self.ask()
            ear = self.doors.ears[-1]
            getattr(ear.transport, end)()
            self.assertTrue(asked.is_connected)
            self.clock.advance(0)
            self.assertEqual((asked.is_connected, ear.lost), (False, [reason]))

    def test_peer(self) -> None:
        """
        A client has the address that it is given.
        """
        self.ask("192.0.2.1")
        transport: Any = self.doors.ears[0].transport
        self.assertEqual(transport.getPeer().host, "192.0.2.1")
