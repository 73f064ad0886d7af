# -*- test-case-name: tests.workers.test_shown -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a plugin shows of itself, whichever of its workers tells it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from mcpd.events import (
    DefinitionLeftOut,
    OfferChanged,
    Publisher,
    RefreshFailed,
    WorkerNoise,
    WorkerSaid,
    WorkerSilenced,
)
from mcpd.wire.offer import Offer, Sort
from mcpd.workers.lists import NOUNS
from mcpd.workers.said import printable
from mcpd.workers.updates import Updates
from mcpd.workers.watches import Watches

_SHOWN = 200


def _nobody(uri: str) -> None:
    return


@define(eq=False)
class Shown:
    """
    The offer of a plugin, and what its workers tell (:class:`mcpd.workers.channel.Witness`).

    Attributes:
        changed: Called when there is another offer.
        updated: Called with each resource that has changed and is watched, or
            lies below one that is.
        offer: What the plugin has; None before it was ever ready.
        watches: The resources that are watched.
        last_words: The last line of a standard error; empty if there was none.
    """

    _plugin: str
    _clock: IReactorTime
    _publisher: Publisher
    changed: Callable[[], None]
    updated: Callable[[str], None] = field(init=False, default=_nobody)
    offer: Offer | None = field(init=False, default=None)
    watches: Watches = field(init=False, factory=Watches)
    last_words: str = field(init=False, default="")
    _greeted: Offer | None = field(init=False, default=None)
    _updates: Updates = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._updates = Updates(self._clock, self._tell_updated)

    def end(self) -> None:
        """
        Tell nothing more of resources.
        """
        self._updates.end()

    def greet(self, offer: Offer, *, alone: bool) -> None:
        """
        Take what a worker has that has become ready.

        Args:
            offer: What it has.
            alone: Whether no other worker is ready.
        """
        former, self._greeted = self._greeted, offer
        # The same as the last one had at first is no news: another worker may
        # have told changes since.
        if not alone and former is not None and former.equals(offer):
            return
        same = self.offer is not None and self.offer.equals(offer)
        self._tell_left_out(offer)
        self.offer = offer
        if not same:
            self.changed()

    def offered(self, offer: Offer, sorts: tuple[Sort, ...]) -> None:
        """
        Take what a worker has now.
        """
        self._tell_left_out(offer)
        self.offer = offer
        lists = ", ".join(f"{NOUNS[sort]}s" for sort in sorts)
        self._publisher.tell(OfferChanged(self._plugin, lists, *counts(offer)))
        self.changed()

    def stale(self, sort: Sort, why: str) -> None:
        """
        Tell that a list could not be read again.
        """
        self._publisher.tell(RefreshFailed(self._plugin, f"{NOUNS[sort]}s", why))

    def touched(self, uri: str) -> bool:
        """
        Tell that a resource has changed, if anyone watches it.
        """
        return self.watches.covers(uri) and self._updates.add(uri)

    def said(self, pid: int, line: str) -> None:
        """
        Tell what a worker wrote to its standard error.
        """
        self.last_words = line
        self._publisher.tell(WorkerSaid(self._plugin, pid, line))

    def silenced(self, pid: int, dropped: int) -> None:
        """
        Tell that a worker wrote too much.
        """
        self._publisher.tell(WorkerSilenced(self._plugin, pid, dropped))

    def noise(self, pid: int, line: bytes, why: str) -> None:
        """
        Tell what a worker wrote that is no message.
        """
        self._publisher.tell(WorkerNoise(self._plugin, pid, why, printable(line, _SHOWN)))

    def _tell_updated(self, uri: str) -> None:
        self.updated(uri)

    def _tell_left_out(self, offer: Offer) -> None:
        known: Iterable[str] = self.offer.left_out if self.offer is not None else ()
        for why in offer.left_out:
            if why not in known:
                self._publisher.tell(DefinitionLeftOut(self._plugin, why))


def counts(offer: Offer | None) -> tuple[int, int, int]:
    """
    Count the tools, the prompts, and the resources with templates.
    """
    if offer is None:
        return 0, 0, 0
    return len(offer.tools), len(offer.prompts), len(offer.resources) + len(offer.templates)
