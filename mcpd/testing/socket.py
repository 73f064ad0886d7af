# -*- test-case-name: tests.testing.test_socket -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A WebSocket in memory, over a connection of its own, and what came by it so far.

Its opening is a request as any other, and so it may be refused: then all that
there is of it is the answer.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field
from httptools import HttpParserUpgrade
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.task import Clock

from mcpd.testing.asked import Asked
from mcpd.wire.revision import NEWEST_LEGACY

Fields = tuple[tuple[bytes, bytes], ...]

_TEXT, _CLOSE, _PING, _PONG = 1, 8, 9, 10
_FINAL, _MASKED = 0x80, 0x80
# RFC 6455, section 7.4.1.
_NO_CODE = 1005
# Of 16 bytes that nobody has to guess.
_KEY = b"dGhlIHNhbXBsZSBub25jZQ=="

OPENING: Fields = (
    (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"),
    (b"Sec-WebSocket-Version", b"13"),
    (b"Sec-WebSocket-Key", _KEY),
    (b"Sec-WebSocket-Protocol", b"mcp"),
)
"""The header fields of a request that opens one (RFC 6455, section 4.1)."""


@define(eq=False)
class Socketed(Asked):
    """
    One WebSocket, of the legacy era if its requests have no envelope.

    Attributes:
        envelope: What ``_meta`` has in each request.
        code: The code by which the daemon closed, 1005 if it gave none; None: it did not.
        why: What it said of that.
    """

    envelope: dict[str, Any] = field(factory=dict)
    code: int | None = field(init=False, default=None)
    why: str = field(init=False, default="")
    _left: bytes = field(init=False, default=b"")

    @classmethod
    def upgrade(
        cls, doors: IProtocolFactory, clock: Clock, peer: str, data: bytes, envelope: dict[str, Any]
    ) -> Socketed:
        """
        Connect, and ask for it.

        Args:
            doors: Makes the daemon's side.
            clock: Whose turns both sides share.
            peer: The client's address.
            data: The request.
            envelope: As the attribute.
        """
        made = cls.over(doors, clock, peer, data)
        made.envelope = envelope
        return made

    @property
    def is_open(self) -> bool:
        """
        Whether messages can be sent.
        """
        return self.status == 101 and self.is_connected and self.code is None

    def shake(self, version: str = NEWEST_LEGACY.name) -> None:
        """
        Shake hands, as every legacy client does first.
        """
        about = {"name": "in-memory", "version": "1"}
        self.ask("initialize", {"protocolVersion": version, "capabilities": {}, "clientInfo": about}, 0)
        self.tell("notifications/initialized")

    def ask(self, method: str, params: dict[str, Any] | None = None, id: int | str = 1) -> None:
        """
        Ask something; a ``_meta`` in ``params`` is put into the envelope.
        """
        params = dict(params or {})
        if self.envelope:
            params["_meta"] = self.envelope | params.get("_meta", {})
        self.say({"jsonrpc": "2.0", "id": id, "method": method, "params": params})

    def tell(self, method: str, params: dict[str, Any] | None = None) -> None:
        """
        Send a notice.
        """
        self.say({"jsonrpc": "2.0", "method": method, "params": params or {}})

    def answer(self, id: int | str) -> Any:
        """
        Tell the answer to a request; None: it has not come.
        """
        (answer,) = [message for message in self.answers if message["id"] == id] or (None,)
        return answer

    def say(self, message: object) -> None:
        """
        Send any message.
        """
        self._write(_TEXT, json.dumps(message).encode())

    def close(self, code: int = 1000) -> None:
        """
        Say goodbye.
        """
        self._write(_CLOSE, code.to_bytes(2, "big"))

    def feed(self, data: bytes) -> None:
        """
        Take what comes: the answer, then frames.
        """
        if self.status == 101:
            self._read(data)
            return
        try:
            super().feed(data)
        except HttpParserUpgrade as upgraded:
            (end,) = upgraded.args
            self._read(data[end:])

    def _read(self, data: bytes) -> None:
        data = self._left + data
        while found := _frame(data):
            opcode, payload, data = found
            self._take(opcode, payload)
        self._left = data

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == _CLOSE:
            self.code, self.why = int.from_bytes(payload[:2], "big") or _NO_CODE, payload[2:].decode()
        elif opcode == _PING:
            self._write(_PONG, payload)
        else:
            self._keep(payload)

    def _write(self, opcode: int, payload: bytes) -> None:
        if self.is_connected:
            # With a mask that changes nothing.
            self.send(bytes((_FINAL | opcode,)) + _length(len(payload)) + bytes(4) + payload)


def _length(size: int) -> bytes:
    # In its shortest form: every other is refused.
    if size < 126:
        return bytes((_MASKED | size,))
    if size < 1 << 16:
        return bytes((_MASKED | 126,)) + size.to_bytes(2, "big")
    return bytes((_MASKED | 127,)) + size.to_bytes(8, "big")


def _frame(data: bytes) -> tuple[int, bytes, bytes] | None:
    """
    Read a server's frame (RFC 6455, section 5.2): opcode, payload, and what follows; None: it is not whole.
    """
    short = data[1] if len(data) > 1 else 0
    start = {126: 4, 127: 10}.get(short, 2)
    length = short if start == 2 else int.from_bytes(data[2:start], "big")
    if len(data) < start + length:
        return None
    return data[0] & 15, data[start : start + length], data[start + length :]
