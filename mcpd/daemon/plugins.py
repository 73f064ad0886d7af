# -*- test-case-name: tests.daemon.test_plugins -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The plugins that are run, and the catalogs of what they have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Literal

from attrs import define, field, frozen
from twisted.internet.defer import DeferredList, DeferredSemaphore

from mcpd.config.difference import Difference
from mcpd.daemon.world import Nursery, World
from mcpd.events import Event, NamesTaken, Publisher
from mcpd.relay.catalog import Catalog
from mcpd.relay.router import Router
from mcpd.relay.spec import CatalogLimits
from mcpd.relay.stock import Stock
from mcpd.store.folder import StateFolder
from mcpd.store.verdicts import Verdict, Verdicts
from mcpd.workers.channel import Spawn
from mcpd.workers.crew import Crew
from mcpd.workers.spec import Plugin

# Names that are taken, told one by one.
_NAMES = 100


@frozen
class ProgramMemory:
    """
    What is remembered of one plugin's program (:class:`mcpd.workers.staff.Memory`).
    """

    _verdicts: Verdicts
    _artefact: Callable[[], bytes]

    def era(self) -> Literal["modern", "legacy"] | None:
        """
        Tell which era it was of when it was ready last.
        """
        verdict = self._verdicts.get(self._artefact())
        return verdict.era if verdict is not None else None

    def learn(self, era: Literal["modern", "legacy"]) -> None:
        """
        Remember it.
        """
        self._verdicts.put(self._artefact(), Verdict(era))

    def forget(self) -> None:
        """
        Forget it.
        """
        self._verdicts.forget(self._artefact())


@define(eq=False)
class Plugins:
    """
    The crews of all plugins that are run.

    Attributes:
        crews: Them, by the plugin's name, in the order of the configuration.
    """

    _world: World
    _publisher: Publisher
    _folder: StateFolder
    _router: Router
    _verdicts: Verdicts
    _nursery: Nursery
    _starts: DeferredSemaphore
    _limits: CatalogLimits
    _queue: int
    crews: dict[str, Crew] = field(init=False, factory=dict)
    _all: Catalog = field(init=False)
    _leaving: set[Crew] = field(init=False, factory=set)
    _alone: dict[bytes, tuple[object, Catalog]] = field(init=False, factory=dict)
    _goes_without: frozenset[Event] = field(init=False, default=frozenset())

    def hire(self, plugins: Iterable[Plugin]) -> None:
        """
        Make the crews, none of which starts yet.
        """
        self.crews = {plugin.name: self._crew(plugin) for plugin in plugins if plugin.enabled}
        self.recatalog()

    def start(self) -> None:
        """
        Start every plugin.
        """
        self._nursery.begin()
        for crew in self.crews.values():
            crew.start()

    @property
    def tried(self) -> bool:
        """
        Whether each plugin's first start has come to an end, good or bad.
        """
        return all(crew.tried for crew in self.crews.values())

    def tools(self, name: str) -> list[str]:
        """
        Tell the public names of a plugin's tools.
        """
        crew = self.crews.get(name)
        return [] if crew is None else self._all.tools_of(crew)

    async def stop(self) -> None:
        """
        Stop every plugin, until no worker is left, nor anything that one left behind.
        """
        await DeferredList([crew.stop() for crew in (*self.crews.values(), *self._leaving)])
        await self._nursery.stop()

    # Another configuration.

    def change(self, difference: Difference, limits: CatalogLimits, queue: int) -> None:
        """
        Run the plugins that a new configuration has, and touch only those that differ.

        Args:
            difference: What differs.
            limits: How their lists are shown from now on.
            queue: Most calls that may wait for one of them.
        """
        for name in difference.removed:
            self._let_go(self.crews.pop(name))
        for change in difference.changed:
            crew, plugin = self.crews[change.plugin.name], change.plugin
            if change.respawn:
                crew.reform(plugin, self._spawner(plugin), self._memory(plugin), self._world.layers(plugin))
            else:
                crew.respec(plugin)
        added = {plugin.name: self._crew(plugin) for plugin in difference.added}
        every = self.crews | added
        self.crews = {name: every[name] for name in difference.order}
        self._limits, self._queue = limits, queue
        for crew in self.crews.values():
            crew.limit(queue)
        # What is new is in the catalogs before anybody can hear of it.
        self.recatalog()
        for crew in added.values():
            crew.start()

    def _let_go(self, crew: Crew) -> None:
        self._leaving.add(crew)
        crew.retire().addCallback(lambda _: self._leaving.discard(crew))

    def _crew(self, plugin: Plugin) -> Crew:
        world = self._world
        crew = Crew.new(
            plugin,
            world.reactor,
            self._publisher,
            self._spawner(plugin),
            self._starts,
            world.chance,
            self._queue,
            self._memory(plugin),
            world.layers(plugin),
            self.recatalog,
        )
        crew.shown.updated = partial(self._router.subscriptions.updated, crew)
        return crew

    def _spawner(self, plugin: Plugin) -> Spawn:
        return self._world.spawner(plugin, self._folder.plugin(plugin.name), self._nursery)

    def _memory(self, plugin: Plugin) -> ProgramMemory:
        home = self._folder.plugin(plugin.name)
        return ProgramMemory(self._verdicts, partial(self._world.artefact, plugin, home))

    # What they have.

    def recatalog(self) -> None:
        """
        Serve what the plugins have now.
        """
        stocks = [_stock(crew) for crew in self.crews.values()]
        goes_without: list[Event] = []
        self._all = Catalog.of(stocks, self._limits, goes_without.append)
        self._tell_taken(goes_without)
        self._router.fill({b"/mcp": self._all, **self._each_alone(stocks)})

    def _each_alone(self, stocks: Iterable[Stock]) -> Mapping[bytes, Catalog]:
        # One whose offer is the same keeps its catalog: to make one takes a while.
        former, self._alone = self._alone, {}
        for stock in stocks:
            path = f"/mcp/{stock.plugin}".encode()
            made_of = (stock.answerer, stock.offer, stock.include, stock.exclude, self._limits)
            known, catalog = former.get(path, (None, None))
            if catalog is None or known != made_of:
                catalog = Catalog.alone(stock, self._limits)
            self._alone[path] = made_of, catalog
        return {path: catalog for path, (_, catalog) in self._alone.items()}

    def _tell_taken(self, goes_without: Iterable[Event]) -> None:
        # Told once, and not at each change of another plugin.
        news = [event for event in goes_without if event not in self._goes_without]
        # Bounded: a plugin may list as many names of others as it likes.
        for event in news[:_NAMES]:
            self._publisher.tell(event)
        if len(news) > _NAMES:
            self._publisher.tell(NamesTaken(len(news) - _NAMES))
        self._goes_without = frozenset(goes_without)


def _stock(crew: Crew) -> Stock:
    plugin = crew.spec
    prefix = plugin.name if plugin.prefix is None else plugin.prefix
    return Stock(plugin.name, prefix, plugin.tools.include, plugin.tools.exclude, crew.offer, crew)
