# -*- test-case-name: tests.testing.test_client -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients in memory: they speak HTTP/1.1 to a door's factory, and MCP of either era over that.

They open WebSockets, too (:mod:`mcpd.testing.socket`).  Each request has a
connection of its own, so that one can hang up without the others.  Nothing here
checks what the daemon answers; that is what tests do.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock

from mcpd.testing.asked import Asked
from mcpd.testing.socket import OPENING, Socketed
from mcpd.wire import headers
from mcpd.wire.revision import METHODS, MODERN, NEWEST_LEGACY

Fields = Sequence[tuple[bytes, bytes]]

_TYPES = ((b"Content-Type", b"application/json"), (b"Accept", b"application/json, text/event-stream"))
_STREAM: Fields = ((b"Accept", b"text/event-stream"),)
_OURS = "io.modelcontextprotocol/"


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
        length = (b"Content-Length", b"%d" % len(body))
        data = self._head(method, self.path, (length, *fields)) + body
        return Asked.over(self._doors, self._clock, self.peer, data)

    def upgrade(self, fields: Fields = OPENING, query: bytes = b"") -> Socketed:
        """
        Ask for a WebSocket, where it stands beside the path that is posted to.

        Args:
            fields: What opens it.
            query: A question mark, and what the address says behind it.
        """
        target = b"/ws" + self.path.removeprefix(b"/mcp") + query
        data = self._head(b"GET", target, fields)
        return Socketed.upgrade(self._doors, self._clock, self.peer, data, self.envelope())

    def envelope(self) -> dict[str, Any]:
        """
        Tell what ``_meta`` has in each request: nothing, unless the era is modern.
        """
        return {}

    def post(self, body: bytes, fields: Fields = ()) -> Asked:
        """
        Post any body, with the types that every client sends.
        """
        return self.send(b"POST", body, (*_TYPES, *fields))

    def get(self, fields: Fields = ()) -> Asked:
        """
        Ask for a stream.
        """
        return self.send(b"GET", b"", (*_STREAM, *fields))

    def _head(self, method: bytes, target: bytes, fields: Fields) -> bytes:
        lines = b"".join(b"%b: %b\r\n" % pair for pair in ((b"Host", self.host), *self.fields, *fields))
        return b"%b %b HTTP/1.1\r\n%b\r\n" % (method, target, lines)


@define(eq=False)
class Modern(Client):
    """
    A client that says everything in each request.

    Attributes:
        capabilities: What it can be asked.
    """

    capabilities: dict[str, Any] = field(factory=dict)

    def ask(self, method: str, params: Any = None, id: int | str = 1, fields: Fields = ()) -> Asked:
        """
        Ask something, with the envelope and the header fields that belong to it.

        A ``_meta`` in ``params`` is put into the envelope.  Fields that repeat
        arguments (``Mcp-Param-``) are given, since only the tool says which.
        """
        params = dict(params or {})
        member = METHODS[method].routed_by if method in METHODS else None
        said = [(b"MCP-Protocol-Version", MODERN.name.encode()), (b"Mcp-Method", method.encode())]
        if member in params:
            said.append((b"Mcp-Name", headers.encode(params[member])))
        params["_meta"] = self.envelope() | params.get("_meta", {})
        return self.post(text(method, params, id), (*said, *fields))

    def listen(self, wanted: dict[str, Any], id: int | str = "listen") -> Asked:
        """
        Subscribe to what is wanted.
        """
        return self.ask("subscriptions/listen", {"notifications": wanted}, id)

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

    def batch(self, messages: Sequence[dict[str, Any]]) -> Asked:
        """
        Send several messages in one array, in the session.
        """
        return self.post(json.dumps(messages).encode(), self._said())

    def listen(self, last: bytes | None = None) -> Asked:
        """
        Ask for the session's stream.

        Args:
            last: The id of the last event that came, to hear what followed it.
        """
        mark = () if last is None else ((b"Last-Event-ID", last),)
        return self.get((*self._said(), *mark))

    def leave(self) -> Asked:
        """
        End the session.
        """
        return self.send(b"DELETE", b"", self._said())

    def _said(self) -> Fields:
        return (b"Mcp-Session-Id", self.session), (b"MCP-Protocol-Version", self.revision.encode())


def message(method: str, params: Any = None, id: int | str | None = None) -> dict[str, Any]:
    """
    Make a request, or without an id a notice.
    """
    made: dict[str, Any] = {"jsonrpc": "2.0"}
    if id is not None:
        made["id"] = id
    made["method"] = method
    if params is not None:
        made["params"] = params
    return made


def text(method: str, params: Any = None, id: int | str | None = None) -> bytes:
    """
    Write a request, or without an id a notice.
    """
    return json.dumps(message(method, params, id)).encode()
