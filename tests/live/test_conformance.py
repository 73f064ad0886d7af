# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The official conformance suite against a real daemon, for each fixture and each revision.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon, node, suite
from tests.live.process import finish

_PATIENCE = 150.0
_MAY_FAIL = Path(__file__).with_name("may_fail.txt")

_BOTH = frozenset(
    {
        "tools-list",
        "tools-call-simple-text",
        "tools-call-image",
        "tools-call-audio",
        "tools-call-embedded-resource",
        "tools-call-mixed-content",
        "tools-call-error",
        "tools-call-with-progress",
        "server-sse-multiple-streams",
        "dns-rebinding-protection",
    }
)
MUST = {
    "2025-11-25": _BOTH | {"server-initialize", "ping"},
    "2026-07-28": _BOTH | {"http-header-validation"},
}
"""Scenarios that pass and may never be excused, by revision."""


class ConformanceTests(TestCase):
    """
    What the suite says of the daemon.
    """

    timeout = 2 * _PATIENCE + 300

    def _check(self, fixture: str, revision: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._run_suite(fixture, revision))

    async def _run_suite(self, fixture: str, revision: str) -> None:
        command = await node.conformance(reactor)
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        plugin = {"command": daemon.fixture(fixture), "prefix": ""}
        running = await daemon.begin(reactor, folder, "none", {"fixture": plugin})
        try:
            options = ("server", "--url", running.url, "--requirements", revision, "-o", str(folder / "out"))
            ended = await finish(reactor, (*command, *options), _PATIENCE)
        finally:
            await running.stop()
        (folder / "suite.log").write_text(ended.said)
        self._judge(fixture, revision, suite.read(folder / "out"))

    def _judge(self, fixture: str, revision: str, found: dict[str, suite.Verdict]) -> None:
        may_fail = suite.allowed(_MAY_FAIL.read_text(), fixture, revision)
        print(f"\n{fixture}, {revision}\n{suite.table(found, may_fail)}")  # noqa: T201  the run's evidence
        said = suite.complaints(found, may_fail, MUST[revision])
        if said:
            self.fail("\n".join(said))

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
