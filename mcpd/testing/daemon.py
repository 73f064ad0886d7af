# -*- test-case-name: tests.testing.test_daemon -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A whole daemon in memory: its doors are no sockets and its workers no processes.

Only its state folder is real, since who has it is the kernel's to say.
"""

from __future__ import annotations

import errno
import itertools
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from attrs import define, evolve, field, frozen
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.task import deferLater
from zope.interface import implementer

from mcpd.config.settings import DaemonSettings, Settings
from mcpd.daemon import Daemon, World
from mcpd.events import Event, Publisher
from mcpd.testing.client import Fields, Legacy, Modern
from mcpd.testing.process import ProcessReactor
from mcpd.testing.worker import Answers, FakePlugin
from mcpd.web.spec import Listen
from mcpd.workers.spec import Plugin
from mcpd.workers.worker import Spawn

ADDRESS = ("127.0.0.1", 8420)
"""Where a daemon in memory listens, unless it is told otherwise."""


@implementer(IListeningPort)
@define(eq=False)
class Port:
    """
    A listening port that is no socket.

    Attributes:
        factory: Makes the daemon's side of a connection.
        backlog: Connections that a kernel would hold.
    """

    factory: IProtocolFactory
    backlog: int
    _reactor: DoorReactor
    _host: tuple[str, int]

    def startListening(self) -> None:
        """
        Listen, if nobody else does there.

        Raises:
            CannotListenError: Somebody does.
        """
        if self._host in self._reactor.ports:
            taken = OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            raise CannotListenError(*self._host, taken)
        self._reactor.ports[self._host] = self

    def stopListening(self) -> Deferred[None]:
        """
        Stop, in the next turn.
        """
        return deferLater(self._reactor, 0, self._stop)

    def _stop(self) -> None:
        del self._reactor.ports[self._host]

    def getHost(self) -> IPv4Address | IPv6Address:
        """
        Tell where it listens.
        """
        host, port = self._host
        return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)


class DoorReactor(ProcessReactor):
    """
    A reactor in memory where an address can be taken.

    Attributes:
        ports: What listens, by address and port.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ports: dict[tuple[str, int], Port] = {}

    def listenTCP(self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = "") -> Port:
        """
        Make a port, as the interface has it.
        """
        made = Port(factory, backlog, self, (interface or "0.0.0.0", port))  # noqa: S104  a name, no socket
        made.startListening()
        return made


@frozen(eq=False)
class MemoryWorld(World):
    """
    A world whose plugins are fakes.

    Attributes:
        plugins: Them, by name.
    """

    plugins: Mapping[str, FakePlugin]

    def spawner(self, plugin: Plugin, home: Path) -> Spawn:
        """
        Start the fake of that name.
        """
        return self.plugins[plugin.name].spawn


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
        settings: Its configuration.
        answers: How its plugins answer, by name.
        reactor: Its reactor; time passes when it is advanced.
        events: What it told.
        plugins: Its plugins, by name.
        daemon: The daemon.
    """

    settings: Settings
    answers: Mapping[str, Answers] = field(factory=dict)
    reactor: DoorReactor = field(factory=DoorReactor)
    events: list[Event] = field(init=False, factory=list)
    plugins: dict[str, FakePlugin] = field(init=False)
    daemon: Daemon = field(init=False)
    _drawn: Iterator[int] = field(init=False, factory=lambda: itertools.count(1))

    def __attrs_post_init__(self) -> None:
        fakes = {name: FakePlugin(self.reactor, answers) for name, answers in self.answers.items()}
        self.plugins = fakes
        publisher = Publisher()
        publisher.observe(self.events.append)
        world = MemoryWorld(self.reactor, self._draw, lambda: 0.5, {}, "nobody", "python3", fakes)
        self.daemon = Daemon(self.settings, world, publisher)

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

    def _draw(self, size: int) -> bytes:
        return next(self._drawn).to_bytes(size, "big")
