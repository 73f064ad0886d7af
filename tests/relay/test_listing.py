# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.listing`.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.listing import Listing
from mcpd.wire.offer import Item, Sort
from mcpd.wire.revision import MODERN, NEWEST_LEGACY, REVISIONS, Revision
from tests.relay.goods import prompt, resource, template, tool

ICONS = [{"src": "https://example.org/i.png"}]


def listing(sort: Sort, *items: Item, size: int = 1000) -> Listing:
    """
    Make a list of things under their own names.
    """
    return Listing(sort, {item.name: item for item in items}, size)


def read(listing: Listing, revision: Revision = MODERN, start: int = 0) -> Any:
    """
    Read a page as a client does.
    """
    return json.loads(listing.page(revision, start).listed)


class DefinitionTests(SynchronousTestCase):
    """
    Tests for what a client is told of each thing.
    """

    def test_nothing(self) -> None:
        """
        An empty list is one page with nothing on it.
        """
        page = listing(Sort.PROMPTS).page(MODERN, 0)
        self.assertEqual((page.listed, page.last, page.next), (b"[]", "", None))

    def test_public(self) -> None:
        """
        A thing is listed under its public name, in the place and with all else that its plugin gave it.
        """
        item = prompt("own", title="T", arguments=[{"name": "x"}])
        (listed,) = read(Listing(Sort.PROMPTS, {"a__own": item}, 10))
        self.assertEqual(listed, {"name": "a__own", "title": "T", "arguments": [{"name": "x"}]})
        self.assertEqual(list(listed), ["name", "title", "arguments"])

    def test_own(self) -> None:
        """
        Under its own name a thing is listed byte by byte as its plugin wrote it.
        """
        definition = {"uri": Raw(b'"file:\\/\\/\\/x"'), "size": Raw(b"1.50e1"), "name": Raw(b'"\\u0078"')}
        page = listing(Sort.RESOURCES, Item("file:///x", definition)).page(MODERN, 0)
        self.assertEqual(page.listed, b'[{"uri":"file:\\/\\/\\/x","size":1.50e1,"name":"\\u0078"}]')

    def test_tools(self) -> None:
        """
        A client is given of a tool what its revision knows, and members nobody knows untouched.
        """
        item = tool(
            title="T",
            annotations={"readOnlyHint": True},
            icons=ICONS,
            execution={"taskSupport": "optional"},
            _meta={"example.org/x": 1},
            whatever=Raw(b"[1.50]"),
        )
        always = {"name", "inputSchema", "title", "_meta", "whatever"}
        for name, more in {
            "2024-11-05": set(),
            "2025-03-26": {"annotations"},
            "2025-06-18": {"annotations"},
            "2025-11-25": {"annotations", "icons", "execution"},
            "2026-07-28": {"annotations", "icons"},
        }.items():
            (listed,) = read(listing(Sort.TOOLS, item), REVISIONS[name])
            self.assertEqual(set(listed), always | more, name)
        self.assertIn(b'"whatever":[1.50]', listing(Sort.TOOLS, item).page(MODERN, 0).listed)

    def test_icons(self) -> None:
        """
        Icons are for clients who know them, whatever the thing is; annotations of resources are for all.
        """
        rest: dict[str, Any] = {"icons": ICONS, "annotations": {"priority": 1}, "execution": {}}
        for sort, item in (
            (Sort.PROMPTS, prompt("x", **rest)),
            (Sort.RESOURCES, resource("x://1", **rest)),
            (Sort.TEMPLATES, template("x://{id}", **rest)),
        ):
            for name, revision in REVISIONS.items():
                (listed,) = read(listing(sort, item), revision)
                self.assertEqual("icons" in listed, name >= "2025-11-25", name)
                self.assertEqual(set(listed) - {"icons"}, set(item.definition) - {"icons"}, name)

    def test_wrapped_schema(self) -> None:
        """
        An output schema that is no object's is put into an object for legacy clients, and only for them.
        """
        schema = {"type": "array", "items": {"type": "integer"}}
        tools = listing(Sort.TOOLS, tool(wrapped=True, outputSchema=schema))
        (legacy,), (modern,) = read(tools, NEWEST_LEGACY), read(tools)
        wrapped = {"type": "object", "properties": {"result": schema}, "required": ["result"]}
        self.assertEqual(legacy["outputSchema"], wrapped)
        self.assertEqual(modern["outputSchema"], schema)


