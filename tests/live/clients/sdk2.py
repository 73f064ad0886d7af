# -*- test-case-name: tests.live.test_sdk -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client with version 2 of the official Python SDK: does what a plan says, prints what it saw.

Run as ``python sdk2.py PLAN``; :mod:`tests.live.look` writes the plan and
judges.  The modes are ``auto``, ``legacy`` and a modern revision.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
import warnings
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import mcp_types as types  # type: ignore[import-not-found]  # in an environment of its own
from mcp.client.client import Client  # type: ignore[import-not-found]
from mcp.client.stdio import StdioServerParameters  # type: ignore[import-not-found]
from mcp.client.streamable_http import streamable_http_client  # type: ignore[import-not-found]
from mcp.client.subscriptions import ResourceUpdated, ToolsListChanged  # type: ignore[import-not-found]
from mcp.shared._httpx_utils import create_mcp_http_client  # type: ignore[import-not-found]
from mcp.shared.exceptions import MCPDeprecationWarning  # type: ignore[import-not-found]

_MODERN = "2026-07-28"
_PATIENCE = 10.0


class _Ears:
    # What comes unasked: the words of the log, and a word for each change.

    def __init__(self) -> None:
        self.log: list[Any] = []
        self.changes: asyncio.Queue[str] = asyncio.Queue()

    async def hear_log(self, params: Any) -> None:
        self.log.append(params.data)

    async def hear(self, message: Any) -> None:
        match message:
            case types.ResourceUpdatedNotification(params=params):
                self.changes.put_nowait(str(params.uri))
            case types.ToolListChangedNotification():
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
    return [tool.name for tool in (await client.list_tools()).tools]


async def _ask(client: Any, plan: Any) -> dict[str, Any]:
    prompt = await client.get_prompt(plan["prompt"], plan["arguments"])
    reference = types.PromptReference(type="ref/prompt", name=plan["prompt"])
    completed = await client.complete(reference, plan["argument"])
    templates = (await client.list_resource_templates()).resource_templates
    return {
        "tools": await _tools(client),
        "resources": [resource.uri for resource in (await client.list_resources()).resources],
        "templates": [template.uri_template for template in templates],
        "prompts": [prompt.name for prompt in (await client.list_prompts()).prompts],
        "read": [(await client.read_resource(uri)).contents[0].text for uri in plan["read"]],
        "prompt": prompt.messages[0].content.text,
        "completed": completed.completion.values,
    }


async def _call(client: Any, plan: Any, ears: _Ears) -> dict[str, Any]:
    told: list[list[float | None]] = []

    async def hear_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append([progress, total])

    said = await client.call_tool(plan["call"], {})
    await client.call_tool(plan["progress"], {}, progress_callback=hear_progress)
    if client.protocol_version != _MODERN:
        await client.session.set_logging_level("info")
    await client.call_tool(plan["log"], {})
    return {"said": said.content[0].text, "progress": told, "log": ears.log}


@asynccontextmanager
async def _listening(client: Any, plan: Any, ears: _Ears) -> Any:
    if client.protocol_version != _MODERN:
        await client.session.subscribe_resource(plan["watch"])
        yield ears.changes
        await client.session.unsubscribe_resource(plan["watch"])
        return
    async with client.listen(tools_list_changed=True, resource_subscriptions=[plan["watch"]]) as subscription:
        changes: asyncio.Queue[str] = asyncio.Queue()
        following = asyncio.create_task(_follow(subscription, changes))
        yield changes
        following.cancel()


async def _change(client: Any, plan: Any, ears: _Ears) -> dict[str, Any]:
    before = await _tools(client)
    async with _listening(client, plan, ears) as changes:
        began = time.monotonic()
        await client.call_tool(plan["touch"], {})
        await _wait(changes, plan["watch"])
        updated = time.monotonic() - began
        began = time.monotonic()
        await client.call_tool(plan["change"], {})
        await _wait(changes, "tools")
        changed = time.monotonic() - began
        added = sorted(set(await _tools(client)) - set(before))
        await client.call_tool(plan["change"], {})
        await _wait(changes, "tools")
    return {"updated": updated, "changed": changed, "added": added}


async def _connect(plan: Any, stack: AsyncExitStack) -> Any:
    if "command" in plan:
        return StdioServerParameters(command=plan["command"][0], args=plan["command"][1:])
    headers = {"Authorization": f"Bearer {Path(plan['keyfile']).read_text().strip()}"}
    http = await stack.enter_async_context(create_mcp_http_client(headers=headers))
    return streamable_http_client(plan["url"], http_client=http)


async def _main(plan: Any) -> None:
    ears = _Ears()
    hears = {"logging_callback": ears.hear_log, "message_handler": ears.hear, "log_level": "info"}
    async with AsyncExitStack() as stack:
        server = await _connect(plan, stack)
        client = await stack.enter_async_context(Client(server, mode=plan["mode"], **hears))
        saw = {"version": client.protocol_version, **await _ask(client, plan)}
        saw |= await _call(client, plan, ears)
        saw |= await _change(client, plan, ears)
    print(json.dumps(saw))  # noqa: T201  what the test reads


# It warns of each method that only the legacy era has.
warnings.simplefilter("ignore", MCPDeprecationWarning)
asyncio.run(_main(json.loads(sys.argv[1])))
