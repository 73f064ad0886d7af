# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.renewal`.
"""

from __future__ import annotations

from msgspec import Raw
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.body import Cut
from mcpd.wire.message import Request
from tests.ctl.bridge.stage import Scene


class RenewalTests(SynchronousTestCase):
    """
    Tests for :class:`Renewal`.
    """

    def setUp(self) -> None:
        """
        Have a session that the far side has lost.
        """
        self.scene = Scene()
        self.scene.session.open(b"old", {"clientInfo": Raw(b'{"name":"x"}')}, {})

    def _renew(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.scene.renewal.renew(b"old"))

    def test_renew(self) -> None:
        """
        Hands are shaken again once, in the client's own words, and the new session has what the old one had.
        """
        self.scene.session.keep(Request(b"7", "logging/setLevel", {"level": Raw(b'"info"')}))
        first, second = self._renew(), self._renew()
        far = self.scene.far
        self.assertEqual(far.last.message["params"], {"clientInfo": {"name": "x"}})
        self.assertIsNone(far.last.field("Mcp-Session-Id"))
        far.last.result({"Mcp-Session-Id": "new"}, protocolVersion="2025-06-18")
        far.last.answer(status=202)
        far.last.result()
        self.assertIsNone(self.successResultOf(first))
        self.assertIsNone(self.successResultOf(second))
        self.assertEqual(far.methods(), ["initialize", "notifications/initialized", "logging/setLevel"])
        self.assertEqual(far.last.field("Mcp-Session-Id"), "new")
        self.assertEqual(far.last.field("MCP-Protocol-Version"), "2025-06-18")

    def test_stream(self) -> None:
        """
        The far side may answer with a stream, and what it can't be understood in is passed over.
        """
        renewing = self._renew()
        asked = self.scene.far.last
        asked.begin(200, {"Mcp-Session-Id": "new"})
        asked.feed(b"data: nonsense\n\n")
        asked.event({"jsonrpc": "2.0", "id": "else", "result": {}})
        asked.event({"jsonrpc": "2.0", "id": asked.message["id"], "result": {}})
        asked.end()
        self.scene.far.last.answer(status=202)
        self.assertIsNone(self.successResultOf(renewing))

    def test_refused(self) -> None:
        """
        A far side that does not shake hands again is told as it says it, and tried again by the next.
        """
        renewing = self._renew()
        error = {"jsonrpc": "2.0", "error": {"code": -32000, "message": "full"}}
        self.scene.far.last.answer(error, 503)
        self.assertIn("full", self.failureResultOf(renewing, Cut).getErrorMessage())
        renewing = self._renew()
        self.scene.far.last.answer(status=500)
        self.assertIn("HTTP 500", self.failureResultOf(renewing, Cut).getErrorMessage())
        self.assertEqual(self.scene.session.id, b"old")

    def test_silence(self) -> None:
        """
        A far side that says nothing does not hold the client up for ever.
        """
        renewing = self._renew()
        self.scene.wait(31)
        self.failureResultOf(renewing, Cut)
