# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.stock`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.offer import Feature, Sort
from tests.relay.goods import prompt, resource, stock, template, tool, unknown


class StockTests(SynchronousTestCase):
    """
    Tests for what of an offer is served.
    """

    def test_chosen(self) -> None:
        """
        Tools that no include pattern or an exclude pattern matches are not served; letter case counts.
        """
        names = ("read_file", "read_all", "write_file", "Read_x")
        chosen = stock("a", *map(tool, names), include=("read_*", "w*"), exclude=("*_all",))
        self.assertEqual([item.name for item in chosen.items(Sort.TOOLS)], ["read_file", "write_file"])

    def test_others(self) -> None:
        """
        The patterns are for tools: of all else everything is served.
        """
        items = (prompt("p"), resource("x://1"), template("x://{id}"))
        chosen = stock("a", tool("t"), *items, include=("x",))
        served = [item for sort in Sort for item in chosen.items(sort)]
        self.assertEqual(served, list(items))

    def test_unknown(self) -> None:
        """
        A plugin that has not told yet what it has may turn out to have anything.
        """
        untold = unknown("a")
        self.assertEqual(untold.known.features, frozenset(Feature))
        self.assertEqual(untold.known.instructions, "")
        self.assertEqual([item for sort in Sort for item in untold.items(sort)], [])
        self.assertEqual(list(untold.patterns()), [])

    def test_known(self) -> None:
        """
        A plugin that has told has what it has told.
        """
        told = stock("a", features=frozenset((Feature.TOOLS,)), instructions="Ask.")
        self.assertEqual(told.known.features, {Feature.TOOLS})
        self.assertEqual(told.known.instructions, "Ask.")

    def test_patterns(self) -> None:
        """
        No more than a plugin's first two hundred templates are compared with what clients want to read.
        """
        templates = [template(f"x://{number}/{{id}}") for number in range(201)]
        patterns = list(stock("a", *templates).patterns())
        self.assertEqual(len(patterns), 200)
        self.assertIs(patterns[199], templates[199].pattern)
