# -*- test-case-name: tests.relay.test_catalog -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.catalog`.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.catalog import Catalog, Stock, wrap
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.offer import Offer
from mcpd.wire.revision import MODERN, NEWEST_LEGACY, REVISIONS, Revision
from tests.relay.stage import Plugin, members, tool


def stock(name: str, *tools: str, prefix: str | None = None, **rest: Any) -> Stock:
    """
    Make a plugin's offer of these tools.
    """
    offer = Offer(MODERN, tuple(tool(name=own) for own in tools), rest.get("instructions", ""))
    include, exclude = rest.get("include", ("*",)), rest.get("exclude", ())
    return Stock(name, name if prefix is None else prefix, include, exclude, offer, Plugin())


class CatalogTests(SynchronousTestCase):
    """
    Tests for what is served, and under which names.
    """

    def setUp(self) -> None:
        """
        Remember who went without a name.
        """
        self.taken: list[tuple[str, str]] = []

    def catalog(self, *stocks: Stock) -> Catalog:
        """
        Put offers together.
        """
        return Catalog.of(stocks, lambda plugin, name: self.taken.append((plugin, name)))

    def listed(self, catalog: Catalog, revision: Revision = MODERN) -> Any:
        """
        Read a client's list of tools.
        """
        return json.loads(catalog.tools(revision))

    def test_nothing(self) -> None:
        """
        Before any plugin is ready the list of tools is an empty one.
        """
        self.assertEqual(self.listed(Catalog()), [])
        self.assertEqual(Catalog().instructions, "")

    def test_names(self) -> None:
        """
        A tool is served under its plugin's prefix, or under its own name where there is none.
        """
        catalog = self.catalog(stock("a", "x", "y"), stock("b", "x"), stock("c", "z", prefix=""))
        self.assertEqual([item["name"] for item in self.listed(catalog)], ["a__x", "a__y", "b__x", "z"])
        self.assertEqual(self.taken, [])

    def test_own_name(self) -> None:
        """
        A route knows the plugin's own name for the tool and who answers.
        """
        a, b = stock("a", "x__y"), stock("b", "x")
        route = self.catalog(a, b).find("a__x__y")
        self.assertEqual(bytes(route.name), b'"x__y"')
        self.assertIs(route.answerer, a.answerer)
        self.assertEqual(route.tool.name, "x__y")

    def test_unknown(self) -> None:
        """
        A name that nobody has, or only almost, is refused as a parameter.
        """
        catalog = self.catalog(stock("a", "x"))
        for name in ("", "x", "a", "a__", "a__X", "a__x ", "A__x"):
            fault = self.assertRaises(Fault, catalog.find, name)
            self.assertIs(fault.kind, Kind.PARAMS)
            self.assertNotIn("a__", fault.text)

    def test_written(self) -> None:
        """
        A name is found however its JSON is written; what is no string is nobody's name.
        """
        catalog = self.catalog(stock("a", "x"))
        for piece in (b'"a__x"', b'"a__\\u0078"', b'"\\u0061__x"'):
            self.assertEqual(catalog.find_written(Raw(piece)).tool.name, "x")
        for piece in (b"", b"5", b"null", b'["a__x"]', b"a__x"):
            self.assertRaises(Fault, catalog.find_written, Raw(piece))

    def test_taken(self) -> None:
        """
        Where two plugins have a name the first configured has it, and the operator is told of the other.
        """
        first, second = stock("first", "x", prefix="p"), stock("second", "x", "y", prefix="p")
        catalog = self.catalog(first, second)
        self.assertIs(catalog.find("p__x").answerer, first.answerer)
        self.assertIs(catalog.find("p__y").answerer, second.answerer)
        self.assertEqual(self.taken, [("second", "p__x")])

    def test_chosen(self) -> None:
        """
        Tools that no include pattern or an exclude pattern matches are not served; letter case counts.
        """
        names = ("read_file", "read_all", "write_file", "Read_x")
        catalog = self.catalog(stock("a", *names, include=("read_*", "w*"), exclude=("*_all",)))
        self.assertEqual(list(catalog.routes), ["a__read_file", "a__write_file"])

    def test_instructions(self) -> None:
        """
        What plugins tell models is put together under their names.
        """
        catalog = self.catalog(
            stock("a", instructions="Ask me."), stock("b"), stock("c", instructions="Or me.")
        )
        self.assertEqual(catalog.instructions, "# a\n\nAsk me.\n\n# c\n\nOr me.")

    def test_deterministic(self) -> None:
        """
        Two clients of one revision are given the same list.
        """
        catalog = self.catalog(stock("a", "x", "y"))
        self.assertEqual(catalog.tools(MODERN), catalog.tools(MODERN))
        self.assertEqual(catalog.tools(MODERN), self.catalog(stock("a", "x", "y")).tools(MODERN))

    def test_revisions(self) -> None:
        """
        A client is given of a definition what its revision knows, and members nobody knows untouched.
        """
        full = {
            "title": "T",
            "annotations": {"readOnlyHint": True},
            "icons": [{"src": "https://example.org/i.png"}],
            "execution": {"taskSupport": "optional"},
            "_meta": {"example.org/x": 1},
            "whatever": Raw(b"[1.50]"),
        }
        offer = Offer(MODERN, (tool(**full),))
        catalog = self.catalog(Stock("a", "a", ("*",), (), offer, Plugin()))
        always = {"name", "inputSchema", "title", "_meta", "whatever"}
        for name, more in {
            "2024-11-05": set(),
            "2025-03-26": {"annotations"},
            "2025-06-18": {"annotations"},
            "2025-11-25": {"annotations", "icons", "execution"},
            "2026-07-28": {"annotations", "icons"},
        }.items():
            (item,) = self.listed(catalog, REVISIONS[name])
            self.assertEqual(set(item), always | more, name)
            self.assertEqual(item["name"], "a__echo")
        self.assertIn(b'"whatever":[1.50]', catalog.tools(MODERN))

    def test_wrapped_schema(self) -> None:
        """
        An output schema that is no object's is put into an object for legacy clients, and only for them.
        """
        schema = {"type": "array", "items": {"type": "integer"}}
        offer = Offer(MODERN, (tool(outputSchema=schema),))
        catalog = self.catalog(Stock("a", "a", ("*",), (), offer, Plugin()))
        (legacy,), (modern,) = self.listed(catalog, NEWEST_LEGACY), self.listed(catalog)
        wrapped = {"type": "object", "properties": {"result": schema}, "required": ["result"]}
        self.assertEqual(legacy["outputSchema"], wrapped)
        self.assertEqual(modern["outputSchema"], schema)


class WrapTests(SynchronousTestCase):
    """
    Tests for results of tools whose schema was wrapped.
    """

    def test_wrap(self) -> None:
        """
        A structured result is put into the object that the schema promised, whatever it is.
        """
        for content in ([1, 2], None, "x", {"result": 1}):
            wrapped = wrap(members(content=[], structuredContent=content))
            self.assertEqual(json.loads(bytes(wrapped["structuredContent"])), {"result": content})
            self.assertEqual(bytes(wrapped["content"]), b"[]")

    def test_nothing(self) -> None:
        """
        A result that is not structured stays as it is.
        """
        self.assertEqual(set(wrap(members(content=[], isError=True))), {"content", "isError"})
