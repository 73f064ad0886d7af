# -*- test-case-name: tests.web.test_frames -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The usual frames of WebSocket (RFC 6455, section 5.2), read and written without a parser.

A client's usual message is one frame that one read brings whole.  Whatever is
not that, or could be wrong, is left to Autobahn's parser, so that only one
judges: what is taken here, it would have taken, too.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from importlib import import_module
from struct import Struct
from typing import Any

from mcpd.wire.message import Piece

Masker = Callable[[bytes, bytes], bytes]
"""Takes a payload and the four bytes of its mask."""

# The first byte of a text message in one frame; of a compressed one (RFC 7692, section 6.1).
_TEXT = 0x81
_DEFLATED = 0xC1
_MASKED = 0x80
# Payloads below that are unmasked faster by arithmetic than by a call into C.
_SHORT = 256

_MIDDLE = Struct("!BBH")
_LONG = Struct("!BBQ")


def xor(payload: bytes, mask: bytes) -> bytes:
    """
    Mask or unmask a payload by arithmetic.
    """
    size = len(payload)
    stretched = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(stretched, "little")).to_bytes(size, "little")


def find_masker(load: Callable[[str], Any] = import_module) -> Masker:
    """
    Find what unmasks long payloads: Autobahn's masker in C, where it was built, else :func:`xor`.

    Its own wrapper in Python costs three times as much as these calls.
    """
    try:
        built = load("_nvx_xormasker")
    except ImportError:
        return xor
    ffi, lib = built.ffi, built.lib

    def mask_in_place(payload: bytes, mask: bytes) -> bytes:
        kept = bytearray(payload)
        masker = lib.nvx_xormask_new(mask)
        lib.nvx_xormask_process(masker, ffi.from_buffer(kept), len(kept))
        lib.nvx_xormask_free(masker)
        return bytes(kept)

    return mask_in_place


_unmask = find_masker()


def take_text(data: bytes, most: int) -> tuple[bytes, bytes] | None:
    """
    Take a text message that stands whole, in one masked frame, at the beginning of what came.

    Args:
        data: What came.
        most: Most bytes of a message.

    Returns:
        The message, of which nobody knows yet whether it is UTF-8, and what
        follows; None if there is anything else.
    """
    if len(data) < 6 or data[0] != _TEXT or data[1] < _MASKED:
        return None
    length, start = data[1] - _MASKED, 6
    # The shortest form is a MUST: Autobahn says so to whoever writes another.
    if length == 126:
        length, start, least = data[2] << 8 | data[3], 8, 126
    elif length == 127:
        length, start, least = int.from_bytes(data[2:10], "big"), 14, 1 << 16
    else:
        least = 0
    end = start + length
    if not least <= length <= most or end > len(data):
        return None
    payload, mask = data[start:end], data[start - 4 : start]
    return (xor if length < _SHORT else _unmask)(payload, mask), data[end:]


def is_text(message: bytes) -> bool:
    """
    Tell whether a message is UTF-8.
    """
    if message.isascii():
        return True
    try:
        str(message, "utf-8")
    except UnicodeDecodeError:
        return False
    return True


def write_text(parts: Sequence[Piece]) -> bytes:
    """
    Write a text message in one frame, unmasked, as a server does.

    Args:
        parts: The message, to be joined.
    """
    return b"".join([_head(_TEXT, sum(map(len, parts))), *parts])


def write_deflated(parts: Sequence[Piece], window: int) -> bytes:
    """
    Write a text message in one compressed frame, which no other message has to do with.

    Args:
        parts: The message, to be joined.
        window: The window's size, as a power of two: 9 to 15.
    """
    # RFC 7692, section 7.2.1: a sync flush, without the four bytes that are always its end.
    deflater = zlib.compressobj(wbits=-window)
    body = b"".join([*map(deflater.compress, parts), deflater.flush(zlib.Z_SYNC_FLUSH)])[:-4]
    return _head(_DEFLATED, len(body)) + body


def _head(first: int, length: int) -> bytes:
    if length < 126:
        return bytes((first, length))
    if length < 1 << 16:
        return _MIDDLE.pack(first, 126, length)
    return _LONG.pack(first, 127, length)
