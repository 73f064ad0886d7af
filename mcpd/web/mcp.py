# -*- test-case-name: tests.web.test_mcp -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The MCP door over HTTP (MCP 2026-07-28 and 2025-11-25, "Streamable HTTP").

The door checks what only HTTP has: the types that are sent and accepted.  What
a message says is the router's business.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import ClassVar, Protocol

from attrs import frozen

from mcpd.relay.errand import Post
from mcpd.relay.ladder import Claims
from mcpd.relay.subscriptions import too_many_streams
from mcpd.web.head import Head
from mcpd.web.reply import Reply
from mcpd.web.site import Request
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.revision import MODERN_NAMES

_JSON, _STREAM = b"application/json", b"text/event-stream"
# As the SDKs write it.
_USUAL_ACCEPT = b"application/json, text/event-stream"
_MODERN = frozenset(name.encode() for name in MODERN_NAMES)
_STREAMS = frozenset((_STREAM, b"text/*", b"*/*"))
# Bounded: ours are shorter.  A field that was repeated has a blank in it.
_LONGEST_MARK = 128
_VISIBLE = bytes(range(0x21, 0x7F))


class Relay(Protocol):
    """
    Who takes what comes through the door (:class:`mcpd.relay.router.Router`).
    """

    def serves(self, path: bytes) -> bool:
        """
        Tell whether there is something at a path.
        """

    def take(self, body: bytes, post: Post) -> None:
        """
        Take what a client posted.
        """

    def enter(self, post: Post) -> bool:
        """
        Count a legacy client's stream; False if its principal has too many, and this is not counted.
        """

    def leave(self, caller: str) -> None:
        """
        Count a stream of a principal no more.
        """

    def listen(self, post: Post, last: bytes | None) -> None:
        """
        Let a legacy client hear its session's stream, or the rest of one that was cut off.

        Args:
            post: Says who, which session, and the way back.
            last: The id of the last event that the client had; None: none.
        """

    def end_session(self, post: Post) -> None:
        """
        End a legacy client's session.
        """


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
    ``POST`` for both eras, ``GET`` and ``DELETE`` for legacy sessions; at ``/mcp`` and at ``/mcp/NAME``.

    HEAD is refused: what GET gives has no end.
    """

    methods: ClassVar[tuple[bytes, ...]] = (b"POST", b"GET", b"DELETE")

    _relay: Relay
    _judge: Judge

    def admit(self, head: Head) -> str:
        """
        Tell who asks, and refuse what could not be answered.

        Raises:
            Fault: UNAUTHORIZED, NOT_FOUND, UNSUPPORTED_TYPE, NOT_ACCEPTABLE
                or METHOD_NOT_ALLOWED.
        """
        fields = head.fields
        caller = self._judge.judge(fields, head.repeated)
        # Not before: who may not ask does not learn which plugins there are.
        if not self._relay.serves(head.path):
            raise Fault(Kind.NOT_FOUND, "there is nothing at this path")
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
        elif head.method == b"GET":
            _check_listening(fields.get(b"accept"))
        return caller

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Give the message to the relay.

        Raises:
            Fault: BAD_REQUEST, what it says of the last event is not what an
                event of ours had; OVERLOADED, its principal has too many streams;
                UNAUTHORIZED, its credentials were good and are not any more.
        """
        head = request.head
        post = Post(request.caller, head.path, Claims(head.fields, head.repeated), reply)
        if head.method == b"POST":
            # Again, for a key may have been revoked while the body came.
            self._judge.judge(head.fields, head.repeated)
            self._relay.take(request.body, post)
        elif head.method == b"GET":
            last = _read_last(head)
            if not self._relay.enter(post):
                raise too_many_streams()
            reply.over = partial(self._relay.leave, request.caller)
            self._relay.listen(post, last)
        else:
            self._relay.end_session(post)


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
    ranges = _read_ranges(value)
    if not (ranges & {_JSON, b"application/*", b"*/*"} and ranges & _STREAMS):
        raise Fault(Kind.NOT_ACCEPTABLE, "Accept must list application/json and text/event-stream")


def _check_listening(value: bytes | None) -> None:
    if value is not None and not _read_ranges(value) & _STREAMS:
        raise Fault(Kind.NOT_ACCEPTABLE, "Accept must list text/event-stream")


def _read_ranges(value: bytes) -> set[bytes]:
    return {item.partition(b";")[0].strip().lower() for item in value.split(b",")}


def _read_last(head: Head) -> bytes | None:
    value = head.fields.get(b"last-event-id")
    # An id that is empty is none (the WHATWG HTML standard, section 9.2.4).
    if not value:
        return None
    if len(value) > _LONGEST_MARK or value.translate(None, _VISIBLE):
        raise Fault(Kind.BAD_REQUEST, "Last-Event-ID is no id of an event of ours")
    return value
