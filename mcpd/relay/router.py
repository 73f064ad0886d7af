# -*- test-case-name: tests.relay.test_router -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where a client's message goes.

The doors give bytes and a way back; everything between them and the workers is
decided here.  Only the router turns what nobody expected into an error with an
incident's number.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define, field
from msgspec import Raw, Struct
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from mcpd.events import Incident, Publisher
from mcpd.relay import ladder
from mcpd.relay.catalog import Catalog
from mcpd.relay.eras import SERVER, Legacy, Modern, Tongue
from mcpd.relay.exchange import Exchange, Way
from mcpd.relay.ladder import SESSION_FIELD, Claims
from mcpd.relay.sessions import Session, Sessions
from mcpd.wire import codec, write
from mcpd.wire.call import Call
from mcpd.wire.codec import Reader
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Members, Notice, Piece, Request
from mcpd.wire.revision import LEGACY_NAMES, MODERN_NAMES, NEWEST_LEGACY, REVISIONS, Era, Revision

_MISSING = Raw()
_BRACE = ord("{")
_TOOLS = b'{"tools":{}}'
_NO_SESSION = "no Mcp-Session-Id: send initialize first, or speak one of " + ", ".join(MODERN_NAMES)


class Bounds(Protocol):
    """
    What of the limits concerns messages.
    """

    @property
    def inflight(self) -> int: ...  # noqa: D102  mcpd.web.spec.Limits describes these

    @property
    def inflight_per_principal(self) -> int: ...  # noqa: D102

    @property
    def name(self) -> int: ...  # noqa: D102

    @property
    def meta(self) -> int: ...  # noqa: D102


class Post(Struct, frozen=True, eq=False):
    """
    How a message came, and the way back.

    Attributes:
        caller: The principal's name.
        path: The path that it came to.
        claims: Its header fields; None where the door has none.
        way: The way back.
    """

    caller: str
    path: bytes
    claims: Claims | None
    way: Way


