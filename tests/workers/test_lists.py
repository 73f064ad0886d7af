# -*- test-case-name: tests.workers.test_lists -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.lists`.
"""

from __future__ import annotations

from collections.abc import Collection

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.worker import prompts, resources, templates, tools
from mcpd.wire.fault import Fault
from mcpd.wire.offer import Feature, Offer, Sort
from mcpd.wire.revision import MODERN
from mcpd.workers.lists import Lists, NotListed
from tests.workers.stage import Partner

ALL = (Feature.TOOLS, Feature.PROMPTS, Feature.RESOURCES)
PAGES = {
    "tools/list": {"tools": tools("add")},
    "prompts/list": {"prompts": prompts("greet")},
    "resources/list": {"resources": resources("file:///a")},
    "resources/templates/list": {"resourceTemplates": templates("file:///{x}")},
}


class ListsCase(SynchronousTestCase):
    """
    Lists of a worker whose part the test plays.
    """

    def setUp(self) -> None:
        """
        Have nothing read.
        """
        self.partner = Partner()
        self.lists = Lists(self.partner.clock, self.partner.peer, 10)

    def begin(self, features: Collection[Feature] = ALL) -> Deferred[None]:
        """
        Begin to read.
        """
        return Deferred.fromCoroutine(self.lists.begin(features))

    def again(self, sort: Sort) -> Deferred[bool]:
        """
        Begin to read one again.
        """
        self.partner.said()
        return Deferred.fromCoroutine(self.lists.again(sort))

    def offer(self) -> Offer:
        """
        Tell what there is.
        """
        return self.lists.fill(Offer(MODERN))

    def names(self) -> list[list[str]]:
        """
        Tell the names of what there is, by sort.
        """
        return [[item.name for item in self.offer().items(sort)] for sort in Sort]


class BeginTests(ListsCase):
    """
    Tests for the first time.
    """

    def test_all(self) -> None:
        """
        Everything is asked for at once, and may come in any order.
        """
        reading = self.begin()
        self.assertEqual([each["method"] for each in self.partner.sent], list(PAGES))
        for method, page in reversed(PAGES.items()):
            self.assertNoResult(reading)
            self.partner.answer(method, **page)
        self.successResultOf(reading)
        self.assertEqual(self.names(), [["add"], ["greet"], ["file:///a"], ["file:///{x}"]])
        self.assertEqual(self.offer().left_out, ())

    def test_declared(self) -> None:
        """
        Only what the worker declares is asked for.
        """
        self.begin((Feature.PROMPTS, Feature.LOGGING, Feature.SUBSCRIBE))
        self.assertEqual([method for method, _ in self.partner.said()], ["prompts/list"])
        self.successResultOf(self.begin(()))
        self.assertEqual(self.names(), [[], [], [], []])

    def test_none(self) -> None:
        """
        A worker that does not know a list simply has none of these.
        """
        reading = self.begin()
        for method in PAGES:
            self.partner.refuse(method, -32601)
        self.successResultOf(reading)
        self.assertEqual((self.names(), self.offer().left_out), ([[], [], [], []], ()))

    def test_refused(self) -> None:
        """
        A list that is refused is left out, and the operator reads why; not so the tools.
        """
        reading = self.begin()
        for method in list(PAGES)[1:]:
            self.partner.refuse(method, -32603)
        self.assertNoResult(reading)
        self.partner.answer("tools/list", **PAGES["tools/list"])
        self.successResultOf(reading)
        self.assertEqual(self.names(), [["add"], [], [], []])
        expected = (
            "its prompts, since it refused prompts/list with error -32603",
            "its resources, since it refused resources/list with error -32603",
            "its resource templates, since it refused resources/templates/list with error -32603",
        )
        self.assertEqual(self.offer().left_out, expected)

    def test_no_tools(self) -> None:
        """
        A worker that refuses to list its tools is found out at once, whatever else it is asked.
        """
        reading = self.begin()
        self.partner.refuse("tools/list", -32603)
        failure = self.failureResultOf(reading, NotListed)
        self.assertEqual(str(failure.value), "it refused tools/list with error -32603")

    def test_late(self) -> None:
        """
        All pages of a list together have to come in time.
        """
        reading = self.begin((Feature.TOOLS,))
        for number in range(3):
            self.partner.wait(3)
            self.partner.answer("tools/list", tools=[], nextCursor=str(number))
        self.assertNoResult(reading)
        self.partner.wait(1)
        self.failureResultOf(reading, Fault)


class BoundTests(ListsCase):
    """
    Tests for lists without end; those of tools are in :mod:`tests.workers.test_greeting`.
    """

    def test_repeated(self) -> None:
        """
        A name that comes twice, and pages that turn in a circle, are left out with a sentence.
        """
        reading = self.begin((Feature.PROMPTS,))
        for _ in range(2):
            self.partner.answer("prompts/list", prompts=prompts("a"), nextCursor="1")
        self.successResultOf(reading)
        expected = ("a second prompt named a", "pages of prompts beyond the first, since they do not end")
        self.assertEqual((self.names()[1], self.offer().left_out), (["a"], expected))

    def test_many(self) -> None:
        """
        No more than ten thousand are served, though one page has more.
        """
        reading = self.begin((Feature.PROMPTS,))
        many = prompts(*(f"p{number}" for number in range(10_001)))
        self.partner.answer("prompts/list", prompts=many)
        self.successResultOf(reading)
        self.assertEqual(len(self.offer().prompts), 10_000)
        self.assertEqual(self.offer().left_out, ("prompts beyond the first 10000",))

    def test_wrong(self) -> None:
        """
        What is served in part is told, too.
        """
        reading = self.begin((Feature.TOOLS,))
        schema = {"type": "object", "properties": {"a": {"type": "string", "x-mcp-header": "no name"}}}
        self.partner.answer("tools/list", tools=[{"name": "add", "inputSchema": schema}])
        self.successResultOf(reading)
        self.assertEqual((self.names()[0], len(self.offer().left_out)), (["add"], 1))


class AgainTests(ListsCase):
    """
    Tests for later times.
    """

    def setUp(self) -> None:
        """
        Have everything read.
        """
        super().setUp()
        self.begin()
        for method, page in PAGES.items():
            self.partner.answer(method, **page)

    def test_same(self) -> None:
        """
        A list that is the same as before is no other.
        """
        reading = self.again(Sort.PROMPTS)
        self.partner.answer("prompts/list", prompts=prompts("greet"))
        self.assertFalse(self.successResultOf(reading))

    def test_differs(self) -> None:
        """
        Another definition, another order and another length are another list.
        """
        for listed in ([{"name": "greet", "title": "Hi"}], prompts("a", "b"), prompts("b", "a"), []):
            reading = self.again(Sort.PROMPTS)
            self.partner.answer("prompts/list", prompts=listed)
            self.assertTrue(self.successResultOf(reading))
            self.assertEqual(self.names()[1], [each["name"] for each in listed])
        self.assertEqual(self.names()[0], ["add"])

    def test_refused(self) -> None:
        """
        A list that can't be read again stays as it was.
        """
        for sort in Sort:
            reading = self.again(sort)
            self.partner.refuse(sort.method, -32000)
            self.failureResultOf(reading, NotListed)
        self.assertEqual(self.names(), [["add"], ["greet"], ["file:///a"], ["file:///{x}"]])

    def test_new(self) -> None:
        """
        A list that was never read may be read later.
        """
        self.begin(())
        reading = self.again(Sort.TOOLS)
        self.partner.answer("tools/list", tools=tools("add"))
        self.assertTrue(self.successResultOf(reading))
