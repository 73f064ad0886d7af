# -*- test-case-name: tests.wire.test_headers -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Values of the ``Mcp-`` header fields (MCP 2026-07-28, "Streamable HTTP", value encoding).

What a field can't hold as it stands is put into it as ``=?base64?...?=``.
"""

from __future__ import annotations

import base64
import binascii

_START, _END = b"=?base64?", b"?="
_PLAIN = frozenset(range(0x20, 0x7F)) | {0x09}


class Undecodable(Exception):
    """
    A field's value is not in the encoding.
    """


def decode(value: bytes) -> str:
    """
    Read a field's value, given without the blanks around it.

    Raises:
        Undecodable: It has a character that no such value may have, or its
            base64 is not what an encoder would have written.
    """
    if not value.startswith(_START) or not value.endswith(_END) or len(value) < len(_START + _END):
        if not _PLAIN.issuperset(value):
            raise Undecodable
        return value.decode("ascii")
    inner = value[len(_START) : -len(_END)]
    try:
        raw = base64.b64decode(inner, validate=True)
        text = raw.decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        raise Undecodable from None
    # Python's decoder forgives bits that the text has beyond its bytes.
    if base64.b64encode(raw) != inner:
        raise Undecodable
    return text


def encode(text: str) -> bytes:
    """
    Write a value: as it stands where a field can hold it, else encoded.
    """
    raw = text.encode("utf-8")
    plain = _PLAIN.issuperset(raw) and raw == raw.strip(b" \t")
    if plain and not (raw.startswith(_START) and raw.endswith(_END)):
        return raw
    return _START + base64.b64encode(raw) + _END
