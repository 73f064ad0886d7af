# -*- test-case-name: tests.wire.test_codec -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The messages of JSON-RPC 2.0, as values.

Members keep their values as the raw bytes that came, so that arguments and
results pass through unchanged: a :class:`msgspec.Raw` is a piece of valid JSON
which nobody has decoded yet.

They are structs of msgspec, for several are made for each call: a frozen attrs
class takes six times as long to make, a sixth of the time to read a message.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from mcpd.wire.fault import Fault

Members = dict[str, Raw]
"""An object's direct members: decoded names, raw values."""

Piece = bytes | Raw
"""Something with a length that can be joined into bytes."""


class Request(Struct, frozen=True, eq=False):
    """
    What wants one answer.

    Attributes:
        id: The id's JSON text: a string with its quotes, or an integer.
        method: The method.
        params: The members of ``params``; empty if there were none.
    """

    id: bytes
    method: str
    params: Members


class Notice(Struct, frozen=True, eq=False):
    """
    What gets no answer (JSON-RPC calls it a notification).
    """

    method: str
    params: Members


class Answer(Struct, frozen=True, eq=False):
    """
    A request's result.
    """

    id: bytes
    result: Members


class Refusal(Struct, frozen=True, eq=False):
    """
    A request's error.

    Attributes:
        id: The id's JSON text; empty if the peer could not tell it.
        code: The JSON-RPC error code.
        message: What the peer says.
        data: The error's ``data``, raw; None if there is none.
    """

    id: bytes
    code: int
    message: str
    data: Raw | None


Message = Request | Notice | Answer | Refusal


class Batch(Struct, frozen=True, eq=False):
    """
    Several messages in one array, as 2025-03-26 allows; what of it can't be read is a fault.
    """

    items: tuple[Message | Fault, ...]
