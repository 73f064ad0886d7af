# -*- test-case-name: tests.test_daemon -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The parts put together, started and stopped in order.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from attrs import frozen
from twisted.application.service import Service
from twisted.internet.defer import Deferred, DeferredList, DeferredSemaphore
from twisted.internet.endpoints import serverFromString
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall, IListeningPort
from twisted.python.failure import Failure

from mcpd.access.credentials import KeyCredentials, NoCredentials
from mcpd.access.keyfile import UnusableKey, first_key
from mcpd.config.settings import Settings
from mcpd.events import DaemonStopped, DaemonStopping, DoorOpened, Event, NamesTaken, Publisher
from mcpd.policy.apikeys import ApiKey
from mcpd.policy.seal import Seal
from mcpd.relay.catalog import Catalog
from mcpd.relay.router import Router
from mcpd.relay.running import Running
from mcpd.relay.stock import Stock
from mcpd.sandbox.plan import Confinement, find_program
from mcpd.store.folder import FolderTaken, StateFolder
from mcpd.store.sealkey import UnusableSealKey, seal_key
from mcpd.web.health import Health
from mcpd.web.http import Doors
from mcpd.web.ledger import Ledger
from mcpd.web.mcp import Judge, Mcp
from mcpd.web.shield import Shield
from mcpd.web.site import Resource, Site
from mcpd.web.spec import Listen
from mcpd.wire.offer import Offer
from mcpd.workers.crew import Crew
from mcpd.workers.held import Held
from mcpd.workers.pipe import Ears, Pipe
from mcpd.workers.spec import Plugin
from mcpd.workers.worker import Channel, Spawn

_SWEEP = 60.0
# Seconds after which a daemon is ready even if a plugin has not made up its mind.
_TRYING = 10.0
_KEY_NAME = "default"
# Names that are taken, told one by one.
_NAMES = 100


@frozen(eq=False)
class World:
    """
    What a daemon is given of the machine.

    Attributes:
        reactor: Runs it; provides the interfaces of Twisted's own.
        entropy: Gives so many random bytes.
        chance: Gives a number from 0 to 1, for jitter.
        environ: The environment, from which plugins may inherit.
        user: The name of the user that it runs as.
        python: The interpreter for the launcher.
    """

    reactor: Any
    entropy: Callable[[int], bytes]
    chance: Callable[[], float]
    environ: Mapping[str, str]
    user: str
    python: str

    def spawner(self, plugin: Plugin, home: Path) -> Spawn:
        """
        Make what starts a plugin's workers.

        Args:
            plugin: What was configured.
            home: The plugin's own folder.
        """
        limits = plugin.limits
        confinement = Confinement(self.python, home, plugin.cwd, plugin.path, limits.open_files)
        inherited = {name: self.environ[name] for name in plugin.inherit if name in self.environ}

        def spawn(ears: Ears) -> Channel:
            confinement.prepare()
            command = (find_program(plugin.command[0], plugin.path), *plugin.command[1:])
            extra = {**inherited, **plugin.env}
            launch = confinement.plan(plugin.name, command, extra, parent=os.getpid(), user=self.user)
            return Pipe.spawn(self.reactor, launch, limits.message, ears)

        return spawn


