# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.crew`.
"""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import CancelledError

from mcpd.events import OfferChanged, WorkerEnded
from mcpd.testing.worker import FakeChannel, Stock, legacy, modern, resources, tools
from mcpd.trouble import Reason, Trouble
from mcpd.units import Seconds, Tries
from mcpd.wire import write
from mcpd.wire.fault import Kind
from mcpd.wire.message import Answer
from mcpd.wire.offer import Feature
from mcpd.workers.crew import Crew
from mcpd.workers.spec import Restart, Workers
from mcpd.workers.state import WorkerState
from tests.workers.crews import LAYERS, SPEC, Asked, CrewCase, Recall, mute, silent


class CallTests(CrewCase):
    """
    Tests for calls, whatever the workers are doing.
    """

    def test_answered(self) -> None:
        """
        A plugin that is ready answers.
        """
        crew, _ = self.ready(legacy(tools("add")))
        asked = self.ask(crew)
        self.turn()
        self.assertIsInstance(self.successResultOf(asked), Answer)

    def test_held(self) -> None:
        """
        Calls wait for a worker that starts, in order and not too many, and are answered by it.
        """
        crew, plugin = self.crew(legacy(tools("add")))
        crew.start()
        waiting = [self.ask(crew, tool="one"), self.ask(crew, tool="two")]
        fault = self.fault(self.ask(crew))
        self.assertEqual((fault.kind, fault.data), (Kind.OVERLOADED, {"retryAfterMs": 1000}))
        self.turn()
        for asked in waiting:
            self.successResultOf(asked)
        given = [bytes(each.params["name"]) for each in self.calls(plugin.workers[0])]
        self.assertEqual(given, [b'"one"', b'"two"'])

    def test_held_too_long(self) -> None:
        """
        A call that waits as long as it may take fails, and no worker ever sees it.
        """
        crew, plugin = self.ready(mute(), concurrency=1, workers=Workers(total=1))
        first, asked = self.ask(crew), self.ask(crew)
        self.wait(19.9)
        self.assertNoResult(asked)
        self.wait(0.2)
        for each in (first, asked):
            self.assertIs(self.fault(each).kind, Kind.DEADLINE)
        self.assertEqual(len(self.calls(plugin.workers[0])), 1)

    def test_cancelled(self) -> None:
        """
        A caller who gives up while it waits leaves its place, and no worker ever sees its call.
        """
        crew, plugin = self.ready(mute(), concurrency=1, workers=Workers(total=1))
        first, waiting = self.ask(crew), self.ask(crew)
        self.assertEqual(crew.state().waiting, 1)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.assertEqual(crew.state().waiting, 0)
        self.answer(plugin.workers[0])
        self.successResultOf(first)
        self.assertEqual(len(self.calls(plugin.workers[0])), 1)

    def test_whole_time(self) -> None:
        """
        The time that a call may take counts from when it came, not from when it was given to a worker.
        """
        crew, plugin = self.ready(mute(), concurrency=1, workers=Workers(total=1))
        first = self.ask(crew)
        self.wait(10)
        asked = self.ask(crew)
        self.wait(10.1)
        self.assertIs(self.fault(first).kind, Kind.DEADLINE)
        # The first one holds its place for ever, so that there is a new worker.
        self.assertEqual(len(self.open(plugin.workers[1])), 1)
        self.wait(9.5)
        self.assertNoResult(asked)
        self.wait(0.5)
        self.assertIs(self.fault(asked).kind, Kind.DEADLINE)

    def test_doubted(self) -> None:
        """
        A worker that was late, and has not shown that it lives, is given no calls; another one is started.
        """
        crew, plugin = self.ready(mute())
        late = self.ask(crew)
        worker = plugin.workers[0]
        plugin.answers = legacy(tools("add"))
        worker._answers = lambda request: None
        self.wait(20)
        self.assertIs(self.fault(late).kind, Kind.DEADLINE)
        asked = self.ask(crew)
        self.wait(0.2)
        self.assertEqual((len(self.calls(worker)), worker.gone), (1, False))
        self.successResultOf(asked)
        self.wait(3)
        self.assertTrue(worker.gone)

    def test_doubted_alive(self) -> None:
        """
        One that shows that it lives is replaced before it goes, and its other calls go on.
        """
        crew, plugin = self.ready(mute())
        late = self.ask(crew)
        self.wait(19)
        other = self.ask(crew)
        self.wait(1)
        self.assertIs(self.fault(late).kind, Kind.DEADLINE)
        first, second = plugin.workers
        self.assertFalse(first.gone)
        asked = self.ask(crew)
        self.assertEqual((len(self.calls(first)), len(self.calls(second))), (2, 1))
        request = self.open(first)[-1]
        self.answered.add((first, request.id))
        first.write(write.join(write.answer(request.id, [("content", b"[]")])))
        self.turn()
        self.successResultOf(other)
        self.assertNoResult(asked)
        self.assertTrue(first.gone)

    def test_busy(self) -> None:
        """
        One worker is given so many calls at once and no more; the next has its turn as one ends.
        """
        crew, plugin = self.ready(mute(), concurrency=2, workers=Workers(max=1))
        asked = [self.ask(crew, tool=name) for name in ("one", "two", "three")]
        self.turn()
        self.assertEqual(len(self.calls(plugin.workers[0])), 2)
        self.answer(plugin.workers[0])
        self.successResultOf(asked[0])
        self.assertEqual(len(self.open(plugin.workers[0])), 2)

    def test_others_wait(self) -> None:
        """
        Whoever's worker has time is not held up by who waits for another one, however many they are.
        """
        crew, plugin = self.ready(mute(), concurrency=1, workers=Workers(max=1))
        self.ask(crew, "key:b")
        asked = [self.ask(crew, "key:a")]
        self.turn()
        asked += [self.ask(crew, "key:a") for _ in range(2)]
        self.assertEqual(crew.state().waiting, 2)
        self.answer(self.worker_of(crew, plugin, "key:b"))
        second = self.ask(crew, "key:b")
        self.answer(self.worker_of(crew, plugin, "key:b"))
        self.successResultOf(second)
        for each in asked:
            self.assertNoResult(each)

    def test_at_once(self) -> None:
        """
        A call that comes because another one was refused is given to a worker that is free at once.
        """
        crew, plugin = self.ready(
            mute(), concurrency=1, workers=Workers(min=2), restart=Restart((Seconds(12), Seconds(12)))
        )
        lost, refused = self.ask(crew, "key:b"), self.ask(crew, "key:b")
        later: list[Asked] = []
        refused.addErrback(lambda failure: later.append(self.ask(crew, "key:c")))
        self.starts.acquire()
        self.crash(plugin, 0)
        self.fault(lost)
        self.clock.advance(0.01)
        self.turn()
        self.answer(self.worker_of(crew, plugin, "key:c"))
        self.successResultOf(later[0])

    def test_tool(self) -> None:
        """
        A tool with a time of its own has that time, any other the plugin's, waiting or not.
        """
        times = evolve(SPEC.timeouts, tools={"slow": Seconds(50)})
        crew, _ = self.ready(mute(), timeouts=times, concurrency=2, workers=Workers(max=1))
        quick, slow, waiting = self.ask(crew), self.ask(crew, tool="slow"), self.ask(crew, tool="slow")
        self.wait(20.2)
        self.fault(quick)
        self.assertNoResult(slow)
        self.wait(29.5)
        self.assertNoResult(waiting)
        self.wait(0.5)
        for each in (slow, waiting):
            self.fault(each)

    def test_crowded(self) -> None:
        """
        A plugin that does not read its calls gets no more of them.
        """
        crew, plugin = self.ready(mute())
        plugin.workers[0].waiting = 501
        self.ask(crew)
        fault = self.fault(self.ask(crew))
        self.assertEqual((fault.kind, fault.data), (Kind.PLUGIN_UNAVAILABLE, {"retryAfterMs": 1000}))


class HopeTests(CrewCase):
    """
    Tests for calls of a plugin that does not run.
    """

    def test_between(self) -> None:
        """
        Calls wait for the next worker of a plugin that was well a moment ago.
        """
        crew, plugin = self.ready(modern(tools("add")))
        self.crash(plugin)
        asked = self.ask(crew)
        self.assertNoResult(asked)
        self.wait(1)
        self.successResultOf(asked)

    def test_never_ready(self) -> None:
        """
        A plugin that never started fails waiting calls and new ones: why, without paths, and when to ask.
        """
        crew, plugin = self.crew(silent, protocol="legacy")
        crew.start()
        self.turn()
        held = self.ask(crew)
        plugin.workers[0].ears.refused("chdir /srv/secret: No such file")
        plugin.workers[0].exit("exit status 126")
        self.clock.advance(0.25)
        for asked, wait in ((held, 1000), (self.ask(crew), 750)):
            fault = self.fault(asked)
            self.assertEqual((fault.kind, fault.data), (Kind.PLUGIN_UNAVAILABLE, {"retryAfterMs": wait}))
            self.assertIn("MCPD-E-LAUNCH", fault.text)
            self.assertNotIn("/srv", fault.text)

    def test_hope(self) -> None:
        """
        A plugin that is tried once more is waited for, and called again if it starts after all.
        """
        crew, plugin = self.crew(silent, protocol="legacy")
        crew.start()
        self.turn()
        self.crash(plugin)
        self.fault(self.ask(crew))
        plugin.answers = legacy(tools("add"))
        self.clock.advance(1)
        asked = self.ask(crew)
        self.assertNoResult(asked)
        self.turn()
        self.successResultOf(asked)

    def test_hit_twice(self) -> None:
        """
        A plugin that was fine before is waited for, though it is killed twice before it is ready again.
        """
        crew, plugin = self.ready(modern(tools("add")))
        plugin.launching = False
        self.crash(plugin)
        asked = self.ask(crew)
        for _ in range(2):
            self.wait(self.told(WorkerEnded)[-1].again)
            self.crash(plugin)
        self.assertNoResult(asked)
        plugin.launching = True
        self.wait(self.told(WorkerEnded)[-1].again)
        self.successResultOf(asked)

    def test_long_pause(self) -> None:
        """
        Nobody waits for a plugin whose next start is further away than a start may take.
        """
        crew, plugin = self.ready(modern(tools("add")), restart=Restart((Seconds(12), Seconds(12))))
        self.crash(plugin)
        self.assertEqual(self.fault(self.ask(crew)).data, {"retryAfterMs": 12000})

    def test_given_up(self) -> None:
        """
        Nobody waits for a plugin that is given up, however soon it is tried again.
        """
        rules = Restart((Seconds(1), Seconds(2)), Tries(2, Seconds(3)))
        crew, plugin = self.ready(modern(tools("add")), restart=rules)
        self.crash(plugin)
        waiting = self.ask(crew)
        self.assertNoResult(waiting)
        plugin.answers = silent
        self.clock.advance(1)
        plugin.workers[-1].exit("killed by signal 11")
        for asked in (waiting, self.ask(crew)):
            self.assertEqual(self.fault(asked).data, {"retryAfterMs": 3000})

    def test_one_of_many(self) -> None:
        """
        While one principal's worker takes calls, or nobody's is ready, a plugin's long pause is no reason.
        """
        crew, plugin = self.ready(
            legacy(tools("add")), restart=Restart((Seconds(20), Seconds(20))), workers=Workers(min=3)
        )
        self.ask(crew, "key:a")
        plugin.answers = silent
        self.crash(plugin)
        self.assertEqual(crew.state().retry, 20.0)
        for caller in ("key:a", "key:b"):
            asked = self.ask(crew, caller)
            self.turn()
            self.successResultOf(asked)
        self.assertIs(self.fault(self.ask(crew, "key:c")).kind, Kind.PLUGIN_UNAVAILABLE)


class WatchTests(CrewCase):
    """
    Tests for resources that are watched, and for lists that change.
    """

    def setUp(self) -> None:
        """
        Have a plugin that tells.
        """
        super().setUp()
        self.stock = Stock(resources=resources("a"), features=frozenset({Feature.SUBSCRIBE}), telling=True)

    def two(self) -> tuple[Crew, list[FakeChannel]]:
        """
        Have two workers ready, of two principals.
        """
        crew, plugin = self.ready(legacy(self.stock))
        for caller in ("key:a", "key:b"):
            self.ask(crew, caller)
            self.turn()
        return crew, plugin.workers

    def update(self, worker: FakeChannel, uri: str) -> list[str]:
        """
        Let a worker tell that a resource has changed, and tell what came of it.
        """
        self.updates.clear()
        worker.tell("notifications/resources/updated", uri=uri)
        self.clock.advance(0.05)
        return self.updates

    def test_every_worker(self) -> None:
        """
        Every worker of a plugin tells what is watched, those that come later, too.
        """
        crew, workers = self.two()
        watching = crew.watch("a")
        self.turn()
        self.successResultOf(watching)
        self.ask(crew, "key:c")
        self.turn()
        for worker in workers:
            self.assertEqual(self.update(worker, "a"), ["a"])
        crew.unwatch("a")
        for worker in workers:
            self.assertEqual(self.update(worker, "a"), [])

    def test_next(self) -> None:
        """
        The next worker tells what is watched, and what was asked for between the two.
        """
        for era in (legacy, modern):
            self.memory = Recall()
            crew, plugin = self.ready(era(self.stock))
            crew.watch("a")
            self.turn()
            self.crash(plugin)
            between = crew.watch("b")
            self.wait(1)
            self.successResultOf(between)
            for uri in ("a", "b"):
                self.assertEqual(self.update(plugin.workers[-1], uri), [uri])

    def test_untold(self) -> None:
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

    def test_hopeless(self) -> None:
        """
        Nobody waits for a plugin that does not start, or is stopped.
        """
        crew, plugin = self.crew(silent, protocol="legacy")
        crew.start()
        self.turn()
        waiting = crew.watch("a")
        self.crash(plugin)
        for watching in (waiting, crew.watch("a")):
            self.assertIs(self.fault(watching).kind, Kind.PLUGIN_UNAVAILABLE)
        crew.stop()
        self.assertIs(self.fault(crew.watch("a")).kind, Kind.PLUGIN_UNAVAILABLE)

    def test_changed(self) -> None:
        """
        Any worker may tell that a list has changed: it is published once, with what is new.
        """
        crew, workers = self.two()
        self.assertEqual(self.changes, 1)
        self.stock.resources = resources("a", "b")
        workers[1].tell("notifications/resources/list_changed")
        self.turn()
        assert crew.offer is not None
        self.assertEqual([item.name for item in crew.offer.resources], ["a", "b"])
        self.assertEqual(self.told(OfferChanged), [OfferChanged("files", "resources", 0, 0, 2)])
        self.assertEqual(self.changes, 2)

    def test_no_news(self) -> None:
        """
        One more worker that has what all others had at first is no news.
        """
        self.two()
        self.assertEqual((self.changes, self.told(OfferChanged)), (1, []))


class StateTests(CrewCase):
    """
    Tests for what an operator sees of a plugin.
    """

    def test_phases(self) -> None:
        """
        A plugin waits, starts, is ready, pauses, is given up, starts, is ready again, and stops.
        """
        rules = Restart((Seconds(1), Seconds(2)), Tries(2, Seconds(5)))
        crew, plugin = self.crew(silent, protocol="modern", restart=rules)
        seen = [crew.state()]
        crew.start()
        self.turn()
        seen.append(crew.state())
        plugin.answers = mute(modern)
        for which in (0, 1):
            self.crash(plugin)
            seen.append(crew.state())
            self.wait(1 + which * 4)
            seen.append(crew.state())
        crew.stop()
        seen.append(crew.state())
        phases = ["waiting", "starting", "pausing", "ready", "failed", "ready", "stopping"]
        self.assertEqual([each.phase for each in seen], phases)
        self.assertEqual([each.retry for each in seen[:5]], [None, None, 1.0, None, 5.0])
        self.assertEqual([each.restarts for each in seen], [0, 0, 1, 1, 2, 2, 2])
        self.assertEqual(seen[4].reason, Reason(Trouble.EXIT, "killed by signal 11"))

    def test_failing(self) -> None:
        """
        A plugin that is given up and tried again has failed until it is ready.
        """
        rules = Restart((Seconds(1), Seconds(2)), Tries(1, Seconds(5)))
        crew, plugin = self.crew(silent, protocol="modern", restart=rules)
        crew.start()
        self.turn()
        self.crash(plugin)
        self.wait(5)
        self.assertEqual([each.phase for each in crew.state().workers], ["starting"])
        self.assertEqual(crew.state().phase, "failed")

    def test_pausing(self) -> None:
        """
        A plugin whose worker ended over a call pauses, and says until when.
        """
        crew, plugin = self.ready(mute(modern))
        asked = self.ask(crew)
        self.crash(plugin)
        self.fault(asked)
        self.assertEqual((crew.state().phase, crew.state().retry), ("pausing", 1.0))

    def test_workers(self) -> None:
        """
        An operator sees each worker: whose it is, what it does, for how long.
        """
        crew, plugin = self.ready(mute(), concurrency=1)
        plugin.workers[0].ears.said(b"hello\n")
        self.clock.advance(2)
        asked = self.ask(crew)
        self.clock.advance(1)
        lost = self.ask(crew)
        self.answer(plugin.workers[0])
        self.successResultOf(asked)
        state = crew.state()
        worker = WorkerState(1000, "ready", "key:a", 1, 0, 2, 3.0, 0.0, None, None, 0, 0)
        self.assertEqual((state.workers, state.calls, state.waiting), ((worker,), 2, 0))
        self.assertEqual((state.name, state.revision, state.share), ("files", "2025-11-25", "principal"))
        self.assertEqual((state.tools, state.prompts, state.resources), (1, 0, 0))
        self.assertEqual((state.said, state.limits, state.retry), ("hello", LAYERS, None))
        self.crash(plugin)
        self.fault(lost)
        self.assertEqual((crew.state().calls, crew.state().restarts), (2, 1))
