# -*- test-case-name: tests.live.test_killed -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients on plain sockets: bytes as they are, and MCP over a connection that is kept.
"""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.internet.protocol import ClientCreator, Protocol
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from tests.web.stage import Answer, read_answers

MODERN = "2026-07-28"
"""The revision of the modern clients."""

_LEGACY = "2025-11-25"
_PATIENCE = 30.0
_META = {
    "io.modelcontextprotocol/protocolVersion": MODERN,
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Unanswered(AssertionError):
    """
    No answer came, or not exactly one.
    """


@define(eq=False)
class Socket(Protocol):
    """
    One connection.

    Attributes:
        taken: The bytes that came and nobody has taken from here.
        closed: Whether it is over.
    """

    _reactor: Any
    taken: bytearray = field(factory=bytearray)
    closed: bool = False
    _holds: Callable[[], object] | None = None
    _waiting: Deferred[bool] = field(factory=Deferred)

    def dataReceived(self, data: bytes) -> None:
        """
        Keep what comes.
        """
        self.taken += data
        self._look()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted has a default
        """
        It is over.
        """
        self.closed = True
        self._look()

    def send(self, data: bytes) -> None:
        """
        Send bytes.
        """
        self.transport.write(data)  # type: ignore[union-attr]  # connected

    def close(self) -> None:
        """
        Close it now.
        """
        if not self.closed:
            self.transport.abortConnection()  # type: ignore[union-attr]  # connected

    def until(self, holds: Callable[[], object], seconds: float) -> Deferred[bool]:
        """
        Wait until something holds; one at a time may wait.

        Args:
            holds: Is asked again when bytes came and at the end.
            seconds: How long to wait.

        Returns:
            Fires with whether it came to hold in time.
        """
        if holds():
            return succeed(True)
        self._holds, self._waiting = holds, Deferred()
        late = self._reactor.callLater(seconds, self._settle, False)
        return self._waiting.addBoth(_cancelling(late))

    def _look(self) -> None:
        if self._holds is not None and self._holds():
            self._settle(True)

    def _settle(self, holds: bool) -> None:
        self._holds = None
        self._waiting.callback(holds)


def _cancelling(late: Any) -> Callable[[bool], bool]:
    def cancel(outcome: bool) -> bool:
        if late.active():
            late.cancel()
        return outcome

    return cancel


async def connect(reactor: Any, port: int) -> Socket:
    """
    Connect to a daemon of ours.
    """
    made: Socket = await ClientCreator(reactor, Socket, reactor).connectTCP("127.0.0.1", port)
    return made


def narrow(connection: Socket) -> None:
    """
    Make a connection take as little as the kernel allows, and then nothing at all.
    """
    transport: Any = connection.transport
    transport.getHandle().setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    transport.pauseProducing()


def pause(reactor: Any, seconds: float) -> Deferred[None]:
    """
    Let some time pass.
    """
    return deferLater(reactor, seconds, lambda: None)


async def holds(reactor: Any, what: Callable[[], object], seconds: float) -> bool:
    """
    Ask again and again until something holds, but no longer than ``seconds``; say whether it does.
    """
    until = reactor.seconds() + seconds
    while not what():
        if reactor.seconds() >= until:
            return False
        await pause(reactor, 0.02)
    return True


def post(host: str, body: bytes, fields: Mapping[str, str]) -> bytes:
    """
    Write a request.
    """
    lines = [
        "POST /mcp HTTP/1.1",
        f"Host: {host}",
        f"Content-Length: {len(body)}",
        *(f"{name}: {value}" for name, value in fields.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + body


def new_fields(key: str) -> dict[str, str]:
    """
    Make the fields that every request of a client has.
    """
    return {
        "Authorization": f"Bearer {key}",
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
    }


def modern(id: int, method: str, params: Mapping[str, object]) -> dict[str, object]:
    """
    Make a request of the modern era.
    """
    return {"jsonrpc": "2.0", "id": id, "method": method, "params": {**params, "_meta": _META}}


@define(eq=False)
class Client:
    """
    An MCP client that keeps its connection; legacy once it shook hands, modern otherwise.

    Attributes:
        fields: Fields of every request: what HTTP wants, the key, the session.
    """

    _reactor: Any
    _port: int
    fields: dict[str, str]
    _socket: Socket | None = None
    _asked: int = 0

    @classmethod
    def new(cls, reactor: Any, port: int, key: str) -> Client:
        """
        Make one that has not connected yet.
        """
        return cls(reactor, port, new_fields(key))

    async def shake(self) -> None:
        """
        Be a legacy client from now on.
        """
        who = {"name": "test", "version": "1"}
        params = {"protocolVersion": _LEGACY, "capabilities": {}, "clientInfo": who}
        answer = await self._send({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params}, {})
        self.fields["Mcp-Session-Id"] = answer.fields["Mcp-Session-Id"]

    async def call(self, tool: str, arguments: Mapping[str, object]) -> dict[str, Any]:
        """
        Call a tool and give the whole answer, which may be an error.

        Raises:
            Unanswered: The connection brought something else than one answer with its id.
        """
        params: dict[str, object] = {"name": tool, "arguments": arguments}
        return await self.ask("tools/call", params, {"Mcp-Name": tool})

    async def ask(
        self, method: str, params: Mapping[str, object], fields: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        """
        Ask for anything and give the whole answer, which may be an error.

        Args:
            method: The method.
            params: Its parameters.
            fields: Further fields that a modern request has.

        Raises:
            Unanswered: As above.
        """
        self._asked += 1
        body: dict[str, object] = {"jsonrpc": "2.0", "id": self._asked, "method": method, "params": params}
        own = {"MCP-Protocol-Version": _LEGACY}
        if "Mcp-Session-Id" not in self.fields:
            body = modern(self._asked, method, params)
            own = {"MCP-Protocol-Version": MODERN, "Mcp-Method": method, **(fields or {})}
        return self._read(await self._send(body, own))

    def close(self) -> None:
        """
        Hang up.

        Raises:
            Unanswered: There was more than the answers.
        """
        connection, self._socket = self._socket, None
        if connection is not None:
            left = bytes(connection.taken)
            connection.close()
            if left:
                raise Unanswered(f"There was more: {left[:500]!r}")

    async def _send(self, body: Mapping[str, object], fields: Mapping[str, str]) -> Answer:
        if self._socket is None or self._socket.closed:
            self.close()
            self._socket = await connect(self._reactor, self._port)
        connection = self._socket
        whole = post(f"127.0.0.1:{self._port}", json.dumps(body).encode(), {**self.fields, **fields})
        connection.send(whole)
        if not await connection.until(lambda: is_whole(connection.taken), _PATIENCE):
            raise Unanswered(f"{body} got {bytes(connection.taken[:500])!r}, closed: {connection.closed}")
        answers = read_answers(bytes(connection.taken))
        connection.taken.clear()
        if len(answers) != 1:
            raise Unanswered(f"{body} got {answers}")
        return answers[0]

    def _read(self, answer: Answer) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(answer.body)
        if message.get("id") != self._asked or ("result" in message) is ("error" in message):
            raise Unanswered(f"The answer to {self._asked} is {message}")
        return message


def is_whole(data: bytes | bytearray) -> bool:
    """
    Say whether an answer is here whose head tells its length.
    """
    head, mark, body = bytes(data).partition(b"\r\n\r\n")
    length = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length: ")]
    return bool(mark and length) and len(body) >= int(length[0].partition(b": ")[2])
