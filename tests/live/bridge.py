# -*- test-case-name: tests.live.test_connect -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client of ``mcpctl connect``: what it writes to its pipe, and what comes back.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

from tests.live.process import ROOT, VENV

_PATIENCE = 30.0
_META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
_ENVIRONMENT = {"MCPD_CONFIG": "/nowhere", "MCPD_URL": "", "NO_COLOR": "1"}


class Gone(AssertionError):
    """
    It ended without an answer.
    """


@define(eq=False)
class Bridge(ProcessProtocol):
    """
    One bridge, and its client.

    Attributes:
        noise: What it wrote to standard output that is no message of MCP.
        complaints: What it wrote to standard error.
        ended: Fires with its exit code; None if a signal ended it.
    """

    _reactor: Any
    noise: list[bytes] = field(factory=list)
    complaints: bytes = b""
    ended: Deferred[int | None] = field(factory=Deferred)
    _said: bytes = b""
    _asked: int = 0
    _waiting: dict[int, Deferred[Any]] = field(factory=dict)

    @classmethod
    def start(cls, reactor: Any, *options: str) -> Bridge:
        """
        Start ``mcpctl`` with these words.
        """
        bridge = cls(reactor)
        command = (str(VENV / "bin" / "mcpctl"), *options)
        env = {**os.environ, **_ENVIRONMENT}
        reactor.spawnProcess(bridge, command[0], command, env=env, path=str(ROOT))
        return bridge

    async def ask(self, method: str, params: Mapping[str, object], modern: bool = False) -> dict[str, Any]:
        """
        Ask something, and give the answer.
        """
        self._asked += 1
        body = {**params, "_meta": _META} if modern else params
        waiting = self._waiting[self._asked] = Deferred()
        waiting.addTimeout(_PATIENCE, self._reactor)
        self.write({"jsonrpc": "2.0", "id": self._asked, "method": method, "params": body})
        answer: dict[str, Any] = await waiting
        return answer

    async def shake(self) -> None:
        """
        Be a legacy client.
        """
        about = {"clientInfo": {"name": "test", "version": "1"}, "capabilities": {}}
        await self.ask("initialize", {"protocolVersion": "2025-11-25", **about})
        self.write({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def write(self, message: Any) -> None:
        """
        Write one message.
        """
        self._process.write(json.dumps(message).encode() + b"\n")

    def close(self) -> None:
        """
        Write no more.
        """
        self._process.closeStdin()

    def signal(self, name: str) -> None:
        """
        Send it a signal.
        """
        self._process.signalProcess(name)

    async def stop(self) -> int | None:
        """
        Write no more, and wait until it has ended, or was made to.
        """
        self.close()
        late = self._reactor.callLater(_PATIENCE, self._kill)
        code = await self.ended
        if late.active():
            late.cancel()
        return code

    def _kill(self) -> None:
        with suppress(ProcessExitedAlready):
            self.signal("KILL")

    @property
    def _process(self) -> Any:
        return self.transport

    def outReceived(self, data: bytes) -> None:
        """
        Hear what it says.
        """
        *lines, self._said = (self._said + data).split(b"\n")
        for line in lines:
            try:
                message = json.loads(line)
            except ValueError:
                message = {}
            if message.get("jsonrpc") != "2.0":
                self.noise.append(line)
            waiting = self._waiting.pop(message.get("id"), None)
            if waiting is not None:
                waiting.callback(message)

    def errReceived(self, data: bytes) -> None:
        """
        Keep what people are told.
        """
        self.complaints += data

    def processEnded(self, reason: Failure) -> None:
        """
        It is over.
        """
        how: Any = reason.value
        for waiting in self._waiting.values():
            waiting.errback(Gone(self.complaints.decode("utf-8", "replace")))
        self.ended.callback(how.exitCode)
