# -*- test-case-name: tests.daemon.test_service -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The daemon as a service: started and stopped in order, looked at and changed while it runs.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Sequence
from pathlib import Path

from attrs import evolve
from twisted.application.service import Service
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IDelayedCall, IListeningPort

from mcpd import __version__
from mcpd.access.authority import AUTHORITY, UnsafeFolder
from mcpd.access.keyfile import UnusableKey
from mcpd.admin.door import AdminDoor
from mcpd.admin.inner import ask
from mcpd.admin.overseen import Reloaded, Status
from mcpd.admin.verbs import Verbs
from mcpd.config.again import Loaded
from mcpd.config.development import LeftOut
from mcpd.config.difference import Difference, difference, standing
from mcpd.config.origins import Setting
from mcpd.config.problem import ConfigurationError
from mcpd.config.runtime import folders
from mcpd.config.settings import Settings
from mcpd.daemon.gate import Gate, Identities
from mcpd.daemon.gates import Gates, closed
from mcpd.daemon.parts import Parts
from mcpd.daemon.plugins import Plugins
from mcpd.daemon.served import served, shown
from mcpd.daemon.world import World
from mcpd.events import (
    ChangeWaits,
    ConfigurationRefused,
    ConfigurationReloaded,
    DaemonStopped,
    DaemonStopping,
    DoorOpened,
    PluginLeftOut,
    Publisher,
)
from mcpd.journal import Journal
from mcpd.relay.router import Router
from mcpd.relay.running import Running
from mcpd.store.folder import FolderTaken
from mcpd.store.keys import Keys
from mcpd.store.sealkey import UnusableSealKey
from mcpd.trouble import Reason, Trouble, Troubled
from mcpd.web.pem import UnusableTls
from mcpd.web.site import Resource

_SWEEP = 60.0
_DAY = 86400.0
# Seconds after which a daemon is ready even if a plugin has not made up its mind.
_TRYING = 10.0
# What ends a start with a sentence.
_UNFIT = UnsafeFolder, UnusableTls, OSError
_EXPECTED = Troubled, FolderTaken, UnusableKey, UnusableSealKey, CannotListenError, *_UNFIT


