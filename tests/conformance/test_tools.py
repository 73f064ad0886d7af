# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The tools that ask nobody anything.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.client import Client
from tests.conformance.legacy import Legacy
from tests.conformance.machine import Message
from tests.conformance.tools import PLAIN, SCHEMA_2020_12
from tests.conformance.values import words_of


class ToolsTests(SynchronousTestCase):
    """
    What the tools say.
    """

    def setUp(self) -> None:
        """
        Make a legacy fixture.
        """
        self.client = Client(Legacy)
        self.client.greet()

    def kinds(self, name: str) -> list[str]:
        """
        Call a tool and tell the kinds of its contents.
        """
        return [content["type"] for content in self.client.call(name)["result"]["content"]]

    def test_contents(self) -> None:
        """
        Each kind of content has a tool that shows it.
        """
        cases = {
            "test_simple_text": ["text"],
            "test_image_content": ["image"],
            "test_audio_content": ["audio"],
            "test_embedded_resource": ["resource"],
            "test_multiple_content_types": ["text", "image", "resource"],
            "test_reconnection": ["text"],
            "json_schema_2020_12_tool": ["text"],
        }
        for name, kinds in cases.items():
            self.assertEqual(self.kinds(name), kinds, name)

    def test_error(self) -> None:
        """
        A tool that fails says so to the model.
        """
        result = self.client.call("test_error_handling")["result"]
        self.assertTrue(result["isError"])
        self.assertEqual(result["content"][0]["text"], "This tool intentionally returns an error for testing")

    def test_argument(self) -> None:
        """
        An argument of the wrong type is the model's to correct.
        """
        self.assertEqual(
            self.client.call("test_x_mcp_header", region="eu")["result"]["content"][0]["text"], "Region: eu"
        )
        self.assertTrue(self.client.call("test_x_mcp_header", region=True)["result"]["isError"])
        self.assertTrue(self.client.call("test_x_mcp_header")["result"]["isError"])

    def test_progress(self) -> None:
        """
        Progress is reported to who gave a token, under that token, and to nobody else.
        """
        self.client.ask("tools/call", name="test_tool_with_progress", _meta={"progressToken": 0})
        told = [m["params"] for m in self.client.said if m.get("method") == "notifications/progress"]
        self.assertEqual([(p["progressToken"], p["progress"]) for p in told], [(0, 0), (0, 50), (0, 100)])
        self.client.said.clear()
        self.client.call("test_tool_with_progress")
        self.assertEqual(len(self.client.said), 1)

    def test_log(self) -> None:
        """
        A log is told from the level on that the client set.
        """
        self.client.call("test_tool_with_logging")
        told = [m["params"]["data"] for m in self.client.said if m.get("method") == "notifications/message"]
        self.assertEqual(told, ["Tool execution started", "Tool processing data", "Tool execution completed"])
        self.client.ask("logging/setLevel", level="warning")
        self.client.said.clear()
        self.client.call("test_tool_with_logging")
        self.assertEqual(len(self.client.said), 1)

    def test_cancel(self) -> None:
        """
        A cancelled call says nothing more.
        """
        self.client.on_wait = lambda seconds: self.client.hear(
            method="notifications/cancelled", params={"requestId": 1}
        )
        before = list(self.client.said)
        self.client.hear(id=1, method="tools/call", params={"name": "test_reconnection"})
        self.assertEqual(self.client.said, before)

    def test_listed(self) -> None:
        """
        The first tool needs no arguments, each has a description, and no keyword of a schema is lost.
        """
        listed: list[Message] = self.client.ask("tools/list")["result"]["tools"]
        self.assertEqual(listed[0]["name"], "test_simple_text")
        self.assertTrue(
            all(tool["description"] and tool["inputSchema"]["type"] == "object" for tool in listed)
        )
        self.assertEqual([tool["name"] for tool in listed[: len(PLAIN)]], [tool.name for tool in PLAIN])
        self.assertIn(SCHEMA_2020_12, [tool["inputSchema"] for tool in listed])
        self.assertNotIn("echo", [tool["name"] for tool in listed])

    def test_words(self) -> None:
        """
        A model's answer is read whether its content is one or several.
        """
        self.assertEqual(words_of({"content": {"type": "text", "text": "a"}}), "a")
        self.assertEqual(words_of({"content": [{"type": "text", "text": "b"}]}), "b")
        self.assertEqual(words_of({"content": "?"}), "")
