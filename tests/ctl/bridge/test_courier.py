# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.courier`.
"""

from __future__ import annotations

from functools import partial

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.courier import MOST, Courier, Letter
from mcpd.ctl.bridge.reading import messages
from mcpd.wire.message import Answer, Notice, Refusal
from mcpd.wire.write import encode
from tests.ctl.bridge.stage import META, Scene


def _letter(**message: object) -> Letter:
    (letter,) = messages(encode({"jsonrpc": "2.0", **message}))
    assert isinstance(letter, Notice | Answer | Refusal)
    return letter


_NOTICE = _letter(method="notifications/roots/list_changed")
_ANSWER = _letter(id=5, result={"roots": []})


class CourierTests(SynchronousTestCase):
    """
    Tests for :class:`Courier`.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        self.scene = scene = Scene()
        scene.session.open(b"s1", {}, {})
        self.courier = Courier(
            scene.road, scene.session, scene.renewal, scene.told.append, scene.crowded.append
        )

    def test_order(self) -> None:
        """
        What the client says arrives in its order, and a request after what was said before it.
        """
        sent = [self.courier.send(letter) for letter in (_NOTICE, _ANSWER)]
        begun: list[int] = []
        passed = [Deferred.fromCoroutine(self.courier.passed(partial(begun.append, one))) for one in (1, 2)]
        self.assertEqual(self.scene.far.methods(), ["notifications/roots/list_changed"])
        self.assertEqual(self.scene.far.last.field("Mcp-Session-Id"), "s1")
        self.scene.far.last.answer(status=202)
        self.assertEqual(self.scene.far.last.message, {"jsonrpc": "2.0", "id": 5, "result": {"roots": []}})
        self.assertEqual(begun, [])
        self.scene.far.last.answer(status=202)
        self.assertEqual(begun, [1, 2])
        self.assertEqual([self.successResultOf(one) for one in passed], [None, None])
        self.assertEqual([self.successResultOf(one) for one in sent], [True, True])

    def test_modern(self) -> None:
        """
        A modern notice says by itself what it is, and belongs to no session.
        """
        sent = self.courier.send(_letter(method="notifications/odd", params={"_meta": META}))
        asked = self.scene.far.last
        self.assertEqual(asked.field("MCP-Protocol-Version"), "2026-07-28")
        self.assertEqual(
            (asked.field("Mcp-Method"), asked.field("Mcp-Session-Id")), ("notifications/odd", None)
        )
        asked.answer(status=404)
        self.assertFalse(self.successResultOf(sent))

    def test_refused(self) -> None:
        """
        What does not arrive is told, and the rest goes on.
        """
        for refuse in (
            lambda asked: asked.answer(status=400),
            lambda asked: asked.begin(200, {}) or asked.cut(),
        ):
            sent = self.courier.send(_ANSWER)
            refuse(self.scene.far.last)
            self.assertFalse(self.successResultOf(sent))
            self.assertIn("an answer of the client did not arrive", self.scene.told.pop())

    def test_slow(self) -> None:
        """
        A far side that does not take a notice holds up the rest for a while only.
        """
        sent = self.courier.send(_NOTICE)
        self.scene.wait(31)
        self.assertFalse(self.successResultOf(sent))

    def test_lost(self) -> None:
        """
        A notice is sent again in a new session, an answer to a question of the lost one is not.
        """
        for letter, count in ((_NOTICE, 4), (_ANSWER, 3)):
            self.setUp()
            sent = self.courier.send(letter)
            self.scene.far.last.answer(status=404)
            self.scene.far.last.result({"Mcp-Session-Id": "s2"})
            self.scene.far.last.answer(status=202)
            if letter is _NOTICE:
                self.assertEqual(self.scene.far.last.field("Mcp-Session-Id"), "s2")
                self.scene.far.last.answer(status=202)
            self.assertTrue(self.successResultOf(sent))
            self.assertEqual(len(self.scene.far.asked), count)

    def test_lost_again(self) -> None:
        """
        A far side that loses each session at once is not asked for ever.
        """
        sent = self.courier.send(_NOTICE)
        self.scene.far.last.answer(status=404)
        self.scene.far.last.result({"Mcp-Session-Id": "s2"})
        self.scene.far.last.answer(status=202)
        self.scene.far.last.answer(status=404)
        self.assertFalse(self.successResultOf(sent))
        self.assertIn("loses its sessions", self.scene.told[0])

    def test_crowded(self) -> None:
        """
        While too much waits the client is read no more.
        """
        for _ in range(MOST):
            self.courier.send(_NOTICE)
        self.assertEqual(self.scene.crowded, [True])
        self.scene.far.last.answer(status=202)
        self.assertEqual(self.scene.crowded, [True, False])
        # Else the garbage collector would end them, in any order.
        for _ in range(MOST - 1):
            self.scene.far.last.answer(status=202)

    def test_after(self) -> None:
        """
        What makes a session holds up what belongs to it, and if it is given up before its turn it never runs.
        """
        done: list[str] = []

        async def shake() -> None:
            done.append("shaken")
            await Deferred.fromCoroutine(self.scene.road.go(b"GET", ()))

        self.courier.send(_NOTICE)
        given_up = Deferred.fromCoroutine(self.courier.after(shake()))
        given_up.cancel()
        self.failureResultOf(given_up, CancelledError)
        after = Deferred.fromCoroutine(self.courier.after(shake()))
        passed = Deferred.fromCoroutine(self.courier.passed(lambda: None))
        self.scene.far.last.answer(status=202)
        self.assertNoResult(passed)
        self.scene.far.last.answer(status=200)
        self.assertIsNone(self.successResultOf(after))
        self.assertIsNone(self.successResultOf(passed))
        self.assertEqual(done, ["shaken"])
