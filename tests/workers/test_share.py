# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of whole crews: who shares a worker, and who has one when there are not enough.
"""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.python.failure import Failure

from mcpd.events import WorkerEnded
from mcpd.testing.worker import FakeChannel, FakePlugin, Result, legacy, modern, tools
from mcpd.units import Seconds
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Request
from mcpd.workers.crew import Crew
from mcpd.workers.spec import Restart, Timeouts, Workers
from tests.workers.crews import Asked, CrewCase, Recall, mute

CALLERS = ("key:a", "key:b", "key:c", "key:d", "key:e")
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ask"), st.sampled_from(range(len(CALLERS)))),
        st.tuples(st.sampled_from(("answer", "cancel", "wait", "crash")), st.integers(0, 30)),
    ),
    max_size=50,
)


class ShareTests(CrewCase):
    """
    Tests for who shares a worker.
    """

    def check_keys(self, share: str, expected: list[str]) -> None:
        """
        Check whose workers there are once two principals called from two sessions each.
        """
        crew, _ = self.ready(mute(), share=share, queue=9)
        for caller, place in (("key:a", "1"), ("key:a", "2"), ("key:b", "3"), ("key:b", "")):
            self.ask(crew, caller, place=place)
            self.wait(0.2)
        self.assertEqual(self.keys(crew), expected)
        self.assertEqual(crew.state().share, share)

    def test_all(self) -> None:
        """
        Everybody may share one worker.
        """
        self.check_keys("all", [""])

    def test_principal(self) -> None:
        """
        Each principal may have workers of its own.
        """
        self.check_keys("principal", ["key:a", "key:b"])

    def test_session(self) -> None:
        """
        Each session may have workers of its own, and each principal for what it calls outside of any.
        """
        self.check_keys("session", ["1", "2", "3", "key:b"])

    def test_call(self) -> None:
        """
        Each call may have a worker of its own.
        """
        self.check_keys("call", ["#1", "#2", "#3", "#4"])

    def test_call_over(self) -> None:
        """
        A worker that nobody shares ends with its call, and the next one comes for the next call.
        """
        crew, plugin = self.ready(mute(), share="call")
        for number in range(3):
            asked = self.ask(crew)
            self.turn()
            worker = plugin.workers[number]
            self.answer(worker)
            self.successResultOf(asked)
            self.assertTrue(worker.gone)
        self.assertEqual((len(self.alive(plugin)), self.told(WorkerEnded)), (1, []))

    def test_call_given_up(self) -> None:
        """
        A worker that came for a call which was given up meanwhile is the next call's.
        """
        crew, plugin = self.ready(mute(), share="call", workers=Workers(total=2))
        self.ask(crew)
        given_up = self.ask(crew)
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        self.turn()
        asked = self.ask(crew)
        self.turn()
        self.assertEqual(len(plugin.workers), 2)
        self.answer(plugin.workers[1])
        self.successResultOf(asked)

    def test_call_replaced(self) -> None:
        """
        A worker that nobody shares may be worn out: its successor is the next call's.
        """
        crew, plugin = self.ready(mute(), share="call", restart=Restart(max_age=Seconds(4)))
        asked = self.ask(crew)
        self.wait(5.1)
        self.answer(plugin.workers[0])
        self.successResultOf(asked)
        self.assertEqual([each.pid for each in self.alive(plugin)], [1001])
        self.assertEqual(self.keys(crew), [""])

    def test_auto(self) -> None:
        """
        A modern plugin is shared by all, a legacy one by nobody but each principal.
        """
        crew, _ = self.ready(mute(modern))
        self.assertEqual((crew.state().share, self.keys(crew)), ("all", [""]))
        self.memory = Recall()
        crew, _ = self.ready(mute(legacy))
        self.ask(crew)
        self.assertEqual((crew.state().share, self.keys(crew)), ("principal", ["key:a"]))

    def test_other_era(self) -> None:
        """
        A program that was replaced by one of the other era is shared as that one's may be.
        """
        crew, plugin = self.ready(mute(modern))
        for answers, share in ((mute(legacy), "principal"), (mute(modern), "all")):
            plugin.answers = answers
            self.memory.known = None
            crew.restart()
            self.wait(0.5)
            asked = [self.ask(crew, caller) for caller in ("key:a", "key:b")]
            self.wait(0.5)
            self.assertEqual(crew.state().share, share)
            keys = ["key:a", "key:b"] if share == "principal" else [""]
            self.assertEqual(sorted(set(self.keys(crew))), keys)
            for worker in self.alive(plugin):
                while self.open(worker):
                    self.answer(worker)
            for each in asked:
                self.successResultOf(each)


class KilledTests(CrewCase):
    """
    Tests for workers that are killed and not yet gone.
    """

    def test_spare(self) -> None:
        """
        One that is nobody's yet and is being killed is given to nobody: another is started.
        """
        crew, plugin = self.ready(mute())
        killed = plugin.workers[0]
        killed.stubborn = frozenset({"destroy"})
        killed.ears.overflow()
        self.ask(crew)
        self.wait(1)
        self.assertEqual([len(self.calls(each)) for each in plugin.workers], [0, 1])

    def _doubted(self) -> tuple[Crew, FakePlugin]:
        # Its one call is late, and it has given no sign of life yet.
        usual, asked = mute(modern), list[str]()

        def answers(request: Request) -> Result:
            asked.append(request.method)
            return None if asked.count("server/discover") > 1 else usual(request)

        crew, plugin = self.ready(answers)
        late = self.ask(crew)
        self.wait(20.1)
        self.fault(late)
        return crew, plugin

    def _write(self, worker: FakeChannel, method: str) -> None:
        request = [each for each in worker.said if isinstance(each, Request) and each.method == method][-1]
        worker.write(write.join(write.answer(request.id, ())))
        self.turn()

    def test_doubted(self) -> None:
        """
        One whose sign of life comes while it is being killed is given no more calls.
        """
        crew, plugin = self._doubted()
        killed = plugin.workers[0]
        killed.stubborn = frozenset({"destroy"})
        killed.ears.overflow()
        self._write(killed, "server/discover")
        self.ask(crew)
        self.wait(1)
        self.assertEqual(len(self.calls(killed)), 1)

    def test_late_answer(self) -> None:
        """
        One that answers its late call is given calls again, and is not replaced.
        """
        crew, plugin = self._doubted()
        self._write(plugin.workers[0], "tools/call")
        self.ask(crew)
        self.wait(1)
        self.assertEqual([len(self.calls(each)) for each in plugin.workers], [2])


class RoomTests(CrewCase):
    """
    Tests for who has a worker when there are not enough.
    """

    def served(self, crew: Crew, plugin: FakePlugin, asked: list[Asked], seconds: int) -> int:
        """
        Let workers answer a call a tenth of a second, and tell how many calls have been answered.
        """
        for _ in range(seconds * 10):
            self.wait(0.1)
            for worker in self.alive(plugin):
                if self.open(worker):
                    self.answer(worker)
        return sum(isinstance(getattr(each, "result", None), Answer) for each in asked)

    def test_longest_idle(self) -> None:
        """
        Where all places are taken the worker goes that was called longest ago, and at once.
        """
        crew, _ = self.ready(legacy(tools("add")), workers=Workers(total=3))
        for caller in ("key:a", "key:b", "key:c", "key:a", "key:d"):
            asked = self.ask(crew, caller)
            self.turn()
            self.clock.advance(0.1)
        self.successResultOf(asked)
        self.assertEqual(self.keys(crew), ["key:a", "key:c", "key:d"])
        self.assertEqual(self.retired(), [(1001, "another one needs its place")])

    def test_no_more_than_needed(self) -> None:
        """
        Where some wait for a place as many idle workers go as that takes, and no more.
        """
        crew, _ = self.ready(legacy(tools("add")), queue=9, workers=Workers(total=3))
        for caller in ("key:a", "key:b", "key:c"):
            self.ask(crew, caller)
            self.wait(0.1)
        asked = [self.ask(crew, caller) for caller in ("key:d", "key:d", "key:e")]
        self.assertEqual([pid for pid, _ in self.retired()], [1000, 1001])
        self.turn()
        for each in asked:
            self.successResultOf(each)
        self.assertEqual(self.keys(crew), ["key:c", "key:d", "key:e"])

    def test_turns(self) -> None:
        """
        Nobody keeps a worker that others wait for: after a second it takes no more calls.
        """
        crew, plugin = self.ready(mute(), workers=Workers(total=1))
        first = self.ask(crew, "key:a")
        self.turn()
        other = self.ask(crew, "key:b")
        self.wait(0.9)
        self.assertEqual(self.retired(), [])
        self.wait(0.2)
        self.assertEqual(self.retired(), [(1000, "others had no turn")])
        again = self.ask(crew, "key:a")
        self.wait(1)
        self.assertEqual(len(self.open(plugin.workers[0])), 1)
        self.answer(plugin.workers[0])
        self.answer(plugin.workers[1])
        for each in (first, other):
            self.successResultOf(each)
        self.assertEqual(self.served(crew, plugin, [again], 2), 1)

    def test_sixty(self) -> None:
        """
        Sixty principals who never stop calling share eight workers, and everybody is served.
        """
        crew, plugin = self.ready(mute(), queue=256, concurrency=4, workers=Workers(max=2, total=8))
        asked = [self.ask(crew, f"key:{number % 60}") for number in range(180)]
        self.assertEqual(self.served(crew, plugin, asked, 18), 180)
        self.assertLessEqual(len(self.alive(plugin)), 8)

    def test_second(self) -> None:
        """
        Who waits for its own busy worker has one more beside it, after a moment, and no more than it may.
        """
        crew, plugin = self.ready(mute(), concurrency=1, queue=9, workers=Workers(max=2))
        for _ in range(4):
            self.ask(crew)
        self.turn()
        self.assertEqual(len(plugin.workers), 1)
        self.wait(0.2)
        self.assertEqual(self.keys(crew), ["key:a", "key:a"])
        self.wait(2)
        self.assertEqual(len(plugin.workers), 2)
        self.assertEqual([len(self.open(each)) for each in plugin.workers], [1, 1])

    def test_second_spare(self) -> None:
        """
        Who needs one more worker is given one that is nobody's, if there is one.
        """
        crew, plugin = self.ready(mute(), concurrency=1, queue=9, workers=Workers(min=2))
        for _ in range(2):
            self.ask(crew)
        self.turn()
        self.assertEqual(self.keys(crew), ["key:a", ""])
        self.wait(0.2)
        self.assertEqual((self.keys(crew), len(plugin.workers)), (["key:a", "key:a"], 2))

    def test_spare_coming(self) -> None:
        """
        Where a worker is starting that is nobody's, it is who needs one first that has it.
        """
        crew, plugin = self.ready(mute())
        self.crash(plugin)
        plugin.launching = False
        self.wait(1)
        asked = self.ask(crew)
        self.turn()
        self.assertEqual(len(plugin.workers), 2)
        plugin.workers[1].ears.launched()
        self.turn()
        self.answer(plugin.workers[1])
        self.successResultOf(asked)

    def test_not_taken(self) -> None:
        """
        Who has a worker does not take one away that another uses, however much it calls.
        """
        crew, plugin = self.ready(mute(), concurrency=1, queue=9, workers=Workers(total=2))
        for caller in ("key:a", "key:b"):
            self.ask(crew, caller)
        self.turn()
        waiting = self.ask(crew, "key:a")
        for _ in range(6):
            self.wait(0.5)
            self.answer(self.worker_of(crew, plugin, "key:b"))
            self.wait(0.4)
            self.ask(crew, "key:b")
            self.turn()
        self.assertEqual((self.retired(), sorted(self.keys(crew))), ([], ["key:a", "key:b"]))
        self.answer(self.worker_of(crew, plugin, "key:b"))
        self.wait(1.2)
        self.assertEqual(self.keys(crew), ["key:a", "key:a"])
        self.answer(plugin.workers[-1])
        self.successResultOf(waiting)

    def test_slow_to_go(self) -> None:
        """
        Who waits for a worker that goes once its calls are over has another one that is idle meanwhile.
        """
        crew, plugin = self.ready(mute(), queue=9, workers=Workers(total=2))
        for caller in ("key:a", "key:b"):
            self.ask(crew, caller)
        self.turn()
        asked = self.ask(crew, "key:c")
        self.wait(1.2)
        self.ask(crew, "key:c")
        self.assertEqual(self.retired(), [(1000, "others had no turn")])
        self.answer(plugin.workers[1])
        self.wait(0.2)
        self.answer(plugin.workers[2])
        self.successResultOf(asked)


class CrowdTests(CrewCase):
    """
    Tests for many principals who share few workers.
    """

    @settings(max_examples=80, deadline=None)
    @given(STEPS)
    def test_one_answer(self, steps: list[tuple[str, int]]) -> None:
        """
        Whoever calls, and whatever dies, each call has one answer, its own, and no two share a worker.
        """
        self.setUp()
        times = Timeouts(call=Seconds(5000), max=Seconds(9000))
        bounds = Workers(1, 2, 3)
        crew, plugin = self.ready(mute(), queue=99, concurrency=2, workers=bounds, timeouts=times)
        asked: dict[str, Asked] = {}
        for what, number in steps:
            workers = [each for each in self.alive(plugin) if self.open(each)]
            if what == "ask":
                name = f"{CALLERS[number]}/{len(asked)}"
                asked[name] = self.ask(crew, CALLERS[number], name)
            elif what == "answer" and workers:
                self.answer(workers[number % len(workers)])
            elif what == "cancel" and asked:
                list(asked.values())[number % len(asked)].cancel()
            elif what == "crash" and number < 6 and self.alive(plugin):
                self.crash(plugin, plugin.workers.index(self.alive(plugin)[number % len(self.alive(plugin))]))
            elif what == "wait":
                self.wait(number / 10)
            self.turn()
            self.check(crew, plugin.workers, bounds)
        for _ in range(200):
            for worker in self.alive(plugin):
                if self.open(worker):
                    self.answer(worker)
            self.wait(0.5)
            self.check(crew, plugin.workers, bounds)
        for name, each in asked.items():
            self.check_outcome(name, each)
        stopped = crew.stop()
        self.wait(1)
        self.successResultOf(stopped)
        self.assertEqual((self.alive(plugin), self.clock.getDelayedCalls()), ([], []))

    def check(self, crew: Crew, workers: list[FakeChannel], bounds: Workers) -> None:
        """
        Check what holds at any time.
        """
        self.assertLessEqual(sum(not each.gone for each in workers), bounds.total)
        for worker in workers:
            callers = {bytes(each.params["name"]).split(b"/")[0] for each in self.calls(worker)}
            self.assertLessEqual(len(callers), 1)
            self.assertLessEqual(len(self.open(worker)), 2)
        staying = [each.key for each in crew.state().workers if each.phase in ("starting", "ready")]
        for key in filter(None, staying):
            self.assertLessEqual(staying.count(key), bounds.max)

    def check_outcome(self, name: str, asked: Asked) -> None:
        """
        Check that a call was answered with its own name, or ended for a reason.
        """
        faults: list[Failure] = []
        asked.addErrback(faults.append)
        ended = self.successResultOf(asked)
        if isinstance(ended, Answer):
            self.assertEqual(bytes(ended.result["name"]), f'"{name}"'.encode())
        elif not faults[0].check(CancelledError):
            fault = faults[0].value
            assert isinstance(fault, Fault)
            self.assertIn(fault.kind, (Kind.PLUGIN_GONE, Kind.PLUGIN_UNAVAILABLE))
