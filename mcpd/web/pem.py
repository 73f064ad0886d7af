# -*- test-case-name: tests.web.test_pem -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Certificates, keys and revocation lists out of PEM files, judged before anybody relies on them.

Whatever OpenSSL would find out only in a client's handshake is said here to
the operator instead, in a sentence.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from ipaddress import IPv6Address
from itertools import pairwise

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey
from cryptography.hazmat.primitives.hashes import MD5, SHA1
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509 import (
    Certificate,
    CertificateRevocationList,
    DNSName,
    ExtensionNotFound,
    IPAddress,
    SubjectAlternativeName,
    load_pem_x509_certificates,
    load_pem_x509_crl,
)

Key = RSAPrivateKey | EllipticCurvePrivateKey
"""The keys that every TLS client can check."""

Reader = Callable[[str], bytes]
"""Reads a file, by its path; raises OSError."""

# NIST SP 800-131A: RSA keys of fewer bits are not acceptable any more.
_BITS = 2048
_CURVES = ("secp256r1", "secp384r1", "secp521r1")
_LIST = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)


class UnusableTls(Exception):
    """
    A ``tls`` table can't be used as it is.

    Attributes:
        setting: Which of its keys is to blame.
        sentence: What is wrong, for the operator.
    """

    def __init__(self, setting: str, sentence: str) -> None:
        super().__init__(f"{setting}: {sentence}")
        self.setting = setting
        self.sentence = sentence


def read_chain(path: str, read: Reader, now: float) -> tuple[Certificate, ...]:
    """
    Read a server's certificate and those between it and its authority.

    Args:
        path: The file.
        read: Reads it.
        now: Seconds since 1970.

    Returns:
        The server's own first; each of the others vouches for the one before
        it (RFC 8446, section 4.4.2).

    Raises:
        UnusableTls: There is none, they are in disorder, or one is weak or not valid now.
    """
    chain = _certificates("certificate", path, read, now)
    for number, certificate in enumerate(chain, 1):
        _check_strength(f"certificate {number} in {path}", certificate)
    for number, (lower, upper) in enumerate(pairwise(chain), 2):
        if lower.issuer != upper.subject:
            raise UnusableTls(
                "certificate",
                f"certificate {number} in {path} does not vouch for the one before it: "
                "the server's own comes first, then each one's authority",
            )
    return chain


def read_key(data: bytes, chain: Sequence[Certificate]) -> Key:
    """
    Read the key of a server's certificate.

    Args:
        data: The key in PEM.
        chain: What :func:`read_chain` gives.

    Raises:
        UnusableTls: It is none, is encrypted, of an odd kind, or belongs to another certificate.
    """
    try:
        key = load_pem_private_key(data, None)
    except TypeError:
        raise _wrong_key("the key is encrypted: decrypt it, nobody is there to type a password") from None
    except (ValueError, UnsupportedAlgorithm):
        raise _wrong_key("it holds no private key in PEM") from None
    if not isinstance(key, Key):
        raise _wrong_key("the key is of a kind that not every client knows: use RSA or EC")
    public = key.public_key()
    if isinstance(public, EllipticCurvePublicKey) and public.curve.name not in _CURVES:
        raise _wrong_key(f"the key is on the curve {public.curve.name}: use P-256 or P-384")
    _check_pair(public, chain)
    return key


def read_authorities(path: str, read: Reader, now: float) -> tuple[Certificate, ...]:
    """
    Read the authorities of clients' certificates.

    Args:
        path: The file; empty: none.
        read: Reads it.
        now: Seconds since 1970.

    Raises:
        UnusableTls: There is none, one is not valid now, or one's own authority is missing:
            OpenSSL trusts none but those that are complete up to a root.
    """
    if not path:
        return ()
    authorities = _certificates("client_ca", path, read, now)
    known = [authority.subject for authority in authorities]
    for number, authority in enumerate(authorities, 1):
        if authority.issuer not in known:
            raise UnusableTls(
                "client_ca",
                f"the authority of certificate {number} in {path} is missing: add all up to the root",
            )
    return authorities


