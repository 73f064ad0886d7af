# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Many clients of both eras at plugins of both eras, whose workers are killed and stopped at random.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections import Counter
from collections.abc import Iterable
from random import Random

from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults

from tests.live import daemon, notebook, proc
from tests.live.client import Client, pause
from tests.live.scene import AT_ONCE, ERAS, Play, Scene, clock, text

_CLIENTS = 16
_CALLS = 10_000
_EVERY = 50
"""Answers from one blow to the next."""

_SEED = 4
_BLOWS = (signal.SIGKILL, signal.SIGSEGV, signal.SIGTERM, signal.SIGSTOP)
_CLEAN = {-31102, -31103, -31104}
_CALL, _STOP = 2.0, 0.3
# What an answer takes beyond the deadline on a machine that is busy.
_SLACK = 3.0
_MIB = 1 << 20


@define(eq=False)
class Tally:
    """
    What became of the calls.

    Attributes:
        right: How many were answered with what they said.
        errors: How many ended in each error.
        slowest: Seconds that an answer took at the most.
        blows: How many workers were hit by each signal.
    """

    right: int = 0
    errors: Counter[int] = field(factory=Counter)
    slowest: float = 0.0
    blows: Counter[str] = field(factory=Counter)

    @property
    def answered(self) -> int:
        """
        How many had an answer.
        """
        return self.right + self.errors.total()


class ChaosTests(Play):
    """
    What clients see of it, and what is left behind.
    """

    timeout = 180

    async def _chaos(self, scene: Scene) -> None:
        pid, tally, chance = scene.running.pid, Tally(), Random(_SEED)
        await self._settled(scene)
        descriptors = proc.descriptors(pid)
        other = (await scene.ask("key create", name="other"))["key"]
        keys = ("", "", other, other)
        clients = [await scene.client(ERAS[n % 2], keys[n % 4]) for n in range(_CLIENTS)]
        sizes = []
        for half in (range(_CALLS // 2), range(_CALLS // 2, _CALLS)):
            await self._half(scene, tally, chance, clients, half)
            sizes.append(proc.resident(pid))
        for client in clients:
            client.close()
        print(f"\n{tally}, {sizes} bytes")  # noqa: T201  the run's evidence
        self._judge(tally)
        # The first half fills what has a bound; after it nothing grows with the calls.
        self.assertLess(sizes[1] - sizes[0], 4 * _MIB)
        await self._check_after(scene, keys)
        await scene.until(lambda: proc.descriptors(pid) <= descriptors)

    async def _half(
        self, scene: Scene, tally: Tally, chance: Random, clients: list[Client], calls: range
    ) -> None:
        begun = [
            Deferred.fromCoroutine(self._call(tally, client, calls[number::_CLIENTS]))
            for number, client in enumerate(clients)
        ]
        hitting = Deferred.fromCoroutine(self._hit(scene.running.pid, tally, chance, calls.stop))
        await gatherResults([*begun, hitting], consumeErrors=True)

    async def _call(self, tally: Tally, client: Client, turns: Iterable[int]) -> None:
        for turn in turns:
            began, nonce = clock.seconds(), f"nonce-{turn}"
            answer = await client.call(f"{ERAS[turn // _CLIENTS % 2]}__echo", {"text": nonce})
            tally.slowest = max(tally.slowest, clock.seconds() - began)
            if "error" not in answer:
                self.assertEqual(text(answer), nonce)
                tally.right += 1
                continue
            error = answer["error"]
            self.assertIn(error["code"], _CLEAN, error)
            self.assertTrue(error["data"]["requestId"], error)
            tally.errors[error["code"]] += 1
            await pause(clock, min(error["data"].get("retryAfterMs", 0) / 1000, 0.5))

    async def _hit(self, daemon_pid: int, tally: Tally, chance: Random, calls: int) -> None:
        # By what was answered, so that the blows are spread over the calls on any machine.
        due = tally.answered
        while tally.answered < calls:
            await pause(clock, 0.005)
            if tally.answered < due:
                continue
            workers = [pid for pid, state in proc.children(daemon_pid).items() if state not in "TZ"]
            if workers:
                due += _EVERY
                self._strike(chance.choice(workers), tally, chance)

    def _strike(self, worker: int, tally: Tally, chance: Random) -> None:
        blow = chance.choice(_BLOWS)
        # Not by its bare name: in a module trial takes that for a list of warnings.
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, blow)
            tally.blows[blow.name] += 1
            # Some go on in time, some after their deadline, some never.
            if blow == signal.SIGSTOP and chance.random() < 0.75:
                clock.callLater(chance.uniform(0.05, _CALL * 1.5), self._resume, worker)

    def _resume(self, worker: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGCONT)

    def _judge(self, tally: Tally) -> None:
        self.assertEqual(tally.answered, _CALLS)
        self.assertGreater(tally.blows.total(), 0.9 * _CALLS / _EVERY)
        self.assertEqual(len(tally.blows), len(_BLOWS))
        self.assertGreater(tally.right, 0.9 * _CALLS)
        self.assertLess(tally.slowest, _CALL + _SLACK)

    async def _check_after(self, scene: Scene, keys: Iterable[str]) -> None:
        # Who was stopped and not called since is found out by a call, or goes because it is idle.
        for name in ERAS:
            for key in set(keys):
                while "error" in (answer := await scene.call(f"{name}__echo", key=key, text="after")):
                    await pause(clock, answer["error"]["data"].get("retryAfterMs", 0) / 1000)
        await self._settled(scene)
        for name in ERAS:
            for era in ERAS * 4:
                self.assertEqual(text(await scene.call(f"{name}__echo", era, text=era)), era)
        await self._settled(scene)
        self.assertEqual(len(daemon.left_behind(scene.running.folder)), 1 + len(ERAS))

    async def _settled(self, scene: Scene) -> None:
        def settled() -> bool:
            states = proc.children(scene.running.pid).values()
            return len(states) == len(ERAS) and "Z" not in states

        await scene.until(settled)

    def test_chaos(self) -> Deferred[None]:
        """
        Whatever happens to workers, each call has one answer, its own or a clean error, and nothing is left.
        """
        plugin = {
            "concurrency": 2,
            "workers": {"min": 1, "max": 3, "total": 4},
            "timeouts": {
                "start": "3s",
                "call": f"{_CALL:.0f}s",
                "stop": f"{_STOP * 1000:.0f}ms",
                "idle": "1s",
            },
            "restart": {**AT_ONCE, "give_up": "100000/1m"},
        }
        return self.play(self._chaos, {era: {**plugin, "command": notebook.command(era)} for era in ERAS})
