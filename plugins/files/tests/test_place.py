# -*- test-case-name: plugins.files.tests.test_place -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.place`: nothing leads out of the roots.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import threading

from plugins.files.beneath.call import Refused
from plugins.files.beneath.place import PIECE, Roots, numbered, open_file, reach, show, trouble
from plugins.files.tests.given import SECRET, Folders

ESCAPES = (
    "../secret/key.txt",
    "docs/../secret/key.txt",
    "docs/../../etc/passwd",
    "docs/guide/../../secret/key.txt",
    "docs/./../secret/key.txt",
    "docs//..//secret/key.txt",
    "docs/..",
    "docs/../",
    "..",
    "../..",
    "./../secret/key.txt",
    "/etc/passwd",
    "//etc/passwd",
    "/../etc/passwd",
    "/proc/self/root/etc/passwd",
    "/proc/self/environ",
    "/dev/zero",
    "{base}/secret/key.txt",
    "{base}/docs/../secret/key.txt",
    "{base}/docs-private/key.txt",
    "{base}/docsx",
    "{base}",
    "{base}/",
    "{base}/docs/link/key.txt",
    "{base}/docs/absolute",
    "secret/key.txt",
    "DOCS/a.txt",
    "Docs/a.txt",
    "docs\0/a.txt",
    "docs/a.txt\0.md",
    "docs/\0../secret/key.txt",
    "docs/%2e%2e/secret/key.txt",
    "docs/%2e%2e%2fsecret%2fkey.txt",
    "docs/..%2fsecret/key.txt",
    "docs/%252e%252e/secret/key.txt",
    "docs/..%c0%afsecret/key.txt",
    "docs/\uff0e\uff0e/secret/key.txt",
    "docs/\u2025/secret/key.txt",
    "docs/..\\secret\\key.txt",
    "docs/.. /secret/key.txt",
    "docs/.../secret/key.txt",
    "docs/~/secret",
    "~/docs/a.txt",
    "file:///etc/passwd",
    "file://docs/a.txt",
    "docs/$HOME",
    "docs/link/key.txt",
    "docs/link",
    "docs/link/",
    "docs/link/.",
    "docs/up/secret/key.txt",
    "docs/absolute",
    "docs/relative",
    "docs/inside",
    "docs/loop",
    "docs/loop/loop",
    "docs/magic/etc/passwd",
    "docs/dangling",
    "docs/pipe",
    "docs/socket",
    "docs/guide",
    "docs/a.txt/intro.md",
    "docs/a.txt/..",
    "docs/" + "x" * 300,
    "docs/" + "guide/" * 600 + "intro.md",
    "docs",
)


class EscapeTests(Folders):
    """
    Paths that must not be read.
    """

    def setUp(self) -> None:
        """
        Set every kind of trap.
        """
        super().setUp()
        (self.base / "docs-private").mkdir()
        (self.base / "docs-private" / "key.txt").write_text(SECRET)
        (self.base / "docsx").write_text(SECRET)
        links = {
            "link": "../secret",
            "up": "..",
            "absolute": str(self.base / "secret" / "key.txt"),
            "relative": "../secret/key.txt",
            "inside": "a.txt",
            "loop": "loop",
            "magic": "/proc/self/root",
            "dangling": "nowhere",
        }
        for name, target in links.items():
            os.symlink(target, self.docs / name)
        os.mkfifo(self.docs / "pipe")
        # By a short name: an address of this family has room for 108 bytes.
        with socket.socket(socket.AF_UNIX) as listening, contextlib.chdir(self.docs):
            listening.bind("socket")

    def read(self, path: str, roots: Roots | None = None) -> bytes:
        """
        Read a file whole.
        """
        place = (roots or self.roots).find(path)
        if place is None:
            raise Refused("above")
        with reach(place) as (folder, name), open_file(folder, name) as file:
            return file.read(1000)

    def test_table(self) -> None:
        """
        No trick with dots, slashes, encodings, links or special files reads anything.
        """
        self.assertGreaterEqual(len(ESCAPES), 40)
        paths = [escape.format(base=self.base) for escape in ESCAPES]
        self.assertEqual([path for path in paths if self.outcome(path) != "refused"], [])

    def outcome(self, path: str) -> bytes | str:
        """
        Tell what reading comes to.
        """
        try:
            return self.read(path)
        except (Refused, OSError):
            return "refused"

    def test_odd_but_inside(self) -> None:
        """
        Doubled slashes, dots and absolute paths beneath a root find the file, and no descriptor is lost.
        """
        before = os.listdir("/proc/self/fd")
        for path in ("docs/a.txt", "./docs/./a.txt", "docs//a.txt", "docs/a.txt/", f"{self.docs}/a.txt"):
            self.assertEqual(self.read(path), b"one\ntwo\nthree\n", path)
        self.assertRaises(OSError, self.read, "docs/guide/none/at/all")
        self.assertEqual(len(os.listdir("/proc/self/fd")), len(before))

    def test_encoded_is_a_name(self) -> None:
        """
        A percent sign in a path is a percent sign: a file of that very name is read.
        """
        self.put("%2e%2e", b"odd")
        self.assertEqual(self.read("docs/%2e%2e"), b"odd")

    def test_devices(self) -> None:
        """
        Devices are never opened, even where a root has some.
        """
        roots = Roots.open(["/dev"])
        self.addCleanup(os.close, roots.all[0].fd)
        for path in ("dev/null", "dev/zero", "dev/tty", "dev/stdin", "dev/fd/0"):
            self.assertRaises((Refused, OSError), self.read, path, roots)

    def test_magic_links(self) -> None:
        """
        The kernel's links in /proc lead nowhere, even where a root is in there.
        """
        roots = Roots.open(["/proc/self"])
        self.addCleanup(os.close, roots.all[0].fd)
        for path in ("root/etc/passwd", "cwd/setup.cfg", "exe", "fd/0", "task/../root"):
            self.assertRaises((Refused, OSError), self.read, f"self/{path}", roots)

    def test_race(self) -> None:
        """
        A folder that is swapped for a link all the time, while it is read, never lets anything out.
        """
        self.put("swap/key.txt", b"harmless")
        over = threading.Event()

        def swap() -> None:
            here, away, link = self.docs / "swap", self.docs / "away", self.docs / "bad"
            os.symlink("../secret", link)
            while not over.is_set():
                os.rename(here, away)
                os.rename(link, here)
                os.rename(here, link)
                os.rename(away, here)

        swapping = threading.Thread(target=swap, daemon=True)
        swapping.start()
        self.addCleanup(swapping.join, 10)
        self.addCleanup(over.set)
        outcomes: set[bytes | str] = set()
        for _ in range(3000):
            outcomes.add(self.outcome("docs/swap/key.txt"))
        self.assertLessEqual(outcomes, {b"harmless", "refused"})

    def test_moved_root(self) -> None:
        """
        A root that is moved away, and a link put in its place, is still the folder that it was.
        """
        self.docs.rename(self.base / "old")
        os.symlink("secret", self.docs)
        self.assertEqual(self.read("docs/a.txt"), b"one\ntwo\nthree\n")
        self.assertRaises(OSError, self.read, "docs/key.txt")