class Daemon(Service):
    """
    The whole daemon, as a service of ``twistd``.

    Attributes:
        settings: Its configuration.
        router: What its doors lead to, once the state folder is claimed.
        key_file: The first key's file; None where nobody needs one.
        addresses: Where clients can connect, once the doors are open.
    """

    router: Router

    def __init__(self, settings: Settings, world: World, publisher: Publisher) -> None:
        self.settings = settings
        self.key_file: Path | None = None
        self.addresses: list[str] = []
        self._world = world
        self._publisher = publisher
        self._ledger = Ledger(settings.limits)
        self._folder: StateFolder | None = None
        self._key: ApiKey | None = None
        self._goes_without: frozenset[Event] = frozenset()
        self._alone: dict[bytes, tuple[Offer | None, Catalog]] = {}
        self._doors: list[tuple[Doors, IListeningPort]] = []
        self._crews: list[Crew] = []
        self._sweeping: IDelayedCall | None = None
        self._trying_until = 0.0
        self._opened: Callable[[Daemon], None] | None = None

    def when_open(self, call: Callable[[Daemon], None]) -> None:
        """
        Have something called once the doors are open.
        """
        self._opened = call

    @property
    def is_ready(self) -> bool:
        """
        Say whether clients may come: the doors are open, and each plugin was tried or had its time.
        """
        if not self.running:
            return False
        late = self._world.reactor.seconds() >= self._trying_until
        return late or all(crew.tried for crew in self._crews)

    # Starting.

    def privilegedStartService(self) -> None:
        """
        Claim the state folder and open the doors; what fails ends the process with a sentence.
        """
        try:
            self._claim()
            self._hire()
            for listen in self.settings.listen:
                self._open(listen)
        except (FolderTaken, UnusableKey, UnusableSealKey, CannotListenError, OSError) as error:
            raise SystemExit(f"mcpd: {error}") from error
        if self._opened is not None:
            self._opened(self)

    def startService(self) -> None:
        """
        Start every plugin.
        """
        super().startService()
        self._trying_until = self._world.reactor.seconds() + _TRYING
        for crew in self._crews:
            crew.start()
        self._sweep()

    def _claim(self) -> None:
        folder = self._folder = StateFolder.claim(Path(self.settings.daemon.state_dir))
        if any(listen.auth == "required" for listen in self.settings.listen):
            self.key_file = folder.key
            self._key = ApiKey.of(_KEY_NAME, first_key(folder.key, self._world.entropy))
        world, settings = self._world, self.settings
        self.router = Router.new(
            world.reactor,
            world.entropy,
            self._publisher,
            settings.limits,
            settings.sessions,
            settings.catalog,
            Seal((seal_key(folder.seal, world.entropy),), world.entropy),
            any(listen.auth == "required" for listen in settings.listen),
        )

    def _hire(self) -> None:
        starts = DeferredSemaphore(self.settings.daemon.starts)
        self._crews = [self._crew(plugin, starts) for plugin in self.settings.plugins if plugin.enabled]
        self._recatalog()

    def _open(self, listen: Listen) -> None:
        shield = Shield.new(listen.hosts, listen.origins, self.settings.daemon.public_url)
        limits, world = self.settings.limits, self._world
        site = Site(shield, self._resources(listen))
        doors = Doors(world.reactor, site, limits, self._ledger, world.entropy)
        backlog = "" if ":backlog=" in listen.endpoint else f":backlog={limits.backlog}"
        endpoint = serverFromString(world.reactor, listen.endpoint + backlog)
        port = _now(endpoint.listen(doors))
        self._doors.append((doors, port))
        host: Any = port.getHost()
        shield.stand(host.host, host.port)
        name = f"[{host.host}]" if ":" in host.host else host.host
        self.addresses.append(f"http://{name}:{host.port}")
        self._publisher.tell(DoorOpened(self.addresses[-1]))

    def _resources(self, listen: Listen) -> dict[bytes, Resource]:
        resources: dict[bytes, Resource] = {}
        if "mcp" in listen.serve:
            judge: Judge = NoCredentials()
            if listen.auth == "required" and self._key is not None:
                judge = KeyCredentials(self._key)
            resources[b"/mcp"] = resources[b"/mcp/"] = Mcp(self.router, judge)
        if "health" in listen.serve:
            resources[b"/healthz"] = Health("alive", lambda: True)
            resources[b"/readyz"] = Health("ready", lambda: self.is_ready)
        return resources

    def _crew(self, plugin: Plugin, starts: DeferredSemaphore) -> Crew:
        world, clock = self._world, self._world.reactor
        folder = self._folder
        assert folder is not None  # noqa: S101  claimed before any service starts
        spawn = world.spawner(plugin, folder.plugin(plugin.name))
        held = Held(clock, self.settings.limits.queue)
        crew = Crew(plugin, clock, self._publisher, spawn, starts, world.chance, held, self._recatalog)
        crew.updated = partial(self.router.subscriptions.updated, crew)
        return crew

    def _recatalog(self) -> None:
        stocks = [_stock(crew) for crew in self._crews]
        goes_without: list[Event] = []
        limits = self.settings.catalog
        shelf = {b"/mcp": Catalog.of(stocks, limits, goes_without.append)}
        for stock in stocks:
            path = f"/mcp/{stock.plugin}".encode()
            former = self._alone.get(path)
            if former is None or former[0] is not stock.offer:
                self._alone[path] = stock.offer, Catalog.alone(stock, limits)
            shelf[path] = self._alone[path][1]
        # Told once, and not at each change of another plugin.
        news = [event for event in goes_without if event not in self._goes_without]
        # Bounded: a plugin may list as many names of others as it likes.
        for event in news[:_NAMES]:
            self._publisher.tell(event)
        if len(news) > _NAMES:
            self._publisher.tell(NamesTaken(len(news) - _NAMES))
        self._goes_without = frozenset(goes_without)
        self.router.fill(shelf)

    def _sweep(self) -> None:
        self.router.sessions.sweep()
        pause = min(_SWEEP, self.settings.sessions.idle)
        self._sweeping = self._world.reactor.callLater(pause, self._sweep)

    # Stopping.

    def stopService(self) -> Deferred[None]:
        """
        Close the doors, let exchanges end, and stop the workers.

        Returns:
            Fires when no process of ours is left.
        """
        super().stopService()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        await DeferredList([_stopped(port) for _, port in self._doors], consumeErrors=True)
        for doors, _ in self._doors:
            doors.retire()
        if self._folder is not None:
            self.router.subscriptions.close()
            await self._drain(self.router.running)
            self.router.sessions.end_all()
            await DeferredList([crew.stop() for crew in self._crews])
            self._folder.release()
        self._publisher.tell(DaemonStopped())

    async def _drain(self, running: Running) -> None:
        if not running:
            return
        drain = self.settings.daemon.drain
        self._publisher.tell(DaemonStopping(len(running), drain))
        late = self._world.reactor.callLater(drain, running.abandon)
        await running.drain()
        if late.active():
            late.cancel()


def _now(listening: Deferred[IListeningPort]) -> IListeningPort:
    # A TCP endpoint is bound, or fails, at once.
    ports: list[IListeningPort] = []
    failures: list[Failure] = []
    listening.addCallbacks(ports.append, failures.append)
    if failures:
        failures[0].raiseException()
    return ports[0]


def _stopped(port: IListeningPort) -> Deferred[None]:
    stopped: Deferred[None] = Deferred()
    closing = port.stopListening()
    if closing is None:
        stopped.callback(None)
    else:
        closing.addCallbacks(lambda _: stopped.callback(None), stopped.errback)
    return stopped


def _stock(crew: Crew) -> Stock:
    plugin = crew.spec
    prefix = plugin.name if plugin.prefix is None else plugin.prefix
    return Stock(plugin.name, prefix, plugin.tools.include, plugin.tools.exclude, crew.offer, crew)
