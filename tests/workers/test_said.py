# -*- test-case-name: tests.workers.test_said -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.said`.
"""

from __future__ import annotations

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.workers.said import Said, printable


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
        self.said.heard(b"x" * 9990 + b"\n")
        self.said.heard(b"y" * 500 + b"\n")
        self.said.heard(b"z\n")
        self.assertEqual((self.dropped, self.told[-1]), ([], "x" * (9990 - 8192)))
        self.clock.advance(1)
        self.said.heard(b"\nz\n")
        self.assertEqual(self.dropped, [501 + 2 - 9])
        self.assertEqual(self.told[-2:], ["y" * 9, "z"])

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
        A line from elsewhere is told whole, between the parts of another, and within the same bound.
        """
        clock, told, dropped = Clock(), list[str](), list[int]()
        said = Said(clock, 20, told.append, dropped.append)
        said.heard(b"one ")
        said.line(b"in\nbetween")
        said.heard(b"two\n")
        self.assertEqual(told, ["in\\nbetween", "one two"])
        said.line(b"too long")
        said.line(b"nothing")
        said.close()
        self.assertEqual((told[2:], dropped), (["to"], [13]))
