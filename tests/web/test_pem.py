# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.pem`.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from cryptography.x509 import Certificate, load_der_x509_certificate
from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.pem import (
    UnusableTls,
    names_of,
    read_authorities,
    read_chain,
    read_key,
    read_revocations,
)
from tests.web.pki import NOW, Files, Paper, key_pem, new_key, root

PAST = datetime(2026, 1, 1, tzinfo=UTC)
FUTURE = datetime(2027, 1, 1, tzinfo=UTC)


class PemCase(SynchronousTestCase):
    """
    Some papers, and what is said of them.
    """

    def setUp(self) -> None:
        """
        Have a root, an authority below it, and a server's certificate.
        """
        self.root = root()
        self.between = self.root.issue("between", ca=True)
        self.leaf = self.between.issue("leaf", hosts=["tools.example.org"])
        self.files = Files()

    def refused(self, setting: str, sentence: str, call: Callable[..., Any], *arguments: Any) -> None:
        """
        Expect what an operator reads.
        """
        caught = self.assertRaises(UnusableTls, call, *arguments)
        self.assertEqual((caught.setting, caught.sentence), (setting, sentence))
        self.assertEqual(str(caught), f"{setting}: {sentence}")

    def chain(self, *papers: Paper) -> tuple[Any, ...]:
        """
        Read a chain.
        """
        self.files = Files({"c": b"".join(paper.pem for paper in papers)})
        return read_chain("c", self.files.read, NOW)


class ChainTests(PemCase):
    """
    A server's certificate and what stands between it and its authority.
    """

    def test_read(self) -> None:
        """
        A certificate is read, alone or with those above it.
        """
        self.assertEqual(self.chain(self.leaf), (self.leaf.certificate,))
        papers = (self.leaf, self.between, self.root)
        self.assertEqual(self.chain(*papers), tuple(paper.certificate for paper in papers))

    def test_missing(self) -> None:
        """
        A file that can't be read is named, with the system's reason.
        """
        self.refused(
            "certificate",
            "c can't be read: No such file or directory",
            read_chain,
            "c",
            self.files.read,
            NOW,
        )

    def test_none(self) -> None:
        """
        A file without a certificate is named.
        """
        broken = self.leaf.pem.replace(b"M", b"N", 3)
        for data in (b"", b"\xff\x00", key_pem(self.leaf.key), broken):
            self.files = Files({"c": data})
            self.refused(
                "certificate", "c holds no certificate in PEM", read_chain, "c", self.files.read, NOW
            )

    def test_disorder(self) -> None:
        """
        Certificates in another order than TLS wants are refused before a client stumbles over them.
        """
        sentence = (
            "certificate {} in c does not vouch for the one before it: "
            "the server's own comes first, then each one's authority"
        )
        self.refused("certificate", sentence.format(2), self.chain, self.between, self.leaf)
        self.refused("certificate", sentence.format(2), self.chain, self.leaf, self.root)
        stranger = root("stranger")
        self.refused("certificate", sentence.format(3), self.chain, self.leaf, self.between, stranger)

    def test_dates(self) -> None:
        """
        A certificate that is not valid now is refused, the server's own and any above it.
        """
        old = self.root.issue("old", end=PAST, ca=True)
        young = self.root.issue("young", start=FUTURE)
        self.refused(
            "certificate",
            "certificate 2 in c expired at 2026-01-01T00:00:00+00:00",
            self.chain,
            old.issue("leaf"),
            old,
        )
        self.refused(
            "certificate",
            "certificate 1 in c is not valid before 2027-01-01T00:00:00+00:00",
            self.chain,
            young,
        )

    def altered(self, before: str, after: str) -> Certificate:
        """
        Make a certificate that says something else than was signed.
        """
        weak = root(key=rsa.generate_private_key(65537, 2048)).issue("leaf")
        der = weak.certificate.public_bytes(Encoding.DER)
        changed = der.replace(bytes.fromhex(before), bytes.fromhex(after))
        self.assertNotEqual(der, changed)
        return load_der_x509_certificate(changed)

    def test_weak(self) -> None:
        """
        What clients refuse as too weak is refused before, in the whole chain.
        """
        weak = self.root.issue("weak", key=rsa.generate_private_key(65537, 1024), ca=True)
        self.refused(
            "certificate",
            "certificate 2 in c has an RSA key of 1024 bits, and needs 2048",
            self.chain,
            weak.issue("leaf"),
            weak,
        )
        for last, name in (("05", "SHA1"), ("04", "MD5")):
            old = self.altered("2a864886f70d01010b", "2a864886f70d0101" + last)
            self.refused(
                "certificate",
                f"certificate 1 in c is signed with {name}, which clients refuse",
                self.chain,
                Paper(old, self.leaf.key),
            )

    def test_old_root(self) -> None:
        """
        A root's own signature is nobody's business, however old it is.
        """
        oid = bytes.fromhex("2a864886f70d01010b")
        der = root(key=rsa.generate_private_key(65537, 2048)).certificate.public_bytes(Encoding.DER)
        der = der.replace(oid, oid[:-1] + b"\x05")
        self.assertEqual(len(self.chain(Paper(load_der_x509_certificate(der), self.leaf.key))), 1)

    def test_unknown(self) -> None:
        """
        A certificate with a key or a signature that nobody here knows is refused.
        """
        for before, after in (
            ("06082a8648ce3d030107", "06082a8648ce3d03017f"),
            ("2a864886f70d01010b", "2a864886f70d01017f"),
        ):
            self.refused(
                "certificate",
                "certificate 1 in c is of a kind that not every client knows",
                self.chain,
                Paper(self.altered(before, after), self.leaf.key),
            )