@define(eq=False)
class Router:
    """
    Takes messages of clients of both eras, and gives each request its answer.

    Attributes:
        catalog: What there is to be had; replaced when it changes.
        private: Whether lists may be kept for one principal only.
    """

    _publisher: Publisher
    _reader: Reader
    _bounds: Bounds
    _sessions: Sessions
    private: bool = True
    catalog: Catalog = field(init=False, factory=Catalog)
    _running: dict[Exchange, None] = field(init=False, factory=dict)
    _counts: dict[str, int] = field(init=False, factory=dict)
    _idle: Deferred[None] | None = field(init=False, default=None)
    _modern: Modern = field(init=False, factory=Modern)

    @property
    def running(self) -> int:
        """
        How many exchanges a plugin works on.
        """
        return len(self._running)

    def take(self, body: bytes, post: Post) -> None:
        """
        Take what a client posted: one message, answered through the post's way back.
        """
        id: bytes | None = None
        try:
            try:
                message = self._reader.read(body)
            except Fault:
                id = codec.salvage_id(body)
                raise
            match message:
                case Request():
                    id = message.id
                    self._take_request(message, post)
                case Notice():
                    self._take_notice(message, post)
                    post.way.empty(202)
                case _:
                    # Nobody was asked anything, so an answer answers nothing;
                    # batches are for a revision that is not served with them yet.
                    raise Fault(Kind.INVALID, "one request or notification is expected")
        except Fault as fault:
            post.way.fault(fault, id)
        except Exception:
            post.way.fault(self.unexpected(Failure(), post.way.id), id)

    def end_session(self, post: Post) -> None:
        """
        End a legacy client's session (HTTP DELETE).
        """
        try:
            self._sessions.end(self._session(post))
        except Fault as fault:
            post.way.fault(fault)
        else:
            post.way.empty(204)

    def drain(self) -> Deferred[None]:
        """
        Wait for the running exchanges.

        Returns:
            Fires when none is left; may be called once.
        """
        idle: Deferred[None] = Deferred()
        if self._running:
            self._idle = idle
        else:
            idle.callback(None)
        return idle

    def abandon(self) -> None:
        """
        End every running exchange with an error.
        """
        for exchange in list(self._running):
            exchange.abandon(Fault(Kind.PLUGIN_UNAVAILABLE, "the server is stopping"))

    # Which era.

    def _take_request(self, request: Request, post: Post) -> None:
        meta = ladder.read_meta(request.params, self._bounds.meta) if "_meta" in request.params else {}
        claims = post.claims
        if ladder.is_modern(meta, claims):
            ladder.check(request, meta, claims)
            session = None
        elif request.method == "initialize":
            self._initialize(request, post)
            return
        else:
            session = self._session(post)
            if request.id in session.running:
                raise Fault(Kind.INVALID, "a request with this id is running already")
        tongue: Tongue = self._modern if session is None else session.tongue
        try:
            if request.method == "tools/call":
                self._call(request, meta, session, tongue, post)
            else:
                self._serve(request, session, tongue, post)
        except Fault as fault:
            if session is None:
                raise
            # The session is there and the request was taken.
            status = fault.kind.status if fault.kind is Kind.OVERLOADED else 200
            post.way.fault(fault, request.id, status)

    def _take_notice(self, notice: Notice, post: Post) -> None:
        meta = ladder.read_meta(notice.params, self._bounds.meta)
        claims = post.claims
        if ladder.is_modern(meta, claims):
            # To cancel is to hang up: an id of the client's choice must not
            # cancel another's request.
            ladder.check_notice(notice, meta, claims)
            return
        session = self._session(post)
        if notice.method == "notifications/cancelled":
            exchange = session.running.get(bytes(notice.params.get("requestId", Raw())))
            if exchange is not None:
                exchange.cancel()

    def _session(self, post: Post) -> Session:
        id = None if post.claims is None else post.claims.fields.get(SESSION_FIELD)
        session = self._sessions.find(id, post.caller, post.path)
        if session is not None:
            return session
        if id is None:
            raise Fault(Kind.INVALID, _NO_SESSION)
        raise Fault(Kind.NOT_FOUND, "there is no such session: send initialize again")

    # What is asked.

    def _initialize(self, request: Request, post: Post) -> None:
        asked = codec.text(request.params.get("protocolVersion", Raw()))
        if asked is None:
            post.way.fault(Fault(Kind.PARAMS, "protocolVersion must be a string"), request.id)
            return
        revision = REVISIONS[asked] if asked in LEGACY_NAMES else NEWEST_LEGACY
        session = self._sessions.make(post.caller, post.path, revision)
        result: dict[str, Piece] = {
            "protocolVersion": write.encode(revision.name),
            "capabilities": _TOOLS,
            "serverInfo": SERVER,
        }
        self._instruct(result)
        parts, status = Legacy(revision).result(request.id, result)
        post.way.answer(parts, status, ((b"Mcp-Session-Id", session.id),))

    def _serve(self, request: Request, session: Session | None, tongue: Tongue, post: Post) -> None:
        match request.method:
            case "tools/list":
                members = self._list(request, tongue.revision)
            case "server/discover" if session is None:
                members = self._discover()
            case "ping" if session is not None:
                members = {}
            case _:
                raise ladder.unknown_method()
        post.way.answer(*tongue.result(request.id, members))

    def _list(self, request: Request, revision: Revision) -> dict[str, Piece]:
        if "cursor" in request.params:
            # Everything is on the first page, so no cursor is one of ours.
            raise Fault(Kind.PARAMS, "this cursor was not given by this server")
        members: dict[str, Piece] = {"tools": self.catalog.tools(revision)}
        return self._cached(members) if revision.era is Era.MODERN else members

    def _discover(self) -> dict[str, Piece]:
        members: dict[str, Piece] = {
            "supportedVersions": write.encode(MODERN_NAMES),
            "capabilities": _TOOLS,
        }
        self._instruct(members)
        return self._cached(members)

    def _instruct(self, members: dict[str, Piece]) -> None:
        if self.catalog.instructions:
            members["instructions"] = write.encode(self.catalog.instructions)

    def _cached(self, members: dict[str, Piece]) -> dict[str, Piece]:
        return {**members, "ttlMs": b"0", "cacheScope": b'"private"' if self.private else b'"public"'}

    def _call(
        self, request: Request, meta: Members, session: Session | None, tongue: Tongue, post: Post
    ) -> None:
        # Straight on, since this is what nearly every request wants: each step
        # in a method of its own would be about a hundredth of a call's cost.
        id, params, caller, bounds = request.id, request.params, post.caller, self._bounds
        name = params.get("name", _MISSING)
        if len(name) > bounds.name:
            raise Fault(Kind.PARAMS, f"a name has at most {bounds.name} bytes")
        route = self.catalog.find_written(name)
        arguments = params.get("arguments")
        if arguments is not None and memoryview(arguments)[0] != _BRACE:
            raise Fault(Kind.PARAMS, "arguments must be an object")
        running, counts = self._running, self._counts
        mine = counts.get(caller, 0)
        if len(running) >= bounds.inflight or mine >= bounds.inflight_per_principal:
            raise Fault(Kind.OVERLOADED, "too many calls are running", headers=((b"Retry-After", b"1"),))
        token = None
        own: Members = {**params, "name": route.name}
        if meta:
            token, meta = ladder.read_token(meta), ladder.for_plugin(meta)
        own.pop("_meta", None)
        call = Call("tools/call", own, meta, token is not None)
        siblings = None if session is None else session.running
        exchange = Exchange(id, caller, siblings, tongue, post.way, route.tool, token, self)
        counts[caller] = mine + 1
        running[exchange] = None
        if siblings is not None:
            siblings[id] = exchange
        try:
            outcome = route.answerer.ask(call, exchange)
        except Exception:
            # Whatever it is, the exchange must not stay in the books.
            outcome = fail()
        exchange.follow(outcome)

    # What exchanges tell (:class:`mcpd.relay.exchange.Books`).

    def over(self, exchange: Exchange) -> None:
        """
        Take an exchange out of the books.
        """
        running, counts, caller = self._running, self._counts, exchange.caller
        del running[exchange]
        siblings = exchange.siblings
        if siblings is not None and siblings.get(exchange.id) is exchange:
            del siblings[exchange.id]
        left = counts[caller] - 1
        if left:
            counts[caller] = left
        else:
            del counts[caller]
        if not running and self._idle is not None:
            idle, self._idle = self._idle, None
            idle.callback(None)

    def unexpected(self, failure: Failure, number: str) -> Fault:
        """
        Tell an incident, and make the fault that says no more than its number.
        """
        self._publisher.tell(Incident(number, failure.getTraceback()))
        return Fault(
            Kind.INTERNAL, "something unexpected happened here; the log has it under this request id"
        )
