# -*- test-case-name: tests.testing.test_client -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients in memory: they speak HTTP/1.1 to a door's factory, and MCP of either era over that.

Each request has a connection of its own, so that one can hang up without the
others.  Nothing here checks what the daemon answers; that is what tests do.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, field
from httptools import HttpResponseParser
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from mcpd.wire import headers
from mcpd.wire.revision import METHODS, MODERN, NEWEST_LEGACY
from mcpd.wire.sse import Events

Fields = Sequence[tuple[bytes, bytes]]

_PORT = 50000
_LONGEST = 1 << 26
_TYPES = ((b"Content-Type", b"application/json"), (b"Accept", b"application/json, text/event-stream"))
_OURS = "io.modelcontextprotocol/"


class Line(StringTransport):
    """
    A connection's transport; as with a real one, its end is told in a later turn.

    Attributes:
        protocol: The daemon's side.
        open: Whether the connection is there.
    """

    protocol: IProtocol
    open = True

    def __init__(self, clock: Clock, peer: str, hear: Callable[[bytes], None]) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", peer, _PORT))
        self._clock = clock
        self._hear = hear

    def write(self, data: bytes) -> None:
        """
        Let the client hear what the daemon writes.
        """
        super().write(data)
        self._hear(data)

    def loseConnection(self) -> None:
        """
        Close, in the next turn.
        """
        self._clock.callLater(0, self.lose, ConnectionDone())

    def abortConnection(self) -> None:
        """
        Close, in the next turn.
        """
        self._clock.callLater(0, self.lose, ConnectionAborted())

    def lose(self, reason: Exception) -> None:
        """
        Be gone.
        """
        if self.open:
            self.open = False
            self.protocol.connectionLost(Failure(reason))


