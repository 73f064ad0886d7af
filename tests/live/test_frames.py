# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The cases 1 to 7 and 9 of the Autobahn test suite, by a client of ours, over real sockets.

The suite itself needs Python 2.7.  Its numbers stand with the tests.
"""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Mapping
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredList, ensureDeferred
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase

from mcpd.web.porch import TICK
from mcpd.web.spec import SocketSettings
from tests.live.client import Unanswered
from tests.live.echo import LIMITS, make_doors
from tests.live.frames import Outcome, connect, converse
from tests.web.framed import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, UNMASKED, Frame, close, frame

BYE = close(1000)
FIN = 0x80

Case = tuple[Iterable[bytes], list[Frame], int | None]
"""What the client sends, what it has before the end, and the close code."""


def _text(payload: bytes) -> Frame:
    return Frame(FIN | TEXT, payload)


def _pong(payload: bytes) -> Frame:
    return Frame(FIN | PONG, payload)


def _chop(data: bytes, size: int) -> list[bytes]:
    return [data[start : start + size] for start in range(0, len(data), size)]


def _fragments(payload: bytes, size: int, opcode: int = TEXT) -> bytes:
    pieces = _chop(payload, size)
    return b"".join(
        frame(piece, opcode if at == 0 else CONTINUATION, fin=at == len(pieces) - 1, mask=UNMASKED)
        for at, piece in enumerate(pieces)
    )


class FramesTests(TestCase):
    """
    An echo behind our factory, as the suite wants it.
    """

    timeout = 240

    def setUp(self) -> None:
        """
        Listen.
        """
        clock: Any = reactor
        doors = make_doors(clock, LIMITS, SocketSettings(), "127.0.0.1")
        port = clock.listenTCP(0, doors, interface="127.0.0.1")
        # The porch's tick ends by itself, at its next turn after the last connection.
        self.addCleanup(deferLater, clock, 2 * TICK, lambda: None)
        self.addCleanup(port.stopListening)
        self.port: int = port.getHost().port

    def _go(self, story: Coroutine[Any, Any, None]) -> Deferred[None]:
        return ensureDeferred(story)

    async def _compare(self, cases: Mapping[str, Case]) -> None:
        # Ten at a time: each has a connection of its own.
        names = list(cases)
        for start in range(0, len(names), 10):
            some = names[start : start + 10]
            stories = [ensureDeferred(converse(reactor, self.port, cases[name][0])) for name in some]
            results: Any = await DeferredList(stories, consumeErrors=True)
            for name, (_, outcome) in zip(some, results, strict=True):
                _, frames, code = cases[name]
                self.assertEqual(outcome, Outcome(tuple(frames), code), name)

    def test_messages(self) -> Deferred[None]:
        """
        1: messages of all forms of length come back, text and binary, in pieces, too.
        """
        cases: dict[str, Case] = {}
        for size in (0, 125, 126, 127, 128, 65535, 65536):
            payload = b"*" * size
            for opcode in (TEXT, BINARY):
                data = frame(payload, opcode)
                cases[f"{opcode} {size}"] = ((data, BYE), [Frame(FIN | opcode, payload)], 1000)
            cases[f"chopped {size}"] = ((*_chop(frame(payload), 997), BYE), [_text(payload)], 1000)
        return self._go(self._compare(cases))

    def test_pings(self) -> Deferred[None]:
        """
        2: pings have their pongs, in order, and pongs that nobody asked for are passed over.
        """
        raw = bytes(range(120, 245))
        ten = [b"payload-%d" % at for at in range(10)]
        cases: dict[str, Case] = {
            "empty": ((frame(b"", PING), BYE), [_pong(b"")], 1000),
            "text": ((frame(b"Hello", PING), BYE), [_pong(b"Hello")], 1000),
            "bytes": ((frame(raw, PING), BYE), [_pong(raw)], 1000),
            "too long": ((frame(b"x" * 126, PING),), [], 1002),
            "bytewise": ((*_chop(frame(raw, PING), 1), BYE), [_pong(raw)], 1000),
            "pong": ((frame(b"", PONG), BYE), [], 1000),
            "pong with payload": ((frame(b"x", PONG), BYE), [], 1000),
            "pong and ping": ((frame(b"x", PONG), frame(b"y", PING), BYE), [_pong(b"y")], 1000),
            "ten": ((*(frame(text, PING) for text in ten), BYE), list(map(_pong, ten)), 1000),
            "ten, bytewise": (
                (*_chop(b"".join(frame(text, PING) for text in ten), 1), BYE),
                list(map(_pong, ten)),
                1000,
            ),
        }
        return self._go(self._compare(cases))

    def test_reserved(self) -> Deferred[None]:
        """
        3, 4: reserved bits and opcodes fail the connection, and what came before was heard.
        """
        cases: dict[str, Case] = {}
        for rsv in range(1, 8):
            for opcode in (TEXT, BINARY, PING, CLOSE):
                data = (frame(b"*"), frame(b"*", opcode, rsv=rsv), frame(b"", PING))
                cases[f"rsv {rsv} {opcode}"] = (data, [_text(b"*")], 1002)
        for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15):
            for payload in (b"", b"reserved"):
                data = (frame(b"*"), frame(payload, opcode), frame(b"", PING))
                cases[f"opcode {opcode} {payload!r}"] = (data, [_text(b"*")], 1002)
        return self._go(self._compare(cases))

    def test_fragments(self) -> Deferred[None]:
        """
        5: fragments become one message, pings come in between, and what is out of order fails.
        """
        first, last = frame(b"fragment1", fin=False), frame(b"fragment2", CONTINUATION)
        more = frame(b"more", CONTINUATION, fin=False)
        ping = frame(b"ping", PING)
        both, all_three = _text(b"fragment1fragment2"), _text(b"fragment1morefragment2")
        cases: dict[str, Case] = {
            "ping in fragments": ((frame(b"a", PING, fin=False), frame(b"b", CONTINUATION)), [], 1002),
            "pong in fragments": ((frame(b"a", PONG, fin=False), frame(b"b", CONTINUATION)), [], 1002),
            "two": ((first, last, BYE), [both], 1000),
            "two at once": ((first + last, BYE), [both], 1000),
            "two, bytewise": ((*_chop(first + last, 1), BYE), [both], 1000),
            "ping between": ((first, ping, last, BYE), [_pong(b"ping"), both], 1000),
            "ping between, bytewise": ((*_chop(first + ping + last, 1), BYE), [_pong(b"ping"), both], 1000),
            "continuation of nothing": ((last, frame(b"x")), [], 1002),
            "continuation of nothing, not last": ((more, frame(b"x")), [], 1002),
            "continuation after a message": ((frame(b"x"), more, last), [_text(b"x")], 1002),
            "text within": ((first, frame(b"x")), [], 1002),
            "five and pings": (
                (first, more, ping, more, ping, last, BYE),
                [_pong(b"ping"), _pong(b"ping"), _text(b"fragment1moremorefragment2")],
                1000,
            ),
            "three": ((first + more + last, BYE), [all_three], 1000),
        }
        return self._go(self._compare(cases))

    def test_utf8(self) -> Deferred[None]:
        """
        6: valid UTF-8 comes back, however it is cut, and what is not fails as soon as one can tell.
        """
        greek = "\u03ba\u1f79\u03c3\u03bc\u03b5".encode()
        valid = [
            b"",
            "Hello-\u00b5@\u00df\u00f6\u00e4\u00fc\u00e0\u00e1-UTF-8!!".encode(),
            greek,
            *(
                chr(point).encode()
                for point in (0, 0x7F, 0x80, 0x7FF, 0x800, 0xD7FF, 0xE000, 0xFFFD, 0xFFFE, 0x10000, 0x10FFFF)
            ),
        ]
        invalid = [
            *(
                greek[:end]
                for end in range(1, len(greek))
                if greek[:end] != greek[:end].decode("utf-8", "ignore").encode()
            ),
            greek + b"\xed\xa0\x80edited",
            b"\xf4\x90\x80\x80",
            b"\xf8\x88\x80\x80\x80",
            b"\xc0\xaf",
            b"\xe0\x80\xaf",
            b"\xf0\x80\x80\xaf",
            b"\xc0\x80",
            b"\xed\xbf\xbf",
            b"\xed\xa0\x80\xed\xb0\x80",
            b"\x80",
            b"\xbf\x80",
            b"\xfe",
            b"\xff\xff",
            b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce",
        ]
        cases: dict[str, Case] = {}
        for text in valid:
            cases[f"{text!r}"] = ((frame(text), BYE), [_text(text)], 1000)
            if text:
                cases[f"{text!r} in bytes"] = ((_fragments(text, 1), BYE), [_text(text)], 1000)
        for text in invalid:
            cases[f"{text!r}"] = ((frame(text), BYE), [], 1007)
            cases[f"{text!r} in bytes"] = ((_fragments(text, 1), BYE), [], 1007)
        cases["empty fragments"] = (
            (frame(fin=False), frame(b"", CONTINUATION, fin=False), frame(b"", CONTINUATION), BYE),
            [_text(b"")],
            1000,
        )
        # 6.4: no end of the message, nor of the frame, has to come first.
        cases["fails fast, in a fragment"] = ((frame(greek + b"\xf4\x90", fin=False),), [], 1007)
        cases["fails fast, in a frame"] = ((frame(greek + b"\xf4\x90", length=50),), [], 1007)
        return self._go(self._compare(cases))

    def test_closes(self) -> Deferred[None]:
        """
        7: a close frame is answered by one, nothing is heard after it, and a wrong one is told so.
        """
        cases: dict[str, Case] = {
            "plain": ((frame(b"x"), BYE), [_text(b"x")], 1000),
            "twice": ((BYE, BYE), [], 1000),
            "ping after": ((BYE, frame(b"x", PING)), [], 1000),
            "text after": ((BYE, frame(b"x")), [], 1000),
            "within a message": ((frame(b"a", fin=False), BYE, frame(b"b", CONTINUATION)), [], 1000),
            "large first": (
                (frame(b"B" * (256 << 10), mask=UNMASKED), BYE),
                [_text(b"B" * (256 << 10))],
                1000,
            ),
            "empty": ((close(),), [], 1000),
            "one byte": ((frame(b"a", CLOSE),), [], 1002),
            "with a reason": ((close(1000, b"Hello World!"),), [], 1000),
            "with the longest reason": ((close(1000, b"*" * 123),), [], 1000),
            "with one longer": ((close(1000, b"*" * 124),), [], 1002),
            "with a reason that is not UTF-8": ((close(1000, b"\xce\xba\xed\xa0\x80"),), [], 1007),
        }
        for code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999):
            cases[f"{code}"] = ((close(code),), [], 1000)
        for code in (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999, 5000, 65535):
            cases[f"{code}"] = ((close(code),), [], 1002)
        return self._go(self._compare(cases))

    def test_large(self) -> Deferred[None]:
        """
        9.1 to 9.6: messages of up to 16 MiB come back, in one frame, in many, and in pieces.
        """
        cases: dict[str, Case] = {}
        for size in (64 << 10, 256 << 10, 1 << 20, 4 << 20, 8 << 20, 16 << 20):
            payload = b"*" * size
            for opcode in (TEXT, BINARY):
                data = frame(payload, opcode, mask=UNMASKED)
                cases[f"{opcode} {size}"] = ((data, BYE), [Frame(FIN | opcode, payload)], 1000)
        payload = b"*" * (1 << 20)
        for size in (64, 256, 4 << 10, 64 << 10, 1 << 20):
            cases[f"fragments of {size}"] = ((_fragments(payload, size), BYE), [_text(payload)], 1000)
        for size in (64, 512, 2048):
            pieces = _chop(frame(payload, mask=UNMASKED), size)
            cases[f"pieces of {size}"] = ((*pieces, BYE), [_text(payload)], 1000)
        return self._go(self._compare(cases))

    async def _check_round_trips(self) -> None:
        frames = await connect(reactor, self.port)
        for size in (0, 16, 64, 256, 1024, 4096, 16384):
            message = frame(b"*" * size)
            for _ in range(100):
                frames.send(message)
                self.assertEqual(await frames.take(1), [_text(b"*" * size)])
        frames.send(BYE)
        self.assertEqual(await frames.finish(), Outcome((), 1000))

    def test_round_trips(self) -> Deferred[None]:
        """
        9.7, 9.8: one message after the other comes back, as often as one likes.
        """
        return self._go(self._check_round_trips())

    async def _check_refused(self) -> None:
        for fields, path in ((b"Sec-WebSocket-Extensions: a\r\n" * 2, b"/ws"), (b"", b"/nothing")):
            try:
                await connect(reactor, self.port, fields, path)
            except Unanswered as refusal:
                self.assertIn("no WebSocket", str(refusal))
            else:
                self.fail("it was not refused")

    def test_refused(self) -> Deferred[None]:
        """
        The client tells an opening that is refused from one that is not.
        """
        return self._go(self._check_refused())
