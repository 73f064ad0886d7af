# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of whole crews: workers that are replaced, and the end of all.
"""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import Deferred

from mcpd.events import WorkerEnded, WorkerNotStarted, WorkerStopped
from mcpd.sandbox.usage import Usage
from mcpd.testing.worker import FakePlugin, legacy, modern, tools
from mcpd.trouble import Reason, Trouble
from mcpd.units import Count, Room, Seconds
from mcpd.wire.fault import Kind
from mcpd.workers.crew import Crew, NotReady
from mcpd.workers.spec import Restart, Timeouts, Workers
from tests.workers.crews import LAYERS, SPEC, Asked, CrewCase, Recall, mute, silent


class ReplaceTests(CrewCase):
    """
    Tests for workers that are replaced because somebody said so.
    """

    def test_restart(self) -> None:
        """
        A restart is over once a new worker is ready; the old one takes the calls until then.
        """
        crew, plugin = self.ready(mute(modern))
        asked = self.ask(crew)
        self.starts.acquire()
        restarted = crew.restart()
        self.turn()
        self.assertNoResult(restarted)
        later = self.ask(crew)
        self.starts.release()
        self.turn()
        self.successResultOf(restarted)
        for each in (asked, later):
            self.assertFalse(plugin.workers[0].gone)
            self.answer(plugin.workers[0])
            self.successResultOf(each)
        self.assertTrue(plugin.workers[0].gone)
        self.assertEqual((self.keys(crew), self.told(WorkerEnded)), ([""], []))

    def test_restart_failed(self) -> None:
        """
        A restart whose new worker fails says why, and the old worker stays.
        """
        crew, plugin = self.ready(legacy(tools("add")))
        plugin.answers = silent
        restarted = crew.restart()
        self.turn()
        self.crash(plugin)
        failure = self.failureResultOf(restarted, NotReady)
        assert isinstance(failure.value, NotReady)
        self.assertEqual(failure.value.reason, Reason(Trouble.EXIT, "killed by signal 11"))
        asked = self.ask(crew)
        self.turn()
        self.successResultOf(asked)

    def test_restart_of_nobody(self) -> None:
        """
        A restart ends with a new worker even where there was none and none need be.
        """
        times = Timeouts(idle=Seconds(5))
        crew, plugin = self.ready(legacy(tools("add")), workers=Workers(min=0), timeouts=times)
        self.wait(20)
        self.assertEqual(self.alive(plugin), [])
        restarted = crew.restart()
        self.turn()
        self.successResultOf(restarted)
        self.assertEqual(len(self.alive(plugin)), 1)
        self.wait(20)
        self.assertEqual(self.alive(plugin), [])

    def test_restart_twice(self) -> None:
        """
        Who restarts a plugin that is being restarted has a worker that came later than that.
        """
        crew, plugin = self.ready(mute(modern))
        plugin.answers = silent
        crew.restart()
        self.turn()
        plugin.answers = mute(modern)
        restarted = crew.restart()
        self.turn()
        self.successResultOf(restarted)
        self.assertEqual([each.pid for each in self.alive(plugin)], [1002])

    def test_restart_pausing(self) -> None:
        """
        A restart does not wait for the pause after a failure.
        """
        crew, plugin = self.crew(silent, protocol="legacy")
        crew.start()
        self.turn()
        self.crash(plugin)
        plugin.answers = legacy(tools("add"))
        restarted = crew.restart()
        self.turn()
        self.successResultOf(restarted)

    def test_restart_stopping(self) -> None:
        """
        A plugin that is being stopped can't be restarted, and who waits for one that is stopped hears so.
        """
        crew, _ = self.crew(silent)
        crew.start()
        restarted = crew.restart()
        crew.stop()
        for each in (restarted, crew.restart()):
            failure = self.failureResultOf(each, NotReady)
            assert isinstance(failure.value, NotReady)
            self.assertIs(failure.value.reason.trouble, Trouble.STOPPING)

    def test_stopped_by_restart(self) -> None:
        """
        A plugin may be stopped by who hears that it is ready again: then it takes no call any more.
        """
        crew, plugin = self.ready(mute(modern))
        asked: list[Asked] = []
        stopped: list[Deferred[None]] = []

        def stop(_: None) -> None:
            # Before its process is gone.
            self.clock.callLater(0, lambda: asked.append(self.ask(crew)))
            stopped.append(crew.stop())

        crew.restart().addCallback(stop)
        self.turn()
        self.successResultOf(stopped[0])
        self.assertIs(self.fault(asked[0]).kind, Kind.PLUGIN_UNAVAILABLE)
        self.assertEqual(self.alive(plugin), [])

    def test_reform(self) -> None:
        """
        Another configuration has its worker ready before the old one goes.
        """
        crew, plugin = self.ready(mute(modern))
        asked = self.ask(crew)
        self.wait(1)
        _, other = self.crew(mute(modern))
        crew.reform(evolve(SPEC, command=("/bin/other",)), other.spawn, Recall(), ())
        self.turn()
        later = self.ask(crew)
        self.turn()
        self.answer(other.workers[0])
        self.successResultOf(later)
        self.answer(plugin.workers[0])
        self.successResultOf(asked)
        self.assertEqual((self.alive(plugin), crew.state().limits), ([], ()))

    def test_reform_shared(self) -> None:
        """
        Where another configuration says who shares a worker, nobody gets one that was another's.
        """
        crew, plugin = self.ready(mute(), share="all")
        asked = self.ask(crew, "key:a")
        self.turn()
        crew.reform(evolve(SPEC, share="principal"), plugin.spawn, self.memory, LAYERS)
        self.ask(crew, "key:b")
        self.turn()
        self.answer(plugin.workers[0])
        self.successResultOf(asked)
        self.assertEqual((self.keys(crew), len(plugin.workers)), (["key:b"], 2))

    def test_reform_failed(self) -> None:
        """
        Where the worker of another configuration does not start the old one goes on, and it is tried again.
        """
        crew, plugin = self.ready(legacy(tools("add")))
        _, other = self.crew(legacy(tools("add")))
        other.refusal = OSError("fork failed")
        crew.reform(SPEC, other.spawn, Recall(), LAYERS)
        asked = self.ask(crew)
        self.turn()
        self.successResultOf(asked)
        other.refusal = None
        self.wait(6)
        self.assertEqual((self.alive(plugin), len(self.alive(other))), ([], 1))

    def test_respec(self) -> None:
        """
        Other times, bounds and tools act at once, on the workers that there are.
        """
        crew, plugin = self.ready(mute(modern))
        crew.respec(evolve(SPEC, concurrency=1, timeouts=Timeouts(call=Seconds(5))))
        crew.limit(1)
        first, second = self.ask(crew), self.ask(crew)
        self.assertIs(self.fault(self.ask(crew)).kind, Kind.OVERLOADED)
        self.wait(5.1)
        for each in (first, second):
            self.fault(each)
        self.assertEqual(len(self.calls(plugin.workers[0])), 1)


class WearTests(CrewCase):
    """
    Tests for workers that are worn out: the next one is ready first.
    """

    def check_replaced(self, plugin: FakePlugin, why: str) -> None:
        """
        Check that a worker was replaced within a round, without a pause.
        """
        self.wait(5)
        reason = f"{why}; the next one is being started"
        self.assertEqual(self.retired(), [(1000, reason)])
        self.assertEqual([each.pid for each in self.alive(plugin)], [1001])
        self.assertEqual(self.told(WorkerStopped)[0].pid, 1000)
        self.assertEqual(self.told(WorkerEnded), [])

    def test_age(self) -> None:
        """
        A worker that is too old is replaced.
        """
        _, plugin = self.ready(modern(), restart=Restart(max_age=Seconds(60)))
        self.wait(55.5)
        self.assertEqual(self.retired(), [])
        self.check_replaced(plugin, "it is older than 60 s")

    def test_calls(self) -> None:
        """
        A worker that has taken too many calls is replaced.
        """
        crew, plugin = self.ready(modern(), restart=Restart(max_calls=Count(2)))
        self.ask(crew)
        self.wait(5)
        self.assertEqual(self.retired(), [])
        self.ask(crew)
        self.check_replaced(plugin, "it has taken 2 calls")

    def test_memory(self) -> None:
        """
        A worker that has grown too large is replaced.
        """
        _, plugin = self.ready(modern(), restart=Restart(max_memory=Room(1000)))
        plugin.workers[0].using = Usage(1000, 0.5)
        self.wait(5)
        self.assertEqual(self.retired(), [])
        plugin.workers[0].using = Usage(1001, 0.5)
        self.check_replaced(plugin, "it uses 1001 bytes of memory")

    def test_stuck(self) -> None:
        """
        A worker that lives and never answers a call is replaced at once; its other calls go on.
        """
        crew, plugin = self.ready(
            mute(modern), timeouts=Timeouts(call=Seconds(5), tools={"long": Seconds(50)})
        )
        slow, stuck = self.ask(crew, tool="long"), self.ask(crew)
        self.wait(5.2)
        self.fault(stuck)
        reason = "it does not answer some calls; the next one is being started"
        self.assertEqual(self.retired(), [(1000, reason)])
        self.assertEqual([each.phase for each in crew.state().workers], ["retiring", "ready"])
        later = self.ask(crew)
        self.turn()
        self.answer(plugin.workers[1])
        self.successResultOf(later)
        self.answer(plugin.workers[0])
        self.successResultOf(slow)
        self.assertEqual([each.pid for each in self.alive(plugin)], [1001])

    def test_stuck_leaving(self) -> None:
        """
        A worker that goes once its calls are over goes, though it never answers some, and none comes for it.
        """
        times = Timeouts(call=Seconds(5), tools={"long": Seconds(8)})
        crew, plugin = self.ready(mute(modern), timeouts=times)
        asked = [self.ask(crew), self.ask(crew, tool="long")]
        crew.restart()
        self.wait(7)
        self.assertEqual([each.phase for each in crew.state().workers], ["retiring", "ready"])
        self.wait(2)
        for each in asked:
            self.fault(each)
        self.assertEqual([each.pid for each in self.alive(plugin)], [1001])
        self.assertEqual((len(plugin.workers), self.told(WorkerEnded)), (2, []))

    def test_stuck_pausing(self) -> None:
        """
        A worker with calls that it never answers stays while none can be started, and is replaced then.
        """
        crew, plugin = self.ready(
            mute(), timeouts=Timeouts(call=Seconds(5)), restart=Restart((Seconds(12), Seconds(12)))
        )
        stuck = self.ask(crew)
        self.turn()
        plugin.answers = silent
        lost = self.ask(crew, "key:b")
        self.turn()
        self.crash(plugin)
        self.wait(5.2)
        for each in (stuck, lost):
            self.fault(each)
        self.assertEqual((self.retired(), crew.state().workers[0].stuck), ([], 1))
        plugin.answers = mute()
        self.wait(12)
        reason = "it does not answer some calls; the next one is being started"
        self.assertEqual(self.retired(), [(1000, reason)])

    def test_takes_calls(self) -> None:
        """
        A worker that is being replaced takes calls until its successor is ready.
        """
        crew, plugin = self.ready(mute(modern), restart=Restart(max_calls=Count(1)))
        asked = [self.ask(crew)]
        self.starts.acquire()
        self.wait(5)
        asked.append(self.ask(crew))
        self.turn()
        self.assertEqual(len(self.open(plugin.workers[0])), 2)
        self.starts.release()
        self.turn()
        self.assertEqual([each.phase for each in crew.state().workers], ["retiring", "ready"])
        for each in asked:
            self.answer(plugin.workers[0])
            self.successResultOf(each)
        self.assertTrue(plugin.workers[0].gone)

    def test_heir_fails(self) -> None:
        """
        A successor that fails leaves the old one serving, and is tried again.
        """
        crew, plugin = self.ready(modern(tools("add")), restart=Restart(max_calls=Count(1)))
        self.ask(crew)
        plugin.refusal = OSError("fork failed")
        self.wait(5)
        self.assertEqual((self.retired(), len(self.told(WorkerNotStarted))), ([], 1))
        plugin.refusal, plugin.answers = None, silent
        self.wait(5)
        self.crash(plugin)
        asked = self.ask(crew)
        self.turn()
        self.successResultOf(asked)
        self.assertEqual(self.keys(crew), [""])
        plugin.answers = modern(tools("add"))
        self.wait(5)
        self.assertEqual([each.pid for each in self.alive(plugin)], [1002])

    def test_total(self) -> None:
        """
        Where there is no place for a successor the old one goes first, once its calls are over.
        """
        crew, plugin = self.ready(
            mute(modern), restart=Restart(max_calls=Count(1)), workers=Workers(max=1, total=1)
        )
        asked = self.ask(crew)
        self.wait(5)
        self.assertEqual(self.retired(), [(1000, "it has taken 1 calls")])
        later = self.ask(crew)
        self.assertEqual(len(plugin.workers), 1)
        self.answer(plugin.workers[0])
        self.successResultOf(asked)
        self.answer(plugin.workers[1])
        self.successResultOf(later)

    def test_claimed_meanwhile(self) -> None:
        """
        A worker that becomes somebody's while it is being replaced has nobody's successor.
        """
        crew, plugin = self.ready(mute(), restart=Restart(max_age=Seconds(3)))
        self.starts.acquire()
        self.wait(5)
        asked = self.ask(crew)
        self.starts.release()
        self.turn()
        self.assertEqual(self.keys(crew), [""])
        later = self.ask(crew)
        self.turn()
        self.answer(plugin.workers[0])
        self.answer(plugin.workers[1])
        for each in (asked, later):
            self.successResultOf(each)


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
        self.assertEqual(self.fault(self.ask(crew)).text, "the plugin is being stopped")
        self.assertEqual(crew.state().phase, "stopping")

    def test_never_started(self) -> None:
        """
        A crew that never started is stopped at once.
        """
        crew, _ = self.crew(legacy())
        self.check_stopped(crew, crew.stop())

    def test_calls(self) -> None:
        """
        A crew is stopped when all its workers are gone; their calls and those that wait fail.
        """
        crew, plugin = self.ready(mute(), concurrency=1, workers=Workers(total=2))
        asked = [self.ask(crew, "key:a"), self.ask(crew, "key:b")]
        self.turn()
        asked.append(self.ask(crew, "key:c"))
        stopped = crew.stop()
        self.assertNoResult(stopped)
        self.turn()
        kinds = [self.fault(each).kind for each in asked]
        self.assertEqual(kinds, [Kind.PLUGIN_GONE, Kind.PLUGIN_GONE, Kind.PLUGIN_UNAVAILABLE])
        self.check_stopped(crew, stopped)
        self.assertEqual([each.orders for each in plugin.workers], [["close_input"]] * 2)
        self.assertEqual((len(self.told(WorkerStopped)), self.told(WorkerEnded)), (2, []))

    def test_stubborn(self) -> None:
        """
        A crew whose worker does not go is stopped when it was killed.
        """
        crew, plugin = self.ready(legacy())
        plugin.workers[0].stubborn = frozenset(("close_input", "terminate"))
        stopped = crew.stop()
        self.wait(6.1)
        self.check_stopped(crew, stopped)
        self.assertEqual(plugin.workers[0].orders[-1], "destroy")

    def test_starting(self) -> None:
        """
        A crew can be stopped, at once or gently, while its worker starts; waiting calls fail.
        """
        for end in (Crew.stop, Crew.retire):
            for launching in (True, False):
                crew, plugin = self.crew(silent)
                plugin.launching = launching
                crew.start()
                self.turn()
                asked = self.ask(crew)
                stopped = end(crew)
                self.assertEqual(self.fault(asked).text, "the plugin is being stopped")
                self.turn()
                self.check_stopped(crew, stopped)
                self.assertEqual(len(plugin.workers), 1)

    def test_between(self) -> None:
        """
        A crew can be stopped between two workers; there is no second.
        """
        crew, plugin = self.ready(modern())
        self.crash(plugin)
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
        self.successResultOf(second.stop())
        hanging.workers[0].ears.launched()
        self.assertEqual((len(plugin.workers), len(last.workers)), (0, 1))

    def test_retire(self) -> None:
        """
        A crew that is retired lets its calls end, takes no other, and is stopped then.
        """
        crew, plugin = self.ready(mute())
        asked = self.ask(crew)
        stopped = crew.retire()
        self.wait(1)
        self.assertNoResult(stopped)
        self.fault(self.ask(crew))
        self.answer(plugin.workers[0])
        self.successResultOf(asked)
        self.check_stopped(crew, stopped)

    def test_retire_waiting(self) -> None:
        """
        A call that waits when its plugin is let go has its turn still; what comes later has none.
        """
        crew, plugin = self.ready(mute(), concurrency=1, workers=Workers(total=1))
        first, waiting = self.ask(crew), self.ask(crew)
        stopped = crew.retire()
        self.assertEqual(crew.state().phase, "stopping")
        self.fault(self.ask(crew))
        for asked in (first, waiting):
            self.assertNoResult(stopped)
            self.answer(plugin.workers[0])
            self.successResultOf(asked)
        self.check_stopped(crew, stopped)

    def test_retire_waiting_stopped(self) -> None:
        """
        A crew that is stopped while calls wait for it to be let go has stopped for both.
        """
        crew, _ = self.ready(mute(), concurrency=1, workers=Workers(total=1))
        asked = self.ask(crew), self.ask(crew)
        retired, stopped = crew.retire(), crew.stop()
        self.turn()
        for each in asked:
            self.fault(each)
        self.successResultOf(retired)
        self.check_stopped(crew, stopped)

    def test_retire_and_stop(self) -> None:
        """
        Who waits for a crew that retires hears that it is stopped meanwhile, and so does who stops it.
        """
        crew, _ = self.ready(mute())
        asked = self.ask(crew)
        retired, stopped = crew.retire(), crew.stop()
        self.turn()
        self.fault(asked)
        self.successResultOf(retired)
        self.check_stopped(crew, stopped)
        self.check_stopped(crew, crew.stop())
