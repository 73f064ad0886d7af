# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What of Autobahn is used, and what it would do by itself.
"""

from __future__ import annotations

from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from autobahn.websocket.protocol import WebSocketProtocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.lean import CLOSED, OPEN, Lean
from mcpd.web.outlet import Outlet
from mcpd.web.spec import Limits
from tests.web.framed import ACCEPT, MASK, PING, close, frame, opening

HOST = b"127.0.0.1:8420"

# Autobahn's settings that are others here, and why.
SETTINGS = {
    "versions": "RFC 6455 alone",
    "webStatus": "no page for browsers",
    "openHandshakeTimeout": "the porch's deadlines",
    "closeHandshakeTimeout": "likewise",
    "tcpNoDelay": "HTTP has set it",
    "autoPingRestartOnAnyTraffic": "our own pings",
    "flashSocketPolicy": "no Flash",
    "perMessageCompressionAccept": "a method",
}

# What Autobahn makes for each connection and we do not, and why.
BEGINNINGS = {
    "send_queue": "nothing is sent in pieces",
    "trafficStats": "one for all",
    "utf8validator": "made at its first use",
    "_transport_details": "the porch knows the client",
    "peer": "likewise",
    "is_open": "nobody waits",
    "is_closed": "likewise",
    "_listeners": "likewise",
    "_valid_events": "likewise",
    "_results": "likewise",
    "openHandshakeTimeoutCall": "the porch has the deadlines",
    "log": "Autobahn's own",
    "factory": "ours",
    "transport": "ours",
    "connected": "Twisted's",
}


class Both:
    """
    Autobahn's own protocol, and ours, on transports that keep what is written.
    """

    def __init__(self) -> None:
        self.factory = WebSocketServerFactory(server="", reactor=Clock())
        self.stock = WebSocketServerProtocol()
        self.stock.factory = self.factory
        self.transport = StringTransport()
        self.lean: Any = Lean(self.factory)
        self.lean.outlet = Outlet(self.transport, Limits(), set(), Clock())


class NamesTests(SynchronousTestCase):
    """
    Names of Autobahn's.
    """

    def test_settings(self) -> None:
        """
        Each of Autobahn's settings is as it would be, but for those that are ours.
        """
        both = Both()
        differing = {
            name
            for name in WebSocketServerProtocol.CONFIG_ATTRS
            if getattr(both.lean, name) != getattr(both.factory, name)
        }
        self.assertEqual(differing, set(SETTINGS))

    def test_beginning(self) -> None:
        """
        A connection begins as one of Autobahn's begins.
        """
        both = Both()
        both.stock.makeConnection(StringTransport())
        begun = {**vars(both.stock)}
        for name in (*WebSocketServerProtocol.CONFIG_ATTRS, *BEGINNINGS):
            begun.pop(name, None)
        self.assertGreater(len(begun), 25)
        self.assertEqual({name: getattr(both.lean, name) for name in begun}, begun)

    def test_own(self) -> None:
        """
        What is overridden here is still Autobahn's to call.
        """
        own = {name for name in vars(Lean) if callable(getattr(Lean, name)) and not name.startswith("__")}
        ours = {"shake_hands", "failed", "parted", "utf8validator"}
        missing = {name for name in own - ours if not hasattr(WebSocketServerProtocol, name)}
        self.assertEqual(missing, {"perMessageCompressionAccept"})
        self.assertIn("processControlFrame", vars(WebSocketProtocol))


class ShakeTests(SynchronousTestCase):
    """
    The handshake.
    """

    def test_accept(self) -> None:
        """
        A request is answered as RFC 6455, section 1.3 has it, without a word about the server.
        """
        both = Both()
        self.assertTrue(both.lean.shake_hands(opening(HOST)))
        lines = both.transport.value().split(b"\r\n")
        self.assertEqual(
            lines,
            [
                b"HTTP/1.1 101 Switching Protocols",
                b"Upgrade: WebSocket",
                b"Connection: Upgrade",
                b"Sec-WebSocket-Accept: " + ACCEPT,
                b"",
                b"",
            ],
        )

    def test_origins(self) -> None:
        """
        Autobahn does not judge origins: whoever comes here was let in.
        """
        for origin in (b"https://app.example.org", b"null", b"vscode-webview://abc", b"http://[::1]:80"):
            self.assertTrue(Both().lean.shake_hands(opening(HOST, fields=b"Origin: %b\r\n" % origin)), origin)

    def test_forgotten(self) -> None:
        """
        Nothing of the request stays with the connection: there are secrets in it.
        """
        both = Both()
        both.lean.shake_hands(opening(HOST, b"/ws?ticket=hush", b"Authorization: Bearer hush\r\n"))
        self.assertNotIn("hush", repr(vars(both.lean)))
        self.assertEqual(set(vars(both.lean)), {"factory", "outlet", "state", "data"})

    def test_refused(self) -> None:
        """
        What Autobahn refuses is answered without the client's own words.
        """
        both = Both()
        self.assertFalse(both.lean.shake_hands(opening(HOST, b"/ws#hush")))
        self.assertTrue(both.transport.value().startswith(b"HTTP/1.1 400 Bad Request\r\n"))
        self.assertNotIn(b"hush", both.transport.value())
        self.assertEqual(both.lean.state, CLOSED)
        self.assertTrue(both.transport.disconnecting)

    def test_selected(self) -> None:
        """
        The subprotocol that was selected is told, and no other.
        """
        both = Both()
        both.lean.selected = "mcp"
        both.lean.shake_hands(opening(HOST, fields=b"Sec-WebSocket-Protocol: mcp, mcp.bearer.aHVzaA\r\n"))
        self.assertIn(b"\r\nSec-WebSocket-Protocol: mcp\r\n", both.transport.value())
        self.assertNotIn(b"aHVzaA", both.transport.value())


class CompressionTests(SynchronousTestCase):
    """
    What is agreed on.
    """

    def _agree(self, offer: bytes, compresses: bool = True) -> bytes:
        both = Both()
        both.lean.compresses = compresses
        fields = b"Sec-WebSocket-Extensions: %b\r\n" % offer
        self.assertEqual(both.lean.shake_hands(opening(HOST, fields=fields)), True)
        head: bytes = both.transport.value()
        return head.partition(b"Sec-WebSocket-Extensions: ")[2].partition(b"\r\n")[0]

    def test_off(self) -> None:
        """
        Compression that is not allowed is not agreed on, and a strange offer of it does no harm.
        """
        self.assertEqual(self._agree(b"permessage-deflate", compresses=False), b"")
        self.assertEqual(self._agree(b"permessage-deflate; server_max_window_bits=99", compresses=False), b"")

    def test_agreed(self) -> None:
        """
        The client is to keep nothing from message to message, and a small window where it can.
        """
        table = {
            b"permessage-deflate": b"permessage-deflate; client_no_context_takeover",
            b"permessage-deflate; client_max_window_bits": (
                b"permessage-deflate; client_no_context_takeover; client_max_window_bits=12"
            ),
            b"permessage-deflate; server_no_context_takeover; server_max_window_bits=10": (
                b"permessage-deflate; server_no_context_takeover; server_max_window_bits=10; "
                b"client_no_context_takeover"
            ),
            b"x-unheard-of": b"",
        }
        for offer, answer in table.items():
            self.assertEqual(self._agree(offer), answer, offer)

    def test_declined(self) -> None:
        """
        An offer that is wrong or unknown is declined, and the next one is heard (RFC 7692, section 5.1).
        """
        good = b"permessage-deflate; client_no_context_takeover"
        for offer in (
            b"permessage-deflate; server_max_window_bits=8",
            b"permessage-deflate; foo",
            b"permessage-deflate; client_max_window_bits=99",
            b"permessage-deflate; server_no_context_takeover; server_no_context_takeover",
            b"permessage-bzip2; foo",
            b"permessage-bzip2",
        ):
            self.assertEqual(self._agree(offer), b"", offer)
            self.assertEqual(self._agree(offer + b", permessage-deflate"), good, offer)
            self.assertEqual(self._agree(b"permessage-deflate, " + offer), good, offer)

    def test_not_offered(self) -> None:
        """
        What is no offer of that compression is passed over.
        """
        self.assertIsNone(Both().lean.perMessageCompressionAccept([object()]))

    def test_window(self) -> None:
        """
        Our own window is no larger than the client's wish.
        """
        offers = {b"permessage-deflate; server_max_window_bits=9": 9, b"permessage-deflate": 12}
        for offer, window in offers.items():
            both = Both()
            both.lean.compresses = True
            both.lean.shake_hands(opening(HOST, fields=b"Sec-WebSocket-Extensions: %b\r\n" % offer))
            self.assertEqual(both.lean._perMessageCompress.server_max_window_bits, window)


class EndTests(SynchronousTestCase):
    """
    Ends.
    """

    def _open(self) -> Both:
        both = Both()
        both.lean.shake_hands(opening(HOST))
        both.transport.clear()
        return both

    def _read(self, both: Both, data: bytes) -> None:
        both.lean.data += data
        while both.lean.state == OPEN and not both.lean.failedByMe and both.lean.processData():
            pass

    def test_violation(self) -> None:
        """
        A violation is told by its close code, once, and the parser stops.
        """
        both = self._open()
        self._read(both, frame(b"x" * 126, PING))
        self.assertEqual(both.transport.value()[2:4], (1002).to_bytes(2, "big"))
        written = both.transport.value()
        both.lean._fail_connection(1008, "again")
        self.assertEqual(both.transport.value(), written)

    def test_goodbye(self) -> None:
        """
        A client's close frame is answered by one that says normal, and the connection closes.
        """
        both = self._open()
        self._read(both, close(3001, b"bye"))
        self.assertEqual(both.transport.value(), b"\x88\x02" + (1000).to_bytes(2, "big"))
        self.assertTrue(both.transport.disconnecting)
        self.assertEqual(both.lean.state, CLOSED)
        both.lean._fail_connection(1008, "too late")
        self.assertFalse(both.lean.failedByMe)

    def test_ping(self) -> None:
        """
        A ping has its pong, in order with what else is sent.
        """
        both = self._open()
        both.lean.outlet.send(b"before")
        self._read(both, frame(b"p", PING, mask=MASK))
        both.lean.outlet.send(b"after")
        self.assertEqual(both.transport.value(), b"before\x8a\x01pafter")

    def test_validator(self) -> None:
        """
        What judges UTF-8 in pieces is made once for a connection, when it is needed.
        """
        lean = Both().lean
        self.assertNotIn("utf8validator", vars(lean))
        self.assertIs(lean.utf8validator, lean.utf8validator)
        self.assertIsNot(lean.utf8validator, Both().lean.utf8validator)
        self.assertIs(Lean.utf8validator, vars(Lean)["utf8validator"])
