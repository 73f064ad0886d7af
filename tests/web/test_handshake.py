# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.handshake`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.handshake import check, select
from mcpd.web.head import Head, read_outline
from mcpd.wire.fault import Fault, Kind

GOOD = {
    b"Host": b"127.0.0.1:8420",
    b"Upgrade": b"websocket",
    b"Connection": b"Upgrade",
    # The one of RFC 6455, section 1.3.
    b"Sec-WebSocket-Key": b"dGhlIHNhbXBsZSBub25jZQ==",
    b"Sec-WebSocket-Version": b"13",
}


def opening(*more: tuple[bytes, bytes], **fields: bytes | None) -> Head:
    """
    Read a head as it comes in.

    Args:
        more: Further fields, which may be there already.
        fields: Values to change, by the last word of a name in lower case; None leaves one out.
    """
    rows = [(name, fields.get(name.split(b"-")[-1].decode().lower(), value)) for name, value in GOOD.items()]
    pairs = [(name, value) for name, value in (*rows, *more) if value is not None]
    lines = b"".join(b"%b: %b\r\n" % pair for pair in pairs)
    read = read_outline(b"GET /ws?a=b HTTP/1.1\r\n" + lines + b"\r\n", 100)
    return Head(read.method, read.path, read.query, read.fields, read.repeated, "192.0.2.1", "ID")


class CheckTests(SynchronousTestCase):
    """
    Tests for what opens a WebSocket.
    """

    def refused(self, head: Head, kind: Kind) -> Fault:
        """
        Judge what opens nothing.
        """
        with self.assertRaises(Fault, msg=repr(head.fields)) as caught:
            check(head)
        fault: Fault = caught.exception
        self.assertIs(fault.kind, kind, head.fields)
        return fault

    def test_good(self) -> None:
        """
        What clients send opens a WebSocket, in whatever case and with whatever else in the lists.
        """
        for head in (
            opening(),
            opening(upgrade=b"WebSocket", connection=b"keep-alive, Upgrade"),
            opening(upgrade=b"h2c , websocket", connection=b"UPGRADE,close"),
            opening(key=b"AAAAAAAAAAAAAAAAAAAAA+/==".replace(b"A+", b"+")),
            opening((b"Content-Length", b"0")),
            opening((b"Sec-WebSocket-Extensions", b"permessage-deflate; client_max_window_bits")),
            opening((b"Connection", b"keep-alive")),
        ):
            check(head)

    def test_no_upgrade(self) -> None:
        """
        Who does not ask for WebSocket is told that it is spoken here, and in which version.
        """
        for head in (
            opening(upgrade=None),
            opening(connection=None),
            opening(upgrade=None, connection=None),
            opening(upgrade=b"h2c"),
            opening(upgrade=b"websockets"),
            opening(upgrade=b"websocket/13"),
            opening(connection=b"keep-alive"),
        ):
            fault = self.refused(head, Kind.UPGRADE_REQUIRED)
            self.assertEqual(
                fault.headers,
                (
                    (b"Upgrade", b"websocket"),
                    (b"Connection", b"Upgrade"),
                    (b"Sec-WebSocket-Version", b"13"),
                ),
            )

    def test_version(self) -> None:
        """
        Other versions of the protocol are refused with the one that is spoken (RFC 6455, section 4.4).
        """
        for version in (None, b"8", b"0", b"014", b"013", b"+13", b"13, 8", b""):
            fault = self.refused(opening(version=version), Kind.UPGRADE_REQUIRED)
            self.assertIn((b"Sec-WebSocket-Version", b"13"), fault.headers)

    def test_key(self) -> None:
        """
        The key is 16 bytes in base64.
        """
        good = GOOD[b"Sec-WebSocket-Key"]
        for key in (None, b"", good[:-1], good[:-2], good + b"=", good[1:], b"A" * 24, b"-" + good[1:]):
            self.refused(opening(key=key), Kind.BAD_REQUEST)

    def test_twice(self) -> None:
        """
        What must be there once may not be there twice, even with the same value.
        """
        for name in (b"Sec-WebSocket-Key", b"Sec-WebSocket-Version"):
            self.refused(opening((name, GOOD[name])), Kind.BAD_REQUEST)
        extension = (b"Sec-WebSocket-Extensions", b"permessage-deflate")
        self.refused(opening(extension, extension), Kind.BAD_REQUEST)

    def test_body(self) -> None:
        """
        A request with a body opens nothing: another reader could take the body for frames.
        """
        for field in (
            (b"Content-Length", b"1"),
            (b"Content-Length", b"10"),
            (b"Transfer-Encoding", b"chunked"),
        ):
            self.refused(opening(field), Kind.BAD_REQUEST)

    def test_names(self) -> None:
        """
        What is no list of different names is refused, and nothing of it is told, for a token may be in it.
        """
        secret = b"mcp.bearer.SECRET"
        many = b", ".join(b"p%d" % number for number in range(16))
        for names in (
            b"",
            b",",
            b"mcp, ",
            b"mcp,," + secret,
            b"mcp " + secret,
            b"mcp, mcp",
            secret + b", " + secret,
            secret + b"=",
            b"mcp, " + secret + b", \xff",
            many + b", " + secret,
        ):
            fault = self.refused(opening((b"Sec-WebSocket-Protocol", names)), Kind.BAD_REQUEST)
            self.assertNotIn("SECRET", repr(fault))
        check(opening((b"Sec-WebSocket-Protocol", many)))


class SelectTests(SynchronousTestCase):
    """
    Tests for what is spoken.
    """

    def select(self, *values: bytes) -> str | None:
        """
        Offer these.
        """
        head = opening(*((b"Sec-WebSocket-Protocol", value) for value in values))
        check(head)
        return select(head)

    def test_offered(self) -> None:
        """
        The subprotocol is named wherever it is offered, in one field or two.
        """
        for values in (
            (b"mcp",),
            (b"other, mcp",),
            (b"mcp\t,mcp.bearer.AAAA",),
            (b"mcp.bearer.AAAA", b"mcp"),
        ):
            self.assertEqual(self.select(*values), "mcp", values)

    def test_not_offered(self) -> None:
        """
        Who offers nothing, or nothing that is known, is answered without one, and never with a token.
        """
        for values in ((), (b"other",), (b"MCP",), (b"mcp.bearer.AAAA",), (b"mcp2, mcp.auth.x",)):
            self.assertIsNone(self.select(*values), values)
