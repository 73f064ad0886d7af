# -*- test-case-name: tests.relay.test_subscriptions -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients that want to hear of changes, and how they do.

A modern client opens a stream for it, a legacy one subscribes in its session;
what changes at a plugin is told to both, whatever era the plugin is of.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, fail
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mcpd.events import Incident, Publisher
from mcpd.relay.crier import Crier
from mcpd.relay.listening import Listening, read_wanted
from mcpd.relay.watches import Index, Watches
from mcpd.relay.way import Way
from mcpd.wire import write
from mcpd.wire.call import Answerer
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Piece, Refusal, Request
from mcpd.wire.offer import Feature, Sort

MOST_URIS = 100
"""Most resources that one stream, or one session, may watch."""

PATIENCE = 1.0
"""Seconds that plugins have to agree before a stream is acknowledged."""

_UPDATED = b"notifications/resources/updated"


class Bounds(Protocol):
    """
    What of the limits concerns streams and subscriptions.
    """

    @property
    def streams_per_principal(self) -> int: ...  # noqa: D102  mcpd.web.spec.Limits describes these

    @property
    def uri(self) -> int: ...  # noqa: D102


class Session(Protocol):
    """
    A legacy client's session, as far as it is told of changes.
    """

    def tell(self, parts: Sequence[Piece]) -> None:
        """
        Hear a message that belongs to no request; one that is over drops it.

        Args:
            parts: The message, to be joined.
        """


