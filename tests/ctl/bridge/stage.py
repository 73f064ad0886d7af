# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests of the bridge share: a far side in memory, and a bridge to it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost, ConnectionRefusedError
from twisted.internet.interfaces import IPushProducer
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.web._newclient import Response
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse
from zope.interface import implementer

from mcpd.ctl.bridge.far import EVENTS, JSON, Far, Target
from mcpd.ctl.bridge.near import Near
from mcpd.ctl.bridge.relay import Relay
from mcpd.ctl.bridge.renewal import Renewal
from mcpd.ctl.bridge.road import Road
from mcpd.ctl.bridge.session import Session
from mcpd.ctl.bridge.valve import Valve
from mcpd.wire.message import Piece

LIMIT = 4096
"""Bytes of one message."""

MODERN = "2026-07-28"
META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}
"""The envelope of a modern request."""


@implementer(IPushProducer)
@define(eq=False)
class Flow:
    """
    A connection's side that sends.

    Attributes:
        said: What was done to it: ``pause``, ``resume``, ``stop``.
    """

    said: list[str] = field(factory=list)

    def pauseProducing(self) -> None:
        """
        Wait.
        """
        self.said.append("pause")

    def resumeProducing(self) -> None:
        """
        Go on.
        """
        self.said.append("resume")

    def stopProducing(self) -> None:
        """
        End.
        """
        self.said.append("stop")


@define(eq=False)
class Pipes(Flow):
    """
    The client's end of standard input and output.

    Attributes:
        written: What was written, as often as it was.
        producer: Who writes.
        near: Who is told once all is read; None: it never is.
    """

    written: list[bytes] = field(factory=list)
    producer: object = None
    near: Near | None = None

    def write(self, data: bytes) -> None:
        """
        Take it.
        """
        self.written.append(data)

    def registerProducer(self, producer: object, streaming: bool) -> None:
        """
        Know who writes.
        """
        self.producer = producer

    def unregisterProducer(self) -> None:
        """
        Nobody writes any more.
        """
        self.producer = None

    def loseConnection(self) -> None:
        """
        All is read.
        """
        if self.near is not None:
            self.near.connectionLost()


@define(eq=False)
class Sink:
    """
    Takes the body of a request.
    """

    text: bytes = b""

    def write(self, data: bytes) -> None:
        """
        Take it.
        """
        self.text += data


@define(eq=False)
class Asked:
    """
    One HTTP request that came.

    Attributes:
        method: Its method.
        url: Its address.
        headers: Its fields.
        body: Its body.
        flow: The connection.
        gone: Whether who asked hung up before there was a response.
    """

    method: bytes
    url: bytes
    headers: Headers
    body: bytes
    flow: Flow = field(factory=Flow)
    gone: bool = False
    _response: Any = None
    waiting: Deferred[IResponse] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.waiting = Deferred(self._hung_up)

    def _hung_up(self, waiting: Deferred[IResponse]) -> None:
        self.gone = True
        # As Twisted's client does it.
        waiting.errback(ResponseFailed([Failure(ConnectionLost())]))

    @property
    def message(self) -> Any:
        """
        The message in it.
        """
        return json.loads(self.body)

    def field(self, name: str) -> str | None:
        """
        One of its header fields.
        """
        values = self.headers.getRawHeaders(name)
        return values[0] if values else None

    def begin(self, status: int, fields: dict[str, str], kind: bytes = EVENTS) -> None:
        """
        Begin a response.
        """
        headers = Headers({name: [value] for name, value in fields.items()})
        if kind:
            headers.setRawHeaders(b"Content-Type", [kind])
        self._response = Response((b"HTTP", 1, 1), status, b"", headers, self.flow)
        self.waiting.callback(self._response)

    def feed(self, data: bytes) -> None:
        """
        Send a part of the response.
        """
        self._response._bodyDataReceived(data)

    def event(self, message: Any, head: str = "") -> None:
        """
        Send an event.
        """
        self.feed(f"{head}data: {json.dumps(message) if message else ''}\n\n".encode())

    def end(self, why: Exception | None = None) -> None:
        """
        End the response, or break it off.
        """
        self._response._bodyDataFinished(Failure(why or ResponseDone()))

    def cut(self) -> None:
        """
        Break the response off.
        """
        self.end(ConnectionLost())

    def answer(self, message: Any = None, status: int = 200, fields: dict[str, str] | None = None) -> None:
        """
        Respond with one message, or with nothing but the status.
        """
        self.begin(status, fields or {}, JSON + b"; charset=utf-8" if message else b"")
        self.feed(json.dumps(message).encode() if message else b"")
        self.end()

    def result(self, fields: dict[str, str] | None = None, **result: Any) -> None:
        """
        Respond with a result.
        """
        self.answer({"jsonrpc": "2.0", "id": self.message["id"], "result": result}, fields=fields)

    def fail(self, why: Exception | None = None) -> None:
        """
        Have no response; without a reason there is nobody at all.
        """
        self.waiting.errback(why or ConnectionRefusedError())


