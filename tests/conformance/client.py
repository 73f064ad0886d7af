# -*- test-case-name: tests.conformance.test_plugin -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client in memory for a fixture in memory: nothing waits, nothing runs beside anything.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from typing import NoReturn

from tests.conformance.machine import Machine, Message, Outlet
from tests.conformance.modern import META, VERSION
from tests.conformance.plugin import Plugin


class Left(BaseException):
    """
    The fixture ended its process, with this exit code.
    """


class Client:
    """
    A client, the pipes, and the machine that the fixture thinks it runs on.

    Args:
        kind: The fixture's class.
        moods: How it misbehaves.

    Attributes:
        said: The messages that the fixture wrote.
        raw: What it wrote that is no message.
        answer: Answers its questions: gets the question, returns the members
            of the answer, or None to say nothing.
        on_wait: Called when it waits, with the seconds.
        spawned: What it started.
        complained: What it wrote to standard error.
        deaf: Whether it ignores SIGTERM.
    """

    def __init__(self, kind: Callable[[Outlet, Machine, frozenset[str]], Plugin], *moods: str) -> None:
        self.said: list[Message] = []
        self.raw = b""
        self.answer: Callable[[Message], Message | None] = lambda question: None
        self.on_wait: Callable[[float | None], object] = lambda seconds: None
        self.spawned: list[tuple[Sequence[str], bool]] = []
        self.complained = b""
        self.deaf = False
        self._drawn = 0
        self.plugin = kind(Outlet(self), self._machine(), frozenset(moods))

    def _machine(self) -> Machine:
        return Machine(
            begin=lambda work: work(),
            wait=self._wait,
            leave=self._leave,
            spawn=self._spawn,
            complain=self._complain,
            deafen=self._deafen,
            entropy=self._entropy,
        )

    def write(self, data: bytes) -> int:
        """
        Take what the fixture writes.
        """
        try:
            message = json.loads(data)
        except ValueError:
            self.raw += data
        else:
            self.said.append(message)
            if "method" in message and "id" in message and (answer := self.answer(message)) is not None:
                self.hear(id=message["id"], **answer)
        return len(data)

    def hear(self, **message: object) -> None:
        """
        Write a message to the fixture.
        """
        self.plugin.hear(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def ask(self, method: str, request_id: object = 1, **params: object) -> Message:
        """
        Send a request and tell what was said last.
        """
        self.hear(id=request_id, method=method, params=params)
        return self.said[-1]

    def modern(
        self, method: str, request_id: object = 1, *, can: Message | None = None, **params: object
    ) -> Message:
        """
        Send a request of the modern era and tell what was said last.
        """
        meta: Message = {META + "protocolVersion": VERSION, META + "clientCapabilities": can or {}}
        extra = params.pop("meta", {})
        assert isinstance(extra, dict)
        return self.ask(method, request_id, _meta=meta | extra, **params)

    def greet(self, **capabilities: object) -> Message:
        """
        Shake hands as a legacy client does.
        """
        return self.ask("initialize", 0, protocolVersion="2025-11-25", capabilities=capabilities)

    def call(self, name: str, **arguments: object) -> Message:
        """
        Call a tool as a legacy client does, and tell what was said last.
        """
        return self.ask("tools/call", name=name, arguments=arguments)

    def _wait(self, event: threading.Event, seconds: float | None) -> bool:
        self.on_wait(seconds)
        return event.is_set()

    def _leave(self, code: int) -> NoReturn:
        raise Left(code)

    def _spawn(self, command: Sequence[str], away: bool) -> int:
        self.spawned.append((command, away))
        return 4711

    def _complain(self, data: bytes) -> None:
        self.complained += data

    def _deafen(self) -> None:
        self.deaf = True

    def _entropy(self, count: int) -> bytes:
        self._drawn += 1
        return bytes([self._drawn]) * count
