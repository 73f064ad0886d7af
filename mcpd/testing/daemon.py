# -*- test-case-name: tests.testing.test_daemon -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A whole daemon in memory: its doors are no sockets and its workers no processes.

Only its state folder is real, since who has it is the kernel's to say.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from mcpd.admin.door import AdminDoor
from mcpd.config.again import Loaded
from mcpd.config.development import LeftOut
from mcpd.config.problem import ConfigurationError
from mcpd.config.settings import DaemonSettings, Settings
from mcpd.daemon.service import Daemon
from mcpd.daemon.world import Nursery, World
from mcpd.events import Event, Publisher
from mcpd.sandbox.kill import Tree
from mcpd.store.database import Run
from mcpd.systemd import Notifier
from mcpd.testing.client import Fields, Legacy, Modern
from mcpd.testing.ports import DoorReactor, Place
from mcpd.testing.thread import FakeThread
from mcpd.testing.worker import Answers, FakePlugin
from mcpd.web.spec import Listen
from mcpd.web.tls import Identity
from mcpd.workers.channel import Spawn
from mcpd.workers.spec import Plugin

ADMIN: Place = ("admin.sock", None)
"""Where a daemon in memory listens to operators."""

ADDRESS = ("127.0.0.1", 8420)
"""Where a daemon in memory listens, unless it is told otherwise."""


@define(eq=False)
class Quiet:
    """
    Looks after nothing: what is no process leaves no orphans (:class:`mcpd.daemon.world.Nursery`).

    Attributes:
        said: ``begin`` and ``stop``, as it was told.
    """

    said: list[str] = field(factory=list)

    def begin(self) -> None:
        """
        Remember it.
        """
        self.said.append("begin")

    def mark(self) -> str:
        """
        Mark nothing.
        """
        return ""

    def tree(self, mark: str, pid: int) -> Tree:
        """
        Make what signals nobody.
        """
        return Tree(pid, kill=lambda pid, number: None)

    async def stop(self) -> None:
        """
        Remember it.
        """
        self.said.append("stop")


@frozen(eq=False)
class MemoryWorld(World):
    """
    A world whose plugins are fakes.

    Attributes:
        plugins: Them, by name.
        leftovers: How many processes of an earlier daemon there are to kill.
        quiet: Looks after what workers leave behind.
        disk: Where its store is written.
        hangups: What is called at a SIGHUP.
        notified: What a service manager was told, if its ``environ`` names one.
    """

    plugins: Mapping[str, FakePlugin] = field(kw_only=True)
    leftovers: int = field(kw_only=True)
    quiet: Quiet = field(factory=Quiet)
    disk: FakeThread = field(factory=FakeThread)
    hangups: list[Callable[[], None]] = field(factory=list)
    notified: list[str] = field(factory=list)

    def spawner(self, plugin: Plugin, home: Path, nursery: Nursery) -> Spawn:
        """
        Start the fake of that name.
        """
        return self.plugins[plugin.name].spawn

    def thread(self) -> Run:
        """
        Write at once, unless ``disk`` is held.
        """
        return self.disk.run

    def nursery(self, state: str) -> Nursery:
        """
        Look after nothing.
        """
        return self.quiet

    def sweep(self, state: str) -> int:
        """
        Say that so many are killed.
        """
        return self.leftovers

    def open_admin(self, door: AdminDoor, folder: str) -> IListeningPort:
        """
        Listen, where no file is made.
        """
        port: IListeningPort = self.reactor.listenUNIX(ADMIN[0], door)
        return port

    def on_hangup(self, call: Callable[[], None]) -> None:
        """
        Remember it.
        """
        self.hangups.append(call)

    def manager(self) -> Notifier:
        """
        Remember what is told.
        """
        return Notifier.of(
            self.environ, os.getpid(), lambda address, data: self.notified.append(data.decode())
        )


