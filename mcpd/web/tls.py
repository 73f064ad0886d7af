# -*- test-case-name: tests.web.test_tls -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
TLS for the doors: what a listener shows to its clients, and what it asks of them.

The rules are Mozilla's intermediate ones, without the suites that need finite
fields: TLS 1.2 and 1.3, forward secrecy and authenticated encryption only.
Of suites the first that a client knows is taken: testssl counts it as a flaw to
leave the choice to the client, and Mozilla's rules allow both.

pyOpenSSL's own context is used, and not Twisted's CertificateOptions: those
keep a session in memory for each client that comes, and tell a client that
speaks none of our protocols of an internal error.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import field, frozen
from cryptography.x509 import Certificate, CertificateRevocationList
from OpenSSL import SSL
from OpenSSL._util import lib as openssl
from OpenSSL.crypto import X509, X509StoreFlags
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IProtocolFactory, IReactorTime
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer

from mcpd.web.pem import (
    Key,
    Reader,
    UnusableTls,
    names_of,
    read_authorities,
    read_chain,
    read_key,
    read_revocations,
)
from mcpd.web.spec import Tls

# Names that pyOpenSSL keeps to itself, of its lib and of a Context: it has no public way to choose groups.
PRIVATE = ("SSL_CTX_set1_curves_list", "_context")
GROUPS = (b"X25519MLKEM768:X25519:P-256:P-384", b"X25519:P-256:P-384")
"""Key exchanges in our order; the second where the library does not know the hybrid one."""

_SUITES = b":".join(
    (
        b"ECDHE-ECDSA-AES128-GCM-SHA256",
        b"ECDHE-RSA-AES128-GCM-SHA256",
        b"ECDHE-ECDSA-AES256-GCM-SHA384",
        b"ECDHE-RSA-AES256-GCM-SHA384",
        b"ECDHE-ECDSA-CHACHA20-POLY1305",
        b"ECDHE-RSA-CHACHA20-POLY1305",
    )
)
_PROTOCOL = b"http/1.1"

TICKET = 3600
"""Seconds in which a client may resume; no certificate of its own is looked at again then.

In TLS 1.3 each resumption is another ticket, for as long again.  So where
clients' certificates are asked for the keys of tickets live no longer than that.
"""

KEPT = 6 * 3600.0
"""Seconds until the keys of tickets are made anew: who learns them reads no more than that of TLS 1.2."""


