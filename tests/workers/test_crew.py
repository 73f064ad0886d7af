# -*- test-case-name: tests.workers.test_crew -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.crew`.
"""

from __future__ import annotations

from typing import Any, TypeVar

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred, DeferredSemaphore
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import (
    DefinitionLeftOut,
    Event,
    OfferChanged,
    Publisher,
    RefreshFailed,
    WorkerEnded,
    WorkerNoise,
    WorkerNotStarted,
    WorkerReady,
    WorkerSaid,
    WorkerSilenced,
    WorkerStarted,
    WorkerStopped,
)
from mcpd.sandbox.plan import ProgramMissing
from mcpd.testing.worker import (
    Answers,
    Error,
    FakeChannel,
    FakePlugin,
    Stock,
    legacy,
    modern,
    prompts,
    resources,
    templates,
    tools,
)
from mcpd.units import Bytes, Seconds
from mcpd.wire.call import Call
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Notice, Refusal, Request
from mcpd.wire.offer import Feature
from mcpd.workers.crew import Crew
from mcpd.workers.held import Held
from mcpd.workers.spec import Plugin, Restart, Timeouts, WorkerLimits
from tests.workers.stage import Audience, call

Kin = TypeVar("Kin", bound=Event)

SPEC = Plugin(
    "files",
    ("/bin/files",),
    timeouts=Timeouts(start=Seconds(10), call=Seconds(20), max=Seconds(100), tools={"slow": Seconds(50)}),
    limits=WorkerLimits(stderr=Bytes(100), unread=Bytes(500)),
    restart=Restart((Seconds(1), Seconds(16))),
)


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

    def change(self) -> None:
        """
        Count the offers.
        """
        self.changes += 1

    def crew(self, answers: Answers, **given: Any) -> tuple[Crew, FakePlugin]:
        """
        Make a crew that has not started.
        """
        plugin = FakePlugin(self.clock, answers)
        spec = evolve(SPEC, **given)
        held = Held(self.clock, 2)
        crew = Crew(
            spec,
            self.clock,
            self.publisher,
            plugin.spawn,
            self.starts,
            lambda: self.chance,
            held,
            self.change,
        )
        crew.updated = self.updates.append
        return crew, plugin

    def ready(self, answers: Answers, **given: Any) -> tuple[Crew, FakePlugin]:
        """
        Make a crew whose worker is ready.
        """
        crew, plugin = self.crew(answers, **given)
        crew.start()
        self.turn()
        self.assertEqual(len(self.told(WorkerReady)), 1)
        return crew, plugin

    def turn(self) -> None:
        """
        Let everything that is due now happen.
        """
        for _ in range(9):
            self.clock.advance(0)

    def told(self, kind: type[Kin]) -> list[Kin]:
        """
        Tell the events of one kind.
        """
        return [event for event in self.events if isinstance(event, kind)]

    def ask(self, crew: Crew, tool: str = "add") -> Deferred[Answer | Refusal]:
        """
        Call a tool.
        """
        return crew.ask(call(tool), Audience())

    def fault(self, asked: Deferred[Answer | Refusal]) -> Fault:
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


class StartTests(CrewCase):
    """
    Tests for a crew's first worker.
    """

    def test_ready(self) -> None:
        """
        A plugin's offer is published as soon as its worker is ready, with what the operator wants to know.
        """
        crew, plugin = self.ready(legacy([*tools("add", "sub"), {"name": "bad"}]))
        assert crew.offer is not None
        self.assertEqual([tool.name for tool in crew.offer.tools], ["add", "sub"])
        self.assertTrue(crew.tried)
        self.assertEqual(self.changes, 1)
        left_out = DefinitionLeftOut("files", 'tool bad: its inputSchema is not of "type": "object"')
        expected = [
            WorkerStarted("files", 1000),
            left_out,
            WorkerReady("files", 1000, 0.0, "2025-11-25", 2, 0, 0),
        ]
        self.assertEqual(self.events, expected)
        self.assertEqual(len(plugin.workers), 1)

    def test_missing(self) -> None:
        """
        A plugin whose program is missing has been tried: the operator reads where it was looked for.
        """
        for error in (ProgramMissing("the program x was not found"), OSError("fork failed")):
            self.events.clear()
            crew, plugin = self.crew(legacy())
            plugin.refusal = error
            crew.start()
            self.assertEqual(self.events, [WorkerNotStarted("files", str(error), 1.0)])
            self.assertTrue(crew.tried)
            self.assertIsNone(crew.offer)
            plugin.refusal = None
            self.clock.advance(1)
            self.turn()
            self.assertEqual(len(self.told(WorkerReady)), 1)
            crew.stop()
            self.turn()

    def test_bounded_starts(self) -> None:
        """
        Only so many launchers run at once; the next starts when one has become its plugin, or is gone.
        """
        one, two, three = (self.crew(lambda request: None) for _ in range(3))
        for _, plugin in (one, two):
            plugin.launching = False
        for crew, _ in (one, two, three):
            crew.start()
        self.turn()
        started = [len(plugin.workers) for _, plugin in (one, two, three)]
        self.assertEqual(started, [1, 0, 0])
        one[1].workers[0].ears.launched()
        started = [len(plugin.workers) for _, plugin in (one, two, three)]
        self.assertEqual(started, [1, 1, 0])
        two[1].workers[0].exit("killed by signal 9")
        started = [len(plugin.workers) for _, plugin in (one, two, three)]
        self.assertEqual(started, [1, 1, 1])

    def test_not_tried_yet(self) -> None:
        """
        A plugin whose worker is still at it has not been tried.
        """
        crew, _ = self.crew(lambda request: None)
        crew.start()
        self.turn()
        self.assertFalse(crew.tried)
        for _ in range(101):
            self.clock.advance(0.1)
        self.turn()
        self.assertTrue(crew.tried)


class VerdictTests(CrewCase):
    """
    Tests for plugins that end over the question of their era.
    """

    def test_exit(self) -> None:
        """
        An exit over the question is an answer: the next worker is initialized at once, nothing has failed.
        """
        crew, plugin = self.crew(lambda request: None)
        crew.start()
        self.turn()
        plugin.answers = legacy(tools("add"))
        asked = self.ask(crew)
        plugin.workers[0].exit("exit status 1")
        self.turn()
        self.assertEqual(self.methods(plugin.workers[1])[0], "initialize")
        self.assertEqual(self.told(WorkerEnded), [])
        self.successResultOf(asked)
        plugin.workers[1].exit("exit status 1")
        self.assertEqual(self.told(WorkerEnded)[0].again, 1.0)

    def test_remembered(self) -> None:
        """
        A plugin that was ready as a legacy one is not asked again.
        """
        crew, plugin = self.crew(lambda request: None)
        crew.start()
        self.turn()
        plugin.answers = legacy()
        plugin.workers[0].exit()
        self.turn()
        plugin.workers[1].exit()
        self.clock.advance(1)
        self.turn()
        self.assertEqual(self.methods(plugin.workers[2])[0], "initialize")

    def test_forgotten(self) -> None:
        """
        A verdict that led nowhere is forgotten: a modern plugin that once crashed is found out.
        """
        crew, plugin = self.crew(lambda request: None)
        crew.start()
        self.turn()
        plugin.answers = modern(tools("add"))
        plugin.workers[0].exit("exit status 1")
        self.turn()
        self.assertEqual(
            self.told(WorkerEnded)[0].why, "it refused initialize with error -32022 (killed by signal 9)"
        )
        self.clock.advance(1)
        self.turn()
        self.assertEqual(self.told(WorkerReady)[0].revision, "2026-07-28")
        self.assertEqual(len(plugin.workers), 3)

    def test_broken(self) -> None:
        """
        A plugin that always ends is not started without end: every second start has its pause.
        """
        crew, plugin = self.crew(lambda request: None)
        crew.start()
        for expected in (2, 4, 6):
            for _ in range(2):
                self.turn()
                plugin.workers[-1].exit("exit status 1")
            self.turn()
            self.assertEqual(len(plugin.workers), expected)
            self.clock.advance(16)
        self.assertEqual([event.again for event in self.told(WorkerEnded)], [1.0, 2.0, 4.0])

    def test_configured(self) -> None:
        """
        A plugin that is configured as modern and ends over its first question has failed.
        """
        crew, plugin = self.crew(lambda request: None, protocol="modern")
        crew.start()
        self.turn()
        plugin.workers[0].exit("exit status 1")
        self.assertEqual(self.told(WorkerEnded), [WorkerEnded("files", 1000, "exit status 1", 0, 1.0)])
        self.clock.advance(1)
        self.turn()
        self.assertEqual(self.methods(plugin.workers[1]), ["server/discover"])


class RestartTests(CrewCase):
    """
    Tests for what happens when a worker ends.
    """

    def pauses(self, plugin: FakePlugin, count: int, lived: float = 0) -> list[float]:
        """
        Let so many workers end, and tell the pauses after them.
        """
        self.events.clear()
        for _ in range(count):
            self.clock.advance(lived)
            plugin.workers[-1].exit("killed by signal 11")
            self.clock.advance(self.told(WorkerEnded)[-1].again)
            self.turn()
        return [event.again for event in self.told(WorkerEnded)]

    def test_again(self) -> None:
        """
        A worker that ends is started again after a pause; the operator reads why, and what was lost.
        """
        crew, plugin = self.ready(legacy(call=lambda request: None))
        waiting = [self.ask(crew), self.ask(crew)]
        plugin.workers[0].exit("killed by signal 11")
        self.assertEqual(self.events[-1], WorkerEnded("files", 1000, "killed by signal 11", 2, 1.0))
        for asked in waiting:
            self.assertIs(self.fault(asked).kind, Kind.PLUGIN_GONE)
        self.clock.advance(0.9)
        self.assertEqual(len(plugin.workers), 1)
        self.clock.advance(0.1)
        self.turn()
        self.assertEqual((len(plugin.workers), len(self.told(WorkerReady))), (2, 2))
        self.assertIsNotNone(crew.offer)

    def test_backoff(self) -> None:
        """
        The pauses double, up to the longest.
        """
        _, plugin = self.ready(legacy())
        self.assertEqual(self.pauses(plugin, 7), [1.0, 2.0, 4.0, 8.0, 16.0, 16.0, 16.0])

    def test_jitter(self) -> None:
        """
        A pause is shortened by up to a half, by chance: what failed together does not start together.
        """
        _, plugin = self.ready(legacy())
        self.chance = 0.0
        self.assertEqual(self.pauses(plugin, 2), [0.5, 1.0])
        self.chance = 0.5
        self.assertEqual(self.pauses(plugin, 2), [3.0, 6.0])

    def test_forgiven(self) -> None:
        """
        A worker that lived longer than the longest pause starts over with the first.
        """
        _, plugin = self.ready(legacy())
        self.pauses(plugin, 4)
        self.assertEqual(self.pauses(plugin, 2, lived=16.1), [1.0, 1.0])
        self.assertEqual(self.pauses(plugin, 2, lived=15), [2.0, 4.0])

    def test_not_forgiven(self) -> None:
        """
        A worker that took long to fail to start is not forgiven for it.
        """
        crew, plugin = self.crew(legacy(), restart=Restart((Seconds(1), Seconds(5))))
        plugin.answers = lambda request: None
        crew.start()
        for pause in (1.0, 2.0, 4.0, 5.0):
            for _ in range(105):
                self.clock.advance(0.1)
            self.assertEqual(self.told(WorkerEnded)[-1].again, pause)
            self.clock.advance(pause)
            self.turn()

    def test_long_ago(self) -> None:
        """
        A plugin that fails for a very long time is still started again.
        """
        _, plugin = self.ready(legacy())
        self.assertEqual(self.pauses(plugin, 1100)[-1], 16.0)


class CallTests(CrewCase):
    """
    Tests for calls, whatever the worker is doing.
    """

    def test_answered(self) -> None:
        """
        A plugin that is ready answers.
        """
        crew, _ = self.ready(legacy(tools("add")))
        asked = self.ask(crew)
        self.turn()
        self.successResultOf(asked)

    def test_held(self) -> None:
        """
        Calls wait for a worker that starts, in order and not too many, and are answered by it.
        """
        crew, plugin = self.crew(legacy(tools("add")))
        crew.start()
        waiting = [self.ask(crew, "one"), self.ask(crew, "two")]
        self.assertEqual(self.fault(self.ask(crew)).text, "too many calls wait for this plugin")
        self.turn()
        for asked in waiting:
            self.successResultOf(asked)
        self.assertEqual(self.methods(plugin.workers[0])[-2:], ["tools/call", "tools/call"])

    def test_held_between(self) -> None:
        """
        Calls wait for the next worker of a plugin that was well a moment ago.
        """
        crew, plugin = self.ready(legacy(tools("add")))
        plugin.workers[0].exit("killed by signal 11")
        asked = self.ask(crew)
        self.clock.advance(1)
        self.turn()
        self.successResultOf(asked)

    def test_held_too_long(self) -> None:
        """
        A call that waits as long as it may take fails, and the worker never sees it.
        """
        crew, plugin = self.ready(legacy(tools("add")))
        plugin.workers[0].exit("killed by signal 11")
        plugin.answers = lambda request: None
        asked = self.ask(crew)
        self.clock.advance(1)
        for _ in range(80):
            self.clock.advance(0.1)
        self.assertNoResult(asked)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)

    def test_hopeless(self) -> None:
        """
        A plugin that could not start fails waiting calls and new ones, and says when to ask again.
        """
        crew, plugin = self.crew(lambda request: None, protocol="legacy")
        crew.start()
        self.turn()
        held = self.ask(crew)
        plugin.workers[0].exit("exit status 1")
        self.clock.advance(0.25)
        for asked, wait in ((held, 1000), (self.ask(crew), 750)):
            fault = self.fault(asked)
            self.assertEqual((fault.kind, fault.text), (Kind.PLUGIN_UNAVAILABLE, "the plugin is not running"))
            self.assertEqual(fault.data, {"retryAfterMs": wait})

    def test_forgiven(self) -> None:
        """
        A plugin that was fine before is waited for, though it was hit while it started; not a second time.
        """
        crew, plugin = self.ready(legacy(tools("add")))
        plugin.launching = False
        plugin.workers[0].exit("killed by signal 9")
        asked = self.ask(crew)
        for number in (1, 2):
            self.assertNoResult(asked)
            self.clock.advance(self.told(WorkerEnded)[-1].again)
            plugin.workers[number].exit("killed by signal 9")
        self.assertIs(self.fault(asked).kind, Kind.PLUGIN_UNAVAILABLE)
        self.assertIs(self.fault(self.ask(crew)).kind, Kind.PLUGIN_UNAVAILABLE)

    def test_hopeless_at_once(self) -> None:
        """
        While a hopeless plugin is being tried once more a call is still refused, to be made again soon.
        """
        crew, plugin = self.crew(lambda request: None, protocol="legacy")
        crew.start()
        self.turn()
        plugin.workers[0].exit("exit status 1")
        self.clock.advance(1)
        self.assertEqual(self.fault(self.ask(crew)).data, {"retryAfterMs": 1})

    def test_hope(self) -> None:
        """
        A plugin that starts after all is called again.
        """
        crew, plugin = self.crew(lambda request: None, protocol="legacy")
        crew.start()
        self.turn()
        plugin.workers[0].exit("exit status 1")
        plugin.answers = legacy(tools("add"))
        self.clock.advance(1)
        self.turn()
        asked = self.ask(crew)
        self.turn()
        self.successResultOf(asked)

    def test_long_pause(self) -> None:
        """
        A plugin whose next start is further away than a start may take is hopeless, too.
        """
        crew, plugin = self.ready(legacy())
        for _ in range(5):
            plugin.workers[-1].exit("killed by signal 11")
            asked = self.ask(crew)
            self.clock.advance(self.told(WorkerEnded)[-1].again)
            self.turn()
        self.assertEqual(self.fault(asked).data, {"retryAfterMs": 16000})

    def test_crowded(self) -> None:
        """
        A plugin that does not read its calls gets no more of them.
        """
        crew, plugin = self.ready(legacy(tools("add")))
        plugin.workers[0].waiting = 501
        self.ask(crew)
        fault = self.fault(self.ask(crew))
        self.assertEqual(fault.text, "the plugin does not keep up with its calls")
        self.assertEqual((fault.kind, fault.data), (Kind.PLUGIN_UNAVAILABLE, {"retryAfterMs": 1000}))
        plugin.workers[0].waiting = 0
        self.ask(crew)

    def test_patience(self) -> None:
        """
        A tool with a time of its own has that time, any other the plugin's.
        """
        crew, _ = self.ready(legacy(call=lambda request: None))
        quick, slow = self.ask(crew), self.ask(crew, "slow")
        plain = crew.ask(Call("tools/call", {}, {}), Audience())
        for _ in range(202):
            self.clock.advance(0.1)
        self.fault(quick)
        self.fault(plain)
        self.assertNoResult(slow)
        for _ in range(302):
            self.clock.advance(0.1)
        self.fault(slow)

    def test_one_patience(self) -> None:
        """
        Where no tool has a time of its own, all have the plugin's.
        """
        crew, _ = self.ready(legacy(call=lambda request: None), timeouts=Timeouts(call=Seconds(5)))
        asked = self.ask(crew, "slow")
        for _ in range(52):
            self.clock.advance(0.1)
        self.fault(asked)


class ChangeTests(CrewCase):
    """
    Tests for a plugin whose lists change.
    """

    def setUp(self) -> None:
        """
        Have a plugin with some of everything.
        """
        super().setUp()
        self.stock = Stock(tools("a"), prompts("b"), resources("c"), templates("d{x}"), telling=True)

    def change_list(self, plugin: FakePlugin, sort: str) -> None:
        """
        Let the plugin say that a list has changed.
        """
        self.events.clear()
        plugin.workers[-1].tell(f"notifications/{sort}/list_changed")
        self.turn()

    def test_ready(self) -> None:
        """
        The operator reads how much of everything a plugin has.
        """
        self.ready(legacy(self.stock))
        self.assertEqual(self.events[-1], WorkerReady("files", 1000, 0.0, "2025-11-25", 1, 1, 2))

    def test_changed(self) -> None:
        """
        Another list is another offer, published at once; the operator reads which, and what is new in it.
        """
        crew, plugin = self.ready(legacy(self.stock))
        self.stock.resources = resources("c", "e")
        self.stock.templates = [{"name": "bad"}]
        self.change_list(plugin, "resources")
        assert crew.offer is not None
        self.assertEqual([item.name for item in crew.offer.resources], ["c", "e"])
        self.assertEqual((crew.offer.templates, self.changes), ((), 2))
        self.assertEqual([type(event) for event in self.events], [DefinitionLeftOut, OfferChanged])
        self.assertEqual(self.events[-1], OfferChanged("files", "resources, resource templates", 1, 1, 2))
        self.stock.tools = []
        self.change_list(plugin, "tools")
        self.assertEqual(self.events, [OfferChanged("files", "tools", 0, 1, 2)])

    def test_same(self) -> None:
        """
        A list that is the same after all is no news.
        """
        _, plugin = self.ready(modern(self.stock))
        self.change_list(plugin, "prompts")
        self.assertEqual((self.events, self.changes), ([], 1))

    def test_failed(self) -> None:
        """
        A list that can't be read again stays as it was, and the operator reads why.
        """
        crew, plugin = self.ready(legacy(self.stock))
        plugin.workers[0]._answers = lambda request: Error(-32603, "no")
        self.change_list(plugin, "tools")
        why = "it refused tools/list with error -32603"
        self.assertEqual(self.events, [RefreshFailed("files", "tools", why)])
        assert crew.offer is not None
        self.assertEqual([tool.name for tool in crew.offer.tools], ["a"])


class WatchTests(CrewCase):
    """
    Tests for resources that are watched.
    """

    def setUp(self) -> None:
        """
        Have a plugin that tells.
        """
        super().setUp()
        self.stock = Stock(resources=resources("a", "b"), features=frozenset({Feature.SUBSCRIBE}))

    def update(self, plugin: FakePlugin, *uris: str) -> list[str]:
        """
        Let the plugin tell what has changed, and tell what came of it.
        """
        self.updates.clear()
        for uri in uris:
            plugin.workers[-1].tell("notifications/resources/updated", uri=uri)
        self.clock.advance(0.05)
        return self.updates

    def test_told(self) -> None:
        """
        What is watched, or lies below it, is told once for a while; nothing else is.
        """
        for answers in (legacy, modern):
            self.events.clear()
            crew, plugin = self.ready(answers(self.stock))
            watching = [crew.watch("a"), crew.watch("a")]
            self.turn()
            for each in watching:
                self.successResultOf(each)
            self.assertEqual(self.update(plugin, "a", "b", "a", "a/b"), ["a", "a/b"])
            crew.unwatch("a")
            self.assertEqual(self.update(plugin, "a"), ["a"])
            crew.unwatch("a")
            self.turn()
            self.assertEqual(self.update(plugin, "a"), [])

    def test_refused(self) -> None:
        """
        A resource that the plugin will not tell is refused in its own way.
        """
        self.stock.refused = frozenset({"a"})
        crew, _ = self.ready(legacy(self.stock))
        watching = crew.watch("a")
        self.turn()
        self.assertIsInstance(self.successResultOf(watching), Refusal)
        self.events.clear()
        crew, _ = self.ready(modern(self.stock))
        watching = crew.watch("a")
        self.turn()
        self.assertIs(self.fault(watching).kind, Kind.PARAMS)

    def test_nobody(self) -> None:
        """
        Where nobody is to be told what changes, a watch does no harm.
        """
        plugin = FakePlugin(self.clock, legacy(self.stock))
        held = Held(self.clock, 2)
        crew = Crew(
            SPEC, self.clock, self.publisher, plugin.spawn, self.starts, lambda: 1.0, held, self.change
        )
        crew.start()
        self.turn()
        crew.watch("a")
        self.turn()
        self.assertEqual(self.update(plugin, "a"), [])

    def test_no_feature(self) -> None:
        """
        A plugin that tells no changes is not asked to, whether that is known before or after.
        """
        crew, plugin = self.crew(legacy(tools("add")))
        crew.start()
        early = crew.watch("a")
        self.turn()
        for watching in (early, crew.watch("a")):
            self.assertIs(self.fault(watching).kind, Kind.PARAMS)
        self.assertNotIn("resources/subscribe", self.methods(plugin.workers[0]))

    def test_again(self) -> None:
        """
        The next worker of a plugin tells what is watched, and what was asked for between the two.
        """
        for answers in (legacy, modern):
            self.events.clear()
            crew, plugin = self.ready(answers(self.stock))
            crew.watch("a")
            self.turn()
            plugin.workers[0].exit("killed by signal 9")
            between = crew.watch("b")
            self.assertNoResult(between)
            self.clock.advance(1)
            self.turn()
            self.successResultOf(between)
            self.assertEqual(self.update(plugin, "a", "b"), ["a", "b"])

    def test_hopeless(self) -> None:
        """
        Nobody waits for a plugin that does not start, or is stopped.
        """
        crew, plugin = self.crew(lambda request: None, protocol="legacy")
        crew.start()
        self.turn()
        waiting = crew.watch("a")
        plugin.workers[0].exit("exit status 1")
        for watching in (waiting, crew.watch("a")):
            self.assertIs(self.fault(watching).kind, Kind.PLUGIN_UNAVAILABLE)
        crew, plugin = self.ready(legacy(self.stock))
        crew.watch("a")
        self.turn()
        plugin.workers[0].tell("notifications/resources/updated", uri="a")
        crew.stop()
        self.turn()
        self.assertEqual(self.updates, [])
        self.assertIs(self.fault(crew.watch("a")).kind, Kind.PLUGIN_UNAVAILABLE)


class StopTests(CrewCase):
    """
    Tests for the end of a crew.
    """

    def check_stopped(self, crew: Crew, stopped: Deferred[None]) -> None:
        """
        Check that nothing is left, and that nothing can be asked.
        """
        self.successResultOf(stopped)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertIs(self.fault(self.ask(crew)).kind, Kind.PLUGIN_UNAVAILABLE)

    def test_never_started(self) -> None:
        """
        A crew that never started is stopped at once.
        """
        crew, _ = self.crew(legacy())
        self.check_stopped(crew, crew.stop())

    def test_ready(self) -> None:
        """
        A crew is stopped when its worker is gone, which is no failure.
        """
        crew, plugin = self.ready(legacy(call=lambda request: None))
        asked = self.ask(crew)
        stopped = crew.stop()
        self.assertNoResult(stopped)
        self.assertIs(self.fault(self.ask(crew)).kind, Kind.PLUGIN_UNAVAILABLE)
        self.turn()
        self.fault(asked)
        self.check_stopped(crew, stopped)
        self.assertEqual(plugin.workers[0].orders, ["close_input"])
        self.assertEqual(self.events[-1], WorkerStopped("files", 1000, "exit status 0"))
        self.assertEqual(self.told(WorkerEnded), [])

    def test_stubborn(self) -> None:
        """
        A crew whose worker does not go is stopped when it was killed.
        """
        crew, plugin = self.ready(legacy())
        plugin.workers[0].stubborn = frozenset(("close_input", "terminate"))
        stopped = crew.stop()
        for _ in range(61):
            self.clock.advance(0.1)
        self.turn()
        self.check_stopped(crew, stopped)
        self.assertEqual(plugin.workers[0].orders[-1], "destroy")

    def test_starting(self) -> None:
        """
        A crew can be stopped while its worker starts; waiting calls fail.
        """
        for launching in (True, False):
            crew, plugin = self.crew(lambda request: None)
            plugin.launching = launching
            crew.start()
            self.turn()
            asked = self.ask(crew)
            stopped = crew.stop()
            self.assertEqual(self.fault(asked).text, "the plugin is being stopped")
            self.turn()
            self.check_stopped(crew, stopped)
            self.assertEqual(len(plugin.workers), 1)

    def test_between(self) -> None:
        """
        A crew can be stopped between two workers; there is no second.
        """
        crew, plugin = self.ready(legacy())
        plugin.workers[0].exit("killed by signal 11")
        self.check_stopped(crew, crew.stop())
        self.clock.advance(60)
        self.assertEqual(len(plugin.workers), 1)

    def test_queued(self) -> None:
        """
        A crew can be stopped before there is a place for its start; it then leaves the place to others.
        """
        first, hanging = self.crew(legacy())
        hanging.launching = False
        second, plugin = self.crew(legacy())
        third, last = self.crew(legacy())
        for crew in (first, second, third):
            crew.start()
        stopped = second.stop()
        self.successResultOf(stopped)
        hanging.workers[0].ears.launched()
        self.assertEqual((len(plugin.workers), len(last.workers)), (0, 1))


class TellingTests(CrewCase):
    """
    Tests for what a worker writes beside its messages.
    """

    def test_said(self) -> None:
        """
        What a worker writes to its standard error is told line by line, fit for a log, the last one, too.
        """
        _, plugin = self.ready(legacy())
        plugin.workers[0].ears.said(b"one\n\x1b[2Jtwo\nlast")
        lines = [WorkerSaid("files", 1000, "one"), WorkerSaid("files", 1000, "\\x1b[2Jtwo")]
        self.assertEqual(self.told(WorkerSaid), lines)
        plugin.workers[0].exit("exit status 1")
        self.assertEqual(self.told(WorkerSaid)[2:], [WorkerSaid("files", 1000, "last")])

    def test_logged(self) -> None:
        """
        What a worker logs for no client is told like its standard error, and bounded with it.
        """
        _, plugin = self.ready(legacy())
        plugin.workers[0].tell("notifications/message", level="info", logger="db", data="x\x1b" + "y" * 200)
        plugin.workers[0].exit("exit status 1")
        [line] = self.told(WorkerSaid)
        self.assertTrue(line.line.startswith("info db: x\\x1byyy"))
        self.assertEqual(self.told(WorkerSilenced), [WorkerSilenced("files", 1000, 111)])

    def test_silenced(self) -> None:
        """
        What goes beyond the bound is dropped, and told to be.
        """
        _, plugin = self.ready(legacy())
        plugin.workers[0].ears.said(b"x" * 150)
        plugin.workers[0].exit("exit status 1")
        self.assertEqual(self.told(WorkerSilenced), [WorkerSilenced("files", 1000, 50)])

    def test_noise(self) -> None:
        """
        The first line of a worker's output that is no message is told, shortened and fit for a log.
        """
        _, plugin = self.ready(legacy())
        plugin.workers[0].write(b"\x1b[1mWelcome" + b"!" * 300, b"again")
        plugin.workers[0].write(b"again")
        [noise] = self.told(WorkerNoise)
        self.assertEqual((noise.plugin, noise.pid, noise.why), ("files", 1000, "this is not JSON"))
        self.assertTrue(noise.line.startswith("\\x1b[1mWelcome!!!"))
        self.assertLess(len(noise.line), 210)