class KeyTests(PemCase):
    """
    A server's key.
    """

    def key_of(self, key: Any) -> Any:
        """
        Read a key whose certificate is there.
        """
        leaf = self.root.issue("leaf", key=key)
        return read_key(key_pem(key), [leaf.certificate])

    def test_read(self) -> None:
        """
        Keys that every client knows are read.
        """
        for key in (
            rsa.generate_private_key(65537, 2048),
            ec.generate_private_key(ec.SECP256R1()),
            ec.generate_private_key(ec.SECP384R1()),
        ):
            self.assertEqual(self.key_of(key).private_numbers(), key.private_numbers())

    def test_with_certificate(self) -> None:
        """
        A file with the certificate and its key serves as the key's, too.
        """
        data = self.leaf.pem + key_pem(self.leaf.key)
        self.assertEqual(key_pem(read_key(data, [self.leaf.certificate])), key_pem(self.leaf.key))

    def test_none(self) -> None:
        """
        What is no key is refused, and not repeated.
        """
        for data in (b"", b"hush", self.leaf.pem, key_pem(self.leaf.key).replace(b"M", b"N", 2)):
            self.refused(
                "private_key", "it holds no private key in PEM", read_key, data, [self.leaf.certificate]
            )

    def test_encrypted(self) -> None:
        """
        An encrypted key is refused: nobody is there to type a password.
        """
        data = self.leaf.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
        self.refused(
            "private_key",
            "the key is encrypted: decrypt it, nobody is there to type a password",
            read_key,
            data,
            [self.leaf.certificate],
        )

    def test_odd(self) -> None:
        """
        Keys that not every client knows are refused.
        """
        for key, sentence in (
            (
                ec.generate_private_key(ec.SECP224R1()),
                "the key is on the curve secp224r1: use P-256 or P-384",
            ),
            (
                ed25519.Ed25519PrivateKey.generate(),
                "the key is of a kind that not every client knows: use RSA or EC",
            ),
        ):
            self.refused("private_key", sentence, self.key_of, key)

    def test_pair(self) -> None:
        """
        A key that is another certificate's is refused, and where it is one of the chain's, that one is told.
        """
        chain = [self.leaf.certificate, self.between.certificate]
        self.refused("private_key", "the key is not the certificate's", read_key, key_pem(new_key()), chain)
        self.refused(
            "private_key",
            "the key belongs to certificate 2, and the server's own comes first",
            read_key,
            key_pem(self.between.key),
            chain,
        )


