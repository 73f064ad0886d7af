# -*- test-case-name: tests.workers -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests of crews share: crews whose workers have no processes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from attrs import define, evolve, field
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import Event, Publisher, WorkerRetired
from mcpd.testing.worker import Answers, FakeChannel, FakePlugin, legacy, tools
from mcpd.units import Bytes, Seconds, Tries
from mcpd.wire import write
from mcpd.wire.fault import Fault
from mcpd.wire.message import Answer, Notice, Refusal, Request
from mcpd.workers.crew import Crew
from mcpd.workers.spec import Plugin, Restart, Timeouts, WorkerLimits
from mcpd.workers.staff import EraName
from mcpd.workers.state import Layer
from tests.workers.stage import Audience, call

Kin = TypeVar("Kin", bound=Event)
Asked = Deferred[Answer | Refusal]

SPEC = Plugin(
    "files",
    ("/bin/files",),
    timeouts=Timeouts(start=Seconds(10), first_start=Seconds(40), call=Seconds(20), max=Seconds(100)),
    limits=WorkerLimits(stderr=Bytes(100), unread=Bytes(500)),
    restart=Restart((Seconds(1), Seconds(16)), Tries(5, Seconds(300))),
)
LAYERS = (Layer("memory", 1 << 30, "rlimit"),)


def silent(request: Request) -> None:
    """
    Answer nothing.
    """


def mute(era: Callable[..., Answers] = legacy) -> Answers:
    """
    Answer as a plugin that has a tool and answers no call by itself.
    """
    return era(tools("add"), call=silent)


@define(eq=False)
class Recall:
    """
    Remembers a program's era (:class:`mcpd.workers.staff.Memory`), and what was told to it.
    """

    known: EraName | None = None
    told: list[str] = field(factory=list)

    def era(self) -> EraName | None:
        """
        Tell it.
        """
        return self.known

    def learn(self, era: EraName) -> None:
        """
        Remember it.
        """
        self.known = era
        self.told.append(era)

    def forget(self) -> None:
        """
        Forget it.
        """
        self.known = None
        self.told.append("forgotten")


class CrewCase(SynchronousTestCase):
    """
    Crews whose workers have no processes.
    """

    def setUp(self) -> None:
        """
        Have nothing started, and chance on the side of the longest pauses.
        """
        self.clock = Clock()
        self.chance = 1.0
        self.events: list[Event] = []
        self.publisher = Publisher()
        self.publisher.observe(self.events.append)
        self.changes = 0
        self.updates: list[str] = []
        self.starts = DeferredSemaphore(1)
        self.memory = Recall()
        self.answered: set[tuple[FakeChannel, bytes]] = set()

    def change(self) -> None:
        """
        Count the offers.
        """
        self.changes += 1

    def crew(self, answers: Answers, *, queue: int = 2, **given: Any) -> tuple[Crew, FakePlugin]:
        """
        Make a crew that has not started.
        """
        plugin = FakePlugin(self.clock, answers)
        crew = Crew.new(
            evolve(SPEC, **given),
            self.clock,
            self.publisher,
            plugin.spawn,
            self.starts,
            lambda: self.chance,
            queue,
            self.memory,
            LAYERS,
            self.change,
        )
        crew.shown.updated = self.updates.append
        return crew, plugin

    def ready(self, answers: Answers, **given: Any) -> tuple[Crew, FakePlugin]:
        """
        Make a crew whose workers are ready.
        """
        crew, plugin = self.crew(answers, **given)
        crew.start()
        self.turn()
        self.assertEqual(crew.state().phase, "ready")
        return crew, plugin

    def turn(self) -> None:
        """
        Let everything that is due now happen.
        """
        for _ in range(9):
            self.clock.advance(0)

    def wait(self, seconds: float) -> None:
        """
        Let time pass, in tenths of a second, and a thousandth more.
        """
        for _ in range(round(seconds * 10)):
            self.clock.advance(0.1)
        self.clock.advance(0.001)
        self.turn()

    def told(self, kind: type[Kin]) -> list[Kin]:
        """
        Tell the events of one kind.
        """
        return [event for event in self.events if isinstance(event, kind)]

    def retired(self) -> list[tuple[int, str]]:
        """
        Tell which workers were to go, and why.
        """
        return [(event.pid, event.why) for event in self.told(WorkerRetired)]

    def ask(self, crew: Crew, caller: str = "key:a", tool: str = "add", place: str = "") -> Asked:
        """
        Call a tool.
        """
        return crew.ask(call(tool), Audience(caller, place))

    def fault(self, asked: Asked) -> Fault:
        """
        Tell how a call failed.
        """
        value = self.failureResultOf(asked, Fault).value
        assert isinstance(value, Fault)
        return value

    def methods(self, worker: FakeChannel) -> list[str]:
        """
        Tell what was said to a worker.
        """
        return [each.method for each in worker.said if isinstance(each, (Request, Notice))]

    def calls(self, worker: FakeChannel) -> list[Request]:
        """
        Tell the calls that a worker was given so far.
        """
        return [each for each in worker.said if isinstance(each, Request) and each.method == "tools/call"]

    def open(self, worker: FakeChannel) -> list[Request]:
        """
        Tell those that it has, the oldest first.
        """
        over = {
            bytes(each.params["requestId"])
            for each in worker.said
            if isinstance(each, Notice) and each.method == "notifications/cancelled"
        } | {id for other, id in self.answered if other is worker}
        return [] if worker.gone else [each for each in self.calls(worker) if each.id not in over]

    def answer(self, worker: FakeChannel) -> None:
        """
        Answer the oldest call that a worker has with the name of the tool.
        """
        request = self.open(worker)[0]
        self.answered.add((worker, request.id))
        name = [("name", bytes(request.params["name"])), ("resultType", write.encode("complete"))]
        worker.write(write.join(write.answer(request.id, name)))
        self.turn()

    def alive(self, plugin: FakePlugin) -> list[FakeChannel]:
        """
        Tell the workers that have not ended.
        """
        return [each for each in plugin.workers if not each.gone]

    def keys(self, crew: Crew) -> list[str]:
        """
        Tell whose the workers are that are ready, the oldest first.
        """
        return [each.key for each in crew.state().workers if each.phase == "ready"]

    def worker_of(self, crew: Crew, plugin: FakePlugin, key: str) -> FakeChannel:
        """
        Find the first worker of somebody that is ready.
        """
        pid = next(each.pid for each in crew.state().workers if each.key == key and each.phase == "ready")
        return next(each for each in plugin.workers if each.pid == pid)

    def crash(self, plugin: FakePlugin, which: int = -1) -> None:
        """
        Let a worker end, and see what comes of it at once.
        """
        plugin.workers[which].exit("killed by signal 11")
        self.turn()
