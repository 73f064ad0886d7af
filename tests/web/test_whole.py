# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Messages in pieces, and what they may cost.
"""

from __future__ import annotations

import sys
import zlib
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.units import Bytes, Seconds
from mcpd.web.spec import Limits
from tests.web.framed import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close, frame
from tests.web.spoken import COMPRESSING, Spoken, speak

DEFLATE = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"


def _deflate(payload: bytes, window: int = 12) -> bytes:
    deflater = zlib.compressobj(wbits=-window)
    return (deflater.compress(payload) + deflater.flush(zlib.Z_SYNC_FLUSH))[:-4]


def _compressing(limits: Limits | None = None) -> Spoken:
    return speak(limits, COMPRESSING, fields=DEFLATE)


class PiecesTests(SynchronousTestCase):
    """
    Messages that do not come whole.
    """

    def test_fragments(self) -> None:
        """
        A message in several frames is one message, and pings may come between them.
        """
        spoken = speak()
        spoken.send(frame(b"gr\xc3", fin=False) + frame(b"p", PING))
        spoken.send(frame(b"\xbcn", CONTINUATION, fin=False) + frame(b"!", CONTINUATION) + frame(b"next"))
        self.assertEqual(spoken.talker.said, ["received grün!", "received next"])
        self.assertEqual([one.opcode for one in spoken.frames], [PONG, TEXT, TEXT])

    def test_byte_by_byte(self) -> None:
        """
        Frames may be cut anywhere.
        """
        spoken = speak()
        for byte in frame(b"one") + frame(b"x" * 300) + frame(b"") + frame(b"p", PING) + frame(b"y", BINARY):
            spoken.send(bytes((byte,)))
        self.assertEqual(spoken.texts, [b"one", b"x" * 300, b""])
        self.assertEqual(spoken.code, 1003)

    def test_large(self) -> None:
        """
        A message as long as it may be is taken, in whatever pieces it comes.
        """
        limits = Limits(message=Bytes(200_000))
        for size in (1000, 65536, 300_000):
            spoken = speak(limits)
            data = frame(b"x" * 200_000)
            for start in range(0, len(data), size):
                spoken.send(data[start : start + size])
            self.assertEqual(spoken.texts, [b"x" * 200_000], size)

    def test_many_small_pieces(self) -> None:
        """
        A message that comes byte by byte costs little more memory than its bytes.
        """
        spoken = speak()
        spoken.send(frame(b"", length=100_000))
        for _ in range(20_000):
            spoken.send(b"x")
        kept = spoken.transport.protocol.__dict__
        self.assertLess(max(map(sys.getsizeof, kept.values())), 30_000)

    def test_binary(self) -> None:
        """
        A binary message is refused as soon as its frame begins.
        """
        spoken = speak()
        spoken.send(frame(b"", BINARY, length=4000))
        self.assertEqual((spoken.code, spoken.talker.said), (1003, []))


class BoundsTests(SynchronousTestCase):
    """
    What a client may not do.
    """

    def test_too_big(self) -> None:
        """
        A message over the limit is refused by the head of the frame that makes it so.
        """
        limits = Limits(message=Bytes(1000))
        for data in (
            frame(b"x" * 1001),
            frame(b"", length=1001),
            frame(b"", length=1 << 62),
            frame(b"x" * 600, fin=False) + frame(b"", CONTINUATION, length=401),
        ):
            spoken = speak(limits)
            spoken.send(data)
            self.assertEqual((spoken.code, spoken.talker.said), (1009, []))

    def test_fragments(self) -> None:
        """
        A message of as many frames as may be is taken, one more is one too many.
        """
        for more, code, texts in ((2, None, [b"abc"]), (3, 1008, [])):
            spoken = speak(Limits(fragments=3))
            middle = frame(b"b", CONTINUATION, fin=False) + frame(b"", CONTINUATION, fin=False) * (more - 2)
            spoken.send(frame(b"a", fin=False) + middle + frame(b"c", CONTINUATION))
            self.assertEqual((spoken.code, spoken.texts), (code, texts))

    def test_counted_anew(self) -> None:
        """
        Frames and bytes are counted for each message by itself.
        """
        spoken = speak(Limits(fragments=2, message=Bytes(4)))
        for _ in range(3):
            spoken.send(frame(b"ab", fin=False) + frame(b"cd", CONTINUATION))
        self.assertEqual((spoken.code, spoken.texts), (None, [b"abcd"] * 3))

    def test_too_slow(self) -> None:
        """
        A message that is not whole in time ends the connection, however often something comes.
        """
        spoken = speak(Limits(message_timeout=Seconds(10)))
        spoken.send(frame(b"a", fin=False))
        for _ in range(19):
            spoken.stage.pass_time(0.5)
            self.assertIsNone(spoken.code)
            spoken.send(frame(b"b", CONTINUATION, fin=False))
        spoken.stage.pass_time(0.5)
        self.assertEqual(spoken.code, 1008)

    def test_in_time(self) -> None:
        """
        Whoever is in time is not disturbed, not by the last message's deadline either.
        """
        spoken = speak(Limits(message_timeout=Seconds(10)))
        for _ in range(3):
            spoken.send(frame(b"a", fin=False))
            spoken.stage.pass_time(9)
            spoken.send(frame(b"b", CONTINUATION))
        spoken.stage.pass_time(12)
        self.assertEqual((spoken.code, spoken.texts), (None, [b"ab"] * 3))

    def test_buffered(self) -> None:
        """
        Unfinished messages are counted with unfinished bodies; what is one too many hears 1013.
        """
        spoken = speak(Limits(buffered=Bytes(100)))
        ledger = spoken.stage.ledger
        spoken.send(frame(b"x" * 60, fin=False))
        self.assertEqual(ledger.buffered, 60)
        spoken.send(frame(b"x" * 40, CONTINUATION))
        self.assertEqual((ledger.buffered, spoken.code), (0, None))
        spoken.send(frame(b"x" * 101, fin=False))
        self.assertEqual((ledger.buffered, spoken.code), (0, 1013))

    def test_hang_up(self) -> None:
        """
        A client that goes in the middle of a message leaves nothing behind.
        """
        spoken = speak()
        spoken.send(frame(b"x" * 60, fin=False))
        spoken.client.hang_up()
        self.assertEqual((spoken.stage.ledger.buffered, spoken.talker.said), (0, ["lost"]))

    def test_controls(self) -> None:
        """
        So many pings and pongs in a second are answered; one more ends the connection.
        """
        spoken = speak(Limits(controls=3))
        for _ in range(3):
            spoken.send(frame(b"1", PING) + frame(b"2", PONG) + frame(b"3", PING))
            self.assertIsNone(spoken.code)
            spoken.stage.pass_time(1)
        self.assertEqual(len(spoken.frames), 6)
        spoken.send(frame(b"1", PING) * 4)
        self.assertEqual((len(spoken.frames), spoken.code), (10, 1008))

    def test_close_is_none(self) -> None:
        """
        A close frame is never one too many.
        """
        spoken = speak(Limits(controls=1))
        spoken.send(frame(b"", PING) + close(1000))
        self.assertEqual(spoken.code, 1000)


class ViolationsTests(SynchronousTestCase):
    """
    Frames that break RFC 6455.
    """

    def test_violations(self) -> None:
        """
        Each violation is told by its code, and what follows is not heard.
        """
        table = {
            "not masked": (frame(b"x", mask=None), 1002),
            "reserved bit": (frame(b"x", rsv=1), 1002),
            "compressed without asking": (frame(_deflate(b"x"), rsv=4), 1002),
            "unknown data opcode": (frame(b"x", 3), 1002),
            "unknown control opcode": (frame(b"x", 11), 1002),
            "fragmented ping": (frame(b"x", PING, fin=False), 1002),
            "long ping": (frame(b"x" * 126, PING), 1002),
            "continuation of nothing": (frame(b"x", CONTINUATION), 1002),
            "new message in a message": (frame(b"x", fin=False) + frame(b"y"), 1002),
            "length in a long form": (frame(b"x" * 125, size=2), 1002),
            "negative length": (frame(b"", length=1 << 63), 1002),
            "close of one byte": (frame(b"x", CLOSE), 1002),
            "close with a code that nobody may send": (close(1005), 1002),
            "close with a reason that is not UTF-8": (close(1000, b"\xff"), 1007),
            "not UTF-8": (frame(b"\xff"), 1007),
            "not UTF-8, in pieces": (frame(b"\xe2\x82", fin=False) + frame(b"x", CONTINUATION), 1007),
            "cut UTF-8": (frame(b"\xe2\x82"), 1007),
            "cut UTF-8, in pieces": (frame(b"\xe2", fin=False) + frame(b"\x82", CONTINUATION), 1007),
        }
        for name, (data, code) in table.items():
            spoken = speak()
            spoken.send(data + frame(b"more"))
            spoken.send(frame(b"more"))
            self.assertEqual((spoken.code, spoken.talker.said), (code, []), name)

    def test_before(self) -> None:
        """
        What came before a violation, even in one piece with it, was heard.
        """
        spoken = speak()
        spoken.send(frame(b"a") + frame(b"b", 3))
        self.assertEqual((spoken.talker.said, spoken.code), (["received a"], 1002))


class CompressionTests(SynchronousTestCase):
    """
    Compressed messages.
    """

    def test_echo(self) -> None:
        """
        Compressed and plain messages are heard, and answers are compressed, each by itself.
        """
        spoken = _compressing()
        text = b"the same again and again, " * 100
        for _ in range(2):
            spoken.send(frame(_deflate(text), rsv=4))
        spoken.send(frame(b"plain"))
        inflated = [
            zlib.decompressobj(wbits=-12).decompress(one.payload + b"\0\0\xff\xff") for one in spoken.frames
        ]
        self.assertEqual(inflated, [text, text, b"plain"])
        self.assertEqual({one.first for one in spoken.frames}, {0xC1})

    def test_fragments(self) -> None:
        """
        A compressed message may come in frames.
        """
        spoken = _compressing()
        data = _deflate(b"in pieces, in pieces, in pieces")
        spoken.send(frame(data[:5], fin=False, rsv=4) + frame(data[5:], CONTINUATION))
        self.assertEqual(spoken.talker.said, ["received in pieces, in pieces, in pieces"])

    def test_idle(self) -> None:
        """
        Between messages a connection keeps nothing that inflates or deflates.
        """
        spoken = _compressing()
        connection: Any = spoken.transport.protocol
        spoken.send(frame(_deflate(b"x"), rsv=4))
        kept = vars(connection._perMessageCompress)
        self.assertEqual((len(spoken.frames), kept["_decompressor"], kept["_compressor"]), (1, None, None))

    def test_bomb(self) -> None:
        """
        What inflates beyond the limit is refused while it inflates, in one frame or in many.
        """
        limits = Limits(message=Bytes(100_000))
        data = _deflate(bytes(90_000) + bytes(20_000_000))
        self.assertLess(len(data), 100_000)
        bombs = {
            "at once": frame(data, rsv=4),
            "in frames": frame(data[:9000], fin=False, rsv=4) + frame(data[9000:], CONTINUATION),
        }
        for name, bomb in bombs.items():
            spoken = _compressing(limits)
            spoken.send(bomb)
            self.assertEqual((spoken.code, spoken.talker.said), (1009, []), name)
            self.assertEqual(spoken.stage.ledger.buffered, 0)

    def test_as_large_as_may_be(self) -> None:
        """
        What inflates to just the limit is taken.
        """
        spoken = _compressing(Limits(message=Bytes(100_000)))
        spoken.send(frame(_deflate(b"x" * 100_000), rsv=4))
        self.assertEqual((spoken.code, len(spoken.talker.said)), (None, 1))

    def test_corrupt(self) -> None:
        """
        What cannot be inflated, and what is not UTF-8 then, is refused.
        """
        for payload in (b"\xff\xff\xff", _deflate(b"\xff")):
            spoken = _compressing()
            spoken.send(frame(payload, rsv=4))
            self.assertEqual((spoken.code, spoken.talker.said), (1007, []))
