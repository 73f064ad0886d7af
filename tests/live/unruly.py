# -*- test-case-name: tests.live.test_faults -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A plugin that does what no plugin should, in either era.

Started as ``python3 -I tests/live/unruly.py ERA [MOOD...]``.  A mood is there
from the start: ``noisy`` writes what is not MCP before each answer, ``deaf``
ignores the end of its input and SIGTERM, ``detach`` leaves a process of its own
behind, which is deaf and keeps its pipes.  All else is a tool.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

MODERN = "2026-07-28"
"""The modern era's revision."""

NOISE = (
    b"Downloading the model...\r",
    b"\x1b[31mwarning:\x1b[0m the cache is cold",
    b"\xff\xfe\x00 not UTF-8",
    b'{"jsonrpc": "2.0"}',
    b'{"half": ',
    b"[1, 2]",
    b"42",
)
"""Lines that are no messages."""

_LEGACY = "2025-11-25"
# Numbers of later calls that are answered already.
_AHEAD = 1000
_CHUNK = 65536
_SERVER = {"name": "unruly", "version": "1"}
_TOOLS = (
    "who",
    "large",
    "wait",
    "hang",
    "late",
    "twice",
    "foreign",
    "leave",
    "numb",
    "endless",
    "flood",
    "knock",
)

_NOTICES: tuple[dict[str, Any], ...] = (
    {"method": "notifications/message", "params": {"level": "info", "data": "x" * 200}},
    {"method": "notifications/progress", "params": {"progressToken": 1, "progress": 1}},
    {"method": "notifications/resources/updated", "params": {"uri": "file:///etc/passwd"}},
    {"method": "notifications/tools/list_changed"},
    {"method": "notifications/nonsense"},
)


