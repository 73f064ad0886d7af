# -*- test-case-name: tests.workers.test_refresh -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.refresh`.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.worker import prompts, tools
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.offer import Feature, Sort
from mcpd.workers.lists import Lists
from mcpd.workers.refresh import Refresh
from tests.workers.stage import Partner


class RefreshTests(SynchronousTestCase):
    """
    Tests for reading lists again.
    """

    def setUp(self) -> None:
        """
        Have lists that were read.
        """
        self.partner = Partner()
        self.clock = self.partner.clock
        self.told: list[tuple[object, ...]] = []
        lists = Lists(self.clock, self.partner.peer, 10)
        reading = Deferred.fromCoroutine(lists.begin((Feature.TOOLS, Feature.PROMPTS)))
        self.partner.answer("tools/list", tools=tools("a"))
        self.partner.answer("prompts/list", prompts=[])
        self.successResultOf(reading)
        self.partner.said()
        self.refresh = Refresh(self.clock, lists, self.changed, lambda *failed: self.told.append(failed))

    def changed(self, sorts: tuple[Sort, ...]) -> None:
        """
        Remember it.
        """
        self.told.append(sorts)

    def asked(self) -> list[str]:
        """
        Tell which lists were asked for since the last time.
        """
        return [method for method, _ in self.partner.said()]

    def test_changed(self) -> None:
        """
        A list is read again at once, and told if it is another.
        """
        self.refresh.begin()
        self.refresh.want([Sort.TOOLS, Sort.PROMPTS])
        self.partner.answer("prompts/list", prompts=prompts("b"))
        self.assertEqual(self.told, [])
        self.partner.answer("tools/list", tools=tools("a"))
        self.assertEqual(self.told, [(Sort.PROMPTS,)])
        self.refresh.want([Sort.TOOLS])
        self.partner.answer("tools/list", tools=tools("a"))
        self.assertEqual(self.told, [(Sort.PROMPTS,)])

    def test_early(self) -> None:
        """
        What changes while the lists are read for the first time is read again right after.
        """
        self.refresh.want([Sort.TOOLS])
        self.assertEqual(self.asked(), [])
        self.refresh.begin()
        self.assertEqual(self.asked(), ["tools/list"])

    def test_meanwhile(self) -> None:
        """
        What changes again while it is read is read once more, however often that was said.
        """
        self.refresh.begin()
        self.refresh.want([Sort.TOOLS])
        for _ in range(100):
            self.refresh.want([Sort.TOOLS])
        self.partner.answer("tools/list", tools=tools("b"))
        self.partner.answer("tools/list", tools=tools("c"))
        self.assertEqual(self.asked(), ["tools/list"] * 2)
        self.assertEqual(self.told, [(Sort.TOOLS,)] * 2)

    def test_bounded(self) -> None:
        """
        A worker that says without end that something changed is asked ten times, then once a second.
        """
        self.refresh.begin()
        times = 0
        for _ in range(300):
            self.refresh.want([Sort.TOOLS])
            if any(each["method"] == "tools/list" for each in self.partner.sent):
                times += 1
                self.partner.answer("tools/list", tools=tools("a"))
                self.partner.said()
            self.clock.advance(0.01)
        self.assertEqual(times, 12)
        self.clock.advance(1)
        self.assertEqual(self.asked(), ["tools/list"])

    def test_long(self) -> None:
        """
        A long list costs more to read, so it is read more seldom, but its first change at once.
        """
        many = tools(*(f"t{number}" for number in range(4000)))
        self.refresh.begin()
        self.refresh.want([Sort.TOOLS])
        self.partner.answer("tools/list", tools=many)
        self.partner.said()
        for _ in range(3):
            self.refresh.want([Sort.TOOLS])
            self.partner.answer("tools/list", tools=many)
            self.assertEqual(self.asked(), ["tools/list"])
        self.refresh.want([Sort.TOOLS])
        self.assertEqual(self.asked(), [])
        self.clock.advance(3)
        self.assertEqual(self.asked(), ["tools/list"])

    def test_refilled(self) -> None:
        """
        After a quiet time it is asked at once again.
        """
        self.refresh.begin()
        for _ in range(2):
            for _ in range(10):
                self.refresh.want([Sort.TOOLS])
                self.partner.answer("tools/list", tools=tools("a"))
                self.assertEqual(self.asked(), ["tools/list"])
            self.clock.advance(10)

    def test_failed(self) -> None:
        """
        A list that is refused or does not come is told, and the next change is heard.
        """
        self.refresh.begin()
        self.refresh.want([Sort.TOOLS, Sort.PROMPTS])
        self.partner.refuse("tools/list", -32603)
        self.partner.wait(10)
        expected: list[tuple[object, ...]] = [
            (Sort.TOOLS, "it refused tools/list with error -32603"),
            (Sort.PROMPTS, "the plugin did not answer in time"),
        ]
        self.assertEqual(self.told, expected)
        self.refresh.want([Sort.TOOLS])
        self.partner.answer("tools/list", tools=tools("b"))
        self.assertEqual(self.told[2:], [(Sort.TOOLS,)])

    def test_end(self) -> None:
        """
        When the worker is gone nothing more is read, and no list is told to have failed.
        """
        self.refresh.begin()
        self.refresh.want([Sort.TOOLS])
        self.refresh.want([Sort.TOOLS])
        self.refresh.end()
        self.partner.peer.lose(Fault(Kind.PLUGIN_GONE, "gone"))
        self.assertEqual((self.told, self.asked()), ([], ["tools/list"]))

    def test_end_waiting(self) -> None:
        """
        Nothing is read later, either.
        """
        self.refresh.begin()
        for _ in range(11):
            self.refresh.want([Sort.TOOLS])
            if any(each["method"] == "tools/list" for each in self.partner.sent):
                self.partner.answer("tools/list", tools=tools("a"))
                self.partner.said()
        self.partner.peer.lose(Fault(Kind.PLUGIN_GONE, "gone"))
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.refresh.end()
        self.assertEqual(self.clock.getDelayedCalls(), [])
