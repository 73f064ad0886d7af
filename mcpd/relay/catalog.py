# -*- test-case-name: tests.relay.test_catalog -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What mcpd has: the offers of all plugins, under public names.

A catalog never changes; when an offer does, there is another catalog.  Names
are found by an exact map and never taken apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase

from attrs import field, frozen
from msgspec import Raw

from mcpd.wire import codec, write
from mcpd.wire.call import Answerer
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Members, Piece
from mcpd.wire.offer import Offer, Tool
from mcpd.wire.revision import Era, Revision

_WRAP_START, _WRAP_END = b'{"type":"object","properties":{"result":', b'},"required":["result"]}'


@frozen(eq=False)
class Stock:
    """
    One plugin's offer on its way into a catalog.

    Attributes:
        plugin: The plugin's name.
        prefix: What stands before its names; empty: nothing.
        include: Patterns of own names, one of which must match.
        exclude: Patterns of own names, none of which may match.
        offer: What it has.
        answerer: Who answers for it.
    """

    plugin: str
    prefix: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    offer: Offer
    answerer: Answerer

    def chooses(self, tool: Tool) -> bool:
        """
        Say whether a tool is served at all.
        """
        name = tool.name
        wanted = any(fnmatchcase(name, pattern) for pattern in self.include)
        return wanted and not any(fnmatchcase(name, pattern) for pattern in self.exclude)


@frozen(eq=False)
class Route:
    """
    Where a public name leads.

    Attributes:
        name: The plugin's own name for the tool, as JSON.
        answerer: Who answers for it.
        tool: The tool.
    """

    name: Raw
    answerer: Answerer
    tool: Tool


@frozen(eq=False)
class Catalog:
    """
    The public names, and where they lead.

    Attributes:
        routes: By public name, in the order of lists: the plugins' order, then
            each plugin's own.
        instructions: What all plugins tell models about themselves.
    """

    routes: dict[str, Route] = field(factory=dict)
    instructions: str = ""
    _lists: dict[str, bytes] = field(factory=dict)
    _written: dict[bytes, Route] = field(init=False)

    @_written.default
    def _write(self) -> dict[bytes, Route]:
        return {write.encode(name): route for name, route in self.routes.items()}

    @classmethod
    def of(cls, stocks: Iterable[Stock], taken: Callable[[str, str], None]) -> Catalog:
        """
        Put offers together.

        Args:
            stocks: In the order of the configuration; where two have a name,
                the first has it.
            taken: Told the plugin that goes without, and the name.
        """
        routes: dict[str, Route] = {}
        instructions = []
        for stock in stocks:
            if stock.offer.instructions:
                instructions.append(f"# {stock.plugin}\n\n{stock.offer.instructions}")
            for tool in filter(stock.chooses, stock.offer.tools):
                public = f"{stock.prefix}__{tool.name}" if stock.prefix else tool.name
                if public in routes:
                    taken(stock.plugin, public)
                    continue
                routes[public] = Route(Raw(write.encode(tool.name)), stock.answerer, tool)
        return cls(routes, "\n\n".join(instructions))

    def find(self, name: str) -> Route:
        """
        Tell where a public name leads.

        Raises:
            Fault: PARAMS, nobody has it.
        """
        route = self.routes.get(name)
        if route is None:
            raise Fault(Kind.PARAMS, "there is no tool of this name")
        return route

    def find_written(self, name: Raw) -> Route:
        """
        Tell where a public name leads, given as JSON.

        Nearly every client writes a name as we do, and then it need not be
        decoded.

        Raises:
            Fault: PARAMS, nobody has it.
        """
        return self._written.get(bytes(name)) or self.find(codec.text(name) or "")

    def tools(self, revision: Revision) -> bytes:
        """
        Give the list of tools as a JSON array, as a client of ``revision`` knows it.
        """
        listed = self._lists.get(revision.name)
        if listed is None:
            listed = b"[%b]" % b",".join(
                _definition(name, route.tool, revision) for name, route in self.routes.items()
            )
            self._lists[revision.name] = listed
        return listed


def _definition(public: str, tool: Tool, revision: Revision) -> bytes:
    members: dict[str, Piece] = {"name": write.encode(public)}
    unknown = _unknown_members(revision)
    members |= {
        name: value for name, value in tool.definition.items() if name not in unknown and name != "name"
    }
    if tool.wrapped and revision.era is Era.LEGACY:
        members["outputSchema"] = b"".join((_WRAP_START, tool.definition["outputSchema"], _WRAP_END))
    out: list[Piece] = []
    write.put(out, members.items())
    return b"".join(out)


def _unknown_members(revision: Revision) -> set[str]:
    known = {
        "annotations": revision.annotations,
        "icons": revision.icons,
        "execution": revision.execution,
    }
    return {name for name, has in known.items() if not has}


def wrap(result: Members) -> dict[str, Piece]:
    """
    Put an object around a structured result, as the wrapped schema promises.
    """
    wrapped: dict[str, Piece] = dict(result)
    content = result.get("structuredContent")
    if content is not None:
        wrapped["structuredContent"] = b"".join((b'{"result":', content, b"}"))
    return wrapped
