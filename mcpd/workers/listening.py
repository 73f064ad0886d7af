# -*- test-case-name: tests.workers.test_listening -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How a modern worker is made to tell what changes: one listen for everything.

A listen can't be changed, so another is opened when other resources are
watched, and the old one is ended once the worker has acknowledged the new one:
nothing is missed in between (MCP 2026-07-28, "Subscriptions").
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, evolve, field, frozen
from msgspec import Raw
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.wire import codec, write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Notice, Refusal
from mcpd.workers.peer import Peer
from mcpd.workers.subscribing import untold

_FIRST_PAUSE = 1.0
_LONGEST_PAUSE = 60.0
_ID = "io.modelcontextprotocol/subscriptionId"

Watching = Deferred[Answer | Refusal]


@frozen(eq=False)
class _Stream:
    """
    One listen.

    Attributes:
        number: Its request's number.
        uris: The resources that it was opened for.
        since: When it was opened.
        honoured: Those of which the worker agreed to tell.
    """

    number: bytes
    uris: frozenset[str]
    since: float
    honoured: frozenset[str] = frozenset()


@define(eq=False)
class Listening:
    """
    What one modern worker is asked to tell (:class:`mcpd.workers.subscribing.Subscription`).

    Attributes:
        missed: Called when the worker tells its changes again after a time in
            which it did not.
    """

    _clock: IReactorTime
    _peer: Peer
    _lists: tuple[str, ...]
    _patience: float
    missed: Callable[[], None]
    _wanted: dict[str, Watching | None] = field(init=False, factory=dict)
    _newest: _Stream | None = field(init=False, default=None)
    _current: _Stream | None = field(init=False, default=None)
    _opening: IDelayedCall | None = field(init=False, default=None)
    _expiring: IDelayedCall | None = field(init=False, default=None)
    _pause: float = field(init=False, default=_FIRST_PAUSE)
    _interrupted: bool = field(init=False, default=False)
    _deaf: bool = field(init=False, default=False)

    def begin(self) -> None:
        """
        Have it tell which of its lists change.
        """
        self._open()

    def watch(self, uri: str) -> Watching:
        """
        Have it tell when a resource changes, too.
        """
        if self._deaf:
            return fail(untold())
        if self._current is not None and uri in self._current.honoured:
            self._wanted[uri] = None
            return succeed(Answer(b"", {}))
        watching: Watching = Deferred()
        self._wanted[uri] = watching
        self._soon()
        return watching

    def unwatch(self, uri: str) -> None:
        """
        Have it tell that no longer.
        """
        self._wanted.pop(uri, None)
        self._soon()

    def owns(self, notice: Notice) -> bool:
        """
        Say whether a notice carries the number of the listen.
        """
        return self._current is not None and _subscription(notice) == self._current.number

    def acknowledged(self, notice: Notice) -> bool:
        """
        Hear what it agrees to tell, and let go of the listen before.
        """
        newest = self._newest
        if newest is None or _subscription(notice) != newest.number:
            return False
        self._settle()
        if self._current is not None:
            self._peer.close(self._current.number)
        honoured = newest.uris & _honoured(notice)
        refused = {uri for uri in newest.uris - honoured if self._wanted.get(uri) is not None}
        self._current = evolve(newest, uris=newest.uris - refused, honoured=honoured)
        for uri in newest.uris:
            self._answer(uri, Answer(b"", {}) if uri in honoured else untold())
        if self._interrupted:
            self._interrupted = False
            self.missed()
        if self._current.uris != self._wanted.keys():
            self._soon()
        return True

    def end(self, fault: Fault) -> None:
        """
        End: the worker is gone.
        """
        self._settle()
        if self._opening is not None:
            self._opening.cancel()
        self._deaf = True
        self._fail_all(fault)

    def _soon(self, seconds: float = 0) -> None:
        # What changes in one turn is said at once.
        if self._opening is None and not self._deaf:
            self._opening = self._clock.callLater(seconds, self._open)

    def _open(self) -> None:
        self._opening = None
        uris = frozenset(self._wanted)
        if self._newest is not None or (self._current is not None and self._current.uris == uris):
            return
        if uris or self._lists:
            told: dict[str, object] = dict.fromkeys(self._lists, True)
            if uris:
                told["resourceSubscriptions"] = sorted(uris)
            params = {"notifications": write.encode(told)}
            number = self._peer.open(b"subscriptions/listen", params, self._ended)
            self._newest = _Stream(number, uris, self._clock.seconds())
            self._expiring = self._clock.callLater(self._patience, self._expire, number)
        elif self._current is not None:
            self._peer.close(self._current.number)
            self._current = None

    def _expire(self, number: bytes) -> None:
        self._peer.close(number)
        self._ended(number, None)

    def _settle(self) -> None:
        # Whatever becomes of the newest one, it is no longer waited for.
        expiring, self._expiring = self._expiring, None
        if expiring is not None and expiring.active():
            expiring.cancel()
        self._newest = None

    def _ended(self, number: bytes, outcome: Answer | Refusal | None) -> None:
        newest = self._newest
        if newest is not None and newest.number == number:
            self._settle()
            self._not_opened(newest, outcome)
        else:
            self._lost()
        if self._current is None or self._current.uris != self._wanted.keys():
            self._soon(self._pause)
            self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _lost(self) -> None:
        current, self._current = self._current, None
        if current is not None and self._clock.seconds() - current.since > _LONGEST_PAUSE:
            self._pause = _FIRST_PAUSE
        self._interrupted = True

    def _not_opened(self, newest: _Stream, outcome: Answer | Refusal | None) -> None:
        if isinstance(outcome, Refusal) and outcome.code == Kind.UNKNOWN_METHOD.code:
            self._deaf = True
            self._fail_all(untold())
            return
        gone = Fault(Kind.PLUGIN_UNAVAILABLE, "the plugin did not begin to tell when this resource changes")
        for uri in newest.uris:
            self._answer(uri, outcome if isinstance(outcome, Refusal) else gone)
        self._interrupted = self._interrupted or self._current is None

    def _answer(self, uri: str, outcome: Answer | Refusal | Fault) -> None:
        watching = self._wanted.get(uri)
        if watching is None:
            return
        if isinstance(outcome, Answer):
            self._wanted[uri] = None
        else:
            del self._wanted[uri]
        watching.callback(outcome) if not isinstance(outcome, Fault) else watching.errback(outcome)

    def _fail_all(self, fault: Fault) -> None:
        for uri in tuple(self._wanted):
            self._answer(uri, fault)


def _subscription(notice: Notice) -> bytes:
    meta = codec.members(notice.params.get("_meta", Raw())) or {}
    # Some keep the numbers of their subscriptions as text.
    return bytes(meta.get(_ID, b"")).strip(b'"')


def _honoured(notice: Notice) -> frozenset[str]:
    agreed = codec.members(notice.params.get("notifications", Raw())) or {}
    uris = codec.pieces(agreed.get("resourceSubscriptions", Raw())) or ()
    return frozenset(uri for uri in map(codec.text, uris) if uri is not None)
