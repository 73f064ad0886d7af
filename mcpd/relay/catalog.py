# -*- test-case-name: tests.relay.test_catalog -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What mcpd has: the offers of all plugins under public names, or one plugin's under its own.

A catalog never changes; when an offer does, there is another catalog.  Names
are found by an exact map and never taken apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from attrs import frozen
from msgspec import Raw

from mcpd.events import Event, NameTaken
from mcpd.relay.listing import Listing, Page
from mcpd.relay.naming import public
from mcpd.relay.resources import Resources, ranked
from mcpd.relay.spec import CatalogLimits
from mcpd.relay.stock import Stock
from mcpd.relay.subject import Subject
from mcpd.wire import codec, write
from mcpd.wire.call import Answerer
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Members
from mcpd.wire.mirror import Mirror
from mcpd.wire.offer import Feature, Item, Sort, Tool
from mcpd.wire.revision import Revision

_NOTHING = Raw()
# Plugins may come, and a client that finds no tools here should ask for the
# list again, not give up.
_ALWAYS = frozenset((Feature.TOOLS,))
_CUT = "\n\n(The instructions go on, but are cut here for their length.)"


@frozen(eq=False)
class Route:
    """
    Where the public name of a tool or prompt leads.

    Attributes:
        plugin: The plugin's name.
        name: The plugin's own name for it, as JSON.
        answerer: Who answers for it.
        mirrors: Which arguments a header field repeats, if it is a tool.
        subject: What an exchange about it is about.
    """

    plugin: str
    name: Raw
    answerer: Answerer
    mirrors: tuple[Mirror, ...]
    subject: Subject


Routes = dict[bytes, Route]
_Placed = dict[str, tuple[Stock, Item]]


