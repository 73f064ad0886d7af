# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.chunks`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.chunks import Chunked, Measured
from mcpd.wire.fault import Fault, Kind


def feed(body: Chunked | Measured, data: bytes, size: int) -> bytes | None:
    """
    Feed a body in pieces, as a connection would, and tell what is left over.
    """
    for start in range(0, len(data), size):
        rest = body.feed(data[start : start + size])
        if rest is not None:
            return rest + data[start + size :]
    return None


class MeasuredTests(SynchronousTestCase):
    """
    Bodies of a known length.
    """

    @given(st.binary(max_size=50), st.binary(max_size=20), st.integers(1, 80))
    def test_pieces(self, content: bytes, after: bytes, size: int) -> None:
        """
        A body is the same however it is cut, and what follows it is not touched.
        """
        body = Measured(len(content))
        rest = feed(body, content + after, size)
        self.assertEqual(body.kept, content)
        self.assertEqual(rest or b"", after)

    def test_whole(self) -> None:
        """
        A body is whole with its last byte, not later.
        """
        body = Measured(3)
        self.assertEqual([body.feed(b"ab"), body.feed(b"c")], [None, b""])


class ChunkedTests(SynchronousTestCase):
    """
    Bodies in chunks.
    """

    @given(
        st.lists(st.binary(min_size=1, max_size=30), max_size=6), st.binary(max_size=20), st.integers(1, 99)
    )
    def test_pieces(self, contents: list[bytes], after: bytes, size: int) -> None:
        """
        A body is the same however it is cut, and what follows it is not touched.
        """
        data = b"".join(b"%X;x=y\r\n%b\r\n" % (len(content), content) for content in contents)
        body = Chunked(1000)
        rest = feed(body, data + b"00\r\nA: b\r\n\r\n" + after, size)
        self.assertEqual(rest, after)
        self.assertEqual(body.kept, b"".join(contents))

    def test_malformed(self) -> None:
        """
        What two readers could take differently is refused, however it is cut.
        """
        for data in (
            *(b"\r\n", b"g\r\n", b"-1\r\n", b"+1\r\n", b"0x1\r\n", b"1_0\r\n", b" 1\r\n", b"1 \r\n"),
            *(b"1\n", b"1\rx", b"\xb2\r\n", b"000000001\r\n", b"1\r\nab", b"1\r\na\n", b"1\r\na\rb"),
            *(b"1;\0\r\n", b"1;\n\r\n", b"1;\r\r\n", b"1;" + b"a" * 256, b";\r\n", b" ;\r\n"),
            *(b"0\r\n\n", b"0\r\nA\r\n", b"0\r\n: a\r\n", b"0\r\nA: a\r\n b: c\r\n", b"0\r\nA: \x7f\r\n"),
            *(b"0\r\nA: " + b"a" * 254 + b"\r\n", b"0\r\n" + b"A: a\r\n" * 2049, b"1;" + b"a" * 258),
        ):
            for size in (1, 2, len(data)):
                with self.assertRaises(Fault, msg=data[:40]) as caught:
                    feed(Chunked(1 << 20), data, size)
                self.assertIs(caught.exception.kind, Kind.BAD_REQUEST)

    def test_limit(self) -> None:
        """
        The limit is for all chunks together, and is told before the content comes.
        """
        body = Chunked(10)
        self.assertIsNone(body.feed(b"6\r\n123456\r\n4\r\n"))
        self.assertEqual(body.feed(b"7890\r\n0\r\n\r\n"), b"")
        body = Chunked(10)
        with self.assertRaises(Fault) as caught:
            body.feed(b"6\r\n123456\r\n5\r\n")
        self.assertIs(caught.exception.kind, Kind.TOO_LARGE)

    def test_extra(self) -> None:
        """
        Extensions cannot outgrow the content for ever.
        """
        body = Chunked(1 << 20)
        with self.assertRaises(Fault):
            for _ in range(100):
                body.feed(b"1;" + b"a" * 200 + b"\r\nx\r\n")
        self.assertLess(len(body.kept), 50)

    @given(st.binary(max_size=100), st.integers(1, 9))
    def test_anything(self, data: bytes, size: int) -> None:
        """
        Any bytes are a body, or wait for more, or are refused.
        """
        try:
            feed(Chunked(50), data, size)
        except Fault as fault:
            self.assertIn(fault.kind, (Kind.BAD_REQUEST, Kind.TOO_LARGE))
