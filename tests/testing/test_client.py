# -*- test-case-name: tests.testing.test_client -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.client`.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.client import Client, Legacy, Modern, text

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


class ClientTests(SynchronousTestCase):
    """
    Tests for what clients of both eras do.
    """

    def setUp(self) -> None:
        """
        Have a door.
        """
        self.clock = Clock()
        self.doors = Doors()
        self.client = Client(self.doors, self.clock, ((b"X-Mine", b"1"),))

    def test_request(self) -> None:
        """
        A request has Host, length, its client's fields and its own, and comes at once.
        """
        self.client.send(b"POST", b"{}", ((b"X-More", b"2"),))
        (ear,) = self.doors.ears
        self.assertEqual(
            ear.heard,
            b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:8420\r\nContent-Length: 2\r\n"
            b"X-Mine: 1\r\nX-More: 2\r\n\r\n{}",
        )

    def test_post(self) -> None:
        """
        What is posted has the types that every client sends.
        """
        self.client.post(b"[]")
        heard = self.doors.ears[0].heard
        self.assertIn(b"\r\nContent-Type: application/json\r\n", heard)
        self.assertIn(b"\r\nAccept: application/json, text/event-stream\r\n", heard)

    def test_whole(self) -> None:
        """
        A JSON answer is read when it is whole, in whatever pieces it comes.
        """
        asked = self.client.post(b"{}")
        self.assertEqual((asked.status, asked.is_over), (0, False))
        answer = whole(b'{"id":1,"result":{"x":"y"}}', b"X-Thing: T\r\n")
        ear = self.doors.ears[0]
        ear.say(*(answer[at : at + 1] for at in range(len(answer) - 1)))
        self.assertEqual((asked.status, asked.fields["x-thing"], asked.is_over), (200, "T", False))
        ear.say(answer[-1:])
        self.assertEqual((asked.is_over, asked.result, asked.notices), (True, {"x": "y"}, []))

    def test_error(self) -> None:
        """
        An error is an answer.
        """
        asked = self.client.post(b"{}")
        self.doors.ears[0].say(whole(b'{"error":{"code":1}}'))
        self.assertEqual(asked.error, {"code": 1})
        self.assertEqual(len(asked.answers), 1)

    def test_stream(self) -> None:
        """
        Messages of a stream are there as soon as they came.
        """
        asked = self.client.post(b"{}")
        ear = self.doors.ears[0]
        ear.say(STREAM, chunk(b'event: message\ndata: {"method":"m"}\n\ndata: {"id"'))
        self.assertEqual((asked.notices, asked.answers, asked.is_over), ([{"method": "m"}], [], False))
        ear.say(chunk(b': 1, "result":{}}\n\n: x\n\n'), b"0\r\n\r\n")
        self.assertEqual((asked.result, asked.is_over), ({}, True))

    def test_silent(self) -> None:
        """
        An answer without a body is an answer without messages.
        """
        asked = self.client.post(b"{}")
        self.doors.ears[0].say(b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual((asked.status, asked.is_over, asked.messages), (202, True, []))

    def test_hang_up(self) -> None:
        """
        A client that hangs up is gone for the daemon, once.
        """
        asked, other = self.client.post(b"{}"), self.client.post(b"{}")
        asked.hang_up()
        asked.hang_up()
        self.assertEqual([ear.lost for ear in self.doors.ears], [[ConnectionDone], []])
        self.assertEqual((asked.is_connected, other.is_connected), (False, True))

    def test_closed(self) -> None:
        """
        A connection that the daemon closes or aborts ends in the next turn.
        """
        for end, reason in (("loseConnection", ConnectionDone), ("abortConnection", ConnectionAborted)):
            asked = self.client.post(b"{}")
            ear = self.doors.ears[-1]
            getattr(ear.transport, end)()
            self.assertTrue(asked.is_connected)
            self.clock.advance(0)
            self.assertEqual((asked.is_connected, ear.lost), (False, [reason]))

    def test_peer(self) -> None:
        """
        A client has the address that it is given.
        """
        Client(self.doors, self.clock, peer="192.0.2.1").post(b"{}")
        transport: Any = self.doors.ears[0].transport
        self.assertEqual(transport.getPeer().host, "192.0.2.1")


class ModernTests(SynchronousTestCase):
    """
    Tests for clients that say everything in each request.
    """

    def heard(self, *asked: Any, **about: Any) -> tuple[Any, dict[str, str]]:
        """
        Ask, and read what the daemon hears: the message and the fields.
        """
        doors = Doors()
        Modern(doors, Clock(), **about).ask(*asked)
        head, _, body = doors.ears[0].heard.partition(b"\r\n\r\n")
        lines = [line.split(": ") for line in head.decode().split("\r\n")[1:]]
        return json.loads(body), {name.lower(): value for name, value in lines}

    def test_envelope(self) -> None:
        """
        A request says its version, its client and what can be asked of it, and the fields repeat it.
        """
        message, fields = self.heard("tools/list", {"_meta": {"m": 1}}, "x", capabilities={"sampling": {}})
        meta = message["params"]["_meta"]
        self.assertEqual(meta["io.modelcontextprotocol/protocolVersion"], "2026-07-28")
        self.assertEqual(meta["io.modelcontextprotocol/clientCapabilities"], {"sampling": {}})
        self.assertEqual((message["id"], meta["m"]), ("x", 1))
        self.assertEqual((fields["mcp-protocol-version"], fields["mcp-method"]), ("2026-07-28", "tools/list"))
        self.assertNotIn("mcp-name", fields)

    def test_name(self) -> None:
        """
        What a proxy may route by is in a field, encoded where it has to be.
        """
        for name, value in (("p__x", "p__x"), ("é", "=?base64?w6k=?=")):
            message, fields = self.heard("tools/call", {"name": name})
            self.assertEqual((message["params"]["name"], fields["mcp-name"]), (name, value))
        self.assertNotIn("mcp-name", self.heard("no/such", {"name": "x"})[1])


class LegacyTests(SynchronousTestCase):
    """
    Tests for clients that shake hands.
    """

    def test_session(self) -> None:
        """
        A client shakes hands, says so, and from then on names its session and what was agreed.
        """
        doors = Doors(whole(b'{"result":{"protocolVersion":"2025-06-18"}}', b"Mcp-Session-Id: abc\r\n"))
        client = Legacy(doors, Clock())
        client.shake("2025-03-26")
        client.ask("ping", id="p")
        client.leave()
        hello, done, ping, leave = (ear.heard for ear in doors.ears)
        self.assertIn(b'"protocolVersion": "2025-03-26"', hello)
        self.assertNotIn(b"Mcp-Session-Id", hello)
        for heard in (done, ping, leave):
            self.assertIn(b"Mcp-Session-Id: abc\r\nMCP-Protocol-Version: 2025-06-18\r\n", heard)
        self.assertTrue(done.endswith(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'))
        self.assertTrue(ping.endswith(b'{"jsonrpc": "2.0", "id": "p", "method": "ping"}'))
        self.assertTrue(leave.startswith(b"DELETE /mcp "))


class TextTests(SynchronousTestCase):
    """
    Tests for messages.
    """

    def test_text(self) -> None:
        """
        A message has an id if it is a request, zero and the empty string too, and params if there are any.
        """
        self.assertEqual(text("m"), b'{"jsonrpc": "2.0", "method": "m"}')
        for id in (0, ""):
            self.assertEqual(
                json.loads(text("m", {}, id)), {"jsonrpc": "2.0", "id": id, "method": "m", "params": {}}
            )
