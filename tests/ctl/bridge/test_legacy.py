# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.legacy`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived

from tests.ctl.bridge.stage import Asked, Scene

_ANSWER = {"jsonrpc": "2.0", "id": 1, "result": {}}


class LegacyTests(SynchronousTestCase):
    """
    Tests for :class:`Legacy`, in its bridge.
    """

    def setUp(self) -> None:
        """
        Have a bridge whose client has shaken hands.
        """
        self.scene = Scene()
        self.scene.shake()

    def _ask(self, method: str = "tools/call") -> Asked:
        self.scene.hear(method, 1, name="a")
        return self.scene.far.last

    def test_session(self) -> None:
        """
        Requests belong to the session that the handshake made, in the revision that was agreed on.
        """
        first, asked = self.scene.far.asked[0], self._ask()
        self.assertEqual((first.field("Mcp-Session-Id"), first.field("MCP-Protocol-Version")), (None, None))
        self.assertEqual(asked.field("Mcp-Session-Id"), "s1")
        self.assertEqual(asked.field("MCP-Protocol-Version"), "2025-11-25")
        self.assertIsNone(asked.field("Mcp-Method"))

    def test_resume(self) -> None:
        """
        A stream that is cut before its answer goes on when the far side wants, after its last event.
        """
        asked = self._ask()
        asked.begin(200, {})
        asked.event(None, "id: e1\nretry: 500\n")
        asked.end()
        before = len(self.scene.far.asked)
        self.scene.wait(0.45)
        self.assertEqual(len(self.scene.far.asked), before)
        self.scene.wait(0.1)
        again = self.scene.far.last
        self.assertEqual((again.method, again.field("Last-Event-ID")), (b"GET", "e1"))
        again.begin(200, {})
        again.event(None, "id: e2\n")
        again.cut()
        self.scene.wait(0.6)
        self.assertEqual(self.scene.far.last.field("Last-Event-ID"), "e2")
        self.scene.far.last.begin(200, {})
        self.scene.far.last.event(_ANSWER)
        self.scene.far.last.end()
        self.assertEqual(self.scene.said, [_ANSWER])

    def test_no_resume(self) -> None:
        """
        A stream that can't be resumed is an error.
        """
        asked = self._ask()
        asked.begin(200, {})
        asked.cut()
        self.assertIn("before the answer", self.scene.said[0]["error"]["message"])
        asked = self._ask()
        asked.begin(200, {})
        asked.event(None, "id: e1\n")
        asked.cut()
        self.scene.wait(1.1)
        self.scene.far.last.answer(status=405)
        self.assertIn("can't be resumed", self.scene.said[1]["error"]["message"])

    def test_lost(self) -> None:
        """
        A call in a session that the far side has lost, as after a restart, is made in a new one.
        """
        self._ask().answer(status=404)
        self.assertEqual(self.scene.far.last.message["params"]["capabilities"], {})
        self.scene.far.last.result({"Mcp-Session-Id": "s2"}, protocolVersion="2025-11-25")
        self.scene.far.last.answer(status=202)
        again = self.scene.far.last
        self.assertEqual((again.message["method"], again.field("Mcp-Session-Id")), ("tools/call", "s2"))
        again.answer(status=404)
        self.assertEqual([said["error"]["code"] for said in self.scene.said], [-31004])

    def test_break(self) -> None:
        """
        A call that the far side may have taken is not made twice.
        """
        self._ask().fail(ResponseNeverReceived([]))
        self.assertEqual(self.scene.said[0]["error"]["code"], -31102)

    def test_discover(self) -> None:
        """
        A legacy far side's refusal of a modern probe is told as it says it, so that the client shakes hands.
        """
        error = {"code": -32000, "message": "Bad Request: Server not initialized"}
        self.scene.ask("server/discover").answer({"jsonrpc": "2.0", "error": error, "id": None}, 400)
        self.assertEqual(self.scene.said, [{"jsonrpc": "2.0", "id": 1, "error": error}])

    def test_no_session(self) -> None:
        """
        A far side need not have sessions; its 404 is then nothing but an error.
        """
        self.scene = Scene()
        self.scene.hear("initialize", 0)
        self.scene.far.last.result(protocolVersion="2025-06-18")
        self.scene.hear("ping", 1)
        self.assertIsNone(self.scene.far.last.field("Mcp-Session-Id"))
        self.scene.far.last.answer(status=404)
        self.assertEqual(self.scene.said[1]["error"]["code"], -31004)
