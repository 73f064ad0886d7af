# -*- test-case-name: tests.web.test_socket -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The MCP door over WebSocket (docs/websocket-binding.md), up to the moment when frames begin.

Who asks is judged before the upgrade, and refused by a plain HTTP answer: a
client can read that, and a stranger never gets a connection that stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, Protocol

from attrs import frozen

from mcpd.web import talk
from mcpd.web.handshake import check, select
from mcpd.web.head import Head
from mcpd.web.reply import Reply, Successor
from mcpd.web.site import Request
from mcpd.web.talk import Talk
from mcpd.web.talker import Dispatcher
from mcpd.wire.fault import Fault, Kind

_OWN, _RELAYS = b"/ws", b"/mcp"


class Relay(talk.Relay, Protocol):
    """
    Who takes what comes through the door (:class:`mcpd.relay.router.Router`).
    """

    def serves(self, path: bytes) -> bool:
        """
        Tell whether there is something at a path.
        """


class Judge(Protocol):
    """
    Who tells a principal from a request that opens a WebSocket.
    """

    def judge(
        self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes], path: bytes, query: bytes
    ) -> str:
        """
        Tell who asks; a ticket is used up by that.

        Raises:
            Fault: UNAUTHORIZED.
        """


class WebSockets(Protocol):
    """
    Who makes WebSockets of connections (:mod:`mcpd.web.websocket`).
    """

    def build(self, peer: str, dispatcher: Dispatcher, protocol: str | None) -> Successor:
        """
        Make the protocol that a connection is handed over to.

        Args:
            peer: The client's address.
            dispatcher: Makes what is behind it, once it is open.
            protocol: The subprotocol to select; None: none.
        """


@frozen
class Sockets:
    """
    ``GET`` with an upgrade, at ``/ws`` and at ``/ws/NAME``.

    Args:
        relay: Takes the messages.
        judge: Tells who asks.
        websockets: Makes WebSockets.
        mint: Makes the ids of requests that come by WebSocket.
    """

    methods: ClassVar[tuple[bytes, ...]] = (b"GET",)

    _relay: Relay
    _judge: Judge
    _websockets: WebSockets
    _mint: Callable[[], str]

    def admit(self, head: Head) -> str:
        """
        Tell who asks, and refuse what is no opening of a WebSocket.

        Raises:
            Fault: UPGRADE_REQUIRED, BAD_REQUEST, UNAUTHORIZED or NOT_FOUND.
        """
        # First, so that a request that opens nothing uses up no ticket.
        check(head)
        caller = self._judge.judge(head.fields, head.repeated, head.path, head.query)
        # Not before: who may not ask does not learn which plugins there are.
        if not self._relay.serves(relayed(head.path)):
            raise Fault(Kind.NOT_FOUND, "there is nothing at this path")
        return caller

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Hand the connection over.

        Who asks is not judged again: there is no body to wait for, so this is
        the moment in which :meth:`admit` did it, and a ticket opens only once.
        """
        head = request.head
        dispatcher = partial(Talk, self._relay, request.caller, relayed(head.path), self._mint)
        reply.switch(self._websockets.build(head.peer, dispatcher, select(head)))


def relayed(path: bytes) -> bytes:
    """
    Tell by which path the relay knows what stands at ``/ws`` or ``/ws/NAME``.
    """
    return _RELAYS + path.removeprefix(_OWN)
