# -*- test-case-name: plugins.files.tests.test_walk -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.walk`.
"""

from __future__ import annotations

import os

from twisted.trial.unittest import SynchronousTestCase

from plugins.files.beneath.call import Refused
from plugins.files.beneath.walk import SEEN, Glob, Walk
from plugins.files.tests.given import Folders

GLOBS = (
    ("*.md", "intro.md", True),
    ("*.md", "guide/intro.md", True),
    ("*.md", "intro.mdx", False),
    ("guide/*.md", "guide/intro.md", True),
    ("guide/*.md", "guide/more/deep.md", False),
    ("guide/*.md", "other/guide/intro.md", False),
    ("guide/**/*.md", "guide/intro.md", True),
    ("guide/**/*.md", "guide/a/b/deep.md", True),
    ("**", "anything/at/all", True),
    ("**/more/*", "guide/more/deep.md", True),
    ("guide/**", "guide/a/b", True),
    ("guide/**", "a/guide", False),
    ("a?c", "abc", True),
    ("[ab].txt", "b.txt", True),
    ("[!ab].txt", "b.txt", False),
    ("*.MD", "intro.md", False),
    ("/a.txt", "a.txt", True),
    ("/a.txt", "b/a.txt", False),
    ("a", "a/b", False),
    ("(a|b)+$", "ab", False),
    ("*a" * 100 + "b", "a" * 250, False),
    ("**/" * 100 + "b", "a/" * 250 + "a", False),
)


class GlobTests(SynchronousTestCase):
    """
    Patterns.
    """

    def test_table(self) -> None:
        """
        A pattern matches as a shell's does, with ** for any folders, and hostile ones take no time.
        """
        for pattern, path, expected in GLOBS:
            self.assertIs(Glob(pattern).matches(path.split("/")), expected, (pattern, path))


class WalkTests(Folders):
    """
    The way through folders.
    """

    def found(self, path: str = "", depth: int = 9, glob: str | None = None) -> list[str]:
        """
        Tell the paths of what a walk finds.
        """
        self.walk = Walk(self.roots, glob)
        return [entry.place.path for entry in self.walk.entries(self.roots.find(path), depth)]

    def test_order(self) -> None:
        """
        Entries come in the order of their names, a folder before what is in it.
        """
        self.assertEqual(
            self.found(),
            [
                *("docs", "docs/a.txt", "docs/guide", "docs/guide/intro.md"),
                *("docs/guide/more", "docs/guide/more/deep.md"),
            ],
        )

    def test_depth(self) -> None:
        """
        No more folders are entered than were asked for, and it is known that there are more.
        """
        self.assertEqual(self.found(depth=1), ["docs"])
        self.assertEqual(self.found("docs", depth=1), ["docs/a.txt", "docs/guide"])
        self.assertTrue(self.walk.deep)
        self.found("docs", depth=3)
        self.assertFalse(self.walk.deep)

    def test_file(self) -> None:
        """
        A file is its own only entry.
        """
        self.assertEqual(self.found("docs/a.txt", 1), ["docs/a.txt"])
        self.assertEqual(self.found("docs/a.txt", 1, "*.md"), [])

    def test_glob(self) -> None:
        """
        A pattern applies to the path from where the walk begins.
        """
        self.assertEqual(self.found("docs/guide", glob="more/*.md"), ["docs/guide/more/deep.md"])
        self.assertEqual(self.found(glob="docs/*.txt"), ["docs/a.txt"])

    def test_links(self) -> None:
        """
        A link is an entry but no way.
        """
        os.symlink("../secret", self.docs / "link")
        self.assertEqual(self.found("docs", glob="link/**"), ["docs/link"])
        self.assertRaises(Refused, self.found, "docs/link")

    def test_swapped(self) -> None:
        """
        A folder that becomes a link just before it is entered is not entered.
        """
        self.put("z.txt", b"last")
        paths = []
        for entry in Walk(self.roots, None).entries(self.roots.find("docs"), 9):
            paths.append(entry.place.path)
            if entry.place.path == "docs/guide":
                (self.docs / "guide").rename(self.base / "gone")
                os.symlink("../secret", self.docs / "guide")
        self.assertEqual(paths, ["docs/a.txt", "docs/guide", "docs/z.txt"])

    def test_gone(self) -> None:
        """
        What is removed meanwhile is left out.
        """
        paths = []
        for entry in Walk(self.roots, None).entries(self.roots.find("docs"), 1):
            paths.append(entry.place.path)
            (self.docs / "guide").rename(self.base / "gone")
        self.assertEqual(paths, ["docs/a.txt"])

    def test_bound(self) -> None:
        """
        A walk looks at so many entries and no more, over all folders, and says that it was cut.
        """
        walk = Walk(self.roots, None)
        walk.left = 3
        paths = [entry.place.path for entry in walk.entries(self.roots.find("docs"), 9)]
        self.assertEqual(len(paths), 3)
        self.assertTrue(walk.cut)
        self.assertEqual(Walk(self.roots, None).left, SEEN)
