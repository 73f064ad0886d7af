# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.service`.
"""

from __future__ import annotations

import json
import os
import stat
from typing import Any

from attrs import evolve
from twisted.internet.protocol import ServerFactory

from mcpd import __version__
from mcpd.config.development import LeftOut
from mcpd.config.problem import ConfigurationError, Flaw, Place, Problem
from mcpd.config.settings import Settings
from mcpd.daemon.service import Daemon
from mcpd.events import (
    ChangeWaits,
    ConfigurationRefused,
    ConfigurationReloaded,
    DaemonStopped,
    DaemonStopping,
    DoorOpened,
    PluginLeftOut,
    WorkerReady,
    WorkerStarted,
    WorkerStopped,
)
from mcpd.relay.spec import SessionLimits
from mcpd.store.database import StoreFailed
from mcpd.store.folder import FolderTaken, StateFolder
from mcpd.testing.asked import Asked
from mcpd.testing.client import Fields
from mcpd.testing.daemon import ADDRESS, ADMIN, MemoryDaemon
from mcpd.testing.worker import Answers, Stock, legacy, modern, tools
from mcpd.trouble import Trouble, Troubled
from mcpd.units import Bytes, Seconds
from mcpd.web.spec import Limits, Listen
from mcpd.wire.message import Notice
from mcpd.workers.spec import Chosen, Plugin, Timeouts
from tests.daemon.stage import PLUGIN, SILENT, WAITING, DaemonCase, Operator, answer, descriptors

LIMITS = Limits()
READY = "READY=1\nSTATUS=serves 1 plugins at http://127.0.0.1:8420"
WRONG = ConfigurationError(
    (
        Problem(Place("mcpd.toml", 3, ("daemon", "drain")), Flaw((), "bad", "a duration")),
        Problem(Place("mcpd.toml", 7, ("roles",)), Flaw((), "unknown", "no such table")),
    )
)


class StartTests(DaemonCase):
    """
    Tests for how a daemon starts.
    """

    def refused(self, configured: Settings, memory: MemoryDaemon | None = None) -> str:
        """
        Start a daemon that can't, which keeps nothing; what it says as it ends.
        """
        memory = memory or MemoryDaemon(configured)
        before = descriptors(), list(memory.reactor.ports)
        error = self.assertRaises(SystemExit, memory.daemon.privilegedStartService)
        memory.reactor.advance(0)
        self.assertEqual((descriptors(), list(memory.reactor.ports)), before)
        self.assertEqual(memory.reactor.getDelayedCalls(), [])
        self.assertFalse(memory.daemon.is_ready)
        self.successResultOf(memory.stop())
        # A text is printed by Python, which then exits with 1.
        assert isinstance(error.code, str)
        self.assertRegex(error.code, r"\Amcpd: MCPD-E-[A-Z]+: .+; .+\Z")
        return error.code

    def test_order(self) -> None:
        """
        The doors open before any plugin is started, the operators' last; who waits for them is told once.
        """
        memory = MemoryDaemon(self.settings(PLUGIN), {"p": SILENT})
        opened: list[Daemon] = []
        self.assertEqual(memory.daemon.addresses, [])
        memory.daemon.when_open(opened.append)
        memory.daemon.privilegedStartService()
        self.assertEqual((opened, memory.daemon.addresses), ([memory.daemon], ["http://127.0.0.1:8420"]))
        self.assertEqual(list(memory.reactor.ports), [ADDRESS, ADMIN])
        self.assertEqual(memory.plugins["p"].workers, [])
        memory.daemon.startService()
        memory.reactor.advance(0)
        self.assertEqual([type(event) for event in memory.events], [DoorOpened, WorkerStarted, WorkerReady])
        self.stopped(memory)

    def test_address_taken(self) -> None:
        """
        An address that is in use ends the start with a sentence that names it; what was had is free again.
        """
        listen = self.settings().listen[0]
        said = self.refused(evolve(self.settings(), listen=(listen, listen)))
        self.assertIn("MCPD-E-LISTEN", said)
        self.assertIn("127.0.0.1:8420", said)
        self.assertNotIn(".;", said)
        self.started(self.settings())

    def test_admin_taken(self) -> None:
        """
        So does an admin socket that can't be.
        """
        memory = MemoryDaemon(self.settings())
        memory.reactor.listenUNIX(ADMIN[0], ServerFactory())
        said = self.refused(memory.settings, memory)
        self.assertIn("MCPD-E-LISTEN", said)
        self.assertIn("admin.sock", said)
        self.started(self.settings())

    def test_store_bad(self) -> None:
        """
        A store that can't be used ends the start with a sentence that says what to do.
        """
        self.stopped(self.started(self.settings()))
        (self.folder / "store.db").write_bytes(b"x" * 5000)
        said = self.refused(self.settings())
        for words in ("MCPD-E-STORE", str(self.folder / "store.db"), "move it away"):
            self.assertIn(words, said)

    def test_left_out(self) -> None:
        """
        What can't run on this machine is told at the start, and later only what was not told yet.
        """
        one, two = LeftOut("a", "no a"), LeftOut("b", "no b")
        memory = self.running(MemoryDaemon(self.settings(), left_out=(one,)))
        memory.left_out = one, two
        self.reload(memory)
        told = [event.plugin for event in memory.events if isinstance(event, PluginLeftOut)]
        self.assertEqual(told, ["a", "b"])

    def test_folder_taken(self) -> None:
        """
        A state folder that another daemon has ends the start with a sentence that names it.
        """
        memory = self.started(self.settings())
        said = self.refused(self.settings(endpoint="tcp:1:interface=127.0.0.1"))
        self.assertIn(f"MCPD-E-STATE: another daemon uses the state folder {self.folder}", said)
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
        said = self.refused(configured)
        self.assertIn("MCPD-E-KEY", said)
        self.assertIn("chmod 600", said)

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

    def test_no_place(self) -> None:
        """
        A plugin that never gets ready takes neither the others' turn to start nor their calls' time.
        """
        configured = self.settings(Plugin("bad", ("x",)), PLUGIN)
        configured = evolve(configured, daemon=evolve(configured.daemon, starts=1))
        memory = self.started(configured, bad=lambda request: None, p=modern(tools("x")))
        self.assertEqual(self.call(memory, "p__x").status, 200)
        self.assertEqual(self.ready(memory)[0], 503)
        memory.reactor.advance(10)
        self.assertEqual(self.ready(memory)[0], 200)

    def test_store(self) -> None:
        """
        A daemon that can't write what must survive a restart is not ready until it can, and serves meanwhile.
        """
        self.stopped(self.started(self.settings(PLUGIN), p=modern(tools("x"))))
        store, away = self.folder / "store.db", self.folder / "away"
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")))
        # What was known already was not written again, so that it is not open.
        store.rename(away)
        self.failureResultOf(self.ask(memory, "key create", name="alice"), StoreFailed)
        self.assertEqual(self.ready(memory)[0], 503)
        self.assertEqual(self.call(memory, "p__x").status, 200)
        away.rename(store)
        memory.reactor.advance(10)
        self.assertEqual(self.ready(memory)[0], 200)
        self.successResultOf(self.ask(memory, "key create", name="alice"))


class StopTests(DaemonCase):
    """
    Tests for how a daemon stops.
    """

    def test_order(self) -> None:
        """
        The operators' door closes first, then the others; the workers end, and the state folder is free.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        (worker,) = memory.plugins["p"].workers
        memory.plugins["p"].workers[0].stubborn = frozenset(("close_input",))
        stopped = memory.stop()
        self.assertEqual(worker.orders, [])
        memory.reactor.advance(0)
        self.assertEqual((memory.reactor.ports, worker.orders), ({}, ["close_input"]))
        self.assertEqual(memory.reactor.closed, [ADMIN, ADDRESS])
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
        answer(worker)
        self.assertEqual(asked.result["content"], [])
        self.assertEqual(asked.fields["connection"], "close")
        memory.reactor.advance(1)
        self.successResultOf(stopped)
        self.assertEqual(memory.reactor.getDelayedCalls(), [])

    def test_drain_session(self) -> None:
        """
        The last call is answered before the session that it belongs to is ended.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        socket = memory.legacy().upgrade()
        socket.shake()
        socket.ask("tools/call", {"name": "p__wait"}, "last")
        memory.reactor.advance(0)
        memory.stop()
        memory.reactor.advance(0)
        answer(memory.plugins["p"].workers[0])
        memory.reactor.advance(0)
        self.assertEqual((socket.answer("last")["result"], socket.code), ({"content": []}, 1001))

    def test_drain_slow(self) -> None:
        """
        A client that takes its answer slowly has all of it before the daemon ends, if the time is enough.
        """
        configured = self.settings(PLUGIN)
        configured = evolve(configured, daemon=evolve(configured.daemon, drain=Seconds(5)))
        for taken in (True, False):
            memory = self.started(configured, p=SILENT)
            asked = memory.modern().ask("tools/call", {"name": "p__wait"})
            client: Any = asked._line.producer
            stopped = memory.stop()
            memory.reactor.advance(1)
            client.pauseProducing()
            (worker,) = memory.plugins["p"].workers
            answer(worker)
            memory.reactor.advance(3.9)
            self.assertEqual(worker.orders, [])
            if taken:
                client.resumeProducing()
            memory.reactor.advance(0.1)
            self.successResultOf(stopped)

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
        last = memory.plugins["p"].workers[0].said[-1]
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

    def test_never_started(self) -> None:
        """
        A daemon that never started is stopped at once.
        """
        memory = MemoryDaemon(self.settings())
        self.successResultOf(memory.stop())

    def test_streams(self) -> None:
        """
        Streams that wait for changes end by their results before the workers do.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(Stock(tools("x"), telling=True)))
        stream, client = memory.modern().listen({"toolsListChanged": True}), memory.legacy()
        client.shake()
        legacy_stream = client.listen()
        memory.stop()
        memory.reactor.advance(0)
        self.assertEqual((stream.is_over, len(stream.answers)), (True, 1))
        self.assertTrue(legacy_stream.is_over)
        self.assertEqual(memory.daemon.status().sessions, 0)

    def test_operators(self) -> None:
        """
        While what runs is given its time an operator who is there already still sees how the daemon fares.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        operator = Operator(memory)
        self.call(memory, "p__wait")
        stopped = memory.stop()
        memory.reactor.advance(0)
        status = operator.ask("status")["result"]
        self.assertEqual((status["ready"], status["exchanges"]), (False, 1))
        memory.world.disk.is_held = True
        memory.reactor.pump([30, 0])
        # Nobody asks for what could not be written any more.
        self.assertFalse(operator.is_connected)
        self.assertNoResult(stopped)
        memory.world.disk.work()
        self.successResultOf(stopped)


class ManagerTests(DaemonCase):
    """
    Tests for what a service manager is told.
    """

    def managed(self, **answers: Answers) -> MemoryDaemon:
        """
        Start a daemon that is looked after.
        """
        environ = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "20000000"}
        return self.running(MemoryDaemon(self.settings(PLUGIN), answers, environ=environ))

    def told(self, memory: MemoryDaemon) -> list[str]:
        """
        Take what was told so far.
        """
        told, memory.world.notified[:] = list(memory.world.notified), []
        return told

    def test_ready(self) -> None:
        """
        The manager hears that the daemon is ready once it is, with what it serves, and then that it lives.
        """
        memory = MemoryDaemon(
            self.settings(PLUGIN), {"p": SILENT}, environ={"NOTIFY_SOCKET": "/x", "WATCHDOG_USEC": "20000000"}
        )
        memory.plugins["p"].launching = False
        self.running(memory)
        memory.reactor.advance(0.5)
        self.assertEqual(self.told(memory), [])
        memory.plugins["p"].workers[0].ears.launched()
        memory.reactor.pump([0, 0.1])
        self.assertEqual(self.told(memory), [READY])
        memory.reactor.pump([9.5, 10])
        self.assertEqual(self.told(memory), ["WATCHDOG=1", "WATCHDOG=1"])

    def test_reload(self) -> None:
        """
        It hears of a reload, with the time, and that it is over, and nothing of one that changes nothing.
        """
        memory = self.managed(p=SILENT)
        memory.reactor.advance(0.1)
        self.told(memory)
        self.reload(memory, PLUGIN)
        (reloading, ready) = self.told(memory)
        self.assertRegex(reloading, r"\ARELOADING=1\nMONOTONIC_USEC=[0-9]+\Z")
        self.assertEqual(ready, READY)
        self.successResultOf(self.ask(memory, "reload", dry=True))
        memory.wrong = WRONG
        self.reload(memory, PLUGIN)
        self.assertEqual(self.told(memory), [])

    def test_stop(self) -> None:
        """
        It hears that the daemon stops, that it lives as long as it waits for what runs, and then nothing.
        """
        memory = self.managed(p=SILENT)
        memory.reactor.advance(0.1)
        self.call(memory, "p__wait")
        self.told(memory)
        stopped = memory.stop()
        memory.reactor.pump([0, 10])
        self.assertEqual(self.told(memory), ["STOPPING=1", "WATCHDOG=1"])
        memory.reactor.advance(20)
        self.successResultOf(stopped)
        self.told(memory)
        memory.reactor.advance(60)
        self.assertEqual((self.told(memory), memory.reactor.getDelayedCalls()), ([], []))


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

    def test_silent(self) -> None:
        """
        A session that is silent for too long is gone soon after, be that time shorter than the usual round.
        """
        memory = self.started(evolve(self.settings(), sessions=SessionLimits(idle=Seconds(10))))
        memory.legacy().shake()
        self.assertEqual(memory.daemon.status().sessions, 1)
        memory.reactor.pump([11, 11])
        self.assertEqual(memory.daemon.status().sessions, 0)


class ReloadTests(DaemonCase):
    """
    Tests for another configuration.
    """

    def test_hangup(self) -> None:
        """
        At a SIGHUP the configuration is read again, and what became of it is told.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")), q=modern(tools("x")))
        events = self.reload(memory, evolve(PLUGIN, command=("y",)), Plugin("q", ("x",)))
        self.assertIn(ConfigurationReloaded("q", "nothing", "p"), events)
        self.assertEqual(len(memory.world.hangups), 1)
        events = self.reload(memory)
        self.assertIn(ConfigurationReloaded("nothing", "p, q", "nothing"), events)

    def test_verb(self) -> None:
        """
        An operator who reloads reads what became of it.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")), q=modern(tools("x")))
        memory.settings = self.settings(Plugin("q", ("x",)), mode="0600")
        done = self.successResultOf(self.ask(memory, "reload"))
        said = {
            "added": ("q",),
            "removed": ("p",),
            "changed": (),
            "waits": ("listen[0].mode",),
            "dry": False,
        }
        self.assertEqual(done, said)
        self.assertEqual(self.names(memory), ["q__x"])

    def test_dry(self) -> None:
        """
        To see what would be done changes nothing and tells nobody.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")))
        before = memory.daemon.settings, list(memory.events)
        memory.settings = evolve(self.settings(), limits=evolve(LIMITS, inflight=1))
        done = self.successResultOf(self.ask(memory, "reload", dry=True))
        self.assertEqual((done["removed"], done["dry"]), (("p",), True))
        memory.wrong = WRONG
        self.failureResultOf(self.ask(memory, "reload", dry=True), Troubled)
        self.assertEqual((memory.daemon.settings, memory.events), before)
        self.assertEqual(self.names(memory), ["p__x"])

    def test_wrong(self) -> None:
        """
        A configuration that is wrong is refused whole: all stays as it was, and every problem is told.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")))
        before = memory.daemon.settings, self.pids(memory)
        memory.wrong = WRONG
        events = self.reload(memory)
        self.assertEqual(events, [ConfigurationRefused(str(WRONG))])
        reason = self.failureResultOf(self.ask(memory, "reload"), Troubled).value.reason
        self.assertEqual((reason.trouble, reason.text), (Trouble.RELOAD, str(WRONG)))
        lines = ["mcpd.toml:3: daemon.drain: bad; a duration", "mcpd.toml:7: roles: unknown; no such table"]
        self.assertEqual(reason.text.splitlines(), lines)
        self.assertEqual((memory.daemon.settings, self.pids(memory)), before)
        self.assertEqual(self.call(memory, "p__x").status, 200)

    def test_waits(self) -> None:
        """
        What only a new start can bring is told at each reload until then, and the rest acts.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")))
        daemon = evolve(memory.settings.daemon, starts=9, drain=Seconds(1))
        limits = evolve(LIMITS, backlog=7, inflight=9)
        place, hosts = "tcp:8421:interface=127.0.0.1", ("tools.example.org",)
        listen = (evolve(memory.settings.listen[0], endpoint=place, hosts=hosts),)
        waits = ("daemon.starts", "listen[0].endpoint", "listen[0].hosts", "limits.backlog")
        for _ in range(2):
            events = self.reload(memory, PLUGIN, daemon=daemon, limits=limits, listen=listen)
            self.assertEqual(events[0], ConfigurationReloaded(*["nothing"] * 3))
            self.assertEqual(events[1:], [ChangeWaits(key) for key in waits])
        now = memory.daemon.settings
        self.assertEqual((now.daemon.starts, now.daemon.drain), (4, 1))
        self.assertEqual((now.limits.backlog, now.limits.inflight), (1024, 9))
        self.assertEqual(memory.modern(host=b"tools.example.org").ask("tools/list").status, 421)

    def test_limits(self) -> None:
        """
        Other limits hold at once, for connections, calls and sessions alike; what runs goes on.
        """
        memory = self.started(self.settings(PLUGIN), p=WAITING)
        running = self.call(memory, "p__wait")
        client = memory.legacy()
        client.shake()
        limits = evolve(LIMITS, inflight=1, body=Bytes(2000))
        self.reload(memory, PLUGIN, limits=limits, sessions=SessionLimits(idle=Seconds(100)))
        self.assertEqual((self.call(memory, "p__wait").status, running.is_over), (503, False))
        self.assertEqual(memory.modern().ask("tools/list", {"x": "x" * 3000}).status, 413)
        memory.reactor.advance(101)
        self.assertEqual(client.ask("ping").status, 404)

    def test_drain(self) -> None:
        """
        Another time for what runs at the end is the one that it is given.
        """
        memory = self.started(self.settings(PLUGIN), p=WAITING)
        self.call(memory, "p__wait")
        self.reload(memory, PLUGIN, daemon=evolve(memory.settings.daemon, drain=Seconds(1)))
        stopped = memory.stop()
        memory.reactor.advance(0)
        self.assertEqual(memory.events[-1], DaemonStopping(1, 1))
        memory.reactor.advance(1)
        self.successResultOf(stopped)

    def test_told(self) -> None:
        """
        Clients whose view has changed are told so, and no others.
        """
        other = Plugin("q", ("x",))
        memory = self.started(
            self.settings(PLUGIN, other), p=modern(tools("x")), q=modern(tools("x")), r=modern(tools("x"))
        )
        streams = [
            memory.modern(path=path).listen({"toolsListChanged": True})
            for path in (b"/mcp", b"/mcp/p", b"/mcp/q")
        ]
        memory.reactor.advance(0)
        self.reload(memory, PLUGIN, evolve(other, tools=Chosen(exclude=("x",))))
        memory.reactor.advance(1)
        told = [[notice["method"] for notice in stream.notices][1:] for stream in streams]
        changed = ["notifications/tools/list_changed"]
        self.assertEqual(told, [changed, [], changed])

    def test_stopping(self) -> None:
        """
        A daemon that stops starts nothing any more, whatever its configuration says by then.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT, q=SILENT)
        self.call(memory, "p__wait")
        memory.stop()
        memory.reactor.advance(0)
        memory.settings = self.settings(PLUGIN, Plugin("q", ("x",)))
        reason = self.failureResultOf(self.ask(memory, "reload"), Troubled).value.reason
        self.assertIs(reason.trouble, Trouble.STOPPING)
        self.reload(memory, PLUGIN, Plugin("q", ("x",)))
        memory.reactor.pump([30, 10])
        self.assertEqual(memory.plugins["q"].workers, [])
        self.assertEqual(memory.events[-1], DaemonStopped())


class KeyTests(DaemonCase):
    """
    Tests for API keys.
    """

    def fields(self, key: str) -> Fields:
        """
        Tell what a client with a key sends.
        """
        return ((b"Authorization", f"Bearer {key}".encode()),)

    def create(self, memory: MemoryDaemon, name: str) -> Fields:
        """
        Make a key.
        """
        return self.fields(self.successResultOf(self.ask(memory, "key create", name=name))["key"])

    def test_create(self) -> None:
        """
        A key opens from the moment that it is made, and after a restart.
        """
        memory = self.started(self.settings(auth="required"))
        memory.world.disk.is_held = True
        created = self.ask(memory, "key create", name="alice")
        # It is told once it would survive a crash.
        self.assertNoResult(created)
        memory.world.disk.work()
        memory.world.disk.is_held = False
        fields = self.fields(self.successResultOf(created)["key"])
        self.assertEqual(memory.modern(fields=fields).ask("tools/list").status, 200)
        self.assertEqual(memory.modern().ask("tools/list").status, 200)
        self.stopped(memory)
        memory = self.started(self.settings(auth="required"))
        self.assertEqual(memory.modern(fields=fields).ask("tools/list").status, 200)

    def test_revoke(self) -> None:
        """
        A key that is revoked ends its owner's sessions, streams and calls at once, and nobody else's.
        """
        plugin = evolve(PLUGIN, share="all")
        memory = self.started(
            self.settings(plugin, auth="required"), p=legacy(Stock(tools("wait")), lambda request: None)
        )
        owners = [self.create(memory, name) for name in ("alice", "bob")]
        clients = [memory.legacy(fields=fields) for fields in owners]
        params = {"name": "p__wait", "arguments": {}}
        theirs: list[list[Asked]] = []
        for fields, client in zip(owners, clients, strict=True):
            client.shake()
            modern = memory.modern(fields=fields)
            theirs.append(
                [
                    client.ask("tools/call", params, 7),
                    client.listen(),
                    modern.ask("tools/call", params),
                    modern.listen({"toolsListChanged": True}),
                ]
            )
        memory.reactor.advance(1)
        self.successResultOf(self.ask(memory, "key revoke", name="alice"))
        memory.reactor.advance(0)
        self.assertEqual([[one.is_over for one in each] for each in theirs], [[True] * 4, [False] * 4])
        self.assertEqual(theirs[0][2].status, 401)
        self.assertEqual([client.ask("ping").status for client in clients], [401, 200])
        (worker,) = memory.plugins["p"].workers
        cancels = [said for said in worker.said if isinstance(said, Notice)]
        self.assertEqual([notice.method for notice in cancels].count("notifications/cancelled"), 2)
        self.stopped(memory)
        memory = self.started(self.settings(plugin, auth="required"), p=SILENT)
        statuses = [memory.modern(fields=fields).ask("tools/list").status for fields in owners]
        self.assertEqual(statuses, [401, 200])


class OperatorTests(DaemonCase):
    """
    Tests for what operators see.
    """

    def test_status(self) -> None:
        """
        An operator sees how the daemon and its plugins fare.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        memory.legacy().shake()
        memory.modern().listen({})
        self.call(memory, "p__wait")
        memory.reactor.advance(5)
        status = memory.daemon.status()
        self.assertEqual((status.version, status.pid), (__version__, os.getpid()))
        self.assertEqual((status.uptime, status.ready), (5, True))
        self.assertEqual(status.addresses, ("http://127.0.0.1:8420",))
        self.assertEqual((status.sessions, status.streams, status.exchanges), (1, 1, 1))
        self.assertEqual([(plugin.name, plugin.phase) for plugin in status.plugins], [("p", "ready")])

    def test_restart(self) -> None:
        """
        An operator can have a plugin's workers replaced, and hears when that is done.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")))
        memory.plugins["p"].launching = False
        restarted = self.ask(memory, "restart", name="p")
        self.assertNoResult(restarted)
        memory.plugins["p"].workers[1].ears.launched()
        memory.reactor.advance(0)
        self.assertEqual(self.successResultOf(restarted), {"restarted": "p", "dry": False})
        self.assertEqual(self.pids(memory), [1001])

    def test_call(self) -> None:
        """
        An operator can call a tool, as a principal of their own; each call has a number of its own.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")))
        answered = self.successResultOf(self.ask(memory, "call", tool="p__x", arguments={"a": 1}))
        self.assertEqual(json.loads(bytes(answered))["result"]["content"][0]["text"], '{"a":1}')
        numbers = []
        for _ in range(2):
            refused = self.successResultOf(memory.daemon.call(b"/mcp", b"{}", "uid:root"))
            numbers.append(json.loads(refused)["error"]["data"]["requestId"])
        self.assertEqual(numbers, ["admin-2", "admin-3"])

    def test_configuration(self) -> None:
        """
        An operator sees the configuration as it was read last, and what was told of late.
        """
        memory = self.started(self.settings())
        self.assertEqual(memory.daemon.configuration(), ())
        (line,) = memory.daemon.journal.last(1)
        self.assertIn("http://127.0.0.1:8420", line.text)
