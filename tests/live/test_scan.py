# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Other people's scanners before a daemon with TLS, and before a server that they must not like.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from OpenSSL.crypto import FILETYPE_PEM, load_certificate, load_privatekey
from twisted.internet import reactor
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.ssl import AcceptableCiphers, CertificateOptions, TLSVersion
from twisted.trial.unittest import SynchronousTestCase, TestCase
from twisted.web.resource import Resource
from twisted.web.server import Site

from tests.live import daemon, scan
from tests.live.pki import Authority, Pair

# The second is in CBC mode, and is all that is wrong with it.
_WEAK = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-SHA"

clock: Any = reactor


def weak(pair: Pair) -> Any:
    """
    Listen with TLS 1.2 and a suite in CBC mode.

    Returns:
        The port.
    """
    options = CertificateOptions(
        privateKey=load_privatekey(FILETYPE_PEM, pair.key.read_bytes()),
        certificate=load_certificate(FILETYPE_PEM, pair.certificate.read_bytes()),
        acceptableCiphers=AcceptableCiphers.fromOpenSSLCipherString(_WEAK),
        insecurelyLowerMinimumTo=TLSVersion.TLSv1_2,
        lowerMaximumSecurityTo=TLSVersion.TLSv1_2,
    )
    return clock.listenSSL(0, Site(Resource()), options, interface="127.0.0.1")


class ScanCase(TestCase):
    """
    A test with an authority and a certificate of its own.
    """

    # Bounded: a scan ends in three minutes; before it, its program may have to be installed.
    timeout = 600

    def setUp(self) -> None:
        """
        Issue the certificate.
        """
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.authority = Authority.make(self.folder)
        self.pair = self.authority.issue("server", (scan.NAME, "localhost", "127.0.0.1"))
        self.out = self.folder / "scan.json"

    def good(self, what: Callable[[int], Awaitable[None]]) -> Deferred[None]:
        """
        Do something with the port of a daemon.
        """
        return Deferred.fromCoroutine(self._good(what))

    async def _good(self, what: Callable[[int], Awaitable[None]]) -> None:
        state = self.folder / "daemon"
        state.mkdir()
        more: daemon.Tables = {"listen": {"tls": self.pair.tls}}
        running = await daemon.begin(clock, state, "required", {}, more, authority=self.authority.file)
        try:
            await what(running.port)
        finally:
            await running.stop()

    def bad(self, what: Callable[[int], Awaitable[None]]) -> Deferred[None]:
        """
        Do something with the port of a weak server.
        """
        return Deferred.fromCoroutine(self._bad(what))

    async def _bad(self, what: Callable[[int], Awaitable[None]]) -> None:
        port = weak(self.pair)
        try:
            await what(port.getHost().port)
        finally:
            await maybeDeferred(port.stopListening)


class SslyzeTests(ScanCase):
    """
    What sslyze says.
    """

    async def _compliant(self, port: int) -> None:
        found = await scan.compliance(clock, port, self.authority.file, self.out)
        self.assertEqual(found.ended.code, 0, found.ended.said)
        self.assertIn("OK - Compliant.", found.ended.said)
        resumed = found.told["session_resumption"]["result"]
        self.assertEqual(resumed["tls_ticket_resumption_result"], "FULLY_SUPPORTED")

    def test_daemon(self) -> Deferred[None]:
        """
        The daemon complies with Mozilla's intermediate configuration, and resumes sessions by tickets.
        """
        return self.good(self._compliant)

    async def _refused(self, port: int) -> None:
        found = await scan.compliance(clock, port, self.authority.file, self.out)
        self.assertEqual(found.ended.code, 1, found.ended.said)
        self.assertIn("FAILED - Not compliant.", found.ended.said)
        self.assertIn("* ciphers: ", found.ended.said)

    def test_weak(self) -> Deferred[None]:
        """
        A server with a suite in CBC mode does not comply.
        """
        return self.bad(self._refused)


class TestsslTests(ScanCase):
    """
    What testssl.sh says.
    """

    async def _clean(self, port: int) -> None:
        found = await scan.findings(clock, port, self.authority.file, self.out)
        self.assertEqual((scan.wrong(found), scan.unseen(found)), ({}, set()))

    def test_daemon(self) -> Deferred[None]:
        """
        Nothing is found at the daemon but that its authority is a private one.
        """
        return self.good(self._clean)

    async def _found(self, port: int) -> None:
        found = await scan.findings(clock, port, self.authority.file, self.out, scan.SUITES)
        self.assertEqual(set(scan.wrong(found)), {"cipherlist_AVERAGE", "LUCKY13"})

    def test_weak(self) -> Deferred[None]:
        """
        At a server with a suite in CBC mode, just that is found.
        """
        return self.bad(self._found)


class JudgementTests(SynchronousTestCase):
    """
    Tests for what is made of findings.
    """

    def test_wrong(self) -> None:
        """
        All that is worse than a remark counts, and so does what could not be tried.
        """
        found = [
            {"id": each, "severity": each, "finding": "so"}
            for each in ("OK", "INFO", "LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL", "WARN")
        ]
        expected = {each: f"{each}: so" for each in ("LOW", "MEDIUM", "HIGH", "CRITICAL", "FATAL", "WARN")}
        self.assertEqual(scan.wrong(found), expected)

    def test_excused(self) -> None:
        """
        What a private authority makes does not count.
        """
        found = [{"id": each, "severity": "HIGH", "finding": "so"} for each in scan.EXCUSED]
        self.assertEqual(scan.wrong(found), {})

    def test_unseen(self) -> None:
        """
        A scan that ended early is no good one.
        """
        found = [{"id": each, "severity": "OK", "finding": "so"} for each in scan.EXPECTED - {"LUCKY13"}]
        self.assertEqual(scan.unseen(found), {"LUCKY13"})
