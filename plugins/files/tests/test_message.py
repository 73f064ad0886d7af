# -*- test-case-name: plugins.files.tests.test_message -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.message`; what is no message is refused in ``test_server``.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from plugins.files.beneath.message import LINE, TORN_ID, Unread, lines, parse, render, torn_id


class LinesTests(SynchronousTestCase):
    """
    Lines out of a stream.
    """

    def split(self, *chunks: bytes) -> list[bytes | None]:
        """
        Tell the lines in what a descriptor gives.
        """
        left = [*chunks, b""]
        return list(lines(lambda _size: left.pop(0)))

    def test_anywhere(self) -> None:
        """
        Lines come out the same wherever the stream is split; what is unfinished at its end is none.
        """
        stream = b"one\n\ntwo\r\nthree"
        for at in range(1, len(stream)):
            self.assertEqual(self.split(stream[:at], stream[at:]), [b"one", b"", b"two\r"])

    def test_too_long(self) -> None:
        """
        A line beyond the bound is told as too long once, and the next one is whole.
        """
        chunk = b"x" * (64 << 10)
        count = LINE // len(chunk)
        self.assertEqual(self.split(*[chunk] * count, b"\nnext\n"), [chunk * count, b"next"])
        self.assertEqual(self.split(*[chunk] * count, b"y\nnext\n"), [None, b"next"])
        self.assertEqual(self.split(*[chunk] * count * 3, b"\nnext\n"), [None, b"next"])


class TornTests(SynchronousTestCase):
    """
    Lines that Python does not take.
    """

    def test_found(self) -> None:
        """
        A request with something in it that cannot be read has its id, wherever that stands.
        """
        for bad in (b"9" * 5000, b"[" * 100_000 + b"]" * 100_000, b"NaN", b"\xff", b'"\n"'):
            for line in (
                b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":%b}}' % bad,
                b' { "method" : "ping" , "params" : [ %b ] , "id" : 7 , "jsonrpc" : "2.0" } \r' % bad,
                b'{"params":{"id":8,"a":[{"id":9}]},"a":"\\",\\"id\\":5","id":7,"b":%b}' % bad,
                b'{"id":7,"b":"id","c":["id"],"Id":1,"idd":2,"x":%b}' % bad,
            ):
                self.assertEqual(self.assertRaises(Unread, parse, line).about, b"7", line[:80])

    def test_as_it_came(self) -> None:
        """
        The id comes back as it is written, be it a string or an integer.
        """
        for about in (
            b"0",
            b"-12",
            b"99999999999999999999",
            b'""',
            b'"a \\"\\\\\\/\\n\\u00e4\\ud800{["',
            b"9" * TORN_ID,
            b'"%b"' % (b"x" * (TORN_ID - 2)),
        ):
            self.assertEqual(torn_id(b'{"id": %b ,"a":NaN}' % about), about)
            written = render({"error": {}}, about)
            self.assertIn(b'"id":%b,' % about, written)
            self.assertEqual(json.loads(written), {"jsonrpc": "2.0", "id": json.loads(about), "error": {}})

    def test_none(self) -> None:
        """
        An id that is too long, none, one of two or in half a line is nobody's.
        """
        for about in (
            b"9" * (TORN_ID + 1),
            b'"%b"' % (b"x" * (TORN_ID - 1)),
            b'"\xc3\xa4"',
            b'"\x01"',
            b'"\x7f"',
            b'"\\x"',
            b'"\\u00g0"',
            b"1.5",
            b"01",
            b"-",
            b"null",
            b"[1]",
            b'{"id":1}',
            b"",
            b"1 2",
            b'1,"id":2',
            b'1,"id":1',
            b'null,"id":1',
        ):
            self.assertIsNone(torn_id(b'{"jsonrpc":"2.0","id":%b,"a":NaN}' % about), about)
        whole = b'{"id":1,"a":["\\\\"],"b":NaN}'
        self.assertEqual(torn_id(whole), b"1")
        for length in range(len(whole)):
            self.assertIsNone(torn_id(whole[:length]), whole[:length])
        for line in (whole + b"}", whole + b"x", whole * 2, b"x" + whole, b"[%b]" % whole, b'"%b' % whole):
            self.assertIsNone(torn_id(line), line)

    def test_long(self) -> None:
        """
        A line as long as one may be is looked through once, however it is made.
        """
        half = LINE // 2
        for filler in (b'"' + b'\\"' * half, b'"a"' + b" " * LINE, b'" ' * half, b'{"a":' * (LINE // 5)):
            self.assertIsNone(torn_id(b'{"id":7,"a":' + filler))
        deep = b'{"a":%b%b,"id":7}' % (b"[" * half, b"]" * half)
        self.assertEqual(torn_id(deep), b"7")
