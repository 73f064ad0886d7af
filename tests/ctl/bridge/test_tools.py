# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.tools`.
"""

from __future__ import annotations

from unittest.mock import ANY

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.tools import MOST, Tools
from mcpd.wire import codec, write
from mcpd.wire.message import Members
from tests.ctl.bridge.stage import tool


def _listed(*tools: object) -> Members:
    found = codec.members(write.encode({"tools": tools, "ttlMs": 1}))
    assert found is not None
    return found


class ToolsTests(SynchronousTestCase):
    """
    Tests for :class:`Tools`.
    """

    def setUp(self) -> None:
        """
        Know no tools.
        """
        self.told: list[str] = []
        self.tools = Tools(self.told.append)

    def test_learn(self) -> None:
        """
        What a list says of a tool is what its calls repeat, and the list passes untouched.
        """
        listed = _listed(tool("a", region="Region"), {"name": 3}, 4)
        self.assertIs(self.tools.learn(listed), listed)
        self.assertTrue(self.tools.knows("a"))
        arguments = Raw(b'{"region": "x"}')
        self.assertEqual(self.tools.fields("a", arguments), ((b"mcp-param-region", b"x"),))
        self.assertEqual(self.tools.fields("b", arguments), ())
        self.assertEqual(self.tools.learn({}), {})

    def test_wrong(self) -> None:
        """
        A tool with a wrong annotation is left out of the list and told, and the others stay as they were.
        """
        right = tool("right", region="Region")
        self.tools.learn(_listed(tool("wrong", one="R")))
        result = self.tools.learn(_listed(tool("wrong", one="R", two="r"), right, tool("w" * 300, one="")))
        self.assertEqual(bytes(result["tools"]), b"[" + write.encode(right) + b"]")
        self.assertEqual(bytes(result["ttlMs"]), b"1")
        self.assertEqual((self.tools.knows("wrong"), self.tools.knows("right")), (False, True))
        self.assertEqual(self.told, [ANY, ANY])
        self.assertIn("the tool wrong is left out", self.told[0])
        self.assertLess(len(self.told[1]), 300)

    def test_bounded(self) -> None:
        """
        A far side that lists tools for ever does not fill the memory.
        """
        for number in range(MOST + 1):
            self.tools.remember(str(number), ())
        self.assertEqual((self.tools.knows("0"), self.tools.knows("1")), (False, True))
