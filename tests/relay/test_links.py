# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.links`.
"""

from __future__ import annotations

import json
from typing import Any

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.links import Links
from tests.relay.goods import FakePlugin, members


def link(uri: str) -> dict[str, Any]:
    """
    Make a link as tools give it.
    """
    return {"type": "resource_link", "uri": uri, "name": "n"}


def embedded(uri: str) -> dict[str, Any]:
    """
    Make an embedded resource.
    """
    return {"type": "resource", "resource": {"uri": uri, "text": "t"}}


class LinksTests(SynchronousTestCase):
    """
    Tests for the memory of links.
    """

    def setUp(self) -> None:
        """
        Make a memory for three links, and two plugins.
        """
        self.links = Links(3)
        self.a, self.b = FakePlugin(), FakePlugin()

    def test_tools(self) -> None:
        """
        A resource that a tool's result links or embeds is looked for at that tool's plugin.
        """
        self.links.learn(self.a, members(content=[{"type": "text", "text": "x"}, link("a://1")]))
        self.links.learn(self.b, members(content=[embedded("b://1")], isError=False))
        self.assertIs(self.links.find("a://1"), self.a)
        self.assertIs(self.links.find("b://1"), self.b)
        self.assertIsNone(self.links.find("a://2"))

    def test_prompts(self) -> None:
        """
        So is one that a prompt's message embeds.
        """
        self.links.learn(self.a, members(messages=[{"role": "user", "content": embedded("a://1")}]))
        self.assertIs(self.links.find("a://1"), self.a)

    def test_reads(self) -> None:
        """
        So is one that came with another when that was read.
        """
        contents = [{"uri": "a://dir", "text": ""}, {"uri": "a://dir/1", "text": ""}]
        self.links.learn(self.a, members(contents=contents))
        self.assertIs(self.links.find("a://dir/1"), self.a)

    def test_less_room(self) -> None:
        """
        A smaller memory forgets what was longest not needed, at once.
        """
        self.links.learn(self.a, members(content=[link(f"a://{number}") for number in range(3)]))
        self.links.limit(2)
        self.assertEqual(len(self.links), 2)
        self.assertIsNone(self.links.find("a://0"))
        self.links.limit(3)
        self.links.learn(self.a, members(content=[link("a://0")]))
        self.assertEqual(len(self.links), 3)

    def test_written(self) -> None:
        """
        A link is understood however its JSON is written.
        """
        content = b'[ { "type":"resource_link", "uri" :\t"a:\\/\\/\\u0078\\"" } ]'
        self.links.learn(self.a, {"content": Raw(content)})
        self.assertIs(self.links.find('a://x"'), self.a)

    def test_texts(self) -> None:
        """
        A text that has a link written in it is no link, and neither is what stands elsewhere in a result.
        """
        self.links.learn(
            self.a,
            members(
                content=[{"type": "text", "text": json.dumps(link("a://1"))}, {"type": "uri", "uri": 7}],
                structuredContent={"uri": "a://2"},
            ),
        )
        self.assertEqual(len(self.links), 0)

    def test_broken(self) -> None:
        """
        A link that is no text to any reader is passed over, and the others are remembered.
        """
        content = b'[{"uri":"a://\\ud800"},{"uri":"\xff"},{"uri":"a://1"},{"uri":""}]'
        self.links.learn(self.a, {"content": Raw(content)})
        self.assertEqual(len(self.links), 1)
        self.assertIs(self.links.find("a://1"), self.a)

    def test_first(self) -> None:
        """
        A plugin can't draw the readers of another's resource to itself by linking it.
        """
        self.links.learn(self.a, members(content=[link("a://1")]))
        self.links.learn(self.b, members(content=[link("a://1")]))
        self.assertIs(self.links.find("a://1"), self.a)

    def test_limit(self) -> None:
        """
        Where there are too many links, the one goes that nobody told of or asked for the longest.
        """
        for number in (1, 2, 3):
            self.links.learn(self.a, members(content=[link(f"a://{number}")]))
        self.links.find("a://1")
        self.links.learn(self.a, members(content=[link("a://2")]))
        self.links.learn(self.a, members(content=[link("a://4")]))
        found = [number for number in (1, 2, 3, 4) if self.links.find(f"a://{number}") is not None]
        self.assertEqual(found, [1, 2, 4])
        self.assertEqual(len(self.links), 3)

    def test_many(self) -> None:
        """
        Of a result with more than a hundred links the first hundred are remembered.
        """
        links = Links(1000)
        links.learn(self.a, members(content=[link(f"a://{number}") for number in range(101)]))
        self.assertEqual(len(links), 100)
        self.assertIsNotNone(links.find("a://99"))
        self.assertIsNone(links.find("a://100"))

    def test_long(self) -> None:
        """
        A URI of more than 2,048 characters is not remembered.
        """
        self.links.learn(self.a, members(content=[link("a" * 2049), link("b" * 2048)]))
        self.assertIsNone(self.links.find("a" * 2049))
        self.assertIs(self.links.find("b" * 2048), self.a)

    def test_forget(self) -> None:
        """
        What a plugin has told goes with the plugin, and may be told by another then.
        """
        self.links.learn(self.a, members(content=[link("a://1")]))
        self.links.learn(self.b, members(content=[link("b://1")]))
        self.links.forget(self.a)
        self.assertIsNone(self.links.find("a://1"))
        self.assertIs(self.links.find("b://1"), self.b)
        self.links.learn(self.b, members(content=[link("a://1")]))
        self.assertIs(self.links.find("a://1"), self.b)
