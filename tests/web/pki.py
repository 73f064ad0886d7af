# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Certificates, keys and revocation lists for tests, made on the spot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from attrs import define, field, frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

START = datetime(2020, 1, 1, tzinfo=UTC)
END = datetime(2099, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 6, 1, tzinfo=UTC).timestamp()
"""Seconds: when all that says nothing else is valid."""

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey


def new_key() -> Key:
    """
    Make a key that is good.
    """
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: Key) -> bytes:
    """
    Write a key.
    """
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def load_key(data: bytes) -> Key:
    """
    Read a key.
    """
    key = load_pem_private_key(data, None)
    assert isinstance(key, Key)
    return key


@frozen
class Paper:
    """
    A certificate, and its key.
    """

    certificate: x509.Certificate
    key: Key

    @property
    def pem(self) -> bytes:
        """
        The certificate, written.
        """
        return self.certificate.public_bytes(Encoding.PEM)

    def issue(
        self,
        name: str,
        *,
        hosts: Sequence[str] = (),
        key: Key | None = None,
        start: datetime = START,
        end: datetime = END,
        ca: bool = False,
    ) -> Paper:
        """
        Vouch for somebody else.
        """
        key = key or new_key()
        return Paper(_sign(self.certificate.subject, self.key, name, key, hosts, start, end, ca), key)

    def revoke(
        self, *revoked: Paper, start: datetime = START, end: datetime = END, by: Paper | None = None
    ) -> bytes:
        """
        Write a list of those who are not vouched for any more.

        Args:
            revoked: Who.
            start: When the list was made.
            end: When the next one comes.
            by: Who signs it instead.
        """
        builder = x509.CertificateRevocationListBuilder().issuer_name(self.certificate.subject)
        builder = builder.last_update(start).next_update(end)
        for paper in revoked:
            builder = builder.add_revoked_certificate(_entry(paper))
        return builder.sign((by or self).key, SHA256()).public_bytes(Encoding.PEM)


def root(
    name: str = "root", key: Key | None = None, *, start: datetime = START, end: datetime = END
) -> Paper:
    """
    Make an authority that vouches for itself.
    """
    key = key or new_key()
    subject = _name(name)
    return Paper(_sign(subject, key, name, key, (), start, end, True), key)


@define
class Files:
    """
    Files in memory, and how they are read.
    """

    files: Mapping[str, bytes] = field(factory=dict)

    def read(self, path: str) -> bytes:
        """
        Read one.
        """
        if path not in self.files:
            raise FileNotFoundError(2, "No such file or directory", path)
        return self.files[path]


def _sign(
    issuer: x509.Name,
    by: Key,
    name: str,
    key: Key,
    hosts: Sequence[str],
    start: datetime,
    end: datetime,
    ca: bool,
) -> x509.Certificate:
    builder = (
        x509.CertificateBuilder()
        .issuer_name(issuer)
        .subject_name(_name(name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    )
    if hosts:
        builder = builder.add_extension(x509.SubjectAlternativeName(map(_host, hosts)), critical=False)
    return builder.sign(by, None if isinstance(by, ed25519.Ed25519PrivateKey) else SHA256())


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _entry(paper: Paper) -> x509.RevokedCertificate:
    builder = x509.RevokedCertificateBuilder()
    builder = builder.serial_number(paper.certificate.serial_number)
    return builder.revocation_date(START + timedelta(days=1)).build()