@implementer(IAgent)
@define(eq=False)
class FarSide:
    """
    A far side: what it is asked waits until the test answers it.

    Attributes:
        asked: All that it was asked, in order.
        refuse: How it fails at once; None: it waits.
    """

    asked: list[Asked] = field(factory=list)
    refuse: Exception | None = None

    def request(self, method: Any, uri: Any, headers: Any = None, bodyProducer: Any = None) -> Any:
        """
        Be asked.
        """
        sink = Sink()
        if bodyProducer is not None:
            bodyProducer.startProducing(sink)
        asked = Asked(method, uri, headers, sink.text)
        self.asked.append(asked)
        if self.refuse is not None:
            asked.fail(self.refuse)
        return asked.waiting

    @property
    def last(self) -> Asked:
        """
        What it was asked last.
        """
        return self.asked[-1]

    def methods(self) -> list[str]:
        """
        What it was asked, in words: the HTTP method or that of the message.
        """
        return [
            one.message.get("method", "answer") if one.body else one.method.decode() for one in self.asked
        ]


@define(eq=False)
class Scene:
    """
    A bridge between a client and a far side in memory.

    Attributes:
        clock: The time.
        far: The far side.
        said: What the client was told.
        told: What people were told.
        crowded: Whether the client was to be read no more, as often as it was said.
    """

    clock: Clock = field(factory=Clock)
    far: FarSide = field(factory=FarSide)
    said: list[Any] = field(factory=list)
    told: list[str] = field(factory=list)
    crowded: list[bool] = field(factory=list)
    valve: Valve = field(factory=Valve)
    session: Session = field(factory=Session)
    road: Road = field(init=False)
    renewal: Renewal = field(init=False)
    relay: Relay = field(init=False)

    def __attrs_post_init__(self) -> None:
        far = Far(self.far, Target(b"http://far/mcp"), self.valve, LIMIT)
        self.road = Road(self.clock, far)
        self.renewal = Renewal(self.road, self.session)
        self.relay = Relay(self.clock, far, self._say, self.told.append, self.crowded.append)

    def _say(self, message: Iterable[Piece]) -> None:
        self.said.append(json.loads(b"".join(message)))

    def hear(self, method: str, id: Any = None, **params: Any) -> None:
        """
        Have the client send a request, or a notice if it has no id.
        """
        about = {} if id is None else {"id": id}
        self.line({"jsonrpc": "2.0", **about, "method": method, "params": params})

    def ask(self, method: str, id: Any = 1, **params: Any) -> Asked:
        """
        Have the client send a modern request, and give what the far side was asked then.
        """
        self.hear(method, id, **params, _meta=META)
        return self.far.last

    def line(self, message: Any) -> None:
        """
        Have the client write a line.
        """
        self.relay.hear(json.dumps(message, separators=(",", ":")).encode())

    def shake(self, id: str = "s1", version: str = "2025-11-25") -> None:
        """
        Shake hands; the far side has no stream for what belongs to no request.
        """
        self.hear("initialize", 0, protocolVersion=version, capabilities={})
        self.far.last.result({"Mcp-Session-Id": id}, protocolVersion=version)
        self.hear("notifications/initialized")
        self.far.last.answer(status=202)
        self.far.last.answer(status=405)
        self.said.clear()

    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.clock.pump([0.05] * round(seconds / 0.05))


def tool(name: str, **properties: Any) -> Any:
    """
    Make a tool whose properties have these annotations.
    """
    schemas = {key: {"type": "string", "x-mcp-header": value} for key, value in properties.items()}
    return {"name": name, "inputSchema": {"type": "object", "properties": schemas}}
