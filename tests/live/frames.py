# -*- test-case-name: tests.live.test_frames -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client of WebSocket that writes each byte itself, and says what became of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import define, frozen
from twisted.internet.protocol import ClientCreator

from tests.live.client import Socket, Unanswered
from tests.web.framed import CLOSE, Frame, opening, read

PATIENCE = 60.0
"""Seconds that an answer may take on a machine that is busy."""


@frozen
class Outcome:
    """
    How a conversation ended.

    Attributes:
        frames: What the server sent before its close frame.
        code: The code of that; 0 if it had none, None if there was no close frame.
    """

    frames: tuple[Frame, ...]
    code: int | None


@define(eq=False)
class Frames:
    """
    One connection, open.
    """

    _socket: Socket

    def send(self, data: bytes) -> None:
        """
        Send bytes.
        """
        self._socket.send(data)

    async def take(self, count: int) -> list[Frame]:
        """
        Wait for frames, and take them.

        Raises:
            Unanswered: They did not come, or the connection ended.
        """

        def here() -> bool:
            return self._socket.closed or len(read(bytes(self._socket.taken))[0]) >= count

        if not await self._socket.until(here, PATIENCE):
            raise Unanswered(f"no {count} frames: {bytes(self._socket.taken)[:200]!r}")
        frames, rest = read(bytes(self._socket.taken))
        if len(frames) < count:
            raise Unanswered(f"the connection ended after {frames}")
        self._socket.taken[:] = rest
        return frames

    async def finish(self) -> Outcome:
        """
        Wait for the server to close, and close.

        Raises:
            Unanswered: It did not, or sent more after its close frame.
        """

        def over() -> bool:
            frames = read(bytes(self._socket.taken))[0]
            return self._socket.closed or bool(frames and frames[-1].opcode == CLOSE)

        if not await self._socket.until(over, PATIENCE):
            raise Unanswered(f"no end: {bytes(self._socket.taken)[:200]!r}")
        self._socket.close()
        frames, rest = read(bytes(self._socket.taken))
        closes = [at for at, frame in enumerate(frames) if frame.opcode == CLOSE]
        if rest or closes not in ([], [len(frames) - 1]):
            raise Unanswered(f"more than an end: {frames}, {rest!r}")
        if not closes:
            return Outcome(tuple(frames), None)
        return Outcome(tuple(frames[:-1]), int.from_bytes(frames[-1].payload[:2], "big"))


async def connect(reactor: Any, port: int, fields: bytes = b"", path: bytes = b"/ws") -> Frames:
    """
    Open a WebSocket on the loopback address.

    Raises:
        Unanswered: It was refused.
    """
    socket = await ClientCreator(reactor, Socket, reactor).connectTCP("127.0.0.1", port)
    socket.send(opening(b"127.0.0.1:%d" % port, path, fields))
    await socket.until(lambda: socket.closed or b"\r\n\r\n" in socket.taken, PATIENCE)
    head, _, rest = bytes(socket.taken).partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 101 "):
        socket.close()
        raise Unanswered(f"no WebSocket: {head[:200]!r}")
    socket.taken[:] = rest
    return Frames(socket)


async def converse(reactor: Any, port: int, pieces: Iterable[bytes]) -> Outcome:
    """
    Say something on a connection of its own, and wait for the server to close.
    """
    frames = await connect(reactor, port)
    for piece in pieces:
        frames.send(piece)
    return await frames.finish()
