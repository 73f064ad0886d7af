# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.access.authority`.
"""

from __future__ import annotations

import os
import stat
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID
from twisted.trial.unittest import SynchronousTestCase

from mcpd.access.authority import LocalPair, UnsafeFolder, local_pair

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC).timestamp()
DAY = 86400.0


class LocalPairTests(SynchronousTestCase):
    """
    The authority of the development defaults.
    """

    def setUp(self) -> None:
        """
        Have a place for it.
        """
        self.folder = Path(self.mktemp())

    def pair(self, days: float = 0) -> LocalPair:
        """
        Ask for the pair, so many days later.
        """
        return local_pair(self.folder, NOW + days * DAY)

    def files(self) -> dict[str, bytes]:
        """
        Read all that is there.
        """
        return {path.name: path.read_bytes() for path in self.folder.iterdir()}

    def changed(self, before: dict[str, bytes]) -> set[str]:
        """
        Tell which files are other ones now.
        """
        after = self.files()
        self.assertEqual(after.keys(), {"ca.pem", "ca-key.pem", "certificate.pem", "key.pem"})
        return {name for name in after if after[name] != before.get(name)}

    def test_made_once(self) -> None:
        """
        The authority and its certificate are made at the first start, and stay.
        """
        first = self.pair()
        before = self.files()
        self.assertEqual(first, self.pair(1))
        self.assertEqual(self.changed(before), set())
        self.assertEqual(first.ca, self.folder / "ca.pem")
        self.assertEqual(first.certificate, self.folder / "certificate.pem")
        self.assertEqual(first.key, self.folder / "key.pem")

    def test_private(self) -> None:
        """
        Nobody else may read a key, whatever the umask.
        """
        self.addCleanup(os.umask, os.umask(0))
        self.pair()
        self.assertEqual(stat.S_IMODE(self.folder.stat().st_mode), 0o700)
        for name in ("key.pem", "ca-key.pem"):
            self.assertEqual(stat.S_IMODE((self.folder / name).stat().st_mode), 0o600)

    def test_authority(self) -> None:
        """
        The authority vouches for this machine's own names for ten years, and for no other authority.
        """
        ca = x509.load_pem_x509_certificate(self.pair().ca.read_bytes())
        extensions = ca.extensions
        basic = extensions.get_extension_for_class(x509.BasicConstraints)
        self.assertEqual((basic.critical, basic.value.ca, basic.value.path_length), (True, True, 0))
        names = extensions.get_extension_for_class(x509.NameConstraints)
        self.assertTrue(names.critical)
        self.assertEqual(
            [name.value for name in names.value.permitted_subtrees or ()],
            ["localhost", ip_network("127.0.0.0/8"), ip_network("::1/128")],
        )
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
        self.assertTrue(usage.key_cert_sign and usage.crl_sign and not usage.digital_signature)
        self.assertEqual(ca.not_valid_after_utc - ca.not_valid_before_utc, timedelta(days=3650))

    def test_leaf(self) -> None:
        """
        The certificate is a server's, for localhost alone, no longer than browsers accept.
        """
        pair = self.pair()
        ca = x509.load_pem_x509_certificate(pair.ca.read_bytes())
        leaf = x509.load_pem_x509_certificate(pair.certificate.read_bytes())
        leaf.verify_directly_issued_by(ca)
        key = load_pem_private_key(pair.key.read_bytes(), None)
        self.assertEqual(key.public_key(), leaf.public_key())
        extensions = leaf.extensions
        names = extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        self.assertEqual(
            [name.value for name in names], ["localhost", ip_address("127.0.0.1"), ip_address("::1")]
        )
        self.assertEqual(
            list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value),
            [ExtendedKeyUsageOID.SERVER_AUTH],
        )
        vouching = extensions.get_extension_for_class(x509.AuthorityKeyIdentifier).value
        own = ca.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        self.assertEqual(vouching.key_identifier, own.digest)
        self.assertLessEqual(leaf.not_valid_after_utc - leaf.not_valid_before_utc, timedelta(days=366))
        self.assertEqual(leaf.not_valid_before_utc, datetime.fromtimestamp(NOW - 3600, UTC))

    def test_distinct(self) -> None:
        """
        Two authorities have two names, so that a list of trusted ones can tell them apart.
        """
        first = x509.load_pem_x509_certificate(self.pair().ca.read_bytes()).subject
        self.folder = Path(self.mktemp())
        second = x509.load_pem_x509_certificate(self.pair().ca.read_bytes()).subject
        self.assertNotEqual(first, second)
        self.assertRegex(first.rfc4514_string(), r"\ACN=mcpd local authority [0-9a-f]{8}\Z")

    def test_renewed(self) -> None:
        """
        The certificate is renewed in its last thirty days, by the authority that is trusted already.
        """
        self.pair()
        before = self.files()
        self.pair(334)
        self.assertEqual(self.changed(before), set())
        self.pair(336)
        self.assertEqual(self.changed(before), {"certificate.pem", "key.pem"})

    def test_outlived(self) -> None:
        """
        An authority that a new certificate would outlive is replaced, with its certificate.
        """
        self.pair()
        self.pair(3640 - 365)
        before = self.files()
        self.pair(3650 - 365)
        self.assertEqual(self.changed(before), set(before))

    def test_wrong_clock(self) -> None:
        """
        A clock that is set back costs nobody the authority that they trust.
        """
        self.pair()
        before = self.files()
        self.pair(-1000)
        self.assertEqual(self.changed(before), {"certificate.pem", "key.pem"})

    def test_broken_leaf(self) -> None:
        """
        A certificate that is broken or half written is made anew, and the authority stays.
        """
        self.pair()
        good = self.files()
        for name, data in (
            ("certificate.pem", b""),
            ("certificate.pem", good["ca.pem"]),
            ("key.pem", b"hush"),
            ("key.pem", good["ca-key.pem"]),
        ):
            (self.folder / name).write_bytes(data)
            before = self.files()
            self.pair()
            self.assertEqual(self.changed(before), {"certificate.pem", "key.pem"})
            good = self.files()
        (self.folder / "key.pem").unlink()
        self.pair()
        self.assertEqual(self.changed(good), {"certificate.pem", "key.pem"})

    def test_broken_authority(self) -> None:
        """
        An authority that is broken or half written is made anew, and its certificate with it.
        """
        self.pair()
        other = rsa.generate_private_key(65537, 2048)
        odd = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        for name, data in (("ca.pem", b""), ("ca-key.pem", self.files()["key.pem"]), ("ca-key.pem", odd)):
            (self.folder / name).write_bytes(data)
            before = self.files()
            self.pair()
            self.assertEqual(self.changed(before), set(before))

    def test_exposed_key(self) -> None:
        """
        A key that others could read is not used any more.
        """
        self.pair()
        before = self.files()
        (self.folder / "key.pem").chmod(0o644)
        self.pair()
        self.assertEqual(self.changed(before), {"certificate.pem", "key.pem"})
        before = self.files()
        (self.folder / "ca-key.pem").chmod(0o640)
        self.pair()
        self.assertEqual(self.changed(before), set(before))

    def test_crash(self) -> None:
        """
        What a crash left half written is written anew, and not left lying around.
        """
        self.folder.mkdir(mode=0o700)
        for name in ("ca.new", "ca-key.new", "certificate.new", "key.new"):
            (self.folder / name).write_bytes(b"half")
        self.pair()
        self.assertEqual(self.changed({}), {"ca.pem", "ca-key.pem", "certificate.pem", "key.pem"})

    def test_folder(self) -> None:
        """
        A folder that others can open, or that is none, is refused with what to do.
        """
        self.folder.mkdir()
        self.folder.chmod(0o750)
        caught = self.assertRaises(UnsafeFolder, self.pair)
        self.assertEqual(
            str(caught),
            f"{self.folder} can be opened by others: chmod 700 it, or remove it for a new authority",
        )
        link = Path(self.mktemp())
        link.symlink_to(self.folder.absolute())
        for folder in (link, Path(__file__)):
            self.assertRaisesRegex(
                UnsafeFolder, "is not a folder of this user's own: move it away", local_pair, folder, NOW
            )

    def test_no_parent(self) -> None:
        """
        A folder that can't be made is told by the system's reason.
        """
        self.assertRaises(FileNotFoundError, local_pair, self.folder / "tls", NOW)
