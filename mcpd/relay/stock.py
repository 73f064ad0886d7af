# -*- test-case-name: tests.relay.test_stock -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One plugin's offer on its way into a catalog.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from attrs import frozen

from mcpd.wire.call import Answerer
from mcpd.wire.offer import Feature, Item, Offer, Sort
from mcpd.wire.revision import MODERN
from mcpd.wire.template import UriTemplate

# A client asks once what there is, when it begins, and must be able to use
# what comes later.
_UNTOLD = Offer(MODERN, features=frozenset(Feature))
_MOST_PATTERNS = 200


@frozen(eq=False)
class Stock:
    """
    One plugin's offer, and how it is served.

    Attributes:
        plugin: The plugin's name.
        prefix: What stands before its names; empty: nothing.
        include: Patterns of own names of tools, one of which must match.
        exclude: Patterns of own names of tools, none of which may match.
        offer: What it has; None if it has not told yet.
        answerer: Who answers for it; can be hashed, and is equal to no other.
    """

    plugin: str
    prefix: str
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    offer: Offer | None
    answerer: Answerer

    @property
    def known(self) -> Offer:
        """
        What it has; as long as it has not told, nothing, but every feature.
        """
        return self.offer or _UNTOLD

    def items(self, sort: Sort) -> Iterator[Item]:
        """
        Give what is served of one of its lists.
        """
        items = self.known.items(sort)
        return filter(self._chooses, items) if sort is Sort.TOOLS else iter(items)

    def patterns(self) -> Iterator[UriTemplate]:
        """
        Give the templates that say which resources are its own; of very many, the first two hundred.
        """
        # Bounded: each of them is compared with what clients want to read.
        return (template.pattern for template in self.known.templates[:_MOST_PATTERNS])

    def _chooses(self, tool: Item) -> bool:
        name = tool.name
        wanted = any(fnmatchcase(name, pattern) for pattern in self.include)
        return wanted and not any(fnmatchcase(name, pattern) for pattern in self.exclude)
