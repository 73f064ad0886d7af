# -*- test-case-name: tests.web.test_handshake -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What opens a WebSocket: a request's head, read before anything is handed over.

Whatever is wrong is refused here, as a plain HTTP answer; who goes on after
this has nothing left to refuse.
"""

from __future__ import annotations

import re

from mcpd.web.head import TOKEN, Head
from mcpd.wire.fault import Fault, Kind

PROTOCOL = "mcp"
"""The subprotocol's name, which is selected wherever it is offered."""

# Bounded: a client has its token among them, and needs few others.
_MOST = 16
# Base64 of 16 bytes (RFC 6455, section 4.1).
_KEY = re.compile(rb"[A-Za-z0-9+/]{22}==")
_ONCE = frozenset((b"sec-websocket-key", b"sec-websocket-version", b"sec-websocket-extensions"))
# Whoever sends Upgrade has to say so in Connection (RFC 9110, section 7.8).
_UPGRADE = (
    (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"),
    (b"Sec-WebSocket-Version", b"13"),
)


def check(head: Head) -> None:
    """
    Judge that a GET opens a WebSocket (RFC 6455, section 4.2.1).

    Raises:
        Fault: UPGRADE_REQUIRED, it does not, or with another version than 13;
            BAD_REQUEST, it does, and wrongly.
    """
    fields = head.fields
    upgrades = b"websocket" in _list(fields.get(b"upgrade"))
    if not (upgrades and b"upgrade" in _list(fields.get(b"connection"))):
        raise _upgrade("this path speaks WebSocket alone: the request must ask for an upgrade to it")
    if not _ONCE.isdisjoint(head.repeated):
        raise _bad("a field of the WebSocket handshake came twice")
    if fields.get(b"sec-websocket-version") != b"13":
        raise _upgrade("Sec-WebSocket-Version must be 13")
    if not _KEY.fullmatch(fields.get(b"sec-websocket-key", b"")):
        raise _bad("Sec-WebSocket-Key must be 16 bytes in base64")
    # What follows the head are frames.
    if b"transfer-encoding" in fields or fields.get(b"content-length", b"0").strip(b"0"):
        raise _bad("the request for an upgrade has no body")
    _check_protocols(_protocols(head))


def select(head: Head) -> str | None:
    """
    Tell which subprotocol is spoken, of a head that was checked.

    Returns:
        :data:`PROTOCOL` if it is offered.  None: none is named in the answer,
        and the same is spoken all the same, for some clients offer nothing.
    """
    return PROTOCOL if PROTOCOL.encode() in _protocols(head) else None


def _check_protocols(offered: list[bytes]) -> None:
    # Nothing of it is told: one may be somebody's token.
    if len(offered) > _MOST:
        raise _bad(f"Sec-WebSocket-Protocol has at most {_MOST} names")
    if len(set(offered)) < len(offered):
        raise _bad("Sec-WebSocket-Protocol has a name twice")
    if not all(name and not name.translate(None, TOKEN) for name in offered):
        raise _bad("Sec-WebSocket-Protocol is a list of names with a comma between")


def _protocols(head: Head) -> list[bytes]:
    # Names are case-sensitive (RFC 6455, section 4.2.2).
    value = head.fields.get(b"sec-websocket-protocol")
    return [] if value is None else [name.strip(b" \t") for name in value.split(b",")]


def _list(value: bytes | None) -> set[bytes]:
    return {item.strip().lower() for item in (value or b"").split(b",")}


def _upgrade(text: str) -> Fault:
    return Fault(Kind.UPGRADE_REQUIRED, text, headers=_UPGRADE)


def _bad(text: str) -> Fault:
    return Fault(Kind.BAD_REQUEST, text)
