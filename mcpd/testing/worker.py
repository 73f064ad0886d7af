# -*- test-case-name: tests.testing.test_worker -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Workers without a process, of either era.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from mcpd.wire import write
from mcpd.wire.codec import Reader
from mcpd.wire.message import Message, Request
from mcpd.wire.revision import MODERN, NEWEST_LEGACY
from mcpd.workers.pipe import Ears


@frozen
class Error:
    """
    An answer that is an error.
    """

    code: int
    message: str
    data: Mapping[str, Any] | None = None


Result = Mapping[str, Any] | Error | None
"""What a request is answered with: members of values, an error, or nothing at all."""

Answers = Callable[[Request], Result]
"""How a plugin answers its requests."""


def echo(request: Request) -> Result:
    """
    Answer a tool's call with its arguments, as text.
    """
    text = bytes(request.params.get("arguments", b"{}")).decode()
    return {"content": [{"type": "text", "text": text}]}


def tools(*names: str) -> list[dict[str, Any]]:
    """
    Define tools that take anything.
    """
    return [{"name": name, "inputSchema": {"type": "object"}} for name in names]


def legacy(offered: Sequence[Mapping[str, Any]] = (), call: Answers = echo) -> Answers:
    """
    Answer as a plugin that shakes hands.
    """
    hello = {
        "protocolVersion": NEWEST_LEGACY.name,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "fake", "version": "1"},
    }
    return _by_method({"initialize": hello, "tools/list": {"tools": offered}}, call)


def modern(offered: Sequence[Mapping[str, Any]] = (), call: Answers = echo) -> Answers:
    """
    Answer as a plugin that is told everything in each request.
    """
    complete = {"resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    discovered = {**complete, "supportedVersions": [MODERN.name], "capabilities": {"tools": {}}}
    refusal = Error(-32022, "Unsupported protocol version", {"supported": [MODERN.name]})

    def complete_call(request: Request) -> Result:
        result = call(request)
        return {"resultType": "complete", **result} if isinstance(result, Mapping) else result

    table: dict[str, Result] = {
        "server/discover": discovered,
        "tools/list": {**complete, "tools": offered},
        "initialize": refusal,
    }
    return _by_method(table, complete_call)


def _by_method(table: Mapping[str, Result], call: Answers) -> Answers:
    def answer(request: Request) -> Result:
        if request.method == "tools/call":
            return call(request)
        return table.get(request.method, Error(-32601, "Method not found"))

    return answer


def _line(request: Request, result: Mapping[str, Any] | Error) -> bytes:
    if isinstance(result, Error):
        data = write.encode(result.data) if result.data is not None else None
        return write.join(write.refusal(request.id, result.code, result.message, data))
    return write.join(write.answer(request.id, [(name, write.encode(it)) for name, it in result.items()]))


@define(eq=False)
class FakeChannel:
    """
    A worker's process that is none (:class:`mcpd.workers.worker.Channel`).

    It answers on the clock's next turn, as a process never answers at once.

    Attributes:
        ears: Who hears it.
        pid: Its process id.
        stubborn: Which orders it does not end at.
        waiting: How many bytes it has not read; whatever a test says.
        said: Every message that was said to it.
        orders: ``close_input``, ``terminate`` and ``destroy``, as they were given.
        gone: Whether it has exited.
    """

    ears: Ears
    pid: int
    _clock: IReactorTime
    _answers: Answers
    stubborn: frozenset[str] = frozenset()
    waiting: int = 0
    said: list[Message] = field(init=False, factory=list)
    orders: list[str] = field(init=False, factory=list)
    gone: bool = field(init=False, default=False)
    _reader: Reader = field(init=False, factory=Reader)

    def send(self, data: bytes) -> int:
        """
        Take messages, and answer its requests.

        Returns:
            ``waiting``, as it was set.
        """
        for line in data.splitlines():
            message = self._reader.read(line)
            assert isinstance(message, Message)  # noqa: S101  we send no batches
            self.said.append(message)
            if isinstance(message, Request):
                self._answer(message)
        return self.waiting

    def _answer(self, request: Request) -> None:
        result = self._answers(request)
        if result is not None:
            self._clock.callLater(0, self.write, _line(request, result))

    def write(self, *lines: bytes) -> None:
        """
        Write to its standard output, unless it is gone.
        """
        if not self.gone:
            self.ears.lines(list(lines))

    def close_input(self) -> None:
        """
        End by itself, unless it is stubborn.
        """
        self._order("close_input", "exit status 0")

    def terminate(self) -> None:
        """
        End at the signal, unless it is stubborn.
        """
        self._order("terminate", "killed by signal 15")

    def destroy(self) -> None:
        """
        End, unless it is stubborn even now: the kernel may take its time.
        """
        self._order("destroy", "killed by signal 9")

    def exit(self, how: str = "exit status 0") -> None:
        """
        End, if it has not.
        """
        if not self.gone:
            self.gone = True
            self.ears.exited(how)

    def _order(self, order: str, how: str) -> None:
        self.orders.append(order)
        if order not in self.stubborn:
            self._clock.callLater(0, self.exit, how)


@define(eq=False)
class FakePlugin:
    """
    What starts workers that are none.

    Attributes:
        answers: How the workers answer which are started from now on.
        stubborn: Which orders they do not end at.
        launching: Whether they become the plugin by themselves.
        refusal: What ``spawn`` raises; None if it spawns.
        workers: Every worker that was started, in order.
    """

    _clock: IReactorTime
    answers: Answers
    stubborn: frozenset[str] = frozenset()
    launching: bool = True
    refusal: Exception | None = None
    workers: list[FakeChannel] = field(init=False, factory=list)

    def spawn(self, ears: Ears) -> FakeChannel:
        """
        Start a worker (:data:`mcpd.workers.worker.Spawn`).
        """
        if self.refusal is not None:
            raise self.refusal
        pid = 1000 + len(self.workers)
        worker = FakeChannel(ears, pid, self._clock, self.answers, self.stubborn)
        self.workers.append(worker)
        if self.launching:
            self._clock.callLater(0, ears.launched)
        return worker
