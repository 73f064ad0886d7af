# -*- test-case-name: tests.live.test_connect -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client with version 2 of the official Python SDK that is asked a name in the middle of a call.

Run as ``python asked.py MODE COMMAND...``; it prints what the tool ``ask`` says then.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import mcp_types as types  # type: ignore[import-not-found]  # in an environment of its own
from mcp.client.client import Client  # type: ignore[import-not-found]
from mcp.client.stdio import StdioServerParameters  # type: ignore[import-not-found]


async def _answer(context: Any, params: Any) -> Any:
    return types.ElicitResult(action="accept", content={"name": "you"})


async def _main(mode: str, command: list[str]) -> None:
    server = StdioServerParameters(command=command[0], args=command[1:])
    async with Client(server, mode=mode, elicitation_callback=_answer) as client:
        said = await client.call_tool("ask", {})
    print(said.content[0].text)  # noqa: T201  what the test reads


asyncio.run(_main(sys.argv[1], sys.argv[2:]))
