# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.modern`.
"""

from __future__ import annotations

from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.modern import PAGES
from tests.ctl.bridge.stage import META, Scene, tool


class ModernTests(SynchronousTestCase):
    """
    Tests for :class:`Modern`, in its bridge.
    """

    def setUp(self) -> None:
        """
        Have a bridge.
        """
        self.scene = Scene()

    def _call(self, **arguments: Any) -> Any:
        return self.scene.ask("tools/call", 7, name="a", arguments=arguments)

    def test_fields(self) -> None:
        """
        A request has the fields of its revision, and never a session's.
        """
        asked = self.scene.ask("resources/read", uri="test://x")
        self.assertEqual(asked.field("MCP-Protocol-Version"), "2026-07-28")
        self.assertEqual((asked.field("Mcp-Method"), asked.field("Mcp-Name")), ("resources/read", "test://x"))
        self.assertIsNone(asked.field("Mcp-Session-Id"))
        self.assertEqual(asked.message["params"], {"uri": "test://x", "_meta": META})

    def test_list(self) -> None:
        """
        The client sees no tool whose annotations are wrong, and calls repeat what those of the others say.
        """
        good = tool("a", region="Region")
        self.scene.ask("tools/list").result(tools=[good, tool("b", x="")], nextCursor="n")
        self.assertEqual(self.scene.said[0]["result"], {"tools": [good], "nextCursor": "n"})
        self.assertEqual(self._call(region="x").field("Mcp-Param-Region"), "x")
        self.assertEqual(self.scene.far.methods(), ["tools/list", "tools/call"])

    def test_unlisted(self) -> None:
        """
        The tools are listed for a client that calls one without having asked, once and all pages of it.
        """
        first = self._call(region="x")
        self.scene.hear("tools/call", 8, name="a", _meta={**META, "progressToken": 1})
        self.assertEqual(first.message["method"], "tools/list")
        self.assertEqual(first.message["params"], {"_meta": META})
        first.result(tools=[], nextCursor="n")
        self.assertEqual(self.scene.far.last.message["params"], {"_meta": META, "cursor": "n"})
        self.scene.far.last.result(tools=[tool("a", region="Region")])
        self.assertEqual(self.scene.far.methods()[2:], ["tools/call", "tools/call"])
        call = next(asked for asked in self.scene.far.asked if asked.message["id"] == 7)
        self.assertEqual(call.field("Mcp-Param-Region"), "x")
        self.assertEqual(self.scene.said, [])

    def test_unknown(self) -> None:
        """
        A tool that is not listed is called all the same: the far side will say what it thinks of it.
        """
        self._call().result(tools=[])
        self.assertEqual(self.scene.far.last.message["method"], "tools/call")
        self._call()
        self.assertEqual(self.scene.far.methods(), ["tools/list", "tools/call"])
        self.setUp()
        self._call().answer(status=500)
        self.assertEqual(self.scene.far.last.message["method"], "tools/call")
        self.assertIn("could not be listed", self.scene.told[0])
        self.scene.ask("tools/call", 8, name=3)
        self.assertEqual(self.scene.far.last.message["id"], 8)

    def test_endless(self) -> None:
        """
        A list without an end is not read for ever.
        """
        self._call()
        while self.scene.far.last.message["method"] == "tools/list":
            self.scene.far.last.result(tools=[], nextCursor="n")
        self.assertEqual(len(self.scene.far.asked), PAGES + 1)

    def test_mismatch(self) -> None:
        """
        A call that is refused for its fields is sent once more, with those that the tool wants by now.
        """
        self.scene.ask("tools/list").result(tools=[tool("a")])
        mismatch = {"jsonrpc": "2.0", "id": 7, "error": {"code": -32020, "message": "Region is missing"}}
        self._call(region="x").answer(mismatch, 400)
        self.scene.far.last.result(tools=[tool("a", region="Region")])
        again = self.scene.far.last
        self.assertEqual(again.field("Mcp-Param-Region"), "x")
        again.answer(mismatch, 400)
        self.assertEqual(self.scene.said[1:], [mismatch])
        self.assertEqual(len(self.scene.far.asked), 4)

    def test_refused(self) -> None:
        """
        Any other refusal is the client's affair, as an unsupported version.
        """
        error = {"code": -32022, "message": "no", "data": {"supported": ["2026-07-28"]}}
        refusal = {"jsonrpc": "2.0", "id": 1, "error": error}
        self.scene.ask("server/discover").answer(refusal, 400)
        self.assertEqual(self.scene.said, [refusal])

    def test_input_required(self) -> None:
        """
        What the far side needs, and what it wants to be told again, passes untouched.
        """
        self.scene.ask("tools/list").result(tools=[tool("a")])
        state = '{"n": "\\u00e9"} '
        required = {"resultType": "input_required", "inputRequests": {"k": {}}, "requestState": state}
        self._call().result(**required)
        self.assertEqual(self.scene.said[1]["result"], required)
        asked = self.scene.ask("tools/call", 8, name="a", inputResponses={"k": {}}, requestState=state)
        self.assertEqual(asked.message["params"]["requestState"], state)
