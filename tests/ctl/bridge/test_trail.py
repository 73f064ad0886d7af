# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.trail`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.body import TooLong
from mcpd.ctl.bridge.trail import RETRY, Trail
from mcpd.wire.sse import Event
from tests.ctl.bridge.stage import LIMIT, Asked, Scene


class TrailTests(SynchronousTestCase):
    """
    Tests for :class:`Trail`.
    """

    def setUp(self) -> None:
        """
        Have a stream.
        """
        self.scene, self.trail = Scene(), Trail()
        self.heard: list[Event] = []

    def _follow(self) -> tuple[Asked, Deferred[None]]:
        asking: Deferred[Any] = Deferred.fromCoroutine(self.scene.road.go(b"GET", self.trail.fields()))
        self.scene.far.last.begin(200, {})
        reply = self.successResultOf(asking)
        return self.scene.far.last, Deferred.fromCoroutine(self.trail.follow(reply, self.heard.append))

    def test_resume(self) -> None:
        """
        A stream goes on after its last event, however the connection ended, and when the far side wants.
        """
        self.assertEqual((self.trail.last, self.trail.pause, self.trail.fields()), (b"", RETRY, ()))
        asked, following = self._follow()
        asked.event(None, "id: e1\nretry: 500\n")
        asked.end()
        self.assertIsNone(self.successResultOf(following))
        self.assertEqual((self.trail.last, self.trail.pause), (b"e1", 0.5))
        asked, following = self._follow()
        self.assertEqual(asked.field("Last-Event-ID"), "e1")
        asked.cut()
        self.assertIsNone(self.successResultOf(following))
        self.assertEqual((self.trail.last, self.trail.pause), (b"e1", 0.5))
        self.assertEqual([event.data for event in self.heard], [b""])

    def test_at_once(self) -> None:
        """
        A far side that wants to be asked again at once is given a moment.
        """
        asked, _ = self._follow()
        asked.event(None, "id: e1\nretry: 0\n")
        self.assertEqual(self.trail.pause, 0.05)

    def test_too_long(self) -> None:
        """
        An event that is too long ends the stream: it would come again.
        """
        asked, following = self._follow()
        asked.feed(b"data: " + LIMIT * b"x")
        self.failureResultOf(following, TooLong)