class AuthorityTests(PemCase):
    """
    The authorities of clients' certificates.
    """

    def authorities(self, *papers: Paper) -> tuple[Any, ...]:
        """
        Read authorities.
        """
        self.files = Files({"a": b"".join(paper.pem for paper in papers)})
        return read_authorities("a", self.files.read, NOW)

    def test_read(self) -> None:
        """
        Authorities are read in any order, as long as each has its own; no file is none.
        """
        self.assertEqual(
            self.authorities(self.between, self.root), (self.between.certificate, self.root.certificate)
        )
        self.assertEqual(read_authorities("", self.files.read, NOW), ())

    def test_none(self) -> None:
        """
        A file without an authority is refused.
        """
        self.refused("client_ca", "a holds no certificate in PEM", self.authorities)

    def test_incomplete(self) -> None:
        """
        An authority whose own is missing would let nobody in, and is refused.
        """
        self.refused(
            "client_ca",
            "the authority of certificate 1 in a is missing: add all up to the root",
            self.authorities,
            self.between,
        )

    def test_dates(self) -> None:
        """
        An authority that expired is refused.
        """
        self.refused(
            "client_ca",
            "certificate 1 in a expired at 2026-01-01T00:00:00+00:00",
            self.authorities,
            root(end=PAST),
        )


class RevocationTests(PemCase):
    """
    The revocation lists of clients' authorities.
    """

    def lists(self, *lists: bytes) -> tuple[Any, ...]:
        """
        Read lists.
        """
        self.files = Files({"r": b"".join(lists)})
        authorities = [self.root.certificate, self.between.certificate]
        return read_revocations("r", self.files.read, authorities, NOW)

    def test_read(self) -> None:
        """
        All lists of a file are read; no file is none.
        """
        read = self.lists(b"one\n", self.root.revoke(self.between), b"other\n", self.between.revoke())
        self.assertEqual([len(revoked) for revoked in read], [1, 0])
        self.assertEqual(read_revocations("", self.files.read, [], NOW), ())

    def test_none(self) -> None:
        """
        A file without a list is refused.
        """
        broken = self.root.revoke().replace(b"M", b"N", 3)
        for data in (b"", self.root.pem, broken):
            self.refused("client_crl", "r holds no revocation list in PEM", self.lists, data)

    def test_missing(self) -> None:
        """
        An authority without a list is named: OpenSSL would let in nobody whom it vouches for.
        """
        self.refused(
            "client_crl",
            "r has no list of certificate 2 in client_ca: without one nobody whom it vouches for is let in",
            self.lists,
            self.root.revoke(),
        )

    def test_stranger(self) -> None:
        """
        A list that none of the authorities signed is refused, whatever name it bears.
        """
        sentence = "revocation list 2 in r is not signed by an authority in client_ca"
        stranger = root("stranger")
        self.refused("client_crl", sentence, self.lists, self.root.revoke(), stranger.revoke())
        forged = self.between.revoke(by=stranger)
        self.refused("client_crl", sentence, self.lists, self.root.revoke(), forged)

    def test_mute(self) -> None:
        """
        A list of an authority with a key that nobody here knows is a stranger's.
        """
        p256, unknown = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06082a8648ce3d03017f")
        der = self.root.certificate.public_bytes(Encoding.DER).replace(p256, unknown)
        odd = load_der_x509_certificate(der)
        self.files = Files({"r": self.root.revoke()})
        self.refused(
            "client_crl",
            "revocation list 1 in r is not signed by an authority in client_ca",
            read_revocations,
            "r",
            self.files.read,
            [odd],
            NOW,
        )

    def test_dates(self) -> None:
        """
        A list that is out of date is refused, since nobody would get in by it.
        """
        for revoked, sentence in (
            (self.root.revoke(end=PAST), "revocation list 1 in r expired at 2026-01-01T00:00:00+00:00"),
            (
                self.root.revoke(start=FUTURE),
                "revocation list 1 in r is not valid before 2027-01-01T00:00:00+00:00",
            ),
        ):
            self.refused("client_crl", sentence, self.lists, revoked)


class NameTests(PemCase):
    """
    The hosts that a certificate is for.
    """

    def test_names(self) -> None:
        """
        Hosts are told as clients write them, wildcards as the certificate does.
        """
        leaf = self.root.issue("x", hosts=["Tools.Example.ORG", "::1", "127.0.0.1", "*.example.net"])
        self.assertEqual(
            names_of(leaf.certificate), ("tools.example.org", "*.example.net", "[::1]", "127.0.0.1")
        )

    def test_common_name(self) -> None:
        """
        A common name is no host's, as it is to no client of today.
        """
        self.assertEqual(names_of(self.root.issue("tools.example.org").certificate), ())
