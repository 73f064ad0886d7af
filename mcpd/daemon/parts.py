# -*- test-case-name: tests.daemon.test_parts -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a daemon is made of, before anybody can come.
"""

from __future__ import annotations

from pathlib import Path

from attrs import frozen
from twisted.internet.defer import DeferredSemaphore

from mcpd.access.keyfile import first_record
from mcpd.config.settings import Settings
from mcpd.daemon.plugins import Plugins
from mcpd.daemon.world import World
from mcpd.events import LeftoversKilled, Publisher, StoreUnwritable
from mcpd.policy.seal import Seal
from mcpd.relay.router import Router
from mcpd.sandbox.mark import state_id
from mcpd.store.database import Database
from mcpd.store.folder import StateFolder
from mcpd.store.keys import Keys
from mcpd.store.sealkey import seal_key
from mcpd.store.verdicts import Verdicts


@frozen(eq=False)
class Parts:
    """
    What a daemon is made of.

    Attributes:
        folder: Its state folder, locked.
        database: What survives a restart.
        key_file: The first key's file; None where nobody needs one.
        keys: The API keys.
        router: What its doors lead to.
        plugins: The plugins, of which none is started yet.
    """

    folder: StateFolder
    database: Database
    key_file: Path | None
    keys: Keys
    router: Router
    plugins: Plugins

    @classmethod
    def claim(cls, world: World, settings: Settings, publisher: Publisher) -> Parts:
        """
        Claim the state folder, and make everything of what is in it and in the configuration.

        It waits for the disk.  If it fails nothing is kept.

        Raises:
            FolderTaken: Another daemon has the folder.
            OSError: The folder, or something in it, can't be used.
            StoreFailed: Its database can't.
            UnusableKey: Its first key can't.
            UnusableSealKey: Its seal key can't.
        """
        folder = StateFolder.claim(Path(settings.daemon.state_dir))
        try:
            return cls._within(folder, world, settings, publisher)
        except BaseException:
            folder.release()
            raise

    @classmethod
    def _within(cls, folder: StateFolder, world: World, settings: Settings, publisher: Publisher) -> Parts:
        database = Database(
            folder.database, world.thread(), world.reactor, lambda why: publisher.tell(StoreUnwritable(why))
        )
        database.prepare()
        needs_key = any(listen.auth == "required" for listen in settings.listen)
        first = first_record(folder.key, world.entropy) if needs_key else None
        keys = Keys.load(database, first)
        router = Router.new(
            world.reactor,
            world.entropy,
            publisher,
            settings.limits,
            settings.sessions,
            settings.catalog,
            Seal((seal_key(folder.seal, world.entropy),), world.entropy),
            needs_key,
        )
        # Before anything is started that could be taken for what was left.
        state = state_id(folder.path)
        leftovers = world.sweep(state)
        if leftovers:
            publisher.tell(LeftoversKilled(leftovers))
        plugins = Plugins(
            world,
            publisher,
            folder,
            router,
            Verdicts.load(database),
            world.nursery(state),
            DeferredSemaphore(settings.daemon.starts),
            settings.catalog,
            settings.limits.queue,
        )
        plugins.hire(settings.plugins)
        return cls(folder, database, folder.key if needs_key else None, keys, router, plugins)
