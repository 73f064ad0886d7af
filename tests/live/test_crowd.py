# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Many principals at a plugin with few workers, none of which two of them may share.
"""

from __future__ import annotations

import json
from collections import defaultdict

from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import LoopingCall

from tests.live import notebook, proc
from tests.live.scene import ERAS, Play, Scene, clock, text

_GUESTS = 60
_TURNS = 3
_TOTAL = 8
# So long that calls meet, so short that nobody waits for long.
_WORK = 0.05
_LOOK = 0.05


@define
class Register:
    """
    Who was seen.

    Attributes:
        guests: Whom each worker has told of, by the worker.
        served: How many answers each guest had.
        alive: How many workers were alive at each look.
    """

    guests: dict[str, set[str]] = field(factory=lambda: defaultdict(set))
    served: dict[str, int] = field(factory=lambda: defaultdict(int))
    alive: list[int] = field(factory=list)

    def look(self, pid: int) -> None:
        """
        Count a daemon's workers.
        """
        self.alive.append(sum(state != "Z" for state in proc.children(pid).values()))


class CrowdTests(Play):
    """
    A legacy plugin, whose workers belong to one principal each.
    """

    timeout = 120

    async def _crowd(self, scene: Scene) -> None:
        register = Register()
        names = [f"guest-{number}" for number in range(_GUESTS)]
        guests = {name: (await scene.ask("key create", name=name))["key"] for name in names}
        looking = LoopingCall(register.look, scene.running.pid)
        looking.clock = clock
        looked = looking.start(_LOOK)
        try:
            visits = [self._visit(scene, register, guest, era) for guest in guests.items() for era in ERAS]
            await gatherResults([Deferred.fromCoroutine(visit) for visit in visits], consumeErrors=True)
        finally:
            looking.stop()
            await looked
        self.assertEqual(register.served, dict.fromkeys(guests, len(ERAS) * _TURNS))
        shared = {worker: told for worker, told in register.guests.items() if len(told) > 1}
        self.assertEqual(shared, {})
        # Everyone had one, of which there are but few at a time.
        self.assertGreaterEqual(len(register.guests), _GUESTS)
        self.assertEqual(max(register.alive), _TOTAL)
        # That so many come and go hurts none of them.
        self.assertEqual(scene.told("WorkerEnded"), [])

    async def _visit(self, scene: Scene, register: Register, guest: tuple[str, str], era: str) -> None:
        name, key = guest
        client = await scene.client(era, key)
        for turn in range(_TURNS):
            nonce = f"{name} {era} {turn}"
            told = json.loads(text(await client.call("notebook__note", {"text": nonce, "seconds": _WORK})))
            self.assertIn(nonce, told["notes"])
            register.guests[told["worker"]] |= {note.split()[0] for note in told["notes"]}
            register.served[name] += 1
        client.close()

    def test_crowd(self) -> Deferred[None]:
        """
        Sixty principals are served by eight workers, none of which ever works for two of them.
        """
        plugin = {"command": notebook.command("legacy"), "workers": {"total": _TOTAL}}
        return self.play(self._crowd, {"notebook": plugin})
