# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A router, a plugin that does as it is told, and ways back that remember.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from attrs import define, field, frozen
from msgspec import Raw
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from mcpd.events import Event, Publisher
from mcpd.relay.catalog import Catalog, Stock
from mcpd.relay.exchange import Fields
from mcpd.relay.ladder import Claims
from mcpd.relay.router import Post, Router
from mcpd.relay.sessions import Sessions
from mcpd.relay.spec import SessionLimits
from mcpd.testing.client import text
from mcpd.web.spec import Limits
from mcpd.wire import write
from mcpd.wire.call import Call, Listener
from mcpd.wire.codec import Reader
from mcpd.wire.fault import Fault
from mcpd.wire.message import Answer, Members, Notice, Piece, Refusal
from mcpd.wire.offer import Offer, Tool, read_tool
from mcpd.wire.revision import MODERN, REVISIONS

VERSION = "io.modelcontextprotocol/protocolVersion"
CAPABILITIES = "io.modelcontextprotocol/clientCapabilities"
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
ENVELOPE: dict[str, Any] = {VERSION: MODERN.name, CAPABILITIES: {}}
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
    return read_tool(raw({"name": "echo", "inputSchema": {"type": "object"}} | definition))


def read(parts: Sequence[Piece]) -> Any:
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
    """

    plan: Callable[[Call], Deferred[Answer | Refusal]] | None = None
    jobs: list[Job] = field(factory=list)
    cancelled: list[Job] = field(factory=list)

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
    """

    id: str = "REQUEST"
    hung_up: Callable[[], None] | None = None
    answers: list[Given] = field(factory=list)
    notices: list[Any] = field(factory=list)
    empties: list[int] = field(factory=list)
    ends: int = 0

    def answer(self, parts: Sequence[Piece], status: int = 200, fields: Fields = ()) -> None:
        """
        Remember an answer.
        """
        self.answers.append(Given(status, read(parts), fields))

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        Remember that nothing was said.
        """
        self.empties.append(status)

    def notice(self, parts: Sequence[Piece]) -> None:
        """
        Remember a notice.
        """
        self.notices.append(read(parts))

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


def catalog(plugin: Plugin, definitions: Iterable[dict[str, Any]] = TOOLS, instructions: str = "") -> Catalog:
    """
    Make a catalog of one plugin's tools, prefixed ``p``.
    """
    tools = tuple(read_tool(raw(definition)) for definition in definitions)
    offer = Offer(REVISIONS["2026-07-28"], tools, instructions)
    return Catalog.of([Stock("p", "p", ("*",), (), offer, plugin)], lambda plugin, name: None)


@define(eq=False)
class House:
    """
    A router with one plugin, whose tools are ``p__echo`` and ``p__add``.

    Attributes:
        events: What was told.
    """

    plugin: Plugin = field(factory=Plugin)
    limits: Limits = Limits()
    session_limits: SessionLimits = SessionLimits()
    clock: Clock = field(factory=Clock)
    events: list[Event] = field(factory=list)
    sessions: Sessions = field(init=False)
    router: Router = field(init=False)
    _made: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        publisher = Publisher()
        publisher.observe(self.events.append)
        self.sessions = Sessions(self.clock, self.entropy, self.session_limits)
        self.router = Router(publisher, Reader(), self.limits, self.sessions)
        self.router.catalog = catalog(self.plugin)

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

    def modern(self, method: str, params: Any = None, id: int | str | None = 1, **rest: Any) -> Way:
        """
        Let a modern request come in; a ``caller`` and a ``path`` may be told.
        """
        params = dict(params or {})
        params["_meta"] = ENVELOPE | params.get("_meta", {})
        fields = {b"mcp-protocol-version": MODERN.name.encode(), b"mcp-method": method.encode()}
        if "name" in params:
            fields[b"mcp-name"] = params["name"].encode()
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

    def end(self, session: bytes | None, caller: str = "key:a", path: bytes = b"/mcp") -> Way:
        """
        Let a DELETE come in.
        """
        way = Way()
        fields = {} if session is None else {b"mcp-session-id": session}
        self.router.end_session(Post(caller, path, Claims(fields), way))
        return way