class RootsTests(Folders):
    """
    Roots and the paths beneath them.
    """

    def test_names(self) -> None:
        """
        Roots with the same last name are told apart by a number, and the top of the disk has a name, too.
        """
        for name in ("x/docs", "y/docs"):
            (self.base / name).mkdir(parents=True)
        roots = self.open("docs", "x/docs", "y/docs", "/")
        self.assertEqual([root.name for root in roots.all], ["docs", "docs-2", "docs-3", "root"])

    def test_innermost(self) -> None:
        """
        An absolute path beneath two roots, one in another, belongs to the inner one.
        """
        roots = self.open("docs", "docs/guide", "/")
        for path, expected in (("guide/intro.md", "guide/intro.md"), ("a.txt", "docs/a.txt")):
            place = roots.find(f"{self.docs}/{path}")
            assert place is not None
            self.assertEqual(place.path, expected)
        place = roots.find("/etc/hosts")
        assert place is not None
        self.assertEqual(place.path, "root/etc/hosts")

    def test_top(self) -> None:
        """
        Nothing, a dot or a slash is above all roots.
        """
        for path in ("", ".", "/", "./", "//"):
            self.assertIsNone(self.roots.find(path), path)

    def test_refused(self) -> None:
        """
        No roots, a missing one or a file for one are refused with a sentence.
        """
        for paths, sentence in (
            ([], "give one folder or more"),
            ([str(self.base / "none")], "No such file"),
            ([str(self.docs / "a.txt")], "Not a directory"),
        ):
            refused = self.assertRaises(Refused, Roots.open, paths)
            self.assertIn(sentence, str(refused))

    def test_root_may_be_a_link(self) -> None:
        """
        A root that is itself a link is opened: the operator chose it.
        """
        os.symlink("docs", self.base / "current")
        self.assertEqual(self.open("current").all[0].name, "current")


class TextTests(Folders):
    """
    Names, reasons and lines.
    """

    def test_undecodable(self) -> None:
        """
        A name that is not UTF-8 is shown with its bytes as escapes, which any JSON reader takes.
        """
        self.assertEqual(show("docs", os.fsdecode(b"caf\xe9")), "docs/caf\\xe9")

    def test_trouble(self) -> None:
        """
        The reason of a failure is told without any path of the machine.
        """
        self.assertIn("no such file", trouble(FileNotFoundError(errno.ENOENT, "x", "/srv/private")))
        self.assertEqual(trouble(OSError("/srv/private")), "That cannot be read: the system refuses.")

    def test_long_lines(self) -> None:
        """
        A line longer than is looked at together comes in pieces that have its number.
        """
        self.put("long", b"x" * (PIECE + 5) + b"\nend")
        with open(self.docs / "long", "rb") as file:
            self.assertEqual(
                [(number, len(piece)) for number, piece in numbered(file)], [(1, PIECE), (1, 6), (2, 3)]
            )