class PageTests(SynchronousTestCase):
    """
    Tests for lists that are longer than a page.
    """

    def setUp(self) -> None:
        """
        Make a list of five prompts, two on a page.
        """
        self.names = ["a", "b", "c", "d", "e"]
        self.listing = listing(Sort.PROMPTS, *map(prompt, self.names), size=2)

    def walk(self, listing: Listing, start: int = 0) -> list[list[str]]:
        """
        Go through a list page by page.
        """
        pages = []
        while True:
            page = listing.page(MODERN, start)
            pages.append([item["name"] for item in json.loads(page.listed)])
            if page.next is None:
                return pages
            start = listing.start(page.last, page.next)

    def test_walk(self) -> None:
        """
        A client that goes from page to page sees each thing once, in order.
        """
        self.assertEqual(self.walk(self.listing), [["a", "b"], ["c", "d"], ["e"]])

    def test_exact(self) -> None:
        """
        A list that fills its pages exactly does not end with an empty one.
        """
        self.assertEqual(
            self.walk(listing(Sort.PROMPTS, *map(prompt, "abcd"), size=2)), [["a", "b"], ["c", "d"]]
        )
        self.assertEqual(self.walk(listing(Sort.PROMPTS, prompt("a"), prompt("b"), size=2)), [["a", "b"]])

    def test_moved(self) -> None:
        """
        A client that goes on when things came or went before its place misses nothing and sees nothing twice.
        """
        first = self.listing.page(MODERN, 0)
        assert first.next is not None
        more = listing(Sort.PROMPTS, *map(prompt, "xyabcde"), size=2)
        self.assertEqual(self.walk(more, more.start(first.last, first.next)), [["c", "d"], ["e"]])
        less = listing(Sort.PROMPTS, *map(prompt, "bcde"), size=2)
        self.assertEqual(self.walk(less, less.start(first.last, first.next)), [["c", "d"], ["e"]])

    def test_gone(self) -> None:
        """
        A client whose last thing is gone goes on as far down as it was, or is at the end.
        """
        less = listing(Sort.PROMPTS, *map(prompt, "acde"), size=2)
        self.assertEqual(less.start("b", 2), 2)
        self.assertEqual(less.start("zzz", 5), 4)
        self.assertEqual(self.walk(less, less.start("zzz", 5)), [[]])

    def test_long_names(self) -> None:
        """
        The place of a thing with a very long name is told in few letters, and found again.
        """
        uris = [f"x://{'y' * 2000}/{number}" for number in range(3)]
        resources = listing(Sort.RESOURCES, *map(resource, uris), size=2)
        page = resources.page(MODERN, 0)
        self.assertLess(len(page.last), 129)
        self.assertEqual(resources.start(page.last, 0), 2)

    def test_beyond(self) -> None:
        """
        A page beyond the end is an empty one.
        """
        page = self.listing.page(MODERN, 10**9)
        self.assertEqual((page.listed, page.last, page.next), (b"[]", "", None))

    def test_kept(self) -> None:
        """
        A page is put together once for all clients of a revision; one that begins in the middle is not kept.
        """
        self.assertIs(self.listing.page(MODERN, 2), self.listing.page(MODERN, 2))
        self.assertIsNot(self.listing.page(MODERN, 2), self.listing.page(NEWEST_LEGACY, 2))
        self.assertIsNot(self.listing.page(MODERN, 1), self.listing.page(MODERN, 1))
        self.assertEqual(read(self.listing, start=1), [{"name": "b"}, {"name": "c"}])


class DigestTests(SynchronousTestCase):
    """
    Tests for telling lists apart.
    """

    def test_same(self) -> None:
        """
        The same list is known again after a restart.
        """
        one = listing(Sort.TOOLS, tool("a"), tool("b"))
        self.assertEqual(one.digest, listing(Sort.TOOLS, tool("a"), tool("b")).digest)
        self.assertEqual(len(one.digest), 16)

    def test_differs(self) -> None:
        """
        A list is another one if anything differs that some client sees: a name, the order, any member.
        """
        lists = (
            Listing(Sort.TOOLS, {}, 10),
            Listing(Sort.TOOLS, {"a": tool("a")}, 10),
            Listing(Sort.TOOLS, {"p__a": tool("a")}, 10),
            Listing(Sort.TOOLS, {"a": tool("a", execution={"taskSupport": "optional"})}, 10),
            Listing(Sort.TOOLS, {"a": tool("a", description="x")}, 10),
            Listing(Sort.TOOLS, {"a": tool("a", description="y")}, 10),
            Listing(Sort.TOOLS, {"a": tool("a"), "b": tool("b")}, 10),
            Listing(Sort.TOOLS, {"b": tool("b"), "a": tool("a")}, 10),
        )
        self.assertEqual(len({one.digest for one in lists}), len(lists))
