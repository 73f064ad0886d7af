# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.errand`.
"""

from __future__ import annotations

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.errand import body_of, repeatable
from mcpd.wire.message import Request
from tests.ctl.bridge.stage import Scene

_TOLD = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {}}


class ErrandTests(SynchronousTestCase):
    """
    Tests for :class:`Errand`, in its bridge.
    """

    def setUp(self) -> None:
        """
        Have a bridge.
        """
        self.scene = Scene()

    def _error(self) -> tuple[int, int, str]:
        (said,) = self.scene.said
        return said["id"], said["error"]["code"], said["error"]["message"]

    def test_answer(self) -> None:
        """
        A request is answered as the far side does, in one message.
        """
        asked = self.scene.ask("prompts/list")
        asked.result(resultType="complete", prompts=[])
        wanted = {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", "prompts": []}}
        self.assertEqual(self.scene.said, [wanted])
        self.assertEqual(self.scene.relay.errands, {})

    def test_stream(self) -> None:
        """
        What comes before the answer is heard as it comes; what can't be read is passed over.
        """
        asked = self.scene.ask("prompts/list")
        asked.begin(200, {})
        asked.event(_TOLD)
        self.assertEqual(self.scene.said, [_TOLD])
        asked.event(None)
        asked.feed(b"data: <p>\n\n")
        asked.event({"jsonrpc": "2.0", "error": {"code": -1, "message": "no"}})
        asked.end()
        self.assertEqual(
            self.scene.said[1:], [{"jsonrpc": "2.0", "id": 1, "error": {"code": -1, "message": "no"}}]
        )

    def test_no_answer(self) -> None:
        """
        A far side that ends without an answer is told as an error.
        """
        for end in (lambda asked: asked.end(), lambda asked: asked.cut()):
            self.setUp()
            asked = self.scene.ask("tools/list")
            asked.begin(200, {})
            end(asked)
            self.assertEqual(self._error()[:2], (1, -31102))

    def test_stranger(self) -> None:
        """
        An answer that is somebody else's is none, and an error in a response of its own is always its.
        """
        self.scene.ask("tools/list").answer({"jsonrpc": "2.0", "id": 2, "result": {}})
        self.assertEqual(self._error(), (1, -31102, "the far side gave no answer"))
        self.setUp()
        error = {"code": -32000, "message": "no"}
        self.scene.ask("tools/list").answer({"jsonrpc": "2.0", "id": "server-error", "error": error}, 400)
        self.assertEqual(self._error(), (1, -32000, "no"))

    def test_unreadable(self) -> None:
        """
        A far side that speaks no MCP is told as an error.
        """
        asked = self.scene.ask("tools/list")
        asked.begin(200, {}, b"text/html")
        asked.feed(b"<p>")
        asked.end()
        self.assertEqual(self._error(), (1, -31102, "the far side's answer can't be read"))

    def test_unreached(self) -> None:
        """
        A far side that is not there is told as an error, with the request's own id.
        """
        self.scene.hear("tools/list", "a")
        while not self.scene.said:
            if not self.scene.far.last.waiting.called:
                self.scene.far.last.fail()
            self.scene.wait(0.1)
        id, code, why = self._error()
        self.assertEqual((id, code), ("a", -31103))
        self.assertIn("can't be reached", why)

    def test_open_stream(self) -> None:
        """
        A stream that the far side does not end with its answer is ended for it.
        """
        asked = self.scene.ask("prompts/list")
        asked.begin(200, {})
        asked.event({"jsonrpc": "2.0", "id": 1, "result": {}})
        self.assertNotIn("stop", asked.flow.said)
        self.scene.wait(1.1)
        self.assertIn("stop", asked.flow.said)
        self.assertEqual(len(self.scene.said), 1)

    def test_repeatable(self) -> None:
        """
        What may have been done is not done twice unless that does no harm.
        """
        self.assertTrue(repeatable("tools/list"))
        self.assertFalse(repeatable("tools/call"))
        self.assertFalse(repeatable("else/where"))

    def test_body(self) -> None:
        """
        Arguments go out as the client wrote them, to the byte.
        """
        body = body_of(Request(b'"a"', 'x"y', {"arguments": Raw(b'{ "n": 1.0 }')}))
        self.assertEqual(
            body, b'{"jsonrpc":"2.0","id":"a","method":"x\\"y","params":{"arguments":{ "n": 1.0 }}}'
        )
