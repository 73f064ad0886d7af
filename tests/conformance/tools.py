# -*- test-case-name: tests.conformance.test_tools -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The tools of the official suite that ask nobody anything.

Names and texts are the suite's; see its ``src/scenarios/server``.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

from tests.conformance.call import Call, Failed
from tests.conformance.machine import Message
from tests.conformance.values import audio, embedded, image, says, schema

STEP = 0.05
"""Seconds between two notices of a tool that reports as it works."""

SCHEMA_2020_12: Message = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
"""Every keyword that a gateway might lose on the way (SEP-1613, SEP-2106)."""


def nothing() -> Message:
    """
    Make the schema of a tool without arguments.
    """
    return {"type": "object", "properties": {}}


@dataclass(frozen=True)
class Tool:
    """
    One tool.

    Attributes:
        name: Its name.
        description: What it does, for the model.
        run: Does it; a result of None means that there is no answer.
        takes: The schema of its arguments.
    """

    name: str
    description: str
    run: Callable[[Call], Message | None]
    takes: Message = field(default_factory=nothing)

    def listed(self) -> Message:
        """
        Make its entry of ``tools/list``.
        """
        return {"name": self.name, "description": self.description, "inputSchema": self.takes}


def _always(result: Message) -> Callable[[Call], Message]:
    return lambda call: result


def _error(call: Call) -> Message:
    raise Failed("This tool intentionally returns an error for testing")


def _logging(call: Call) -> Message:
    call.log("info", "Tool execution started")
    call.rest(STEP)
    call.log("info", "Tool processing data")
    call.rest(STEP)
    call.log("info", "Tool execution completed")
    return says("Tool with logging executed successfully")


def _progress(call: Call) -> Message:
    call.progress(0, 100, "Completed step 0 of 100")
    call.rest(STEP)
    call.progress(50, 100, "Completed step 50 of 100")
    call.rest(STEP)
    call.progress(100, 100, "Completed step 100 of 100")
    return says("Tool with progress executed successfully")


def _reconnection(call: Call) -> Message:
    # Long enough for the stream to be closed and opened again meanwhile; that is the daemon's part.
    call.rest(1.0)
    return says("Reconnection test completed successfully.")


def _trigger(kind: str) -> Callable[[Call], Message]:
    def run(call: Call) -> Message:
        call.host.change(kind)
        return says(f"The list of {kind} changed.")

    return run


def _region(call: Call) -> Message:
    return says(f"Region: {call.argument('region', str)}")


def _schema(call: Call) -> Message:
    return says(f"JSON Schema 2020-12 tool called with: {json.dumps(call.arguments)}")


_MIXED = embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}')
_EMBEDDED = embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")
_REGION = schema({"region": {"type": "string", "x-mcp-header": "Region"}}, ["region"])

PLAIN = (
    # First, because the suite's http-header-validation calls the first tool with no arguments.
    Tool("test_simple_text", "Says one text.", _always(says("This is a simple text response for testing."))),
    Tool("test_image_content", "Shows an image.", _always(says(image()))),
    Tool("test_audio_content", "Plays a sound.", _always(says(audio()))),
    Tool("test_embedded_resource", "Shows a resource.", _always(says(_EMBEDDED))),
    Tool(
        "test_multiple_content_types",
        "Shows a text, an image and a resource.",
        _always(says("Multiple content types test:", image(), _MIXED)),
    ),
    Tool("test_tool_with_logging", "Logs as it works.", _logging),
    Tool("test_tool_with_progress", "Reports how far it is.", _progress),
    Tool("test_error_handling", "Always fails.", _error),
    Tool("test_reconnection", "Takes a second.", _reconnection),
    Tool("json_schema_2020_12_tool", "Has a schema of many keywords.", _schema, SCHEMA_2020_12),
    Tool("test_x_mcp_header", "Takes an argument that is a header, too.", _region, _REGION),
    Tool("test_logging_tool", "Logs as it works.", _logging),
    Tool("test_trigger_tool_change", "Changes the list of tools.", _trigger("tools")),
    Tool("test_trigger_prompt_change", "Changes the list of prompts.", _trigger("prompts")),
)
"""Those tools, in the order in which they are listed."""

ADDED = Tool("test_added_tool", "Comes and goes.", _always(says("Still here.")))
"""What test_trigger_tool_change adds and takes away."""
