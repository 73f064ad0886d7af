# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.staff`.
"""

from __future__ import annotations

from mcpd.events import (
    DefinitionLeftOut,
    PluginFailed,
    WorkerEnded,
    WorkerNotStarted,
    WorkerReady,
    WorkerStarted,
    WorkerStopped,
)
from mcpd.sandbox.plan import ProgramMissing
from mcpd.testing.worker import FakePlugin, legacy, modern, tools
from mcpd.trouble import Trouble
from mcpd.units import Seconds, Tries
from mcpd.workers.pauses import MOST
from mcpd.workers.pipe import Exit
from mcpd.workers.spec import Restart, Timeouts, Workers
from tests.workers.crews import CrewCase, mute, silent


class StartTests(CrewCase):
    """
    Tests for a plugin's first worker.
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
        expected = [
            WorkerStarted("files", 1000),
            WorkerReady("files", 1000, 0.0, "2025-11-25", 2, 0, 0),
            DefinitionLeftOut("files", 'tool bad: its inputSchema is not of "type": "object"'),
        ]
        self.assertEqual(self.events, expected)
        self.assertEqual(len(plugin.workers), 1)

    def test_missing(self) -> None:
        """
        A plugin whose program is missing has been tried: the operator reads where it was looked for.
        """
        errors = {Trouble.PROGRAM: ProgramMissing("no program x"), Trouble.LAUNCH: OSError("fork failed")}
        self.memory.known = "legacy"
        for trouble, error in errors.items():
            self.events.clear()
            crew, plugin = self.crew(legacy())
            plugin.refusal = error
            crew.start()
            self.assertEqual(self.events, [WorkerNotStarted("files", f"{trouble.code}: {error}", 1.0)])
            self.assertTrue(crew.tried)
            self.assertIsNone(crew.offer)
            plugin.refusal = None
            self.wait(1)
            self.assertEqual(crew.state().phase, "ready")
            crew.stop()
            self.turn()
        self.assertEqual(self.memory.told, ["legacy", "legacy"])

    def test_bounded_starts(self) -> None:
        """
        Only so many launchers run at once; the next starts when one has become its plugin, or is gone.
        """
        one, two, three = (self.crew(silent) for _ in range(3))
        for _, plugin in (one, two):
            plugin.launching = False
        for crew, _ in (one, two, three):
            crew.start()
        self.turn()
        started = [len(plugin.workers) for _, plugin in (one, two, three)]
        self.assertEqual(started, [1, 0, 0])
        self.assertEqual([each.pid for each in two[0].state().workers], [0])
        one[1].workers[0].ears.launched()
        started = [len(plugin.workers) for _, plugin in (one, two, three)]
        self.assertEqual(started, [1, 1, 0])
        two[1].workers[0].exit("killed by signal 9")
        started = [len(plugin.workers) for _, plugin in (one, two, three)]
        self.assertEqual(started, [1, 1, 1])

    def test_first_start(self) -> None:
        """
        What was never ready here may take its time, for it may be fetched; what was has less.
        """
        for known, seconds in ((None, 40), ("modern", 10)):
            self.events.clear()
            self.memory.known = known  # type: ignore[assignment]
            crew, _ = self.crew(silent)
            crew.start()
            self.wait(seconds - 0.2)
            self.assertFalse(crew.tried)
            self.wait(0.3)
            self.assertTrue(crew.tried)
            why = f"MCPD-E-START: it was not ready within {seconds} s (killed by signal 9)"
            self.assertEqual(self.told(WorkerEnded)[0].why, why)
            crew.stop()

    def test_min(self) -> None:
        """
        As many workers as are to be kept are started, once the first has shown what the plugin is.
        """
        crew, plugin = self.crew(silent, workers=Workers(min=3))
        crew.start()
        self.turn()
        self.assertEqual(len(plugin.workers), 1)
        plugin.answers = legacy()
        self.crash(plugin)
        plugin.workers[0].exit()
        self.wait(1)
        self.assertEqual(self.keys(crew), ["", "", ""])


