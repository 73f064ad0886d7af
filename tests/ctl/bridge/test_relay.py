# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.relay`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived

from mcpd.ctl.bridge.relay import GRACE, MOST
from tests.ctl.bridge.stage import META, Scene

_QUESTION = {"jsonrpc": "2.0", "id": 5, "method": "roots/list", "params": {}}
_NOTICE = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": {}}


class RelayTests(SynchronousTestCase):
    """
    Tests for :class:`Relay`.
    """

    def setUp(self) -> None:
        """
        Have a bridge.
        """
        self.scene = Scene()

    def _finish(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.scene.relay.finish())

    def _codes(self) -> list[tuple[Any, int]]:
        return [(said.get("id"), said["error"]["code"]) for said in self.scene.said]

    def test_unreadable(self) -> None:
        """
        A line that is no message is answered with an error, with the id that stands in it, if one does.
        """
        for line in (b"nonsense", b'{"id":7,"method":"x"}', b'["a"]'):
            self.scene.relay.hear(line)
        self.assertEqual(self._codes(), [(None, -32700), (7, -32600), (None, -32600)])
        self.assertEqual(self.scene.far.asked, [])

    def test_batch(self) -> None:
        """
        Each message of a batch is relayed by itself.
        """
        self.scene.line([{"jsonrpc": "2.0", "id": id, "method": "ping"} for id in (1, 2)])
        self.assertEqual(self.scene.far.methods(), ["ping", "ping"])

    def test_same_id(self) -> None:
        """
        An id that is in use is refused, so that no answer is ambiguous.
        """
        self.scene.ask("ping")
        self.scene.ask("ping")
        self.assertEqual(self._codes(), [(1, -32600)])
        self.assertEqual(len(self.scene.far.asked), 1)

    def test_crowded(self) -> None:
        """
        Beyond a number of requests at once the rest is refused.
        """
        for id in range(MOST + 1):
            self.scene.hear("ping", id)
        self.assertEqual(self._codes(), [(MOST, -31103)])

    def test_cancel_modern(self) -> None:
        """
        A modern request is cancelled by hanging up, also on its response, and nothing more is said of it.
        """
        for begun in (False, True):
            self.setUp()
            asked = self.scene.ask("tools/list")
            if begun:
                asked.begin(200, {})
            self.scene.hear("notifications/cancelled", requestId=1)
            self.assertTrue("stop" in asked.flow.said if begun else asked.gone)
            self.scene.wait(1)
            self.assertEqual((self.scene.said, len(self.scene.far.asked)), ([], 1))

    def test_cancel_legacy(self) -> None:
        """
        A legacy request is cancelled by the notice, and then hung up; a late answer is not passed on.
        """
        self.scene.shake()
        self.scene.hear("tools/call", 1, name="a")
        asked = self.scene.far.last
        asked.begin(200, {})
        self.scene.hear("notifications/cancelled", requestId=1)
        self.assertEqual(self.scene.far.last.message["params"], {"requestId": 1})
        asked.event({"jsonrpc": "2.0", "id": 1, "result": {}})
        self.scene.far.last.answer(status=202)
        self.assertIn("stop", asked.flow.said)
        self.scene.hear("notifications/cancelled", requestId=9)
        self.assertEqual(self.scene.far.last.message["params"], {"requestId": 9})
        self.assertEqual(self.scene.said, [])

    def test_cancel_waiting(self) -> None:
        """
        A request that waits for what was said before it is never sent once it is cancelled.
        """
        self.scene.hear("notifications/odd", _meta=META)
        self.scene.ask("tools/list")
        self.scene.hear("notifications/cancelled", requestId=1)
        self.scene.hear("notifications/cancelled", requestId=9)
        self.scene.far.last.answer(status=202)
        self.assertEqual(self.scene.far.methods(), ["notifications/odd"])

    def test_order(self) -> None:
        """
        Whatever follows the handshake waits for the session that it makes, also in a hurry.
        """
        self.scene.hear("initialize", 0)
        self.scene.hear("notifications/initialized")
        self.scene.hear("tools/list", 1)
        self.assertEqual(self.scene.far.methods(), ["initialize"])
        self.scene.far.last.result({"Mcp-Session-Id": "s1"}, protocolVersion="2025-11-25")
        self.scene.far.last.answer(status=202)
        self.assertEqual([one.field("Mcp-Session-Id") for one in self.scene.far.asked[1:]], ["s1"] * 3)
        self.assertEqual(set(self.scene.far.methods()[2:]), {"GET", "tools/list"})

    def test_listening(self) -> None:
        """
        What a legacy far side says by itself reaches the client, and the client's answers reach it.
        """
        self.scene.hear("initialize", 0)
        self.scene.far.last.result({"Mcp-Session-Id": "s1"})
        self.scene.hear("notifications/initialized")
        self.scene.far.last.answer(status=202)
        stream = self.scene.far.last
        stream.begin(200, {})
        self.scene.said.clear()
        for message in (_NOTICE, _QUESTION, None):
            stream.event(message)
        stream.feed(b"data: <p>\n\n")
        self.assertEqual(self.scene.said, [_NOTICE, _QUESTION])
        self.assertIn("can't be read", self.scene.told[0])
        self.scene.line({"jsonrpc": "2.0", "id": 5, "result": {"roots": []}})
        self.assertEqual(self.scene.far.last.message["result"], {"roots": []})

    def test_initialized_again(self) -> None:
        """
        A client that shakes hands again is not heard twice, and one whose notice is refused not at all.
        """
        self.scene.hear("notifications/initialized")
        self.scene.far.last.answer(status=202)
        stream = self.scene.far.last
        self.assertEqual(stream.method, b"GET")
        self.scene.hear("notifications/initialized")
        self.scene.far.last.answer(status=202)
        self.assertTrue(stream.gone)
        self.scene.hear("notifications/initialized")
        self.scene.far.last.answer(status=400)
        self.assertEqual(self.scene.far.methods().count("GET"), 2)

    def test_question(self) -> None:
        """
        A modern client is never asked anything outside a result.
        """
        asked = self.scene.ask("prompts/list")
        asked.begin(200, {})
        asked.event(_QUESTION)
        self.assertEqual(self.scene.said, [])
        self.assertIn("can't be asked", self.scene.told[0])

    def test_any_stream(self) -> None:
        """
        An answer is passed on whichever stream it comes on.
        """
        self.scene.shake()
        self.scene.hear("ping", 1)
        self.scene.hear("ping", 2)
        first, second = self.scene.far.asked[-2:]
        second.begin(200, {})
        second.event({"jsonrpc": "2.0", "id": 1, "result": {}})
        self.assertEqual([said["id"] for said in self.scene.said], [1])
        self.scene.wait(1.1)
        self.assertTrue(first.gone)

    def test_own_fault(self) -> None:
        """
        What nobody expected ends one request, with an answer, and not the bridge.
        """
        self.scene.ask("ping").fail(ZeroDivisionError("oops"))
        self.assertEqual(self._codes(), [(1, -32603)])
        self.assertEqual(self.scene.relay.errands, {})
        self.assertIn("fault of the bridge", self.scene.told[0])
        self.scene.hear("notifications/initialized")
        self.scene.far.last.answer(status=202)
        self.scene.far.last.fail(ZeroDivisionError("oops"))
        self.assertEqual(len(self.scene.told), 2)

    def test_at_once(self) -> None:
        """
        A failure that comes at once is an answer as any other.
        """
        self.scene.far.refuse = ResponseNeverReceived([])
        self.scene.hear("tools/call", 1, name="a")
        self.assertEqual(self._codes(), [(1, -31102)])
        self.scene.hear("ping", 1)
        self.scene.wait(0.2)
        self.assertEqual(self._codes()[1:], [(1, -31102)])

    def test_finish(self) -> None:
        """
        At the end what is on its way has a little time, and the session is ended.
        """
        self.scene.shake()
        self.scene.hear("ping", 1)
        finishing = self._finish()
        self.scene.far.last.result()
        self.assertEqual(self.scene.far.last.method, b"DELETE")
        self.assertEqual(self.scene.far.last.field("Mcp-Session-Id"), "s1")
        self.scene.far.last.answer(status=204)
        self.assertIsNone(self.successResultOf(finishing))
        self.assertEqual(len(self.scene.said), 1)

    def test_finish_late(self) -> None:
        """
        What takes longer is answered with an error, and a subscription is not waited for.
        """
        self.scene.ask("tools/list", 1)
        self.scene.ask("subscriptions/listen", 2)
        finishing = self._finish()
        self.assertNoResult(finishing)
        self.scene.wait(GRACE + 0.1)
        self.assertIsNone(self.successResultOf(finishing))
        self.assertEqual(self._codes(), [(1, -31103), (2, -31103)])
        self.assertTrue(all(asked.gone for asked in self.scene.far.asked))
        self.assertEqual(self.scene.clock.getDelayedCalls(), [])

    def test_finish_listen(self) -> None:
        """
        With nothing but a subscription the end comes at once.
        """
        self.scene.ask("subscriptions/listen", 2)
        self.assertIsNone(self.successResultOf(self._finish()))

    def test_no_delete(self) -> None:
        """
        A far side that is gone, or silent, does not hold up the end.
        """
        for silent in (False, True):
            self.setUp()
            self.scene.shake()
            finishing = self._finish()
            if silent:
                self.scene.wait(GRACE + 0.1)
            else:
                self.scene.far.last.fail()
                self.assertIn("not ended", self.scene.told[0])
            self.assertIsNone(self.successResultOf(finishing))

    def test_untouched(self) -> None:
        """
        Numbers and texts pass as they were written, in both directions.
        """
        value = '{"n":1.0,"big":123456789012345678901234567890,"e":"\\u00e9"}'
        line = '{"jsonrpc":"2.0","id":1,"method":"ping","params":{"v":%s,"_meta":%s}}'
        self.scene.relay.hear((line % (value, json.dumps(META))).encode())
        self.assertIn(value.encode(), self.scene.far.last.body)
