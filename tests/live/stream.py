# -*- test-case-name: tests.live.test_quadrants -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients whose requests have a connection each, so that many may be open and any can be cut.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from attrs import define, field
from httptools import HttpResponseParser
from twisted.internet.protocol import ClientCreator

from mcpd.testing.asked import Asked
from tests.live.client import MODERN, Socket, Unanswered, modern, new_fields

_PATIENCE = 30.0


@define(eq=False)
class Heard(Asked):
    """
    What has come back over a socket.
    """

    def __attrs_post_init__(self) -> None:
        self._parser = HttpResponseParser(self)

    def feed(self, data: bytes) -> None:
        """
        Take some of it.
        """
        self._parser.feed_data(data)


@define(eq=False)
class Stream(Socket):
    """
    One request's connection.

    Attributes:
        heard: What has come back by it.
    """

    heard: Heard = field(factory=Heard)

    def dataReceived(self, data: bytes) -> None:
        """
        Read what comes, and keep it.
        """
        self.heard.feed(data)
        Socket.dataReceived(self, data)

    async def wait(self, messages: int) -> list[Any]:
        """
        Wait for so many messages, and give all that came.

        Raises:
            Unanswered: They did not come.
        """
        said = self.heard.messages
        if not await self.until(lambda: len(said) >= messages or self.closed, _PATIENCE):
            raise Unanswered(f"{messages} messages are expected, not {said}")
        if len(said) < messages:
            raise Unanswered(f"{messages} messages are expected before it closes, not {said}")
        return said

    async def end(self) -> Heard:
        """
        Wait until the answer is complete, hang up, and give it.

        Raises:
            Unanswered: It did not come.
        """
        heard = self.heard
        if not await self.until(lambda: heard.is_over or self.closed, _PATIENCE) or not heard.is_over:
            raise Unanswered(f"This is all that came: {bytes(self.taken)!r}")
        self.close()
        return heard


@define(eq=False)
class Visitor:
    """
    A client of either era: legacy once it shook hands.

    Attributes:
        path: Where it asks.
        fields: Fields of every request.
        revision: What it speaks.
    """

    _reactor: Any
    _port: int
    fields: dict[str, str]
    path: str = "/mcp"
    revision: str = MODERN
    _asked: int = 0

    @classmethod
    def new(cls, reactor: Any, port: int, key: str, path: str = "/mcp") -> Visitor:
        """
        Make one.
        """
        return cls(reactor, port, new_fields(key), path)

    async def shake(self, revision: str) -> None:
        """
        Be a legacy client from now on.
        """
        who = {"name": "test", "version": "1"}
        params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": who}
        self.revision = revision
        stream = await self.post({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
        self.fields["Mcp-Session-Id"] = (await stream.end()).fields["mcp-session-id"]
        await (await self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})).end()

    async def begin(
        self, method: str, params: Mapping[str, object], fields: Mapping[str, str] | None = None
    ) -> Stream:
        """
        Ask for anything.

        Args:
            method: The method.
            params: Its parameters.
            fields: Further fields that a modern request has.
        """
        self._asked += 1
        if self.revision == MODERN:
            own = {"Mcp-Method": method, **(fields or {})}
            return await self.post(modern(self._asked, method, params), own)
        return await self.post({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params})

    async def ask(self, method: str, params: Mapping[str, object]) -> Any:
        """
        Ask, and give the one answer.
        """
        (answer,) = (await (await self.begin(method, params)).end()).answers
        return answer

    async def call(self, tool: str, arguments: Mapping[str, object]) -> Stream:
        """
        Call a tool, and ask for its progress.
        """
        params = {"name": tool, "arguments": arguments}
        if self.revision != MODERN:
            params["_meta"] = {"progressToken": "mine"}
        return await self.begin("tools/call", params, {"Mcp-Name": tool})

    async def post(self, body: object, fields: Mapping[str, str] | None = None) -> Stream:
        """
        Post any message, or several.
        """
        return await self.send("POST", json.dumps(body).encode(), fields or {})

    async def listen(self, mark: bytes = b"") -> Stream:
        """
        Open the session's stream, or what follows an event of any.
        """
        last = {"Last-Event-ID": mark.decode()} if mark else {}
        stream = await self.send("GET", b"", last)
        if not await stream.until(lambda: stream.heard.body, _PATIENCE) or stream.heard.status != 200:
            raise Unanswered(f"There is no stream: {bytes(stream.taken)!r}")
        return stream

    async def subscribe(self, *lists: str, uris: tuple[str, ...] = ()) -> Stream:
        """
        Open a stream of changes in one's own era, and wait until it is agreed.

        Args:
            lists: ``tools``, ``prompts`` or ``resources``; a legacy client hears of all.
            uris: Resources.
        """
        if self.revision == MODERN:
            wanted: dict[str, object] = {f"{name}ListChanged": True for name in lists}
            wanted["resourceSubscriptions"] = uris
            stream = await self.begin("subscriptions/listen", {"notifications": wanted})
            agreed = (await stream.wait(1)).pop(0)["params"]["notifications"]
            if set(agreed.get("resourceSubscriptions", ())) != set(uris):
                raise Unanswered(f"This was agreed: {agreed}")
            return stream
        stream = await self.listen()
        for uri in uris:
            answer = await self.ask("resources/subscribe", {"uri": uri})
            if answer.get("result") != {}:
                raise Unanswered(f"This was not agreed: {answer}")
        return stream

    async def send(self, verb: str, body: bytes, fields: Mapping[str, str]) -> Stream:
        """
        Send a request on a new connection.
        """
        stream: Stream = await ClientCreator(self._reactor, Stream, self._reactor).connectTCP(
            "127.0.0.1", self._port
        )
        self.write(stream, verb, body, fields)
        return stream

    def write(self, stream: Stream, verb: str, body: bytes, fields: Mapping[str, str]) -> None:
        """
        Write a request to a connection.
        """
        told = {**self.fields, "MCP-Protocol-Version": self.revision, **fields}
        lines = [
            f"{verb} {self.path} HTTP/1.1",
            f"Host: 127.0.0.1:{self._port}",
            f"Content-Length: {len(body)}",
            *(f"{name}: {value}" for name, value in told.items()),
        ]
        stream.send("\r\n".join([*lines, "", ""]).encode() + body)
