# -*- test-case-name: tests.relay.test_links -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Which plugin has told of which resource.

A plugin may name resources in its results that it does not list (MCP, "Resource
Links"); whoever reads one later must come to that plugin.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from itertools import islice

from attrs import define, field

from mcpd.wire import codec
from mcpd.wire.call import Answerer
from mcpd.wire.message import Members

# Results of tools, of prompts and of reads.
_PLACES = ("content", "messages", "contents")
# A member, not a text about one: inside of a text each quote has a backslash.
# Bounded: nothing is tried twice, so each byte is looked at a few times at most.
_URI = re.compile(rb'"uri"[ \t]*+:[ \t]*+("(?:[^"\\]++|\\.){1,2048}+")')
_MOST = 100
# Bounded: characters of a URI.
_LONGEST = 2048


@define(eq=False)
class Links:
    """
    The URIs that plugins have told, the one that was longest not needed first.

    A URI stays with the plugin that told it first, so that no other can draw
    its readers away by telling it, too.
    """

    _limit: int
    _tellers: OrderedDict[str, Answerer] = field(init=False, factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._tellers)

    def limit(self, most: int) -> None:
        """
        Remember so many URIs from now on; where there are more, the first ones go.
        """
        self._limit = most
        while len(self._tellers) > most:
            self._tellers.popitem(last=False)

    def learn(self, answerer: Answerer, result: Members) -> None:
        """
        Look for links and embedded resources in a result, and remember the first hundred.

        It is searched but not decoded, since most results have none.

        Args:
            answerer: Whose result it is.
            result: Of any method.
        """
        for place in _PLACES:
            piece = result.get(place)
            # Looked at first, for to set out to find them all takes three times as long.
            if piece is not None and _URI.search(piece) is not None:
                for match in islice(_URI.finditer(piece), _MOST):
                    self._remember(match[1], answerer)

    def _remember(self, written: bytes, teller: Answerer) -> None:
        uri = codec.text(written)
        if uri is None or len(uri) > _LONGEST:
            return
        tellers = self._tellers
        tellers.setdefault(uri, teller)
        tellers.move_to_end(uri)
        if len(tellers) > self._limit:
            tellers.popitem(last=False)

    def find(self, uri: str) -> Answerer | None:
        """
        Tell who told of a resource; None if nobody has, or it was long ago.
        """
        answerer = self._tellers.get(uri)
        if answerer is not None:
            self._tellers.move_to_end(uri)
        return answerer

    def forget(self, answerer: Answerer) -> None:
        """
        Forget what a plugin has told.
        """
        for uri in [uri for uri, teller in self._tellers.items() if teller is answerer]:
            del self._tellers[uri]
