# -*- test-case-name: tests.conformance.test_tools -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The small JSON values that fixtures are made of: contents, results, questions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.conformance.machine import Message

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
"""A picture of one red pixel."""

WAV = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="
"""A sound without samples."""


def text(words: str) -> Message:
    """
    Make a text content.
    """
    return {"type": "text", "text": words}


def image() -> Message:
    """
    Make an image content.
    """
    return {"type": "image", "data": PNG, "mimeType": "image/png"}


def audio() -> Message:
    """
    Make an audio content.
    """
    return {"type": "audio", "data": WAV, "mimeType": "audio/wav"}


def embedded(uri: str, mime: str, words: str) -> Message:
    """
    Make an embedded text resource.
    """
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime, "text": words}}


def says(*contents: Message | str) -> Message:
    """
    Make a tool's result; a string becomes a text content.
    """
    return {"content": [text(item) if isinstance(item, str) else item for item in contents]}


def messages(*contents: Message | str) -> Message:
    """
    Make a prompt's result, all of it the user's words.
    """
    listed = says(*contents)["content"]
    return {"messages": [{"role": "user", "content": content} for content in listed]}


def schema(properties: Mapping[str, object], required: Sequence[str] = ()) -> Message:
    """
    Make the schema of an object.
    """
    return {"type": "object", "properties": dict(properties), "required": list(required)}


def elicit(message: str, properties: Mapping[str, object], required: Sequence[str] = ()) -> Message:
    """
    Make a question to the user, by form.
    """
    params = {"message": message, "requestedSchema": schema(properties, required)}
    return {"method": "elicitation/create", "params": params}


def sample(words: str, most: int) -> Message:
    """
    Make a question to the client's model, for at most so many tokens.
    """
    params = {"messages": [{"role": "user", "content": text(words)}], "maxTokens": most}
    return {"method": "sampling/createMessage", "params": params}


def roots() -> Message:
    """
    Make the question which folders the client works in.
    """
    return {"method": "roots/list", "params": {}}


def filled(answer: Message, name: str) -> object:
    """
    Read one field of a form; None where the user declined or left it out.
    """
    return (answer.get("content") or {}).get(name)


def words_of(answer: Message) -> str:
    """
    Read what the client's model said.
    """
    content = answer.get("content", {})
    first = content[0] if isinstance(content, list) and content else content
    return str(first.get("text", "")) if isinstance(first, dict) else ""
