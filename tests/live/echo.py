# -*- test-case-name: tests.live.test_frames -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A program that echoes what comes by WebSocket, for the Autobahn test suite and for :mod:`tests.live.frames`.

The suite's echo has to take binary messages, 16 MiB of them and 65,536 frames
in one, so this one does; what the daemon's own connections refuse is tested
elsewhere.  To run the suite's fuzzing client against it::

    python -m tests.live.echo 9001 [--compression]
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Any

from attrs import define, evolve
from twisted.internet import reactor

from mcpd.units import Bytes, Seconds
from mcpd.web.doors import Doors
from mcpd.web.head import Head
from mcpd.web.ledger import Ledger
from mcpd.web.reply import Reply
from mcpd.web.shield import Shield
from mcpd.web.site import Request, Site
from mcpd.web.spec import Limits, Rates, SocketSettings
from mcpd.web.talker import Socket
from mcpd.web.websocket import WebSocket, WebSockets
from mcpd.wire.message import Piece

LIMITS = Limits(
    message=Bytes(16 << 20),
    fragments=1 << 17,
    message_timeout=Seconds(300),
    controls=100,
    unsent=Bytes(64 << 20),
    buffered=Bytes(1 << 30),
    connections_per_address=1000,
)
"""What the suite's largest cases need."""


class Binary(WebSocket):
    """
    A connection that takes binary messages, too, and sends one after each.
    """

    _binary = False

    def onMessageBegin(self, isBinary: bool) -> None:
        """
        Keep in mind what the message is.
        """
        self._binary = isBinary
        super().onMessageBegin(False)

    def hear(self, message: bytes) -> None:
        """
        Hear a message; one that was not announced here is a whole text.
        """
        super().hear(message)
        self._binary = False

    def send(self, parts: Sequence[Piece]) -> None:
        """
        Send a message of the kind that came.
        """
        if self._binary:
            self.sendMessage(b"".join(parts), isBinary=True)
        else:
            super().send(parts)


@define(eq=False)
class Echo:
    """
    Says what it hears.

    Attributes:
        busy: Never.
    """

    _socket: Socket
    busy: bool = False

    def received(self, message: bytes) -> None:
        """
        Say it.
        """
        self._socket.send((message,))

    def refused(self, message: bytes, seconds: float) -> None:
        """
        Say how long to wait.
        """
        self._socket.send((b"%f" % seconds,))

    def retire(self) -> None:
        """
        Go on: there is nothing to end.
        """

    def lost(self) -> None:
        """
        Likewise.
        """


@define(eq=False)
class Opening:
    """
    What stands at the path: a connection for whoever asks.
    """

    websockets: WebSockets
    methods: tuple[bytes, ...] = (b"GET",)

    def admit(self, head: Head) -> str:
        """
        Let everybody in.
        """
        return "anonymous"

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Hand the connection over.
        """
        reply.switch(self.websockets.build(request.head.peer, Echo, None))


def make_doors(clock: Any, limits: Limits, settings: SocketSettings, host: str) -> Doors:
    """
    Make a listener that echoes at ``/ws``.
    """
    shield = Shield.new([host], [])
    ledger = Ledger(limits)
    resources: dict[bytes, Opening] = {}
    doors = Doors(clock, Site(shield, resources), limits, ledger, os.urandom)
    websockets = WebSockets(doors.porch, settings, Rates(messages=None))
    websockets.connection = Binary
    resources[b"/ws"] = Opening(websockets)
    return doors


def main(arguments: Sequence[str]) -> None:
    """
    Listen on a port of the loopback address until a signal comes, and say which port it is.
    """
    clock: Any = reactor
    numbers = [argument for argument in arguments if argument.isdecimal()]
    settings = evolve(SocketSettings(), compression="--compression" in arguments)
    doors = make_doors(clock, LIMITS, settings, "127.0.0.1")
    port = clock.listenTCP(int(numbers[0]) if numbers else 0, doors, interface="127.0.0.1")
    sys.stdout.write(f"{port.getHost().port}\n")
    sys.stdout.flush()
    clock.run()


if __name__ == "__main__":
    main(sys.argv[1:])
