# -*- test-case-name: tests.relay.test_reception -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What needs no plugin: handshakes, lists, log levels, subscriptions.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from attrs import define, evolve
from msgspec import Raw
from twisted.python.failure import Failure

from mcpd.relay.calls import Calls
from mcpd.relay.catalog import Catalog
from mcpd.relay.cursors import Cursors
from mcpd.relay.eras import SERVER, Legacy
from mcpd.relay.errand import Errand, Post, not_found
from mcpd.relay.sessions import Sessions
from mcpd.relay.subject import Subject
from mcpd.relay.subscriptions import Subscriptions
from mcpd.wire import codec, write
from mcpd.wire.call import Answerer
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.level import LEVELS
from mcpd.wire.message import Piece, Refusal, Request
from mcpd.wire.offer import Feature, Sort
from mcpd.wire.revision import LEGACY_NAMES, MODERN_NAMES, NEWEST_LEGACY, REVISIONS

_MISSING = Raw()
_CAPABILITIES: tuple[tuple[Feature, str, dict[str, bool]], ...] = (
    (Feature.TOOLS, "tools", {"listChanged": True}),
    (Feature.PROMPTS, "prompts", {"listChanged": True}),
    (Feature.RESOURCES, "resources", {"listChanged": True}),
    (Feature.COMPLETIONS, "completions", {}),
    (Feature.LOGGING, "logging", {}),
)
_SUBSCRIBE = Subject("resources/subscribe")


