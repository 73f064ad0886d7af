# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.listeners`; its sentences are in :mod:`tests.config.test_refusals`.
"""

from __future__ import annotations

from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.listeners import check_listen, unsafe
from mcpd.web.spec import Listen, Tls

INHERITED = Listen("systemd:domain=INET:name=mcp")
TLS = Tls("/cert.pem", "file:/key.pem")


class UnsafeTests(SynchronousTestCase):
    """
    Tests for what is judged once it is known where a listener is.
    """

    def told(self, listen: Listen, loopback: bool = False) -> list[tuple[Any, str]]:
        """
        Tell what is unsafe of a listener at an address.
        """
        return [(flaw.path, flaw.wrong) for flaw in unsafe(listen, "192.0.2.1", loopback)]

    def test_loopback(self) -> None:
        """
        This machine may be served in clear text and without credentials.
        """
        self.assertEqual(self.told(evolve(INHERITED, auth="none"), loopback=True), [])

    def test_beyond(self) -> None:
        """
        Others may not be: both is told, with the address.
        """
        auth = (("auth",), 'is "none" on 192.0.2.1')
        plain = (("tls",), "is left out, and clear text would be served on 192.0.2.1")
        self.assertEqual(self.told(INHERITED), [plain])
        self.assertEqual(self.told(evolve(INHERITED, auth="none")), [auth, plain])
        self.assertEqual(self.told(evolve(INHERITED, auth="none", tls=TLS)), [auth])

    def test_accepted(self) -> None:
        """
        With TLS they may be, and in clear text if an operator says that it is fine.
        """
        self.assertEqual(self.told(evolve(INHERITED, tls=TLS)), [])
        self.assertEqual(self.told(evolve(INHERITED, plain_is_fine=True)), [])

    def test_unknown(self) -> None:
        """
        A socket of systemd's is not judged before it is known where it is.
        """
        self.assertEqual(list(check_listen(evolve(INHERITED, auth="none"))), [])


class KeyTests(SynchronousTestCase):
    """
    Tests for a key in the place of a reference.
    """

    def test_hidden(self) -> None:
        """
        A key that somebody wrote into the configuration is refused and never repeated.
        """
        for key in ("sesame", "file:sesame", "env:open sesame", "cred:../sesame", "sesame:/sesame"):
            (flaw,) = check_listen(evolve(INHERITED, tls=evolve(TLS, private_key=key)))
            self.assertEqual(flaw.path, ("tls", "private_key"))
            self.assertNotIn("sesame", str(flaw))
