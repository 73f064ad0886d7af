# -*- test-case-name: tests.web.test_ticket -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where clients get tickets for a WebSocket, if they can send nothing but its address.
"""

from __future__ import annotations

from typing import ClassVar, Protocol

import msgspec
from attrs import frozen
from msgspec import Struct

from mcpd.access.tickets import LIFE, Tickets
from mcpd.web.head import Head
from mcpd.web.mcp import Judge
from mcpd.web.reply import Reply
from mcpd.web.site import Request
from mcpd.web.socket import relayed
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind

PATH = "/ws/ticket"
"""Where they are asked for; a plugin of this name has no WebSocket of its own."""


class Relay(Protocol):
    """
    Who knows which paths there are (:class:`mcpd.relay.router.Router`).
    """

    def serves(self, path: bytes) -> bool:
        """
        Tell whether there is something at a path.
        """


class _Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """
    What a client may say.

    Attributes:
        path: What it wants to open.
    """

    path: str = "/ws"


@frozen
class TicketOffice:
    """
    ``POST`` at :data:`PATH`.

    Args:
        relay: Knows the paths.
        judge: Tells who asks, by header fields alone.
        tickets: The listener's tickets.
    """

    methods: ClassVar[tuple[bytes, ...]] = (b"POST",)

    _relay: Relay
    _judge: Judge
    _tickets: Tickets

    def admit(self, head: Head) -> str:
        """
        Tell who asks.

        Raises:
            Fault: UNAUTHORIZED.
        """
        return self._judge.judge(head.fields, head.repeated)

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Give a ticket, within the address that it opens.

        Raises:
            Fault: UNAUTHORIZED, its credentials were good and are not any
                more; BAD_REQUEST, the body says something else; NOT_FOUND, the
                path is none; OVERLOADED, too many tickets are not used yet.
        """
        head = request.head
        # Again, for a key may have been revoked while the body came.
        caller = self._judge.judge(head.fields, head.repeated)
        path = _read(request.body)
        if path == PATH or not path.startswith("/ws") or not self._relay.serves(relayed(path.encode())):
            raise Fault(Kind.NOT_FOUND, "there is no WebSocket at this path")
        ticket = self._tickets.give(caller, head.fields.get(b"origin"), path.encode())
        scheme = "wss" if head.secure else "ws"
        url = f"{scheme}://{head.fields[b'host'].decode('ascii')}{path}?ticket={ticket}"
        reply.answer((write.encode({"url": url, "expires": LIFE}),))


def _read(body: bytes) -> str:
    try:
        return (msgspec.json.decode(body, type=_Wish) if body else _Wish()).path
    except msgspec.DecodeError:
        raise Fault(Kind.BAD_REQUEST, 'the body may be empty, or {"path": "/ws/NAME"}') from None