class VerdictTests(CrewCase):
    """
    Tests for what is known of a plugin's era.
    """

    def test_learned(self) -> None:
        """
        What a worker turned out to be is remembered, and its next one is not asked.
        """
        for era, answers, first in (
            ("legacy", legacy(), "initialize"),
            ("modern", modern(), "server/discover"),
        ):
            self.memory.told.clear()
            crew, plugin = self.ready(answers)
            self.assertEqual(self.memory.told, [era])
            crew.restart()
            self.turn()
            self.assertEqual(self.methods(plugin.workers[1])[0], first)
            self.assertNotIn(
                "initialize" if era == "modern" else "server/discover", self.methods(plugin.workers[1])
            )
            self.memory.known = None

    def test_exit(self) -> None:
        """
        An exit over the question is an answer: the next worker is initialized at once, nothing has failed.
        """
        crew, plugin = self.crew(silent)
        crew.start()
        self.turn()
        plugin.answers = legacy(tools("add"))
        asked = self.ask(crew)
        plugin.workers[0].exit("exit status 1")
        self.turn()
        self.assertEqual(self.methods(plugin.workers[1])[0], "initialize")
        self.assertEqual((self.told(WorkerEnded), crew.state().restarts), ([], 0))
        self.successResultOf(asked)

    def test_killed(self) -> None:
        """
        To be killed over the question is no answer: the next worker is asked, too.
        """
        crew, plugin = self.crew(silent)
        crew.start()
        self.turn()
        self.crash(plugin)
        self.wait(1)
        self.assertEqual(len(self.told(WorkerEnded)), 1)
        self.assertEqual(self.methods(plugin.workers[1]), ["server/discover"])

    def test_forgotten(self) -> None:
        """
        A verdict that led nowhere is forgotten: a plugin that is of the other era now is found out.
        """
        self.memory.known = "legacy"
        crew, plugin = self.crew(modern(tools("add")))
        crew.start()
        self.turn()
        self.assertEqual(self.memory.told, ["forgotten"])
        why = "MCPD-E-HANDSHAKE: it refused initialize with error -32022 (killed by signal 9)"
        self.assertEqual(self.told(WorkerEnded)[0].why, why)
        self.wait(1)
        self.assertEqual(self.told(WorkerReady)[0].revision, "2026-07-28")
        self.assertEqual((len(plugin.workers), self.memory.known), (2, "modern"))

    def test_broken(self) -> None:
        """
        A plugin that always ends is not started without end: every second start has its pause.
        """
        crew, plugin = self.crew(silent)
        crew.start()
        for expected in (2, 4, 6):
            for _ in range(2):
                self.turn()
                plugin.workers[-1].exit("exit status 1")
            self.turn()
            self.assertEqual(len(plugin.workers), expected)
            self.clock.advance(16)
        self.assertEqual([event.again for event in self.told(WorkerEnded)], [1.0, 2.0, 4.0])

    def test_used(self) -> None:
        """
        What a worker has used, processor time and memory, is told once it has ended, however that came.
        """
        crew, plugin = self.ready(mute())
        plugin.workers[0].ears.exited(Exit(None, 9, 1.5, 4096))
        (ended,) = self.told(WorkerEnded)
        self.assertEqual((ended.cpu, ended.memory), (1.5, 4096))
        self.wait(1)
        crew.stop()
        plugin.workers[1].ears.exited(Exit(0, None, 0.5, 2048))
        (stopped,) = self.told(WorkerStopped)
        self.assertEqual((stopped.cpu, stopped.memory), (0.5, 2048))

    def test_configured(self) -> None:
        """
        A plugin that is configured as modern and ends over its first question has failed.
        """
        crew, plugin = self.crew(silent, protocol="modern")
        self.memory.known = "legacy"
        crew.start()
        self.turn()
        plugin.workers[0].exit("exit status 1")
        why = "MCPD-E-EXIT: exit status 1"
        self.assertEqual(self.told(WorkerEnded), [WorkerEnded("files", 1000, why, 0, 1.0)])
        self.wait(1)
        self.assertEqual(self.methods(plugin.workers[1]), ["server/discover"])


