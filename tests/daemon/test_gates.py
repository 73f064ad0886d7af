# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.gates` and :mod:`mcpd.daemon.gate`.
"""

from __future__ import annotations

import os
from collections.abc import Coroutine
from datetime import UTC, datetime
from typing import Any

from attrs import evolve
from cryptography.x509 import load_pem_x509_crl
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.settings import DaemonSettings, Settings
from mcpd.daemon.gate import Gate, Identities
from mcpd.daemon.gates import Gates
from mcpd.daemon.sockets import Sockets
from mcpd.events import CertificateEnds, Event, RequestRefused, RevocationsEnd
from mcpd.systemd import Handed
from mcpd.testing.client import Modern
from mcpd.testing.ports import DoorReactor, Port
from mcpd.trouble import Troubled
from mcpd.units import Bytes, Rate
from mcpd.web.health import Health
from mcpd.web.site import Resource
from mcpd.web.spec import Limits, Listen, Rates, SocketSettings
from mcpd.wire.fault import Fault
from tests.daemon.secure import ROOT, TLS, Visitor, identity
from tests.web.pki import NOW

LISTEN = Listen("tcp:8420:interface=127.0.0.1", auth="none")
SECOND = Listen("tcp:8421:interface=127.0.0.1", auth="none")
SECURE = evolve(LISTEN, tls=TLS)
LIMITS = Limits()
DAY = 86400.0


def alive(gate: Gate) -> dict[bytes, Resource]:
    """
    Serve that the daemon is alive, if that is configured.
    """
    return {b"/healthz": Health("alive", lambda: True)} if "health" in gate.listen.serve else {}


class GatesCase(SynchronousTestCase):
    """
    Listeners in memory.
    """

    def setUp(self) -> None:
        """
        Have none.
        """
        self.reactor = DoorReactor()
        self.told: list[Event] = []
        self.gates = self.make(self.reactor)

    def make(self, reactor: Any) -> Gates:
        """
        Make them.
        """
        self.settings = Settings(DaemonSettings(public_url="https://tools.example.org"), (LISTEN,))
        sockets = Sockets(reactor, os.getuid(), Handed(()))
        return Gates(reactor, os.urandom, sockets.open, self.told.append, self.settings, alive)

    def open(self, listen: Listen = LISTEN, identities: Identities | None = None) -> str:
        """
        Open one that says that it is alive.
        """
        return self.gates.open(listen, identities or {})

    def change(self, *listen: Listen, identities: Identities | None = None, **sections: Any) -> None:
        """
        Configure otherwise.
        """
        self.gates.change(evolve(self.settings, listen=listen, **sections), identities or {})

    def factory(self, port: int = 0) -> IProtocolFactory:
        """
        Tell what makes the connections of one of them.
        """
        return list(self.reactor.ports.values())[port].factory

    def client(self, host: bytes = b"127.0.0.1:8420", port: int = 0) -> Modern:
        """
        Make a client of one of them.
        """
        return Modern(self.factory(port), self.reactor, path=b"/healthz", host=host)

    def status(self, host: bytes = b"127.0.0.1:8420", port: int = 0) -> int:
        """
        Ask one of them whether it is alive.
        """
        return self.client(host, port).send(b"GET").status

    def gate(self, number: int = 0) -> Gate:
        """
        Tell what stands behind one of them.
        """
        return self.gates._gates[number]

    def pumped(self, closing: Coroutine[Any, Any, None]) -> Deferred[None]:
        """
        Let something end that takes a turn.
        """
        closed = Deferred.fromCoroutine(closing)
        self.reactor.advance(0)
        return closed

    def close(self) -> Deferred[None]:
        """
        Close all.
        """
        return Deferred.fromCoroutine(self.gates.close())


class GatesTests(GatesCase):
    """
    Tests for how listeners open and close.
    """

    def test_open(self) -> None:
        """
        Each listener has an address that one can paste, and serves what it was given.
        """
        self.assertEqual(self.gates.addresses, [])
        told = [self.open(), self.open(evolve(LISTEN, endpoint="tcp6:8421:interface=\\:\\:1"))]
        self.assertEqual(told, ["http://127.0.0.1:8420", "http://[::1]:8421"])
        self.assertEqual(self.gates.addresses, told)
        self.assertEqual((self.status(), self.status(b"[::1]:8421", 1)), (200, 200))

    def test_names(self) -> None:
        """
        A listener answers for its own names and the canonical address, and for no others.
        """
        self.open(evolve(LISTEN, hosts=("more.example.org",)))
        for host, status in (
            (b"more.example.org", 200),
            (b"tools.example.org", 200),
            (b"localhost:8420", 200),
            (b"evil.example", 421),
        ):
            self.assertEqual(self.status(host), status, host)

    def test_told(self) -> None:
        """
        What is refused at a listener is told to the operator.
        """
        self.open()
        asked = self.client(b"evil.example").send(b"GET")
        refused = RequestRefused(asked.fields["x-request-id"], "127.0.0.1", 421, asked.error["message"])
        self.assertEqual(self.told, [refused])

    def elsewhere(self, place: UNIXAddress) -> tuple[Gates, list[Port]]:
        """
        Have listeners that are at one place, whatever is configured; their ports as they open.
        """
        ports: list[Port] = []

        class Unix(Port):
            def getHost(self) -> UNIXAddress:
                return place

        def open(listen: Listen, factory: IProtocolFactory, backlog: int) -> IListeningPort:
            ports.append(Unix(factory, backlog, self.reactor, ("x.sock", None)))
            ports[-1].startListening()
            port: IListeningPort = ports[-1]
            return port

        return Gates(self.reactor, os.urandom, open, self.told.append, self.settings, alive), ports

    def test_socket(self) -> None:
        """
        The address of a UNIX socket is its path; one that nobody named has none.
        """
        for name, address in ((b"/run/x.sock", "unix:/run/x.sock"), (b"", "unix:")):
            gates, _ = self.elsewhere(UNIXAddress(name))
            self.assertEqual(gates.open(Listen("unix:/run/x.sock"), {}), address)
            self.successResultOf(self.pumped(gates.close()))

    def test_waiting(self) -> None:
        """
        Clients of a socket that was handed over wait until the daemon is ready, or for the next one.
        """
        gates, ports = self.elsewhere(UNIXAddress(b"/run/x.sock"))
        gates.open(Listen("unix:/run/x.sock"), {})
        self.assertTrue(ports[0].reads)
        self.successResultOf(self.pumped(gates.close()))
        for ready in (True, False):
            gates, ports = self.elsewhere(UNIXAddress(b"/run/x.sock"))
            gates.open(Listen("systemd:domain=UNIX:name=mcp"), {})
            self.assertFalse(ports[0].reads)
            gates.waiting.begin(lambda ready=ready: ready)  # type: ignore[misc]  # mypy knows no such default
            self.reactor.advance(1)
            self.assertIs(ports[0].reads, ready)
            self.successResultOf(self.pumped(gates.close()))
            self.reactor.advance(60)
            self.assertIs(ports[0].reads, ready)

    def test_backlog(self) -> None:
        """
        The kernel holds as many connections as the limits say, or the listener's own endpoint.
        """
        self.open()
        self.open(evolve(LISTEN, endpoint="tcp:8421:interface=127.0.0.1:backlog=7"))
        self.assertEqual([port.backlog for port in self.reactor.ports.values()], [1024, 7])

    def test_taken(self) -> None:
        """
        An address that is taken is refused with its name, and those that are open stay.
        """
        self.open()
        error = self.assertRaises(CannotListenError, self.open)
        self.assertIn("127.0.0.1:8420", str(error))
        self.assertEqual((self.gates.addresses, self.status()), (["http://127.0.0.1:8420"], 200))

    def test_not_there(self) -> None:
        """
        A socket that was to be handed over and was not is refused with its name.
        """
        error = self.assertRaises(Troubled, self.open, Listen("systemd:domain=INET:name=mcp"))
        self.assertIn("systemd:domain=INET:name=mcp", error.reason.text)
        self.assertEqual(self.gates.addresses, [])

    def test_close(self) -> None:
        """
        Closed listeners take nobody, and connections that nothing runs on are ended.
        """
        self.open()
        self.open(SECOND)
        asked = self.client().send(b"GET")
        self.assertTrue(asked.is_connected)
        closed = self.close()
        self.assertNoResult(closed)
        self.reactor.advance(0)
        self.successResultOf(closed)
        self.reactor.advance(1)
        self.assertEqual((self.reactor.ports, asked.is_connected), ({}, False))

    def test_deliver(self) -> None:
        """
        Who ends the daemon can wait until slow clients have what they were sent, but not for ever.
        """
        self.open()
        self.open(SECOND)
        transport = StringTransport()
        connection = self.factory(1).buildProtocol(transport.getPeer())
        assert connection is not None
        connection.makeConnection(transport)
        taker: Any = transport.producer
        for taken in (True, False):
            self.successResultOf(Deferred.fromCoroutine(self.gates.deliver(self.reactor.seconds() + 5)))
            taker.pauseProducing()
            connection.dataReceived(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            delivered = Deferred.fromCoroutine(self.gates.deliver(self.reactor.seconds() + 5))
            self.reactor.advance(4.9)
            self.assertNoResult(delivered)
            if taken:
                taker.resumeProducing()
            self.reactor.advance(0.1)
            self.successResultOf(delivered)

    def test_at_once(self) -> None:
        """
        A port that has closed at once is as good as one that takes its time.
        """
        self.gates = self.make(MemoryReactorClock())
        self.open()
        self.successResultOf(self.close())


class ChangeTests(GatesCase):
    """
    Tests for listeners that are configured otherwise while they are open.
    """

    def test_limits(self) -> None:
        """
        Other limits hold at all listeners at once, for new connections.
        """
        self.open()
        self.open(SECOND)
        self.change(LISTEN, SECOND, limits=evolve(LIMITS, head=Bytes(128), tickets=1))
        fields = ((b"X-Long", b"x" * 200),)
        for port in (0, 1):
            asked = self.client(port=port, host=b"localhost").send(b"GET", b"", fields)
            self.assertEqual(asked.status, 431)
            tickets = self.gate(port).tickets
            tickets.give("a", None, b"/ws")
            self.assertRaises(Fault, tickets.give, "b", None, b"/ws")
        self.change(LISTEN, SECOND, limits=evolve(LIMITS, connections=0))
        for port in (0, 1):
            self.assertFalse(self.status(b"localhost", port))

    def test_later(self) -> None:
        """
        A listener that opens later has the settings that are in force by then.
        """
        self.open()
        self.change(LISTEN, limits=evolve(LIMITS, backlog=7))
        self.open(SECOND)
        self.assertEqual([port.backlog for port in self.reactor.ports.values()], [1024, 7])

    def test_hosts(self) -> None:
        """
        Other names hold at once, on connections that stand, too; its own address stays good.
        """
        self.open(evolve(LISTEN, hosts=("old.example.org",)))
        self.change(evolve(LISTEN, hosts=("new.example.org",)))
        hosts = (b"new.example.org", b"127.0.0.1:8420", b"localhost", b"old.example.org")
        self.assertEqual([self.status(host) for host in hosts], [200, 200, 200, 421])

    def test_origins(self) -> None:
        """
        Pages may call as long as their origin is allowed.
        """
        page = ((b"Origin", b"https://app.example.org"),)
        self.open()
        statuses = [self.client().send(b"GET", b"", page).status]
        for origins in (("https://app.example.org",), ()):
            self.change(evolve(LISTEN, origins=origins))
            statuses.append(self.client().send(b"GET", b"", page).status)
        self.assertEqual(statuses, [403, 200, 403])

    def test_private_network(self) -> None:
        """
        Pages from a public network may call only where that is configured.
        """
        asking = (
            (b"Origin", b"https://app.example.org"),
            (b"Access-Control-Request-Method", b"GET"),
            (b"Access-Control-Request-Private-Network", b"true"),
        )
        listen = evolve(LISTEN, origins=("https://app.example.org",))
        self.open(listen)
        allowed = []
        for private in (False, True, False):
            self.change(evolve(listen, private_network=private))
            answer = self.client().send(b"OPTIONS", b"", asking)
            self.assertEqual(answer.status, 204)
            allowed.append(answer.fields.get("access-control-allow-private-network"))
        self.assertEqual(allowed, [None, "true", None])

    def test_serve(self) -> None:
        """
        What is served is what is configured by then.
        """
        self.open()
        self.change(evolve(LISTEN, serve=("mcp",)))
        self.assertEqual(self.status(), 404)
        self.change(LISTEN)
        self.assertEqual(self.status(), 200)

    def test_proxies(self) -> None:
        """
        A proxy that is not named any more is believed no more.
        """
        listen = evolve(LISTEN, auth="required", proxies=("127.0.0.1",))
        hops = ((b"X-Forwarded-For", b"203.0.113.9"),)
        self.open(listen)
        peers = []
        for configured in (listen, evolve(listen, proxies=())):
            self.change(configured)
            self.client(b"evil.example").send(b"GET", b"", hops)
            self.client().send(b"POST", b"", hops)
            told = self.told[-1]
            assert isinstance(told, RequestRefused)
            peers.append(told.peer)
        self.assertEqual(peers, ["203.0.113.9", "127.0.0.1"])

    def test_forwarded(self) -> None:
        """
        Where no credentials are asked for, what a proxy forwarded is refused; only there, and only then.
        """
        via = ((b"Via", b"1.1 proxy"),)
        self.open()
        statuses = []
        for auth in (LISTEN, evolve(LISTEN, auth="required"), LISTEN):
            self.change(auth)
            statuses.append(self.client().send(b"GET", b"", via).status)
        self.assertEqual(statuses, [403, 200, 403])

    def test_websocket(self) -> None:
        """
        WebSockets that come have the settings and rates that are in force.
        """
        self.open()
        settings, rates = SocketSettings(compression=True), Rates(Rate(1, 1))
        self.change(LISTEN, websocket=settings, rate=rates)
        sockets = self.gate().sockets
        self.assertEqual((sockets.settings, sockets.rates), (settings, rates))

    def test_forget(self) -> None:
        """
        Whose credentials open nothing any more has no ticket at any listener; others keep theirs.
        """
        self.open()
        self.open(SECOND)
        given = [
            (number, caller, self.gate(number).tickets.give(caller, None, b"/ws").encode())
            for number in (0, 1)
            for caller in ("alice", "bob")
        ]
        self.gates.forget("alice")
        taken = [self.gate(number).tickets.take(ticket, None, b"/ws") for number, _, ticket in given]
        self.assertEqual(taken, [None, "bob", None, "bob"])


class TlsTests(GatesCase):
    """
    Tests for listeners with TLS.
    """

    def visit(self) -> Visitor:
        """
        Connect.
        """
        return Visitor.connect(self.factory(), self.reactor)

    def test_open(self) -> None:
        """
        Clients see the certificate, and are served under its names.
        """
        shown = identity(("localhost", "mcp.example.org"))
        self.assertEqual(self.open(SECURE, {TLS: shown}), "https://127.0.0.1:8420")
        visitor = self.visit()
        self.assertEqual(visitor.shown, shown.chain[0].serial_number)
        hosts = (b"mcp.example.org", b"tools.example.org", b"localhost", b"evil.example")
        self.assertEqual([visitor.status(host=host) for host in hosts], [200, 200, 200, 421])

    def test_secure(self) -> None:
        """
        A browser remembers that the listener speaks TLS, and only its own secure pages may call.
        """
        self.open(SECURE, {TLS: identity(("localhost", "mcp.example.org"))})
        visitor, hsts = self.visit(), b"\r\nStrict-Transport-Security: "
        self.assertIn(hsts, visitor.ask(host=b"mcp.example.org"))
        self.assertNotIn(hsts, visitor.ask(host=b"127.0.0.1:8420"))
        for origin, status in ((b"https://localhost:8420", b"200"), (b"http://localhost:8420", b"403")):
            answer = visitor.ask(fields=b"Origin: %b\r\n" % origin)
            self.assertTrue(answer.startswith(b"HTTP/1.1 " + status), answer)

    def test_odd_names(self) -> None:
        """
        A wildcard is for all hosts below; what no host can be called keeps nobody from being served.
        """
        self.open(SECURE, {TLS: identity(("localhost", "*.example.net", "*.example", "mcp.example.org."))})
        visitor = self.visit()
        hosts = (b"localhost", b"a.example.net", b"a.example", b"mcp.example.org")
        self.assertEqual([visitor.status(host=host) for host in hosts], [200, 200, 421, 421])

    def test_change(self) -> None:
        """
        Another certificate is shown from the next connection on; those that stand go on, under its names.
        """
        old, new = identity(("localhost", "old.example.org")), identity(("localhost", "new.example.org"))
        self.open(SECURE, {TLS: old})
        before = self.visit()
        self.change(SECURE, identities={TLS: new})
        after = self.visit()
        serials = [one.chain[0].serial_number for one in (old, new)]
        self.assertEqual([before.shown, after.shown], serials)
        for visitor in (before, after):
            hosts = (b"new.example.org", b"old.example.org")
            self.assertEqual([visitor.status(host=host) for host in hosts], [200, 421])

    def test_kept(self) -> None:
        """
        What is not loaded again stays as it is.
        """
        shown = identity(("localhost", "mcp.example.org"))
        self.open(SECURE, {TLS: shown})
        self.change(SECURE)
        visitor = self.visit()
        self.assertEqual(visitor.shown, shown.chain[0].serial_number)
        self.assertEqual(visitor.status(host=b"mcp.example.org"), 200)

    def test_ending(self) -> None:
        """
        A certificate that ends within three weeks is told, with the days that it has left, or had.
        """
        ends = 100 * DAY
        self.open()
        self.open(evolve(SECOND, tls=TLS), {TLS: identity(ends=ends)})
        for now, days in (
            (ends - 21 * DAY, None),
            (ends - 21 * DAY + 1, 20),
            (ends - 1, 0),
            (ends, 0),
            (ends + 1, -1),
            (ends + 3 * DAY, -3),
        ):
            told = [] if days is None else [CertificateEnds("https://127.0.0.1:8421", days)]
            self.assertEqual(list(self.gates.ending(now)), told, now)

    def test_lists_ending(self) -> None:
        """
        A revocation list that ends within two days is told, with the hours that it has left, or had.
        """
        ends = NOW + 30 * DAY
        lists = [
            load_pem_x509_crl(ROOT.revoke(end=datetime.fromtimestamp(end, UTC))) for end in (ends, ends + 1)
        ]
        self.open(SECURE, {TLS: evolve(identity(), revocations=tuple(lists))})
        for left, hours in ((2 * DAY, None), (2 * DAY - 1, 47), (0, 0), (-1, -1)):
            told = [] if hours is None else [RevocationsEnd("https://127.0.0.1:8420", hours)]
            self.assertEqual(list(self.gates.ending(ends - left)), told, left)
