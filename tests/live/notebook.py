# -*- test-case-name: tests.live.test_crowd -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A plugin of either era that writes down what it is called with.

Started as ``python3 -I tests/live/notebook.py ERA [MOOD]``.  In the mood
``brief`` it ends a moment after it was ready, and in the mood ``listless`` it
shakes hands but never tells its tools.
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from typing import Any

LAST = "The licence is for a fifth of a second."
"""What it says last in the mood ``brief``."""

_MODERN, _LEGACY = "2026-07-28", "2025-11-25"
_BRIEF = 0.2
_SERVER = {"name": "notebook", "version": "1"}
_TOOLS = ("echo", "note")


def command(era: str, mood: str = "") -> tuple[str, ...]:
    """
    Tell how it is started.
    """
    return "/usr/bin/env", "python3", "-I", os.path.abspath(__file__), era, mood


class Notebook:
    """
    The plugin.
    """

    def __init__(self, era: str, mood: str) -> None:
        self._is_modern = era == "modern"
        self._mood = mood
        # A process id may be another process's later on.
        self._self = f"{os.getpid()}-{os.urandom(8).hex()}"
        self._notes: list[str] = []

    def hear(self, message: dict[str, Any]) -> None:
        """
        Take a message, of which notices say nothing to it.
        """
        if "id" not in message:
            return
        number, params = message["id"], message.get("params", {})
        if message["method"] == "tools/call":
            self._call(number, params["name"], params["arguments"])
        else:
            self._answer(number, message["method"])

    def _answer(self, number: int, method: str) -> None:
        cached = {"ttlMs": 60_000, "cacheScope": "public"} if self._is_modern else {}
        match method:
            case "server/discover" if self._is_modern:
                self._reply(number, {"supportedVersions": [_MODERN], "capabilities": {"tools": {}}, **cached})
            case "initialize" if not self._is_modern:
                told = {"protocolVersion": _LEGACY, "capabilities": {"tools": {}}, "serverInfo": _SERVER}
                self._reply(number, told)
            case "ping" if not self._is_modern:
                self._reply(number, {})
            case "tools/list" if self._mood == "listless":
                return
            case "tools/list":
                tools = [{"name": name, "inputSchema": {"type": "object"}} for name in _TOOLS]
                self._reply(number, {"tools": tools, **cached})
                if self._mood == "brief":
                    threading.Timer(_BRIEF, _leave).start()
            case _:
                self._send({"id": number, "error": {"code": -32601, "message": "Method not found"}})

    def _call(self, number: int, name: str, arguments: dict[str, Any]) -> None:
        said: str = arguments["text"]
        if name == "note":
            time.sleep(arguments["seconds"])
            self._notes.append(said)
            said = json.dumps({"worker": self._self, "notes": self._notes})
        self._reply(number, {"content": [{"type": "text", "text": said}]})

    def _reply(self, number: int, result: dict[str, Any]) -> None:
        if self._is_modern:
            meta = {"io.modelcontextprotocol/serverInfo": _SERVER}
            result = {"resultType": "complete", **result, "_meta": meta}
        self._send({"id": number, "result": result})

    def _send(self, message: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def _leave() -> None:
    os.write(2, LAST.encode() + b"\n")
    os._exit(7)


def main(era: str, mood: str = "") -> None:
    """
    Be the plugin until the end of input.
    """
    notebook = Notebook(era, mood)
    for line in sys.stdin.buffer:
        notebook.hear(json.loads(line))


if __name__ == "__main__":
    main(*sys.argv[1:])
