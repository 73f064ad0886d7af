# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Ten plugins that are well, and ten that are not, at one daemon.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from statistics import median
from typing import Any

from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.web.client import Agent, readBody

from mcpd.ctl.shown import WIDTH
from tests.live import daemon, notebook
from tests.live.client import pause
from tests.live.process import VENV, finish
from tests.live.scene import ERAS, PATIENCE, Play, Scene, clock, text

_ROUNDS = 20
# Seconds: after which the doors are open; for which a plugin may keep clients waiting; of a
# program's first start, which is longer.
_DOORS, _TRYING, _FIRST = 2.0, 10.0, 12.0
_QUIET = 5.0
# Of the quiet time.  One that turns without need takes all of it.
_WORK = 0.05
_SLACK = 3.0
_UNAVAILABLE = -31103


@frozen
class Fare:
    """
    How the good plugins of a daemon fared.

    Attributes:
        doors: Seconds until the daemon answered.
        first: Seconds from there until each plugin had answered once.
        usual: Seconds that a later call took, by the median.
    """

    doors: float
    first: float
    usual: float


def good() -> daemon.Tables:
    """
    Configure ten that are well, half of them of each era.
    """
    return {f"good-{n}": {"command": notebook.command(ERAS[n % 2])} for n in range(10)}


def bad(folder: Path) -> daemon.Tables:
    """
    Configure ten that are not.

    Args:
        folder: Where what can't be executed is put.
    """
    plain, lost = folder / "plain", folder / "lost"
    plain.write_text("No program.\n")
    lost.write_text("#!/no/such/interpreter\n")
    lost.chmod(0o755)
    hangs = {"timeouts": {"first_start": f"{_FIRST:.0f}s"}, "restart": {"backoff": ["60s", "60s"]}}
    hasty, stubborn = {"backoff": ["100ms", "2s"]}, {"backoff": ["4s", "8s"], "give_up": "100/1m"}
    return {
        "absent": {"command": [str(folder / "absent")]},
        "plain": {"command": [str(plain)]},
        "lost": {"command": [str(lost)]},
        "homeless": {"command": notebook.command("modern"), "cwd": str(folder / "home")},
        "quitter": {"command": ["/bin/sh", "-c", "echo No licence. >&2; exit 3"]},
        "silent": {"command": ["/bin/sleep", "600"], **hangs},
        "sink": {"command": ["/bin/sh", "-c", "exec cat >/dev/null"], **hangs},
        "listless": {"command": notebook.command("legacy", "listless"), **hangs},
        "brief": {"command": notebook.command("modern", "brief"), "restart": hasty},
        "fickle": {"command": notebook.command("legacy", "brief"), "restart": stubborn},
    }


STORY = {
    "absent": ("failed", "MCPD-E-PROGRAM there is no program at"),
    "plain": ("failed", "MCPD-E-PROGRAM there is no program at"),
    "lost": ("failed", "MCPD-E-LAUNCH it was not started: exec: No such file or directory"),
    "homeless": ("failed", "MCPD-E-LAUNCH it was not started: chdir: No such file or directory"),
    "quitter": ("failed", 'MCPD-E-EXIT exit status 3; it said "No licence."'),
    "silent": ("pausing", f"MCPD-E-START it was not ready within {_FIRST:.0f} s"),
    "sink": ("pausing", f"MCPD-E-START it was not ready within {_FIRST:.0f} s"),
    "listless": ("pausing", "MCPD-E-HANDSHAKE the plugin did not answer in time"),
    "brief": ("failed", f'MCPD-E-EXIT exit status 7; it said "{notebook.LAST}"'),
    "fickle": ("pausing", f'MCPD-E-EXIT exit status 7; it said "{notebook.LAST}"'),
}
"""What an operator is told of the bad ones: the state, the code and the reason."""


async def get(scene: Scene, path: str) -> tuple[int, bytes]:
    """
    Ask whether a daemon is well.
    """
    url = f"http://127.0.0.1:{scene.running.port}{path}"
    response: Any = await Agent(clock).request(b"GET", url.encode())
    return response.code, await readBody(response)


def worked(pid: int) -> float:
    """
    Tell how many seconds of processor time a process has used (proc(5)).
    """
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def read_status(said: str) -> dict[str, tuple[str, str]]:
    """
    Read what ``mcpctl status`` shows: each plugin's state, and what ails it if anything does.
    """
    _, table, story = re.split(r"\n *\n", said.strip())
    states = [line.split()[:2] for line in table.splitlines()[1:]]
    # A line that begins with a space goes on with the one before.
    whole = [line.split(None, 1) for line in re.sub(r" *\n +", " ", story).splitlines()]
    reasons = {name: reason for name, reason in whole}
    return {name: (state, reasons.get(name, "")) for name, state in states}


