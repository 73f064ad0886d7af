# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What plugins offer, and a plugin that answers when it is told to.
"""

from __future__ import annotations

from typing import Any

from attrs import Factory, define
from msgspec import Raw
from twisted.internet.defer import Deferred

from mcpd.relay.stock import Stock
from mcpd.wire import write
from mcpd.wire.call import Call, Listener
from mcpd.wire.message import Answer, Members, Refusal
from mcpd.wire.offer import Feature, Item, Offer, Template, Tool
from mcpd.wire.revision import MODERN
from mcpd.wire.template import UriTemplate


def raw(value: Any) -> Raw:
    """
    Write a value as a piece.
    """
    return Raw(write.encode(value))


def members(**values: Any) -> Members:
    """
    Write values as an object's members.
    """
    return {name: raw(value) for name, value in values.items()}


def tool(name: str = "echo", wrapped: bool = False, **rest: Any) -> Tool:
    """
    Make a tool.
    """
    return Tool(name, members(**{"name": name, "inputSchema": {"type": "object"}} | rest), wrapped)


def prompt(name: str, **rest: Any) -> Item:
    """
    Make a prompt.
    """
    return Item(name, members(name=name, **rest))


def resource(uri: str, **rest: Any) -> Item:
    """
    Make a resource.
    """
    return Item(uri, members(**{"uri": uri, "name": "r"} | rest))


def template(text: str, **rest: Any) -> Template:
    """
    Make a template of resources.
    """
    return Template(text, members(**{"uriTemplate": text, "name": "t"} | rest), UriTemplate.read(text))


@define(eq=False)
class FakePlugin:
    """
    An :class:`mcpd.wire.call.Answerer` of which a test decides what it answers.

    Attributes:
        asked: The calls that it was given.
        outcomes: What each of them waits for.
        cancelled: How many were cancelled.
    """

    asked: list[Call] = Factory(list)
    outcomes: list[Deferred[Answer | Refusal]] = Factory(list)
    cancelled: int = 0

    def ask(self, call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
        """
        Keep the call.
        """
        self.asked.append(call)
        outcome: Deferred[Answer | Refusal] = Deferred(self._cancel)
        self.outcomes.append(outcome)
        return outcome

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Never answer, for nobody asks here.
        """
        return Deferred()

    def unwatch(self, uri: str) -> None:
        """
        Watch nothing, as before.
        """

    def _cancel(self, outcome: Deferred[Answer | Refusal]) -> None:
        self.cancelled += 1


def stock(
    name: str,
    *items: Item,
    prefix: str | None = None,
    include: tuple[str, ...] = ("*",),
    exclude: tuple[str, ...] = (),
    features: frozenset[Feature] = frozenset(Feature),
    instructions: str = "",
) -> Stock:
    """
    Make a plugin's offer of tools, prompts, resources and templates; unless told, its name is its prefix.
    """
    plain = [item for item in items if not isinstance(item, Tool | Template)]
    offer = Offer(
        MODERN,
        tools=tuple(item for item in items if isinstance(item, Tool)),
        prompts=tuple(item for item in plain if "uri" not in item.definition),
        resources=tuple(item for item in plain if "uri" in item.definition),
        templates=tuple(item for item in items if isinstance(item, Template)),
        features=features,
        instructions=instructions,
    )
    return Stock(name, name if prefix is None else prefix, include, exclude, offer, FakePlugin())


def unknown(name: str) -> Stock:
    """
    Make the stock of a plugin that has not told yet what it has.
    """
    return Stock(name, name, ("*",), (), None, FakePlugin())
