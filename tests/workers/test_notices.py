# -*- test-case-name: tests.workers.test_notices -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.notices`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.worker import prompts, tools
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.offer import Feature, Offer, Sort
from mcpd.wire.revision import MODERN, NEWEST_LEGACY, Revision
from mcpd.workers.known import Known
from mcpd.workers.lists import Lists
from mcpd.workers.notices import Notices
from tests.workers.stage import Partner

LISTS = frozenset({Feature.TOOLS, Feature.PROMPTS})


class NoticesCase(SynchronousTestCase):
    """
    Hears a worker whose part the test plays, and remembers (:class:`mcpd.workers.notices.Witness`).
    """

    def setUp(self) -> None:
        """
        Have a worker that is not known.
        """
        self.partner = Partner()
        peer = self.partner.peer
        self.told: list[Any] = []
        self.lists = Lists(self.partner.clock, peer, 10)
        self.notices = Notices(self.partner.clock, peer, self.lists, 10, self)
        peer.hears = self.notices.hear

    def begin(self, revision: Revision) -> None:
        """
        Go on until its lists are read.
        """
        self.notices.introduce(Known(revision, LISTS, LISTS, ""))
        reading = Deferred.fromCoroutine(self.lists.begin(LISTS))
        self.partner.answer("tools/list", tools=tools("a"))
        self.partner.answer("prompts/list", prompts=[])
        self.successResultOf(reading)
        self.notices.begin(self.lists.fill(Offer(revision)))

    def offered(self, offer: Offer, sorts: tuple[Sort, ...]) -> None:
        """
        Remember it.
        """
        self.told.append((sorts, [item.name for sort in sorts for item in offer.items(sort)]))

    def stale(self, sort: Sort, why: str) -> None:
        """
        Remember it.
        """
        self.told.append((sort, why))

    def touched(self, uri: str) -> bool:
        """
        Remember it; nobody waits for b.
        """
        self.told.append(uri)
        return uri != "b"

    def logged(self, line: bytes) -> None:
        """
        Remember it.
        """
        self.told.append(line)

    def hear(self, method: str, **params: Any) -> bool:
        """
        Tell whether a notice was waited for.
        """
        strays = self.partner.peer.strays
        before = strays.notices
        self.partner.hear(method=f"notifications/{method}", params=params)
        return strays.notices == before


class LegacyTests(NoticesCase):
    """
    Tests for what a legacy worker tells.
    """

    def test_lists(self) -> None:
        """
        A list that is said to have changed is read again, and the offer has it.
        """
        self.begin(NEWEST_LEGACY)
        self.assertTrue(self.hear("prompts/list_changed"))
        self.partner.answer("prompts/list", prompts=prompts("b"))
        self.assertEqual(self.told, [((Sort.PROMPTS,), ["b"])])
        self.assertTrue(self.hear("tools/list_changed"))
        self.partner.refuse("tools/list", -32603)
        self.assertEqual(self.told[1:], [(Sort.TOOLS, "it refused tools/list with error -32603")])

    def test_undeclared(self) -> None:
        """
        A list that the worker never declared is not read, and other notices are not waited for.
        """
        self.assertFalse(self.hear("tools/list_changed"))
        self.begin(NEWEST_LEGACY)
        self.assertFalse(self.hear("resources/list_changed"))
        self.assertFalse(self.hear("subscriptions/acknowledged"))
        self.assertFalse(self.hear("unknown"))
        self.assertEqual(self.told, [])

    def test_updated(self) -> None:
        """
        A resource that has changed is told.
        """
        self.begin(NEWEST_LEGACY)
        cases: tuple[tuple[Any, bool], ...] = (("a", True), ("b", False), (7, False), (None, False))
        for uri, heard in cases:
            self.assertEqual(self.hear("resources/updated", uri=uri), heard)
        self.assertFalse(self.hear("resources/updated"))
        self.assertEqual(self.told, ["a", "b"])

    def test_logged(self) -> None:
        """
        What is logged for no client has its level and its logger, if it has them, and its data.
        """
        self.hear("message", level="info", logger="db", data="it\nis up")
        self.hear("message", level="info", data={"a": [1]})
        self.hear("message", logger=5)
        self.assertEqual(self.told, [b"info db: it\nis up", b'info: {"a": [1]}', b": "])
        self.assertEqual(self.partner.peer.strays.notices, 3)

    def test_watch(self) -> None:
        """
        A resource is watched with a request for each.
        """
        self.begin(NEWEST_LEGACY)
        self.partner.said()
        self.notices.watch("a")
        self.notices.unwatch("a")
        said = [method for method, _ in self.partner.said()]
        self.assertEqual(said, ["resources/subscribe", "resources/unsubscribe"])

    def test_end(self) -> None:
        """
        A worker that is gone leaves nothing behind.
        """
        self.notices.end(Fault(Kind.PLUGIN_GONE, "gone"))
        self.assertEqual(self.partner.clock.getDelayedCalls(), [])


class ModernTests(NoticesCase):
    """
    Tests for what a modern worker tells.
    """

    def setUp(self) -> None:
        """
        Have one that listens.
        """
        super().setUp()
        self.begin(MODERN)
        self.number = self.partner.number("subscriptions/listen")
        self.meta = {"io.modelcontextprotocol/subscriptionId": self.number}

    def test_order(self) -> None:
        """
        It is listened to before its lists are read: no change is missed.
        """
        said = self.partner.said()
        self.assertEqual(
            [method for method, _ in said], ["subscriptions/listen", "tools/list", "prompts/list"]
        )
        flags = {"toolsListChanged": True, "promptsListChanged": True}
        self.assertEqual(said[0][1], {"notifications": flags})

    def test_told(self) -> None:
        """
        Only what carries the number of the listen was asked for.
        """
        self.assertTrue(self.hear("subscriptions/acknowledged", _meta=self.meta))
        for method, params in (("tools/list_changed", {}), ("resources/updated", {"uri": "a"})):
            self.assertFalse(self.hear(method, **params))
            self.assertTrue(self.hear(method, **params, _meta=self.meta))
        self.assertEqual(self.told, ["a"])
        self.partner.answer("tools/list", tools=tools("b"))
        self.assertEqual(self.told[1:], [((Sort.TOOLS,), ["b"])])

    def test_missed(self) -> None:
        """
        After a time without a listen every list is read again.
        """
        self.hear("subscriptions/acknowledged", _meta=self.meta)
        self.partner.answer("subscriptions/listen")
        self.partner.said()
        self.partner.wait(1)
        meta = {"io.modelcontextprotocol/subscriptionId": self.partner.number("subscriptions/listen")}
        self.hear("subscriptions/acknowledged", _meta=meta)
        said = [method for method, _ in self.partner.said()]
        self.assertEqual(said, ["subscriptions/listen", "tools/list", "prompts/list"])
