# -*- test-case-name: tests.wire.test_write -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
JSON-RPC messages into bytes; :mod:`mcpd.wire.codec` reads them.

The envelope is always our own, and values are spliced as they came.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from mcpd.wire.message import Piece


def encode(value: Any) -> bytes:
    """
    Write a value of our own as compact JSON.
    """
    return msgspec.json.encode(value)


class _Shape(Struct, frozen=True, gc=False):
    """
    What objects with the same names in the same order share.

    Attributes:
        between: What stands before, between and behind the values.
        request: A request's line, with places for its number, its method and
            each value.
        answer: An answer, with places for its id and each value.
    """

    between: tuple[bytes, ...]
    request: bytes
    answer: bytes


# Bounded: a peer chooses the names, so only few of them are kept, and not too many.
_FEW, _LONGEST, _MOST = 16, 512, 2048
_shapes: dict[tuple[str, ...], _Shape] = {}
# Bytes of a value up to which an answer is written at once; longer ones are
# not copied more than needed.
_SMALL = 8192


def _shape(names: tuple[str, ...]) -> _Shape:
    between: tuple[bytes, ...] = (b"{}",)
    if names:
        heads = [b"," + msgspec.json.encode(name) + b":" for name in names]
        between = (b"{" + heads[0][1:], *heads[1:], b"}")
    text = b"%b".join(piece.replace(b"%", b"%%") for piece in between)
    request = b'{"jsonrpc":"2.0","id":%b,"method":"%b","params":' + text + b"}\n"
    shape = _Shape(between, request, b'{"jsonrpc":"2.0","id":%b,"result":' + text + b"}")
    if len(names) <= _FEW and len(text) <= _LONGEST:
        if len(_shapes) >= _MOST:
            _shapes.clear()
        _shapes[names] = shape
    return shape


Items = Mapping[str, Piece] | Iterable[tuple[str, Piece]]
"""An object's members."""


def put(out: list[Piece], items: Items) -> None:
    """
    Add an object with these members to ``out``.
    """
    members = items if isinstance(items, dict) else dict(items)
    names = tuple(members)
    between = (_shapes.get(names) or _shape(names)).between
    woven: list[Piece] = [b""] * (2 * len(names) + 1)
    woven[::2] = between
    woven[1::2] = members.values()
    out += woven


def request(number: bytes, method: bytes, params: Items) -> bytes:
    """
    Write a request of ours, as one line.
    """
    members = params if type(params) is dict else dict(params)
    names = tuple(members)
    line = (_shapes.get(names) or _shape(names)).request
    return line % (number, method, *members.values())


def notice(method: bytes, params: Items) -> list[Piece]:
    """
    Write a notice, as pieces to be joined.
    """
    out: list[Piece] = [b'{"jsonrpc":"2.0","method":"%b","params":' % method]
    put(out, params)
    out.append(b"}")
    return out


def answer(id: bytes, result: Items) -> list[Piece]:
    """
    Write an answer, as pieces to be joined.
    """
    members = result if type(result) is dict else dict(result)
    for value in members.values():
        if len(value) > _SMALL:
            out: list[Piece] = [b'{"jsonrpc":"2.0","id":', id, b',"result":']
            put(out, members)
            out.append(b"}")
            return out
    names = tuple(members)
    return [(_shapes.get(names) or _shape(names)).answer % (id, *members.values())]


def refusal(id: bytes, code: int, message: str, data: Piece | None) -> list[Piece]:
    """
    Write an error that a worker gave, as pieces to be joined.
    """
    out: list[Piece] = [b'{"jsonrpc":"2.0","id":', id, b',"error":{"code":%d,"message":' % code]
    out.append(msgspec.json.encode(message))
    if data is not None:
        out += (b',"data":', data)
    out.append(b"}}")
    return out


def error(id: bytes | None, code: int, message: str, data: Mapping[str, Any]) -> bytes:
    """
    Write an error of ours.

    Without an id the member is left out: MCP's schema has no null id.
    """
    body = {"code": code, "message": message}
    start = b'{"jsonrpc":"2.0",' if id is None else b'{"jsonrpc":"2.0","id":' + id + b","
    return b"".join((start, b'"error":', msgspec.json.encode({**body, "data": data} if data else body), b"}"))


def join(parts: Sequence[Piece]) -> bytes:
    """
    Join pieces into one text.
    """
    return b"".join(parts)
