# -*- test-case-name: tests.live.test_sdk -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client with version 2 of the official SDK: lists the tools, calls some, prints what it saw.

Run as ``python sdk2.py URL KEYFILE MODE TOOL...``; the modes are ``auto``,
``legacy`` and a modern revision.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

from mcp.client.client import Client  # type: ignore[import-not-found]  # in an environment of its own
from mcp.client.streamable_http import streamable_http_client  # type: ignore[import-not-found]
from mcp.shared._httpx_utils import create_mcp_http_client  # type: ignore[import-not-found]


async def _main(url: str, keyfile: str, mode: str, tools: list[str]) -> None:
    headers = {"Authorization": f"Bearer {Path(keyfile).read_text().strip()}"}
    async with (
        create_mcp_http_client(headers=headers) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        listed = await client.list_tools()
        said = {name: (await client.call_tool(name, {})).content[0].text for name in tools}
        saw = {
            "version": client.protocol_version,
            "tools": [tool.name for tool in listed.tools],
            "said": said,
        }
        print(json.dumps(saw))  # noqa: T201  what the test reads


asyncio.run(_main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:]))
