# -*- test-case-name: tests.wire.test_lines -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.lines`.
"""

from __future__ import annotations

import tracemalloc

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.lines import Lines, LineTooLong
from tests.wire.meaning import modest, splits

streams = st.lists(st.sampled_from([b"\n", b"\r", b"\r\n", b"a", b"bc", b"\x00", b"\xff"]), max_size=30).map(
    b"".join
)


def fed(lines: Lines, *reads: bytes) -> list[bytes]:
    """
    Say which lines come out of these reads.
    """
    return [line for read in reads for line in lines.feed(read)]


class LinesTests(SynchronousTestCase):
    """
    Tests for cutting a stream into lines.
    """

    def test_whole(self) -> None:
        """
        A worker that writes a line a time is read a line a time.
        """
        self.assertEqual(fed(Lines(10), b"one\n", b"two\n"), [b"one", b"two"])

    def test_several(self) -> None:
        """
        Several lines may come in one read, and the beginning of the next.
        """
        lines = Lines(10)
        self.assertEqual(lines.feed(b"one\ntwo\nthr"), [b"one", b"two"])
        self.assertEqual(lines.feed(b"ee\n"), [b"three"])

    def test_unended(self) -> None:
        """
        What has no end yet is no line.
        """
        self.assertEqual(fed(Lines(20), b"one", b" and", b" more"), [])

    def test_line_ends(self) -> None:
        """
        A worker on any platform is understood: lines end with a line feed, with or without a carriage return.
        """
        self.assertEqual(fed(Lines(10), b"a\r\nb\nc\r", b"\nd\re\r\r\n"), [b"a", b"b", b"c", b"d\re\r"])

    def test_empty(self) -> None:
        """
        Empty lines are skipped.
        """
        self.assertEqual(fed(Lines(10), b"\n\r\n\n\na\n\n", b"\n", b"", b"\r", b"\n"), [b"a"])

    @modest
    @given(splits(streams))
    def test_any_split(self, reads: list[bytes]) -> None:
        """
        It makes no difference how a stream was cut into reads.
        """
        *ended, _ = b"".join(reads).split(b"\n")
        expected = [bare for line in ended if (bare := line.removesuffix(b"\r"))]
        self.assertEqual(fed(Lines(1000), *reads), expected)

    def test_each_byte(self) -> None:
        """
        A line that comes byte by byte is whole in the end.
        """
        stream = b'{"a":"\xc3\xa9"}\r\n\n{"b":1}\n'
        reads = [stream[place : place + 1] for place in range(len(stream))]
        self.assertEqual(fed(Lines(11), *reads), ['{"a":"é"}'.encode(), b'{"b":1}'])

    def test_long_in_short_reads(self) -> None:
        """
        A long line that comes in many short reads is whole in the end, in its order.
        """
        line = b"".join(b"%d," % number for number in range(20_000))
        for size in (3, 1000, 4095, 4096, 4097, 70_000):
            reads = [line[start : start + size] for start in range(0, len(line), size)]
            self.assertEqual(fed(Lines(1 << 20), *reads, b"\nb\n"), [line, b"b"])

    def test_at_the_limit(self) -> None:
        """
        A line of exactly the limit passes, however it came and whatever ends it.
        """
        for end in (b"\n", b"\r\n"):
            line = b"x" * 10 + end
            self.assertEqual(fed(Lines(10), line), [b"x" * 10])
            self.assertEqual(fed(Lines(10), b"a\n", *(bytes([byte]) for byte in line)), [b"a", b"x" * 10])
            self.assertEqual(fed(Lines(10), b"a\n" + line + b"b\n"), [b"a", b"x" * 10, b"b"])

    def test_beyond_the_limit(self) -> None:
        """
        One byte more is refused, however it came and whatever ends it.
        """
        for end in (b"\n", b"\r\n"):
            line = b"x" * 11 + end
            self.assertRaises(LineTooLong, fed, Lines(10), line)
            self.assertRaises(LineTooLong, fed, Lines(10), *(bytes([byte]) for byte in line))
            self.assertRaises(LineTooLong, fed, Lines(10), b"a\n" + line + b"b\n")
            self.assertRaises(LineTooLong, fed, Lines(10), b"a\n" + line[:5], line[5:] + b"b\n")

    @modest
    @given(splits(streams), st.integers(0, 4))
    def test_any_limit(self, reads: list[bytes], limit: int) -> None:
        """
        A stream whose lines are too long is refused by its end, however it came; any other is not.
        """
        *ended, rest = b"".join(reads).split(b"\n")
        long = any(len(line.removesuffix(b"\r")) > limit for line in ended) or len(rest) > limit + 1
        if long:
            self.assertRaises(LineTooLong, fed, Lines(limit), *reads)
        else:
            fed(Lines(limit), *reads)

    def test_refused_early(self) -> None:
        """
        A line that never ends is refused as soon as it is too long.
        """
        lines = Lines(10)
        self.assertEqual(lines.feed(b"x" * 11), [])
        self.assertRaises(LineTooLong, lines.feed, b"x")
        self.assertRaises(LineTooLong, Lines(10).feed, b"a\n" + b"x" * 12)

    def test_begins_anew(self) -> None:
        """
        The bound is each line's own: many lines do not add up.
        """
        lines = Lines(10)
        for _ in range(100):
            self.assertEqual(
                fed(lines, b"x" * 9, b"x\n" + b"y" * 5, b"y" * 5 + b"\n"), [b"x" * 10, b"y" * 10]
            )

    def test_memory(self) -> None:
        """
        A worker that never ends its line costs no more memory than a line of the limit.
        """
        lines = Lines(100_000)
        reads = [b"%02d" % (number % 100) for number in range(50_000)]
        tracemalloc.start()
        try:
            fed(lines, *(bytes(bytearray(read)) for read in reads))
            kept, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        self.assertLess(kept, 300_000)
