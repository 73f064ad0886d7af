# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.identities`.
"""

from __future__ import annotations

import os
from pathlib import Path

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.document import LARGEST
from mcpd.config.draft import Draft
from mcpd.config.identities import identities, identity
from mcpd.config.problem import ConfigurationError, Place
from mcpd.web.pem import UnusableTls
from mcpd.web.spec import Listen, Tls
from mcpd.web.tls import Identity
from tests.web.pki import END, NOW, key_pem, root

OURS = os.geteuid()


class IdentitiesTests(SynchronousTestCase):
    """
    Tests for loading certificates with the configuration.
    """

    def setUp(self) -> None:
        """
        Write a certificate and its key.
        """
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.authority = root()
        paper = self.authority.issue("a", hosts=["a.example", "192.0.2.1"])
        self.write("cert.pem", paper.pem)
        self.write("key.pem", key_pem(paper.key))
        self.tls = Tls(f"{self.folder}/cert.pem", f"file:{self.folder}/key.pem")
        self.environ = {"KEY": key_pem(paper.key).decode()}

    def write(self, name: str, content: bytes) -> str:
        """
        Write a file that nobody else may open; tell its path.
        """
        file = self.folder / name
        file.write_bytes(content)
        file.chmod(0o600)
        return str(file)

    def load(self, tls: Tls, now: float = NOW) -> Identity:
        """
        Load one.
        """
        return identity(tls, self.environ, OURS, now)

    def refused(self, tls: Tls, now: float = NOW) -> tuple[str, str]:
        """
        Tell why one cannot be used.
        """
        error = self.assertRaises(UnusableTls, self.load, tls, now)
        return error.setting, error.sentence.replace(f"{self.folder}/", "")

    def test_good(self) -> None:
        """
        A certificate is loaded with its key, wherever that is.
        """
        for reference in (self.tls.private_key, "env:KEY"):
            loaded = self.load(evolve(self.tls, private_key=reference))
            self.assertEqual(loaded.names, ("a.example", "192.0.2.1"))
            self.assertEqual(loaded.expires, END.timestamp())

    def test_key(self) -> None:
        """
        A key that others may read, or that is not there, is refused by its reference.
        """
        (self.folder / "key.pem").chmod(0o644)
        setting, sentence = self.refused(self.tls)
        self.assertEqual(setting, "private_key")
        self.assertIn("can be opened by others", sentence)
        self.assertEqual(
            self.refused(evolve(self.tls, private_key="env:NONE")), ("private_key", "env:NONE is not set")
        )

    def test_files(self) -> None:
        """
        What is not there, no regular file or far too large is refused, and nobody waits for it.
        """
        os.mkfifo(self.folder / "pipe")
        self.write("huge", bytes(LARGEST + 1))
        for name, why in (
            ("none", "No such file or directory"),
            ("pipe", "not a regular file"),
            ("huge", "File too large"),
        ):
            path = f"{self.folder}/{name}"
            for key, tls in (
                ("certificate", evolve(self.tls, certificate=path)),
                ("client_ca", evolve(self.tls, client_ca=path)),
            ):
                setting, sentence = self.refused(tls)
                self.assertEqual(setting, key)
                self.assertIn(why, sentence)

    def test_expired(self) -> None:
        """
        The time is that of the daemon's clock.
        """
        self.assertEqual(self.refused(self.tls, END.timestamp() + 1)[0], "certificate")

    def test_clients(self) -> None:
        """
        The authorities of clients are loaded, too; a list of somebody else's is refused.
        """
        ca = self.write("ca.pem", self.authority.pem)
        good = self.write("good.pem", self.authority.revoke())
        bad = self.write("bad.pem", self.authority.revoke(by=root()))
        tls = evolve(self.tls, client_ca=ca, client_crl=good, client_auth="required")
        self.assertTrue(self.load(tls).required)
        self.assertEqual(self.refused(evolve(tls, client_crl=bad))[0], "client_crl")

    def test_all(self) -> None:
        """
        Each listener has its own, in their order, and one without TLS has none.
        """
        listeners = (Listen("tcp:1"), Listen("tcp:2", tls=self.tls), Listen("tcp:3"))
        loaded = identities(Draft.of_nothing("f"), listeners, {}, OURS, NOW)
        self.assertEqual([each and each.names[0] for each in loaded], [None, "a.example", None])

    def test_problems(self) -> None:
        """
        What cannot be used is told for all listeners at once, each at its line, with what is right.
        """
        draft = Draft.of_nothing("f.toml")
        draft.places |= {("listen", index, "tls"): Place("f.toml", index + 1) for index in range(2)}
        listeners = (
            Listen("tcp:1", tls=evolve(self.tls, certificate="/none")),
            Listen("tcp:2", tls=evolve(self.tls, private_key="env:NONE")),
        )
        error = self.assertRaises(ConfigurationError, identities, draft, listeners, {}, OURS, NOW)
        first, second = str(error).split("\n")
        self.assertTrue(first.startswith("f.toml:1: certificate: "), first)
        self.assertTrue(
            first.endswith(
                "; must be a PEM file: a certificate that is valid now, then those up to its authority"
            ),
            first,
        )
        self.assertEqual(
            second,
            "f.toml:2: private_key: env:NONE is not set; "
            "must refer to that certificate's key, in PEM and not encrypted",
        )
