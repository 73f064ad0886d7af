# -*- test-case-name: tests.wire.test_breadth -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How many members a message has, found before they are read.

A member costs about a microsecond to read, however short it is, and half a
million of them fit into a message that is not too long.  What has too many is
found here in the time that the first ones take; what has not is passed over as
fast as the bytes can be looked at.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from functools import cache

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

MEMBERS = 1_000
"""Most members of a message's envelope, and of its ``params`` or ``result``; none of MCP has twenty."""

SHARE = MEMBERS // 10
"""The same of a message in a batch: as many as may stand there cost no more than a few alone."""

SHORTEST = len('"":1,')
"""Bytes of a member."""

_BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class _Left:
    # Of the members that may come; one for all, since nothing comes between two of a text.
    names = 0


class _Name(Enum):
    # msgspec keeps no name that is none of these: it asks what to make of it.
    # Who sends the one that is known does not get far, since it is so long.
    OTHER = "x" * SHORTEST * MEMBERS

    @classmethod
    def _missing_(cls, value: object) -> _Name | None:
        _Left.names -= 1
        return cls.OTHER if _Left.names >= 0 else None


_Names = dict[_Name, Raw]


class _Inner(Struct, gc=False):
    params: _Names | UnsetType | None = UNSET
    result: _Names | UnsetType | None = UNSET


_envelope = msgspec.json.Decoder(_Names).decode
_inner = msgspec.json.Decoder(_Inner).decode


def is_broad(data: bytes, most: int) -> bool:
    """
    Say whether a message has too many members; False if that can't be seen, for it is no message.

    Args:
        data: Its text, which may be broken.
        most: Members that each of its objects may have, counting one that
            stands twice as two.
    """
    return _may_be(data, most) and (_exceeds(_inner, data, most) or _exceeds(_envelope, data, most))


def is_envelope_broad(data: bytes, most: int) -> bool:
    """
    Say the same of the message's envelope alone.
    """
    return _may_be(data, most) and _exceeds(_envelope, data, most)


def _may_be(data: bytes, most: int) -> bool:
    return len(data) > most * SHORTEST and data.count(b":") > most


def _exceeds(decode: Callable[[bytes], object], data: bytes, most: int) -> bool:
    _Left.names = most
    try:
        decode(data)
    except _BROKEN:
        return _Left.names < 0
    return False


@cache
def pieces_decoder(most: int) -> Callable[[bytes], Struct]:
    """
    Make what reads an array of at most so many items, and ends at the first one too many.

    Returns:
        Makes a struct with a field for each item that could be there, of which
        those that are not there are empty; raises ValidationError for too many
        or no array, DecodeError or RecursionError for what is broken.
    """
    fields = [(f"at{number}", Raw, Raw()) for number in range(most)]
    kind = msgspec.defstruct("Pieces", fields, array_like=True, forbid_unknown_fields=True, gc=False)
    return msgspec.json.Decoder(kind).decode
