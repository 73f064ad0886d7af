# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.listening`.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.listening import PAUSE, Listening
from mcpd.wire.sse import Event
from tests.ctl.bridge.stage import Asked, Scene


class ListeningTests(SynchronousTestCase):
    """
    Tests for :class:`Listening`.
    """

    def setUp(self) -> None:
        """
        Listen in a session.
        """
        self.scene = scene = Scene()
        self.heard: list[Event] = []
        scene.session.open(b"s1", {}, {})
        listening = Listening(scene.road, scene.session, scene.renewal, self.heard.append, scene.told.append)
        self.running = Deferred.fromCoroutine(listening.run())

    def _last(self) -> Asked:
        return self.scene.far.last

    def test_none(self) -> None:
        """
        A far side without such a stream is asked once; what else it says against it is told.
        """
        self._last().answer(status=405)
        self.assertIsNone(self.successResultOf(self.running))
        self.assertEqual(self.scene.told, [])
        self.setUp()
        self._last().answer(status=403)
        self.assertIsNone(self.successResultOf(self.running))
        self.assertIn("not heard", self.scene.told[0])

    def test_resume(self) -> None:
        """
        What the far side says is heard, over as many connections as it takes.
        """
        self.assertEqual((self._last().method, self._last().field("Mcp-Session-Id")), (b"GET", "s1"))
        self._last().begin(200, {})
        self._last().event({"a": 1}, "id: e1\nretry: 200\n")
        self.assertEqual([event.data for event in self.heard], [b'{"a": 1}'])
        self._last().end()
        self.scene.wait(0.25)
        self.assertEqual(self._last().field("Last-Event-ID"), "e1")
        self.assertNoResult(self.running)

    def test_later(self) -> None:
        """
        A far side that is in trouble is asked again, after a while.
        """
        for status in (503, 409, 429):
            before = len(self.scene.far.asked)
            self._last().answer(status=status)
            self.assertIn("not heard", self.scene.told.pop())
            self.scene.wait(PAUSE - 0.1)
            self.assertEqual(len(self.scene.far.asked), before)
            self.scene.wait(0.2)
            self.assertEqual(len(self.scene.far.asked), before + 1)

    def test_restart(self) -> None:
        """
        After the far side was away the client has a new session, and its stream from the start.
        """
        self._last().begin(200, {})
        self._last().event(None, "id: e1\n")
        self._last().cut()
        self.scene.wait(1.1)
        self._last().fail()
        self.scene.wait(0.2)
        self._last().answer(status=404)
        self._last().result({"Mcp-Session-Id": "s2"})
        self._last().answer(status=202)
        self.scene.wait(0.1)
        self.assertEqual((self._last().method, self._last().field("Mcp-Session-Id")), (b"GET", "s2"))
        self.assertIsNone(self._last().field("Last-Event-ID"))
