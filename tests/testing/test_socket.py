# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.socket`.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field
from twisted.internet.protocol import Protocol, ServerFactory
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.socket import Socketed
from mcpd.wire.revision import NEWEST_LEGACY

OPEN = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
REFUSED = b"HTTP/1.1 401 Unauthorized\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


class Door(Protocol):
    """
    A door that answers at once, and keeps what it hears.
    """

    def __init__(self, said: bytes) -> None:
        self._said = said
        self.heard = b""

    def dataReceived(self, data: bytes) -> None:
        """
        Hear bytes.
        """
        self.heard += data
        self.say(self._said)
        self._said = b""

    def say(self, data: bytes) -> None:
        """
        Write bytes.
        """
        assert self.transport is not None
        self.transport.write(data)

    @property
    def frames(self) -> list[tuple[int, bytes]]:
        """
        Read what came behind the request: opcodes and payloads.

        Raises:
            AssertionError: A frame is not final or not masked, or its length is not in the shortest form.
        """
        frames, data = [], self.heard.removeprefix(b"GET /ws")
        while data:
            assert data[0] & 0xF0 == 0x80, data
            start = {0xFE: 4, 0xFF: 10}.get(data[1], 2)
            size = data[1] & 0x7F if start == 2 else int.from_bytes(data[2:start], "big")
            assert data[1] & 0x80 and size >= {2: 0, 4: 126, 10: 1 << 16}[start], data
            assert data[start : start + 4] == bytes(4), data
            end = start + 4 + size
            frames.append((data[0] & 15, data[start + 4 : end]))
            data = data[end:]
        return frames


@define(eq=False)
class Doors(ServerFactory):
    """
    Makes one door.

    Attributes:
        door: It.
    """

    said: bytes
    door: Door = field(init=False)

    def buildProtocol(self, addr: Any) -> Door:
        """
        Make it.
        """
        self.door = Door(self.said)
        return self.door


def frame(payload: bytes, opcode: int = 1) -> bytes:
    """
    Write a server's frame.
    """
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 1 << 16:
        return bytes((0x80 | opcode, 126)) + size.to_bytes(2, "big") + payload
    return bytes((0x80 | opcode, 127)) + size.to_bytes(8, "big") + payload


class SocketedTests(SynchronousTestCase):
    """
    Tests for a WebSocket in memory.
    """

    def upgrade(self, said: bytes = OPEN, envelope: dict[str, Any] | None = None) -> tuple[Socketed, Door]:
        """
        Open one.
        """
        doors = Doors(said)
        return Socketed.upgrade(doors, Clock(), "127.0.0.1", b"GET /ws", envelope or {}), doors.door

    def test_refused(self) -> None:
        """
        What is refused has an answer as any other, and nothing can be sent.
        """
        socketed, _ = self.upgrade(REFUSED)
        self.assertEqual((socketed.status, socketed.body, socketed.is_open), (401, b"{}", False))

    def test_messages(self) -> None:
        """
        Messages of any length come whole, however they are cut, those behind the answer too.
        """
        messages = [{"jsonrpc": "2.0", "id": size, "result": "x" * size} for size in (1, 200, 70_000)]
        data = b"".join(frame(json.dumps(message).encode()) for message in messages)
        for cut in (0, 1, 3, 50, 300, 5000):
            socketed, door = self.upgrade(OPEN + data[:cut])
            door.say(data[cut:])
            self.assertEqual(socketed.messages, messages, cut)
            self.assertTrue(socketed.is_open)
            self.assertEqual(socketed.answer(200), messages[1])
            self.assertIs(socketed.answer(2), None)

    def test_modern(self) -> None:
        """
        A modern client says everything in each request.
        """
        socketed, door = self.upgrade(envelope={"v": 1})
        socketed.ask("tools/list", {"a": 2, "_meta": {"progressToken": 3}}, 4)
        ((opcode, payload),) = door.frames
        params = {"a": 2, "_meta": {"v": 1, "progressToken": 3}}
        said = {"jsonrpc": "2.0", "id": 4, "method": "tools/list", "params": params}
        self.assertEqual((opcode, json.loads(payload)), (1, said))

    def test_legacy(self) -> None:
        """
        A legacy client shakes hands, and its requests have no envelope.
        """
        socketed, door = self.upgrade()
        socketed.shake()
        socketed.ask("ping")
        said = [json.loads(payload) for _, payload in door.frames]
        self.assertEqual(said[0]["params"]["protocolVersion"], NEWEST_LEGACY.name)
        notice = {"jsonrpc": "2.0", "method": "notifications/initialized", "params": {}}
        self.assertEqual(said[1:], [notice, {"jsonrpc": "2.0", "id": 1, "method": "ping", "params": {}}])

    def test_long(self) -> None:
        """
        Messages of any length can be sent.
        """
        socketed, door = self.upgrade()
        messages = ["x" * size for size in (10, 123, 124, 65_533, 65_534)]
        for message in messages:
            socketed.say(message)
        self.assertEqual([json.loads(payload) for _, payload in door.frames], messages)

    def test_ping(self) -> None:
        """
        Pings are answered.
        """
        _, door = self.upgrade(OPEN + frame(b"there?", 9))
        self.assertEqual(door.frames, [(10, b"there?")])

    def test_closed(self) -> None:
        """
        How the daemon closed is known; it need not have said why.
        """
        for payload, code, why in ((b"\x03\xe9bye", 1001, "bye"), (b"", 1005, "")):
            socketed, door = self.upgrade()
            door.say(frame(payload, 8))
            self.assertEqual((socketed.code, socketed.why, socketed.is_open), (code, why, False))

    def test_close(self) -> None:
        """
        The client can say goodbye, or hang up; then nothing is sent any more.
        """
        socketed, door = self.upgrade()
        socketed.close()
        self.assertEqual(door.frames, [(8, b"\x03\xe8")])
        socketed.hang_up()
        socketed.ask("ping")
        self.assertEqual((len(door.frames), socketed.is_open), (1, False))
