# -*- test-case-name: tests.relay.test_router -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where a client's message goes.

The doors give bytes and a way back; everything between them and the workers is
decided below here: of which era a message is, whose session it belongs to and
who serves it.  Only the router turns what nobody expected into an error with
an incident's number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from attrs import define, field
from msgspec import Raw
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mcpd.events import Publisher
from mcpd.policy.seal import Seal
from mcpd.relay import ladder
from mcpd.relay.batch import Gathering
from mcpd.relay.calls import Calls
from mcpd.relay.catalog import Catalog
from mcpd.relay.cursors import Cursors
from mcpd.relay.eras import Modern
from mcpd.relay.errand import Errand, Post
from mcpd.relay.line import Line, LineWay, Parting
from mcpd.relay.links import Links
from mcpd.relay.reception import Reception
from mcpd.relay.running import Running
from mcpd.relay.session import Session
from mcpd.relay.sessions import Sessions
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.relay.subscriptions import Subscriptions
from mcpd.wire import codec
from mcpd.wire.codec import Reader
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Batch, Message, Notice, Refusal, Request
from mcpd.wire.offer import Feature, Sort
from mcpd.wire.revision import METHODS, MODERN_NAMES, Era

_NO_GREETING = "send initialize first, or speak one of " + ", ".join(MODERN_NAMES)
_NO_SESSION = f"no Mcp-Session-Id: {_NO_GREETING}"
# What nobody serves where no plugin has it (MCP, "Capabilities").
_FEATURES = {
    "tools/list": Feature.TOOLS,
    "prompts/list": Feature.PROMPTS,
    "prompts/get": Feature.PROMPTS,
    "resources/list": Feature.RESOURCES,
    "resources/templates/list": Feature.RESOURCES,
    "resources/read": Feature.RESOURCES,
    "resources/subscribe": Feature.SUBSCRIBE,
    "resources/unsubscribe": Feature.SUBSCRIBE,
    "completion/complete": Feature.COMPLETIONS,
    "logging/setLevel": Feature.LOGGING,
}
_LEGACY_METHODS = frozenset(name for name, method in METHODS.items() if Era.LEGACY in method.eras)
_EMPTY = Catalog.of((), CatalogLimits(), lambda event: None)


class Bounds(Protocol):
    """
    What of the limits concerns the relay.
    """

    @property
    def inflight(self) -> int: ...  # noqa: D102  mcpd.web.spec.Limits describes these

    @property
    def inflight_per_principal(self) -> int: ...  # noqa: D102

    @property
    def streams_per_principal(self) -> int: ...  # noqa: D102

    @property
    def id(self) -> int: ...  # noqa: D102

    @property
    def method(self) -> int: ...  # noqa: D102

    @property
    def name(self) -> int: ...  # noqa: D102

    @property
    def uri(self) -> int: ...  # noqa: D102

    @property
    def cursor(self) -> int: ...  # noqa: D102

    @property
    def meta(self) -> int: ...  # noqa: D102


