# -*- test-case-name: plugins.files.tests.test_search -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.search`.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

from plugins.files.beneath.call import ANSWER, Json
from plugins.files.beneath.place import PIECE
from plugins.files.beneath.search import BYTES, CHUNK, DEPTH, NEWS, SHOWN, Search
from plugins.files.tests.given import Folders, query


class SearchTests(Folders):
    """
    A search, here and now.
    """

    def search(self, text: str, **more: Any) -> list[Json]:
        """
        Search; gives all events.
        """
        return list(Search(query(text, **more), lambda: 0.0).run(self.roots))

    def matches(self, text: str, **more: Any) -> list[tuple[str, int, str]]:
        """
        Search; gives path, line and text of each match.
        """
        found = [event["match"] for event in self.search(text, **more) if "match" in event]
        return [(match["path"], match["line"], match["text"]) for match in found]

    def status(self, text: str, **more: Any) -> Json:
        """
        Search; gives how it ended.
        """
        status: Json = self.search(text, **more)[-1]["status"]
        return status

    def test_plain(self) -> None:
        """
        A plain text is found as it stands, whatever it would mean as a pattern.
        """
        self.put("b.txt", b"a.c\nabc\n")
        self.assertEqual(self.matches("a.c"), [("docs/b.txt", 1, "a.c")])
        self.assertEqual(len(self.matches("a.c", regex=True)), 2)

    def test_case(self) -> None:
        """
        Case counts unless it is said that it does not.
        """
        self.assertEqual(len(self.matches("hello")), 1)
        self.assertEqual(len(self.matches("hello", ignore_case=True)), 2)

    def test_where(self) -> None:
        """
        A path and a glob narrow the search down.
        """
        self.assertEqual(len(self.matches("o", glob="*.md")), 2)
        self.assertEqual(
            self.matches("o", path="docs/a.txt"), [("docs/a.txt", 1, "one"), ("docs/a.txt", 2, "two")]
        )

    def test_context(self) -> None:
        """
        Lines around a match are shown, as far as there are any.
        """
        self.put("b.txt", b"1\n2\nx\r\n4\nx\n")
        found = [event["match"] for event in self.search("x", path="docs/b.txt", context=2)[:-1]]
        self.assertEqual([match["before"] for match in found], [["1", "2"], ["x", "4"]])
        self.assertEqual([match["after"] for match in found], [["4", "x"], []])

    def test_at_once(self) -> None:
        """
        A match is told before the next line is looked at, so that it is not lost if that takes for ever.
        """
        run = Search(query("o", path="docs/a.txt"), lambda: 0.0).run(self.roots)
        self.assertEqual(next(run)["match"]["line"], 1)

    def test_long_line(self) -> None:
        """
        Of a long line, the part around the match is shown, and its number is right.
        """
        self.put("b.txt", b"\n" + b"x" * (PIECE + 50) + b"needle" + b"y" * 5000 + b"\nneedle\n")
        first, second = self.matches("needle", path="docs/b.txt")
        self.assertEqual((first[1], second[1]), (2, 3))
        self.assertEqual(len(first[2]), SHOWN)
        self.assertIn("needle", first[2])

    def test_not_text(self) -> None:
        """
        Files that are not text are skipped, and counted; what is not UTF-8 is replaced.
        """
        self.put("b.bin", b"hello\0")
        self.put("c.txt", b"hello caf\xe9\n")
        self.assertEqual(
            self.matches("hello", path="docs", glob="c.txt"), [("docs/c.txt", 1, "hello caf\ufffd")]
        )
        self.assertEqual(
            self.status("hello", glob="b.bin"), {"files": 0, "skipped": 1, "bytes": 0, "stopped": ""}
        )

    def test_large(self) -> None:
        """
        A text is found wherever it is in a large file, and a character that stands for bad bytes, too.
        """
        lines = (b"y" * 1023 + b"\n") * (CHUNK // 1024 - 1)
        for at in (CHUNK - 3, CHUNK, CHUNK + 1):
            self.put("b.txt", lines + b"z" * (at - len(lines)) + b"needle\n" + lines)
            self.assertEqual(len(self.matches("needle", path="docs/b.txt")), 1)
        self.put("b.txt", b"caf\xe9\n")
        self.assertEqual(len(self.matches("\ufffd", path="docs/b.txt")), 1)

    def test_links(self) -> None:
        """
        Links are not followed, so nothing outside is searched and nothing twice.
        """
        os.symlink("../secret", self.docs / "link")
        os.symlink("a.txt", self.docs / "again")
        os.symlink("..", self.docs / "up")
        self.assertEqual(self.matches("nobody"), [])
        self.assertEqual(self.status("x")["files"], 3)

    def test_matches_bound(self) -> None:
        """
        A search ends at its limit of matches, and says so only if there was another one.
        """
        self.assertEqual(self.status("o", path="docs/a.txt", limit=2)["stopped"], "")
        self.assertEqual(self.status("e", path="docs/a.txt", limit=1)["stopped"], "matches")
        self.assertEqual(len(self.matches("o", limit=1, context=1)), 1)

    def test_size_bound(self) -> None:
        """
        A search ends when the answer is long enough, context included.
        """
        self.put("b.txt", (b"x" * SHOWN + b"\n") * 2000)
        events = self.search("x", path="docs/b.txt", limit=1000, context=5)
        self.assertEqual(events[-1]["status"]["stopped"], "size")
        told = sum(
            len(line) for event in events[:-1] for line in (event["match"]["text"], *event["match"]["after"])
        )
        self.assertLess(told, ANSWER + 10 * SHOWN)

    def test_bytes_bound(self) -> None:
        """
        A search reads so many bytes and no more.
        """
        for more in ({}, {"regex": True}):
            search = Search(query("x", **more), lambda: 0.0, read=BYTES - 5)
            status = list(search.run(self.roots))[-1]["status"]
            self.assertEqual((status["stopped"], status["files"]), ("bytes", 1))

    def test_depth_bound(self) -> None:
        """
        A search that does not reach the deepest folders says that there are more files.
        """
        self.put("d/" * DEPTH + "x.txt", b"x\n")
        self.assertEqual(self.status("x")["stopped"], "files")

    def test_progress(self) -> None:
        """
        A search tells twice a second how far it is.
        """
        ticks = itertools.count(0, 0.2)
        search = Search(query("nothing", regex=True), lambda: next(ticks))
        self.put("b.txt", b"y\n" * 5 * NEWS)
        told = [event["status"]["bytes"] for event in search.run(self.roots)]
        self.assertGreater(len(told), 3)
        self.assertEqual(told, sorted(told))

    def test_bad_pattern(self) -> None:
        """
        What is no regular expression is refused with the reason, however it is wrong.
        """
        for pattern in ("(", "a{99999999999999}", "(?P<a>x)(?P<a>y)", "(" * 1000):
            (event,) = self.search(pattern, regex=True)
            self.assertIn("no regular expression", event["refused"])

    def test_bad_path(self) -> None:
        """
        A path that leads nowhere is refused with the reason.
        """
        for path in ("docs/none", "elsewhere", "docs/../x"):
            (event,) = self.search("x", path=path)
            self.assertIn("refused", event)

    def test_swapped(self) -> None:
        """
        A file that becomes a link after its folder was read is not searched.
        """
        self.put("guide/a.md", b"nobody\n")
        run = Search(query("nobody", path="docs/guide"), lambda: 0.0).run(self.roots)
        found = [next(run)]
        (self.docs / "guide" / "intro.md").unlink()
        os.symlink("../../secret/key.txt", self.docs / "guide" / "intro.md")
        found += run
        self.assertEqual([event["match"]["text"] for event in found[:-1]], ["nobody"])
        self.assertEqual(found[-1]["status"]["files"], 2)
