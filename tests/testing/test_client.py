# -*- test-case-name: tests.testing.test_client -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.client`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.client import Client, Legacy, Modern, message, text
from tests.testing.test_asked import Doors, whole


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
            b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:8420\r\nX-Mine: 1\r\n"
            b"Content-Length: 2\r\nX-More: 2\r\n\r\n{}",
        )

    def test_upgrade(self) -> None:
        """
        A WebSocket is asked for beside the path that is posted to, with its client's fields and no body.
        """
        for path, target in ((b"/mcp", b"/ws?x=1"), (b"/mcp/p", b"/ws/p?x=1")):
            self.client.path = path
            socketed = self.client.upgrade(query=b"?x=1")
            heard = self.doors.ears[-1].heard
            head = b"GET %b HTTP/1.1\r\nHost: 127.0.0.1:8420\r\nX-Mine: 1\r\nUpgrade: websocket\r\n" % target
            self.assertTrue(heard.startswith(head))
            self.assertTrue(heard.endswith(b"\r\nSec-WebSocket-Protocol: mcp\r\n\r\n"))
            self.assertEqual(socketed.envelope, {})

    def test_post(self) -> None:
        """
        What is posted has the types that every client sends.
        """
        self.client.post(b"[]")
        heard = self.doors.ears[0].heard
        self.assertIn(b"\r\nContent-Type: application/json\r\n", heard)
        self.assertIn(b"\r\nAccept: application/json, text/event-stream\r\n", heard)

    def test_get(self) -> None:
        """
        A stream is asked for with a GET that accepts nothing else.
        """
        self.client.get(((b"X-More", b"2"),))
        (ear,) = self.doors.ears
        self.assertTrue(ear.heard.startswith(b"GET /mcp HTTP/1.1\r\n"))
        self.assertTrue(ear.heard.endswith(b"\r\nAccept: text/event-stream\r\nX-More: 2\r\n\r\n"))


class ModernTests(SynchronousTestCase):
    """
    Tests for clients that say everything in each request.
    """

    def test_upgrade(self) -> None:
        """
        It says everything in each request over WebSocket, too.
        """
        client = Modern(Doors(), Clock(), capabilities={"roots": {}})
        self.assertEqual(client.upgrade().envelope, client.envelope())
        self.assertIn({"roots": {}}, client.envelope().values())

    def heard(self, *asked: Any, **about: Any) -> tuple[Any, dict[str, str]]:
        """
        Ask, and read what the daemon hears.
        """
        doors = Doors()
        Modern(doors, Clock(), **about).ask(*asked)
        return self.read(doors)

    def read(self, doors: Doors) -> tuple[Any, dict[str, str]]:
        """
        Read what the daemon heard: the message and the fields.
        """
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

    def test_fields(self) -> None:
        """
        A request may have more fields, as those that repeat an argument.
        """
        fields = self.heard("tools/call", {"name": "x"}, 1, ((b"Mcp-Param-Region", b"eu"),))[1]
        self.assertEqual((fields["mcp-param-region"], fields["mcp-name"]), ("eu", "x"))

    def test_listen(self) -> None:
        """
        A subscription is a request that says what is wanted.
        """
        doors = Doors()
        Modern(doors, Clock()).listen({"toolsListChanged": True}, "s")
        message, fields = self.read(doors)
        self.assertEqual((message["method"], message["id"]), ("subscriptions/listen", "s"))
        self.assertEqual(message["params"]["notifications"], {"toolsListChanged": True})
        self.assertEqual(fields["mcp-method"], "subscriptions/listen")


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
        client.batch([message("ping", id=1), message("m")])
        client.leave()
        hello, done, ping, batch, leave = (ear.heard for ear in doors.ears)
        self.assertIn(b'"protocolVersion": "2025-03-26"', hello)
        self.assertNotIn(b"Mcp-Session-Id", hello)
        for heard in (done, ping, batch, leave):
            self.assertIn(b"Mcp-Session-Id: abc\r\nMCP-Protocol-Version: 2025-06-18\r\n", heard)
        self.assertTrue(done.endswith(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}'))
        self.assertTrue(ping.endswith(b'{"jsonrpc": "2.0", "id": "p", "method": "ping"}'))
        self.assertTrue(
            batch.endswith(
                b'[{"jsonrpc": "2.0", "id": 1, "method": "ping"}, {"jsonrpc": "2.0", "method": "m"}]'
            )
        )
        self.assertTrue(leave.startswith(b"DELETE /mcp "))

    def test_listen(self) -> None:
        """
        A client asks for its session's stream, and for what followed an event of it.
        """
        doors = Doors(whole(b'{"result":{"protocolVersion":"2025-11-25"}}', b"Mcp-Session-Id: abc\r\n"))
        client = Legacy(doors, Clock())
        client.shake()
        client.listen()
        client.listen(b"7")
        first, again = (ear.heard for ear in doors.ears[2:])
        for heard in (first, again):
            self.assertTrue(heard.startswith(b"GET /mcp HTTP/1.1\r\n"))
            self.assertIn(b"\r\nAccept: text/event-stream\r\nMcp-Session-Id: abc\r\n", heard)
        self.assertNotIn(b"Last-Event-ID", first)
        self.assertTrue(again.endswith(b"\r\nLast-Event-ID: 7\r\n\r\n"))


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
