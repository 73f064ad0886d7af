# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.content`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.content import composed, downgraded, filled, unknown_kinds, wrap
from mcpd.wire.message import Piece
from mcpd.wire.revision import MODERN, NEWEST_LEGACY, REVISIONS
from tests.relay.goods import members

OLDEST = REVISIONS["2024-11-05"]
SECOND = REVISIONS["2025-03-26"]
THIRD = REVISIONS["2025-06-18"]
TEXT = {"type": "text", "text": "x"}
AUDIO = {"type": "audio", "mimeType": "audio/wav", "data": "UklGRg=="}
LINK = {"type": "resource_link", "name": "notes", "uri": "file:///n", "icons": []}
LINK_TEXT = {"type": "text", "text": "notes: file:///n"}


def read(result: Mapping[str, Piece]) -> Any:
    """
    Read members as a client does.
    """
    return json.loads(composed(result))


class StructureTests(SynchronousTestCase):
    """
    Tests for structured results.
    """

    def test_wrap(self) -> None:
        """
        A structured result of any kind has its object, byte by byte, and everything else stays.
        """
        result = {"structuredContent": Raw(b"[1.50]"), "content": Raw(b"[]")}
        self.assertEqual(
            wrap(result), {"structuredContent": b'{"result":[1.50]}', "content": result["content"]}
        )
        self.assertEqual(read(wrap(members(structuredContent=None))), {"structuredContent": {"result": None}})

    def test_unstructured(self) -> None:
        """
        A result without one stays as it is.
        """
        result = members(content=[], isError=True)
        self.assertEqual(wrap(result), result)

    def test_filled(self) -> None:
        """
        A tool's result always has content: nothing, or the structured result as a text for the model.
        """
        for revision in REVISIONS.values():
            self.assertEqual(read(filled(members(x=1), revision)), {"x": 1, "content": []})
            result = read(filled({"structuredContent": Raw('{"größe": 1.50}'.encode())}, revision))
            self.assertEqual(result["content"], [{"type": "text", "text": '{"größe": 1.50}'}])
            self.assertEqual(result["structuredContent"], {"größe": 1.5})

    def test_full(self) -> None:
        """
        Content that a plugin gave is what the client sees.
        """
        for revision in REVISIONS.values():
            for result in (
                members(content=[]),
                members(content=[TEXT]),
                members(content=[TEXT], structuredContent={}),
            ):
                self.assertIs(filled(result, revision), result)

    def test_no_list(self) -> None:
        """
        Content that is one item or a text, where a list belongs, is made one; nothing else can be read.
        """
        for content, listed in (
            (TEXT, [TEXT]),
            ("x", [TEXT]),
            (None, []),
            (5, []),
            ("", [{**TEXT, "text": ""}]),
        ):
            for revision in REVISIONS.values():
                self.assertEqual(
                    read(filled(members(content=content, a=1), revision)), {"content": listed, "a": 1}
                )

    def test_unseen(self) -> None:
        """
        A client that does not know structured results is never left with an empty one.
        """
        result = members(content=[], structuredContent={"a": 1})
        for revision in (OLDEST, SECOND):
            self.assertEqual(read(filled(result, revision))["content"], [{"type": "text", "text": '{"a":1}'}])
        for revision in (THIRD, NEWEST_LEGACY, MODERN):
            self.assertIs(filled(result, revision), result)


class DowngradeTests(SynchronousTestCase):
    """
    Tests for content that is newer than the client.
    """

    def fitted(self, kinds: frozenset[str], *items: Any) -> Any:
        """
        Give a tool's content to a client.
        """
        return read(downgraded(members(content=items, isError=False), kinds))["content"]

    def test_kinds(self) -> None:
        """
        Each revision's clients are spared the kinds of content that came after it.
        """
        self.assertEqual(unknown_kinds(OLDEST), {"audio", "resource_link"})
        self.assertEqual(unknown_kinds(SECOND), {"resource_link"})
        for revision in (THIRD, NEWEST_LEGACY, MODERN):
            self.assertEqual(unknown_kinds(revision), frozenset())

    def test_audio(self) -> None:
        """
        Audio becomes a text that names its type and its size.
        """
        text, note = self.fitted(unknown_kinds(OLDEST), TEXT, AUDIO)
        self.assertEqual((text, note["type"]), (TEXT, "text"))
        self.assertIn("audio/wav, 4 bytes", note["text"])
        self.assertEqual(self.fitted(unknown_kinds(SECOND), AUDIO), [AUDIO])

    def test_poor_audio(self) -> None:
        """
        Audio that says nothing of itself is told of all the same.
        """
        (note,) = self.fitted(unknown_kinds(OLDEST), {"type": "audio", "data": 5})
        self.assertIn("of an unknown type, 0 bytes", note["text"])

    def test_link(self) -> None:
        """
        A link becomes a text with its name and address.
        """
        for revision in (OLDEST, SECOND):
            self.assertEqual(self.fitted(unknown_kinds(revision), LINK, TEXT), [LINK_TEXT, TEXT])
        self.assertEqual(self.fitted(unknown_kinds(THIRD), LINK), [LINK])

    def test_poor_link(self) -> None:
        """
        A link that lacks its name or its address is told of all the same.
        """
        items = ({"type": "resource_link", "uri": "a:b"}, {"type": "resource_link"})
        texts = [item["text"] for item in self.fitted(unknown_kinds(SECOND), *items)]
        self.assertEqual(texts, ["a:b", "[a link that leads nowhere]"])

    def test_common(self) -> None:
        """
        Whom a piece of content is for, and what its plugin noted about it, stays with it.
        """
        extra = {"annotations": {"audience": ["user"]}, "_meta": {"x": 1}}
        self.assertEqual(self.fitted(unknown_kinds(SECOND), LINK | extra), [LINK_TEXT | extra])

    def test_messages(self) -> None:
        """
        A prompt's messages are fitted like a tool's content, and keep their roles.
        """
        messages = [
            {"role": "user", "content": LINK},
            {"role": "assistant", "content": TEXT, "more": 1},
            {"role": "user"},
            5,
        ]
        result = read(downgraded(members(messages=messages), unknown_kinds(SECOND)))
        self.assertEqual(result["messages"], [{"role": "user", "content": LINK_TEXT}, *messages[1:]])

    def test_unknown(self) -> None:
        """
        Content of a kind that nobody knows, or of none, passes.
        """
        items = [{"type": "video"}, {"type": 5, "x": "audio"}, {}, 5, [AUDIO], None, AUDIO]
        self.assertEqual(self.fitted(unknown_kinds(OLDEST), *items)[:-1], items[:-1])

    def test_untouched(self) -> None:
        """
        What holds nothing new passes byte by byte, as does what can't be read as content.
        """
        for content in (
            b'[ {"type" : "text", "text": "all audio"} ]',
            b'{"type": "audio"}',
            b'"audio"',
            b"5",
        ):
            result = {"content": Raw(content), "messages": Raw(content)}
            self.assertEqual(downgraded(result, unknown_kinds(OLDEST)), result)

    def test_mentioned(self) -> None:
        """
        A text that only speaks of audio is that text.
        """
        item = {"type": "text", "text": "audio", "audio": 1}
        self.assertEqual(self.fitted(unknown_kinds(OLDEST), item), [item])
