# -*- test-case-name: tests.test_daemon -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon`.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.settings import Settings
from mcpd.daemon import Daemon, World
from mcpd.events import (
    DaemonStopped,
    DaemonStopping,
    DoorOpened,
    Event,
    NamesTaken,
    NameTaken,
    Publisher,
    WorkerReady,
    WorkerStarted,
    WorkerStopped,
)
from mcpd.relay.spec import SessionLimits
from mcpd.store.folder import FolderTaken, StateFolder
from mcpd.testing.daemon import MemoryDaemon, settings
from mcpd.testing.process import ProcessReactor
from mcpd.testing.worker import Answers, legacy, modern, tools
from mcpd.units import Seconds
from mcpd.web.spec import Listen
from mcpd.wire.message import Notice
from mcpd.workers.spec import Chosen, Plugin, Timeouts

SILENT: Answers = legacy(tools("wait"), lambda request: None)
PLUGIN = Plugin("p", ("x",))


def descriptors() -> int:
    """
    Count the descriptors that are open.
    """
    return len(os.listdir("/proc/self/fd"))


class DaemonCase(SynchronousTestCase):
    """
    What the tests of a daemon have in common.
    """

    def setUp(self) -> None:
        """
        Have a place for a state folder.
        """
        self.folder = Path(self.mktemp())

    def settings(self, *plugins: Plugin, **listen: Any) -> Settings:
        """
        Make settings.
        """
        return settings(self.folder, *plugins, **listen)

    def started(self, configured: Settings, **answers: Answers) -> MemoryDaemon:
        """
        Start a daemon, which is stopped after the test if it still runs.
        """
        memory = MemoryDaemon(configured, answers)
        memory.start()
        self.addCleanup(self.stopped, memory)
        return memory

    def stopped(self, memory: MemoryDaemon, seconds: float = 60) -> None:
        """
        Stop a daemon, if it runs.
        """
        if memory.daemon.running:
            stopped = memory.stop()
            memory.reactor.advance(seconds)
            self.successResultOf(stopped)


