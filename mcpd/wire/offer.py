# -*- test-case-name: tests.wire.test_offer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What one plugin has.

A plugin's lists are its own claims, so they are read like any input: what is
not a tool is left out with a sentence that says why, and the rest is served.
"""

from __future__ import annotations

import re

from attrs import frozen
from msgspec import Raw

from mcpd.wire import codec
from mcpd.wire.message import Members
from mcpd.wire.revision import Revision

_NAME = re.compile(r"[A-Za-z0-9_./-]{1,128}\Z", re.ASCII)


@frozen(eq=False)
class Tool:
    """
    One tool, as its plugin defines it.

    Attributes:
        name: The plugin's own name for it.
        definition: All members of its definition, raw.
        wrapped: Whether its structured results need an object around them for
            legacy clients, who know no other (MCP 2025-11-25, "Output Schema").
    """

    name: str
    definition: Members
    wrapped: bool


@frozen(eq=False)
class Offer:
    """
    What one plugin has, and how it speaks.

    Attributes:
        revision: What was agreed with it.
        tools: Its tools, in its own order.
        instructions: What it tells models about itself; empty if nothing.
        left_out: A sentence for each thing of its lists that is not served.
    """

    revision: Revision
    tools: tuple[Tool, ...]
    instructions: str = ""
    left_out: tuple[str, ...] = ()


class Unusable(Exception):
    """
    A definition that can't be served; its text says why.
    """


def read_tool(piece: Raw) -> Tool:
    """
    Read one tool's definition (MCP, "Tools", data type ``Tool``).

    Raises:
        Unusable: It has no usable name or its input schema is not an object's.
    """
    members = codec.members(piece)
    if members is None:
        raise Unusable("a tool that is not an object")
    # Some libraries write what is not there as null, which clients refuse.
    definition = {name: value for name, value in members.items() if bytes(value) != b"null"}
    name = codec.text(definition.get("name", Raw()))
    if name is None or not _NAME.match(name):
        raise Unusable("a tool whose name is not 1 to 128 of A-Z a-z 0-9 _ - . /")
    if not _is_object_schema(definition.get("inputSchema")):
        raise Unusable(f'tool {name}: its inputSchema is not of "type": "object"')
    output = definition.get("outputSchema")
    return Tool(name, definition, output is not None and not _is_object_schema(output))


def _is_object_schema(piece: Raw | None) -> bool:
    schema = codec.members(piece) if piece is not None else None
    return schema is not None and codec.text(schema.get("type", Raw())) == "object"
