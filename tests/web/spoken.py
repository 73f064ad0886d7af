# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A WebSocket in memory: a listener that hands connections over, a client, and who talks with it.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, evolve, field

from mcpd.units import Rate
from mcpd.web.http import Reply, Request
from mcpd.web.spec import Limits, Rates, SocketSettings
from mcpd.web.talker import Socket
from mcpd.web.websocket import WebSockets
from tests.web import framed
from tests.web.framed import Frame
from tests.web.stage import HOST, Client, Stage
from tests.web.stage import Socket as Transport


class Broken(Exception):
    """
    What a talker raises that does not work.
    """


@define(eq=False)
class Talker:
    """
    Echoes, and notes what it hears.

    Attributes:
        socket: The connection.
        said: What it heard, in order.
        busy: Whether an answer is owed.
        plan: What it does with a message instead of echoing.
        breaks: The names of what raises.
    """

    socket: Socket
    said: list[str] = field(factory=list)
    busy: bool = False
    plan: Callable[[bytes], None] | None = None
    breaks: set[str] = field(factory=set)

    def received(self, message: bytes) -> None:
        """
        Echo, or do as planned.
        """
        self._note("received", message.decode())
        if self.plan is not None:
            self.plan(message)
        else:
            self.socket.send((message[:1], message[1:]))

    def refused(self, message: bytes, seconds: float) -> None:
        """
        Note it.
        """
        self._note("refused", f"{message.decode()} {seconds:.3f}")

    def retire(self) -> None:
        """
        Note it.
        """
        self._note("retire")

    def lost(self) -> None:
        """
        Note it.
        """
        self._note("lost")

    def _note(self, name: str, what: str = "") -> None:
        self.said.append(f"{name} {what}" if what else name)
        if name in self.breaks:
            raise Broken(name)


@define(eq=False)
class Spoken:
    """
    One connection, open unless the client's request was refused.

    Attributes:
        stage: The listener.
        client: The client, as far as HTTP goes.
        talkers: Who talks with it; at most one.
    """

    stage: Stage
    client: Client
    talkers: list[Talker]
    websockets: WebSockets

    @property
    def transport(self) -> Transport:
        """
        The socket.
        """
        return self.client.socket

    @property
    def talker(self) -> Talker:
        """
        Who talks with the client.
        """
        (talker,) = self.talkers
        return talker

    @property
    def head(self) -> bytes:
        """
        The head of the answer to the opening.
        """
        return bytes(self.transport.taken).partition(b"\r\n\r\n")[0]

    @property
    def frames(self) -> list[Frame]:
        """
        All frames that came so far.
        """
        frames, rest = framed.read(bytes(self.transport.taken).partition(b"\r\n\r\n")[2])
        assert not rest, rest
        return frames

    @property
    def texts(self) -> list[bytes]:
        """
        All messages that came so far.
        """
        return [frame.payload for frame in self.frames if frame.opcode == framed.TEXT]

    @property
    def code(self) -> int | None:
        """
        The code of the close frame; None if there was none, 0 if it has none.
        """
        closes = [frame.payload for frame in self.frames if frame.opcode == framed.CLOSE]
        assert len(closes) <= 1, closes
        return int.from_bytes(closes[0][:2], "big") if closes else None

    def send(self, data: bytes) -> None:
        """
        Send bytes in one piece, as long as the daemon would still read them.
        """
        said = self.transport.said
        if not self.transport.gone and "close" not in said and "abort" not in said:
            assert self.transport.protocol is not None
            self.transport.protocol.dataReceived(data)


def speak(
    limits: Limits | None = None,
    settings: SocketSettings | None = None,
    rate: Rate | None = None,
    *,
    fields: bytes = b"",
    protocol: str | None = None,
    rest: bytes = b"",
    broken: bool = False,
    before: Callable[[Stage], object] = lambda stage: None,
) -> Spoken:
    """
    Open a connection.

    Args:
        limits: The bounds.
        settings: The ``[websocket]`` table.
        rate: How many messages; None: any number.
        fields: More header fields of the request.
        protocol: The subprotocol that is selected.
        rest: What the client sends in one piece with the request.
        broken: Whether the dispatcher raises.
        before: What happens before the connection is handed over.
    """
    stage = Stage(limits or Limits())
    websockets = WebSockets(stage.doors.porch, settings or SocketSettings(), Rates(rate))
    talkers: list[Talker] = []

    def dispatch(socket: Socket) -> Talker:
        if broken:
            raise Broken("dispatcher")
        talkers.append(Talker(socket))
        return talkers[-1]

    def hand_over(request: Request, reply: Reply) -> None:
        before(stage)
        reply.switch(websockets.build("127.0.0.1", dispatch, protocol))

    stage.echo.methods = (b"GET",)
    stage.echo.plan = hand_over
    client = stage.connect()
    client.send(framed.opening(HOST, b"/mcp", fields) + rest)
    return Spoken(stage, client, talkers, websockets)


COMPRESSING = evolve(SocketSettings(), compression=True)
"""The settings of a listener that compresses."""
