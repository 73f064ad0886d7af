# -*- test-case-name: tests.live.test_conformance -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A private authority for tests, and what it issues.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_LIFE = timedelta(days=90)
_SERVER, _CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@frozen
class Pair:
    """
    A certificate and its key.

    Attributes:
        certificate: The PEM file of the one.
        key: The PEM file of the other, mode 0600.
        serial: The certificate's serial number.
    """

    certificate: Path
    key: Path
    serial: int

    @property
    def tls(self) -> dict[str, object]:
        """
        What a listener's ``tls`` says.
        """
        return {"certificate": str(self.certificate), "private_key": f"file:{self.key}"}


@frozen
class Authority:
    """
    An authority.

    Attributes:
        folder: Where everything is written.
    """

    folder: Path
    _key: ec.EllipticCurvePrivateKey
    _certificate: x509.Certificate

    @property
    def file(self) -> Path:
        """
        The PEM file of its certificate, which clients are to trust.
        """
        return self.folder / "authority.pem"

    @classmethod
    def make(cls, folder: Path) -> Authority:
        """
        Make one.

        Args:
            folder: An existing folder.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        name = _name("a private authority")
        builder = _begin(name, name, key.public_key())
        builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        builder = builder.add_extension(_usage(signs=True), critical=True)
        authority = cls(folder, key, builder.sign(key, SHA256()))
        authority.file.write_bytes(authority._certificate.public_bytes(Encoding.PEM))
        return authority

    def issue(
        self, label: str, names: Sequence[str], *, client: bool = False, begins: timedelta = timedelta()
    ) -> Pair:
        """
        Issue a certificate.

        Args:
            label: What its files are called.
            names: Host names and IP addresses that it is for.
            client: Whether it is a client's.
            begins: When it begins, from now; it lasts 90 days.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        builder = _begin(_name(label), self._certificate.subject, key.public_key(), begins)
        builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        builder = builder.add_extension(_usage(signs=False), critical=True)
        builder = builder.add_extension(
            x509.ExtendedKeyUsage([_CLIENT if client else _SERVER]), critical=False
        )
        builder = builder.add_extension(
            x509.SubjectAlternativeName([_general(each) for each in names]), False
        )
        public = self._key.public_key()
        builder = builder.add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(public), False)
        certificate = builder.sign(self._key, SHA256())
        pair = Pair(self.folder / f"{label}.pem", self.folder / f"{label}-key.pem", certificate.serial_number)
        pair.certificate.write_bytes(certificate.public_bytes(Encoding.PEM))
        pair.key.touch(0o600)
        pair.key.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return pair

    def revoke(self, label: str, *pairs: Pair) -> Path:
        """
        Write a revocation list.

        Args:
            label: What its file is called.
            pairs: What is revoked.
        """
        now = datetime.now(UTC)
        builder = x509.CertificateRevocationListBuilder().issuer_name(self._certificate.subject)
        builder = builder.last_update(now - timedelta(hours=1)).next_update(now + _LIFE)
        for pair in pairs:
            gone = x509.RevokedCertificateBuilder().serial_number(pair.serial).revocation_date(now)
            builder = builder.add_revoked_certificate(gone.build())
        file = self.folder / f"{label}.pem"
        file.write_bytes(builder.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        return file


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begins: timedelta = timedelta(),
) -> x509.CertificateBuilder:
    start = datetime.now(UTC) + begins
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(start - timedelta(hours=1)).not_valid_after(start + _LIFE)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key), critical=False)
