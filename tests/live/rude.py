# -*- test-case-name: tests.live.test_slow -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What slow and hostile clients send: halves of things, and things that have no end.
"""

from __future__ import annotations

import json
import re
import ssl
import struct
from collections.abc import Mapping
from contextlib import suppress

from tests.live.client import MODERN, modern, new_fields, post
from tests.web.framed import opening


def half_handshake(host: str, key: str) -> bytes:
    """
    Write the first half of a TLS handshake's first message.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    talking = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with suppress(ssl.SSLWantReadError):
        talking.do_handshake()
    whole = outgoing.read()
    return whole[: len(whole) // 2]


def half_head(host: str, key: str) -> bytes:
    """
    Write a request's beginning.
    """
    return f"POST /mcp HTTP/1.1\r\nHost: {host}\r\n".encode()


def half_upgrade(host: str, key: str) -> bytes:
    """
    Write a WebSocket handshake's beginning.
    """
    return upgrade(host, key).removesuffix(b"\r\n")


def half_body(host: str, key: str) -> bytes:
    """
    Write a request whose body is missing.
    """
    request = post(host, b"", new_fields(key))
    return request.replace(b"Content-Length: 0", b"Content-Length: 5000")


def ask(host: str, key: str, method: str, params: Mapping[str, object]) -> bytes:
    """
    Write a whole request.
    """
    fields = {**new_fields(key), "MCP-Protocol-Version": MODERN, "Mcp-Method": method}
    if "name" in params:
        fields["Mcp-Name"] = str(params["name"])
    return post(host, json.dumps(modern(1, method, params)).encode(), fields)


def upgrade(host: str, key: str) -> bytes:
    """
    Write a WebSocket handshake.
    """
    fields = f"Authorization: Bearer {key}\r\nSec-WebSocket-Protocol: mcp\r\n"
    return opening(host.encode(), fields=fields.encode())


def closed(code: int) -> re.Pattern[bytes]:
    """
    Tell what a connection brings that is closed with a code.
    """
    return re.compile(rb"\x88[\x02-\x7d]" + re.escape(struct.pack(">H", code)), re.DOTALL)