@define(eq=False)
class Router:
    """
    Takes messages of clients of both eras, and gives each request its answer.

    Attributes:
        running: The exchanges that plugins work on.
        sessions: Legacy clients' sessions.
        subscriptions: Who wants to hear of changes.
        lines: The connections that carry whole conversations.
    """

    running: Running
    sessions: Sessions
    subscriptions: Subscriptions
    _reader: Reader
    _meta: int
    _reception: Reception
    _calls: Calls
    lines: set[Line] = field(init=False, factory=set)
    _shelf: Mapping[bytes, Catalog] = field(init=False, factory=dict)
    _served: dict[str, Callable[[Errand], None]] = field(init=False)
    _modern: Modern = field(init=False, factory=Modern)

    @classmethod
    def new(  # noqa: PLR0917  the whole relay is put together here
        cls,
        clock: IReactorTime,
        entropy: Callable[[int], bytes],
        publisher: Publisher,
        bounds: Bounds,
        session_limits: SessionLimits,
        catalog_limits: CatalogLimits,
        seal: Seal,
        private: bool = True,
    ) -> Router:
        """
        Make a router and all that it needs.

        Args:
            clock: Tells the time.
            entropy: Gives so many random bytes.
            publisher: Told of incidents.
            bounds: What a client may run into.
            session_limits: Likewise, of sessions.
            catalog_limits: Likewise, of lists.
            seal: Seals cursors.
            private: Whether answers may be kept for one principal only.
        """
        links = Links(catalog_limits.links)
        running = Running(clock, publisher, links, bounds.inflight, bounds.inflight_per_principal)
        subscriptions = Subscriptions(clock, bounds, publisher)
        sessions = Sessions(clock, entropy, session_limits, subscriptions.forget)
        calls = Calls(running, links, bounds, session_limits.poll, private)
        cursors, ttl = Cursors(seal, bounds.cursor), _milliseconds(catalog_limits.ttl)
        reception = Reception(sessions, subscriptions, cursors, calls, ttl)
        return cls(running, sessions, subscriptions, _reader(bounds), bounds.meta, reception, calls)

    def __attrs_post_init__(self) -> None:
        self._served = {**self._reception.methods(), **self._calls.methods()}

    def limit(self, bounds: Bounds, session_limits: SessionLimits, catalog_limits: CatalogLimits) -> None:
        """
        Hold clients to other limits from now on; what runs keeps those that it began with.

        Args:
            bounds: As for :meth:`new`.
            session_limits: Likewise.
            catalog_limits: Likewise; the catalogs are not made anew.
        """
        self._reader, self._meta = _reader(bounds), bounds.meta
        self.running.limit(bounds.inflight, bounds.inflight_per_principal)
        self.subscriptions.limit(bounds)
        self.sessions.limit(session_limits)
        self._calls.limit(bounds, catalog_limits.links, session_limits.poll)
        self._reception.limit(bounds.cursor, _milliseconds(catalog_limits.ttl))

    def expel(self, caller: str) -> None:
        """
        End all that a principal has here, whose credentials open nothing any more.
        """
        self.subscriptions.close(caller)
        self.running.expel(caller)
        for line in [line for line in self.lines if line.caller == caller]:
            line.part(Parting.EXPELLED)
        self.sessions.end_all(caller)

    def serves(self, path: bytes) -> bool:
        """
        Say whether there is anything at a path.
        """
        return path in self._shelf

    def fill(self, shelf: Mapping[bytes, Catalog]) -> None:
        """
        Serve other catalogs from now on, and tell those clients whose view changed.

        Args:
            shelf: The catalogs, by path.
        """
        former, self._shelf = self._shelf, shelf
        for path, catalog in shelf.items():
            before = former.get(path)
            if before is None or before is catalog:
                continue
            changed = [sort for sort in Sort if before.digest(sort) != catalog.digest(sort)]
            if changed:
                self.subscriptions.changed(path, changed, self.sessions.of(path))

    # What doors call.

    def take(self, body: bytes, post: Post) -> None:
        """
        Take what a client posted: a message, or a batch of them, answered through the post's way back.
        """
        try:
            message = self._reader.read(body)
        except Fault as fault:
            post.way.fault(fault, codec.salvage_id(body))
            return
        self._take(message, post)

    def enter(self, post: Post) -> bool:
        """
        Count a legacy client's stream; False if its principal has too many, and this is not counted.
        """
        session = self.sessions.find(post.session, post.caller, post.path)
        # A client that comes again takes over from its former connection.
        spare = 1 if session is not None and session.is_listening else 0
        return self.subscriptions.enter(post.caller, spare)

    def leave(self, caller: str) -> None:
        """
        Count a stream of a principal no more: once for each that entered.
        """
        self.subscriptions.leave(caller)

    def hang_up(self, line: Line) -> None:
        """
        Hear that a line's connection is gone: what runs on it is cancelled, and its session is over.
        """
        self.lines.discard(line)
        line.lost()
        if line.session is not None:
            self.sessions.end(line.session)

    def listen(self, post: Post, last: bytes | None) -> None:
        """
        Open a stream for a legacy client (HTTP GET).

        Args:
            post: How it came.
            last: The id of the last event that it had, if it comes back to a
                stream (MCP 2025-11-25, "Resumability and Redelivery").
        """
        try:
            session = self._session_alone(post)
            if last is None:
                session.stand(post.way)
            elif not session.resume(last, post.way):
                raise Fault(Kind.BAD_REQUEST, "nothing is kept that follows this event")
        except Fault as fault:
            post.way.fault(fault)

    def end_session(self, post: Post) -> None:
        """
        End a legacy client's session (HTTP DELETE).
        """
        try:
            self.sessions.end(self._session_alone(post))
        except Fault as fault:
            post.way.fault(fault)
        else:
            post.way.empty(204)

    # Which era.

    def _take_batch(self, batch: Batch, post: Post) -> None:
        if post.line is not None:
            raise Fault(Kind.INVALID, "each message stands alone here: there are no batches")
        session = self._session_alone(post)
        if not session.tongue.revision.batches:
            raise Fault(Kind.INVALID, "the agreed revision has no batches")
        gathering = Gathering(post.way, len(batch.items), lambda way: session.open(way, b""))
        for item in batch.items:
            each = Post(post.caller, post.path, post.claims, gathering.way(), batched=True)
            if isinstance(item, Fault):
                each.way.fault(item)
            elif isinstance(item, Request) and item.method == "initialize":
                each.way.fault(Fault(Kind.INVALID, "initialize stands alone"), item.id)
            else:
                self._take(item, each)

    def _take(self, message: Message | Batch, post: Post) -> None:
        try:
            match message:
                case Request():
                    self._take_request(message, post)
                case Notice():
                    self._take_notice(message, post)
                    post.way.empty(202)
                case Batch():
                    self._take_batch(message, post)
                case Answer() | Refusal():
                    # Nobody was asked anything, so an answer answers nothing.
                    raise Fault(Kind.INVALID, "one request or notification is expected")
        except Fault as fault:
            _explain(fault, message, post)
        except Exception:
            _explain(self.running.unexpected(Failure(), post.way.id), message, post)

    def _take_request(self, request: Request, post: Post) -> None:
        meta = ladder.read_meta(request.params, self._meta) if "_meta" in request.params else {}
        claims, catalog = post.claims, self._shelf.get(post.path, _EMPTY)
        if ladder.is_modern(meta, claims):
            ladder.check(request, meta, claims)
            if post.line is not None:
                _begin(post.line, request, post)
            self._serve(Errand(request, meta, None, self._modern, post, catalog))
            return
        if request.method == "initialize":
            if post.line is not None:
                post.line.check_greeting()
            self._reception.initialize(request, post, catalog)
            return
        session = self._session(post)
        if request.id in session.running:
            raise Fault(Kind.INVALID, "a request with this id is running already")
        try:
            if request.method not in _LEGACY_METHODS:
                raise ladder.unknown_method()
            errand = Errand(request, meta, session, session.tongue, post, catalog)
            if request.method == "tools/call":
                # Nearly every request; all others are looked up.
                self._calls.call_tool(errand)
            else:
                self._serve(errand)
        except Fault as fault:
            # The session is there and the request was taken.
            post.way.fault(fault, request.id, session.tongue.status(fault))

    def _serve(self, errand: Errand) -> None:
        method = errand.request.method
        serve = self._served.get(method)
        feature = _FEATURES.get(method)
        if serve is None or (feature is not None and feature not in errand.catalog.features):
            raise ladder.unknown_method()
        serve(errand)

    def _take_notice(self, notice: Notice, post: Post) -> None:
        meta = ladder.read_meta(notice.params, self._meta)
        claims, line = post.claims, post.line
        if ladder.is_modern(meta, claims) or (line is not None and line.is_modern):
            # Where each message comes alone, to cancel is to hang up: an id of the
            # client's choice must not cancel another's request.
            ladder.check_notice(notice, meta, claims)
            if line is not None and notice.method == "notifications/cancelled":
                line.cancel(_cancelled(notice))
            return
        session = self._session(post)
        if notice.method == "notifications/initialized":
            session.initialized()
        elif notice.method == "notifications/cancelled":
            exchange = session.running.get(_cancelled(notice))
            if exchange is not None:
                exchange.cancel()

    def _session_alone(self, post: Post) -> Session:
        # Of what has no _meta: only a header field can say which revision it is of.
        if ladder.is_modern({}, post.claims):
            raise Fault(Kind.INVALID, "the revision in MCP-Protocol-Version has no sessions")
        return self._session(post)

    def _session(self, post: Post) -> Session:
        line = post.line
        if line is not None and line.session is not None:
            # It is in use as long as its line stands, and ends with it.
            return line.session
        id = post.session
        session = self.sessions.find(id, post.caller, post.path)
        if session is not None:
            return session
        if id is None:
            raise Fault(Kind.INVALID, _NO_SESSION if post.line is None else _NO_GREETING)
        raise Fault(Kind.NOT_FOUND, "there is no such session: send initialize again")


def _explain(fault: Fault, message: Message | Batch, post: Post) -> None:
    if post.line is not None and isinstance(message, Notice):
        # JSON-RPC 2.0, section 4.1: a notice is not answered; by HTTP it has a status all the same.
        post.way.end()
    else:
        post.way.fault(fault, message.id if isinstance(message, Request) else None)


def _begin(line: Line, request: Request, post: Post) -> None:
    assert isinstance(post.way, LineWay)  # noqa: S101  a line's messages have no other
    line.begin(request.id, post.way)
    # Who only asks what there is has not made up its mind.
    if request.method != "server/discover":
        line.pin()


def _cancelled(notice: Notice) -> bytes:
    return bytes(notice.params.get("requestId", Raw()))


def _reader(bounds: Bounds) -> Reader:
    return Reader(id=bounds.id, method=bounds.method)


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
