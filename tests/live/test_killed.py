# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Many clients of both eras at a plugin whose worker is killed again and again.
"""

from __future__ import annotations

import os
import signal
from functools import partial
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.trial.unittest import TestCase

from tests.live import daemon, proc
from tests.live.client import Client, holds, pause
from tests.live.daemon import Daemon

_CLIENTS = 16
_CALLS = 1000
_KILLS = 10
_TOOL = "echo__echo"
_CLEAN = frozenset({-31102, -31103, -31104})
_PATIENCE = 40.0

clock: Any = reactor


@define
class Tally:
    """
    What became of the calls.

    Attributes:
        nonces: Those that came back.
        errors: The codes of the others' errors.
        killed: The workers that were killed.
    """

    nonces: list[str] = field(factory=list)
    errors: list[int] = field(factory=list)
    killed: list[int] = field(factory=list)

    def has(self, calls: int) -> bool:
        """
        Say whether so many calls were answered well: then a worker is at work.
        """
        return len(self.nonces) >= calls


class KilledTests(TestCase):
    """
    What the clients see of workers that die.
    """

    timeout = 120

    def _check(self, era: str) -> Deferred[None]:
        return Deferred.fromCoroutine(self._check_era(era))

    async def _check_era(self, era: str) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        plugin: dict[str, object] = {
            "command": daemon.fixture(era),
            "env": {"MCPD_FIXTURE": "hostile"},
            "restart": {"backoff": ["50ms", "200ms"]},
        }
        running = await daemon.begin(clock, folder, "required", {"echo": plugin})
        try:
            tally = Tally()
            clients = [Deferred.fromCoroutine(self._client(running, tally, n)) for n in range(_CLIENTS)]
            killer = Deferred.fromCoroutine(self._kill(running, tally))
            await gatherResults([*clients, killer], consumeErrors=True)
            self._judge(tally)
            await self._check_after(running, tally)
        finally:
            await running.stop()

    async def _client(self, running: Daemon, tally: Tally, number: int) -> None:
        client = Client.new(clock, running.port, running.key.read_text().strip())
        if number % 2:
            await client.shake()
        for turn in range(number, _CALLS, _CLIENTS):
            nonce = f"nonce-{turn}"
            answer = await client.call(_TOOL, {"text": nonce})
            if "error" in answer:
                error = answer["error"]
                tally.errors.append(error["code"])
                self.assertTrue(error["data"]["requestId"], error)
                await pause(clock, min(error["data"].get("retryAfterMs", 0) / 1000, 1.0))
            else:
                self.assertEqual([part["text"] for part in answer["result"]["content"]], [nonce])
                tally.nonces.append(nonce)
        client.close()

    async def _kill(self, running: Daemon, tally: Tally) -> None:
        # By what was answered, so that the kills are spread over the calls on any machine.
        for turn in range(1, _KILLS + 1):
            due = turn * _CALLS // (_KILLS + 2)
            self.assertTrue(await holds(clock, partial(tally.has, due), _PATIENCE), tally)
            self.assertTrue(await holds(clock, lambda: self._workers(running, tally), _PATIENCE), tally)
            worker = self._workers(running, tally)[0]
            os.kill(worker, signal.SIGKILL)
            tally.killed.append(worker)

    def _workers(self, running: Daemon, tally: Tally) -> list[int]:
        return [pid for pid in proc.children(running.pid) if pid not in tally.killed]

    def _judge(self, tally: Tally) -> None:
        self.assertEqual(len(tally.killed), _KILLS)
        self.assertEqual(len(tally.nonces) + len(tally.errors), _CALLS)
        self.assertEqual(len(set(tally.nonces)), len(tally.nonces))
        self.assertLessEqual(set(tally.errors), _CLEAN)
        # At the worst each kill costs every client the call that it has.
        self.assertGreaterEqual(len(tally.nonces), _CALLS - _KILLS * _CLIENTS, tally.errors)

    async def _check_after(self, running: Daemon, tally: Tally) -> None:
        client = Client.new(clock, running.port, running.key.read_text().strip())
        answer = await client.call(_TOOL, {"text": "after"})
        while "error" in answer:
            # One that was hit twice before it was ready is not waited for: come again, it says.
            await pause(clock, answer["error"]["data"]["retryAfterMs"] / 1000)
            answer = await client.call(_TOOL, {"text": "after"})
        self.assertEqual(answer["result"]["content"][0]["text"], "after")
        client.close()
        states = proc.children(running.pid)
        self.assertEqual(len(states), 1)
        self.assertNotIn("Z", states.values())
        # What else has the daemon's folder in its environment would be a leftover.
        self.assertEqual(len(daemon.left_behind(running.folder)), 2)
        log = running.logged()
        self.assertEqual([line for line in log if line["level"] in ("error", "critical")], [])
        told = [line["pid"] for line in log if line.get("event") == "WorkerEnded"]
        self.assertEqual(sorted(told), sorted(tally.killed))

    def test_legacy(self) -> Deferred[None]:
        """
        Whatever dies, each call to a legacy plugin has one answer: its own, or a clean error.
        """
        return self._check("legacy")

    def test_modern(self) -> Deferred[None]:
        """
        Whatever dies, each call to a modern plugin has one answer: its own, or a clean error.
        """
        return self._check("modern")
