# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.tls`.
"""

from __future__ import annotations

import ssl
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from attrs import define, evolve, field
from OpenSSL import SSL
from OpenSSL._util import lib as openssl
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcpd.units import Seconds
from mcpd.web.doors import Doors
from mcpd.web.ledger import Ledger
from mcpd.web.pem import UnusableTls
from mcpd.web.shield import Shield
from mcpd.web.site import Site
from mcpd.web.spec import Limits, Tls
from mcpd.web.tls import GROUPS, KEPT, PRIVATE, TICKET, Identity, Secured, choose_groups, wrap
from tests.web.pki import END, NOW, Files, Paper, key_pem, root

PAST = datetime(2026, 1, 1, tzinfo=UTC)
ADDRESS = IPv4Address("TCP", "192.0.2.1", 5000)
V12, V13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3


class Echo(Protocol):
    """
    Answers with what comes.
    """

    def dataReceived(self, data: bytes) -> None:
        """
        Say it again.
        """
        assert self.transport is not None
        self.transport.write(data)


class Socket(StringTransport):
    """
    A TCP connection's transport.
    """

    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Send small pieces at once.
        """

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Probe a silent client.
        """


@define(eq=False)
class Line:
    """
    A client and a server, and what goes between them.

    Attributes:
        server: The server's transport.
        error: Why the client gave up.
    """

    clock: Clock
    client: ssl.SSLObject
    incoming: ssl.MemoryBIO
    outgoing: ssl.MemoryBIO
    protocol: Any
    server: Socket = field(factory=Socket)
    error: ssl.SSLError | None = None

    def pump(self, rounds: int = 6) -> None:
        """
        Carry bytes to and fro.
        """
        for _ in range(rounds):
            self.clock.advance(0)
            self.incoming.write(self.server.value())
            self.server.clear()
            if data := self.outgoing.read():
                self.protocol.dataReceived(data)

    def shake(self) -> bool:
        """
        Shake hands, and tell whether a word comes back.
        """
        for _ in range(6):
            try:
                self.client.do_handshake()
            except ssl.SSLWantReadError:
                self.pump(1)
            except ssl.SSLError as error:
                self.error = error
                self.pump(1)
                return False
        return self.ask(b"hello") == b"hello"

    def ask(self, word: bytes) -> bytes:
        """
        Send something, and take what comes back.
        """
        try:
            self.client.write(word)
            self.pump()
            return self.client.read(100)
        except ssl.SSLError as error:
            self.error = error
            return b""


class TlsCase(SynchronousTestCase):
    """
    A listener with TLS, and clients.
    """

    def setUp(self) -> None:
        """
        Have papers for a server and for clients.
        """
        self.clock = Clock()
        self.clock.advance(NOW)
        self.root = root()
        self.between = self.root.issue("between", ca=True)
        self.leaf = self.between.issue("leaf", hosts=["localhost", "127.0.0.1"])
        self.clients = root("clients")
        self.staff = self.clients.issue("staff", ca=True)
        self.factory: IProtocolFactory = Factory.forProtocol(Echo)
        self.files = {
            "c": self.leaf.pem + self.between.pem,
            "a": self.clients.pem + self.staff.pem,
            "r": self.clients.revoke() + self.staff.revoke(),
        }

    def identity(
        self,
        client_ca: str = "",
        client_crl: str = "",
        client_auth: Literal["optional", "required"] = "optional",
        key: bytes | None = None,
    ) -> Identity:
        """
        Load an identity.
        """
        tls = Tls("c", "file:/k", client_ca, client_crl, client_auth)
        return Identity.load(tls, key or key_pem(self.leaf.key), Files(self.files).read, NOW)

    def context(
        self, paper: Paper | None = None, chain: Sequence[Paper] = (), version: ssl.TLSVersion | None = None
    ) -> ssl.SSLContext:
        """
        Make what a client has: trust in our root, and maybe a certificate.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(cadata=self.root.pem.decode())
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if paper is not None:
            path = Path(self.mktemp())
            path.write_bytes(b"".join([key_pem(paper.key), paper.pem, *(one.pem for one in chain)]))
            context.load_cert_chain(path)
        return context

    def call(
        self,
        secured: Secured,
        context: ssl.SSLContext | None = None,
        name: str | None = "localhost",
        session: ssl.SSLSession | None = None,
    ) -> Line:
        """
        Connect, without shaking hands yet.
        """
        protocol = wrap(self.factory, secured).buildProtocol(ADDRESS)
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        context = context or self.context()
        client = context.wrap_bio(incoming, outgoing, server_hostname=name, session=session)
        line = Line(self.clock, client, incoming, outgoing, protocol)
        assert protocol is not None
        protocol.makeConnection(line.server)
        return line

    def shaken(self, secured: Secured, context: ssl.SSLContext | None = None, **others: Any) -> Line:
        """
        Connect with success.
        """
        line = self.call(secured, context, **others)
        self.assertTrue(line.shake(), line.error)
        return line

    def shunned(self, secured: Secured, context: ssl.SSLContext | None = None) -> str:
        """
        Connect in vain, and tell what the client hears of it.
        """
        line = self.call(secured, context)
        self.assertFalse(line.shake())
        self.assertTrue(line.server.disconnecting)
        line.protocol.connectionLost(Failure(connectionDone.value))
        self.assertEqual(self.flushLoggedErrors(), [])
        return str(line.error)


