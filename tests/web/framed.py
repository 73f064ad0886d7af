# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Frames of WebSocket (RFC 6455, section 5.2) as a client writes and reads them, the wrong ones too.
"""

from __future__ import annotations

from attrs import frozen

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
"""Opcodes."""

MASK = b"\x9a\x01\xf3\x7c"

UNMASKED = bytes(4)
"""A mask that changes nothing, for payloads of megabytes."""

KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
"""RFC 6455, section 1.3; the answer is :data:`ACCEPT`."""

ACCEPT = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo="


@frozen
class Frame:
    """
    One frame as the server sent it.

    Attributes:
        first: FIN, the reserved bits and the opcode.
        payload: What it carries.
    """

    first: int
    payload: bytes

    @property
    def opcode(self) -> int:
        """
        What it is.
        """
        return self.first & 15


def frame(
    payload: bytes = b"",
    opcode: int = TEXT,
    fin: bool = True,
    rsv: int = 0,
    mask: bytes | None = MASK,
    length: int | None = None,
    size: int = 0,
) -> bytes:
    """
    Write a frame.

    Args:
        payload: What it carries, not masked yet.
        opcode: What it is.
        fin: Whether it is its message's last.
        rsv: The reserved bits, 0 to 7.
        mask: What it is masked with; None: it is not.
        length: The length that it claims; None: the true one.
        size: Bytes of the extended length, 2 or 8; 0: as few as it takes.
    """
    said = len(payload) if length is None else length
    size = size or (0 if said < 126 else 2 if said < 1 << 16 else 8)
    short = {0: said, 2: 126, 8: 127}[size]
    head = bytes((fin << 7 | rsv << 4 | opcode, (mask is not None) << 7 | short))
    head += said.to_bytes(size, "big") if size else b""
    if mask is None:
        return head + payload
    if mask == UNMASKED:
        return head + mask + payload
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


def close(code: int | None = None, why: bytes = b"") -> bytes:
    """
    Write a close frame.
    """
    return frame(b"" if code is None else code.to_bytes(2, "big") + why, CLOSE)


def read(data: bytes) -> tuple[list[Frame], bytes]:
    """
    Read the frames of a server, and what is left.

    Raises:
        AssertionError: One is masked, or its length is not in the shortest form.
    """
    frames = []
    while len(data) >= 2:
        length, start = data[1], 2
        assert length < 128, "a server does not mask (RFC 6455, section 5.1)"
        if length >= 126:
            start = 4 if length == 126 else 10
            length = int.from_bytes(data[2:start], "big")
            assert length >= (126 if start == 4 else 1 << 16), "the length is not in its shortest form"
        if len(data) < start + length:
            break
        frames.append(Frame(data[0], data[start : start + length]))
        data = data[start + length :]
    return frames, data


def opening(host: bytes, path: bytes = b"/ws", fields: bytes = b"") -> bytes:
    """
    Write the request that a WebSocket begins with.
    """
    return (
        b"GET %b HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %b\r\n%b\r\n"
    ) % (path, host, KEY, fields)
