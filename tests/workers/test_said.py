# -*- test-case-name: tests.workers.test_said -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.said`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.workers.said import Said, discreet, printable

HIDDEN = {
    "alone": ("/srv/mcpd/secret.txt", "[path]"),
    "a home": ("cannot open ~/x", "cannot open [path]"),
    "another one's home": ("~alice/.ssh/id_rsa: denied", "[path]: denied"),
    "a drive": (r"C:\Users\me\x.py is missing", "[path] is missing"),
    "a drive with slashes": ("d:/data/x", "[path]"),
    "a sentence": ("can't open /etc/passwd, really.", "can't open [path], really."),
    "two": ("mv /a/b /c/d", "mv [path] [path]"),
    "Python": ('File "/srv/my files/x.py", line 3, in <module>', 'File "[path]", line 3, in <module>'),
    "Node": ("    at open (/srv/app/index.js:10:5)", "at open ([path])"),
    "Node's modules": ("at file:///srv/app/index.mjs:3:5", "at file:[path]"),
    "Java": (r"\tat x.Y(Y.java:3)\t/srv/y.jar", r"\tat x.Y(Y.java:3)[path]"),
    "C": ("/src/main.c:12: assertion failed", "[path]: assertion failed"),
    "the C library": ("open: /srv/x: No such file or directory", "open: [path]: No such file or directory"),
    "an option": ("--root=/srv/x -I/usr/include", "--root=[path] -I[path]"),
    "a list": ("PATH=/usr/bin:/home/alice/bin:~/bin,/opt", "PATH=[path]"),
    "a host's": ("alice@host:/srv/repo is gone", "alice@host:[path] is gone"),
    "a host's file": ("file://host/srv/x", "file:[path]"),
    "a socket": ("unix:///run/x.sock refused", "unix:[path] refused"),
    "a database": ("sqlite:////srv/x.db is locked", "sqlite:[path] is locked"),
    "an archive": ("jar:file:/srv/x.jar!/a/b", "jar:file:[path]"),
    "quotes": ("'/a b/c' and `/d e` and \"/f g", "'[path]' and `[path]` and \"[path]"),
    "another's quotes": ('"/home/o\'brien/x y"', '"[path]"'),
    "a repr": ("FileNotFoundError(2, 'No such file', '/srv/x')",
               "FileNotFoundError(2, 'No such file', '[path]')"),
    "brackets": ("[/a/b] {/c/d} </e/f> |/g", "[[path]] {[path]} <[path]> |[path]"),
    "escaped blanks": (r"/srv/my\ files/x is full", "[path] is full"),
    "relative": ("../../home/alice", "..[path]"),
    "other scripts": ("/данные/日本/é is gone", "[path] is gone"),
    "colour": (r"\x1b[31merror\x1b[0m: \x1b[36m/srv/x\x1b[0m:\x1b[33m10", "error: [path]:10"),
    "behind an escape": (r"a\n/srv/x\x00/srv/y \xff/z \u2028/z \U000e0041/z",
                         "a[path] [path] [path] [path]"),
    "behind an address": ("GET https://host/x, /srv/y;/srv/z", "GET https://host/x, [path]"),
    "an address's end": ("https://host/x:/srv/y", "https://host/x:[path]"),
}  # fmt: skip

SHOWN = (
    "",
    "division by zero",
    "a/b, and/or, 24/7, 3 / 4, text/html; n/a",
    "https://host/x?y=/z#/a, wss://[::1]:80/b and http://user@h/~u/",
    "postgres://db.example.org:5432/sales",
    "12:30:05 x: y C: D",
    "é/ü 日/本",
    "\"quoted\" and 'quoted'",
    "50% / 2",
)


class PrintableTests(SynchronousTestCase):
    """
    Tests for a stranger's line in a log.
    """

    def test_letters(self) -> None:
        """
        Text in any script stays as it is.
        """
        for text in ("", "ready in 3 ms", "grüße", "日本語", "naïve 🙂", "back\\slash"):
            self.assertEqual(printable(text.encode()), text)

    def test_controls(self) -> None:
        """
        Nothing in a line can move the cursor, start another line or turn the text around.
        """
        cases = {
            "\x1b[31mred": "\\x1b[31mred",
            "a\rb\nc\td": "a\\rb\\nc\\td",
            "\0\x07\x7f\x9b": "\\x00\\x07\\x7f\\x9b",
            "a\u2028b\u2029c\x85": "a\\u2028b\\u2029c\\x85",
            "\u202egnp.exe": "\\u202egnp.exe",
            "\u200bhidden\ufeff": "\\u200bhidden\\ufeff",
            "\U000e0041": "\\U000e0041",
        }
        for raw, expected in cases.items():
            self.assertEqual(printable(raw.encode()), expected)

    def test_no_text(self) -> None:
        """
        Bytes that are no UTF-8 are shown by their numbers.
        """
        self.assertEqual(printable(b"a\xff\xc3b"), "a\\xff\\xc3b")

    def test_long(self) -> None:
        """
        No more is shown than was asked for.
        """
        self.assertEqual(printable(b"abcdef", 3), "abc")
        self.assertEqual(len(printable(b"x" * 5000)), 4096)