class StartTests(DaemonCase):
    """
    Tests for how a daemon starts.
    """

    def refused(self, configured: Settings, memory: MemoryDaemon | None = None) -> str:
        """
        Start a daemon that can't; what it says as it ends.
        """
        memory = memory or MemoryDaemon(configured)
        error = self.assertRaises(SystemExit, memory.daemon.privilegedStartService)
        # A text is printed by Python, which then exits with 1.
        assert isinstance(error.code, str)
        self.assertTrue(error.code.startswith("mcpd: "))
        self.assertEqual(error.code.count("\n"), 0)
        self.addCleanup(self.release, memory)
        return error.code

    def release(self, memory: MemoryDaemon) -> None:
        """
        Do what the end of a process does.
        """
        folder = memory.daemon._folder
        if folder is not None:
            folder.release()

    def test_order(self) -> None:
        """
        The doors open before any plugin is started, and who waits for them is told once.
        """
        memory = MemoryDaemon(self.settings(PLUGIN), {"p": SILENT})
        opened: list[Daemon] = []
        memory.daemon.when_open(opened.append)
        memory.daemon.privilegedStartService()
        self.assertEqual((opened, memory.daemon.addresses), ([memory.daemon], ["http://127.0.0.1:8420"]))
        self.assertEqual(memory.plugins["p"].workers, [])
        memory.daemon.startService()
        memory.reactor.advance(0)
        self.assertEqual([type(event) for event in memory.events], [DoorOpened, WorkerStarted, WorkerReady])
        self.stopped(memory)

    def test_address_taken(self) -> None:
        """
        An address that is in use ends the start with a sentence that names it.
        """
        listen = self.settings().listen[0]
        said = self.refused(evolve(self.settings(), listen=(listen, listen)))
        self.assertIn("127.0.0.1:8420", said)

    def test_folder_taken(self) -> None:
        """
        A state folder that another daemon has ends the start with a sentence that names it.
        """
        memory = self.started(self.settings())
        self.assertIn(str(self.folder), self.refused(self.settings(endpoint="tcp:1:interface=127.0.0.1")))
        self.stopped(memory)
        self.started(self.settings())

    def test_folder_bad(self) -> None:
        """
        A state folder that can't be made ends the start with a sentence that names it.
        """
        self.folder.write_text("")
        self.assertIn(str(self.folder), self.refused(self.settings()))

    def test_key_bad(self) -> None:
        """
        A key that others may read ends the start with a sentence that says what to do.
        """
        configured = self.settings(auth="required")
        self.folder.mkdir()
        key = self.folder / "key"
        key.touch(0o644)
        key.chmod(0o644)
        memory = MemoryDaemon(configured)
        said = self.refused(configured, memory)
        self.assertIn("chmod 600", said)
        self.assertEqual(memory.reactor.ports, {})

    def test_key_once(self) -> None:
        """
        The first start makes a key that is the owner's alone, and later starts use it.
        """
        keys = []
        for _ in range(2):
            memory = self.started(self.settings(auth="required"))
            file = memory.daemon.key_file
            assert file is not None
            self.assertEqual(stat.S_IMODE(file.stat().st_mode), 0o600)
            keys.append(file.read_text())
            self.assertEqual(memory.modern().ask("tools/list").status, 200)
            self.assertEqual(memory.modern(fields=()).ask("tools/list").status, 401)
            self.stopped(memory)
        self.assertEqual(keys[0], keys[1])

    def test_no_key(self) -> None:
        """
        Where nobody needs a key none is made, and lists may be kept for everybody.
        """
        memory = self.started(self.settings())
        self.assertIs(memory.daemon.key_file, None)
        self.assertFalse((self.folder / "key").exists())
        self.assertEqual(memory.modern().ask("tools/list").result["cacheScope"], "public")

    def test_credentials_stay(self) -> None:
        """
        A plugin is told a client's call, and nothing of the client's credentials.
        """
        for name, answers in (("p", legacy(tools("echo"))), ("q", modern(tools("echo")))):
            memory = self.started(self.settings(Plugin(name, ("x",)), auth="required"), **{name: answers})
            memory.reactor.advance(1)
            file = memory.daemon.key_file
            assert file is not None
            key, params = file.read_text().strip(), {"name": f"{name}__echo", "arguments": {}}
            old = memory.legacy()
            old.shake()
            for number, ask in enumerate((memory.modern().ask, old.ask), 5):
                asked = ask("tools/call", params, number)
                memory.reactor.advance(1)
                self.assertEqual(asked.status, 200)
            said = [message for worker in memory.plugins[name].workers for message in worker.said]
            calls = [message for message in said if getattr(message, "method", "") == "tools/call"]
            self.assertEqual(len(calls), 2)
            told = repr([{k: bytes(v) for k, v in getattr(m, "params", {}).items()} for m in said]).lower()
            for secret in (key.lower(), "bearer", "authorization"):
                self.assertNotIn(secret, told)
            self.stopped(memory)

    def test_private(self) -> None:
        """
        Where one listener needs a key, lists are private at all of them.
        """
        first = self.settings().listen[0]
        second = Listen("tcp:8421:interface=127.0.0.1")
        memory = self.started(evolve(self.settings(), listen=(first, second)))
        self.assertEqual(memory.modern().ask("tools/list").result["cacheScope"], "private")
        self.assertEqual(memory.modern(fields=()).ask("tools/list").status, 200)

    def test_addresses(self) -> None:
        """
        Clients are told where each listener is, in the form of an address that one can paste.
        """
        listen = (
            Listen("tcp6:8420:interface=\\:\\:1", auth="none"),
            Listen("tcp:8421:interface=127.0.0.1:backlog=7", auth="none"),
        )
        memory = self.started(evolve(self.settings(), listen=listen))
        self.assertEqual(memory.daemon.addresses, ["http://[::1]:8420", "http://127.0.0.1:8421"])
        backlogs = {host: port.backlog for host, port in memory.reactor.ports.items()}
        self.assertEqual(backlogs, {("::1", 8420): 1024, ("127.0.0.1", 8421): 7})
        self.assertEqual(memory.modern(host=b"[::1]:8420").ask("tools/list").status, 200)

    def test_shield(self) -> None:
        """
        A listener answers for the names that it is configured with, and for no others.
        """
        memory = self.started(self.settings(hosts=("tools.example.org",)))
        for host, status in ((b"tools.example.org", 200), (b"localhost:8420", 200), (b"evil.example", 421)):
            self.assertEqual(memory.modern(host=host).ask("tools/list").status, status)

    def test_serve(self) -> None:
        """
        A listener serves what it is configured to serve.
        """
        for serve, statuses in ((("mcp",), (200, 404)), (("health",), (404, 200))):
            memory = self.started(self.settings(serve=serve))
            health = memory.modern(path=b"/healthz").send(b"GET")
            self.assertEqual((memory.modern().ask("tools/list").status, health.status), statuses)
            self.stopped(memory)


