# -*- test-case-name: tests.workers.test_lists -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a worker lists: its tools, prompts, resources and templates, page by page.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import cast

from attrs import define, evolve, field, frozen
from msgspec import Raw
from twisted.internet.defer import Deferred, FirstError, gatherResults
from twisted.internet.interfaces import IReactorTime

from mcpd.wire import codec, write
from mcpd.wire.fault import Kind
from mcpd.wire.message import Members, Refusal
from mcpd.wire.offer import Feature, Item, Offer, Sort, Template, Tool, Unusable, read
from mcpd.workers.peer import Patience, Peer
from mcpd.workers.speech import Params

_PAGES = 100
_ITEMS = 10_000
_SENTENCES = 100

NOUNS = {
    Sort.TOOLS: "tool",
    Sort.PROMPTS: "prompt",
    Sort.RESOURCES: "resource",
    Sort.TEMPLATES: "resource template",
}
"""What an operator calls one item of each sort."""


class NotListed(Exception):
    """
    A worker refused to list what it said that it has; its text says how.
    """


@frozen(eq=False)
class Listed:
    """
    One list as it was read.

    Attributes:
        items: What can be served, in the plugin's own order.
        left_out: A sentence for each thing that is not served.
    """

    items: tuple[Item, ...] = ()
    left_out: tuple[str, ...] = ()

    def differs(self, other: Listed) -> bool:
        """
        Say whether the other has different definitions, or another order.
        """
        mine, others = ([item.definition for item in each.items] for each in (self, other))
        return mine != others


@define(eq=False)
class Lists:
    """
    The lists of one worker.
    """

    _clock: IReactorTime
    _peer: Peer
    _patience: float
    _listed: dict[Sort, Listed] = field(init=False, factory=dict)

    def __len__(self) -> int:
        return sum(len(listed.items) for listed in self._listed.values())

    async def begin(self, features: Collection[Feature]) -> None:
        """
        Read every list that the worker has, all at the same time.

        Raises:
            NotListed: It refused to list its tools.
            Fault: It is gone, or took too long.
        """
        sorts = [sort for sort in Sort if sort.feature in features]
        reading = [Deferred.fromCoroutine(self._first(sort)) for sort in sorts]
        try:
            listed = await gatherResults(reading, consumeErrors=True)
        except FirstError as error:
            error.subFailure.raiseException()
        self._listed = dict(zip(sorts, listed, strict=True))

    async def again(self, sort: Sort) -> bool:
        """
        Read one list anew; if it can't be read, the old one stays.

        Returns:
            Whether it is another one now.

        Raises:
            NotListed: The worker refused.
            Fault: It is gone, or took too long.
        """
        listed = await self._drain(sort)
        differs = listed.differs(self._listed.get(sort, Listed()))
        if differs:
            self._listed[sort] = listed
        return differs

    def fill(self, offer: Offer) -> Offer:
        """
        Put the lists into an offer.
        """
        return evolve(
            offer,
            tools=cast("tuple[Tool, ...]", self._items(Sort.TOOLS)),
            prompts=self._items(Sort.PROMPTS),
            resources=self._items(Sort.RESOURCES),
            templates=cast("tuple[Template, ...]", self._items(Sort.TEMPLATES)),
            left_out=tuple(
                why for sort in Sort if sort in self._listed for why in self._listed[sort].left_out
            ),
        )

    def _items(self, sort: Sort) -> tuple[Item, ...]:
        listed = self._listed.get(sort)
        return listed.items if listed is not None else ()

    async def _first(self, sort: Sort) -> Listed:
        try:
            return await self._drain(sort)
        except NotListed as error:
            # Without its tools hardly a plugin is of use; the rest may be missing.
            if sort is Sort.TOOLS:
                raise
            return Listed(left_out=(f"its {NOUNS[sort]}s, since {error}",))

    async def _drain(self, sort: Sort) -> Listed:
        due = self._clock.seconds() + self._patience
        harvest = _Harvest(NOUNS[sort], sort)
        cursors: set[str] = set()
        cursor: str | None = None
        # Bounded: a plugin may have pages without end.
        for _ in range(_PAGES):
            page = await self._page(sort, cursor, due)
            harvest.gather(codec.pieces(page.get(sort.member, Raw())) or ())
            raw = page.get("nextCursor")
            cursor = codec.text(raw) if raw is not None else None
            if cursor is None or cursor in cursors or harvest.full:
                break
            cursors.add(cursor)
        if cursor is not None and not harvest.full:
            harvest.leave_out(f"pages of {NOUNS[sort]}s beyond the first, since they do not end")
        return harvest.listed(more=cursor is not None)

    async def _page(self, sort: Sort, cursor: str | None, due: float) -> Members:
        params: Params = () if cursor is None else (("cursor", write.encode(cursor)),)
        left = max(due - self._clock.seconds(), 0)
        said = await self._peer.request(sort.method.encode(), params, Patience(left, left))
        if not isinstance(said, Refusal):
            return said.result
        if said.code == Kind.UNKNOWN_METHOD.code:
            # Declared for what stands beside it: resources without templates.
            return {}
        raise NotListed(f"it refused {sort.method} with error {said.code}")


@define(eq=False)
class _Harvest:
    """
    What was read of one list so far.
    """

    _noun: str
    _sort: Sort
    _items: dict[str, Item] = field(init=False, factory=dict)
    _first: list[str] = field(init=False, factory=list)
    _more: int = field(init=False, default=0)
    _beyond: int = field(init=False, default=0)

    @property
    def full(self) -> bool:
        return len(self._items) >= _ITEMS

    def gather(self, pieces: Collection[Raw]) -> None:
        for piece in pieces:
            # Bounded: a page may be as long as a line.
            if self.full:
                self._beyond += 1
            else:
                self._add(piece)

    def _add(self, piece: Raw) -> None:
        try:
            found = read(self._sort, piece)
        except Unusable as unusable:
            self.leave_out(str(unusable))
            return
        if found.item.name in self._items:
            self.leave_out(f"a second {self._noun} named {found.item.name}")
            return
        self._items[found.item.name] = found.item
        for wrong in found.wrong:
            self.leave_out(wrong)

    def leave_out(self, why: str) -> None:
        # Bounded: a plugin may list any number of things that are none.
        if len(self._first) < _SENTENCES:
            self._first.append(why)
        else:
            self._more += 1

    def listed(self, *, more: bool) -> Listed:
        if self._beyond or (more and self.full):
            self.leave_out(f"{self._noun}s beyond the first {_ITEMS}")
        told = (*self._first, f"{self._more} more") if self._more else tuple(self._first)
        return Listed(tuple(self._items.values()), told)
