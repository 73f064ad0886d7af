# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.head`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.head import CHUNKED, find_head, read_outline
from mcpd.wire.fault import Fault, Kind


class FindTests(SynchronousTestCase):
    """
    Where a head begins and ends.
    """

    def test_whole(self) -> None:
        """
        A head ends with its empty line, and may have one before it.
        """
        self.assertEqual(find_head(b"A\r\n\r\nB", 9, 9), (0, 5))
        self.assertEqual(find_head(b"\r\nA\r\n\r\nB", 9, 9), (2, 7))

    def test_part(self) -> None:
        """
        A head that is not whole is waited for.
        """
        for data in (b"\r", b"\r\n", b"A", b"A\r", b"A\r\n", b"A\r\n\r"):
            self.assertEqual(find_head(data, 9, 9)[1], 0, data)

    def test_hopeless(self) -> None:
        """
        What can never become a head is refused at once.
        """
        for data in (
            b"\n",
            b"\r\r",
            b"\r\n\r",
            b"\r\n\n",
            b" ",
            b"\x16\x03",
            b"A\n",
            b"A\r\nB\n",
            b"(",
            b"\xff",
        ):
            with self.assertRaises(Fault, msg=data) as caught:
                find_head(data, 9, 9)
            self.assertIs(caught.exception.kind, Kind.BAD_REQUEST)

    def test_too_long(self) -> None:
        """
        The first line and the head have bounds, which they may reach.
        """
        find_head(b"A" * 5, 5, 20)
        find_head(b"A" * 5 + b"\r\n" + b"B" * 9 + b"\r\n\r\n", 5, 20)
        for data in (
            b"A" * 6,
            b"A" * 6 + b"\r\n",
            b"A" * 6 + b"\r\n\r\n",
            b"A" * 5 + b"\r\n" + b"B" * 14,
            b"A" * 5 + b"\r\n" + b"B" * 10 + b"\r\n\r\n",
        ):
            with self.assertRaises(Fault, msg=data) as caught:
                find_head(data, 5, 20)
            self.assertIs(caught.exception.kind, Kind.FIELDS_TOO_LARGE)


class OutlineTests(SynchronousTestCase):
    """
    What a head says.
    """

    def test_fields(self) -> None:
        """
        Names are compared without regard to case, blanks around values do not count, repeated ones are told.
        """
        outline = read_outline(b"GET /a?b?c HTTP/1.1\r\nX:\r\nY: \t b c \t\r\nZ:1\r\nz: 2\r\nZ: 3\r\n\r\n", 5)
        self.assertEqual((outline.method, outline.path, outline.query), (b"GET", b"/a", b"b?c"))
        self.assertEqual(outline.fields, {b"x": b"", b"y": b"b c", b"z": b"1, 2, 3"})
        self.assertEqual(outline.repeated, {b"z"})
        self.assertEqual((outline.length, outline.keeps, outline.old), (0, True, False))
        self.assertFalse(outline.waits or outline.strange)

    def test_too_many_fields(self) -> None:
        """
        A head has so many fields at most.
        """
        with self.assertRaises(Fault) as caught:
            read_outline(b"GET / HTTP/1.1\r\nA: a\r\nB: b\r\nC: c\r\n\r\n", 2)
        self.assertIs(caught.exception.kind, Kind.FIELDS_TOO_LARGE)

    def test_length(self) -> None:
        """
        A body has a length, or comes in chunks, or is not there.
        """
        for field, length in {
            b"Content-Length: 12": 12,
            b"Transfer-Encoding: Chunked": CHUNKED,
            b"A: a": 0,
        }.items():
            self.assertEqual(read_outline(b"POST / HTTP/1.1\r\n" + field + b"\r\n\r\n", 9).length, length)

    def test_old_upgrade(self) -> None:
        """
        With HTTP/1.0 nobody goes on to another protocol, so a wish for one is as if it were not there.
        """
        fields = b"Upgrade: websocket\r\nConnection: Upgrade\r\nUPGRADE: h2c\r\n\r\n"
        outline = read_outline(b"GET /ws HTTP/1.0\r\n" + fields, 9)
        self.assertEqual(outline.fields, {b"connection": b"Upgrade"})

    def test_any_method(self) -> None:
        """
        A method that nobody knows is a matter for the path, not for the parser.
        """
        for method in (b"BREW", b"CONNECT", b"PRI", b"get", b"A" * 300):
            outline = read_outline(method + b" / HTTP/1.1\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", 9)
            self.assertEqual(outline.method, method)