@frozen
class Identity:
    """
    What a listener shows to its clients, and what it asks of them.

    Two that show and ask the same are equal.

    Attributes:
        names: The hosts that the certificate is for, as a Host field has them;
            a wildcard stays as it is.
        expires: When the first certificate of the chain expires, in seconds since 1970.
        chain: The certificate, then those between it and its authority.
        key: Its key.
        authorities: Those of clients' certificates; none: clients are not asked for one.
        revocations: The lists of those; none: no certificate is taken back.
        required: Whether a client without a certificate is refused.
    """

    names: tuple[str, ...]
    expires: float
    chain: tuple[Certificate, ...]
    key: Key = field(repr=False, eq=False)
    authorities: tuple[Certificate, ...] = ()
    revocations: tuple[CertificateRevocationList, ...] = ()
    required: bool = False

    @classmethod
    def load(cls, tls: Tls, key: bytes, read: Reader, now: float) -> Identity:
        """
        Load what a ``tls`` table names, and judge all of it.

        Args:
            tls: The table.
            key: What its ``private_key`` leads to.
            read: Reads the other files; raises OSError.
            now: Seconds since 1970.

        Raises:
            UnusableTls: Something can't be used; the first that was found.
        """
        chain = read_chain(tls.certificate, read, now)
        private = read_key(key, chain)
        required = tls.client_auth == "required"
        if required and not tls.client_ca:
            raise UnusableTls("client_ca", "it is needed where client_auth is required")
        if tls.client_crl and not tls.client_ca:
            raise UnusableTls("client_ca", "it is needed where there is a client_crl")
        authorities = read_authorities(tls.client_ca, read, now)
        revocations = read_revocations(tls.client_crl, read, authorities, now)
        expires = min(certificate.not_valid_after_utc.timestamp() for certificate in chain)
        return cls(names_of(chain[0]), expires, chain, private, authorities, revocations, required)

    @property
    def lists_end(self) -> float | None:
        """
        When the first revocation list is out of date, in seconds since 1970; None: there are none.
        """
        ends = (revoked.next_update_utc for revoked in self.revocations)
        return min((end.timestamp() for end in ends if end is not None), default=None)

    def context(self) -> SSL.Context:
        """
        Make a context of OpenSSL's, with keys for tickets of its own.
        """
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.set_min_proto_version(SSL.TLS1_2_VERSION)
        context.set_max_proto_version(SSL.TLS1_3_VERSION)
        context.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_NO_RENEGOTIATION | SSL.OP_CIPHER_SERVER_PREFERENCE)
        # An idle connection gives its buffers back.
        context.set_mode(SSL.MODE_RELEASE_BUFFERS)
        context.use_certificate(self.chain[0])
        for certificate in self.chain[1:]:
            context.add_extra_chain_cert(certificate)
        context.use_privatekey(self.key)
        self._ask(context)
        # Tickets: the client keeps its session, so that clients can't fill our memory with theirs.
        context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        context.set_session_id(b"mcpd")
        context.set_timeout(TICKET)
        context.set_alpn_select_callback(_select)
        choose_groups(context, openssl)
        # The last: pyOpenSSL lets nothing be changed after it.
        context.set_cipher_list(_SUITES)
        return context

    def _ask(self, context: SSL.Context) -> None:
        if not self.authorities:
            return
        store = context.get_cert_store()
        assert store is not None  # noqa: S101  a context of ours has one
        for authority in self.authorities:
            store.add_cert(X509.from_cryptography(authority))
            context.add_client_ca(authority)
        for revoked in self.revocations:
            store.add_crl(revoked)
        if self.revocations:
            # An authority between that was taken back takes back whom it vouched for.
            store.set_flags(X509StoreFlags.CRL_CHECK | X509StoreFlags.CRL_CHECK_ALL)
        context.set_verify(SSL.VERIFY_PEER | (SSL.VERIFY_FAIL_IF_NO_PEER_CERT if self.required else 0))


@implementer(IOpenSSLServerConnectionCreator)
class Secured:
    """
    The identity that a listener has at the moment.

    Whatever name a client asks for, this one is shown; its Host is judged later.

    Attributes:
        identity: The identity.
        clock: Tells the time.
    """

    def __init__(self, identity: Identity, clock: IReactorTime) -> None:
        self.clock = clock
        self._show(identity)

    def change(self, identity: Identity) -> None:
        """
        Show another identity from the next handshake on.

        Connections that stand go on.  A client that wants to resume what it
        had under the former one does a whole handshake.
        """
        if identity != self.identity:
            self._show(identity)

    def serverConnectionForTLS(self, protocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        """
        Make the TLS side of a new connection.
        """
        kept = TICKET if self.identity.authorities else KEPT
        if self.clock.seconds() - self._since >= kept:
            self._show(self.identity)
        return SSL.Connection(self._context)

    def _show(self, identity: Identity) -> None:
        self.identity = identity
        self._context = identity.context()
        self._since = self.clock.seconds()


def wrap(factory: IProtocolFactory, secured: Secured) -> TLSMemoryBIOFactory:
    """
    Put TLS before a factory.

    Its protocols are connected before the handshake, so that their first
    deadline is the handshake's, too.
    """
    return TLSMemoryBIOFactory(secured, False, factory, secured.clock)


def choose_groups(context: SSL.Context, library: Any) -> None:
    """
    Choose the groups of a context, as far as the library lets us.

    Args:
        context: The context.
        library: pyOpenSSL's, whose :data:`PRIVATE` names are used; without
            them OpenSSL's own choice stays, which has some more.
    """
    choose = getattr(library, PRIVATE[0], None)
    if choose is None:
        return
    for groups in GROUPS:
        if choose(getattr(context, PRIVATE[1]), groups) == 1:
            return
        # What OpenSSL complained of would be taken for the next call's error.
        library.ERR_clear_error()


def _select(connection: SSL.Connection, offered: Sequence[bytes]) -> bytes:
    if _PROTOCOL in offered:
        return _PROTOCOL
    # Sends the alert no_application_protocol (RFC 7301, section 3.2): what was
    # meant for another protocol's server is not to be taken for HTTP.
    raise SSL.Error([("SSL routines", "", "no application protocol")])
