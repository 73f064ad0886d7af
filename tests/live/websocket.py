# -*- test-case-name: tests.live.test_websocket -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
An MCP client over WebSocket: everything, of one era, on one connection.

The frames are Autobahn's; what a server does with odd ones is
:mod:`tests.live.test_frames`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import Any

from attrs import define, field
from autobahn.twisted.websocket import WebSocketClientFactory, WebSocketClientProtocol
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS

from tests.live.client import MODERN, Unanswered, holds

LEGACY = "2025-11-25"
"""The newest legacy revision."""

_PATIENCE = 30.0
_VERSION = "io.modelcontextprotocol/protocolVersion"
_CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
_LEVEL = "io.modelcontextprotocol/logLevel"


class Refused(AssertionError):
    """
    The server did not switch protocols; the text has its HTTP status.
    """


class _Wire(WebSocketClientProtocol):
    def __init__(self, talk: Talk) -> None:
        super().__init__()
        self._talk = talk

    def onConnect(self, response: Any) -> None:
        self._talk.protocol = response.protocol

    def onOpen(self) -> None:
        self._talk.opened.callback(None)

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        self._talk.hear(json.loads(payload))

    def onClose(self, wasClean: bool, code: int | None, reason: str | None) -> None:
        self._talk.end(code or 0, reason or "")


class _Wires(WebSocketClientFactory):
    noisy = False

    def __init__(self, talk: Talk, url: str, **more: Any) -> None:
        super().__init__(url, **more)
        self._talk = talk

    def buildProtocol(self, addr: Any) -> _Wire:
        wire = _Wire(self._talk)
        wire.factory = self
        return wire


@define(eq=False)
class Talk:
    """
    One connection; of the legacy era once it shook hands.

    Attributes:
        revision: What it speaks.
        protocol: The subprotocol that the server chose; None: none.
        notices: The notices that came, in their order.
        strays: What came that was neither a notice nor an answer to a question that was open.
        code: How the connection was closed; None: it is open.
        opened: Fires once it is open; fails with :class:`Refused`.
    """

    _reactor: Any
    revision: str = MODERN
    protocol: str | None = None
    notices: list[Any] = field(factory=list)
    strays: list[Any] = field(factory=list)
    code: int | None = None
    opened: Deferred[None] = field(factory=Deferred)
    _wire: Any = None
    _numbers: Any = field(factory=lambda: count(1))
    _asked: dict[object, Deferred[Any]] = field(factory=dict)

    @classmethod
    async def open(
        cls,
        reactor: Any,
        port: int,
        path: str = "/ws",
        key: str = "",
        protocols: tuple[str, ...] = ("mcp",),
        authority: Path | None = None,
    ) -> Talk:
        """
        Connect.

        Args:
            reactor: The reactor.
            port: The daemon's port.
            path: The path, and the query if there is one.
            key: What ``Authorization`` says; empty: there is none.
            protocols: The subprotocols that are offered.
            authority: Whom to trust; None: clear text.

        Raises:
            Refused: The server did not want to.
        """
        talk = cls(reactor)
        scheme = "ws" if authority is None else "wss"
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        url = f"{scheme}://127.0.0.1:{port}{path}"
        factory = _Wires(talk, url, protocols=list(protocols), headers=headers, reactor=reactor)
        endpoint: Any = TCP4ClientEndpoint(reactor, "127.0.0.1", port)
        if authority is not None:
            trusted = Certificate.loadPEM(authority.read_bytes())
            endpoint = wrapClientTLS(optionsForClientTLS("127.0.0.1", trusted), endpoint)
        talk._wire = await endpoint.connect(factory)
        await talk.opened
        return talk

    def hear(self, message: Any) -> None:
        """
        Take a message.
        """
        if "method" in message and "id" not in message:
            self.notices.append(message)
        elif message.get("id") in self._asked:
            self._asked.pop(message["id"]).callback(message)
        else:
            self.strays.append(message)

    def end(self, code: int, reason: str) -> None:
        """
        Hear that the connection is over.
        """
        self.code = code
        if not self.opened.called:
            self.opened.errback(Refused(reason))
        asked, self._asked = self._asked, {}
        for answer in asked.values():
            answer.errback(Unanswered(f"closed with {code}: {reason}"))

    async def shake(self, revision: str = LEGACY) -> Any:
        """
        Be a legacy client from now on; give the result of the handshake.
        """
        self.revision = revision
        who = {"name": "test", "version": "1"}
        params = {"protocolVersion": revision, "capabilities": {}, "clientInfo": who}
        greeted = (await self.ask("initialize", params))["result"]
        self.tell("notifications/initialized")
        return greeted

    def begin(
        self,
        method: str,
        params: Mapping[str, object],
        token: str = "",
        level: str = "",
        envelope: bool = True,
    ) -> tuple[int, Deferred[Any]]:
        """
        Ask, and do not wait.

        Args:
            method: The method.
            params: Its parameters.
            token: By which progress is to be told; empty: none is.
            level: What a modern request wants to hear of the log; empty: nothing.
            envelope: Whether a modern request has one.

        Returns:
            The request's id, and what fires with the whole answer.
        """
        number = next(self._numbers)
        meta: dict[str, object] = {"progressToken": token} if token else {}
        if self.revision == MODERN and envelope:
            meta |= {_VERSION: MODERN, _CAPABILITIES: {}, **({_LEVEL: level} if level else {})}
        body = {**params, "_meta": meta} if meta else params
        answer = self._asked[number] = Deferred()
        self.send({"jsonrpc": "2.0", "id": number, "method": method, "params": body})
        return number, answer.addTimeout(_PATIENCE, self._reactor)

    async def ask(self, method: str, params: Mapping[str, object] | None = None, **more: Any) -> Any:
        """
        Ask as above, and give the whole answer, which may be an error.
        """
        return await self.begin(method, params or {}, **more)[1]

    async def call(self, tool: str, arguments: Mapping[str, object] | None = None, **more: Any) -> Any:
        """
        Call a tool, and give the whole answer.
        """
        return await self.ask("tools/call", {"name": tool, "arguments": arguments or {}}, **more)

    def tell(self, method: str, params: Mapping[str, object] | None = None) -> None:
        """
        Send a notice.
        """
        self.send({"jsonrpc": "2.0", "method": method, **({"params": params} if params else {})})

    def send(self, message: object) -> None:
        """
        Send anything.
        """
        self._wire.sendMessage(json.dumps(message).encode())

    async def told(self, many: int) -> list[Any]:
        """
        Wait for so many notices, take them, and give them.

        Raises:
            Unanswered: They did not come.
        """
        if not await holds(self._reactor, lambda: len(self.notices) >= many, _PATIENCE):
            raise Unanswered(f"{many} notices are expected, not {self.notices}")
        taken, self.notices[:many] = self.notices[:many], []
        return taken

    async def close(self) -> int:
        """
        Close, and tell how it was closed.

        Raises:
            Unanswered: The server did not agree, or something came that belongs nowhere.
        """
        self._wire.sendClose(1000)
        if not await holds(self._reactor, lambda: self.code is not None, _PATIENCE):
            raise Unanswered("it is not closed")
        if self.strays:
            raise Unanswered(f"nobody asked for {self.strays}")
        return self.code or 0

    def cut(self) -> None:
        """
        Be gone, without a word.
        """
        self._wire.transport.abortConnection()
