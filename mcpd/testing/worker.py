# -*- test-case-name: tests.testing.test_worker -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Workers without a process, of either era.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime

from mcpd.sandbox.usage import Usage
from mcpd.wire import write
from mcpd.wire.codec import Reader
from mcpd.wire.message import Message, Notice, Request
from mcpd.wire.offer import Feature, Sort
from mcpd.wire.revision import MODERN, NEWEST_LEGACY
from mcpd.workers.pipe import Ears, Exit


@frozen
class Error:
    """
    An answer that is an error.
    """

    code: int
    message: str
    data: Mapping[str, Any] | None = None


@frozen
class Opened:
    """
    No answer but a listen that is open: what of its filter is honoured.
    """

    notifications: Mapping[str, Any]


Result = Mapping[str, Any] | Error | Opened | None
"""What a request is answered with: members of values, an error, a stream, or nothing at all."""

Answers = Callable[[Request], Result]
"""How a plugin answers its requests."""

Definitions = Sequence[Mapping[str, Any]]
"""What a plugin lists of one sort."""


@define
class Stock:
    """
    What a fake plugin has.  A test may change it at any time, and then tell that it did.

    Attributes:
        tools: Its tools; None if it declares none.
        prompts: Its prompts, likewise.
        resources: Its resources, likewise.
        templates: Its templates of resources; declared with them.
        features: What else it declares that it does.
        telling: Whether it declares that it tells when its lists change.
        refused: Resources of which it does not tell when they change.
    """

    tools: Definitions | None = None
    prompts: Definitions | None = None
    resources: Definitions | None = None
    templates: Definitions = ()
    features: frozenset[Feature] = frozenset()
    telling: bool = False
    refused: frozenset[str] = frozenset()

    def capabilities(self) -> dict[str, Any]:
        """
        Say what it declares.
        """
        lists = {"tools": self.tools, "prompts": self.prompts, "resources": self.resources}
        changes = {"listChanged": True} if self.telling else {}
        declared: dict[str, Any] = {name: dict(changes) for name, has in lists.items() if has is not None}
        for each in self.features - {Feature.SUBSCRIBE}:
            declared.setdefault(each.value, {})
        if Feature.SUBSCRIBE in self.features:
            declared.setdefault("resources", {})["subscribe"] = True
        return declared

    def list(self, method: str) -> Result:
        """
        Answer one of the lists.
        """
        lists = {
            Sort.TOOLS: self.tools,
            Sort.PROMPTS: self.prompts,
            Sort.RESOURCES: self.resources,
            Sort.TEMPLATES: None if self.resources is None else self.templates,
        }
        for sort, listed in lists.items():
            if sort.method == method and listed is not None:
                return {sort.member: list(listed)}
        return _UNKNOWN

    def subscribe(self, request: Request) -> Result:
        """
        Answer a subscription of either kind to one resource.
        """
        uri = json.loads(bytes(request.params["uri"]))
        if Feature.SUBSCRIBE not in self.features:
            return _UNKNOWN
        return Error(-32602, "Not told") if uri in self.refused else {}

    def listen(self, request: Request) -> Result:
        """
        Open a stream of what it tells.
        """
        honoured = dict(json.loads(bytes(request.params["notifications"])))
        if "resourceSubscriptions" in honoured:
            told = [uri for uri in honoured["resourceSubscriptions"] if uri not in self.refused]
            honoured["resourceSubscriptions"] = told
        return Opened(honoured)


_UNKNOWN = Error(-32601, "Method not found")
_CALLS = ("tools/call", "prompts/get", "resources/read", "completion/complete")


def echo(request: Request) -> Result:
    """
    Answer a call with what it was given: a tool and a prompt with their arguments, as text.
    """
    match request.method:
        case "prompts/get":
            content = {"type": "text", "text": _given(request, "arguments")}
            return {"messages": [{"role": "user", "content": content}]}
        case "resources/read":
            uri = json.loads(bytes(request.params["uri"]))
            return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": uri}]}
        case "completion/complete":
            value = json.loads(bytes(request.params["argument"]))["value"]
            return {"completion": {"values": [value]}}
        case _:
            return {"content": [{"type": "text", "text": _given(request, "arguments")}]}


def _given(request: Request, name: str) -> str:
    return bytes(request.params.get(name, b"{}")).decode()


def tools(*names: str) -> list[dict[str, Any]]:
    """
    Define tools that take anything.
    """
    return [{"name": name, "inputSchema": {"type": "object"}} for name in names]


def prompts(*names: str) -> list[dict[str, Any]]:
    """
    Define prompts.
    """
    return [{"name": name} for name in names]


def resources(*uris: str) -> list[dict[str, Any]]:
    """
    Define resources.
    """
    return [{"uri": uri, "name": uri} for uri in uris]


def templates(*patterns: str) -> list[dict[str, Any]]:
    """
    Define templates of resources.
    """
    return [{"uriTemplate": pattern, "name": pattern} for pattern in patterns]