@define(eq=False)
class Reception:
    """
    Answers by itself.

    Attributes:
        ttl: Milliseconds that a modern client may keep a list without asking again.
    """

    _sessions: Sessions
    _subscriptions: Subscriptions
    _cursors: Cursors
    _calls: Calls
    ttl: int

    def limit(self, cursor: int, ttl: int) -> None:
        """
        Judge by other limits from now on.

        Args:
            cursor: Characters beyond which nothing is a cursor of ours.
            ttl: As the attribute.
        """
        self._cursors, self.ttl = evolve(self._cursors, longest=cursor), ttl

    def methods(self) -> dict[str, Callable[[Errand], None]]:
        """
        Tell who serves which method.
        """
        return {
            **{sort.method: partial(self.list, sort) for sort in Sort},
            "server/discover": self.discover,
            "ping": self.ping,
            "logging/setLevel": self.set_level,
            "resources/subscribe": self.subscribe,
            "resources/unsubscribe": self.unsubscribe,
            "subscriptions/listen": self.listen,
        }

    def initialize(self, request: Request, post: Post, catalog: Catalog) -> None:
        """
        Shake hands with a legacy client, which has a session from now on.

        Its own version is agreed if it is a legacy one, else the newest of
        them (MCP 2025-11-25, "Version Negotiation").
        """
        asked = codec.text(request.params.get("protocolVersion", _MISSING))
        if asked is None:
            post.way.fault(Fault(Kind.PARAMS, "protocolVersion must be a string"), request.id)
            return
        revision = REVISIONS[asked] if asked in LEGACY_NAMES else NEWEST_LEGACY
        session = self._sessions.make(post.caller, post.path, revision, resumes=post.line is None)
        result: dict[str, Piece] = {
            "protocolVersion": write.encode(revision.name),
            "capabilities": _capabilities(catalog),
            "serverInfo": SERVER,
        }
        _instruct(result, catalog)
        parts, status = Legacy(revision).result(request.id, result)
        post.way.answer(parts, status, ((b"Mcp-Session-Id", session.id),))
        if post.line is not None:
            post.line.meet(session)

    def discover(self, errand: Errand) -> None:
        """
        Say what there is (MCP 2026-07-28, "Discovery").
        """
        members: dict[str, Piece] = {
            "supportedVersions": write.encode(MODERN_NAMES),
            "capabilities": _capabilities(errand.catalog),
        }
        _instruct(members, errand.catalog)
        errand.answer(self._cached(errand, members))

    def list(self, sort: Sort, errand: Errand) -> None:
        """
        Give a page of a list.

        Raises:
            Fault: PARAMS, the cursor is not one of ours.
        """
        catalog, revision = errand.catalog, errand.tongue.revision
        page = catalog.page(sort, revision, self._start(errand, sort))
        members: dict[str, Piece] = {sort.member: page.listed}
        if page.next is not None:
            post = errand.post
            cursor = self._cursors.write(sort, post.path, post.caller, page.last, page.next)
            members["nextCursor"] = write.encode(cursor)
        errand.answer(self._cached(errand, members))

    def _start(self, errand: Errand, sort: Sort) -> int:
        piece = errand.request.params.get("cursor")
        if piece is None:
            return 0
        cursor = codec.text(piece)
        if cursor is None:
            raise Fault(Kind.PARAMS, "cursor must be a string")
        key, index = self._cursors.read(cursor, sort, errand.post.path, errand.post.caller)
        return errand.catalog.start(sort, key, index)

    def ping(self, errand: Errand) -> None:
        """
        Say that we live.
        """
        errand.answer({})

    def set_level(self, errand: Errand) -> None:
        """
        Keep the least level of log messages that a legacy client wants.

        Raises:
            Fault: PARAMS, it is none.
        """
        level = codec.text(errand.request.params.get("level", _MISSING))
        if level not in LEVELS:
            raise Fault(Kind.PARAMS, f"level must be one of {', '.join(LEVELS)}")
        assert errand.session is not None  # noqa: S101  a legacy method
        errand.session.level = level
        errand.answer({})

    def subscribe(self, errand: Errand) -> None:
        """
        Tell a legacy client of a resource's changes from now on.

        Raises:
            Fault: PARAMS, ``uri`` is none; OVERLOADED, it subscribed to too many.
        """
        uri = self._calls.uri(errand)
        owners = self._calls.owners(errand, uri)
        if not owners:
            errand.refuse(not_found(uri), _SUBSCRIBE)
            return
        assert errand.session is not None  # noqa: S101  a legacy method
        subscribed = self._subscriptions.subscribe(errand.session, uri, owners[0])
        subscribed.addCallback(self._subscribed, errand)
        subscribed.addErrback(self._explain, errand)

    def _subscribed(self, outcome: object, errand: Errand) -> None:
        if isinstance(outcome, Refusal):
            errand.refuse(outcome, _SUBSCRIBE)
        else:
            errand.answer({})

    def _explain(self, failure: Failure, errand: Errand) -> None:
        fault, way = failure.value, errand.post.way
        if not isinstance(fault, Fault):
            fault = self._calls.running.unexpected(failure, way.id)
        way.fault(fault, errand.request.id, errand.tongue.status(fault))

    def unsubscribe(self, errand: Errand) -> None:
        """
        Tell a legacy client no longer of a resource's changes.

        Raises:
            Fault: PARAMS, ``uri`` is none.
        """
        assert errand.session is not None  # noqa: S101  a legacy method
        self._subscriptions.unsubscribe(errand.session, self._calls.uri(errand))
        errand.answer({})

    def listen(self, errand: Errand) -> None:
        """
        Open a modern client's stream of changes (MCP 2026-07-28, "Subscriptions").

        Raises:
            Fault: PARAMS, what it wants to hear cannot be read; OVERLOADED.
        """
        post, catalog = errand.post, errand.catalog

        def find(uri: str) -> Answerer | None:
            owners = self._calls.owners(errand, uri)
            return owners[0] if owners else None

        self._subscriptions.listen(errand.request, post.path, post.caller, post.way, catalog.features, find)

    def _cached(self, errand: Errand, members: dict[str, Piece]) -> dict[str, Piece]:
        # Legacy results have no such members.
        if errand.session is not None:
            return members
        scope = b'"private"' if self._calls.private else b'"public"'
        return {**members, "ttlMs": b"%d" % self.ttl, "cacheScope": scope}


def _instruct(members: dict[str, Piece], catalog: Catalog) -> None:
    if catalog.instructions:
        members["instructions"] = write.encode(catalog.instructions)


def _capabilities(catalog: Catalog) -> bytes:
    declared: dict[str, dict[str, bool]] = {
        name: dict(flags) for feature, name, flags in _CAPABILITIES if feature in catalog.features
    }
    if Feature.SUBSCRIBE in catalog.features:
        declared.setdefault("resources", {})["subscribe"] = True
    return write.encode(declared)
