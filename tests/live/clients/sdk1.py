# -*- test-case-name: tests.live.test_sdk -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client with version 1 of the official Python SDK: does what a plan says, prints what it saw.

Run as ``python sdk1.py PLAN``; :mod:`tests.live.look` writes the plan and
judges.  This version knows the legacy era alone.  Where the plan has a
``door``, it is ``websocket``, and a ticket opens that: this client can send
nothing else.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from mcp import ClientSession, StdioServerParameters, types  # type: ignore[import-not-found]
from mcp.client.stdio import stdio_client  # type: ignore[import-not-found]
from mcp.client.streamable_http import streamable_http_client  # type: ignore[import-not-found]
from mcp.shared._httpx_utils import create_mcp_http_client  # type: ignore[import-not-found]
from pydantic import AnyUrl  # type: ignore[import-not-found, unused-ignore]

_PATIENCE = 10.0


class _Ears:
    # What comes unasked: the words of the log, and a word for each change.

    def __init__(self) -> None:
        self.log: list[Any] = []
        self._changes: asyncio.Queue[str] = asyncio.Queue()

    async def hear_log(self, params: Any) -> None:
        self.log.append(params.data)

    async def hear(self, message: Any) -> None:
        match getattr(message, "root", message):
            case types.ResourceUpdatedNotification(params=params):
                self._changes.put_nowait(str(params.uri))
            case types.ToolListChangedNotification():
                self._changes.put_nowait("tools")

    async def wait(self, change: str) -> None:
        async with asyncio.timeout(_PATIENCE):
            while await self._changes.get() != change:
                pass


async def _texts(session: Any, uris: list[str]) -> list[str]:
    return [(await session.read_resource(AnyUrl(uri))).contents[0].text for uri in uris]


async def _tools(session: Any) -> list[str]:
    return [tool.name for tool in (await session.list_tools()).tools]


async def _ask(session: Any, plan: Any) -> dict[str, Any]:
    prompt = await session.get_prompt(plan["prompt"], plan["arguments"])
    reference = types.PromptReference(type="ref/prompt", name=plan["prompt"])
    completed = await session.complete(reference, plan["argument"])
    templates = (await session.list_resource_templates()).resourceTemplates
    return {
        "tools": await _tools(session),
        "resources": [str(resource.uri) for resource in (await session.list_resources()).resources],
        "templates": [template.uriTemplate for template in templates],
        "prompts": [prompt.name for prompt in (await session.list_prompts()).prompts],
        "read": await _texts(session, plan["read"]),
        "prompt": prompt.messages[0].content.text,
        "completed": completed.completion.values,
    }


async def _call(session: Any, plan: Any, ears: _Ears) -> dict[str, Any]:
    told: list[list[float | None]] = []

    async def hear_progress(progress: float, total: float | None, message: str | None) -> None:
        told.append([progress, total])

    said = await session.call_tool(plan["call"], {})
    await session.call_tool(plan["progress"], {}, progress_callback=hear_progress)
    await session.set_logging_level("info")
    await session.call_tool(plan["log"], {})
    return {"said": said.content[0].text, "progress": told, "log": ears.log}


async def _change(session: Any, plan: Any, ears: _Ears) -> dict[str, Any]:
    before = await _tools(session)
    await session.subscribe_resource(AnyUrl(plan["watch"]))
    began = time.monotonic()
    await session.call_tool(plan["touch"], {})
    await ears.wait(plan["watch"])
    updated = time.monotonic() - began
    await session.unsubscribe_resource(AnyUrl(plan["watch"]))
    began = time.monotonic()
    await session.call_tool(plan["change"], {})
    await ears.wait("tools")
    changed = time.monotonic() - began
    added = sorted(set(await _tools(session)) - set(before))
    await session.call_tool(plan["change"], {})
    await ears.wait("tools")
    return {"updated": updated, "changed": changed, "added": added}


@asynccontextmanager
async def _over_http(url: str, keyfile: str) -> Any:
    headers = {"Authorization": f"Bearer {Path(keyfile).read_text().strip()}"}
    async with (
        create_mcp_http_client(headers=headers) as http,
        streamable_http_client(url, http_client=http) as (read, write, _session_id),
    ):
        yield read, write


def _with_ticket(url: str, keyfile: str) -> str:
    at = urlsplit(url)
    headers = {
        "Authorization": f"Bearer {Path(keyfile).read_text().strip()}",
        "Content-Type": "application/json",
    }
    body = json.dumps({"path": at.path.replace("/mcp", "/ws", 1)}).encode()
    with urlopen(Request(at._replace(path="/ws/ticket").geturl(), body, headers)) as answer:
        address: str = json.load(answer)["url"]
    return address


def _connect(plan: Any) -> AbstractAsyncContextManager[Any]:
    if "door" in plan:
        # Here, because only an environment for this has what it needs.
        from mcp.client.websocket import websocket_client  # type: ignore[import-not-found]  # noqa: PLC0415

        talking: AbstractAsyncContextManager[Any] = websocket_client(
            _with_ticket(plan["url"], plan["keyfile"])
        )
        return talking
    if "url" in plan:
        return _over_http(plan["url"], plan["keyfile"])
    command = plan["command"]
    connected: AbstractAsyncContextManager[Any] = stdio_client(
        StdioServerParameters(command=command[0], args=command[1:])
    )
    return connected


async def _main(plan: Any) -> None:
    ears = _Ears()
    async with (
        _connect(plan) as (read, write),
        ClientSession(read, write, logging_callback=ears.hear_log, message_handler=ears.hear) as session,
    ):
        greeted = await session.initialize()
        saw = {"version": greeted.protocolVersion, **await _ask(session, plan)}
        saw |= await _call(session, plan, ears)
        saw |= await _change(session, plan, ears)
    print(json.dumps(saw))  # noqa: T201  what the test reads


asyncio.run(_main(json.loads(sys.argv[1])))
