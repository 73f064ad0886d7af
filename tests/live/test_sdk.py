# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients of the official Python SDK, both of its major versions, against a real daemon.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.process import VENV, finish

_INSTALL = 300.0
_CLIENT = 60.0
_SAID = "This is a simple text response for testing."
_TOOLS = ("modern__test_simple_text", "legacy__test_simple_text")


async def _python(version: str) -> str:
    # The interpreter of an environment which has that version of the SDK, made on demand.
    folder = VENV / f"sdk-{version}"
    python = str(folder / "bin" / "python")
    if (folder / "installed").exists():
        return python
    pip = (python, "-m", "pip", "install", "--quiet", f"mcp=={version}")
    for command in ((sys.executable, "-m", "venv", str(folder)), pip):
        ended = await finish(reactor, command, _INSTALL)
        if ended.code != 0:
            raise SkipTest(f"pip could not install mcp {version}: {ended.said[-500:]}")
    (folder / "installed").touch()
    return python


class SDKTests(TestCase):
    """
    What somebody sees who uses the official SDK with a key.
    """

    timeout = 2 * _INSTALL + 120

    def _check(self, version: str, script: str, mode: str, spoken: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._run_client(version, script, mode, spoken))

    async def _run_client(self, version: str, script: str, mode: str, spoken: str) -> None:
        python = await _python(version)
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        plugins = {era: {"command": daemon.fixture(era)} for era in ("modern", "legacy")}
        running = await daemon.begin(reactor, folder, "required", plugins)
        client = str(Path(__file__).with_name("clients") / script)
        try:
            command = (python, client, running.url, str(running.key), mode, *_TOOLS)
            ended = await finish(reactor, command, _CLIENT)
        finally:
            await running.stop()
        self.assertEqual(ended.code, 0, ended.said)
        self._judge(json.loads(ended.said.splitlines()[-1]), spoken)

    def _judge(self, saw: Any, spoken: str) -> None:
        self.assertEqual(saw["version"], spoken)
        self.assertLessEqual(set(_TOOLS), set(saw["tools"]))
        self.assertEqual(saw["said"], dict.fromkeys(_TOOLS, _SAID))

    def test_1(self) -> Deferred[None]:
        """
        A program with version 1 of the SDK lists and calls tools of plugins of both eras.
        """
        return self._check("1.30.0", "sdk1.py", "legacy", "2025-11-25")

    def test_2_auto(self) -> Deferred[None]:
        """
        A program with version 2 that finds out what the server speaks finds the modern era.
        """
        return self._check("2.3.0", "sdk2.py", "auto", "2026-07-28")

    def test_2_legacy(self) -> Deferred[None]:
        """
        A program with version 2 that insists on the handshake is served as well.
        """
        return self._check("2.3.0", "sdk2.py", "legacy", "2025-11-25")

    def test_2_modern(self) -> Deferred[None]:
        """
        A program with version 2 that is pinned to the modern revision needs no discovery.
        """
        return self._check("2.3.0", "sdk2.py", "2026-07-28", "2026-07-28")
