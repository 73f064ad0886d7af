# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Usual frames, read and written without a parser.
"""

from __future__ import annotations

import zlib

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.frames import find_masker, is_text, take_text, write_deflated, write_text, xor
from tests.web.framed import BINARY, CLOSE, CONTINUATION, PING, Frame, frame, read

MOST = 1 << 20

# Around each form of a length, and around what is unmasked by arithmetic.
SIZES = (0, 1, 2, 3, 4, 5, 125, 126, 127, 255, 256, 257, 65535, 65536, 65537)


def _filled(size: int) -> bytes:
    return bytes(at * 7 % 251 for at in range(size))


class TakeTests(SynchronousTestCase):
    """
    Messages that come whole.
    """

    def test_whole(self) -> None:
        """
        A message in one frame is taken, whatever its length, with what follows it left over.
        """
        for size in SIZES:
            for rest in (b"", b"\x81", frame(b"next")):
                payload = _filled(size)
                self.assertEqual(take_text(frame(payload) + rest, MOST), (payload, rest), size)

    def test_not_whole(self) -> None:
        """
        What is not whole yet is not taken.
        """
        for size in (0, 1, 125, 126, 300):
            whole = frame(_filled(size))
            for end in range(len(whole)):
                self.assertIsNone(take_text(whole[:end], MOST), (size, end))
        self.assertIsNone(take_text(frame(_filled(65536))[:-1], MOST))

    def test_others(self) -> None:
        """
        Whatever is not a usual message, or wrong, is left to the parser.
        """
        others = {
            "binary": frame(b"x", BINARY),
            "first fragment": frame(b"x", fin=False),
            "last fragment": frame(b"x", CONTINUATION),
            "ping": frame(b"x", PING),
            "close": frame(b"", CLOSE),
            "reserved bit": frame(b"x", rsv=4),
            "not masked": frame(b"x" * 10, mask=None),
            "long form of a short length": frame(b"x" * 125, size=2),
            "longest form of a middle length": frame(b"x" * 65535, size=8),
            "negative": frame(b"x", length=1 << 63, size=8),
        }
        for name, data in others.items():
            self.assertIsNone(take_text(data + b"\0" * 20, MOST), name)

    def test_too_long(self) -> None:
        """
        A message that is as long as it may be is taken, a longer one is left to the parser.
        """
        for size in (5, 126, 65536):
            self.assertIsNotNone(take_text(frame(_filled(size)), size))
            self.assertIsNone(take_text(frame(_filled(size)), size - 1))


class MaskTests(SynchronousTestCase):
    """
    Both ways to unmask.
    """

    @given(st.binary(max_size=1000), st.binary(min_size=4, max_size=4))
    def test_same(self, payload: bytes, mask: bytes) -> None:
        """
        Arithmetic and C come to the same, which is RFC 6455, section 5.3.
        """
        expected = bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))
        self.assertEqual(xor(payload, mask), expected)
        self.assertEqual(find_masker()(payload, mask), expected)

    def test_not_built(self) -> None:
        """
        Where Autobahn has no masker in C, arithmetic does.
        """

        def load(name: str) -> None:
            raise ModuleNotFoundError(name)

        self.assertIs(find_masker(load), xor)


class TextTests(SynchronousTestCase):
    """
    UTF-8 and not.
    """

    def test_texts(self) -> None:
        """
        UTF-8 is text: no surrogates, nothing longer than need be, nothing beyond U+10FFFF, nothing cut.
        """
        for message in (b"", b"{}", "grün".encode(), "\U0010ffff".encode(), b"\0"):
            self.assertTrue(is_text(message), message)
        for message in (b"\xff", b"\xed\xa0\x80", b"\xc0\xaf", b"\xf4\x90\x80\x80", b"a\xe2\x82"):
            self.assertFalse(is_text(message), message)


class WriteTests(SynchronousTestCase):
    """
    Frames that we send.
    """

    def test_text(self) -> None:
        """
        A message goes out in one frame with the shortest form of its length, joined of its pieces.
        """
        for size in SIZES:
            payload = _filled(size)
            data = write_text((payload[:3], payload[3:]))
            self.assertEqual(read(data), ([Frame(0x81, payload)], b""), size)
        self.assertEqual(write_text((b"[", Raw(b"1"), b"]")), b"\x81\x03[1]")

    def test_deflated(self) -> None:
        """
        A compressed message can be read without any other, with the window that was agreed on.
        """
        payload = b"the same again, " * 5000
        for window in (9, 12, 15):
            for parts in ((payload,), (payload[:7], Raw(payload[7:])), (b"",)):
                frames, rest = read(write_deflated(parts, window))
                self.assertEqual((len(frames), rest, frames[0].first), (1, b"", 0xC1))
                inflater = zlib.decompressobj(wbits=-window)
                inflated = inflater.decompress(frames[0].payload + b"\0\0\xff\xff")
                self.assertEqual(inflated, b"".join(parts))
        self.assertLess(len(write_deflated((payload,), 12)), 1000)