class DiscreetTests(SynchronousTestCase):
    """
    Tests for a worker's line that a caller reads.
    """

    def test_hidden(self) -> None:
        """
        No path of this machine is told, however a program writes it.
        """
        for case, (line, told) in HIDDEN.items():
            self.assertEqual(discreet(line), told, case)

    def test_shown(self) -> None:
        """
        What is no path stays as it is: words, fractions, addresses.
        """
        for line in SHOWN:
            self.assertEqual(discreet(line), line)

    def test_nothing_left(self) -> None:
        """
        Whatever stands before a path, no part of its name is told.
        """
        for before in (*" =:,;()[]{}<>|&*#@!?$^+'\"`.-~", "\\t", "\\x1b[1;31m", "\\x7f", "file://", "C:"):
            told = discreet(f"it said {before}/secret/of/ours")
            self.assertNotRegex(told, "secret|ours", before)

    def test_long(self) -> None:
        """
        No more than two hundred characters are told, and a cut is shown.
        """
        self.assertEqual(discreet(f"  {'x' * 200}\t"), "x" * 200)
        self.assertEqual(discreet("x" * 201), "x" * 200 + "...")
        self.assertEqual(discreet("abcdef", 3), "abc...")
        self.assertEqual(discreet("/" + "x/" * 5000 + " is full"), "[path] is full")

    def test_linear(self) -> None:
        """
        No line of a worker, made for it or not, keeps the daemon busy.
        """
        parts = (
            "/", '"/', "a", "a.b-", "~a", "\\x1b[0", ":/", "https://", "file:", "c:", "/a,", "-a/", " ",
            "\\u1234", "://a:", "'/\"",
        )  # fmt: skip
        for part in parts:
            told = discreet(part * (100_000 // len(part)))
            self.assertLessEqual(len(told), 203, part)


class SaidTests(SynchronousTestCase):
    """
    Tests for standard error on its way to the log.
    """

    def setUp(self) -> None:
        """
        Have a worker that may say 10,000 bytes a second.
        """
        self.clock = Clock()
        self.told: list[str] = []
        self.dropped: list[int] = []
        self.said = Said(self.clock, 10_000, self.told.append, self.dropped.append)

    def test_lines(self) -> None:
        """
        Each line is told as soon as it is whole, without its end; empty ones are not.
        """
        self.said.heard(b"one\ntwo\r\n\n\r\nthr")
        self.assertEqual(self.told, ["one", "two"])
        self.said.heard(b"ee\n")
        self.assertEqual(self.told, ["one", "two", "three"])

    def test_split(self) -> None:
        """
        Lines are the same however the bytes come.
        """
        for byte in "eins\nzwölf\r\nende".encode():
            self.said.heard(bytes([byte]))
        self.said.close()
        self.assertEqual(self.told, ["eins", "zwölf", "ende"])

    def test_close(self) -> None:
        """
        A last line without an end is told when its worker is gone, once.
        """
        self.said.heard(b"panic: no more")
        self.assertEqual(self.told, [])
        self.said.close()
        self.said.close()
        self.assertEqual((self.told, self.dropped), (["panic: no more"], []))

    def test_endless(self) -> None:
        """
        A line that does not end is told in pieces, and none of it is kept.
        """
        for _ in range(9):
            self.said.heard(b"x" * 1000)
        self.assertEqual(self.told, ["x" * 4096, "x" * 4096])
        self.said.heard(b"\n")
        self.assertEqual(self.told[2], "x" * (9000 - 8192))

    def test_long_line(self) -> None:
        """
        A long line that came whole is told in pieces, and none of it is lost.
        """
        self.said.heard(b"a" * 5000 + b"\n")
        self.assertEqual("".join(self.told), "a" * 5000)
        self.assertEqual(max(map(len, self.told)), 4096)

    def test_flood(self) -> None:
        """
        What goes beyond a second's worth is dropped, and the operator hears how much it was, once.
        """
        self.said.heard(b"x" * 9790 + b"\n")
        self.said.heard(b"y" * 500 + b"\n")
        self.said.heard(b"z\n")
        self.assertEqual((self.dropped, self.told[-1]), ([], "x" * (9790 - 8192)))
        self.clock.advance(1)
        self.said.heard(b"\nz\n")
        self.assertEqual(self.dropped, [501 + 2 - 9])
        self.assertEqual(self.told[-2:], ["y" * 9, "z"])

    def test_short_lines(self) -> None:
        """
        Very many short lines are bounded, too: each is an event of its own.
        """
        self.said.heard(b"x\n" * 5000)
        self.said.close()
        self.assertEqual((len(self.told), self.dropped), (50, [9900]))

    def test_refilled(self) -> None:
        """
        A worker that keeps to its rate loses nothing, however long it speaks.
        """
        for _ in range(50):
            self.said.heard(b"w" * 999 + b"\n")
            self.clock.advance(0.125)
        self.assertEqual((len(self.told), self.dropped), (50, []))

    def test_dropped_at_the_end(self) -> None:
        """
        What was dropped in a worker's last second is told, too.
        """
        self.said.heard(b"x" * 10_007)
        self.said.close()
        self.assertEqual(self.dropped, [7])

    def test_line(self) -> None:
        """
        A line from elsewhere is told aside, whole, between the parts of another, and within the same bound.
        """
        clock, told, dropped, aside = Clock(), list[str](), list[int](), list[str]()
        said = Said(clock, 420, told.append, dropped.append)
        said.heard(b"one ")
        said.line(b"in\nbetween", aside.append)
        said.heard(b"two\n")
        said.line(b"too long", aside.append)
        said.line(b"nothing", aside.append)
        said.close()
        self.assertEqual((told, aside, dropped), (["one two"], ["in\\nbetween", "to"], [13]))
