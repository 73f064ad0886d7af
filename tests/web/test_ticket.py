# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.ticket`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import define
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.access.tickets import MOST_OWN, Tickets
from mcpd.web.head import Head
from mcpd.web.reply import Reply
from mcpd.web.site import Request
from mcpd.web.ticket import PATH, TicketOffice
from mcpd.wire.fault import Fault, Kind
from tests.web.test_socket import Switch

PAGE = b"https://app.example.org"


class Paths:
    """
    A relay with three plugins, one of which has an awkward name.
    """

    def serves(self, path: bytes) -> bool:
        """
        Tell whether there is something at a path.
        """
        return path in (b"/mcp", b"/mcp/files", b"/mcp/ticket", b"/mcp/ws")


@define
class Patient:
    """
    A judge who knows a client for a while.
    """

    left: int = 1000

    def judge(self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> str:
        """
        Tell who asks.
        """
        self.left -= 1
        if b"authorization" not in fields or self.left < 0:
            raise Fault(Kind.UNAUTHORIZED, "who are you?")
        return fields[b"authorization"].decode()


class TicketOfficeTests(SynchronousTestCase):
    """
    Tests for how a ticket is asked for.
    """

    def setUp(self) -> None:
        """
        Have an office.
        """
        self.count = 0
        self.tickets = Tickets(Clock(), self.entropy, 1000)
        self.judge = Patient()
        self.office = TicketOffice(Paths(), self.judge, self.tickets)

    def entropy(self, size: int) -> bytes:
        """
        Count up.
        """
        self.count += 1
        return self.count.to_bytes(size, "big")

    def ask(
        self,
        body: bytes = b"",
        origin: bytes | None = None,
        secure: bool = False,
        host: bytes = b"127.0.0.1:8420",
    ) -> Any:
        """
        Ask for a ticket; the answer.
        """
        fields = {b"host": host, b"authorization": b"key:a"}
        if origin is not None:
            fields[b"origin"] = origin
        head = Head(b"POST", PATH.encode(), b"", fields, frozenset(), "192.0.2.1", "ID", secure)
        switch = Switch()
        self.office.serve(Request(head, self.office.admit(head), body), Reply(switch, head.id))
        ((line, answer),) = switch.given
        self.assertEqual(line, b"HTTP/1.1 200 OK\r\n")
        return json.loads(answer)

    def refused(self, body: bytes = b"") -> Kind:
        """
        Ask in a way that is refused.
        """
        with self.assertRaises(Fault, msg=repr(body)) as caught:
            self.ask(body)
        fault: Fault = caught.exception
        return fault.kind

    def take(self, url: str, path: bytes, origin: bytes | None = None) -> str | None:
        """
        Use the ticket in an address.
        """
        return self.tickets.take(url.partition("?ticket=")[2].encode(), origin, path)

    def test_usual(self) -> None:
        """
        Who asks without saying for what gets the address of the WebSocket of all plugins, good for 30 s.
        """
        for body in (b"", b"{}", b'{"path":"/ws"}'):
            answer = self.ask(body)
            self.assertEqual((set(answer), answer["expires"]), ({"url", "expires"}, 30))
            self.assertRegex(answer["url"], r"^ws://127\.0\.0\.1:8420/ws\?ticket=[A-Za-z0-9_-]{43}$")
            self.assertEqual(self.take(answer["url"], b"/ws"), "key:a")

    def test_plugin(self) -> None:
        """
        One can ask for the WebSocket of one plugin, and the ticket opens no other.
        """
        url = self.ask(b'{"path": "/ws/files"}')["url"]
        self.assertTrue(url.startswith("ws://127.0.0.1:8420/ws/files?ticket="), url)
        self.assertIsNone(self.take(url, b"/ws"))
        url = self.ask(b'{"path": "/ws/files"}')["url"]
        self.assertEqual(self.take(url, b"/ws/files"), "key:a")

    def test_page(self) -> None:
        """
        A ticket that a page asked for is good for pages of its origin alone.
        """
        self.assertEqual(self.take(self.ask(origin=PAGE)["url"], b"/ws", PAGE), "key:a")
        for origin in (None, b"https://evil.example"):
            self.assertIsNone(self.take(self.ask(origin=PAGE)["url"], b"/ws", origin))

    def test_address(self) -> None:
        """
        The address is the one by which the client came: its host, and TLS if it used that.
        """
        url = self.ask(secure=True, host=b"tools.example.org")["url"]
        self.assertTrue(url.startswith("wss://tools.example.org/ws?ticket="), url)

    def test_nowhere(self) -> None:
        """
        There is no ticket for what is no WebSocket's path.
        """
        for path in (
            "/mcp",
            "/ws/",
            "/ws/nobody",
            "/ws/ticket",
            "",
            "ws",
            "/ws/files/",
            "/ws?",
            "/wsé",
            "/files",
        ):
            self.assertIs(self.refused(json.dumps({"path": path}).encode()), Kind.NOT_FOUND, path)

    def test_unreadable(self) -> None:
        """
        A body that says anything else is refused.
        """
        for body in (
            b"{",
            b"[]",
            b"null",
            b'"/ws"',
            b'{"path":1}',
            b'{"path":null}',
            b'{"paths":"/ws"}',
            b"\xff",
            b'{"path":"/ws"',
            b'{"path":"\\ud800"}',
            b"[" * 10000,
        ):
            self.assertIs(self.refused(body), Kind.BAD_REQUEST)

    def test_strangers(self) -> None:
        """
        Who shows no credentials in the header gets no ticket.
        """
        head = Head(b"POST", PATH.encode(), b"ticket=x", {}, frozenset(), "192.0.2.1", "ID")
        with self.assertRaises(Fault) as caught:
            self.office.admit(head)
        fault: Fault = caught.exception
        self.assertIs(fault.kind, Kind.UNAUTHORIZED)

    def test_revoked_meanwhile(self) -> None:
        """
        Who was good when the body began, and is not any more, gets no ticket.
        """
        self.judge.left = 1
        self.assertIs(self.refused(), Kind.UNAUTHORIZED)
        self.assertEqual(self.count, 0)

    def test_many(self) -> None:
        """
        Who uses none of them gets so many and no more.
        """
        for _ in range(MOST_OWN):
            self.ask()
        self.assertIs(self.refused(), Kind.OVERLOADED)

    def test_methods(self) -> None:
        """
        A ticket is asked for by POST, which no link and no picture in a page does.
        """
        self.assertEqual(TicketOffice.methods, (b"POST",))
