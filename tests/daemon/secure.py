# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
TLS in memory: papers for listeners, and clients that look at what they are shown.
"""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from typing import Any

from attrs import define, evolve, field
from cryptography.x509 import load_der_x509_certificate
from twisted.internet.address import IPv4Address
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport

from mcpd.web.spec import Tls
from mcpd.web.tls import Identity
from tests.web.pki import NOW, Files, Paper, key_pem, root

TLS = Tls("c", "file:/k")
"""What a listener with TLS says; where its pair is does not matter."""

ROOT = root()
"""Whom clients trust."""


def identity(hosts: Sequence[str] = ("localhost",), ends: float | None = None) -> Identity:
    """
    Have a certificate issued, and load it.

    Args:
        hosts: Whose it is.
        ends: When it ends, in seconds; None: when nobody cares any more.
    """
    paper: Paper = ROOT.issue("server", hosts=hosts)
    loaded = Identity.load(TLS, key_pem(paper.key), Files({"c": paper.pem}).read, NOW)
    return loaded if ends is None else evolve(loaded, expires=ends)


class _Socket(StringTransport):
    def setTcpNoDelay(self, enabled: bool) -> None:
        """
        Send small pieces at once.
        """

    def setTcpKeepAlive(self, enabled: bool) -> None:
        """
        Probe a silent client.
        """


@define(eq=False)
class Visitor:
    """
    A connection with TLS.
    """

    _clock: Clock
    _protocol: Any
    _client: ssl.SSLObject
    _incoming: ssl.MemoryBIO
    _outgoing: ssl.MemoryBIO
    _socket: _Socket = field(factory=_Socket)

    @classmethod
    def connect(cls, factory: IProtocolFactory, clock: Clock, trusted: str = "") -> Visitor:
        """
        Connect, and shake hands.

        Args:
            factory: The listener.
            clock: Whose turns both sides share.
            trusted: Who is trusted, in PEM; empty: :data:`ROOT`.

        Raises:
            ssl.SSLError: The listener is not to be trusted, or does not speak TLS.
        """
        context = ssl.create_default_context(cadata=trusted or ROOT.pem.decode())
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        client = context.wrap_bio(incoming, outgoing, server_hostname="localhost")
        protocol = factory.buildProtocol(IPv4Address("TCP", "127.0.0.1", 50000))
        visitor = cls(clock, protocol, client, incoming, outgoing)
        assert protocol is not None
        protocol.makeConnection(visitor._socket)
        visitor._shake()
        return visitor

    def _shake(self) -> None:
        while True:
            try:
                self._client.do_handshake()
            except ssl.SSLWantReadError:
                self._carry()
            else:
                self._carry()
                return

    @property
    def shown(self) -> int:
        """
        The serial number of the certificate that was shown.
        """
        der = self._client.getpeercert(True)
        assert der is not None
        return load_der_x509_certificate(der).serial_number

    def ask(self, path: bytes = b"/healthz", host: bytes = b"localhost:8420", fields: bytes = b"") -> bytes:
        """
        Get something; the answer as it comes.
        """
        self._client.write(b"GET %b HTTP/1.1\r\nHost: %b\r\n%b\r\n" % (path, host, fields))
        self._carry()
        return self._client.read(1 << 16)

    def status(self, path: bytes = b"/healthz", host: bytes = b"localhost:8420") -> int:
        """
        Get something, and tell the answer's status.
        """
        return int(self.ask(path, host).split(b" ", 2)[1])

    def _carry(self) -> None:
        for _ in range(3):
            if data := self._outgoing.read():
                self._protocol.dataReceived(data)
            self._clock.advance(0)
            self._incoming.write(self._socket.value())
            self._socket.clear()
