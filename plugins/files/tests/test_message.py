# -*- test-case-name: plugins.files.tests.test_message -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.message`; what is no message is refused in ``test_server``.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from plugins.files.beneath.message import LINE, lines


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
