# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The official conformance suite's client half, with ``mcpctl connect`` as the client.

The official SDK drives it over its pipes (:mod:`tests.live.clients.relayed`).
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import environment, node
from tests.live.look import CLIENTS, LEGACY, MODERN
from tests.live.process import VENV, finish

_PATIENCE = 60.0

SCENARIOS = (
    ("initialize", LEGACY),
    ("tools_call", LEGACY),
    ("tools_call", MODERN),
    ("request-metadata", MODERN),
    ("http-standard-headers", MODERN),
    ("http-custom-headers", MODERN),
    ("http-invalid-tool-headers", MODERN),
    ("json-schema-ref-no-deref", MODERN),
    ("sse-retry", LEGACY),
    ("sep-2322-client-request-state", MODERN),
)
"""The scenarios, and the revision of each."""

SKIPPED = frozenset(
    {
        # Methods that the era does not have.
        "ClientMcpMethodHeader_initialize",
        "ClientMcpMethodHeader_notifications_initialized",
        # The SDK's client can't be asked these here, and says so.
        "ClientDeclaresRootsCapability",
        "ClientDeclaresSamplingCapability",
    }
)
"""Checks that the suite itself leaves out, for want of what they are about."""

clock: Any = reactor


class ConnectConformanceTests(TestCase):
    """
    What the suite says of the bridge.
    """

    timeout = 900

    def test_client(self) -> Deferred[None]:
        """
        Through the bridge a client does as the specification wants of one that speaks HTTP.
        """
        return Deferred.fromCoroutine(self._client())

    async def _client(self) -> None:
        suite = await node.conformance(clock)
        python = await environment.python(clock, "sdk", "mcp", "2.3.0")
        words = (python, str(CLIENTS / "relayed.py"), str(VENV / "bin" / "mcpctl"), "connect")
        for scenario, revision in SCENARIOS:
            folder = Path(self.mktemp()).resolve()
            options = ("--scenario", scenario, "--spec-version", revision, "-o", str(folder))
            command = (*suite, "client", "--command", shlex.join(words), *options)
            ended = await finish(clock, command, _PATIENCE)
            self.assertEqual(ended.code, 0, ended.said)
            self._judge(scenario, folder)

    def _judge(self, scenario: str, folder: Path) -> None:
        (file,) = folder.glob("*/checks.json")
        checks = [check for check in json.loads(file.read_text()) if check["status"] != "INFO"]
        wrong = [
            f"{check['name']}: {check['status']} {check.get('errorMessage', '')}"
            for check in checks
            if check["status"] != "SUCCESS"
            and not (check["status"] == "SKIPPED" and check["name"] in SKIPPED)
        ]
        self.assertEqual(wrong, [], scenario)
        good = sum(check["status"] == "SUCCESS" for check in checks)
        self.assertGreater(good, 0, scenario)
        print(f"\n{scenario}: {good} passed")  # noqa: T201  the run's evidence
