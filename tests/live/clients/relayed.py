# -*- test-case-name: tests.live.test_connect_conformance -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client with version 2 of the official Python SDK, at the far end of which is the conformance suite.

Run by the suite as ``python relayed.py COMMAND... URL``: it starts ``COMMAND...
--url URL`` as a server on standard input and output, and does over that what
the scenario wants, which the suite names in the environment.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import warnings
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import mcp_types as types  # type: ignore[import-not-found]  # in an environment of its own
from mcp.client.client import Client  # type: ignore[import-not-found]
from mcp.client.stdio import StdioServerParameters  # type: ignore[import-not-found]
from mcp.shared.exceptions import MCPDeprecationWarning  # type: ignore[import-not-found]
from pydantic import ValidationError  # type: ignore[import-not-found, unused-ignore]

_LEGACY = ("initialize", "sse-retry")
_ARGUMENTS: Mapping[str, Mapping[str, object]] = {
    "add_numbers": {"a": 2, "b": 3},
    "valid_tool": {"region": "us-west1"},
}


async def _accept(context: Any, params: Any) -> Any:
    return types.ElicitResult(action="accept", content={"confirmed": True})


async def _look(client: Any) -> None:
    listed = await client.list_tools()
    if os.environ["MCP_CONFORMANCE_SCENARIO"] in ("initialize", "json-schema-ref-no-deref"):
        return
    given = json.loads(os.environ.get("MCP_CONFORMANCE_CONTEXT", "{}")).get("toolCalls")
    called = [(call["name"], call["arguments"]) for call in given or ()]
    for name, arguments in called or [(tool.name, _ARGUMENTS.get(tool.name, {})) for tool in listed.tools]:
        # A result that does not say its type is complete, but this SDK refuses it.
        with suppress(ValidationError):
            await client.call_tool(name, dict(arguments))


async def _look_at_all(client: Any) -> None:
    await client.list_tools()
    await client.call_tool("test_headers", {})
    for resource in (await client.list_resources()).resources:
        await client.read_resource(resource.uri)
    for prompt in (await client.list_prompts()).prompts:
        await client.get_prompt(prompt.name)


async def _main(command: list[str], url: str) -> None:
    scenario = os.environ["MCP_CONFORMANCE_SCENARIO"]
    legacy = scenario in _LEGACY or os.environ["MCP_CONFORMANCE_PROTOCOL_VERSION"] < "2026"
    program, *options = command
    server = StdioServerParameters(command=program, args=[*options, "--url", url])
    mode = "legacy" if legacy else "auto"
    async with Client(server, mode=mode, elicitation_callback=_accept) as client:
        await (_look_at_all if scenario == "http-standard-headers" else _look)(client)


# It warns of each method that only the legacy era has.
warnings.simplefilter("ignore", MCPDeprecationWarning)
asyncio.run(_main(sys.argv[1:-1], sys.argv[-1]))
