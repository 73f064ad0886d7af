# -*- test-case-name: tests.live.test_fastmcp -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client with FastMCP: does what a plan says, prints what it saw.

Run as ``python fast.py PLAN``; :mod:`tests.live.look` writes the plan and
judges.  The modes are ``auto``, ``legacy`` and a modern revision.  FastMCP's
own client can neither subscribe nor listen: that is done with the session of
the official SDK that it is built on.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import warnings
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types  # type: ignore[import-not-found]  # in an environment of its own
from fastmcp import Client  # type: ignore[import-not-found]
from fastmcp.client.messages import MessageHandler  # type: ignore[import-not-found]
from fastmcp.client.transports import (  # type: ignore[import-not-found]
    StdioTransport,
    StreamableHttpTransport,
)
from mcp.client.subscriptions import (  # type: ignore[import-not-found]
    ResourceUpdated,
    ToolsListChanged,
    listen,
)
from mcp.shared.exceptions import MCPDeprecationWarning  # type: ignore[import-not-found]

_MODERN = "2026-07-28"
_PATIENCE = 10.0


class _Ears(MessageHandler):  # type: ignore[misc]  # unknown where the tests are
    # What comes unasked: the words of the log, and a word for each change.

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.changes: asyncio.Queue[str] = asyncio.Queue()

    async def hear_log(self, params: Any) -> None:
        self.log.append(params.data)

    async def on_resource_updated(self, message: Any) -> None:
        self.changes.put_nowait(str(message.params.uri))

    async def on_tool_list_changed(self, message: Any) -> None:
        self.changes.put_nowait("tools")


async def _follow(subscription: Any, changes: asyncio.Queue[str]) -> None:
    async for event in subscription:
        match event:
            case ResourceUpdated(uri=uri):
                changes.put_nowait(uri)
            case ToolsListChanged():
                changes.put_nowait("tools")


async def _wait(changes: asyncio.Queue[str], change: str) -> None:
    async with asyncio.timeout(_PATIENCE):
        while await changes.get() != change:
            pass


async def _tools(client: Any) -> list[str]:
    return [tool.name for tool in await client.list_tools()]


async def _ask(client: Any, plan: Any) -> dict[str, Any]:
    prompt = await client.get_prompt(plan["prompt"], plan["arguments"])
    reference = types.PromptReference(type="ref/prompt", name=plan["prompt"])
    completed = await client.complete(reference, plan["argument"])
    return {
        "tools": await _tools(client),
        "resources": [str(resource.uri) for resource in await client.list_resources()],
        "templates": [template.uri_template for template in await client.list_resource_templates()],
        "prompts": [prompt.name for prompt in await client.list_prompts()],
        "read": [(await client.read_resource(uri))[0].text for uri in plan["read"]],
        "prompt": prompt.messages[0].content.text,
        "completed": completed.values,
    }


async def _call(client: Any, plan: Any, ears: _Ears) -> dict[str, Any]:
    told: list[list[float | None]] = []

    async def hear_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append([progress, total])

    said = await client.call_tool(plan["call"])
    await client.call_tool(plan["progress"], progress_handler=hear_progress)
    if client.protocol_version != _MODERN:
        await client.set_logging_level("info")
    await client.call_tool(plan["log"])
    return {"said": said.content[0].text, "progress": told, "log": ears.log}


@asynccontextmanager
async def _listening(client: Any, plan: Any, ears: _Ears) -> Any:
    if client.protocol_version != _MODERN:
        await client.session.subscribe_resource(plan["watch"])
        yield ears.changes
        await client.session.unsubscribe_resource(plan["watch"])
        return
    wanted = {"tools_list_changed": True, "resource_subscriptions": [plan["watch"]]}
    async with listen(client.session, **wanted) as subscription:
        changes: asyncio.Queue[str] = asyncio.Queue()
        following = asyncio.create_task(_follow(subscription, changes))
        yield changes
        following.cancel()


async def _change(client: Any, plan: Any, ears: _Ears) -> dict[str, Any]:
    before = await _tools(client)
    async with _listening(client, plan, ears) as changes:
        began = time.monotonic()
        await client.call_tool(plan["touch"])
        await _wait(changes, plan["watch"])
        updated = time.monotonic() - began
        began = time.monotonic()
        await client.call_tool(plan["change"])
        await _wait(changes, "tools")
        changed = time.monotonic() - began
        added = sorted(set(await _tools(client)) - set(before))
        await client.call_tool(plan["change"])
        await _wait(changes, "tools")
    return {"updated": updated, "changed": changed, "added": added}


def _connect(plan: Any) -> Any:
    if "command" in plan:
        return StdioTransport(plan["command"][0], plan["command"][1:], keep_alive=False)
    return StreamableHttpTransport(plan["url"], auth=Path(plan["keyfile"]).read_text().strip())


async def _main(plan: Any) -> None:
    ears = _Ears()
    hears = {"log_handler": ears.hear_log, "message_handler": ears}
    async with Client(_connect(plan), mode=plan["mode"], **hears) as client:
        saw = {"version": client.protocol_version, **await _ask(client, plan)}
        saw |= await _call(client, plan, ears)
        saw |= await _change(client, plan, ears)
    print(json.dumps(saw))  # noqa: T201  what the test reads


# It warns of each method that only the legacy era has.
warnings.simplefilter("ignore", MCPDeprecationWarning)
asyncio.run(_main(json.loads(sys.argv[1])))
