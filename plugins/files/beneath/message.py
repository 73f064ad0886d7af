# -*- test-case-name: plugins.files.tests.test_message -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
JSON-RPC messages out of a stream of bytes, one a line.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from .call import Fault, Json

LINE = 4 << 20  # bytes of a message
TORN_ID = 128  # bytes of an id in a line that can't be read

# What a line is made of, as far as the depth and the names matter.  Possessive,
# so that each byte is looked at a few times at most; the string may lack its end.
_PIECE = re.compile(
    rb'"(?P<string>[^"\\]*+(?:\\.[^"\\]*+)*+)(?:(?P<end>")(?P<name>[ \t\r]*+:)?)?|(?P<open>[\[{]++)|[\]}]++',
    re.DOTALL,
)
_ID = re.compile(
    rb'[ \t\r]*+("(?:[ !#-\[\]-~]|\\["\\/bfnrt]|\\u[0-9A-Fa-f]{4})*+"|-?(?:0|[1-9][0-9]*+))[ \t\r]*+[,}]'
)


class Unread(Fault):
    """
    A line that is not JSON, or such as Python does not take.

    Attributes:
        about: The id in it, as it came, if one can be told.
    """

    def __init__(self, line: bytes) -> None:
        super().__init__(-32700, "That is not JSON.")
        self.about = torn_id(line)


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
        Unread: It can't be read.
        Fault: It is none.
    """
    if line is None:
        raise Fault(-32600, f"A message may have at most {LINE >> 20} MiB.")
    try:
        message = json.loads(line.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise Unread(line) from None
    if isinstance(message, list):
        raise Fault(-32600, "Batches are not taken; send one message a line.")
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        raise Fault(-32600, "That is no JSON-RPC 2.0 message.")
    return message


def torn_id(line: bytes) -> bytes | None:
    """
    Find the id in a line that can't be read: an ASCII string or an integer, as it stands there.

    Python does not read numbers of thousands of digits, nor what is nested
    deeply, but whoever asked would wait in vain for an answer without the id.

    There is one only if the line is an object, as far as its brackets say, with
    one member "id" of its own: two may be two requests to two readers, and half
    a line is anybody's.  Takes time as the line is long.
    """
    line = line.strip(b" \t\r")
    depth = 0
    found: list[bytes | None] = []  # at most one
    for piece in _PIECE.finditer(line) if line.startswith(b"{") else ():
        if piece["string"] is None:
            depth += len(piece[0]) if piece["open"] else -len(piece[0])
            if depth < 1:
                ended = depth == 0 and piece.end() == len(line)
                return found[0] if ended and found else None
        elif piece["end"] is None:
            break
        elif depth == 1 and piece["name"] and piece["string"] == b"id":
            if found:
                break
            value = _ID.match(line, piece.end())
            found.append(value[1] if value and len(value[1]) <= TORN_ID else None)
    return None


def identity(value: Any) -> str | int | None:
    """
    Give an id or a token as it is, or None if it can't be one.

    MCP: a string or an integer, never null; JSON's true is Python's 1.
    """
    return value if isinstance(value, str | int) and not isinstance(value, bool) else None


def render(body: Json, about: str | int | bytes | None = None) -> bytes:
    """
    Write a message as a line.

    Args:
        body: Its members besides the version and the id.
        about: Its id, if it has one; bytes are JSON already.
    """
    if isinstance(about, bytes):
        return b'{"id":%b,%b' % (about, render(body)[1:])
    head: Json = {"jsonrpc": "2.0"} if about is None else {"jsonrpc": "2.0", "id": about}
    # ASCII only: no line separator and no lone surrogate is left to a reader's mercy.
    return json.dumps(head | body, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")