def read_revocations(
    path: str, read: Reader, authorities: Sequence[Certificate], now: float
) -> tuple[CertificateRevocationList, ...]:
    """
    Read the revocation lists of clients' authorities.

    Args:
        path: The file; empty: none.
        read: Reads it.
        authorities: What :func:`read_authorities` gives.
        now: Seconds since 1970.

    Raises:
        UnusableTls: There is none, one is out of date or of a stranger, or an
            authority has none, so that nobody whom it vouches for would get in.
    """
    if not path:
        return ()
    data = _read("client_crl", path, read)
    try:
        lists = tuple(load_pem_x509_crl(found) for found in _LIST.findall(data))
    except ValueError:
        lists = ()
    if not lists:
        raise UnusableTls("client_crl", f"{path} holds no revocation list in PEM")
    for number, revoked in enumerate(lists, 1):
        _check_list(f"revocation list {number} in {path}", revoked, authorities, now)
    issuers = [revoked.issuer for revoked in lists]
    for number, authority in enumerate(authorities, 1):
        if authority.subject not in issuers:
            raise UnusableTls(
                "client_crl",
                f"{path} has no list of certificate {number} in client_ca: "
                "without one nobody whom it vouches for is let in",
            )
    return lists


def names_of(leaf: Certificate) -> tuple[str, ...]:
    """
    Tell which hosts a certificate is for.

    Returns:
        Names in lower case and addresses, as a Host field has them, in the
        certificate's order.  A wildcard stays as it is (``*.example.org``).
    """
    try:
        names = leaf.extensions.get_extension_for_class(SubjectAlternativeName).value
    except ExtensionNotFound:
        # A common name is no host's any more (RFC 9525, section 2).
        return ()
    addresses = (
        f"[{address}]" if isinstance(address, IPv6Address) else str(address)
        for address in names.get_values_for_type(IPAddress)
    )
    return (*(name.lower() for name in names.get_values_for_type(DNSName)), *addresses)


def _check_pair(public: object, chain: Sequence[Certificate]) -> None:
    owners = [number for number, certificate in enumerate(chain, 1) if certificate.public_key() == public]
    if not owners:
        raise _wrong_key("the key is not the certificate's")
    if owners[0] != 1:
        raise _wrong_key(f"the key belongs to certificate {owners[0]}, and the server's own comes first")


def _check_strength(name: str, certificate: Certificate) -> None:
    # Clients refuse these, and OpenSSL says nothing as long as it only shows them.
    try:
        public, digest = certificate.public_key(), certificate.signature_hash_algorithm
    except (ValueError, UnsupportedAlgorithm):
        raise UnusableTls("certificate", f"{name} is of a kind that not every client knows") from None
    if isinstance(public, RSAPublicKey) and public.key_size < _BITS:
        raise UnusableTls(
            "certificate", f"{name} has an RSA key of {public.key_size} bits, and needs {_BITS}"
        )
    # Nobody looks at a root's own signature.
    if isinstance(digest, MD5 | SHA1) and certificate.issuer != certificate.subject:
        raise UnusableTls("certificate", f"{name} is signed with {digest.name.upper()}, which clients refuse")


def _check_list(
    name: str, revoked: CertificateRevocationList, authorities: Sequence[Certificate], now: float
) -> None:
    if not any(_signed(revoked, authority) for authority in authorities):
        raise UnusableTls("client_crl", f"{name} is not signed by an authority in client_ca")
    _check_dates("client_crl", name, revoked.last_update_utc, revoked.next_update_utc, now)


def _signed(revoked: CertificateRevocationList, authority: Certificate) -> bool:
    try:
        return revoked.issuer == authority.subject and revoked.is_signature_valid(
            authority.public_key()  # type: ignore[arg-type]  # what signs nothing raises TypeError
        )
    except (TypeError, ValueError, UnsupportedAlgorithm):
        return False


def _certificates(setting: str, path: str, read: Reader, now: float) -> tuple[Certificate, ...]:
    data = _read(setting, path, read)
    try:
        found = tuple(load_pem_x509_certificates(data))
    except ValueError:
        raise UnusableTls(setting, f"{path} holds no certificate in PEM") from None
    for number, certificate in enumerate(found, 1):
        name = f"certificate {number} in {path}"
        _check_dates(setting, name, certificate.not_valid_before_utc, certificate.not_valid_after_utc, now)
    return found


def _check_dates(setting: str, name: str, start: datetime, end: datetime | None, now: float) -> None:
    moment = datetime.fromtimestamp(now, UTC)
    if moment < start:
        raise UnusableTls(setting, f"{name} is not valid before {start.isoformat()}")
    if end is not None and moment > end:
        raise UnusableTls(setting, f"{name} expired at {end.isoformat()}")


def _read(setting: str, path: str, read: Reader) -> bytes:
    try:
        return read(path)
    except OSError as error:
        raise UnusableTls(setting, f"{path} can't be read: {error.strerror}") from None


def _wrong_key(sentence: str) -> UnusableTls:
    return UnusableTls("private_key", sentence)