class IdentityTests(TlsCase):
    """
    What is loaded, and what is refused.
    """

    def test_load(self) -> None:
        """
        It is known which hosts a certificate is for, and when the first of its chain expires.
        """
        self.between = self.root.issue("between", ca=True, end=datetime(2050, 1, 1, tzinfo=UTC))
        self.leaf = self.between.issue("leaf", hosts=["localhost"])
        self.files["c"] = self.leaf.pem + self.between.pem
        loaded = self.identity()
        self.assertEqual(loaded.names, ("localhost",))
        self.assertEqual(loaded.expires, datetime(2050, 1, 1, tzinfo=UTC).timestamp())
        self.assertEqual(evolve(loaded, expires=END.timestamp()).expires, END.timestamp())

    def test_same(self) -> None:
        """
        The same files make the same identity, and no key is shown in a log.
        """
        self.assertEqual(self.identity("a", "r"), self.identity("a", "r"))
        self.assertNotEqual(self.identity("a", "r"), self.identity("a"))
        self.assertNotIn("key", repr(self.identity()))

    def test_refused(self) -> None:
        """
        Each of the files that can't be used is blamed by its own setting.
        """
        for setting, broken in (("certificate", "c"), ("client_ca", "a"), ("client_crl", "r")):
            before = self.files[broken]
            self.files[broken] = b"nothing"
            self.assertEqual(self.assertRaises(UnusableTls, self.identity, "a", "r").setting, setting)
            self.files[broken] = before
        caught = self.assertRaises(UnusableTls, self.identity, key=b"nothing")
        self.assertEqual(caught.setting, "private_key")

    def test_missing(self) -> None:
        """
        What needs authorities is refused without them.
        """
        caught = self.assertRaises(UnusableTls, self.identity, client_auth="required")
        self.assertEqual(str(caught), "client_ca: it is needed where client_auth is required")
        caught = self.assertRaises(UnusableTls, self.identity, client_crl="r")
        self.assertEqual(str(caught), "client_ca: it is needed where there is a client_crl")


