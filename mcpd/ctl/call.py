# -*- test-case-name: tests.ctl.test_call -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A tool, called by hand: ``call``.
"""

from __future__ import annotations

import json
from typing import Any

import click

from mcpd.ctl.complaint import Complaint
from mcpd.ctl.frame import Frame, output, pass_frame
from mcpd.ctl.shown import clean


@click.command()
@click.argument("tool")
@click.argument("args", nargs=-1)
@output
@pass_frame
@click.pass_context
def call(context: click.Context, frame: Frame, tool: str, args: tuple[str, ...]) -> None:
    """
    Call a tool by its public name, as mcpctl plugin show tells it.

    ARGS are one JSON object, or pairs as key=value; a value that is JSON is
    taken as such (3, true, '["a"]'), any other as a text.
    """
    answer = frame.ask("call", None, tool=tool, arguments=arguments(args))
    if "error" in answer:
        raise Complaint("", str(answer["error"]["message"]), "")
    result = answer["result"]
    frame.show(result, *(clean(part) for part in parts(result)))
    if result.get("isError"):
        context.exit(1)


def arguments(args: tuple[str, ...]) -> dict[str, Any]:
    """
    Read what was written for arguments.

    Raises:
        click.UsageError: They are neither an object nor pairs.
    """
    if len(args) == 1 and args[0].lstrip().startswith("{"):
        try:
            whole: dict[str, Any] = json.loads(args[0], parse_constant=_no_json)
        except ValueError as wrong:
            raise click.UsageError(f"ARGS is no JSON object: {wrong}") from None
        return whole
    pairs = [arg.partition("=") for arg in args]
    for key, equals, _ in pairs:
        if not key or not equals:
            raise click.UsageError(f"ARGS are one JSON object or key=value pairs, not {key!r}")
    return {key: _value(text) for key, _, text in pairs}


def _value(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_json)
    except ValueError:
        return text


def _no_json(constant: str) -> None:
    # Python would read what JSON does not have.
    raise ValueError(f"{constant} is no JSON")


def parts(result: dict[str, Any]) -> list[str]:
    """
    Tell a result's content in texts; what is no text by its kind and size.
    """
    content = result.get("content") or []
    if not content and "structuredContent" in result:
        return [json.dumps(result["structuredContent"], indent=2)]
    return [_part(part) for part in content]


def _part(part: dict[str, Any]) -> str:
    match part:
        case {"type": "text", "text": str(text)}:
            return text
        case {"type": "resource", "resource": {"text": str(text)}}:
            return text
        case {"type": "resource", "resource": {"uri": uri}}:
            return f"[resource {uri}]"
        case {"type": "resource_link", "uri": uri}:
            return f"[link {uri}]"
        case _:
            data = part.get("data", "")
            return f"[{part.get('type')} {part.get('mimeType', '')}, {len(data) * 3 // 4} bytes]"
