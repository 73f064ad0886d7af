# -*- test-case-name: tests.wire.test_offer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What one plugin has.

A plugin's lists are its own claims, so they are read like any input: what is
not usable is left out with a sentence that says why, and the rest is served.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from attrs import frozen
from msgspec import Raw

from mcpd.wire import codec, mirror, write
from mcpd.wire.message import Members
from mcpd.wire.mirror import Mirror
from mcpd.wire.revision import Revision
from mcpd.wire.template import BadTemplate, UriTemplate
from mcpd.wire.uri import flaw
from mcpd.wire.visible import visible

# Most characters of a name and of a URI.
_NAME = 128
_URI = 2048


class Feature(Enum):
    """
    What a server can declare that it does (MCP, "Capabilities"); two of them stand inside others.
    """

    TOOLS = "tools"
    PROMPTS = "prompts"
    RESOURCES = "resources"
    SUBSCRIBE = "resources.subscribe"
    COMPLETIONS = "completions"
    LOGGING = "logging"


class Sort(Enum):
    """
    What is listed.

    Attributes:
        member: The member of a list's result that has the items.
        method: The method that lists.
        key: The member of an item that is its name.
        feature: What a server that lists them declares.
        notice: The notice that says that the list is another one.
    """

    TOOLS = ("tools", "tools/list", "name", Feature.TOOLS)
    PROMPTS = ("prompts", "prompts/list", "name", Feature.PROMPTS)
    RESOURCES = ("resources", "resources/list", "uri", Feature.RESOURCES)
    TEMPLATES = ("resourceTemplates", "resources/templates/list", "uriTemplate", Feature.RESOURCES)

    def __init__(self, member: str, method: str, key: str, feature: Feature) -> None:
        self.member = member
        self.method = method
        self.key = key
        self.feature = feature
        self.notice = f"notifications/{feature.value}/list_changed"


@frozen(eq=False)
class Item:
    """
    One thing that a plugin lists, as the plugin defines it.

    Attributes:
        name: The plugin's own name for it: a name, a URI or a URI template.
        definition: All members of its definition, raw.
    """

    name: str
    definition: Members


@frozen(eq=False)
class Tool(Item):
    """
    One tool.

    Attributes:
        wrapped: Whether its structured results need an object around them for
            legacy clients, who know no other (MCP 2025-11-25, "Output Schema").
        mirrors: Which of its arguments a header field repeats.
    """

    wrapped: bool = False
    mirrors: tuple[Mirror, ...] = ()


@frozen(eq=False)
class Template(Item):
    """
    One template of resources.

    Attributes:
        pattern: Says which URIs are its own.
    """

    pattern: UriTemplate


@frozen(eq=False)
class Offer:
    """
    What one plugin has, and how it speaks.

    Attributes:
        revision: What was agreed with it.
        tools: Its tools, in its own order; so the other lists.
        prompts: Its prompts.
        resources: Its resources.
        templates: Its templates of resources.
        features: What it declared that it does.
        instructions: What it tells models about itself; empty if nothing.
        left_out: A sentence for each thing of its lists that is not served.
    """

    revision: Revision
    tools: tuple[Tool, ...] = ()
    prompts: tuple[Item, ...] = ()
    resources: tuple[Item, ...] = ()
    templates: tuple[Template, ...] = ()
    features: frozenset[Feature] = frozenset()
    instructions: str = ""
    left_out: tuple[str, ...] = ()

    def equals(self, other: Offer) -> bool:
        """
        Say whether another offer says the same.
        """
        about = ("revision", "features", "instructions", "left_out")
        return all(getattr(self, name) == getattr(other, name) for name in about) and all(
            [item.definition for item in self.items(sort)] == [item.definition for item in other.items(sort)]
            for sort in Sort
        )

    def items(self, sort: Sort) -> tuple[Item, ...]:
        """
        Give one of the lists.
        """
        match sort:
            case Sort.TOOLS:
                return self.tools
            case Sort.PROMPTS:
                return self.prompts
            case Sort.RESOURCES:
                return self.resources
            case Sort.TEMPLATES:
                return self.templates


class Unusable(Exception):
    """
    A definition that can't be served; its text says why.
    """


