# -*- test-case-name: tests.live.test_websocket -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The core of the official suite's scenarios, for a transport that the suite does not know.

Names, texts and values are the suite's; the fixtures have them
(:mod:`tests.conformance`).  Both eras have the same scenarios.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import frozen
from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.values import PNG, audio, embedded, image, messages, says
from tests.live.client import MODERN
from tests.live.websocket import Talk

_SAID = {
    "test_simple_text": says("This is a simple text response for testing."),
    "test_image_content": says(image()),
    "test_audio_content": says(audio()),
    "test_embedded_resource": says(
        embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
    ),
    "test_multiple_content_types": says(
        "Multiple content types test:",
        image(),
        embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
    ),
}
_READ = {
    "test://static-text": {
        "mimeType": "text/plain",
        "text": "This is the content of the static text resource.",
    },
    "test://static-binary": {"mimeType": "image/png", "blob": PNG},
    "test://template/123/data": {
        "mimeType": "application/json",
        "text": json.dumps({"id": "123", "templateTest": True, "data": "Data for ID: 123"}),
    },
}
_EXAMPLE = "test://example-resource"
_GOT: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "test_simple_prompt": ({}, messages("This is a simple prompt for testing.")),
    "test_prompt_with_arguments": (
        {"arg1": "testValue1", "arg2": "testValue2"},
        messages("Prompt with arguments: arg1='testValue1', arg2='testValue2'"),
    ),
    "test_prompt_with_embedded_resource": (
        {"resourceUri": _EXAMPLE},
        messages(
            embedded(_EXAMPLE, "text/plain", "Embedded resource content for testing."),
            "Please process the embedded resource above.",
        ),
    ),
    "test_prompt_with_image": ({}, messages(image(), "Please analyze the image above.")),
}
_LISTED = {
    "tools": ("name", {*_SAID, "test_error_handling", "json_schema_2020_12_tool"}),
    "prompts": ("name", set(_GOT)),
    "resources": ("uri", {"test://static-text", "test://static-binary", "test://watched-resource"}),
    "resources/templates": ("uriTemplate", {"test://template/{id}/data"}),
}
_LOGGED = ["Tool execution started", "Tool processing data", "Tool execution completed"]


@frozen
class Scenarios:
    """
    The scenarios, for one plugin that is served alone.

    Attributes:
        case: Judges.
        talk: The client, of either era.
    """

    case: SynchronousTestCase
    talk: Talk

    async def run(self) -> None:
        """
        Go through all.
        """
        for scenario in (self._lists, self._calls, self._reports, self._logs, self._reads, self._prompts):
            await scenario()

    async def _result(self, method: str, params: dict[str, Any] | None = None) -> Any:
        # What every result of an era has, it has here as over HTTP.
        result = (await self.talk.ask(method, params))["result"]
        cached = method.endswith("/list") or method == "resources/read"
        modern = self.talk.revision == MODERN
        self.case.assertEqual(result.pop("resultType", ""), "complete" if modern else "")
        self.case.assertEqual(("ttlMs" in result, "cacheScope" in result), 2 * (modern and cached,))
        return result

    async def _lists(self) -> None:
        for kind, (naming, known) in _LISTED.items():
            result = await self._result(f"{kind}/list")
            items = result["resourceTemplates" if "/" in kind else kind]
            self.case.assertLessEqual(known, {item[naming] for item in items})
        first, second = [await self._result("tools/list") for _ in range(2)]
        self.case.assertEqual(first["tools"], second["tools"])
        self.case.assertTrue(all(tool["description"] and tool["inputSchema"] for tool in first["tools"]))

    async def _calls(self) -> None:
        for tool, said in _SAID.items():
            # As the suite does: a call without arguments has no member for them.
            result = await self._result("tools/call", {"name": tool})
            self.case.assertEqual(result["content"], said["content"])
        failed = await self._result("tools/call", {"name": "test_error_handling"})
        self.case.assertTrue(failed["isError"])
        self.case.assertEqual(
            failed["content"], says("This tool intentionally returns an error for testing")["content"]
        )

    async def _reports(self) -> None:
        await self.talk.call("test_tool_with_progress", token="progress-test-1")
        told = [notice["params"] for notice in self.talk.notices]
        self.case.assertEqual(
            [(each["progress"], each["total"]) for each in told], [(0, 100), (50, 100), (100, 100)]
        )
        self.case.assertEqual({each["progressToken"] for each in told}, {"progress-test-1"})
        self.talk.notices.clear()

    async def _logs(self) -> None:
        level = "debug"
        if self.talk.revision != MODERN:
            self.case.assertEqual(await self._result("logging/setLevel", {"level": level}), {})
        await self.talk.call("test_tool_with_logging", level=level)
        self.case.assertEqual([notice["params"]["data"] for notice in await self.talk.told(3)], _LOGGED)

    async def _reads(self) -> None:
        for uri, content in _READ.items():
            result = await self._result("resources/read", {"uri": uri})
            self.case.assertEqual(result["contents"], [{"uri": uri, **content}])
        error = (await self.talk.ask("resources/read", {"uri": "test://nonexistent"}))["error"]
        self.case.assertEqual(error["code"], -32602 if self.talk.revision == MODERN else -32002)
        self.case.assertEqual(error["data"]["uri"], "test://nonexistent")

    async def _prompts(self) -> None:
        for name, (arguments, got) in _GOT.items():
            result = await self._result("prompts/get", {"name": name, "arguments": arguments})
            self.case.assertEqual(result["messages"], got["messages"])
        ref = {"type": "ref/prompt", "name": "test_prompt_with_arguments"}
        asked = {"ref": ref, "argument": {"name": "arg1", "value": "test"}}
        completion = (await self._result("completion/complete", asked))["completion"]
        self.case.assertEqual(completion["values"], ["test", "testValue1", "testValue2"])