class HandshakeTests(TlsCase):
    """
    Whom a listener speaks to.
    """

    def setUp(self) -> None:
        """
        Have a listener.
        """
        super().setUp()
        self.secured = Secured(self.identity(), self.clock)

    def test_interface(self) -> None:
        """
        It is what Twisted asks for connections.
        """
        verifyObject(IOpenSSLServerConnectionCreator, self.secured)

    def test_versions(self) -> None:
        """
        TLS 1.2 and 1.3 are spoken, and nothing older.
        """
        for version in (V12, V13):
            line = self.shaken(self.secured, self.context(version=version))
            self.assertEqual(line.client.version(), version.name.replace("_", "."))
        context = self.context()
        context.set_ciphers("ALL:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        self.assertIn("PROTOCOL_VERSION", self.shunned(self.secured, context).upper())

    def test_suites(self) -> None:
        """
        Of TLS 1.2 only suites with forward secrecy and authentication are spoken, in our order.
        """
        for offered, chosen in (
            ("CHACHA20-POLY1305:AES128-GCM-SHA256", "AES128-GCM-SHA256"),
            ("CHACHA20-POLY1305:AES256-GCM-SHA384", "AES256-GCM-SHA384"),
            ("CHACHA20-POLY1305:AES256-SHA384", "CHACHA20-POLY1305"),
        ):
            context = self.context(version=V12)
            context.set_ciphers(":".join(f"ECDHE-ECDSA-{suite}" for suite in offered.split(":")))
            cipher = self.shaken(self.secured, context).client.cipher()
            assert cipher is not None
            self.assertEqual(cipher[0], f"ECDHE-ECDSA-{chosen}")
        for suites in ("ECDHE-ECDSA-AES128-SHA256", "AES128-GCM-SHA256", "ECDHE-ECDSA-AES128-CCM"):
            context = self.context(version=V12)
            context.set_ciphers(suites)
            self.assertIn("HANDSHAKE_FAILURE", self.shunned(self.secured, context))

    def test_groups(self) -> None:
        """
        Curves are X25519, P-256 and P-384, and no other.
        """
        for group in ("prime256v1", "secp384r1"):
            context = self.context()
            context.set_ecdh_curve(group)
            self.shaken(self.secured, context)
        context = self.context()
        context.set_ecdh_curve("secp521r1")
        self.assertIn("HANDSHAKE_FAILURE", self.shunned(self.secured, context))

    def test_names(self) -> None:
        """
        Whatever name a client asks for, it is shown the one certificate, and judges it itself.
        """
        context = self.context()
        context.check_hostname = False
        for name in ("elsewhere.example", None):
            line = self.shaken(self.secured, context, name=name)
            self.assertEqual(
                ssl.DER_cert_to_PEM_cert(line.client.getpeercert(True) or b"").encode(), self.leaf.pem
            )

    def test_protocols(self) -> None:
        """
        A client that offers HTTP/1.1 gets it, and one that offers nothing may speak it.
        """
        for offered, chosen in ((["h2", "http/1.1"], "http/1.1"), ([], None)):
            context = self.context()
            context.set_alpn_protocols(offered)
            self.assertEqual(self.shaken(self.secured, context).client.selected_alpn_protocol(), chosen)

    def test_other_protocols(self) -> None:
        """
        A client that speaks only other protocols is told so, and the next client isn't held to it.
        """
        context = self.context()
        context.set_alpn_protocols(["h2", "smtp"])
        self.assertIn("no application protocol", self.shunned(self.secured, context))
        self.shaken(self.secured)

    def test_no_tls(self) -> None:
        """
        What is no TLS ends the connection without a word in the log.
        """
        for said in (
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
            b"\0" * 99,
        ):
            line = self.call(self.secured)
            line.protocol.dataReceived(said)
            self.assertTrue(line.server.disconnecting)
            line.protocol.connectionLost(Failure(connectionDone.value))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_hang_up(self) -> None:
        """
        A client that leaves in the middle of a handshake leaves nothing in the log.
        """
        line = self.call(self.secured)
        with self.assertRaises(ssl.SSLWantReadError):
            line.client.do_handshake()
        line.protocol.dataReceived(line.outgoing.read()[:100])
        line.protocol.connectionLost(Failure(connectionDone.value))
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_renegotiation(self) -> None:
        """
        Nobody can ask for another handshake on a connection of TLS 1.2.
        """
        server = self.identity().context()
        self.assertTrue(server.set_options(0) & SSL.OP_NO_RENEGOTIATION)
        self.assertTrue(server.set_options(0) & SSL.OP_NO_COMPRESSION)


class DeadlineTests(TlsCase):
    """
    Handshakes that never end, before the real doors.
    """

    def setUp(self) -> None:
        """
        Have a door with TLS before it.
        """
        super().setUp()
        limits = Limits(header_timeout=Seconds(10), connections=1)
        self.doors = Doors(self.clock, Site(Shield((), ()), {}), limits, Ledger(limits), bytes)
        self.factory = self.doors
        self.secured = Secured(self.identity(), self.clock)

    def half(self) -> Line:
        """
        Begin a handshake.
        """
        line = self.call(self.secured)
        with self.assertRaises(ssl.SSLWantReadError):
            line.client.do_handshake()
        line.protocol.dataReceived(line.outgoing.read()[:50])
        return line

    def wait(self, seconds: float) -> None:
        """
        Let time pass, in steps.
        """
        for _ in range(int(seconds * 4)):
            self.clock.advance(0.25)

    def test_half(self) -> None:
        """
        Half a handshake is closed at limits.header_timeout, however slowly it goes on.
        """
        line = self.half()
        for byte in line.outgoing.read()[:9] or bytes(9):
            self.wait(1)
            line.protocol.dataReceived(bytes([byte]))
            self.assertFalse(line.server.disconnecting)
        self.wait(2)
        self.assertTrue(line.server.disconnecting)

    def test_silent(self) -> None:
        """
        A client that says nothing at all is closed then, too.
        """
        line = self.call(self.secured)
        self.wait(9)
        self.assertFalse(line.server.disconnecting)
        self.wait(2)
        self.assertTrue(line.server.disconnecting)

    def test_full(self) -> None:
        """
        A connection for which there is no room is aborted before its handshake.
        """
        self.half()
        line = self.call(self.secured)
        self.assertTrue(line.server.disconnected)


class ResumptionTests(TlsCase):
    """
    Clients that come again.
    """

    def setUp(self) -> None:
        """
        Have a listener.
        """
        super().setUp()
        self.secured = Secured(self.identity(), self.clock)

    def again(self, version: ssl.TLSVersion, between: Callable[[], object] = lambda: None) -> bool:
        """
        Connect twice, and tell whether the second time is a short one.
        """
        context = self.context(version=version)
        session = self.shaken(self.secured, context).client.session
        between()
        return bool(self.shaken(self.secured, context, session=session).client.session_reused)

    def test_resumed(self) -> None:
        """
        A client that comes again resumes, in TLS 1.2 and 1.3.
        """
        self.assertTrue(self.again(V12))
        self.assertTrue(self.again(V13))

    def test_changed(self) -> None:
        """
        Once another identity is shown, a client that wants to resume does a whole handshake.
        """
        for version in (V12, V13):
            self.leaf = self.between.issue("leaf", hosts=["localhost"])
            self.files["c"] = self.leaf.pem + self.between.pem
            self.assertFalse(self.again(version, lambda: self.secured.change(self.identity())))

    def test_reloaded(self) -> None:
        """
        Loading the same identity again costs no client its session.
        """
        self.assertTrue(self.again(V13, lambda: self.secured.change(self.identity())))

    def test_kept(self) -> None:
        """
        The keys of tickets are made anew after some hours, so that who learns them learns little.
        """
        self.clock.advance(KEPT - 1)
        self.assertTrue(self.again(V12))
        for version in (V12, V13):
            self.assertFalse(self.again(version, lambda: self.clock.advance(KEPT)))
            self.assertTrue(self.again(version))


class ChangeTests(TlsCase):
    """
    An identity that takes the place of another.
    """

    def test_change(self) -> None:
        """
        A connection that stands goes on, and the next one sees the new certificate.
        """
        secured = Secured(self.identity(), self.clock)
        before = self.shaken(secured)
        self.leaf = self.between.issue("leaf", hosts=["localhost", "new.example.org"])
        self.files["c"] = self.leaf.pem + self.between.pem
        secured.change(self.identity())
        self.assertEqual(before.ask(b"still here"), b"still here")
        self.shaken(secured, name="new.example.org")
        self.assertEqual(secured.identity.names[1], "new.example.org")


class ClientTests(TlsCase):
    """
    Clients with certificates.
    """

    def secured(self, *arguments: Any) -> Secured:
        """
        Have a listener that asks for them.
        """
        return Secured(self.identity(*arguments), self.clock)

    def test_optional(self) -> None:
        """
        Where a certificate is optional, a client comes in with a good one or with none.
        """
        secured = self.secured("a", "", "optional")
        for version in (V12, V13):
            self.shaken(secured, self.context(version=version))
            line = self.shaken(secured, self.context(self.clients.issue("c"), version=version))
            shown = line.protocol.getPeerCertificate()
            self.assertEqual(shown.get_subject().CN, "c")

    def test_required(self) -> None:
        """
        Where a certificate is required, a client without one is refused in the handshake.
        """
        secured = self.secured("a", "", "required")
        self.shaken(secured, self.context(self.clients.issue("c")))
        self.assertIn("CERTIFICATE_REQUIRED", self.shunned(secured, self.context(version=V13)))
        self.assertIn("HANDSHAKE_FAILURE", self.shunned(secured, self.context(version=V12)))

    def test_refused(self) -> None:
        """
        A client whose certificate is a stranger's or has expired is refused, even where none is needed.
        """
        secured = self.secured("a", "", "optional")
        for paper, alert in (
            (root("stranger").issue("c"), "UNKNOWN_CA"),
            (self.clients.issue("c", end=PAST), "CERTIFICATE_EXPIRED"),
            (self.root.issue("c"), "UNKNOWN_CA"),
        ):
            for version in (V12, V13):
                self.assertIn(alert, self.shunned(secured, self.context(paper, version=version)))

    def test_revoked(self) -> None:
        """
        A client whose certificate was taken back is refused, and the others are not.
        """
        good, bad = self.staff.issue("good"), self.staff.issue("bad")
        self.files["r"] = self.clients.revoke() + self.staff.revoke(bad)
        secured = self.secured("a", "r", "optional")
        self.shaken(secured)
        self.shaken(secured, self.context(good))
        self.assertIn("CERTIFICATE_REVOKED", self.shunned(secured, self.context(bad)))

    def test_authority_revoked(self) -> None:
        """
        An authority that was taken back takes back everyone whom it vouched for.
        """
        self.files["r"] = self.clients.revoke(self.staff) + self.staff.revoke()
        paper = self.staff.issue("c")
        self.assertIn(
            "CERTIFICATE_REVOKED", self.shunned(self.secured("a", "r", "optional"), self.context(paper))
        )

    def test_unlisted_authority(self) -> None:
        """
        Where lists are kept, an authority between that has none vouches for nobody.
        """
        own = self.clients.issue("own", ca=True)
        context = self.context(own.issue("c"), [own])
        self.shaken(self.secured("a", "", "optional"), context)
        self.assertIn("UNKNOWN_CA", self.shunned(self.secured("a", "r", "optional"), context))

    def test_resumed(self) -> None:
        """
        Clients with certificates resume as who they are; once one was taken back, all are judged again.
        """
        paper = self.staff.issue("c")
        secured = self.secured("a", "r", "required")
        for version in (V12, V13):
            context = self.context(paper, version=version)
            session = self.shaken(secured, context).client.session
            line = self.shaken(secured, context, session=session)
            self.assertTrue(line.client.session_reused)
            self.assertEqual(line.protocol.getPeerCertificate().get_subject().CN, "c")
            self.files["r"] = self.clients.revoke() + self.staff.revoke(paper)
            secured.change(self.identity("a", "r", "required"))
            self.assertFalse(self.call(secured, context, session=session).shake())
            self.files["r"] = self.clients.revoke() + self.staff.revoke()
            secured.change(self.identity("a", "r", "required"))

    def test_resumed_again(self) -> None:
        """
        Who resumes again and again is judged again within the hour: the certificate may have ended.
        """
        paper = self.staff.issue("c")
        for version in (V12, V13):
            secured = self.secured("a", "r", "required")
            context = self.context(paper, version=version)
            session = self.shaken(secured, context).client.session
            reused = []
            for _ in range(4):
                self.clock.advance(TICKET / 4)
                line = self.shaken(secured, context, session=session)
                reused.append(line.client.session_reused)
                session = line.client.session
            self.assertEqual(reused, [True, True, True, False])


@define
class Library:
    """
    What pyOpenSSL keeps to itself, of an older OpenSSL.

    Attributes:
        known: The groups that it knows.
        said: What was asked of it.
    """

    known: Sequence[bytes]
    said: list[bytes] = field(factory=list)

    def SSL_CTX_set1_curves_list(self, context: object, groups: bytes) -> int:
        """
        Choose groups.
        """
        self.said.append(groups)
        return int(groups in self.known)

    def ERR_clear_error(self) -> None:
        """
        Forget what went wrong.
        """
        self.said.append(b"clear")


class GroupTests(SynchronousTestCase):
    """
    Groups, which pyOpenSSL has no public way to choose.
    """

    def test_private(self) -> None:
        """
        The names that pyOpenSSL keeps to itself are there, and know one of the choices.
        """
        self.assertTrue(hasattr(openssl, PRIVATE[0]))
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        raw = getattr(context, PRIVATE[1])
        self.assertEqual(openssl.SSL_CTX_set1_curves_list(raw, GROUPS[-1]), 1)
        self.assertEqual(openssl.SSL_CTX_set1_curves_list(raw, b"nonsense"), 0)
        openssl.ERR_clear_error()

    def test_older(self) -> None:
        """
        An OpenSSL without the hybrid group has the others, and one that can't choose keeps its own.
        """
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        for known, said in (
            (GROUPS, [GROUPS[0]]),
            (GROUPS[1:], [GROUPS[0], b"clear", GROUPS[1]]),
            ((), [GROUPS[0], b"clear", GROUPS[1], b"clear"]),
        ):
            library = Library(known)
            choose_groups(context, library)
            self.assertEqual(library.said, said)
        choose_groups(context, object())
