# -*- test-case-name: tests.relay.test_listing -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One list of a catalog, page by page, as clients of each revision know it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from hashlib import sha256
from itertools import islice

from attrs import field, frozen

from mcpd.wire import write
from mcpd.wire.message import Members, Piece
from mcpd.wire.offer import Item, Sort, Tool
from mcpd.wire.revision import Era, Revision

_WRAP_START, _WRAP_END = b'{"type":"object","properties":{"result":', b'},"required":["result"]}'
# Bounded: what a cursor has to hold of a key.
_LONGEST_MARK = 128


@frozen
class Page:
    """
    One page of a list.

    Attributes:
        listed: The items, as a JSON array.
        last: A mark of the last item, which :meth:`Listing.start` knows again:
            its key, or a hash if that is long; empty if there is no item.
        next: How many items stand before the next page; None if there is none.
    """

    listed: bytes
    last: str
    next: int | None


@frozen(eq=False)
class Listing:
    """
    One list.

    Attributes:
        items: By public name, URI or template, in the order of the list.
    """

    _sort: Sort
    items: Mapping[str, Item]
    _size: int
    _pages: dict[tuple[str, int], Page] = field(init=False, factory=dict)

    def page(self, revision: Revision, start: int) -> Page:
        """
        Give a page, as a client of ``revision`` knows it.

        Args:
            revision: The client's.
            start: How many items stand before the page.
        """
        start = min(start, len(self.items))
        page = self._pages.get((revision.name, start))
        if page is None:
            page = self._make(revision, start)
            # Bounded: a changed list has clients go on anywhere, and keeping
            # those pages would keep each item as often as a page has items.
            if start % self._size == 0:
                self._pages[revision.name, start] = page
        return page

    def start(self, last: str, index: int) -> int:
        """
        Tell where the page after another one begins.

        Args:
            last: The mark of the last item of that one (:class:`Page`).
            index: Where it begins if that item is gone.
        """
        return self._behind.get(last, min(index, len(self.items)))

    @cached_property
    def digest(self) -> bytes:
        """
        Sixteen bytes that differ for lists that differ for any client.
        """
        digest = sha256()
        for key, item in self.items.items():
            digest.update(_text({**item.definition, self._sort.key: write.encode(key)}))
        return digest.digest()[:16]

    @cached_property
    def _behind(self) -> dict[str, int]:
        return {_mark(key): number for number, key in enumerate(self.items, 1)}

    def _make(self, revision: Revision, start: int) -> Page:
        some = list(islice(self.items.items(), start, start + self._size))
        unknown = _unknown_members(self._sort, revision)
        wraps = revision.era is Era.LEGACY
        listed = b"[%b]" % b",".join(
            _text(_fitted(self._sort, key, item, unknown, wraps)) for key, item in some
        )
        end = start + len(some)
        return Page(listed, _mark(some[-1][0]) if some else "", end if end < len(self.items) else None)


def _unknown_members(sort: Sort, revision: Revision) -> frozenset[str]:
    known = {"icons": revision.icons}
    if sort is Sort.TOOLS:
        # Those of resources are as old as the protocol.
        known |= {"annotations": revision.annotations, "execution": revision.execution}
    return frozenset(name for name, has in known.items() if not has)


def _fitted(
    sort: Sort, key: str, item: Item, unknown: frozenset[str], wraps: bool
) -> Members | dict[str, Piece]:
    definition = item.definition
    renamed, wrapped = key != item.name, wraps and isinstance(item, Tool) and item.wrapped
    if not (renamed or wrapped) and unknown.isdisjoint(definition):
        return definition
    members: dict[str, Piece] = {name: value for name, value in definition.items() if name not in unknown}
    if renamed:
        members[sort.key] = write.encode(key)
    if wrapped:
        members["outputSchema"] = b"".join((_WRAP_START, definition["outputSchema"], _WRAP_END))
    return members


def _text(members: Members | dict[str, Piece]) -> bytes:
    out: list[Piece] = []
    write.put(out, members)
    return b"".join(out)


def _mark(key: str) -> str:
    return key if len(key) <= _LONGEST_MARK else sha256(key.encode()).hexdigest()