class FailTests(CrewCase):
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

    def patient(self, count: int = 99) -> FakePlugin:
        """
        Have a modern plugin ready that is not given up so soon.
        """
        rules = Restart((Seconds(1), Seconds(16)), Tries(count, Seconds(300)))
        _, plugin = self.ready(modern(), restart=rules)
        return plugin

    def test_again(self) -> None:
        """
        A worker that ends is started again after a pause; the operator reads why, and what was lost.
        """
        crew, plugin = self.ready(mute(modern))
        asked = [self.ask(crew), self.ask(crew)]
        plugin.workers[0].exit("killed by signal 11")
        for each in asked:
            self.fault(each)
        why = "MCPD-E-EXIT: killed by signal 11"
        self.assertEqual(self.events[-1], WorkerEnded("files", 1000, why, 2, 1.0))
        self.wait(0.9)
        self.assertEqual(len(plugin.workers), 1)
        self.wait(0.1)
        self.assertEqual((len(plugin.workers), self.keys(crew)), (2, [""]))
        self.assertIsNotNone(crew.offer)

    def test_backoff(self) -> None:
        """
        The pauses double, up to the longest; to be ready for a moment does not end that.
        """
        self.assertEqual(self.pauses(self.patient(), 7), [1.0, 2.0, 4.0, 8.0, 16.0, 16.0, 16.0])

    def test_jitter(self) -> None:
        """
        A pause is shortened by up to a half, by chance: what failed together does not start together.
        """
        plugin = self.patient()
        self.chance = 0.0
        self.assertEqual(self.pauses(plugin, 2), [0.5, 1.0])
        self.chance = 0.5
        self.assertEqual(self.pauses(plugin, 2), [3.0, 6.0])

    def test_sustained(self) -> None:
        """
        Only a worker that lived longer than the longest pause has the next one start over.
        """
        crew, plugin = self.ready(mute(modern))
        for lived, pause in ((0.0, 1.0), (15.0, 2.0), (16.1, 1.0), (1.0, 2.0)):
            asked = self.ask(crew)
            self.wait(lived)
            self.crash(plugin)
            self.fault(asked)
            self.assertEqual(self.told(WorkerEnded)[-1].again, pause)
            self.wait(pause)

    def test_give_up(self) -> None:
        """
        A plugin that fails too often is given up, tried again later, given up by one more failure, or well.
        """
        crew, plugin = self.crew(silent, protocol="legacy")
        crew.start()
        self.turn()
        self.pauses(plugin, 4)
        self.crash(plugin)
        why = "MCPD-E-EXIT: killed by signal 11"
        self.assertEqual(self.told(PluginFailed), [PluginFailed("files", why, 300.0)])
        self.assertEqual(crew.state().phase, "failed")
        self.wait(299)
        self.assertEqual(len(plugin.workers), 5)
        self.wait(1)
        self.crash(plugin)
        self.assertEqual(self.told(WorkerEnded)[-1].again, 300.0)
        self.assertEqual(len(self.told(PluginFailed)), 1)
        plugin.answers = legacy()
        self.wait(300)
        self.assertEqual(crew.state().phase, "ready")
        self.crash(plugin)
        self.assertEqual(crew.state().phase, "pausing")

    def test_useful(self) -> None:
        """
        A plugin whose worker ends over each call is never given up: it may be the calls.
        """
        crew, plugin = self.ready(mute(modern), queue=9)
        for _ in range(9):
            asked = self.ask(crew)
            self.turn()
            self.crash(plugin)
            self.fault(asked)
            self.wait(16)
        self.assertEqual((self.told(PluginFailed), crew.state().phase), ([], "ready"))

    def test_one_principal(self) -> None:
        """
        A principal whose calls kill its workers has to wait longer and longer, and nobody else has to.
        """
        crew, plugin = self.ready(mute(), queue=9)
        bad = self.ask(crew, "key:bad")
        self.turn()
        for pause in (1, 2, 4):
            self.worker_of(crew, plugin, "key:bad").exit("killed by signal 11")
            self.fault(bad)
            bad = self.ask(crew, "key:bad")
            self.wait(pause - 0.1)
            self.assertNotIn("key:bad", self.keys(crew))
            self.ask(crew, f"key:{pause}")
            self.turn()
            self.assertIn(f"key:{pause}", self.keys(crew))
            self.wait(0.1)
            self.assertIn("key:bad", self.keys(crew))
        self.assertEqual(self.told(PluginFailed), [])

    def test_many_pause(self) -> None:
        """
        However many sessions end their workers, only so many of their pauses are remembered.
        """
        crew, plugin = self.ready(mute(), share="session", queue=9)
        for number in range(MOST + 2):
            asked = self.ask(crew, place=str(number))
            self.turn()
            self.crash(plugin, plugin.workers.index(self.worker_of(crew, plugin, str(number))))
            self.fault(asked)
        for place in ("0", "2"):
            self.ask(crew, place=place)
            self.turn()
        self.assertIn("0", self.keys(crew))
        self.assertNotIn("2", self.keys(crew))

    def test_long_ago(self) -> None:
        """
        What failed very long ago counts no more.
        """
        crew, plugin = self.ready(mute())
        for seconds, pause in ((300, 1.0), (340, 2.0), (1, 1.0)):
            asked = self.ask(crew)
            self.turn()
            self.worker_of(crew, plugin, "key:a").exit("killed by signal 11")
            self.fault(asked)
            self.assertEqual(self.told(WorkerEnded)[-1].again, pause)
            self.wait(seconds)


class IdleTests(CrewCase):
    """
    Tests for workers that nobody calls.
    """

    def test_idle(self) -> None:
        """
        Workers that nobody calls for long go, those first that were called longest ago; some are kept.
        """
        times = Timeouts(idle=Seconds(60))
        crew, _ = self.ready(legacy(tools("add")), timeouts=times, workers=Workers(min=2))
        for caller in ("key:a", "key:b", "key:c", "key:d"):
            self.ask(crew, caller)
            self.wait(1)
        self.wait(52)
        self.ask(crew, "key:a")
        self.wait(30)
        self.assertEqual(self.keys(crew), ["key:a", "key:d"])
        self.wait(120)
        self.assertEqual(self.keys(crew), ["key:a", "key:d"])
        self.assertEqual({why for _, why in self.retired()}, {"nobody needed it"})

    def test_min_again(self) -> None:
        """
        As many as are to be kept are there again soon after all of them ended.
        """
        _, plugin = self.ready(modern(), workers=Workers(min=3))
        for worker in tuple(plugin.workers):
            worker.exit("killed by signal 9")
        self.wait(4)
        self.assertEqual(len(self.alive(plugin)), 3)
        self.assertEqual(len(plugin.workers), 6)