@define(eq=False)
class Asked:
    """
    One request, and what came back so far.

    Attributes:
        status: The HTTP status; 0 before there is one.
        fields: The answer's header fields, their names in lower case.
        body: The answer's body.
        messages: The messages in it.
        is_over: Whether the answer is complete.
    """

    status: int = field(init=False, default=0)
    fields: dict[str, str] = field(init=False, factory=dict)
    body: bytes = field(init=False, default=b"")
    messages: list[Any] = field(init=False, factory=list)
    is_over: bool = field(init=False, default=False)
    _line: Line = field(init=False)
    _parser: Any = field(init=False)
    _events: Events = field(init=False, factory=lambda: Events(_LONGEST))

    @classmethod
    def over(cls, doors: IProtocolFactory, clock: Clock, peer: str, data: bytes) -> Asked:
        """
        Connect, and send bytes.

        Args:
            doors: Makes the daemon's side.
            clock: Whose turns both sides share.
            peer: The client's address.
            data: What is sent, at once.
        """
        asked = cls()
        asked._parser = HttpResponseParser(asked)
        line = asked._line = Line(clock, peer, asked._parser.feed_data)
        protocol = doors.buildProtocol(line.getPeer())
        assert protocol is not None  # noqa: S101  Twisted allows None; a door never gives it
        line.protocol = protocol
        protocol.makeConnection(line)
        protocol.dataReceived(data)
        return asked

    @property
    def notices(self) -> list[Any]:
        """
        The notices that came.
        """
        return [message for message in self.messages if "method" in message]

    @property
    def answers(self) -> list[Any]:
        """
        The answers that came, errors among them.
        """
        return [message for message in self.messages if "method" not in message]

    @property
    def result(self) -> Any:
        """
        The result in the one answer that came.
        """
        (answer,) = self.answers
        return answer["result"]

    @property
    def error(self) -> Any:
        """
        The error in the one answer that came.
        """
        (answer,) = self.answers
        return answer["error"]

    @property
    def is_connected(self) -> bool:
        """
        Whether the connection is still there.
        """
        return self._line.open

    def hang_up(self) -> None:
        """
        Close the connection.
        """
        self._line.lose(ConnectionDone())

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        Keep a header field.
        """
        self.fields[name.decode("ascii").lower()] = value.decode("ascii")

    def on_headers_complete(self) -> None:
        """
        Keep the status.
        """
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """
        Keep some of the body, and the messages that are whole with it.
        """
        self.body += data
        if self.fields.get("content-type") == "text/event-stream":
            self.messages += [json.loads(event.data) for event in self._events.feed(data)]

    def on_message_complete(self) -> None:
        """
        Read the answer, if it was no stream.
        """
        self.is_over = True
        if self.body and self.fields.get("content-type") == "application/json":
            self.messages.append(json.loads(self.body))


@define(eq=False)
class Client:
    """
    What clients of both eras do.

    Attributes:
        fields: Header fields of every request, besides Host, the types and the length.
        path: Where it posts to.
        peer: Its address.
        host: Whom it believes to talk to.
    """

    _doors: IProtocolFactory
    _clock: Clock
    fields: Fields = ()
    path: bytes = b"/mcp"
    peer: str = "127.0.0.1"
    host: bytes = b"127.0.0.1:8420"

    def send(self, method: bytes, body: bytes = b"", fields: Fields = ()) -> Asked:
        """
        Send a request with only these fields and what HTTP needs.
        """
        about = ((b"Host", self.host), (b"Content-Length", b"%d" % len(body)))
        lines = b"".join(b"%b: %b\r\n" % pair for pair in (*about, *self.fields, *fields))
        data = b"%b %b HTTP/1.1\r\n%b\r\n%b" % (method, self.path, lines, body)
        return Asked.over(self._doors, self._clock, self.peer, data)

    def post(self, body: bytes, fields: Fields = ()) -> Asked:
        """
        Post any body, with the types that every client sends.
        """
        return self.send(b"POST", body, (*_TYPES, *fields))


@define(eq=False)
class Modern(Client):
    """
    A client that says everything in each request.

    Attributes:
        capabilities: What it can be asked.
    """

    capabilities: dict[str, Any] = field(factory=dict)

    def ask(self, method: str, params: Any = None, id: int | str = 1) -> Asked:
        """
        Ask something, with the envelope and the header fields that belong to it.

        A ``_meta`` in ``params`` is put into the envelope.
        """
        params = dict(params or {})
        member = METHODS[method].routed_by if method in METHODS else None
        said = [(b"MCP-Protocol-Version", MODERN.name.encode()), (b"Mcp-Method", method.encode())]
        if member in params:
            said.append((b"Mcp-Name", headers.encode(params[member])))
        params["_meta"] = self.envelope() | params.get("_meta", {})
        return self.post(text(method, params, id), said)

    def envelope(self) -> dict[str, Any]:
        """
        Tell what ``_meta`` has in each request.
        """
        return {
            f"{_OURS}protocolVersion": MODERN.name,
            f"{_OURS}clientInfo": {"name": "in-memory", "version": "1"},
            f"{_OURS}clientCapabilities": self.capabilities,
        }


@define(eq=False)
class Legacy(Client):
    """
    A client that shakes hands.

    Attributes:
        session: The session's id, once there is one.
        revision: What was agreed.
    """

    session: bytes = field(init=False, default=b"")
    revision: str = field(init=False, default="")

    def shake(self, version: str = NEWEST_LEGACY.name) -> Asked:
        """
        Shake hands, and keep what comes of it.
        """
        about = {"name": "in-memory", "version": "1"}
        params = {"protocolVersion": version, "capabilities": {}, "clientInfo": about}
        asked = self.post(text("initialize", params, 0))
        self.session = asked.fields["mcp-session-id"].encode()
        self.revision = asked.result["protocolVersion"]
        self.tell("notifications/initialized")
        return asked

    def ask(self, method: str, params: Any = None, id: int | str = 1) -> Asked:
        """
        Ask something in the session.
        """
        return self.post(text(method, params, id), self._said())

    def tell(self, method: str, params: Any = None) -> Asked:
        """
        Send a notice in the session.
        """
        return self.post(text(method, params), self._said())

    def leave(self) -> Asked:
        """
        End the session.
        """
        return self.send(b"DELETE", b"", self._said())

    def _said(self) -> Fields:
        return (b"Mcp-Session-Id", self.session), (b"MCP-Protocol-Version", self.revision.encode())


def text(method: str, params: Any = None, id: int | str | None = None) -> bytes:
    """
    Write a request, or without an id a notice.
    """
    message: dict[str, Any] = {"jsonrpc": "2.0"}
    if id is not None:
        message["id"] = id
    message["method"] = method
    if params is not None:
        message["params"] = params
    return json.dumps(message).encode()
