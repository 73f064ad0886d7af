# -*- test-case-name: plugins.sqlite.tests.test_message -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
JSON-RPC messages out of a stream of bytes, one a line.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from .call import Fault, Json

LINE = 4 << 20  # bytes of a message


def lines(read: Callable[[int], bytes]) -> Iterator[bytes | None]:
    """
    Take lines out of a stream; None stands for one that was longer than ``LINE``.

    Args:
        read: Gives at most so many bytes, or none at the end.
    """
    kept = bytearray()
    skipping = False
    while chunk := read(64 << 10):
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            kept += part
            yield None if skipping or len(kept) > LINE else bytes(kept)
            kept.clear()
            skipping = False
        kept += rest
        if len(kept) > LINE:
            # Bounded: whoever never sends a newline fills no memory.
            kept.clear()
            skipping = True


def parse(line: bytes | None) -> Json:
    """
    Read one line as a message; what is in it is still to be judged.

    Raises:
        Fault: It is none.
    """
    if line is None:
        raise Fault(-32600, f"A message may have at most {LINE >> 20} MiB.")
    try:
        message = json.loads(line.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Fault(-32700, "That is not JSON.") from None
    if isinstance(message, list):
        raise Fault(-32600, "Batches are not taken; send one message a line.")
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise Fault(-32600, "That is no JSON-RPC 2.0 message.")
    return message


def identity(value: Any) -> str | int | None:
    """
    Give an id or a token as it is, or None if it can't be one.

    MCP: a string or an integer, never null; JSON's true is Python's 1.
    """
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def render(body: Json, about: str | int | None = None) -> bytes:
    """
    Write a message as a line.

    Args:
        body: Its members besides the version and the id.
        about: Its id, if it has one.
    """
    head: Json = {"jsonrpc": "2.0"} if about is None else {"jsonrpc": "2.0", "id": about}
    # ASCII only: no line separator and no lone surrogate is left to a reader's mercy.
    return json.dumps(head | body, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
