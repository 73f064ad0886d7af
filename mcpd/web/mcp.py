# -*- test-case-name: tests.web.test_mcp -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The MCP door over HTTP (MCP 2026-07-28 and 2025-11-25, "Streamable HTTP").

The door checks what only HTTP has: the types that are sent and accepted.  What
a message says is the router's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Protocol

from attrs import frozen

from mcpd.relay.ladder import Claims
from mcpd.relay.router import Post, Router
from mcpd.web.head import Head
from mcpd.web.reply import Reply
from mcpd.web.site import Request
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.revision import MODERN_NAMES

_JSON, _STREAM = b"application/json", b"text/event-stream"
# As the SDKs write it.
_USUAL_ACCEPT = b"application/json, text/event-stream"
_MODERN = frozenset(name.encode() for name in MODERN_NAMES)


class Judge(Protocol):
    """
    Who tells a principal from header fields.
    """

    def judge(self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> str:
        """
        Tell who asks.

        Raises:
            Fault: UNAUTHORIZED.
        """


@frozen
class Mcp:
    """
    ``POST /mcp`` for both eras, ``DELETE /mcp`` for legacy sessions.
    """

    methods: ClassVar[tuple[bytes, ...]] = (b"POST", b"DELETE")

    _router: Router
    _judge: Judge

    def admit(self, head: Head) -> str:
        """
        Tell who asks, and refuse what could not be answered.

        Raises:
            Fault: UNAUTHORIZED, UNSUPPORTED_TYPE, NOT_ACCEPTABLE or
                METHOD_NOT_ALLOWED.
        """
        fields = head.fields
        caller = self._judge.judge(fields, head.repeated)
        if head.method == b"POST":
            type, accept = fields.get(b"content-type"), fields.get(b"accept")
            # As almost everybody sends them.
            if type != _JSON or accept != _USUAL_ACCEPT:
                _check_type(type)
                _check_accept(accept)
        elif fields.get(b"mcp-protocol-version") in _MODERN:
            raise Fault(
                Kind.METHOD_NOT_ALLOWED, "this revision knows only POST", headers=((b"Allow", b"POST"),)
            )
        return caller

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Give the message to the router.
        """
        head = request.head
        post = Post(request.caller, head.path, Claims(head.fields, head.repeated), reply)
        if head.method == b"POST":
            self._router.take(request.body, post)
        else:
            self._router.end_session(post)


def _check_type(value: bytes | None) -> None:
    # Exactly this type: what else a page may send without asking first
    # (text/plain, a form) never gets in.
    type, _, parameters = (value or b"").partition(b";")
    charset = parameters.strip().lower().replace(b'"', b"")
    if type.strip().lower() != _JSON or charset not in (b"", b"charset=utf-8"):
        raise Fault(Kind.UNSUPPORTED_TYPE, "the Content-Type must be application/json")


def _check_accept(value: bytes | None) -> None:
    # No field accepts everything (RFC 9110, section 12.5.1).
    if value is None:
        return
    ranges = {item.partition(b";")[0].strip().lower() for item in value.split(b",")}
    json = ranges & {_JSON, b"application/*", b"*/*"}
    stream = ranges & {_STREAM, b"text/*", b"*/*"}
    if not (json and stream):
        raise Fault(Kind.NOT_ACCEPTABLE, "Accept must list application/json and text/event-stream")
