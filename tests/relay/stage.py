# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A router, a plugin that does as it is told, and ways back that remember.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from attrs import define, field, frozen
from msgspec import Raw
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import Clock

from mcpd.events import Event, Publisher
from mcpd.policy.seal import Seal
from mcpd.relay.catalog import Catalog
from mcpd.relay.errand import Post
from mcpd.relay.ladder import Claims
from mcpd.relay.router import Router
from mcpd.relay.sessions import Sessions
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.relay.stock import Stock
from mcpd.relay.way import Fields
from mcpd.testing.client import text
from mcpd.web.spec import Limits
from mcpd.wire import headers, write
from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault
from mcpd.wire.message import Answer, Members, Notice, Piece, Refusal
from mcpd.wire.offer import Feature, Offer, Sort, Tool, read
from mcpd.wire.revision import METHODS, MODERN

VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
ENVELOPE: dict[str, Any] = {VERSION: MODERN.name, CAPABILITIES: {}}
PAGE = 3
"""Items on a page of a list."""

NO_FIELDS: Mapping[bytes, bytes] = MappingProxyType({})

TOOLS: tuple[dict[str, Any], ...] = (
    {"name": "echo", "inputSchema": {"type": "object"}},
    {"name": "add", "inputSchema": {"type": "object"}},
)


def raw(value: Any) -> Raw:
    """
    Write a value as a piece.
    """
    return Raw(write.encode(value))


def members(**values: Any) -> Members:
    """
    Write values as an object's members.
    """
    return {name: raw(value) for name, value in values.items()}


def tool(**definition: Any) -> Tool:
    """
    Make a tool, as if its plugin had told of it.
    """
    item = read(Sort.TOOLS, raw({"name": "echo", "inputSchema": {"type": "object"}} | definition)).item
    assert isinstance(item, Tool)
    return item


def message(parts: Sequence[Piece]) -> Any:
    """
    Read a message that was put together.
    """
    return json.loads(write.join(parts))


@frozen(eq=False)
class Job:
    """
    A call that the plugin was given.
    """

    call: Call
    listener: Listener
    outcome: Deferred[Answer | Refusal]

    def answer(self, **result: Any) -> None:
        """
        Answer it.
        """
        self.outcome.callback(Answer(b"1", members(**result)))

    def notice(self, method: str = "notifications/progress", **params: Any) -> None:
        """
        Say something before the answer.
        """
        self.listener.notice(Notice(method, members(**params)))


