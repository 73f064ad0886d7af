# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.visitor`.
"""

from __future__ import annotations

from msgspec import structs
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from twisted.protocols.haproxy._wrapper import HAProxyWrappingFactory
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import RequestRefused
from mcpd.units import Seconds
from mcpd.web.head import Head
from mcpd.web.spec import Limits
from mcpd.web.visitor import Visitors
from mcpd.wire.fault import Fault, Kind
from tests.web.stage import Answer, Socket, Stage, post, read_answers

FAR, PROXY = "203.0.113.9", "10.0.0.1"


def head(peer: str = PROXY, **fields: bytes) -> Head:
    """
    Make a head; underscores stand for hyphens.
    """
    named = {name.replace("_", "-").encode(): value for name, value in fields.items()}
    return Head(b"POST", b"/mcp", b"x=1", named, frozenset(), peer, "OURS")


class VisitorTests(SynchronousTestCase):
    """
    Who the client of a request is.
    """

    def setUp(self) -> None:
        """
        Believe one proxy.
        """
        self.visitors = Visitors.new([PROXY])

    def test_proxy(self) -> None:
        """
        A proxy that is believed says who the client is, how it came, and what the request is called.
        """
        seen = self.visitors.see(
            head(x_forwarded_for=FAR.encode(), x_forwarded_proto=b"https", x_request_id=b"a-B_c.1")
        )
        self.assertEqual((seen.peer, seen.secure, seen.id), (FAR, True, "a-B_c.1"))
        self.assertEqual((seen.method, seen.path, seen.query), (b"POST", b"/mcp", b"x=1"))

    def test_stranger(self) -> None:
        """
        Nobody else is believed anything.
        """
        spoofed = {"x_forwarded_for": b"192.0.2.7", "x_forwarded_proto": b"https", "x_request_id": b"mine"}
        for peer in (FAR, "", "::1"):
            request = head(peer, **spoofed)
            self.assertIs(self.visitors.see(request), request)

    def test_silent(self) -> None:
        """
        What a proxy does not say stays as it is.
        """
        for secure in (False, True):
            seen = self.visitors.see(structs.replace(head(), secure=secure))
            self.assertEqual((seen.peer, seen.secure, seen.id), (PROXY, secure, "OURS"))

    def test_plain_behind_tls(self) -> None:
        """
        A proxy may speak TLS with us and clear text with its client.
        """
        self.assertFalse(
            self.visitors.see(structs.replace(head(x_forwarded_proto=b"http"), secure=True)).secure
        )

    def test_ids(self) -> None:
        """
        A request's id that could do harm in a log is not taken.
        """
        for id, taken in (
            (b"x" * 64, True),
            (b"x" * 65, False),
            (b"a b", False),
            (b"a, b", False),
            (b"a\n", False),
            (b"\x1b[31m", False),
            (b"\xff", False),
            (b"", False),
        ):
            seen = self.visitors.see(head(x_request_id=id)).id
            self.assertEqual(seen, id.decode() if taken else "OURS")

    def test_garbage(self) -> None:
        """
        Bytes that are no text are no address.
        """
        seen = self.visitors.see(head(x_forwarded_for=b"\xff, \xfe", x_forwarded_proto=b"\xff"))
        self.assertEqual((seen.peer, seen.secure), (PROXY, False))

    def test_open(self) -> None:
        """
        Where being near is enough, what was forwarded from afar is refused, and the setting is named.
        """
        visitors = Visitors.new(open=True)
        near = head("127.0.0.1")
        self.assertIs(visitors.see(near), near)
        for name in (
            "x_forwarded_for",
            "x_forwarded_proto",
            "x_forwarded_host",
            "x_real_ip",
            "forwarded",
            "via",
        ):
            with self.assertRaises(Fault) as caught:
                visitors.see(head("127.0.0.1", **{name: b""}))
            self.assertIs(caught.exception.kind, Kind.FORBIDDEN)
            self.assertIn("listen.auth", caught.exception.text)

    def test_announced(self) -> None:
        """
        Whom PROXY calls a client without an address is no proxy.
        """
        for announced, peer in ((False, FAR), (True, "")):
            visitors = Visitors.new(["unix"], announced=announced)
            self.assertEqual(visitors.see(head("", x_forwarded_for=FAR.encode())).peer, peer)

    def test_looks(self) -> None:
        """
        A usual listener looks at nothing.
        """
        self.assertFalse(Visitors.new().looks)
        self.assertFalse(Visitors.new(secure=True).looks)
        self.assertTrue(Visitors.new(open=True).looks)
        self.assertTrue(Visitors.new([PROXY]).looks)
        self.assertTrue(Visitors.new(["unix"]).looks)

    def test_memory(self) -> None:
        """
        However many peers come, few are remembered, and each is judged the same again.
        """
        for number in range(2000):
            peer = f"10.0.{number >> 8}.{number & 255}"
            self.assertIs(self.visitors.trust(peer), peer == PROXY)
            self.assertIs(self.visitors.trust(peer), peer == PROXY)
        self.assertLess(len(self.visitors._known), 300)

    def test_malformed(self) -> None:
        """
        A proxy that is malformed is refused.
        """
        with self.assertRaises(ValueError):
            Visitors.new(["proxy.example.org"])


class ForwardedTests(SynchronousTestCase):
    """
    Requests that come through a proxy.
    """

    def test_through(self) -> None:
        """
        Behind a proxy that is believed, each request has its own client and its own id.
        """
        stage = Stage(visitors=Visitors.new([PROXY]))
        client = stage.connect(PROXY)
        for number in range(2):
            fields = b"X-Forwarded-For: 192.0.2.7, 203.0.113.%d\r\nX-Request-Id: id-%d\r\n" % (number, number)
            client.send(post(fields=fields + b"X-Forwarded-Proto: https\r\n"))
        heads = [request.head for request in stage.echo.heard]
        self.assertEqual([head.peer for head in heads], ["203.0.113.0", "203.0.113.1"])
        self.assertEqual([head.id for head in heads], ["id-0", "id-1"])
        self.assertEqual([head.secure for head in heads], [True, True])
        self.assertEqual([a.fields["X-Request-Id"] for a in client.answers], ["id-0", "id-1"])

    def test_told(self) -> None:
        """
        The operator is told the client's address, not the proxy's, wherever the request is refused.
        """
        stage = Stage(Limits(body_timeout=Seconds(1)), visitors=Visitors.new([PROXY]))
        fields = b"X-Forwarded-For: 203.0.113.9\r\n"
        for data, status in (
            (post(fields=fields + b"X-Refuse: 1\r\n"), 401),
            (post(b"x" * 10, fields)[:-5], 408),
            (b"nonsense\r\n\r\n", 400),
        ):
            client = stage.connect(PROXY)
            client.send(data)
            stage.pass_time(2)
            event = stage.told[-1]
            assert isinstance(event, RequestRefused)
            self.assertEqual((event.status, client.answer.status), (status, status))
            # Who is unreadable says nothing of others, either.
            self.assertEqual(event.peer, PROXY if status == 400 else FAR)
            self.assertEqual(event.request, client.answer.fields["X-Request-Id"])

    def test_open(self) -> None:
        """
        A forwarded request is refused where no credentials are asked for, before anything else.
        """
        stage = Stage(visitors=Visitors.new(open=True))
        for fields, status in ((b"", 200), (b"X-Real-IP: 127.0.0.1\r\n", 403), (b"", 200)):
            client = stage.connect()
            client.send(post(fields=fields))
            self.assertEqual(client.answer.status, status)
        self.assertEqual(len(stage.echo.admitted), 2)

    def test_spoofed(self) -> None:
        """
        A stranger's word changes nothing.
        """
        stage = Stage(visitors=Visitors.new([PROXY]))
        client = stage.connect(FAR)
        client.send(post(fields=b"X-Forwarded-For: 127.0.0.1\r\nX-Request-Id: a\r\n"))
        head = stage.echo.heard[0].head
        self.assertEqual((head.peer, head.secure), (FAR, False))
        self.assertEqual(client.answer.fields["X-Request-Id"], head.id)
        self.assertNotEqual(head.id, "a")

    def test_many(self) -> None:
        """
        The clients behind a proxy that is believed have no bound together; others have theirs.
        """
        stage = Stage(Limits(connections_per_address=1), visitors=Visitors.new([PROXY]))
        clients = [stage.connect(PROXY) for _ in range(3)]
        clients += [stage.connect(FAR) for _ in range(2)]
        self.assertEqual(["abort" in client.socket.said for client in clients], [False] * 4 + [True])
        for client in clients:
            client.hang_up()
        self.assertEqual((stage.ledger.connections, len(stage.ledger._addresses)), (0, 0))


class AnnouncedTests(SynchronousTestCase):
    """
    Connections that begin with a PROXY header.
    """

    def setUp(self) -> None:
        """
        Listen behind a proxy, as an endpoint does.
        """
        self.stage = Stage(visitors=Visitors.new([PROXY, "unix"], announced=True))
        self.factory = HAProxyWrappingFactory(self.stage.doors)

    def connect(self, address: IAddress | None = None) -> Line:
        """
        Open a connection from a proxy, or from an address.
        """
        return Line(self.stage, self.factory, address or IPv4Address("TCP", PROXY, 1))

    def ask(self, line: bytes, fields: bytes = b"", address: IAddress | None = None) -> str:
        """
        Make a request behind a PROXY header, and tell who the client is.
        """
        client = self.connect(address)
        client.send(line + post(fields=fields))
        self.assertEqual(client.answers[0].status, 200)
        return self.stage.echo.heard[-1].head.peer

    def test_client(self) -> None:
        """
        PROXY tells who the client is, in both versions and over both protocols.
        """
        second = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xcb\0\x71\x09\xc0\0\2\1\0\x50\x01\xbb"
        for line, peer in (
            (b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\n", FAR),
            (b"PROXY TCP6 2001:DB8:0::9 2001:db8::1 5000 443\r\n", "2001:db8::9"),
            (second, FAR),
            (b"PROXY UNKNOWN \r\n", PROXY),
            (b"PROXY TCP4 \x1b[31m 192.0.2.1 5000 443\r\n", ""),
        ):
            self.assertEqual(self.ask(line), peer, line)

    def test_pieces(self) -> None:
        """
        PROXY and the request may come a byte at a time, and more requests behind them.
        """
        client = self.connect()
        data = b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\n" + post() + post(b"[]")
        # Twisted wants the first eight bytes in one piece; no proxy sends them otherwise.
        for piece in (data[:8], *(data[at : at + 1] for at in range(8, len(data)))):
            client.send(piece)
        self.assertEqual([a.status for a in client.answers], [200, 200])
        self.assertEqual({request.head.peer for request in self.stage.echo.heard}, {FAR})

    def test_unreadable(self) -> None:
        """
        The operator is told whose request could not be read, too.
        """
        self.connect().send(b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\nnonsense\r\n\r\n")
        (event,) = self.stage.told
        assert isinstance(event, RequestRefused)
        self.assertEqual((event.peer, event.status), (FAR, 400))

    def test_forwarded(self) -> None:
        """
        A client that PROXY told of is believed no more than any other, unless it is a proxy itself.
        """
        fields = b"X-Forwarded-For: 198.51.100.1\r\n"
        self.assertEqual(self.ask(b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\n", fields), FAR)
        self.assertEqual(self.ask(b"PROXY TCP4 10.0.0.1 192.0.2.1 5000 443\r\n", fields), "198.51.100.1")

    def test_unix(self) -> None:
        """
        A proxy may come through a UNIX socket.
        """
        line = b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 443\r\n"
        self.assertEqual(self.ask(line, address=UNIXAddress(b"/run/mcpd/mcp.sock")), FAR)
        fields = b"X-Forwarded-For: 198.51.100.1\r\n"
        self.assertEqual(self.ask(b"PROXY UNKNOWN \r\n", fields, UNIXAddress(b"/run/mcpd/mcp.sock")), "")

    def test_stranger(self) -> None:
        """
        Nobody but a proxy that is believed may say who the client is: others are cut at once.
        """
        for address in (IPv4Address("TCP", FAR, 1), IPv6Address("TCP", "::1", 1)):
            client = self.connect(address)
            self.assertEqual(client.socket.said, ["abort"])
            client.send(b"PROXY TCP4 127.0.0.1 127.0.0.1 5000 443\r\n" + post())
            self.assertEqual((client.answers, self.stage.echo.admitted), ([], []))

    def test_missing(self) -> None:
        """
        Without PROXY there is no request.
        """
        client = self.connect()
        client.send(post())
        self.stage.pass_time(1)
        self.assertTrue(client.socket.gone)
        self.assertEqual((client.answers, self.stage.echo.admitted), ([], []))

    def test_slow(self) -> None:
        """
        A PROXY header has no longer than the head behind it, and that has no more time for it.
        """
        for start in (b"", b"PROXY TCP4 203.0.113.9", b"PROXY TCP4 203.0.113.9 192.0.2.1 5 4\r\nPOST"):
            client = self.connect()
            if start:
                client.send(start)
            for _ in range(8):
                self.stage.pass_time(1)
                if start:
                    client.send(b"1")
            self.assertFalse(client.socket.gone)
            self.stage.pass_time(4)
            self.assertTrue(client.socket.gone, start)
        self.assertEqual(self.stage.ledger.connections, 0)

    def test_endless(self) -> None:
        """
        A PROXY header without an end is cut off, or taken for a request, when it is longer than one can be.
        """
        for start, most in (
            (b"PROXY TCP4 ", 200),
            (b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff", 75_000),
        ):
            client = self.connect()
            client.send(start)
            sent = 0
            while not client.socket.gone and not client.answers and sent < 1 << 20:
                client.send(b"1" * 50)
                sent += 50
                self.stage.turn()
            self.assertLess(sent, most)
        self.assertEqual(self.stage.echo.admitted, [])


class Line:
    """
    A connection behind what reads PROXY.
    """

    def __init__(self, stage: Stage, factory: HAProxyWrappingFactory, address: IAddress) -> None:
        self.socket = Socket(stage.clock)
        wrapper = factory.buildProtocol(address)
        # As a server's transport has them.
        self.socket.getPeer = lambda: address  # type: ignore[attr-defined]
        self.socket.registerProducer = lambda producer, streaming: None  # type: ignore[attr-defined]
        self.socket.unregisterProducer = lambda: None  # type: ignore[attr-defined]
        self.socket.write = self.socket.writeSomeData  # type: ignore[assignment, method-assign]
        self.socket.protocol = wrapper  # type: ignore[assignment]
        self._wrapper = wrapper
        wrapper.makeConnection(self.socket)

    def send(self, data: bytes) -> None:
        """
        Send bytes, as long as there is somebody to take them.
        """
        if not {"close", "abort"} & set(self.socket.said):
            self._wrapper.dataReceived(data)

    @property
    def answers(self) -> list[Answer]:
        """
        All answers so far.
        """
        return read_answers(bytes(self.socket.taken))