@frozen(eq=False)
class Catalog:
    """
    The public names, and where they lead.

    Lists have the plugins' order, then each plugin's own.

    Attributes:
        features: What is served, or may be soon.
        instructions: What the plugins tell models about themselves; empty if nothing.
    """

    features: frozenset[Feature]
    instructions: str
    _listings: Mapping[Sort, Listing]
    _tools: Routes
    _prompts: Routes
    _resources: Resources
    _answerers: frozenset[Answerer]
    _completing: frozenset[Answerer]

    @classmethod
    def of(cls, stocks: Iterable[Stock], limits: CatalogLimits, told: Callable[[Event], None]) -> Catalog:
        """
        Put the offers of all plugins together.

        Args:
            stocks: In the order of the configuration; where two have a name,
                the first has it.
            limits: What is configured.
            told: Hears of each name that somebody goes without.
        """
        stocks = tuple(stocks)
        placed = {sort: _place(sort, stocks, limits.name_limit, told) for sort in Sort}
        resources = Resources(
            _owners(placed[Sort.TEMPLATES]) | _owners(placed[Sort.RESOURCES]),
            ranked((pattern, stock.answerer) for stock in stocks for pattern in stock.patterns()),
        )
        texts = ((stock.plugin, stock.known.instructions) for stock in stocks)
        instructions = "\n\n".join(f"# {plugin}\n\n{text}" for plugin, text in texts if text)
        return cls._made(stocks, placed, resources, instructions, limits, always=_ALWAYS)

    @classmethod
    def alone(cls, stock: Stock, limits: CatalogLimits) -> Catalog:
        """
        Show one plugin's offer, under its own names.

        Every resource is its own, listed or not.
        """
        placed: dict[Sort, _Placed] = {
            sort: {item.name: (stock, item) for item in stock.items(sort)} for sort in Sort
        }
        others = (stock.answerer,) if Feature.RESOURCES in stock.known.features else ()
        return cls._made((stock,), placed, Resources(others=others), stock.known.instructions, limits)

    @classmethod
    def _made(
        cls,
        stocks: tuple[Stock, ...],
        placed: Mapping[Sort, _Placed],
        resources: Resources,
        instructions: str,
        limits: CatalogLimits,
        *,
        always: frozenset[Feature] = frozenset(),
    ) -> Catalog:
        return cls(
            always.union(*(stock.known.features for stock in stocks)),
            _cut(instructions, limits.instructions),
            {
                sort: Listing(sort, {key: item for key, (_, item) in there.items()}, limits.page)
                for sort, there in placed.items()
            },
            _routes("tools/call", placed[Sort.TOOLS]),
            _routes("prompts/get", placed[Sort.PROMPTS]),
            resources,
            frozenset(stock.answerer for stock in stocks),
            frozenset(stock.answerer for stock in stocks if Feature.COMPLETIONS in stock.known.features),
        )

    def has(self, answerer: Answerer) -> bool:
        """
        Say whether a plugin is served here.
        """
        return answerer in self._answerers

    def tools_of(self, answerer: Answerer) -> list[str]:
        """
        Tell the public names of a plugin's tools.
        """
        named = ((codec.text(Raw(name)), route) for name, route in self._tools.items())
        return [name for name, route in named if name and route.answerer is answerer]

    # Where names lead.

    def tool(self, name: Raw) -> Route:
        """
        Tell where the public name of a tool leads.

        Args:
            name: As JSON.

        Raises:
            Fault: PARAMS, nobody has it.
        """
        # Nearly every client writes a name as we do, and then it need not be decoded.
        return self._tools.get(bytes(name)) or _decoded(self._tools, name, "there is no tool of this name")

    def prompt(self, name: Raw) -> Route:
        """
        Tell where the public name of a prompt leads, given as JSON.

        Raises:
            Fault: PARAMS, nobody has it.
        """
        return _decoded(self._prompts, name, "there is no prompt of this name")

    def readers(self, uri: str) -> tuple[Answerer, ...]:
        """
        Tell who may have a resource, the likeliest first.
        """
        return self._resources.readers(uri)

    def completer(self, ref: Members) -> tuple[Answerer, Members] | None:
        """
        Tell who completes arguments of a prompt, or of a template of resources.

        Args:
            ref: What a client refers to (MCP, "Completion", "Reference Types").

        Returns:
            Who, and the reference with the plugin's own name; None if the
            plugin does not complete anything.

        Raises:
            Fault: PARAMS, it refers to nothing that there is.
        """
        match codec.text(ref.get("type", _NOTHING)):
            case "ref/prompt":
                route = self.prompt(ref.get("name", _NOTHING))
                answerer, ref = route.answerer, {**ref, "name": route.name}
            case "ref/resource":
                answerer = self._reader(ref.get("uri", _NOTHING))
            case _:
                raise Fault(Kind.PARAMS, "a reference is of type ref/prompt or ref/resource")
        return (answerer, ref) if answerer in self._completing else None

    def _reader(self, written: Raw) -> Answerer:
        uri = codec.text(written)
        found = () if uri is None else self._resources.readers(uri)
        if not found:
            raise Fault(Kind.PARAMS, "there is no resource or template of this URI")
        return found[0]

    # Lists.

    def page(self, sort: Sort, revision: Revision, start: int) -> Page:
        """
        Give a page of a list, as a client of ``revision`` knows it.

        Args:
            sort: Which list.
            revision: The client's.
            start: How many items stand before the page.
        """
        return self._listings[sort].page(revision, start)

    def start(self, sort: Sort, last: str, index: int) -> int:
        """
        Tell where a page begins whose forerunner was this catalog's, or an older one's.

        Args:
            sort: Which list.
            last: That page's :attr:`mcpd.relay.listing.Page.last`.
            index: Its ``next``, which counts if that item is gone.
        """
        return self._listings[sort].start(last, index)

    def digest(self, sort: Sort) -> bytes:
        """
        Give sixteen bytes that differ for lists that differ for any client.
        """
        return self._listings[sort].digest


def _place(sort: Sort, stocks: Iterable[Stock], limit: int, told: Callable[[Event], None]) -> _Placed:
    placed: _Placed = {}
    named = sort in (Sort.TOOLS, Sort.PROMPTS)
    for stock in stocks:
        for item in stock.items(sort):
            key = public(stock.prefix, item.name, limit) if named else item.name
            if key in placed:
                told(NameTaken(stock.plugin, key))
            else:
                placed[key] = (stock, item)
    return placed


def _owners(placed: _Placed) -> dict[str, Answerer]:
    return {uri: stock.answerer for uri, (stock, _) in placed.items()}


def _routes(method: str, placed: _Placed) -> Routes:
    return {write.encode(key): _route(method, stock, item) for key, (stock, item) in placed.items()}


def _route(method: str, stock: Stock, item: Item) -> Route:
    wrapped, mirrors = (item.wrapped, item.mirrors) if isinstance(item, Tool) else (False, ())
    name = Raw(write.encode(item.name))
    subject = Subject(method, wrapped=wrapped, links=Feature.RESOURCES in stock.known.features)
    return Route(stock.plugin, name, stock.answerer, mirrors, subject)


def _decoded(routes: Routes, written: Raw, missing: str) -> Route:
    name = codec.text(written)
    route = None if name is None else routes.get(write.encode(name))
    if route is None:
        raise Fault(Kind.PARAMS, missing)
    return route


def _cut(text: str, most: int) -> str:
    data = text.encode()
    return text if len(data) <= most else data[:most].decode(errors="ignore") + _CUT