class Daemon(Service):
    """
    The whole daemon, as a service of ``twistd`` (and :class:`mcpd.admin.overseen.Overseen`).

    Attributes:
        settings: The configuration that is in force.
        journal: What was told of late.
        router: What its doors lead to, once it is started.
        keys: The API keys, likewise.
        plugins: The plugins, likewise.
        key_file: The first key's file; None where nobody needs one.
    """

    router: Router
    keys: Keys
    plugins: Plugins

    def __init__(
        self, loaded: Loaded, again: Callable[[], Loaded], world: World, publisher: Publisher
    ) -> None:
        self.settings = loaded.settings
        self.journal = Journal(world.now)
        self.key_file: Path | None = None
        self._loaded = loaded
        self._again = again
        self._world = world
        self._publisher = publisher
        self._parts: Parts | None = None
        self._gates = Gates(
            world.reactor, world.entropy, world.open, publisher.tell, self.settings, self._serve
        )
        self._manager = world.manager()
        self._admin: tuple[AdminDoor, IListeningPort] | None = None
        self._sweeping: IDelayedCall | None = None
        self._started = 0.0
        # When it was last told which certificates end soon.
        self._warned = 0.0
        self._opened: Callable[[Daemon], None] | None = None
        self._asked = 0
        publisher.observe(self.journal)

    def when_open(self, call: Callable[[Daemon], None]) -> None:
        """
        Have something called once the doors are open.
        """
        self._opened = call

    @property
    def addresses(self) -> Sequence[str]:
        """
        Where clients can connect, once the doors are open.
        """
        return self._gates.addresses

    @property
    def is_ready(self) -> bool:
        """
        Say whether clients may come.

        The doors are open, what must survive a restart can be written, and each
        plugin was tried or had its time.
        """
        parts = self._parts
        if not self.running or parts is None or not parts.database.writable:
            return False
        late = self._world.reactor.seconds() >= self._started + _TRYING
        return late or parts.plugins.tried

    @property
    def local_authority(self) -> Path | None:
        """
        Whose certificate clients have to trust, in PEM; None: those of their own system.
        """
        folder = self._loaded.local_authority
        return None if folder is None else folder / AUTHORITY

    # Starting.

    def privilegedStartService(self) -> None:
        """
        Claim the state folder and open the doors; what fails ends the process with a sentence.
        """
        try:
            self._claim()
            self._open_doors()
            self._open_admin()
        except _EXPECTED as error:
            self._release()
            reason = _reason(error)
            raise SystemExit(f"mcpd: {reason}; {reason.trouble.hint}") from error
        self._tell_left_out(())
        self._warn()
        if self._opened is not None:
            self._opened(self)

    def startService(self) -> None:
        """
        Start every plugin.
        """
        super().startService()
        world = self._world
        self._started = world.reactor.seconds()
        self.plugins.start()
        self._gates.waiting.begin(lambda: self.is_ready)
        self._manager.begin(world.reactor, lambda: self.is_ready, self._describe)
        world.on_hangup(self._reload_quietly)
        self._sweep()

    def _claim(self) -> None:
        parts = self._parts = Parts.claim(self._world, self.settings, self._publisher)
        self.key_file = parts.key_file
        self.router, self.keys, self.plugins = parts.router, parts.keys, parts.plugins
        self.keys.revoked = self._expel

    def _release(self) -> None:
        # As the end of the process does, for who has this as one service of several.
        Deferred.fromCoroutine(self._gates.close())
        if self._parts is not None:
            self._parts.folder.release()
            self._parts = None

    def _open_doors(self) -> None:
        identities = shown(self._loaded, self._world)
        for listen in self.settings.listen:
            self._publisher.tell(DoorOpened(self._gates.open(listen, identities)))

    def _serve(self, gate: Gate) -> dict[bytes, Resource]:
        return served(gate, self.router, self.keys, lambda: self.is_ready)

    def _expel(self, caller: str) -> None:
        # Tickets first, so that nobody comes back in between.
        self._gates.forget(caller)
        self.router.expel(caller)

    def _open_admin(self) -> None:
        world, daemon = self._world, self.settings.daemon
        folder = folders(daemon.runtime_dir, daemon.state_dir, world.environ, world.uid)[0]
        verbs = Verbs(self, self._publisher, world.now, world.entropy)
        door = AdminDoor(verbs, world.reactor, self._publisher, world.uid)
        self._admin = door, world.open_admin(door, folder)

    def _tell_left_out(self, known: Container[LeftOut]) -> None:
        for item in self._loaded.left_out:
            if item not in known:
                self._publisher.tell(PluginLeftOut(item.plugin, item.why))

    def _warn(self) -> None:
        self._warned = self._world.reactor.seconds()
        for ends in self._gates.ending(self._world.now()):
            self._publisher.tell(ends)

    def _sweep(self) -> None:
        reactor = self._world.reactor
        self.router.sessions.sweep()
        if reactor.seconds() >= self._warned + _DAY:
            self._warn()
        self._sweeping = reactor.callLater(min(_SWEEP, self.settings.sessions.idle), self._sweep)

    def _describe(self) -> str:
        return f"serves {len(self.plugins.crews)} plugins at {', '.join(self.addresses)}"

    # What operators see.

    def status(self) -> Status:
        """
        Tell how it fares.
        """
        router = self.router
        return Status(
            version=__version__,
            pid=os.getpid(),
            uptime=self._world.reactor.seconds() - self._started,
            ready=self.is_ready,
            addresses=tuple(self.addresses),
            sessions=len(router.sessions),
            streams=len(router.subscriptions),
            exchanges=len(router.running),
            plugins=tuple(crew.state() for crew in self.plugins.crews.values()),
        )

    def tools(self, plugin: str) -> Sequence[str]:
        """
        Tell the public names of a plugin's tools.
        """
        return self.plugins.tools(plugin)

    def restart(self, plugin: str) -> Deferred[None]:
        """
        Replace a plugin's workers.
        """
        return self.plugins.crews[plugin].restart()

    def configuration(self) -> Sequence[Setting]:
        """
        Tell the configuration as it was read last.
        """
        return self._loaded.effective

    def call(self, path: bytes, message: bytes, caller: str) -> Deferred[bytes]:
        """
        Put one MCP request.
        """
        self._asked += 1
        return ask(self.router, path, message, caller, f"admin-{self._asked}")

    # Another configuration.

    def reload(self, *, dry: bool = False) -> Deferred[Reloaded]:
        """
        Read the configuration again, and do what it says; a wrong one changes nothing.
        """
        if not self.running:
            return fail(Troubled(Reason(Trouble.STOPPING, "the daemon is being stopped")))
        try:
            loaded = self._again()
            identities = shown(loaded, self._world)
        except (ConfigurationError, *_UNFIT) as error:
            if not dry:
                self._publisher.tell(ConfigurationRefused(str(error)))
            return fail(Troubled(Reason(Trouble.RELOAD, str(error))))
        differs = difference(self.settings, loaded.settings)
        added, changed = _names(differs)
        reloaded = Reloaded(added, differs.removed, changed, differs.waits)
        if not dry:
            self._manager.reloading(int(self._world.monotonic() * 1_000_000))
            self._apply(loaded, differs, identities)
            self._manager.ready(self._describe())
            names = (", ".join(each) or "nothing" for each in (added, differs.removed, changed))
            self._publisher.tell(ConfigurationReloaded(*names))
            for key in differs.waits:
                self._publisher.tell(ChangeWaits(key))
            self._warn()
        return succeed(reloaded)

    def _reload_quietly(self) -> None:
        # What is wrong is told as an event.
        self.reload().addErrback(lambda failure: failure.trap(Troubled))

    def _apply(self, loaded: Loaded, differs: Difference, identities: Identities) -> None:
        settings = self.settings = _in_force(self.settings, loaded.settings)
        former, self._loaded = self._loaded, loaded
        self._tell_left_out(former.left_out)
        self.router.limit(settings.limits, settings.sessions, settings.catalog)
        self._gates.change(settings, identities)
        self.plugins.change(differs, settings.catalog, settings.limits.queue)

    # Stopping.

    def stopService(self) -> Deferred[None]:
        """
        Close the doors, let exchanges end, and stop the workers.

        Returns:
            Fires when no process of ours is left.
        """
        super().stopService()
        self._manager.stopping()
        return Deferred.fromCoroutine(self._stop())

    async def _stop(self) -> None:
        if self._sweeping is not None:
            self._sweeping.cancel()
        if self._parts is not None and self._admin is not None:
            await self._end(self._parts, *self._admin)
        self._manager.end()
        self._publisher.tell(DaemonStopped())

    async def _end(self, parts: Parts, door: AdminDoor, port: IListeningPort) -> None:
        await closed([port])
        await self._gates.close()
        parts.router.subscriptions.close()
        until = self._world.reactor.seconds() + self.settings.daemon.drain
        await self._drain(parts.router.running)
        parts.router.sessions.end_all()
        await self._gates.deliver(until)
        await parts.plugins.stop()
        # Whoever is still connected could have something written.
        door.close()
        await parts.database.close()
        parts.folder.release()

    async def _drain(self, running: Running) -> None:
        if not running:
            return
        drain = self.settings.daemon.drain
        self._publisher.tell(DaemonStopping(len(running), drain))
        late = self._world.reactor.callLater(drain, running.abandon)
        await running.drain()
        if late.active():
            late.cancel()


def _reason(error: Exception) -> Reason:
    match error:
        case Troubled():
            return error.reason
        case UnusableKey() | UnusableSealKey():
            return Reason(Trouble.KEY, str(error))
        case CannotListenError():
            # Twisted's own sentence, which ends with a point.
            return Reason(Trouble.LISTEN, str(error).rstrip("."))
        case _:
            return Reason(Trouble.STATE, str(error))


def _names(differs: Difference) -> tuple[tuple[str, ...], tuple[str, ...]]:
    added = tuple(plugin.name for plugin in differs.added)
    return added, tuple(change.plugin.name for change in differs.changed)


def _in_force(old: Settings, new: Settings) -> Settings:
    # What only a new start can change stays, so that it is told again next time.
    daemon = evolve(old.daemon, plugin_dir=new.daemon.plugin_dir, drain=new.daemon.drain)
    limits = evolve(new.limits, backlog=old.limits.backlog)
    return evolve(new, daemon=daemon, listen=standing(old.listen, new.listen), limits=limits)