class ReadyTests(DaemonCase):
    """
    Tests for when clients may come.
    """

    def ready(self, memory: MemoryDaemon) -> tuple[int, bytes]:
        """
        Ask whether it is ready.
        """
        asked = memory.modern(path=b"/readyz").send(b"GET")
        self.assertEqual(asked.body == b'{"ready":true}', memory.daemon.is_ready)
        return asked.status, asked.body

    def test_no_plugins(self) -> None:
        """
        A daemon without plugins is ready once it runs, and not when it stops.
        """
        memory = MemoryDaemon(self.settings())
        self.assertFalse(memory.daemon.is_ready)
        memory.start()
        self.assertEqual(self.ready(memory), (200, b'{"ready":true}'))
        self.assertEqual(memory.modern(path=b"/healthz").send(b"GET").body, b'{"alive":true}')
        memory.stop()
        self.assertFalse(memory.daemon.is_ready)
        memory.reactor.advance(1)

    def test_tried(self) -> None:
        """
        A daemon is ready as soon as each plugin was tried, be it in vain.
        """
        plugins = Plugin("good", ("x",)), Plugin("bad", ("x",))
        memory = MemoryDaemon(self.settings(*plugins), {"good": SILENT, "bad": SILENT})
        memory.plugins["bad"].launching = False
        memory.start()
        self.assertEqual(self.ready(memory), (503, b'{"ready":false}'))
        memory.plugins["bad"].workers[0].exit("exit status 1")
        self.assertEqual(self.ready(memory)[0], 200)
        self.stopped(memory)

    def test_late(self) -> None:
        """
        No plugin keeps a daemon from being ready for more than ten seconds.
        """
        slow = evolve(PLUGIN, timeouts=Timeouts(start=Seconds(60)))
        memory = MemoryDaemon(self.settings(slow), {"p": SILENT})
        memory.plugins["p"].launching = False
        memory.start()
        memory.reactor.advance(9.9)
        self.assertEqual(self.ready(memory)[0], 503)
        memory.reactor.advance(0.1)
        self.assertEqual(self.ready(memory)[0], 200)
        self.stopped(memory)