def legacy(offered: Definitions | Stock = (), call: Answers = echo) -> Answers:
    """
    Answer as a plugin that shakes hands.

    Args:
        offered: Its tools, or all that it has.
        call: How it answers calls: of tools, prompts, resources, completion.
    """
    stock = offered if isinstance(offered, Stock) else Stock(offered)

    def answer(request: Request) -> Result:
        match request.method:
            case "initialize":
                return {
                    "protocolVersion": NEWEST_LEGACY.name,
                    "capabilities": stock.capabilities(),
                    "serverInfo": {"name": "fake", "version": "1"},
                }
            case "resources/subscribe" | "resources/unsubscribe":
                return stock.subscribe(request)
            case "logging/setLevel":
                return {} if Feature.LOGGING in stock.features else _UNKNOWN
        return call(request) if request.method in _CALLS else stock.list(request.method)

    return answer


def modern(offered: Definitions | Stock = (), call: Answers = echo) -> Answers:
    """
    Answer as a plugin that is told everything in each request; likewise.
    """
    stock = offered if isinstance(offered, Stock) else Stock(offered)
    cached = {"ttlMs": 0, "cacheScope": "private"}

    def answer(request: Request) -> Result:
        match request.method:
            case "initialize":
                return Error(-32022, "Unsupported protocol version", {"supported": [MODERN.name]})
            case "server/discover":
                return {**cached, "supportedVersions": [MODERN.name], "capabilities": stock.capabilities()}
            case "subscriptions/listen":
                return stock.listen(request)
        if request.method in _CALLS:
            return call(request)
        result = stock.list(request.method)
        return {**cached, **result} if isinstance(result, Mapping) else result

    def complete(request: Request) -> Result:
        result = answer(request)
        return {"resultType": "complete", **result} if isinstance(result, Mapping) else result

    return complete


def _line(request: Request, result: Mapping[str, Any] | Error) -> bytes:
    if isinstance(result, Error):
        data = write.encode(result.data) if result.data is not None else None
        return write.join(write.refusal(request.id, result.code, result.message, data))
    return write.join(write.answer(request.id, [(name, write.encode(it)) for name, it in result.items()]))


@define(eq=False)
class FakeChannel:
    """
    A worker's process that is none (:class:`mcpd.workers.channel.Channel`).

    It answers on the clock's next turn, as a process never answers at once.

    Attributes:
        ears: Who hears it.
        pid: Its process id.
        stubborn: Which orders it does not end at.
        waiting: How many bytes it has not read; whatever a test says.
        using: What it uses; whatever a test says.
        said: Every message that was said to it.
        listens: The ids of the listens that it has open, oldest first.
        orders: ``close_input``, ``terminate`` and ``destroy``, as they were given.
        gone: Whether it has exited.
    """

    ears: Ears
    pid: int
    _clock: IReactorTime
    _answers: Answers
    stubborn: frozenset[str] = frozenset()
    waiting: int = 0
    using: Usage | None = None
    said: list[Message] = field(init=False, factory=list)
    listens: list[bytes] = field(init=False, factory=list)
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
            elif isinstance(message, Notice):
                self._notice(message)
        return self.waiting

    def _answer(self, request: Request) -> None:
        result = self._answers(request)
        if isinstance(result, Opened):
            self._clock.callLater(0, self._open, request.id, result)
        elif result is not None:
            self._clock.callLater(0, self.write, _line(request, result))

    def _open(self, id: bytes, opened: Opened) -> None:
        self.listens.append(id)
        self.tell("notifications/subscriptions/acknowledged", notifications=opened.notifications)

    def _notice(self, notice: Notice) -> None:
        id = bytes(notice.params.get("requestId", b""))
        if notice.method == "notifications/cancelled" and id in self.listens:
            self.listens.remove(id)

    def tell(self, method: str, **params: Any) -> None:
        """
        Write a notice; on its newest listen, if it has one open.
        """
        if self.listens:
            number = json.loads(self.listens[-1])
            params["_meta"] = {"io.modelcontextprotocol/subscriptionId": number}
        pieces = [(name, write.encode(value)) for name, value in params.items()]
        self.write(write.join(write.notice(method.encode(), pieces)))

    def unlisten(self) -> None:
        """
        End its newest listen, as a plugin does.
        """
        id = self.listens.pop()
        meta = {"io.modelcontextprotocol/subscriptionId": json.loads(id)}
        self.write(write.join(write.answer(id, {"_meta": write.encode(meta)})))

    def write(self, *lines: bytes) -> None:
        """
        Write to its standard output, unless it is gone.
        """
        if not self.gone:
            self.ears.lines(list(lines))

    def usage(self) -> Usage | None:
        """
        Tell ``using``, as it was set.
        """
        return self.using

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
        End, if it has not: ``exit status N`` or ``killed by signal N``.
        """
        if not self.gone:
            self.gone = True
            number = int(how.rpartition(" ")[2])
            killed = how.startswith("killed")
            self.ears.exited(Exit(None, number) if killed else Exit(number))

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
        Start a worker (:data:`mcpd.workers.channel.Spawn`).
        """
        if self.refusal is not None:
            raise self.refusal
        pid = 1000 + len(self.workers)
        worker = FakeChannel(ears, pid, self._clock, self.answers, self.stubborn)
        self.workers.append(worker)
        if self.launching:
            self._clock.callLater(0, ears.launched)
        return worker
