# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The official conformance suite against a real daemon, for each fixture and each revision.
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path

from attrs import evolve
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon, node, suite
from tests.live.pki import Authority
from tests.live.process import finish

_PATIENCE = 150.0
# Short enough for the suite, whose longest call takes a few seconds.
_POLLING = {"sessions": {"poll": "500ms"}}
_REQUIREMENTS = node.MODULES / "@modelcontextprotocol" / "conformance" / "requirements"
_MAY_FAIL = Path(__file__).with_name("may_fail.txt")

_BOTH = frozenset(
    {
        "completion-complete",
        "dns-rebinding-protection",
        "json-schema-2020-12",
        "prompts-get-embedded-resource",
        "prompts-get-simple",
        "prompts-get-with-args",
        "prompts-get-with-image",
        "prompts-list",
        "resources-list",
        "resources-read-binary",
        "resources-read-text",
        "resources-templates-read",
        "server-sse-multiple-streams",
        "tools-call-audio",
        "tools-call-embedded-resource",
        "tools-call-error",
        "tools-call-image",
        "tools-call-mixed-content",
        "tools-call-simple-text",
        "tools-call-with-progress",
        "tools-list",
    }
)
_LEGACY = frozenset(
    {
        "logging-set-level",
        "ping",
        "resources-subscribe",
        "resources-unsubscribe",
        "server-initialize",
        "server-session-lifecycle",
        "server-sse-polling",
        "tools-call-with-logging",
    }
)
_MODERN = frozenset(
    {
        "caching",
        "http-custom-header-server-validation",
        "http-header-validation",
        "input-required-result-unsupported-methods",
        "sep-2164-resource-not-found",
    }
)
MUST = {"2025-11-25": _BOTH | _LEGACY, "2026-07-28": _BOTH | _MODERN}
"""Scenarios that pass and may never be excused, by revision."""

PARTLY = {"2025-11-25": frozenset[str](), "2026-07-28": frozenset({"server-stateless"})}
"""Scenarios of which only single checks may fail."""

SCORE = {"2025-11-25": (26, 30), "2026-07-28": (23, 37)}
"""How many of the scenarios that the suite scores pass, and how many it scores."""

_STATELESS = 30

_CLEAR = frozenset({"http-custom-header-server-validation", "http-header-validation"})
"""Scenarios that speak clear text to any URL: the suite sends them by ``http.request``."""


def _secured(authority: Authority, port: int) -> dict[str, object]:
    # The scenario dns-rebinding-protection sends an Origin of http, whatever the
    # address is; and its foreign Host stands in the certificate, too, or its own
    # client would give up before ours is asked.
    pair = authority.issue("server", ("localhost", "127.0.0.1", "evil.example.com"))
    return {"tls": pair.tls, "origins": [f"http://127.0.0.1:{port}"]}


class ConformanceTests(TestCase):
    """
    What the suite says of the daemon.
    """

    timeout = 2 * _PATIENCE + 300

    def _check(self, fixture: str, revision: str, *, secure: bool = False) -> Deferred[None]:
        return Deferred.fromCoroutine(self._run_suite(fixture, revision, secure))

    async def _run_suite(self, fixture: str, revision: str, secure: bool) -> None:
        command = await node.conformance(reactor)
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        plugin = {"fixture": {"command": daemon.fixture(fixture), "prefix": ""}}
        port, trusted = daemon.free_port(), Authority.make(folder) if secure else None
        more: daemon.Tables = {**_POLLING, "listen": _secured(trusted, port)} if trusted else _POLLING
        file = trusted.file if trusted else None
        running = await daemon.begin(reactor, folder, "none", plugin, more, authority=file, port=port)
        environment = {"NODE_EXTRA_CA_CERTS": str(file)} if file else {}
        try:
            options = ("server", "--url", running.url, "--requirements", revision, "-o", str(folder / "out"))
            ended = await finish(reactor, (*command, *options), _PATIENCE, environment)
        finally:
            await running.stop()
        (folder / "suite.log").write_text(ended.said)
        clear = MUST[revision] & _CLEAR if secure else frozenset[str]()
        self._judge(fixture, revision, suite.read(folder / "out"), clear)

    def _judge(self, fixture: str, revision: str, found: dict[str, suite.Verdict], clear: Set[str]) -> None:
        excused = suite.excuses(_MAY_FAIL.read_text(), fixture, revision)
        # Over TLS these have to fail: once the suite can do it, this has to go.
        excused = evolve(excused, whole=excused.whole | clear)
        print(f"\n{fixture}, {revision}\n{suite.table(found, excused)}")  # noqa: T201  the run's evidence
        said = suite.complaints(found, excused, MUST[revision] - clear, PARTLY[revision])
        if said:
            self.fail("\n".join(said))
        scored = suite.scored((_REQUIREMENTS / f"{revision}.yaml").read_text())
        passing, of = SCORE[revision]
        expected = passing - len(clear & scored), of
        self.assertEqual((suite.count(found, scored, excused.vacuous), len(scored)), expected)
        for name in PARTLY[revision]:
            # A check that the suite never came to is in neither number.
            self.assertEqual(found[name].passed + len(found[name].wrong), _STATELESS)

    def test_modern_2025(self) -> Deferred[None]:
        """
        A client of 2025-11-25 may use a modern plugin as the specification says.
        """
        return self._check("modern", "2025-11-25")

    def test_modern_2026(self) -> Deferred[None]:
        """
        A client of 2026-07-28 may use a modern plugin as the specification says.
        """
        return self._check("modern", "2026-07-28")

    def test_legacy_2025(self) -> Deferred[None]:
        """
        A client of 2025-11-25 may use a legacy plugin as the specification says.
        """
        return self._check("legacy", "2025-11-25")

    def test_legacy_2026(self) -> Deferred[None]:
        """
        A client of 2026-07-28 may use a legacy plugin as the specification says.
        """
        return self._check("legacy", "2026-07-28")

    def test_modern_2025_secure(self) -> Deferred[None]:
        """
        The same holds over TLS, with an authority of one's own.
        """
        return self._check("modern", "2025-11-25", secure=True)

    def test_legacy_2026_secure(self) -> Deferred[None]:
        """
        The same holds over TLS, but for two scenarios that the suite can't do there.
        """
        return self._check("legacy", "2026-07-28", secure=True)
