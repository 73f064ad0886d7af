# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The plugins that the documents have authors write, built and served as they say.
"""

from __future__ import annotations

import re
import shlex
import shutil
import tomllib
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.client import Client
from tests.live.daemon import Daemon
from tests.live.process import ROOT, finish

_PAGE = ROOT / "docs" / "writing-a-plugin.md"
_FILE = re.compile(r"(?ms)`(plugins/[\w./-]+)`:\n\n^```\w+\n(.*?)^```$")
_SHELL = re.compile(r"(?ms)^```sh\n(.*?)^```$")
_BUILT = 120.0

clock: Any = reactor


def section(heading: str) -> str:
    """
    Take a section of the page.
    """
    return _PAGE.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


async def shell(folder: Path, script: str) -> str:
    """
    Run a script in a folder; it has to end well.  Gives what it says.
    """
    command = f"cd {shlex.quote(str(folder))}\n{script}"
    ended = await finish(clock, ("/bin/sh", "-e", "-c", command), _BUILT)
    if ended.code != 0:
        raise AssertionError(ended.said)
    return ended.said


async def build(folder: Path, heading: str) -> tuple[str, ...]:
    """
    Do what a section says in a folder, and tell the command of its plugin.

    Raises:
        SkipTest: There is no compiler or no library for it; the text says which.
    """
    written = _FILE.findall(section(heading))
    for name, text in written:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    plugin = (folder / written[0][0]).parent
    if shutil.which("make") is None:
        raise SkipTest("There is no make on the PATH.")
    lack = await shell(plugin, "make -s lacks")
    if lack:
        raise SkipTest(f"The plugin is not built: {lack.strip()}.")
    for script in _SHELL.findall(section(heading)):
        await shell(folder, script)
    program, *arguments = tomllib.loads((plugin / "plugin.toml").read_text())["command"]
    return str(plugin / program), *arguments


class TutorialTests(TestCase):
    """
    What an author sees who types what stands there.
    """

    timeout = 300

    async def _serve(self, heading: str, name: str, what: Callable[[Client], Awaitable[None]]) -> None:
        folder = Path(self.mktemp()).resolve()
        unused = shutil.ignore_patterns("tests", "build", "__pycache__")
        shutil.copytree(ROOT / "plugins" / "kit", folder / "plugins" / "kit", ignore=unused)
        command = await build(folder, heading)
        (folder / "daemon").mkdir()
        running = await daemon.begin(clock, folder / "daemon", "required", {name: {"command": command}})
        try:
            for legacy in (True, False):
                await self._visit(running, legacy, what)
        finally:
            await running.stop()

    async def _visit(self, running: Daemon, legacy: bool, what: Callable[[Client], Awaitable[None]]) -> None:
        client = Client.new(clock, running.port, running.key.read_text().strip())
        try:
            if legacy:
                await client.shake()
            await what(client)
        finally:
            client.close()

    async def _result(self, client: Client, tool: str, **arguments: object) -> Mapping[str, Any]:
        answer = await client.call(tool, arguments)
        self.assertIn("result", answer)
        result: Mapping[str, Any] = answer["result"]
        return result

    async def _roll(self, client: Client) -> None:
        result = await self._result(client, "dice__roll", sides=6, count=100)
        rolls = result["structuredContent"]["rolls"]
        self.assertEqual(len(rolls), 100)
        self.assertLessEqual(set(rolls), set(range(1, 7)))
        odd = await self._result(client, "dice__roll", sides=7, count=1)
        self.assertTrue(odd["isError"])
        self.assertEqual(odd["content"][0]["text"], "There is no fair die with 7 sides here.")

    def test_c(self) -> Deferred[None]:
        """
        The plugin in C is built by the page's commands, and clients of both eras call its tool.
        """
        return Deferred.fromCoroutine(self._serve("In C", "dice", self._roll))

    async def _count(self, client: Client) -> None:
        result = await self._result(client, "words__count", text="to be or not to be")
        self.assertEqual(result["structuredContent"], {"words": {"to": 2, "be": 2, "or": 1, "not": 1}})
        empty = await self._result(client, "words__count", text=" ")
        self.assertTrue(empty["isError"])

    def test_cxx(self) -> Deferred[None]:
        """
        The plugin in C++ is built by the page's commands, and clients of both eras call its tool.
        """
        return Deferred.fromCoroutine(self._serve("In C++", "words", self._count))