def settings(folder: Path, *plugins: Plugin, **listen: Any) -> Settings:
    """
    Make settings for a daemon in memory.

    Args:
        folder: Its state folder.
        plugins: Its plugins.
        listen: Keys of its one listener; by default it is open to all of this machine.
    """
    host, port = ADDRESS
    keys = {"endpoint": f"tcp:{port}:interface={host}", "auth": "none"} | listen
    return Settings(DaemonSettings(state_dir=str(folder)), (Listen(**keys),), plugins=plugins)


@define(eq=False)
class MemoryDaemon:
    """
    A daemon in memory, and what became of it.

    Attributes:
        settings: Its configuration; it may be another by the time that it is read again.
        answers: How its plugins answer, by name; there may be some that are not configured yet.
        left_out: What its configuration leaves out.
        wrong: What is wrong with its configuration, when it is read again.
        leftovers: How many processes of an earlier daemon are there when it starts.
        environ: Its environment.
        identities: What its listeners show, in their order; empty: none has TLS of its own.
        local_authority: The folder of the authority that vouches for its listeners with TLS.
        reactor: Its reactor; time passes when it is advanced.
        events: What it told.
        plugins: Its plugins, by name.
        daemon: The daemon.
        world: What it is given of the machine.
    """

    settings: Settings
    answers: Mapping[str, Answers] = field(factory=dict)
    left_out: tuple[LeftOut, ...] = ()
    wrong: ConfigurationError | None = None
    leftovers: int = 0
    environ: Mapping[str, str] = field(factory=dict)
    identities: tuple[Identity | None, ...] = ()
    local_authority: Path | None = None
    reactor: DoorReactor = field(factory=DoorReactor)
    events: list[Event] = field(init=False, factory=list)
    plugins: dict[str, FakePlugin] = field(init=False)
    daemon: Daemon = field(init=False)
    world: MemoryWorld = field(init=False)

    def __attrs_post_init__(self) -> None:
        fakes = {name: FakePlugin(self.reactor, answers) for name, answers in self.answers.items()}
        self.plugins = fakes
        publisher = Publisher()
        publisher.observe(self.events.append)
        self.world = MemoryWorld(
            self.reactor,
            os.urandom,
            lambda: 0.5,
            self.reactor.seconds,
            self.environ,
            os.getuid(),
            "nobody",
            "python3",
            plugins=fakes,
            leftovers=self.leftovers,
        )
        self.daemon = Daemon(self.loaded(), self.loaded, self.world, publisher)

    def loaded(self) -> Loaded:
        """
        Give its configuration, at the start and whenever it is read again.

        Raises:
            ConfigurationError: It is wrong.
        """
        if self.wrong is not None:
            raise self.wrong
        identities = self.identities or (None,) * len(self.settings.listen)
        return Loaded(self.settings, (), identities, self.left_out, self.local_authority)

    def start(self) -> None:
        """
        Start it as ``twistd`` does, and let it do what it can do at once.
        """
        self.daemon.privilegedStartService()
        self.daemon.startService()
        self.reactor.advance(0)

    def stop(self) -> Deferred[None]:
        """
        Begin to stop it; time has to pass.

        Returns:
            Fires when it has stopped.
        """
        return self.daemon.stopService()

    def modern(self, **about: Any) -> Modern:
        """
        Make a modern client, which has the key if there is one.

        Args:
            about: Attributes of the client.
        """
        return evolve(Modern(self._door(), self.reactor, self._credentials()), **about)

    def legacy(self, **about: Any) -> Legacy:
        """
        Make a legacy client that has not shaken hands, likewise.
        """
        return evolve(Legacy(self._door(), self.reactor, self._credentials()), **about)

    def _door(self) -> IProtocolFactory:
        return next(iter(self.reactor.ports.values())).factory

    def _credentials(self) -> Fields:
        file = self.daemon.key_file
        return () if file is None else ((b"Authorization", b"Bearer " + file.read_bytes().strip()),)
