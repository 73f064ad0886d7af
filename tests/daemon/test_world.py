# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.world`.
"""

from __future__ import annotations

import os
import queue
import signal
import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.protocol import ServerFactory
from twisted.trial.unittest import SynchronousTestCase

from mcpd.admin.door import AdminDoor
from mcpd.admin.verbs import Verbs
from mcpd.daemon.world import Handler, World
from mcpd.events import Publisher
from mcpd.sandbox.orphans import Orphans
from mcpd.sandbox.plan import ProgramMissing
from mcpd.sandbox.proc import Proc
from mcpd.testing.daemon import MemoryDaemon, Quiet, settings
from mcpd.testing.ports import DoorReactor
from mcpd.trouble import Trouble, Troubled
from mcpd.web.spec import Listen
from mcpd.workers.spec import Plugin, WorkerLimits
from tests.workers.stage import Hearer

_LONG = 30.0
PYTHON = Plugin("p", (sys.executable, "x.py"))


class Turns(DoorReactor):
    """
    A reactor that real threads and signals can reach, and that can be stopped.

    Attributes:
        ending: What it does when it stops.
        stops: How often it was told to stop.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ending: list[Callable[[], None]] = []
        self.stops = 0
        self._calls: queue.SimpleQueue[Callable[[], Any]] = queue.SimpleQueue()

    def callFromThread(self, callable: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """
        Have something called in the next turn.
        """
        self._calls.put(lambda: callable(*args, **kwargs))

    def addSystemEventTrigger(self, *args: Any, **kwargs: Any) -> Any:
        """
        Have something called at its end.
        """
        self.ending.append(args[2])

    def stop(self) -> None:
        """
        Count it.
        """
        self.stops += 1

    def take(self) -> None:
        """
        Take a turn.
        """
        self._calls.get(timeout=_LONG)()

    @property
    def is_idle(self) -> bool:
        """
        Whether nothing waits for a turn.
        """
        return self._calls.empty()


class WorldCase(SynchronousTestCase):
    """
    A world whose machine has no processes.
    """

    def setUp(self) -> None:
        """
        Have a world.
        """
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.reactor = Turns()
        self.adopted: list[bool] = []
        self.heeded: dict[int, Any] = {}
        self.world = World(
            self.reactor,
            os.urandom,
            lambda: 0.5,
            self.reactor.seconds,
            {"B": "2", "SECRET": "3"},
            os.getuid(),
            "somebody",
            "/python",
            Proc(self.folder / "proc"),
            lambda: self.adopted.append(True),
            lambda: False,
            self.heed,
        )

    def heed(self, number: int, handler: Handler) -> None:
        """
        Remember who heeds a signal.
        """
        self.heeded[number] = handler


class ProcessTests(WorldCase):
    """
    Tests for what concerns processes.
    """

    def process(self, number: int, environment: bytes) -> None:
        """
        Have a process on the machine.
        """
        folder = self.folder / "proc" / str(number)
        folder.mkdir(parents=True)
        (folder / "stat").write_bytes(b"%d (x) S 1 %b" % (number, b" ".join([b"0"] * 30)))
        (folder / "environ").write_bytes(environment)

    def test_nursery(self) -> None:
        """
        Orphans are adopted once workers may start, and not before; at the end nobody looks for them any more.
        """
        nursery = self.world.nursery("ours")
        self.assertIsInstance(nursery, Orphans)
        self.assertEqual((self.adopted, self.reactor.getDelayedCalls()), ([], []))
        nursery.begin()
        self.assertEqual(self.adopted, [True])
        self.successResultOf(Deferred.fromCoroutine(nursery.stop()))
        self.assertEqual(self.reactor.getDelayedCalls(), [])

    def test_sweep(self) -> None:
        """
        Where a killed daemon left nothing, nothing is killed: what is another folder's stays.
        """
        self.assertEqual(self.world.sweep("ours"), 0)
        self.process(1 << 25, b"MCPD_MARK=theirs:1\0")
        self.assertEqual(self.world.sweep("ours"), 0)

    def test_thread(self) -> None:
        """
        What waits for the disk is done elsewhere, in its order.
        """
        run = self.world.thread()
        done: list[int] = []
        for number in range(3):
            run(lambda number=number: number).addCallback(done.append)  # type: ignore[misc]
        for _ in range(3):
            self.reactor.take()
        self.assertEqual(done, [0, 1, 2])
        for end in self.reactor.ending:
            end()


class SpawnTests(WorldCase):
    """
    Tests for how a plugin's workers are started.
    """

    def setUp(self) -> None:
        """
        Have a place for its folder.
        """
        super().setUp()
        self.home = self.folder / "plugins" / "p"

    def test_spawn(self) -> None:
        """
        A worker has its program's path, its own folder, and of our variables only those that it may inherit.
        """
        plugin = evolve(PYTHON, env={"A": "1"}, inherit=("B", "MISSING"))
        channel = self.world.spawner(plugin, self.home, Quiet())(Hearer())
        (process,) = self.reactor.processes
        self.assertEqual(channel.pid, process.pid)
        self.assertEqual(process.arguments[0], "/python")
        self.assertEqual(tuple(process.arguments[-2:]), plugin.command)
        self.assertIn(str(os.getpid()), process.arguments)
        environment = dict(process.environment)
        self.assertEqual((environment["HOME"], environment["USER"]), (str(self.home), "somebody"))
        self.assertEqual((environment["A"], environment["B"]), ("1", "2"))
        self.assertFalse({"SECRET", "MISSING"} & environment.keys())
        self.assertEqual(self.home.stat().st_mode & 0o777, 0o700)
        process.exit()
        self.reactor.advance(0)
        self.assertEqual(self.reactor.getReaders(), [])

    def test_marked(self) -> None:
        """
        A worker and all that it starts are known by a mark of their own.
        """
        nursery = self.world.nursery("ours")
        spawn = self.world.spawner(PYTHON, self.home, nursery)
        for _ in range(2):
            spawn(Hearer())
        marks = {process.environment["MCPD_MARK"] for process in self.reactor.processes}
        self.assertEqual((len(marks), {mark.partition(":")[0] for mark in marks}), (2, {"ours"}))
        for process in self.reactor.processes:
            process.exit()
        self.reactor.advance(0)

    def test_missing(self) -> None:
        """
        A program that is not there is looked for anew at each start.
        """
        program = self.folder / "program"
        spawn = self.world.spawner(Plugin("p", (str(program),)), self.home, Quiet())
        self.assertRaises(ProgramMissing, spawn, Hearer())
        program.touch(0o755)
        spawn(Hearer())
        self.reactor.processes[0].exit()
        self.reactor.advance(0)

    def test_artefact(self) -> None:
        """
        A program is another one once its file, its arguments or its variables are others.
        """
        program = self.folder / "program"
        plugin = Plugin("p", (str(program), "-v"), inherit=("B",))
        seen = [self.world.artefact(plugin, self.home)]
        program.touch(0o755)
        seen.append(self.world.artefact(plugin, self.home))
        self.assertEqual(self.world.artefact(plugin, self.home), seen[-1])
        seen.append(self.world.artefact(evolve(plugin, command=(str(program), "-q")), self.home))
        seen.append(self.world.artefact(evolve(plugin, env={"A": "1"}), self.home))
        seen.append(self.world.artefact(evolve(plugin, inherit=()), self.home))
        seen.append(self.world.artefact(evolve(plugin, cwd="/"), self.home))
        program.write_text("#!/bin/sh\n")
        seen.append(self.world.artefact(plugin, self.home))
        self.assertEqual(len(set(seen)), len(seen))

    def test_layers(self) -> None:
        """
        An operator is told of each limit how it is held.
        """
        plugin = evolve(PYTHON, limits=WorkerLimits(open_files=77))
        values = {layer.name: (layer.value, bool(layer.held)) for layer in self.world.layers(plugin)}
        self.assertEqual(values["open_files"], (77, True))
        self.assertEqual(values["processes"], (32, False))


class ServiceTests(WorldCase):
    """
    Tests for what a service manager starts.
    """

    def test_open(self) -> None:
        """
        Clients are listened to where the endpoint says, with as many in the kernel as the limits say.
        """
        factory = ServerFactory()
        port: Any = self.world.open(Listen("tcp:8420:interface=127.0.0.1"), factory, 7)
        self.assertEqual(self.reactor.ports, {("127.0.0.1", 8420): port})
        self.assertEqual((port.factory, port.backlog), (factory, 7))

    def test_handed(self) -> None:
        """
        A socket that is to be handed over, and was not, is not there.
        """
        listen = Listen("systemd:domain=INET:name=no-such-socket")
        error = self.assertRaises(Troubled, self.world.open, listen, ServerFactory(), 7)
        self.assertIs(error.reason.trouble, Trouble.LISTEN)

    def test_manager(self) -> None:
        """
        The manager that the environment names is told how the daemon fares.
        """
        # A path of a test's folder is too long for a socket.
        name = f"mcpd-test-{os.getpid()}-{id(self)}"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(f"\0{name}")
            manager.setblocking(False)
            evolve(self.world, environ={"NOTIFY_SOCKET": f"@{name}"}).manager().stopping()
            self.assertEqual(manager.recv(100), b"STOPPING=1")

    def test_monotonic(self) -> None:
        """
        The time that a manager is told is the machine's own, which it can compare.
        """
        before = time.clock_gettime(time.CLOCK_MONOTONIC)
        self.assertTrue(before <= self.world.monotonic() <= time.clock_gettime(time.CLOCK_MONOTONIC))


class AdminTests(WorldCase):
    """
    Tests for the admin socket.
    """

    def test_open(self) -> None:
        """
        Operators are listened to in the runtime folder.
        """
        memory = MemoryDaemon(settings(self.folder / "state"))
        publisher = Publisher()
        verbs = Verbs(memory.daemon, publisher, self.world.now, os.urandom)
        door = AdminDoor(verbs, self.reactor, publisher, os.getuid())
        folder = self.folder.resolve() / "run"
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(self.folder)
        self.world.open_admin(door, "run")
        self.assertEqual(list(self.reactor.ports), [("run/admin.sock", None)])
        self.assertTrue(folder.is_dir())


class HangupTests(WorldCase):
    """
    Tests for SIGHUP.
    """

    def setUp(self) -> None:
        """
        Count the calls.
        """
        super().setUp()
        self.calls = 0

    def call(self) -> None:
        """
        Count one.
        """
        self.calls += 1

    def hang_up(self) -> None:
        """
        Let the signal come.
        """
        self.heeded[signal.SIGHUP](signal.SIGHUP, None)

    def test_no_terminal(self) -> None:
        """
        Each SIGHUP is heeded, in a turn of the reactor and not in the middle of another.
        """
        self.world.on_hangup(self.call)
        self.hang_up()
        self.hang_up()
        self.assertEqual(self.calls, 0)
        self.reactor.take()
        self.reactor.take()
        self.assertEqual((self.calls, self.reactor.stops), (2, 0))

    def test_terminal(self) -> None:
        """
        When its terminal is gone the daemon stops in order, however often it is said.
        """
        world = evolve(self.world, has_terminal=lambda: True)
        world.on_hangup(self.call)
        self.hang_up()
        self.assertEqual(self.reactor.stops, 0)
        self.reactor.take()
        self.assertEqual((self.calls, self.reactor.stops), (0, 1))
        self.assertIs(self.heeded[signal.SIGHUP], signal.SIG_IGN)

    def test_real(self) -> None:
        """
        It is this process's signal, and its own standard input that counts.
        """
        self.addCleanup(signal.signal, signal.SIGHUP, signal.getsignal(signal.SIGHUP))
        before = World(self.reactor, os.urandom, lambda: 0.5, lambda: 0.0, {}, 1, "x", "/python")
        before.on_hangup(self.call)
        os.kill(os.getpid(), signal.SIGHUP)
        self.reactor.take()
        told = (self.calls, self.reactor.stops)
        self.assertEqual(told, (0, 1) if os.isatty(0) else (1, 0))
        self.assertTrue(self.reactor.is_idle)
