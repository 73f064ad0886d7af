# -*- test-case-name: tests.conformance.test_offer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a fixture offers, in both eras alike: its lists, its resources, its prompts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence

from tests.conformance.asking import ASKING, context_prompt
from tests.conformance.call import Call, Failed, NoSuchResource, Refused
from tests.conformance.machine import Message
from tests.conformance.misbehave import HOSTILE
from tests.conformance.tools import ADDED, PLAIN, Tool
from tests.conformance.values import PNG, embedded, image, messages, says

PAGE = 10
"""Tools on one page, where they are paged at all."""

_TEMPLATE = "test://template/{id}/data"
_TEMPLATED = re.compile(r"test://template/([^/]+)/data\Z")
_TEXTS = {
    "test://static-text": "This is the content of the static text resource.",
    "test://watched-resource": "Watched resource content",
}
_RESOURCES = [
    {
        "uri": "test://static-text",
        "name": "static-text",
        "title": "Static Text Resource",
        "description": "A text.",
        "mimeType": "text/plain",
    },
    {
        "uri": "test://static-binary",
        "name": "static-binary",
        "title": "Static Binary Resource",
        "description": "An image.",
        "mimeType": "image/png",
    },
    {
        "uri": "test://watched-resource",
        "name": "watched-resource",
        "title": "Watched Resource",
        "description": "A text to subscribe to.",
        "mimeType": "text/plain",
    },
]
_TEMPLATES = [
    {
        "uriTemplate": _TEMPLATE,
        "name": "template",
        "title": "Resource Template",
        "description": "A resource for each id.",
        "mimeType": "application/json",
    }
]


def _needs(name: str, description: str) -> Message:
    return {"name": name, "description": description, "required": True}


_ARGUMENTS = [_needs("arg1", "First test argument"), _needs("arg2", "Second test argument")]
_URI = [_needs("resourceUri", "URI of the resource to embed")]
_ADDED_PROMPT = {"name": "test_added_prompt", "description": "Comes and goes."}
_PROMPTS: list[Message] = [
    {"name": "test_simple_prompt", "description": "A prompt without arguments."},
    {
        "name": "test_prompt_with_arguments",
        "description": "A prompt with arguments.",
        "arguments": _ARGUMENTS,
    },
    {"name": "test_prompt_with_embedded_resource", "description": "Embeds a resource.", "arguments": _URI},
    {"name": "test_prompt_with_image", "description": "Shows an image."},
    {"name": "test_input_required_result_prompt", "description": "Asks what it is about."},
]


def _with_arguments(call: Call) -> Message:
    first, second = call.argument("arg1", str), call.argument("arg2", str)
    return messages(f"Prompt with arguments: arg1='{first}', arg2='{second}'")


def _with_resource(call: Call) -> Message:
    words = "Embedded resource content for testing."
    shown = embedded(call.argument("resourceUri", str), "text/plain", words)
    return messages(shown, "Please process the embedded resource above.")


_MAKES: dict[str, Callable[[Call], Message]] = {
    "test_simple_prompt": lambda call: messages("This is a simple prompt for testing."),
    "test_prompt_with_arguments": _with_arguments,
    "test_prompt_with_embedded_resource": _with_resource,
    "test_prompt_with_image": lambda call: messages(image(), "Please analyze the image above."),
    "test_input_required_result_prompt": context_prompt,
    "test_added_prompt": lambda call: messages("Still here."),
}


class Offer:
    """
    One fixture's offer.

    Args:
        moods: How it behaves: ``hostile`` adds tools, ``pages`` and
            ``pages-forever`` page them.
    """

    def __init__(self, moods: frozenset[str] = frozenset()) -> None:
        self._moods = moods
        self._added: frozenset[str] = frozenset()

    def toggle(self, kind: str) -> None:
        """
        Add something to the list of ``tools`` or ``prompts``, or take it away again.
        """
        self._added ^= {kind}

    def tools(self) -> Sequence[Tool]:
        """
        Tell which tools there are now.
        """
        added = (ADDED,) if "tools" in self._added else ()
        return (*PLAIN, *ASKING, *added, *(HOSTILE if "hostile" in self._moods else ()))

    def prompts(self) -> list[Message]:
        """
        Tell which prompts there are now.
        """
        return [*_PROMPTS, *([_ADDED_PROMPT] if "prompts" in self._added else [])]

    def answer(self, method: str, params: Message) -> Message:
        """
        Answer what needs no call.

        Raises:
            Refused: There is no such method, or no such page.
            NoSuchResource: There is no such resource.
        """
        match method:
            case "tools/list":
                return self._page([tool.listed() for tool in self.tools()], params.get("cursor"))
            case "prompts/list":
                return {"prompts": self.prompts()}
            case "resources/list":
                return {"resources": _RESOURCES}
            case "resources/templates/list":
                return {"resourceTemplates": _TEMPLATES}
            case "resources/read":
                return _read(params.get("uri"))
            case "completion/complete":
                return _complete(params)
        raise Refused(-32601, f"Method not found: {method}")

    def run(self, call: Call) -> Message | None:
        """
        Run a tool or make a prompt.

        Raises:
            Refused: There is no such tool or prompt, or the prompt fails.
        """
        return self._call(call) if call.method == "tools/call" else self._make(call)

    def _call(self, call: Call) -> Message | None:
        for tool in self.tools():
            if tool.name == call.name:
                try:
                    return tool.run(call)
                except Failed as why:
                    return {**says(str(why)), "isError": True}
        raise Refused(-32602, f"Unknown tool: {call.name}")

    def _make(self, call: Call) -> Message:
        if call.name not in [prompt["name"] for prompt in self.prompts()]:
            raise Refused(-32602, f"Unknown prompt: {call.name}")
        try:
            return _MAKES[call.name](call)
        except Failed as why:
            raise Refused(-32602, str(why)) from why

    def _page(self, tools: list[Message], cursor: object) -> Message:
        if "pages-forever" in self._moods:
            return {"tools": tools[:PAGE], "nextCursor": "again"}
        size = PAGE if "pages" in self._moods else len(tools)
        starts = {None if start == 0 else str(start): start for start in range(0, len(tools), size)}
        if cursor not in starts:
            raise Refused(-32602, "There is no such page")
        start = starts[cursor]
        more = {"nextCursor": str(start + size)} if start + size < len(tools) else {}
        return {"tools": tools[start : start + size], **more}


def _read(uri: object) -> Message:
    if uri == "test://static-binary":
        return {"contents": [{"uri": uri, "mimeType": "image/png", "blob": PNG}]}
    if isinstance(uri, str) and uri in _TEXTS:
        return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": _TEXTS[uri]}]}
    found = _TEMPLATED.match(uri) if isinstance(uri, str) else None
    if found is None:
        raise NoSuchResource(uri)
    data = {"id": found[1], "templateTest": True, "data": f"Data for ID: {found[1]}"}
    return {"contents": [{"uri": uri, "mimeType": "application/json", "text": json.dumps(data)}]}


def _complete(params: Message) -> Message:
    typed = params.get("argument", {}).get("value", "")
    values = [value for value in ("test", "testValue1", "testValue2") if value.startswith(typed)]
    return {"completion": {"values": values, "total": len(values), "hasMore": False}}
