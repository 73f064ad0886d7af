# -*- test-case-name: tests.live.test_connect -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A server over HTTP with the official Python SDK, of either of its major versions.

Run as ``python sdk.py PORT``.  Version 1 is legacy; version 2 is of both eras.
"""

from __future__ import annotations

import sys
from typing import Any

from pydantic import BaseModel  # type: ignore[import-not-found, unused-ignore]

_PORT = int(sys.argv[1])

server: Any
try:
    from mcp.server.mcpserver import Context, MCPServer  # type: ignore[import-not-found]

    server, options = MCPServer("remote"), {"port": _PORT}
except ImportError:
    from mcp.server.fastmcp import Context, FastMCP  # type: ignore[import-not-found]

    server, options = FastMCP("remote", port=_PORT), {}


class Name(BaseModel):  # type: ignore[misc, unused-ignore]
    """
    What is asked.
    """

    name: str


@server.tool()  # type: ignore[untyped-decorator, unused-ignore]
async def greet(name: str, ctx: Context) -> str:
    """
    Greet somebody, and say how far that is.
    """
    await ctx.report_progress(1, 2)
    return f"Hello, {name}!"


@server.tool()  # type: ignore[untyped-decorator, unused-ignore]
async def ask(ctx: Context) -> str:
    """
    Ask whom to greet.
    """
    said = await ctx.elicit("Who?", Name)
    return f"Hello, {said.data.name}!"


server.run("streamable-http", **options)