_READ_BY_MODELS = ("description", "title")
_CALLED = {
    Sort.TOOLS: "tool",
    Sort.PROMPTS: "prompt",
    Sort.RESOURCES: "resource",
    Sort.TEMPLATES: "resource template",
}


@frozen(eq=False)
class Read:
    """
    One thing of a list, as it was read.

    Attributes:
        item: The thing, as it is served.
        wrong: A sentence for each part of it that is not served.
    """

    item: Item
    wrong: tuple[str, ...] = ()


def read(sort: Sort, piece: Raw) -> Read:
    """
    Read the definition of one thing.

    Raises:
        Unusable: It can't be served.
    """
    members = codec.members(piece)
    if members is None:
        raise Unusable(f"a {_CALLED[sort]} that is not an object")
    # Some libraries write what is not there as null, which clients refuse.
    definition = {name: value for name, value in members.items() if bytes(value) != b"null"}
    hidden = [name for name in _READ_BY_MODELS if name in definition and _uncover(definition, name)]
    found = _READERS[sort](definition)
    if not hidden:
        return found
    what = f"{_CALLED[sort]} {found.item.name}"
    wrong = tuple(f"{what}: characters that are hidden in its {name}" for name in hidden)
    return Read(found.item, (*wrong, *found.wrong))


def _uncover(definition: Members, name: str) -> bool:
    # Most texts are printable ASCII, and those have nothing to hide.
    text = codec.text(definition[name]) or ""
    shown = text if text.isascii() and text.isprintable() else visible(text)
    if shown == text:
        return False
    definition[name] = Raw(write.encode(shown))
    return True


def _tool(definition: Members) -> Read:
    # MCP, "Tools", data type Tool.
    name = _name(Sort.TOOLS, definition)
    schema = definition.get("inputSchema")
    if schema is None or not _is_object_schema(schema):
        raise Unusable(f'tool {name}: its inputSchema is not of "type": "object"')
    found = mirror.read(schema)
    definition["inputSchema"] = found.schema
    output = definition.get("outputSchema")
    wrapped = output is not None and not _is_object_schema(output)
    return Read(
        Tool(name, definition, wrapped, found.mirrors), tuple(f"tool {name}: {why}" for why in found.wrong)
    )


def _prompt(definition: Members) -> Read:
    # MCP, "Prompts", data type Prompt.
    return Read(Item(_name(Sort.PROMPTS, definition), definition))


def _resource(definition: Members) -> Read:
    # MCP, "Resources", data type Resource.
    uri = codec.text(definition.get("uri", Raw()))
    if uri is None or not 0 < len(uri) <= _URI or not uri.isprintable() or " " in uri:
        raise Unusable(f"a resource whose uri is not 1 to {_URI} characters without blanks")
    if why := flaw(uri):
        raise Unusable(f"resource {uri}: {why}")
    _check_title(f"resource {uri}", definition)
    return Read(Item(uri, definition))


def _template(definition: Members) -> Read:
    # MCP, "Resources", data type ResourceTemplate.
    text = codec.text(definition.get("uriTemplate", Raw()))
    try:
        pattern = UriTemplate.read(text or "")
    except BadTemplate as bad:
        raise Unusable(f"a resource template that can't be read: {bad}") from None
    _check_title(f"resource template {pattern.text}", definition)
    return Read(Template(pattern.text, definition, pattern))


_READERS: dict[Sort, Callable[[Members], Read]] = {
    Sort.TOOLS: _tool,
    Sort.PROMPTS: _prompt,
    Sort.RESOURCES: _resource,
    Sort.TEMPLATES: _template,
}


def _name(sort: Sort, definition: Members) -> str:
    # The catalog makes a public name of it; here it must only be fit to be told.
    name = codec.text(definition.get("name", Raw()))
    if name is None or not 0 < len(name) <= _NAME or not name.isprintable():
        raise Unusable(f"a {_CALLED[sort]} whose name is not 1 to {_NAME} printable characters")
    return name


def _check_title(what: str, definition: Members) -> None:
    if codec.text(definition.get("name", Raw())) is None:
        raise Unusable(f"{what}: it has no name")


def _is_object_schema(piece: Raw) -> bool:
    schema = codec.members(piece)
    return schema is not None and codec.text(schema.get("type", Raw())) == "object"