@define(eq=False)
class Plugin:
    """
    Answers when it is told to, or what :attr:`plan` says at once.

    Attributes:
        plan: Makes the outcome of a call.
        jobs: What it was given.
        cancelled: What of it was cancelled.
        watched: The resources whose changes it is to tell.
        decision: What it says when it is to tell of one's changes.
    """

    plan: Callable[[Call], Deferred[Answer | Refusal]] | None = None
    jobs: list[Job] = field(factory=list)
    cancelled: list[Job] = field(factory=list)
    watched: list[str] = field(factory=list)
    decision: Answer | Refusal | Exception = Answer(b"", {})

    def ask(self, call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
        """
        Keep the call, or do as planned.
        """
        if self.plan is not None:
            return self.plan(call)
        outcome: Deferred[Answer | Refusal] = Deferred(lambda _: self.cancelled.append(job))
        job = Job(call, listener, outcome)
        self.jobs.append(job)
        return outcome

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Decide at once.
        """
        if isinstance(self.decision, Exception):
            return fail(self.decision)
        if isinstance(self.decision, Answer):
            self.watched.append(uri)
        return succeed(self.decision)

    def unwatch(self, uri: str) -> None:
        """
        Forget.
        """
        self.watched.remove(uri)

    @property
    def job(self) -> Job:
        """
        The one call that it was given.
        """
        (job,) = self.jobs
        return job


def answering(**result: Any) -> Plugin:
    """
    Make a plugin that answers everything at once.
    """
    return Plugin(lambda call: succeed(Answer(b"1", members(**result))))


@frozen(eq=False)
class Given:
    """
    An answer as the way back was given it.
    """

    status: int
    message: Any
    fields: Fields


@define(eq=False)
class Way:
    """
    A way back that remembers (:class:`mcpd.relay.exchange.Way`).

    Attributes:
        answers: What was given.
        notices: What was sent before.
        empties: Statuses of answers that say nothing.
        ends: How often it ended without an answer.
        opened: Whether it was opened as a stream.
        primes: Events without a message: their marks, and the milliseconds.
        marks: The mark of each notice.
    """

    id: str = "REQUEST"
    hung_up: Callable[[], None] | None = None
    answers: list[Given] = field(factory=list)
    notices: list[Any] = field(factory=list)
    empties: list[int] = field(factory=list)
    ends: int = 0
    opened: bool = False
    primes: list[tuple[bytes, int]] = field(factory=list)
    marks: list[bytes] = field(factory=list)

    def answer(
        self, parts: Sequence[Piece], status: int = 200, fields: Fields = (), mark: bytes = b""
    ) -> None:
        """
        Remember an answer.
        """
        self.answers.append(Given(status, message(parts), fields))

    def open(self) -> None:
        """
        Remember that there is a stream.
        """
        self.opened = True

    def prime(self, mark: bytes, retry: int) -> None:
        """
        Remember an event without a message.
        """
        self.primes.append((mark, retry))

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        Remember that nothing was said.
        """
        self.empties.append(status)

    def notice(self, parts: Sequence[Piece], mark: bytes = b"") -> None:
        """
        Remember a notice.
        """
        self.notices.append(message(parts))
        self.marks.append(mark)

    def end(self) -> None:
        """
        Remember an end without an answer.
        """
        self.ends += 1

    def fault(self, fault: Fault, id: bytes | None = None, status: int | None = None) -> None:
        """
        Remember a fault, written as the doors do.
        """
        body = write.error(id, fault.kind.code, fault.text, {**fault.data, "requestId": self.id})
        self.answer((body,), fault.kind.status if status is None else status, fault.headers)

    @property
    def given(self) -> Given:
        """
        The one answer.
        """
        (given,) = self.answers
        return given

    @property
    def result(self) -> Any:
        """
        The result in the one answer.
        """
        return self.given.message["result"]

    @property
    def error(self) -> tuple[int, int]:
        """
        The HTTP status and the code of the error in the one answer.
        """
        return self.given.status, self.given.message["error"]["code"]

    def hang_up(self) -> None:
        """
        Let the client go.
        """
        assert self.hung_up is not None
        self.hung_up()


def stock(name: str, plugin: Plugin, definitions: Iterable[dict[str, Any]] = TOOLS, **offered: Any) -> Stock:
    """
    Make the stock of a plugin.

    Args:
        name: Its name, which is its prefix, too.
        plugin: Who answers.
        definitions: Its tools.
        offered: Attributes of its offer.
    """
    tools = tuple(tool(**definition) for definition in definitions)
    offer = Offer(MODERN, tools, **{"features": frozenset(Feature)} | offered)
    return Stock(name, name, ("*",), (), offer, plugin)


@define(eq=False)
class House:
    """
    A router with one plugin, whose tools are ``p__echo`` and ``p__add``.

    Attributes:
        private: Whether answers may be kept for one principal only.
        events: What was told.
    """

    plugin: Plugin = field(factory=Plugin)
    limits: Limits = Limits()
    session_limits: SessionLimits = SessionLimits()
    catalog_limits: CatalogLimits = CatalogLimits(page=PAGE)
    private: bool = True
    clock: Clock = field(factory=Clock)
    events: list[Event] = field(factory=list)
    router: Router = field(init=False)
    _made: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        publisher = Publisher()
        publisher.observe(self.events.append)
        self.router = Router.new(
            self.clock,
            self.entropy,
            publisher,
            self.limits,
            self.session_limits,
            self.catalog_limits,
            Seal((bytes(32),), self.entropy),
            self.private,
        )
        self.offer()

    @property
    def sessions(self) -> Sessions:
        """
        The router's sessions.
        """
        return self.router.sessions

    @property
    def running(self) -> int:
        """
        How many exchanges are running.
        """
        return len(self.router.running)

    def offer(self, *definitions: dict[str, Any], **offered: Any) -> None:
        """
        Have the plugin offer these tools, and what else its offer has.
        """
        self.serve(stock("p", self.plugin, definitions or TOOLS, **offered))

    def serve(self, *stocks: Stock) -> None:
        """
        Serve plugins: all of them at ``/mcp``, and each at a path of its own.
        """
        limits = self.catalog_limits
        shelf = {b"/mcp": Catalog.of(stocks, limits, self.events.append)}
        for each in stocks:
            shelf[f"/mcp/{each.plugin}".encode()] = Catalog.alone(each, limits)
        self.router.fill(shelf)

    def entropy(self, size: int) -> bytes:
        """
        Count up, so that sessions' ids differ.
        """
        self._made += 1
        return self._made.to_bytes(size, "big")

    def take(
        self,
        body: bytes,
        fields: dict[bytes, bytes] | None = None,
        caller: str = "key:a",
        path: bytes = b"/mcp",
    ) -> Way:
        """
        Let a message come in; without fields, through a door that has none.
        """
        way = Way()
        claims = Claims(fields) if fields is not None else None
        self.router.take(body, Post(caller, path, claims, way))
        return way

    def modern(
        self,
        method: str,
        params: Any = None,
        id: int | str | None = 1,
        more: Mapping[bytes, bytes] = NO_FIELDS,
        **rest: Any,
    ) -> Way:
        """
        Let a modern request come in, with more header fields; a ``caller`` and a ``path`` may be told.
        """
        params = dict(params or {})
        params["_meta"] = ENVELOPE | params.get("_meta", {})
        fields = {b"mcp-protocol-version": MODERN.name.encode(), b"mcp-method": method.encode(), **more}
        member = METHODS[method].routed_by if method in METHODS else None
        if member in params:
            fields[b"mcp-name"] = headers.encode(params[member])
        return self.take(text(method, params, id), fields, **rest)

    def call(self, id: int | str = 1, meta: Any = None, **rest: Any) -> Way:
        """
        Let a modern call of ``p__echo`` come in.
        """
        return self.modern("tools/call", {"name": "p__echo", "_meta": meta or {}}, id, **rest)

    def shake(self, version: str = "2025-11-25", **rest: Any) -> bytes:
        """
        Let a legacy client shake hands, and tell its session.
        """
        way = self.take(text("initialize", {"protocolVersion": version}, 0), {}, **rest)
        ((name, session),) = way.given.fields
        assert name == b"Mcp-Session-Id"
        return session

    def legacy(
        self, session: bytes, method: str, params: Any = None, id: int | str | None = 1, **rest: Any
    ) -> Way:
        """
        Let a message of a session come in.
        """
        return self.take(text(method, params, id), {b"mcp-session-id": session}, **rest)

    def batch(self, session: bytes, *messages: Any, **rest: Any) -> Way:
        """
        Let an array of messages of a session come in.
        """
        return self.take(json.dumps(messages).encode(), {b"mcp-session-id": session}, **rest)

    def listen(
        self,
        session: bytes | None,
        last: bytes | None = None,
        caller: str = "key:a",
        path: bytes = b"/mcp",
    ) -> Way:
        """
        Let a GET come in, which may say what event was the last.
        """
        way = Way()
        self.router.listen(post(session, caller, path, way), last)
        return way

    def end(self, session: bytes | None, caller: str = "key:a", path: bytes = b"/mcp") -> Way:
        """
        Let a DELETE come in.
        """
        way = Way()
        self.router.end_session(post(session, caller, path, way))
        return way


def post(session: bytes | None, caller: str = "key:a", path: bytes = b"/mcp", way: Way | None = None) -> Post:
    """
    Make what comes without a body, in a session or in none.
    """
    fields = {} if session is None else {b"mcp-session-id": session}
    return Post(caller, path, Claims(fields), way or Way())