class PluginTests(DaemonCase):
    """
    Tests for what becomes of plugins.
    """

    def names(self, memory: MemoryDaemon) -> list[str]:
        """
        List the tools.
        """
        return [tool["name"] for tool in memory.modern().ask("tools/list").result["tools"]]

    def test_order(self) -> None:
        """
        The tools are listed in the order of the configuration, whichever plugin is ready first.
        """
        plugins = Plugin("b", ("x",)), Plugin("a", ("x",), prefix=""), Plugin("c", ("x",), prefix="z")
        answers = {name: modern(tools("y", "x")) for name in "abc"}
        memory = MemoryDaemon(self.settings(*plugins), answers)
        memory.plugins["b"].launching = False
        memory.start()
        self.assertEqual(self.names(memory), ["y", "x", "z__y", "z__x"])
        memory.plugins["b"].workers[0].ears.launched()
        memory.reactor.advance(0)
        self.assertEqual(self.names(memory), ["b__y", "b__x", "y", "x", "z__y", "z__x"])
        self.stopped(memory)

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
        memory.start()
        self.assertEqual([len(fake.workers) for fake in memory.plugins.values()], [1, 1, 0])
        memory.plugins["b"].workers[0].ears.launched()
        self.assertEqual([len(fake.workers) for fake in memory.plugins.values()], [1, 1, 1])
        self.stopped(memory)

    def test_spawner(self) -> None:
        """
        A worker is started with its program's path and only the variables of ours that it may inherit.
        """
        plugin = Plugin("p", (sys.executable, "x.py"), env={"A": "1"}, inherit=("B", "MISSING"))
        before, reactor = descriptors(), ProcessReactor()
        world = World(reactor, bytes, lambda: 0.5, {"B": "2", "SECRET": "3"}, "somebody", "/python")
        daemon = Daemon(self.settings(plugin), world, Publisher())
        daemon.privilegedStartService()
        daemon.startService()
        (process,) = reactor.processes
        self.assertEqual(process.arguments[0], "/python")
        self.assertEqual(tuple(process.arguments[-2:]), plugin.command)
        self.assertIn(str(os.getpid()), process.arguments)
        environment = dict(process.environment)
        home = self.folder / "plugins" / "p"
        self.assertEqual((environment["HOME"], environment["USER"]), (str(home), "somebody"))
        self.assertEqual((environment["A"], environment["B"]), ("1", "2"))
        self.assertFalse({"SECRET", "MISSING"} & environment.keys())
        stopped = daemon.stopService()
        process.exit()
        reactor.settle()
        self.successResultOf(stopped)
        self.assertEqual((descriptors(), reactor.getDelayedCalls()), (before, []))


