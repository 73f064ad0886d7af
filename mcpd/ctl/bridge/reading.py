# -*- test-case-name: tests.ctl.bridge.test_reading -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the far side says: messages out of texts, and refusals out of HTTP statuses.
"""

from __future__ import annotations

from collections.abc import Sequence

from mcpd.wire import write
from mcpd.wire.codec import Reader
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Batch, Message, Notice, Piece, Refusal, Request

# It is read by nobody but us, and forgiven what a plugin is forgiven.
_READER = Reader(strict=False)

_HINTS = {
    401: "it wants credentials: --key-file, or --header",
    403: "these credentials may not",
    404: "is this the address of an MCP server?",
    405: "is this the address of an MCP server?",
}


def messages(text: bytes) -> Sequence[Message]:
    """
    Read what one event or one body holds: a message, or those of a batch that can be read.

    Raises:
        Fault: It is no message.
    """
    said = _READER.read(text)
    if isinstance(said, Batch):
        return [item for item in said.items if not isinstance(item, Fault)]
    return [said]


def refused(status: int, body: bytes) -> Refusal:
    """
    Read a response that is no success: the error that its body tells, or one made of its status.

    Codes of ours are those of :class:`mcpd.wire.fault.Kind`: -31000 less what
    the status has above 400.
    """
    try:
        said = messages(body)
    except Fault:
        said = ()
    for message in said:
        if isinstance(message, Refusal):
            return message
    is_error = 400 <= status < 600
    code = Kind.BAD_REQUEST.code - (status - 400) if is_error else Kind.PLUGIN_GONE.code
    hint = "redirects are not followed" if 300 <= status < 400 else _HINTS.get(status, "")
    return Refusal(b"", code, f"the far side answered HTTP {status}" + (f": {hint}" if hint else ""), None)


def written(message: Message) -> list[Piece]:
    """
    Write a message anew, its values as they came, as pieces to be joined.
    """
    match message:
        case Request():
            return [write.request(message.id, _name(message.method), message.params)[:-1]]
        case Notice():
            return write.notice(_name(message.method), message.params)
        case Answer():
            return write.answer(message.id, message.result)
    return write.refusal(message.id, message.code, message.message, message.data)


def _name(method: str) -> bytes:
    # It stands between quotes that are there already.
    return write.encode(method)[1:-1]
