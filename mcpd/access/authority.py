# -*- test-case-name: tests.access.test_authority -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A certificate authority of this machine's own, for development.

It vouches for localhost alone, and says so itself: whoever trusts it and loses
its key has given away no other name.
"""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from attrs import frozen
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY = "ca.pem"
"""The file of the authority's certificate, which clients are to trust."""

_LIFE = timedelta(days=3650)
# Mozilla's intermediate rules allow 366 days, Apple's 398.
_LEAF = timedelta(days=365)
_RENEWED = timedelta(days=30)
# Another clock on this machine, as a virtual one's, may be a little behind.
_BEFORE = timedelta(hours=1)

_HOSTS = (
    x509.DNSName("localhost"),
    x509.IPAddress(ip_address("127.0.0.1")),
    x509.IPAddress(ip_address("::1")),
)
_PERMITTED = (
    x509.DNSName("localhost"),
    x509.IPAddress(ip_network("127.0.0.0/8")),
    x509.IPAddress(ip_network("::1/128")),
)


class UnsafeFolder(Exception):
    """
    Others may read or change what is in the folder; the text says which and what to do.
    """


@frozen
class LocalPair:
    """
    Where the local authority and its certificate for localhost are, in PEM.

    Attributes:
        ca: What clients have to trust.
        certificate: The certificate.
        key: Its key, mode 0600.
    """

    ca: Path
    certificate: Path
    key: Path


@frozen
class _Pair:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def local_pair(folder: Path, now: float) -> LocalPair:
    """
    Find the local authority and its certificate, made or renewed where that is due.

    The certificate is renewed when it has less than 30 days left.  Both are
    made anew when the authority would not outlive a new certificate; then
    whoever trusted the former has to trust the new one.  What a crash left
    half is what does not fit together, and is made anew, too.

    Args:
        folder: Made where there is none, for us alone; its parent exists.
        now: Seconds since 1970.

    Raises:
        UnsafeFolder: The folder is not ours alone.
        OSError: Something can't be read or made.
    """
    _claim(folder)
    moment = datetime.fromtimestamp(now, UTC).replace(microsecond=0)
    ca, ca_key = folder / AUTHORITY, folder / "ca-key.pem"
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    authority = _read(ca, ca_key)
    if authority is None or not _outlives(authority, moment):
        authority = _make_authority(moment)
        _write(authority, ca, ca_key)
    leaf = _read(certificate, key)
    if leaf is None or not _serves(leaf, authority, moment):
        _write(_make_leaf(authority, moment), certificate, key)
    return LocalPair(ca, certificate, key)


def _claim(folder: Path) -> None:
    with suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    status = folder.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        raise UnsafeFolder(f"{folder} is not a folder of this user's own: move it away")
    if status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise UnsafeFolder(
            f"{folder} can be opened by others: chmod 700 it, or remove it for a new authority"
        )


# What is there.


def _read(certificate: Path, key: Path) -> _Pair | None:
    """
    Read a pair; None: there is none, or it can't be used.
    """
    try:
        found = x509.load_pem_x509_certificate(certificate.read_bytes())
        private = load_pem_private_key(key.read_bytes(), None)
    except (FileNotFoundError, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    # A key that others could read is nobody's any more.
    if not isinstance(private, ec.EllipticCurvePrivateKey) or key.stat().st_mode & 0o077:
        return None
    return _Pair(found, private) if private.public_key() == found.public_key() else None


def _outlives(authority: _Pair, moment: datetime) -> bool:
    # Not whether it has begun: with a clock that is wrong after a power cut it
    # would be made anew, and what was trusted would be lost.
    return authority.certificate.not_valid_after_utc >= moment + _LEAF


def _serves(leaf: _Pair, authority: _Pair, moment: datetime) -> bool:
    certificate = leaf.certificate
    try:
        certificate.verify_directly_issued_by(authority.certificate)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return certificate.not_valid_before_utc <= moment <= certificate.not_valid_after_utc - _RENEWED


# What is made.


def _make_authority(moment: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    # Two authorities of one name would be taken for each other in a list of trusted ones.
    subject = _name(f"mcpd local authority {x509.random_serial_number():040x}"[:29])
    builder = (
        _begin(subject, subject, key, moment, _LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.NameConstraints(_PERMITTED, None), critical=True)
    )
    return _Pair(builder.sign(key, SHA256()), key)


def _make_leaf(authority: _Pair, moment: datetime) -> _Pair:
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject
    vouching = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    builder = (
        _begin(_name("localhost"), issuer, key, moment, _LEAF)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectAlternativeName(_HOSTS), critical=False)
        .add_extension(vouching, critical=False)
    )
    return _Pair(builder.sign(authority.key, SHA256()), key)


def _begin(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    moment: datetime,
    life: timedelta,
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(moment - _BEFORE)
        .not_valid_after(moment - _BEFORE + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(signs: bool) -> x509.KeyUsage:
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


def _write(pair: _Pair, certificate: Path, key: Path) -> None:
    # The key first: a certificate without its key would be trusted for nothing.
    _put(key, pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    _put(certificate, pair.certificate.public_bytes(Encoding.PEM))


def _put(path: Path, data: bytes) -> None:
    """
    Write a file that is whole, or not there at all.
    """
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