class StopTests(DaemonCase):
    """
    Tests for how a daemon stops.
    """

    def test_order(self) -> None:
        """
        The doors close first, the workers end after that, and then the state folder is free.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        (worker,) = memory.plugins["p"].workers
        memory.plugins["p"].workers[0].stubborn = frozenset(("close_input",))
        stopped = memory.stop()
        self.assertEqual(worker.orders, [])
        memory.reactor.advance(0)
        self.assertEqual((memory.reactor.ports, worker.orders), ({}, ["close_input"]))
        self.assertNoResult(stopped)
        self.assertRaises(FolderTaken, StateFolder.claim, self.folder)
        memory.reactor.advance(3)
        self.assertEqual((worker.orders, worker.gone), (["close_input", "terminate"], True))
        self.successResultOf(stopped)
        self.assertEqual([type(event) for event in memory.events[-2:]], [WorkerStopped, DaemonStopped])
        StateFolder.claim(self.folder).release()

    def test_nothing_left(self) -> None:
        """
        A daemon that has stopped leaves no descriptor, no connection and nothing that is still to happen.
        """
        before = descriptors()
        memory = self.started(self.settings(PLUGIN, auth="required"), p=modern(tools("x")))
        client = memory.modern()
        asked = [client.ask("tools/list"), client.ask("tools/call", {"name": "p__x"})]
        memory.reactor.advance(0)
        self.assertEqual([one.is_connected for one in asked], [True, True])
        self.stopped(memory)
        memory.reactor.advance(1)
        self.assertEqual([one.is_connected for one in asked], [False, False])
        self.assertEqual((descriptors(), memory.reactor.getDelayedCalls()), (before, []))

    def test_drain(self) -> None:
        """
        A call that runs is answered before the worker is stopped, and nothing new is let in meanwhile.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        client = memory.modern()
        asked = client.ask("tools/call", {"name": "p__wait"})
        stopped = memory.stop()
        memory.reactor.advance(1)
        self.assertEqual(memory.events[-1], DaemonStopping(1, 30))
        self.assertFalse(client.ask("tools/list").status)
        (worker,) = memory.plugins["p"].workers
        self.assertEqual(worker.orders, [])
        worker.write(b'{"jsonrpc":"2.0","id":%b,"result":{"content":[]}}' % self.number(memory))
        self.assertEqual(asked.result["content"], [])
        self.assertEqual(asked.fields["connection"], "close")
        memory.reactor.advance(1)
        self.successResultOf(stopped)
        self.assertEqual(memory.reactor.getDelayedCalls(), [])

    def number(self, memory: MemoryDaemon) -> bytes:
        """
        Tell the id of the last request that the worker was given.
        """
        (worker,) = memory.plugins["p"].workers
        last: Any = worker.said[-1]
        assert last.method == "tools/call"
        return bytes(last.id)

    def test_drain_bounded(self) -> None:
        """
        A call that does not end in time is cancelled at its plugin, and its client told why.
        """
        configured = self.settings(PLUGIN)
        configured = evolve(configured, daemon=evolve(configured.daemon, drain=Seconds(5)))
        memory = self.started(configured, p=SILENT)
        asked = memory.modern().ask("tools/call", {"name": "p__wait"})
        stopped = memory.stop()
        memory.reactor.advance(0)
        memory.reactor.advance(4.9)
        self.assertFalse(asked.is_over)
        memory.reactor.advance(0.1)
        self.assertEqual(asked.error["code"], -31103)
        self.successResultOf(stopped)
        last: Any = memory.plugins["p"].workers[0].said[-1]
        assert isinstance(last, Notice)
        self.assertEqual(last.method, "notifications/cancelled")

    def test_hung_up(self) -> None:
        """
        A daemon that waits for a call whose client goes waits no longer.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        asked = memory.modern().ask("tools/call", {"name": "p__wait"})
        stopped = memory.stop()
        memory.reactor.advance(1)
        asked.hang_up()
        memory.reactor.advance(0)
        self.successResultOf(stopped)

    def test_at_once(self) -> None:
        """
        A port that has closed at once is as good as one that takes its time.
        """
        reactor = ProcessReactor()
        world = World(reactor, bytes, lambda: 0.5, {}, "somebody", "/python")
        events: list[Event] = []
        publisher = Publisher()
        publisher.observe(events.append)
        daemon = Daemon(self.settings(), world, publisher)
        daemon.privilegedStartService()
        daemon.startService()
        self.successResultOf(daemon.stopService())
        self.assertEqual(events[-1], DaemonStopped())

    def test_never_started(self) -> None:
        """
        A daemon that never started is stopped at once.
        """
        memory = MemoryDaemon(self.settings())
        self.successResultOf(memory.stop())


class SessionTests(DaemonCase):
    """
    Tests for sessions in the long run.
    """

    def test_swept(self) -> None:
        """
        A session that has lived too long is ended though nobody asks for it, and what runs in it is told.
        """
        patient = evolve(PLUGIN, timeouts=Timeouts(call=Seconds(600)))
        configured = evolve(self.settings(patient), sessions=SessionLimits(life=Seconds(100)))
        memory = self.started(configured, p=SILENT)
        client = memory.legacy()
        client.shake()
        asked = client.ask("tools/call", {"name": "p__wait", "_meta": {"progressToken": 1}})
        for _ in range(2):
            memory.reactor.advance(61)
        self.assertEqual((asked.is_over, asked.error["message"]), (True, "the session has ended"))
        self.assertEqual(client.ask("ping").status, 404)
