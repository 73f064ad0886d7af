# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.plugins`.
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.daemon.plugins import ProgramMemory
from mcpd.events import NamesTaken, NameTaken, WorkerRetired, WorkerStarted
from mcpd.relay.spec import CatalogLimits
from mcpd.sandbox.plan import ProgramMissing
from mcpd.store.verdicts import Verdicts
from mcpd.testing.daemon import MemoryDaemon
from mcpd.testing.worker import FakeChannel, Stock, legacy, modern, resources, tools
from mcpd.trouble import Trouble
from mcpd.units import Seconds
from mcpd.wire.message import Request
from mcpd.wire.offer import Feature
from mcpd.workers.spec import Chosen, Plugin, Restart, Timeouts, Workers
from tests.daemon.stage import PLUGIN, SILENT, WAITING, DaemonCase, answer
from tests.store.stage import Stage

OTHER = Plugin("q", ("y",))
CHANGED = evolve(PLUGIN, command=("z",))
MISSING = ProgramMissing("there is no program z")


def asked(worker: FakeChannel) -> list[str]:
    """
    Tell what a worker was asked.
    """
    return [said.method for said in worker.said if isinstance(said, Request)]


class ProgramMemoryTests(SynchronousTestCase):
    """
    Tests for what is remembered of a program.
    """

    def test_artefact(self) -> None:
        """
        What is known of a program is nothing that is known of what it becomes.
        """
        database = Stage.new(self.mktemp()).prepared()
        now = [b"1"]
        memory = ProgramMemory(Verdicts.load(database), lambda: now[0])
        self.assertIs(memory.era(), None)
        memory.learn("legacy")
        now[0] = b"2"
        self.assertIs(memory.era(), None)
        memory.learn("modern")
        now[0] = b"1"
        self.assertEqual(memory.era(), "legacy")
        memory.forget()
        self.assertIs(memory.era(), None)
        now[0] = b"2"
        self.assertEqual(memory.era(), "modern")
        self.successResultOf(database.close())


