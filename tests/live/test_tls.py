# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
TLS over real sockets, as Python's own clients see it.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import define
from cryptography.x509 import load_pem_x509_certificate
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.internet.threads import blockingCallFromThread, deferToThread
from twisted.trial.unittest import TestCase

from mcpd.access.authority import LocalPair, local_pair
from mcpd.units import Seconds
from mcpd.web.doors import Doors
from mcpd.web.health import Health
from mcpd.web.ledger import Ledger
from mcpd.web.porch import TICK
from mcpd.web.shield import Shield
from mcpd.web.site import Site
from mcpd.web.spec import Limits, Tls
from mcpd.web.tls import Identity, Secured, wrap
from tests.web import pki

_PATIENCE = 10.0
_DEADLINE = 1.0
_VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)

clock: Any = reactor


@define
class Client:
    """
    A client that blocks, for a thread.

    Attributes:
        port: Where the listener is.
        pair: The local authority's files.
    """

    port: int
    pair: LocalPair

    def context(self, version: ssl.TLSVersion | None = None) -> ssl.SSLContext:
        """
        Trust the local authority, and nobody else, as strictly as a client can.
        """
        context = ssl.create_default_context(cafile=str(self.pair.ca))
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        if version is not None:
            context.minimum_version = context.maximum_version = version
        return context

    def plain(self) -> socket.socket:
        """
        Connect, without TLS.
        """
        return socket.create_connection(("127.0.0.1", self.port), _PATIENCE)

    def connect(
        self,
        context: ssl.SSLContext | None = None,
        name: str = "127.0.0.1",
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLSocket:
        """
        Connect and shake hands.
        """
        context = context or self.context()
        return context.wrap_socket(self.plain(), server_hostname=name, session=session)


def get(connection: socket.socket) -> bytes:
    """
    Ask whether the daemon is alive, and read the head of its answer.
    """
    connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(4096) or b"\r\n\r\n"
    return answer.partition(b"\r\n")[0]


class TlsTests(TestCase):
    """
    A listener with the local authority's certificate.
    """

    timeout = 60

    def setUp(self) -> None:
        """
        Listen.
        """
        self.folder = Path(self.mktemp())
        self.pair = local_pair(self.folder, clock.seconds())
        self.secured = Secured(self.identity(), clock)
        limits = Limits(header_timeout=Seconds(_DEADLINE))
        site = Site(Shield.new(("localhost",), ()), {b"/healthz": Health("alive", lambda: True)})
        doors = Doors(clock, site, limits, Ledger(limits), bytes)
        # The porch looks once more, and sees that everyone is gone.
        self.addCleanup(deferLater, clock, 1.2 * TICK)
        port = clock.listenTCP(0, wrap(doors, self.secured), interface="127.0.0.1")
        self.addCleanup(port.stopListening)
        self.client = Client(port.getHost().port, self.pair)

    def identity(self) -> Identity:
        """
        Load what the local authority made.
        """
        tls = Tls(str(self.pair.certificate), f"file:{self.pair.key}")
        return Identity.load(
            tls, self.pair.key.read_bytes(), lambda path: Path(path).read_bytes(), clock.seconds()
        )

    def play(self, what: Callable[[], object]) -> Deferred[object]:
        """
        Let a client do something in a thread of its own.
        """
        return deferToThread(what)

    def test_trusted(self) -> Deferred[object]:
        """
        Who trusts the local authority is served on localhost and 127.0.0.1, and by no other name.
        """

        def play() -> None:
            for name in ("localhost", "127.0.0.1", "::1"):
                with self.client.connect(name=name) as connection:
                    self.assertEqual(get(connection), b"HTTP/1.1 200 OK")
            with self.assertRaisesRegex(ssl.SSLCertVerificationError, "example.org"):
                self.client.connect(name="example.org")
            with self.assertRaises(ssl.SSLCertVerificationError):
                self.client.connect(ssl.create_default_context())

        return self.play(play)

    def test_constrained(self) -> Deferred[object]:
        """
        Whoever gets hold of the local authority's key can't vouch for any other name with it.
        """
        key = pki.load_key((self.folder / "ca-key.pem").read_bytes())
        ca = pki.Paper(load_pem_x509_certificate(self.pair.ca.read_bytes()), key)
        forged = ca.issue("forged", hosts=["localhost", "bank.example"])
        self.pair.certificate.write_bytes(forged.pem)
        self.pair.key.write_bytes(pki.key_pem(forged.key))
        self.secured.change(self.identity())
        context = self.client.context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT

        def play() -> None:
            for name in ("bank.example", "localhost"):
                with self.assertRaisesRegex(ssl.SSLCertVerificationError, "permitted subtree violation"):
                    self.client.connect(context, name)

        return self.play(play)

    def test_resumed(self) -> Deferred[object]:
        """
        A second connection resumes the first one's session, in TLS 1.2 and 1.3.
        """

        def play() -> None:
            for version in _VERSIONS:
                context = self.client.context(version)
                session = None
                for turn in range(3):
                    with self.client.connect(context, session=session) as connection:
                        self.assertEqual(connection.version(), version.name.replace("_", "."))
                        self.assertEqual(connection.session_reused, turn > 0)
                        self.assertEqual(get(connection), b"HTTP/1.1 200 OK")
                        session = connection.session

        return self.play(play)

    def test_refused(self) -> Deferred[object]:
        """
        TLS 1.1, and suites without authenticated encryption, are refused.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            old = self.client.context(ssl.TLSVersion.TLSv1_1)
        old.set_ciphers("ALL:@SECLEVEL=0")
        weak = self.client.context(ssl.TLSVersion.TLSv1_2)
        weak.set_ciphers("ECDHE-ECDSA-AES128-SHA256:ECDHE-ECDSA-AES256-SHA")

        def play() -> None:
            for context in (old, weak):
                with self.assertRaisesRegex(ssl.SSLError, "alert (protocol version|handshake failure)"):
                    self.client.connect(context)

        return self.play(play)

    def test_reload(self) -> Deferred[object]:
        """
        A new certificate is seen by the next connection, and the one that is open goes on.
        """

        def play() -> None:
            with self.client.connect() as before:
                self.assertEqual(get(before), b"HTTP/1.1 200 OK")
                shown = before.getpeercert(True)
                self.pair.certificate.unlink()
                local_pair(self.folder, clock.seconds())
                blockingCallFromThread(clock, self.change)
                with self.client.connect() as after:
                    self.assertNotEqual(after.getpeercert(True), shown)
                    self.assertEqual(get(after), b"HTTP/1.1 200 OK")
                self.assertEqual(get(before), b"HTTP/1.1 200 OK")

        return self.play(play)

    def change(self) -> None:
        """
        Show what is in the files now.
        """
        self.secured.change(self.identity())

    def test_slow(self) -> Deferred[object]:
        """
        A client that never finishes its handshake is closed at limits.header_timeout.
        """

        def play() -> None:
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            handshake = self.client.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
            with self.assertRaises(ssl.SSLWantReadError):
                handshake.do_handshake()
            hello = outgoing.read()
            for begun in (b"", hello[:20], hello):
                with self.client.plain() as connection:
                    since = time.monotonic()
                    connection.sendall(begun)
                    with contextlib.suppress(ConnectionResetError):
                        while connection.recv(65536):
                            pass
                    taken = time.monotonic() - since
                self.assertGreater(taken, _DEADLINE / 2)
                self.assertLess(taken, _DEADLINE + 2)

        return self.play(play)

    def test_no_tls(self) -> Deferred[object]:
        """
        A plain request just ends, without an answer and without a word in the log.
        """

        def play() -> None:
            with self.client.plain() as connection, contextlib.suppress(ConnectionResetError):
                self.assertNotIn(b"HTTP", get(connection))
            with self.client.connect() as connection:
                self.assertEqual(get(connection), b"HTTP/1.1 200 OK")

        return self.play(play)

    def test_no_delay(self) -> Deferred[object]:
        """
        Small answers are sent at once through TLS, too.
        """

        def play() -> None:
            with self.client.connect() as connection:
                self.assertEqual(get(connection), b"HTTP/1.1 200 OK")
                readers = [reader for reader in clock.getReaders() if hasattr(reader, "getTcpNoDelay")]
                delays = [reader.getTcpNoDelay() for reader in readers if hasattr(reader, "server")]
            self.assertEqual(delays, [1])

        return self.play(play)
