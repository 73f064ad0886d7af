# -*- test-case-name: tests.workers.test_notices -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a worker tells that belongs to no call: its lists, its resources, its log.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define, field
from msgspec import Raw
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from mcpd.wire import codec
from mcpd.wire.fault import Fault
from mcpd.wire.message import Answer, Notice, Refusal
from mcpd.wire.offer import Feature, Offer, Sort
from mcpd.wire.revision import Era
from mcpd.workers.known import Known
from mcpd.workers.listening import Listening
from mcpd.workers.lists import Lists
from mcpd.workers.peer import Patience, Peer
from mcpd.workers.refresh import Refresh
from mcpd.workers.subscribing import Subscribing, Subscription

_FLAGS = {
    Feature.TOOLS: "toolsListChanged",
    Feature.PROMPTS: "promptsListChanged",
    Feature.RESOURCES: "resourcesListChanged",
}


class Witness(Protocol):
    """
    Who wants to know what a worker tells.
    """

    def offered(self, offer: Offer, sorts: tuple[Sort, ...]) -> None:
        """
        Hear that some of its lists are others now.
        """

    def stale(self, sort: Sort, why: str) -> None:
        """
        Hear that one of its lists should be another, and could not be read.
        """

    def touched(self, uri: str) -> bool:
        """
        Hear that a resource has changed; say whether anyone waited for that.
        """

    def logged(self, line: bytes) -> None:
        """
        Hear a log message that is for no client.
        """


@define(eq=False)
class Notices:
    """
    Hears one worker.
    """

    _clock: IReactorTime
    _peer: Peer
    _lists: Lists
    _patience: float
    _witness: Witness
    _refresh: Refresh = field(init=False)
    _subscription: Subscription = field(init=False)
    _features: frozenset[Feature] = field(init=False, default=frozenset())
    _telling: frozenset[Feature] = field(init=False, default=frozenset())
    _offer: Offer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._refresh = Refresh(self._clock, self._lists, self._changed, self._witness.stale)
        self._subscription = Subscribing(self._peer, Patience(self._patience, self._patience))

    def introduce(self, known: Known) -> None:
        """
        Hear what the worker is, before its lists are read: so no change of them is missed.
        """
        self._features, self._telling = known.features, known.telling
        if known.revision.era is Era.MODERN:
            flags = tuple(flag for feature, flag in _FLAGS.items() if feature in known.telling)
            listening = Listening(self._clock, self._peer, flags, self._patience, self._missed)
            self._subscription = listening
            listening.begin()

    def begin(self, offer: Offer) -> None:
        """
        Hear that the lists have been read.
        """
        self._offer = offer
        self._refresh.begin()

    def end(self, fault: Fault) -> None:
        """
        End: the worker is gone.
        """
        self._refresh.end()
        self._subscription.end(fault)

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Have the worker tell when a resource changes (:class:`mcpd.workers.watches.Teller`).
        """
        return self._subscription.watch(uri)

    def unwatch(self, uri: str) -> None:
        """
        Have it tell that no longer.
        """
        self._subscription.unwatch(uri)

    def hear(self, notice: Notice) -> bool:
        """
        Hear a notice that belongs to no call.

        Returns:
            Whether somebody waited for it.
        """
        match notice.method:
            case "notifications/message":
                self._witness.logged(_line(notice))
                return False
            case "notifications/subscriptions/acknowledged":
                return self._subscription.acknowledged(notice)
            case "notifications/resources/updated":
                uri = codec.text(notice.params.get("uri", Raw()))
                return uri is not None and self._subscription.owns(notice) and self._witness.touched(uri)
        sorts = [sort for sort in Sort if sort.notice == notice.method and sort.feature in self._features]
        heard = bool(sorts) and self._subscription.owns(notice)
        if heard:
            self._refresh.want(sorts)
        return heard

    def _missed(self) -> None:
        self._refresh.want(sort for sort in Sort if sort.feature in self._telling)

    def _changed(self, sorts: tuple[Sort, ...]) -> None:
        self._offer = self._lists.fill(self._offer)
        self._witness.offered(self._offer, sorts)


def _line(notice: Notice) -> bytes:
    level, logger = (codec.text(notice.params.get(name, Raw())) for name in ("level", "logger"))
    data = notice.params.get("data", Raw())
    text = codec.text(data)
    about = " ".join(filter(None, (level, logger)))
    said = bytes(data) if text is None else text.encode("utf-8", "backslashreplace")
    return about.encode("utf-8", "backslashreplace") + b": " + said