@define(eq=False)
class Subscriptions:
    """
    Everybody who wants to hear of changes.

    A session is known here while it watches something: whoever ends one calls
    :meth:`forget`.
    """

    _clock: IReactorTime
    _bounds: Bounds
    _publisher: Publisher
    _counts: dict[str, int] = field(init=False, factory=dict)
    _streams: dict[Listening, None] = field(init=False, factory=dict)
    _lists: Index[tuple[bytes, str], Listening] = field(init=False, factory=Index)
    _listened: Watches[Listening] = field(init=False, factory=Watches)
    _subscribed: Watches[Session] = field(init=False, factory=Watches)
    _to_sessions: Crier[Session] = field(init=False)
    _to_streams: Crier[Listening] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._to_sessions = Crier(self._clock, _tell)
        self._to_streams = Crier(self._clock, _tell_updated)

    def __len__(self) -> int:
        return len(self._streams)

    def limit(self, bounds: Bounds) -> None:
        """
        Judge by other bounds from now on; streams that are open stay.
        """
        self._bounds = bounds

    # How many streams a principal has open, whatever they are for.

    def enter(self, caller: str, spare: int = 0) -> bool:
        """
        Count a stream of a principal; False if it has too many, and this is not counted.

        Args:
            caller: The principal's name.
            spare: How many of its streams end as soon as this one begins.
        """
        count = self._counts.get(caller, 0)
        if count >= self._bounds.streams_per_principal + spare:
            return False
        self._counts[caller] = count + 1
        return True

    def leave(self, caller: str) -> None:
        """
        Count a stream of a principal no more: once for each that entered.
        """
        left = self._counts[caller] - 1
        if left:
            self._counts[caller] = left
        else:
            del self._counts[caller]

    # Modern clients.

    def listen(  # noqa: PLR0917  all that an errand knows of it
        self,
        request: Request,
        path: bytes,
        caller: str,
        way: Way,
        features: frozenset[Feature],
        find: Callable[[str], Answerer | None],
    ) -> None:
        """
        Open a stream, which lasts until its client hangs up or the daemon stops.

        Its first message says what it will be told of: of the lists that are
        there, and of the resources whose plugins agree within :data:`PATIENCE`.

        Args:
            request: What the client sent: ``subscriptions/listen``.
            path: The path that it came to.
            caller: The principal's name.
            way: The way back.
            features: What is to be had there.
            find: Tells whose a resource is.

        Raises:
            Fault: PARAMS, what it wants cannot be read; OVERLOADED, its
                principal has too many streams.
        """
        wanted = read_wanted(request.params, MOST_URIS, self._bounds.uri)
        owners = [(uri, find(uri)) for uri in wanted.uris]
        if not self.enter(caller):
            raise too_many_streams()
        lists = tuple(sort for sort in wanted.lists if sort.feature in features)
        listening = Listening(request.id, caller, path, lists, way)
        self._streams[listening] = None
        way.hung_up = partial(self._end, listening)
        listening.patience = self._clock.callLater(PATIENCE, self._acknowledge, listening)
        decisions = [
            self._listened.add(listening, uri, owner).addErrback(self._undecided, way.id)
            for uri, owner in owners
            if owner is not None
        ]
        DeferredList(decisions).addCallback(lambda _: self._acknowledge(listening))

    def close(self, caller: str | None = None) -> None:
        """
        End all streams by their results, or all of one principal.
        """
        for listening in tuple(self._streams):
            if caller not in (None, listening.caller):
                continue
            # Nothing may be said on a stream before.
            self._acknowledge(listening)
            self._end(listening)
            listening.finish()

    def _undecided(self, failure: Failure, number: str) -> None:
        # The acknowledgement says what there is; why the rest is not does not
        # concern the client, but nobody else would hear of what is unexpected.
        if not failure.check(Fault):
            self._publisher.tell(Incident(number, failure.getTraceback()))

    def _acknowledge(self, listening: Listening) -> None:
        if not self._stop_waiting(listening):
            return
        for sort in listening.lists:
            self._lists.add((listening.path, sort.notice), listening)
        listening.acknowledge(self._listened.settle(listening))

    def _stop_waiting(self, listening: Listening) -> bool:
        patience, listening.patience = listening.patience, None
        if patience is not None and patience.active():
            patience.cancel()
        return patience is not None

    def _end(self, listening: Listening) -> None:
        if listening not in self._streams:
            return
        del self._streams[listening]
        self._stop_waiting(listening)
        # Else each stream would leave a circle of objects to the garbage collector.
        listening.way.hung_up = None
        for sort in listening.lists:
            self._lists.drop((listening.path, sort.notice), listening)
        self._listened.drop_all(listening)
        self.leave(listening.caller)

    # Legacy clients.

    def subscribe(self, session: Session, uri: str, answerer: Answerer) -> Deferred[Answer | Refusal]:
        """
        Tell a session when a resource changes (MCP 2025-11-25, "Resources", subscriptions).

        Args:
            session: Who wants to hear of it.
            uri: The resource.
            answerer: Whose it is.

        Returns:
            Fires with an empty answer once the session will be told, at once
            if it is already; or with the plugin's refusal.  Fails with a Fault
            if the plugin could not be asked, or if the session watches too
            much.  Cancelling it does not unsubscribe.
        """
        watched = self._subscribed.of(session)
        if len(watched) >= MOST_URIS and uri not in watched:
            return fail(Fault(Kind.OVERLOADED, f"a session subscribes to at most {MOST_URIS} resources"))
        return self._subscribed.add(session, uri, answerer).addCallback(_emptied)

    def unsubscribe(self, session: Session, uri: str) -> None:
        """
        Tell a session no longer of a resource; it need not have subscribed.
        """
        self._subscribed.drop(session, uri)

    def forget(self, session: Session) -> None:
        """
        Tell a session of no resource any more: it has ended.
        """
        self._subscribed.drop_all(session)

    # What has changed.

    def changed(self, path: bytes, sorts: Collection[Sort], sessions: Iterable[Session]) -> None:
        """
        Tell that there are other lists at a path; they must be served already.

        Args:
            path: The path.
            sorts: The lists; resources and templates are one for clients.
            sessions: The legacy sessions at that path: all are told.
        """
        concerned = tuple(sessions)
        for method in dict.fromkeys(sort.notice for sort in sorts):
            for listening in self._lists.find((path, method)):
                listening.tell(method.encode())
            self._to_sessions.cry(path, write.notice(method.encode(), ()), concerned)

    def updated(self, answerer: Answerer, uri: str) -> None:
        """
        Tell whoever watches it that a resource of a plugin has changed.

        Args:
            answerer: The plugin.
            uri: The resource, or a part of one that is watched.
        """
        # In steps to both: a plugin may name a thousand resources at once, and
        # each of them may concern everybody.
        name = write.encode(uri)
        self._to_streams.cry(answerer, (name,), self._listened.find(answerer, uri))
        notice = write.notice(_UPDATED, (("uri", name),))
        self._to_sessions.cry(answerer, notice, self._subscribed.find(answerer, uri))


def too_many_streams() -> Fault:
    """
    Make the fault for a principal that has as many streams as it may have.
    """
    return Fault(Kind.OVERLOADED, "too many streams are open", headers=((b"Retry-After", b"1"),))


def _tell(session: Session, text: bytes) -> None:
    session.tell((text,))


def _tell_updated(listening: Listening, name: bytes) -> None:
    listening.tell(_UPDATED, (("uri", name),))


def _emptied(outcome: Answer | Refusal) -> Answer | Refusal:
    # What a plugin put there besides is none of the client's business (MCP
    # schema, EmptyResult).
    return Answer(outcome.id, {}) if isinstance(outcome, Answer) else outcome
