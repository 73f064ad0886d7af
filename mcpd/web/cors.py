# -*- test-case-name: tests.web.test_cors -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What browsers are told, so that pages of allowed origins may call (WHATWG Fetch standard, "CORS protocol").

Whether an origin is allowed is the shield's to judge.  Credentials are header
fields, never cookies, so ``Access-Control-Allow-Credentials`` is never sent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mcpd.web.reply import Fields
from mcpd.wire.fault import Fault, Kind

VARY = b"Vary: Origin\r\n"
"""The line that all answers have where some origins are allowed: no cache gives one's answer to another."""

_EXPOSED = (
    b"Mcp-Session-Id, MCP-Protocol-Version, WWW-Authenticate, Retry-After, "
    b"RateLimit, RateLimit-Policy, X-Request-Id"
)
_CROSS = b"Cross-Origin-Resource-Policy: cross-origin\r\n"
# Seconds that a browser may know the answer to its question.
_AGE = b"600"

_METHOD, _NAMES = b"access-control-request-method", b"access-control-request-headers"
_PRIVATE = b"access-control-request-private-network"
# As MCP's clients of all revisions send them.
_FIELDS = (
    b"Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, "
    b"Mcp-Session-Id, Last-Event-ID, X-API-Key, traceparent, tracestate"
)
_KNOWN = frozenset(_FIELDS.lower().split(b", "))
# Arguments that a tool wants mirrored (MCP 2026-07-28): no wildcard covers them
# in a request with credentials, so each is named again.  Bounded.
_PARAM = re.compile(rb"mcp-param-[a-z0-9-]{1,64}\Z")
_MOST = 32


def allow(origin: bytes) -> bytes:
    """
    Write the lines of every answer to a page of an allowed origin, good or bad.

    Args:
        origin: The page's Origin, which was judged good.
    """
    return b"%b%bAccess-Control-Allow-Origin: %b\r\nAccess-Control-Expose-Headers: %b\r\n" % (
        _CROSS,
        VARY,
        origin,
        _EXPOSED,
    )


def vary(private_network: bool) -> bytes:
    """
    Write the lines of every answer to a preflight request, good or bad; :func:`permit` has the others.
    """
    names = b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
    more = b", Access-Control-Request-Private-Network" if private_network else b""
    return b"%bVary: %b%b\r\n" % (_CROSS, names, more)


def asks(method: bytes, fields: Mapping[bytes, bytes]) -> bool:
    """
    Tell whether a request is a browser's question before the request that a page wants ("preflight").
    """
    return method == b"OPTIONS" and b"origin" in fields and _METHOD in fields


def permit(fields: Mapping[bytes, bytes], methods: tuple[bytes, ...], private_network: bool) -> Fields:
    """
    Answer such a question of a page whose origin was judged good.

    Args:
        fields: The request's.
        methods: What the path can be asked.
        private_network: Whether pages of a public network may call this private one.

    Returns:
        The answer's fields.

    Raises:
        Fault: FORBIDDEN, the page wants a method or a field that is not allowed.
    """
    if fields[_METHOD] not in methods:
        raise _forbidden("this method is not allowed to pages at this path")
    asked = [name.strip() for name in fields.get(_NAMES, b"").lower().split(b",")]
    others = [name for name in asked if name and name not in _KNOWN]
    if len(others) > _MOST or not all(_PARAM.match(name) for name in others):
        raise _forbidden("one of these header fields is not allowed to pages")
    answer = [
        (b"Access-Control-Allow-Origin", fields[b"origin"]),
        (b"Access-Control-Allow-Methods", b", ".join(methods)),
        (b"Access-Control-Allow-Headers", b", ".join([_FIELDS, *others])),
        (b"Access-Control-Max-Age", _AGE),
    ]
    if private_network and fields.get(_PRIVATE) == b"true":
        answer.append((b"Access-Control-Allow-Private-Network", b"true"))
    return tuple(answer)


def _forbidden(text: str) -> Fault:
    return Fault(Kind.FORBIDDEN, text)