def large(size: int) -> str:
    """
    Make a text of so many bytes in UTF-8, with all that JSON has to escape.
    """
    piece = '0123456789abcdef "quoted" \\ / \n\t\r\u0001\u007f é € \u2028 😀 '
    whole = piece * (size // len(piece.encode()) + 1)
    text = whole.encode()[:size].decode(errors="ignore")
    return text + "." * (size - len(text.encode()))


class Unruly:
    """
    The plugin.
    """

    def __init__(self, era: str, moods: frozenset[str]) -> None:
        self._is_modern = era == "modern"
        self._moods = moods
        self._lock = threading.Lock()
        self._waiting: dict[int, Callable[[], None]] = {}
        self._noise = 0
        self._orphan = 0

    def begin(self) -> None:
        """
        Be in the mood that was asked for.
        """
        if "deaf" in self._moods:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if "detach" in self._moods:
            self._orphan = _detach()
        self._babble()

    def end(self) -> None:
        """
        End as a plugin should at the end of its input, unless it is deaf.
        """
        if "deaf" in self._moods:
            threading.Event().wait()
        os._exit(0)

    def hear(self, message: dict[str, Any]) -> None:
        """
        Take a message.
        """
        method, params = message["method"], message.get("params", {})
        if method == "notifications/cancelled":
            self._waiting.pop(params["requestId"], _nothing)()
        elif method == "tools/call":
            call = getattr(self, f"_{params['name']}")
            call(message["id"], **params.get("arguments", {}))
        elif "id" in message:
            self._babble()
            self._answer(message["id"], method)

    def _answer(self, number: int, method: str) -> None:
        cached = {"ttlMs": 60_000, "cacheScope": "public"} if self._is_modern else {}
        match method:
            case "server/discover" if self._is_modern:
                self._reply(number, {"supportedVersions": [MODERN], "capabilities": {"tools": {}}, **cached})
            case "initialize" if not self._is_modern:
                told = {"protocolVersion": _LEGACY, "capabilities": {"tools": {}}, "serverInfo": _SERVER}
                self._reply(number, told)
            case "ping" if not self._is_modern:
                self._reply(number, {})
            case "tools/list":
                tools = [{"name": name, "inputSchema": {"type": "object"}} for name in _TOOLS]
                self._reply(number, {"tools": tools, **cached})
            case _:
                self._send({"id": number, "error": {"code": -32601, "message": "Method not found"}})

    # Its tools.

    def _who(self, number: int, padding: str = "") -> None:
        self._babble()
        self._say(number, json.dumps({"pid": os.getpid(), "orphan": self._orphan, "noise": self._noise}))

    def _large(self, number: int, size: int) -> None:
        self._say(number, large(size))

    def _wait(self, number: int, seconds: float) -> None:
        def rest() -> None:
            time.sleep(seconds)
            self._say(number, str(os.getpid()))

        _begin(rest)

    def _hang(self, number: int) -> None:
        # It answers everything else, cancelled or not.
        return

    def _late(self, number: int) -> None:
        self._waiting[number] = lambda: self._say(number, "too late")

    def _twice(self, number: int) -> None:
        self._say(number, "one")
        self._say(number, "two")
        self._send({"id": number, "error": {"code": 1, "message": "three"}})

    def _foreign(self, number: int) -> None:
        for other in (*range(number + 1, number + _AHEAD), 987654321, -1, 1.5, None, str(number)):
            self._say(other, "not yours")
        self._say(number, "yours")

    def _leave(self, number: int, words: str, status: int) -> None:
        print(words, file=sys.stderr, flush=True)  # noqa: T201  the last words
        os._exit(status)

    def _numb(self, number: int) -> None:
        self._say(number, str(os.getpid()))
        threading.Event().wait()

    def _endless(self, number: int) -> None:
        with self._lock:
            while True:
                os.write(1, b"x" * _CHUNK)

    def _knock(self, number: int, path: str) -> None:
        # As a worker's child that is nobody's child any more would.
        reader, writer = os.pipe()
        if os.fork() == 0:
            os.setsid()
            if os.fork() == 0:
                with socket.socket(socket.AF_UNIX) as there:
                    there.connect(path)
                    os.write(writer, there.recv(4096))
            os._exit(0)
        os.wait()
        self._say(number, os.read(reader, 4096).decode())

    def _flood(self, number: int, short: bool = False) -> None:
        # As short as they get: what costs is how many there are.
        lines = b"x\n" * 1000 if short else b"".join(map(_line, _NOTICES)) * 100
        words = b"x\n" * 1000 if short else b"The sky is falling.\n" * 1000

        def babble() -> None:
            while True:
                self._write(lines)

        def scream() -> None:
            while True:
                os.write(2, words)

        self._say(number, str(os.getpid()))
        _begin(babble)
        _begin(scream)

    # How it speaks.

    def _say(self, number: object, text: str) -> None:
        self._reply(number, {"content": [{"type": "text", "text": text}]})

    def _reply(self, number: object, result: dict[str, Any]) -> None:
        if self._is_modern:
            meta = {"io.modelcontextprotocol/serverInfo": _SERVER}
            result = {"resultType": "complete", **result, "_meta": meta}
        self._send({"id": number, "result": result})

    def _send(self, message: dict[str, Any]) -> None:
        self._write(_line(message))

    def _babble(self) -> None:
        if "noisy" in self._moods:
            self._noise += len(NOISE)
            self._write(b"".join(line + b"\n" for line in NOISE))

    def _write(self, data: bytes) -> None:
        with self._lock:
            while data:
                data = data[os.write(1, data) :]


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"


def _nothing() -> None:
    return


def _begin(work: Callable[[], None]) -> None:
    threading.Thread(target=work, daemon=True).start()


def _detach() -> int:
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            os.write(writing, str(os.getpid()).encode())
            while True:
                signal.pause()
        os._exit(0)
    os.wait()
    return int(os.read(reading, 20))


def main(era: str, *moods: str) -> None:
    """
    Be the plugin until the end of input.
    """
    plugin = Unruly(era, frozenset(moods))
    plugin.begin()
    for line in sys.stdin.buffer:
        plugin.hear(json.loads(line))
    plugin.end()


if __name__ == "__main__":
    main(*sys.argv[1:])
