# -*- test-case-name: tests.workers.test_subscribing -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.subscribing`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Notice, Refusal
from mcpd.workers.peer import Patience
from mcpd.workers.subscribing import Subscribing, untold
from tests.workers.stage import Partner

UPDATED = Notice("notifications/resources/updated", {})


class SubscribingTests(SynchronousTestCase):
    """
    Tests for the legacy way.
    """

    def setUp(self) -> None:
        """
        Have a worker.
        """
        self.partner = Partner()
        self.way = Subscribing(self.partner.peer, Patience(10, 10))

    def test_watch(self) -> None:
        """
        A resource is subscribed to, and its worker's answer is the answer.
        """
        watching = self.way.watch("file:///a")
        self.partner.answer("resources/subscribe")
        self.assertEqual(self.partner.said(), [("resources/subscribe", {"uri": "file:///a"})])
        self.assertIsInstance(self.successResultOf(watching), Answer)
        watching = self.way.watch("file:///a")
        self.partner.refuse("resources/subscribe", -32002)
        self.assertIsInstance(self.successResultOf(watching), Refusal)

    def test_unwatch(self) -> None:
        """
        The subscription is ended, whatever the worker answers.
        """
        self.way.unwatch("file:///a")
        self.assertEqual(self.partner.said(), [("resources/unsubscribe", {"uri": "file:///a"})])
        self.partner.wait(10)

    def test_gone(self) -> None:
        """
        A worker that ends has the watch fail.
        """
        watching = self.way.watch("file:///a")
        gone = Fault(Kind.PLUGIN_GONE, "gone")
        self.way.end(gone)
        self.partner.peer.lose(gone)
        self.failureResultOf(watching, Fault)

    def test_notices(self) -> None:
        """
        Every change is told unasked, and nothing is agreed to.
        """
        self.assertTrue(self.way.owns(UPDATED))
        self.assertFalse(self.way.acknowledged(UPDATED))
        self.assertIs(untold().kind, Kind.PARAMS)
