# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
``mcpctl`` with a real daemon, and with none.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.process import VENV, Ended, finish

_PATIENCE = 60.0

clock: Any = reactor


async def mcpctl(*words: str) -> Ended:
    """
    Run the command to its end.
    """
    environment = {"NO_COLOR": "1", "MCPD_CONFIG": "/nowhere"}
    return await finish(clock, (str(VENV / "bin" / "mcpctl"), *words), _PATIENCE, environment)


class McpctlTests(TestCase):
    """
    What an operator sees.
    """

    timeout = 120

    def test_daemon(self) -> Deferred[None]:
        """
        An operator sees the daemon's plugins, calls a tool, restarts a plugin, and makes and revokes a key.
        """
        return Deferred.fromCoroutine(self._daemon())

    async def _daemon(self) -> None:
        # A socket's path has few bytes.
        runtime = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, runtime)
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        plugins: daemon.Tables = {"echo": {"command": daemon.fixture("legacy")}}
        more: daemon.Tables = {"daemon": {"runtime_dir": runtime}}
        running = await daemon.begin(clock, folder, "required", plugins, more)
        try:
            await self._look(f"{runtime}/admin.sock")
        finally:
            await running.stop()
        self.assertFalse(Path(runtime, "admin.sock").exists())

    async def _look(self, path: str) -> None:
        state = json.loads(await self._said(path, "status", "-o", "json"))
        self.assertEqual([plugin["name"] for plugin in state["plugins"]], ["echo"])
        (tool, *_) = json.loads(await self._said(path, "plugin", "show", "echo", "-o", "json"))["tool_names"]
        self.assertTrue(tool.startswith("echo__"), tool)
        told = await self._said(path, "status")
        self.assertLessEqual(max(map(len, told.splitlines())), 80)
        self.assertIn("daemon.runtime_dir", await self._said(path, "config"))
        self.assertIn("listening on", await self._said(path, "logs"))
        await self._said(path, "plugin", "restart", "echo")
        await self._said(path, "reload", "--dry-run")
        await self._said(path, "key", "create", "laptop")
        self.assertIn("laptop", await self._said(path, "key", "list"))
        await self._said(path, "key", "revoke", "laptop")
        failed = await mcpctl("--socket", path, "call", "echo__no_such_tool")
        self.assertEqual(failed.code, 1)
        self.assertIn("MCPD-E-TOOL", failed.said)

    async def _said(self, path: str, *words: str) -> str:
        ended = await mcpctl("--socket", path, *words)
        self.assertEqual(ended.code, 0, ended.said)
        return ended.said

    def test_nobody(self) -> Deferred[None]:
        """
        Without a daemon the places are named that were tried.
        """
        return Deferred.fromCoroutine(self._nobody())

    async def _nobody(self) -> None:
        ended = await mcpctl("--socket", "/nowhere/admin.sock", "status")
        self.assertEqual(ended.code, 1)
        self.assertIn("MCPD-E-SOCKET: no daemon answers at /nowhere/admin.sock", ended.said)

    def test_plugin_check(self) -> Deferred[None]:
        """
        A plugin of either era is tried without a daemon, and one that ignores the end of its input fails.
        """
        return Deferred.fromCoroutine(self._plugin_check())

    async def _plugin_check(self) -> None:
        for era in ("modern", "legacy"):
            ended = await mcpctl("plugin", "check", *daemon.fixture(era))
            self.assertEqual(ended.code, 0, ended.said)
            self.assertIn(f"speaks   {era}", ended.said)
        ended = await mcpctl("plugin", "check", "--wait", "1", "sleep", "60")
        self.assertEqual(ended.code, 1)
        self.assertIn("MCPD-E-START", ended.said)
