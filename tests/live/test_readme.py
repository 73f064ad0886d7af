# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The first minute, as the README has it.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon, node
from tests.live.daemon import Daemon
from tests.live.process import ROOT, finish

_HEADING = "\n## A minute to the first answer\n"
_CONFIGURED = Path("/etc/mcpd/mcpd.toml")
_PATIENCE = 60.0

clock: Any = reactor


def block(word: str) -> str:
    """
    Find the first shell block of that section with a word in it.
    """
    section = (ROOT / "README.md").read_text().partition(_HEADING)[2].partition("\n## ")[0]
    blocks: list[str] = re.findall(r"(?ms)^```sh\n(.*?)^```$", section)
    return next(text for text in blocks if word in text)


def check_machine() -> None:
    """
    See that a daemon without a configuration can be had here.

    Raises:
        SkipTest: It can't; the text says why.
    """
    if shutil.which("curl") is None:
        raise SkipTest("There is no curl on the PATH.")
    if _CONFIGURED.exists():
        raise SkipTest(f"There is a configuration, {_CONFIGURED}.")
    with socket.socket() as wanted:
        wanted.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            wanted.bind(("127.0.0.1", daemon.DEVELOPMENT))
        except OSError as why:
            raise SkipTest(f"Port {daemon.DEVELOPMENT} is taken.") from why


class ReadmeTests(TestCase):
    """
    What somebody sees who types what stands there.
    """

    timeout = 400

    def _play(self, what: Callable[[Daemon], Awaitable[None]]) -> Deferred[None]:
        return Deferred.fromCoroutine(self._against(what))

    async def _against(self, what: Callable[[Daemon], Awaitable[None]]) -> None:
        check_machine()
        home = Path(self.mktemp()).resolve()
        home.mkdir()
        running = await daemon.develop(clock, home)
        try:
            await what(running)
        finally:
            await running.stop()

    async def _shell(self, running: Daemon, script: str) -> Any:
        environment = daemon.development(running.folder)
        ended = await finish(clock, ("/bin/sh", "-e", "-c", script), _PATIENCE, environment)
        self.assertEqual(ended.code, 0, ended.said)
        return json.loads(ended.said)

    def _check_found(self, result: Any) -> None:
        self.assertNotEqual(result.get("isError"), True, result)
        self.assertIn("era", result["content"][0]["text"])

    async def _curl(self, running: Daemon) -> None:
        answer = await self._shell(running, block("curl"))
        self._check_found(answer["result"])

    def test_curl(self) -> Deferred[None]:
        """
        The README's first request has a tool's answer.
        """
        return self._play(self._curl)

    async def _inspector(self, running: Daemon) -> None:
        command = shlex.join(await node.inspector(clock))
        # The block says npx, which would fetch it; and its key is from the block before.
        key = block("curl").partition("\n")[0]
        # Into a file, for Node ends before a pipe has taken all that it wrote;
        # and what it has to say of the schemas stands in its standard error.
        start = (
            f'npx() {{ shift; {command} "$@" >"$HOME/said" 2>"$HOME/why" || {{ cat "$HOME/why"; return 1; }};'
            f' cat "$HOME/said"; }}\n{key}\n'
        )
        listed = await self._shell(running, start + block("npx"))
        self.assertIn("files__search", [tool["name"] for tool in listed["tools"]])
        call = block("npx").replace("tools/list", "tools/call --tool-name files__search --tool-arg query=era")
        self._check_found(await self._shell(running, start + call))

    def test_inspector(self) -> Deferred[None]:
        """
        The README's line for the inspector lists the tools, and with another method calls one.
        """
        return self._play(self._inspector)
