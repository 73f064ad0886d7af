# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How a daemon ends, and what is left of it: nothing.
"""

from __future__ import annotations

import json
import signal
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon, proc
from tests.live.client import Client, holds
from tests.live.daemon import Daemon
from tests.live.process import Ended, finish

_PATIENCE = 15.0
_HASTE = {"stop": "200ms"}

clock: Any = reactor


def plugin(moods: str, **more: object) -> daemon.Tables:
    """
    Configure a fixture that misbehaves.
    """
    return {"echo": {"command": daemon.fixture("legacy"), "env": {"MCPD_FIXTURE": moods}, **more}}


class Folder(TestCase):
    """
    A test in a folder of its own.
    """

    timeout = 60

    def play(self, what: Callable[[Path], Awaitable[None]]) -> Deferred[None]:
        """
        Do something in an empty folder, and see that nothing is left that knows it.
        """
        return Deferred.fromCoroutine(self._play(what))

    async def _play(self, what: Callable[[Path], Awaitable[None]]) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        await what(folder)
        self.assertTrue(await holds(clock, lambda: not daemon.left_behind(folder), 2.0), folder)

    async def started(
        self, folder: Path, plugins: daemon.Tables, drain: str = "10s", sign: str = "readyz"
    ) -> tuple[Daemon, int]:
        """
        Start a daemon with one plugin; tells it and its worker, 0 if there is none.
        """
        more = {"daemon": {"drain": drain}}
        running = await daemon.begin(clock, folder, "required", plugins, more, sign)
        # Whatever fails, it does not stay.
        self.addCleanup(running.kill)
        workers = list(proc.children(running.pid))
        return running, workers[0] if workers else 0

    def quick(self, since: float, seconds: float) -> None:
        """
        See that no more time has passed than may.
        """
        self.assertLess(clock.seconds() - since, seconds)


class StopTests(Folder):
    """
    SIGTERM and SIGINT, whatever the worker does.
    """

    async def _deaf(self, folder: Path, name: str) -> None:
        running, worker = await self.started(folder, plugin("ignore-term,ignore-eof", timeouts=_HASTE))
        began = clock.seconds()
        ended = await running.stop(name)
        self.assertEqual(ended.signal, signal.Signals[f"SIG{name}"])
        self.assertFalse(proc.is_there(worker))
        # Three rungs of 200 ms.
        self.assertGreater(clock.seconds() - began, 0.4)
        self.quick(began, 5.0)
        said = [line for line in running.logged() if line.get("event") == "WorkerStopped"]
        self.assertEqual([(line["pid"], line["why"]) for line in said], [(worker, "killed by signal 9")])

    def test_term_deaf(self) -> Deferred[None]:
        """
        SIGTERM ends the daemon and a worker that ignores its end of input and SIGTERM.
        """
        return self.play(lambda folder: self._deaf(folder, "TERM"))

    def test_int_deaf(self) -> Deferred[None]:
        """
        SIGINT, as Ctrl-C sends it, does the same.
        """
        return self.play(lambda folder: self._deaf(folder, "INT"))

    async def _spawned(self, folder: Path, away: bool) -> None:
        running, worker = await self.started(folder, plugin("hostile", timeouts=_HASTE))
        client = Client.new(clock, running.port, running.key.read_text().strip())
        answer = await client.call("echo__misbehave_spawn", {"seconds": 60.0, "away": away})
        child = int(answer["result"]["content"][0]["text"])
        client.close()
        self.assertIn(child, proc.children(worker))
        began = clock.seconds()
        await running.stop()
        self.assertFalse(proc.is_there(worker) or proc.is_there(child))
        self.quick(began, 5.0)

    def test_spawned(self) -> Deferred[None]:
        """
        A child that a worker has started ends with it, though it keeps the pipes open.
        """
        return self.play(lambda folder: self._spawned(folder, False))

    def test_spawned_away(self) -> Deferred[None]:
        """
        A child that a worker has started in a session of its own ends with it all the same.
        """
        return self.play(lambda folder: self._spawned(folder, True))

    async def _sleep(self, folder: Path, drain: str, seconds: float) -> dict[str, Any]:
        running, _ = await self.started(folder, plugin("hostile", timeouts=_HASTE), drain)
        client = Client.new(clock, running.port, running.key.read_text().strip())
        calling = Deferred.fromCoroutine(client.call("echo__misbehave_sleep", {"seconds": seconds}))
        # Another call's answer says that this one has been taken.
        other = Client.new(clock, running.port, running.key.read_text().strip())
        await other.call("echo__echo", {"text": "after"})
        other.close()
        began = clock.seconds()
        await running.stop()
        self.quick(began, 5.0)
        answer = await calling
        client.close()
        return answer

    async def _drained(self, folder: Path) -> None:
        answer = await self._sleep(folder, "10s", 1.0)
        self.assertEqual(answer["result"]["content"][0]["text"], "Slept 1.0 s.")

    def test_drained(self) -> Deferred[None]:
        """
        A call that is running has its answer before the daemon ends.
        """
        return self.play(self._drained)

    async def _abandoned(self, folder: Path) -> None:
        answer = await self._sleep(folder, "300ms", 60.0)
        self.assertEqual(answer["error"]["code"], -31103)
        self.assertTrue(answer["error"]["data"]["requestId"])

    def test_abandoned(self) -> Deferred[None]:
        """
        A call that takes longer than daemon.drain has an error that says so, and delays nothing.
        """
        return self.play(self._abandoned)

    async def _starting(self, folder: Path) -> None:
        slow = {"start": "60s", "stop": "200ms"}
        running, _ = await self.started(folder, plugin("discover-hang", timeouts=slow), sign="healthz")
        self.assertTrue(await holds(clock, lambda: proc.children(running.pid), _PATIENCE))
        began = clock.seconds()
        await running.stop()
        self.quick(began, 5.0)

    def test_starting(self) -> Deferred[None]:
        """
        A worker that has not answered its first question yet is ended, too.
        """
        return self.play(self._starting)

    async def _missing(self, folder: Path) -> None:
        missing = {"gone": {"command": ("/nonexistent/server",)}}
        running, worker = await self.started(folder, missing)
        self.assertEqual(worker, 0)
        began = clock.seconds()
        await running.stop()
        self.quick(began, 5.0)
        why = [line["why"] for line in running.logged() if line.get("event") == "WorkerNotStarted"]
        self.assertIn("/nonexistent/server", why[0])

    def test_missing(self) -> Deferred[None]:
        """
        A plugin whose program is missing is told of, keeps nothing from starting, and nothing from stopping.
        """
        return self.play(self._missing)

    async def _killed(self, folder: Path) -> None:
        running, worker = await self.started(folder, plugin("ignore-term,ignore-eof"))
        self.assertTrue(proc.is_there(worker))
        running.signal("KILL")
        gone = await holds(clock, lambda: not proc.is_there(worker), 2.0)
        self.assertTrue(gone)
        self.assertFalse(proc.is_there(running.pid))

    def test_killed(self) -> Deferred[None]:
        """
        A daemon that is killed takes its workers with it.
        """
        return self.play(self._killed)


class RefusedTests(Folder):
    """
    A daemon that does not start says why, and exits with a status that says so.
    """

    async def _start(self, folder: Path, text: str) -> Ended:
        config = folder / "mcpd.toml"
        config.write_text(text)
        ended = await finish(clock, daemon.command("-c", str(config)), _PATIENCE)
        self.assertNotIn("Traceback", ended.said)
        return ended

    async def _bad(self, folder: Path) -> None:
        text = "[daemon]\nstat_dir = '/srv'\n[limits]\nbody = 'much'\n[plugins.Bad]\ncommand = ['x']\n"
        ended = await self._start(folder, text)
        self.assertEqual(ended.code, 78)
        lines = ended.said.splitlines()
        for line, word in ((2, "state_dir"), (4, "much"), (5, "Bad")):
            place = f"{folder / 'mcpd.toml'}:{line}: "
            self.assertTrue([said for said in lines if said.startswith(place) and word in said], ended.said)

    def test_configuration(self) -> Deferred[None]:
        """
        A bad configuration is refused with every error at its line, and status 78.
        """
        return self.play(self._bad)

    async def _port(self, folder: Path) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = taken.getsockname()[1]
            ended = await self._start(folder, daemon.configuration(folder, port, "required", {}, {}))
        self.assertNotIn(ended.code, (0, None))
        # By then twistd has made the log of it.
        log = [json.loads(line) for line in ended.said.splitlines()]
        said = [line["text"] for line in log if line["level"] != "info"]
        self.assertEqual(len(said), 1, said)
        self.assertRegex(said[0], rf"\Amcpd: [^\n]*127\.0\.0\.1:{port}[^\n]*\Z")

    def test_port(self) -> Deferred[None]:
        """
        A port that is taken is told in one sentence.
        """
        return self.play(self._port)

    async def _folder(self, folder: Path) -> None:
        first, worker = await self.started(folder, plugin("hostile"))
        second = folder / "second"
        second.mkdir()
        try:
            text = daemon.configuration(folder, daemon.free_port(), "required", plugin("hostile"), {})
            ended = await self._start(second, text)
            self.assertNotIn(ended.code, (0, None))
            self.assertIn(
                f"mcpd: MCPD-E-STATE: another daemon uses the state folder {folder / 'state'}", ended.said
            )
            client = Client.new(clock, first.port, first.key.read_text().strip())
            answer = await client.call("echo__echo", {"text": "still here"})
            self.assertEqual(answer["result"]["content"][0]["text"], "still here")
            client.close()
            self.assertEqual(list(proc.children(first.pid)), [worker])
        finally:
            await first.stop()

    def test_folder(self) -> Deferred[None]:
        """
        A second daemon on the same state folder is refused, and the first does not notice.
        """
        return self.play(self._folder)