class PluginTests(DaemonCase):
    """
    Tests for what becomes of plugins.
    """

    def test_order(self) -> None:
        """
        The tools are listed in the order of the configuration, whichever plugin is ready first.
        """
        plugins = Plugin("b", ("x",)), Plugin("a", ("x",), prefix=""), Plugin("c", ("x",), prefix="z")
        answers = {name: modern(tools("y", "x")) for name in "abc"}
        memory = MemoryDaemon(self.settings(*plugins), answers)
        memory.plugins["b"].launching = False
        self.running(memory)
        self.assertEqual(self.names(memory), ["y", "x", "z__y", "z__x"])
        memory.plugins["b"].workers[0].ears.launched()
        memory.reactor.advance(0)
        self.assertEqual(self.names(memory), ["b__y", "b__x", "y", "x", "z__y", "z__x"])
        self.assertEqual(memory.daemon.tools("a"), ["y", "x"])
        self.assertEqual(memory.daemon.tools("d"), [])

    def test_taken(self) -> None:
        """
        Where two plugins have a name, the one configured first has it, and the operator is told.
        """
        plugins = Plugin("a", ("x",), prefix="p"), Plugin("b", ("x",), prefix="p")
        memory = self.started(self.settings(*plugins), a=modern(tools("x")), b=modern(tools("x", "y")))
        self.assertEqual(self.names(memory), ["p__x", "p__y"])
        self.assertIn(NameTaken("b", "p__x"), memory.events)

    def test_many_names_taken(self) -> None:
        """
        A plugin that lists no end of another's names does not fill the log with them.
        """
        plugins = [Plugin(name, ("x",), prefix="") for name in ("a", "b")]
        offered = legacy(tools(*(f"t{number}" for number in range(150))))
        memory = self.started(self.settings(*plugins), a=offered, b=offered)
        memory.reactor.advance(1)
        told = [event for event in memory.events if isinstance(event, NameTaken | NamesTaken)]
        self.assertEqual((len(told), told[-1]), (101, NamesTaken(50)))

    def test_chosen(self) -> None:
        """
        A plugin that is not enabled is not run, and of the others only chosen tools are served.
        """
        plugins = Plugin("a", ("x",), tools=Chosen(("*",), ("y",))), Plugin("b", ("x",), enabled=False)
        memory = self.started(self.settings(*plugins), a=modern(tools("x", "y")), b=modern(tools("x")))
        self.assertEqual(self.names(memory), ["a__x"])
        self.assertEqual(memory.plugins["b"].workers, [])

    def test_starts(self) -> None:
        """
        No more workers are spawned at once than may be.
        """
        plugins = [Plugin(name, ("x",)) for name in "abc"]
        configured = self.settings(*plugins)
        configured = evolve(configured, daemon=evolve(configured.daemon, starts=2))
        memory = MemoryDaemon(configured, dict.fromkeys("abc", SILENT))
        for fake in memory.plugins.values():
            fake.launching = False
        self.running(memory)
        self.assertEqual([len(fake.workers) for fake in memory.plugins.values()], [1, 1, 0])
        memory.plugins["b"].workers[0].ears.launched()
        self.assertEqual([len(fake.workers) for fake in memory.plugins.values()], [1, 1, 1])

    def test_verdict(self) -> None:
        """
        Which era a plugin is of is asked once, and known after a restart; another program is asked again.
        """
        said = []
        for plugin in (PLUGIN, PLUGIN, CHANGED):
            memory = self.started(self.settings(plugin), p=legacy(tools("x")))
            said.append(asked(memory.plugins["p"].workers[0])[0])
            self.assertEqual(self.names(memory), ["p__x"])
            self.stopped(memory)
        self.assertEqual(said, ["server/discover", "initialize", "server/discover"])

    def test_verdict_reloaded(self) -> None:
        """
        So it is with a program that came by a reload.
        """
        memory = self.started(self.settings(PLUGIN), p=legacy(tools("x")))
        self.reload(memory, CHANGED)
        self.stopped(memory)
        memory = self.started(self.settings(CHANGED), p=legacy(tools("x")))
        self.assertEqual(asked(memory.plugins["p"].workers[0])[0], "initialize")

    def test_updated(self) -> None:
        """
        A plugin's word that a resource has changed reaches the clients that want to hear of it.
        """
        stock = Stock(resources=resources("x://a"), features=frozenset((Feature.SUBSCRIBE,)))
        memory = self.started(self.settings(PLUGIN), p=legacy(stock))
        stream = memory.modern().listen({"resourceSubscriptions": ["x://a"]})
        memory.reactor.advance(0)
        memory.plugins["p"].workers[0].tell("notifications/resources/updated", uri="x://a")
        memory.reactor.advance(1)
        self.assertEqual(stream.notices[-1]["method"], "notifications/resources/updated")

    def test_orphans(self) -> None:
        """
        What workers leave behind is looked after before the first one starts, and until the last one is gone.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")))
        quiet, (worker,) = memory.world.quiet, memory.plugins["p"].workers
        self.assertEqual(quiet.said, ["begin"])
        worker.stubborn = frozenset(("close_input",))
        memory.stop()
        memory.reactor.pump([0, 2.9])
        self.assertEqual((worker.gone, quiet.said), (False, ["begin"]))
        memory.reactor.advance(0.1)
        self.assertEqual((worker.gone, quiet.said), (True, ["begin", "stop"]))


class ChangeTests(DaemonCase):
    """
    Tests for another configuration.
    """

    def both(self) -> MemoryDaemon:
        """
        Start two plugins, each with a call that runs.
        """
        patient = Timeouts(call=Seconds(600), idle=Seconds(3600))
        self.first, self.second = evolve(PLUGIN, timeouts=patient), evolve(OTHER, timeouts=patient)
        memory = self.started(self.settings(self.first, self.second), p=WAITING, q=WAITING, r=WAITING)
        self.calls = [self.call(memory, f"{name}__wait") for name in "pq"]
        return memory

    def workers(self, memory: MemoryDaemon, name: str = "p") -> Sequence[FakeChannel]:
        """
        Tell the workers of a plugin that there ever were.
        """
        return memory.plugins[name].workers

    def test_add(self) -> None:
        """
        A plugin that is new is served as soon as it is ready, and the others notice nothing.
        """
        memory = self.both()
        before = self.pids(memory), self.pids(memory, "q")
        added = Plugin("r", ("x",))
        self.reload(memory, self.first, self.second, added)
        self.assertEqual(self.names(memory), ["p__wait", "q__wait", "r__wait"])
        self.assertEqual((self.pids(memory), self.pids(memory, "q")), before)
        self.assertEqual([call.is_over for call in self.calls], [False, False])
        started = [event.plugin for event in memory.events if isinstance(event, WorkerStarted)]
        self.assertEqual(started, ["p", "q", "r"])

    def test_remove(self) -> None:
        """
        A plugin that is gone is not listed any more; what runs there is answered, and then it ends.
        """
        memory = self.both()
        (worker,) = self.workers(memory)
        self.reload(memory, self.second)
        self.assertEqual(self.names(memory), ["q__wait"])
        self.assertEqual([plugin.name for plugin in memory.daemon.status().plugins], ["q"])
        self.assertEqual(self.call(memory, "p__wait").error["code"], -32602)
        self.assertEqual(worker.orders, [])
        answer(worker)
        memory.reactor.advance(0)
        self.assertEqual((self.calls[0].result["content"], worker.gone), ([], True))
        self.assertFalse(self.calls[1].is_over)

    def test_disable(self) -> None:
        """
        A plugin that is not enabled any more is gone, and there again once it is.
        """
        memory = self.both()
        self.reload(memory, evolve(self.first, enabled=False), self.second)
        self.assertEqual(self.names(memory), ["q__wait"])
        self.reload(memory, self.first, self.second)
        # Its former worker has a call still.
        self.assertEqual([worker.gone for worker in self.workers(memory)], [False, False])
        self.assertEqual(self.pids(memory), [self.workers(memory)[1].pid])
        self.call(memory, "p__wait")
        answer(self.workers(memory)[0])
        memory.reactor.advance(0)
        self.assertEqual([worker.gone for worker in self.workers(memory)], [True, False])
        self.assertEqual(self.names(memory), ["p__wait", "q__wait"])

    def test_change(self) -> None:
        """
        A plugin with another command has its successor ready first; what runs stays with the former one.
        """
        memory = self.both()
        memory.plugins["p"].launching = False
        self.reload(memory, evolve(self.first, command=("z",)), self.second)
        old, new = self.workers(memory)
        self.call(memory, "p__wait")
        self.assertEqual((asked(old).count("tools/call"), asked(new)), (2, []))
        new.ears.launched()
        memory.reactor.advance(0)
        self.call(memory, "p__wait")
        self.assertEqual((asked(old).count("tools/call"), asked(new).count("tools/call")), (2, 1))
        self.assertEqual(old.orders, [])
        self.assertEqual((len(self.workers(memory, "q")), self.calls[1].is_over), (1, False))

    def test_changed_drains(self) -> None:
        """
        The former worker of a plugin that was changed ends with its last call.
        """
        memory = self.both()
        self.reload(memory, evolve(self.first, env={"A": "1"}), self.second)
        old, new = self.workers(memory)
        self.assertEqual((old.gone, new.gone), (False, False))
        answer(old)
        memory.reactor.advance(0)
        self.assertEqual((self.calls[0].status, old.gone, new.gone), (200, True, False))
        retired = [event for event in memory.events if isinstance(event, WorkerRetired)]
        self.assertEqual([event.plugin for event in retired], ["p"])

    def test_broken(self) -> None:
        """
        Where a new command leads nowhere the former worker goes on, and the operator reads why.
        """
        memory = self.both()
        memory.plugins["p"].refusal = MISSING
        self.reload(memory, evolve(self.first, command=("z",)), self.second)
        reason = self.state(memory).reason
        assert reason is not None
        self.assertEqual((reason.trouble, reason.text), (Trouble.PROGRAM, str(MISSING)))
        self.assertEqual((self.state(memory).phase, self.pids(memory)), ("ready", [1000]))
        self.call(memory, "p__wait")
        self.assertEqual(asked(self.workers(memory)[0]).count("tools/call"), 2)

    def test_cured(self) -> None:
        """
        Once a broken command is cured, by itself or by another reload, the successor comes.
        """
        for command in ("z", "x"):
            memory = self.both()
            memory.plugins["p"].refusal = MISSING
            self.reload(memory, evolve(self.first, command=("z",)), self.second)
            memory.plugins["p"].refusal = None
            self.reload(memory, evolve(self.first, command=(command,)), self.second)
            memory.reactor.advance(30)
            self.call(memory, "p__wait")
            old, new = self.workers(memory)
            self.assertEqual((asked(old).count("tools/call"), asked(new).count("tools/call")), (1, 1))
            self.stopped(memory)

    def test_soft(self) -> None:
        """
        What no process is born with acts at once, with the workers that there are.
        """
        memory = self.both()
        soft = evolve(
            self.first,
            prefix="z",
            concurrency=1,
            workers=Workers(max=1),
            restart=Restart(max_calls=7),  # type: ignore[arg-type]  # a plain number
        )
        self.reload(memory, soft, self.second)
        self.assertEqual((self.names(memory), self.pids(memory)), (["z__wait", "q__wait"], [1000]))
        self.call(memory, "z__wait")
        memory.reactor.advance(1)
        self.assertEqual((self.state(memory).waiting, len(self.workers(memory))), (1, 1))

    def test_order(self) -> None:
        """
        Another order is the order in which is listed, and starts nothing.
        """
        memory = self.both()
        self.reload(memory, self.second, self.first)
        self.assertEqual(self.names(memory), ["q__wait", "p__wait"])
        self.assertEqual([plugin.name for plugin in memory.daemon.status().plugins], ["q", "p"])
        self.assertEqual([len(self.workers(memory, name)) for name in "pq"], [1, 1])

    def test_queue(self) -> None:
        """
        Another bound on waiting calls holds at once.
        """
        memory = self.both()
        soft = evolve(self.first, concurrency=1, workers=Workers(max=1, total=1))
        limits = evolve(memory.settings.limits, queue=1)
        self.reload(memory, soft, self.second, limits=limits)
        waiting, refused = (self.call(memory, "p__wait") for _ in range(2))
        self.assertEqual((waiting.is_over, refused.error["code"]), (False, -31103))
        self.assertEqual(self.state(memory).waiting, 1)

    def test_catalog(self) -> None:
        """
        Another bound of the catalog is one of each path's.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x", "y")))
        self.reload(memory, PLUGIN, catalog=CatalogLimits(page=1))
        for path in (b"/mcp", b"/mcp/p"):
            listed = memory.modern(path=path).ask("tools/list").result
            self.assertEqual((len(listed["tools"]), "nextCursor" in listed), (1, True))

    def test_twice(self) -> None:
        """
        Of two changes in a row the second one counts: what the first one had started goes again.
        """
        memory = self.both()
        memory.plugins["p"].launching = False
        self.reload(memory, evolve(self.first, command=("y",)), self.second)
        self.reload(memory, evolve(self.first, command=("z",)), self.second)
        memory.reactor.advance(0)
        old, first, second = self.workers(memory)
        self.assertEqual((old.orders, first.gone, second.gone), ([], True, False))
        second.ears.launched()
        memory.reactor.advance(0)
        self.call(memory, "p__wait")
        self.assertEqual((asked(first), asked(second).count("tools/call")), ([], 1))
        answer(old)
        memory.reactor.advance(0)
        self.assertEqual((self.calls[0].status, old.gone), (200, True))

    def test_gone_and_back(self) -> None:
        """
        A plugin that is removed while its successor starts leaves no worker behind.
        """
        memory = self.both()
        memory.plugins["p"].launching = False
        self.reload(memory, evolve(self.first, command=("z",)), self.second)
        self.reload(memory, self.second)
        answer(self.workers(memory)[0])
        memory.reactor.advance(10)
        self.assertEqual([worker.gone for worker in self.workers(memory)], [True, True])

    def test_stop(self) -> None:
        """
        A daemon that stops waits for the plugins that are going, too.
        """
        memory = self.both()
        (worker,) = self.workers(memory)
        worker.stubborn = frozenset(("close_input", "terminate"))
        self.reload(memory, self.second)
        stopped = memory.stop()
        memory.reactor.pump([0, 30])
        self.assertEqual([call.error["code"] for call in self.calls], [-31103, -31103])
        memory.reactor.pump([3, 2.9])
        self.assertNoResult(stopped)
        memory.reactor.advance(0.1)
        self.successResultOf(stopped)
        self.assertEqual(worker.orders, ["close_input", "terminate", "destroy"])
        self.assertEqual(memory.reactor.getDelayedCalls(), [])