class NeighboursTests(Play):
    """
    What the bad ones cost the good ones, and what is told of them.
    """

    timeout = 120

    async def _enter(self, name: str, plugins: daemon.Tables) -> tuple[Scene, float]:
        folder = Path(self.mktemp()).resolve() / name
        folder.mkdir(parents=True)
        began = clock.seconds()
        running = await daemon.begin(clock, folder, "required", plugins, sign="healthz")
        self.addCleanup(running.kill)
        return Scene(running), clock.seconds() - began

    async def _fare(self, scene: Scene, doors: float) -> Fare:
        began = clock.seconds()
        await gatherResults([Deferred.fromCoroutine(self._await(scene, name)) for name in good()])
        first = clock.seconds() - began
        taken = []
        for turn in range(_ROUNDS):
            for name in good():
                answer, took = await scene.begin(f"{name}__echo", ERAS[turn % 2], text=name)
                self.assertEqual(text(answer), name)
                taken.append(took)
        return Fare(doors, first, median(taken))

    async def _await(self, scene: Scene, name: str) -> None:
        # Its tools are known once it is ready.
        while (answer := await scene.call(f"{name}__echo", text=name)).get("error", {}).get("code") == -32602:
            await pause(clock, 0.05)
        self.assertEqual(text(answer), name)

    async def _neighbours(self) -> None:
        scene, doors = await self._enter("alone", good())
        alone = await self._fare(scene, doors)
        await scene.running.stop()
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        scene, doors = await self._enter("neighbours", {**bad(folder), **good()})
        opened = clock.seconds()
        self.assertEqual(await get(scene, "/readyz"), (503, b'{"ready":false}'))
        among = await self._fare(scene, doors)
        print(f"\n{alone}\n{among}")  # noqa: T201  what was measured
        self.assertLess(among.doors, alone.doors + _DOORS)
        self.assertLess(among.first, alone.first + _SLACK)
        self.assertLess(among.usual, 3 * alone.usual + 0.05)
        await self._check_ready(scene, opened)
        await self._check_status(scene)
        await self._check_calls(scene)
        await self._check_rest(scene)
        grave = {
            line.get("event") for line in scene.running.logged() if line["level"] in ("error", "critical")
        }
        self.assertEqual(grave, {"PluginFailed"})
        await scene.running.stop()

    async def _check_ready(self, scene: Scene, opened: float) -> None:
        while await get(scene, "/readyz") != (200, b'{"ready":true}'):
            self.assertLess(clock.seconds() - opened, _TRYING + _SLACK)
            await pause(clock, 0.05)
        # It began to try them a moment before it was first heard of.
        self.assertGreater(clock.seconds() - opened, _TRYING - _SLACK)

    async def _check_status(self, scene: Scene) -> None:
        await self._until_told(scene)
        socket = str(scene.running.runtime / "admin.sock")
        command = (str(VENV / "bin" / "mcpctl"), "--socket", socket, "status")
        ended = await finish(clock, command, PATIENCE)
        self.assertEqual(ended.code, 0, ended.said)
        self.assertLessEqual(max(map(len, ended.said.splitlines())), WIDTH, ended.said)
        told = read_status(ended.said)
        self.assertEqual({name for name, (state, _) in told.items() if state == "ready"}, set(good()))
        for name, (state, reason) in STORY.items():
            self.assertEqual(told[name][0], state, ended.said)
            self.assertRegex(told[name][1], rf"^{re.escape(reason)}.*; next try in [\dms ]+$")
        self.assertEqual({name for name, (_, reason) in told.items() if reason}, set(STORY), ended.said)
        self.assertEqual([line for line in scene.told("WorkerEnded") if line["plugin"] in good()], [])

    async def _until_told(self, scene: Scene) -> None:
        due, wrong = clock.seconds() + PATIENCE, set(STORY)
        while wrong:
            self.assertLess(clock.seconds(), due, wrong)
            await pause(clock, 0.05)
            plugins = {plugin["name"]: plugin for plugin in (await scene.ask("status"))["plugins"]}
            wrong = {name for name, (state, _) in STORY.items() if plugins[name]["phase"] != state}
            # The one that crashes for ever has to pause for as long as it takes to look.
            if (plugins["fickle"]["retry"] or 0) < _SLACK:
                wrong.add("fickle")

    async def _check_calls(self, scene: Scene) -> None:
        # Nobody waits for one that was given up.
        answer, took = await scene.begin("brief__echo", text="")
        self.assertEqual(answer["error"]["code"], _UNAVAILABLE)
        self.assertIn("MCPD-E-EXIT: exit status 7", answer["error"]["message"])
        self.assertLess(took, 1.0)

    async def _check_rest(self, scene: Scene) -> None:
        before, began = worked(scene.running.pid), clock.seconds()
        await pause(clock, _QUIET)
        share = (worked(scene.running.pid) - before) / (clock.seconds() - began)
        print(f"{share:.1%} of a processor at rest")  # noqa: T201  what was measured
        self.assertLess(share, _WORK)

    def test_neighbours(self) -> Deferred[None]:
        """
        Ten plugins that don't start, hang or crash cost ten others nothing, and their story is told.
        """
        return Deferred.fromCoroutine(self._neighbours())
