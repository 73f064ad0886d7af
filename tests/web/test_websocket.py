# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
WebSocket, from the request to the last frame.
"""

from __future__ import annotations

import gc
from functools import partial
from itertools import pairwise
from typing import Any

from autobahn.twisted.websocket import WebSocketServerFactory, WebSocketServerProtocol
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mcpd.units import Bytes, Rate, Seconds
from mcpd.web.spec import Limits, Rates, SocketSettings
from mcpd.web.websocket import WebSockets
from tests.web.framed import (
    ACCEPT,
    BINARY,
    CLOSE,
    CONTINUATION,
    MASK,
    PING,
    PONG,
    TEXT,
    UNMASKED,
    close,
    frame,
    opening,
    read,
)
from tests.web.spoken import COMPRESSING, Broken, Spoken, speak
from tests.web.stage import HOST, Stage

SECONDS = SocketSettings(ping=Seconds(30), pong=Seconds(20))


class OpeningTests(SynchronousTestCase):
    """
    From HTTP to frames.
    """

    def test_open(self) -> None:
        """
        A connection is handed over, answered by 101, and talks; nothing of HTTP's deadlines is left.
        """
        spoken = speak()
        lines = spoken.head.split(b"\r\n")
        self.assertEqual(lines[0], b"HTTP/1.1 101 Switching Protocols")
        self.assertIn(b"Sec-WebSocket-Accept: " + ACCEPT, lines)
        self.assertNotIn(b"server", spoken.head.lower())
        spoken.stage.pass_time(29)
        spoken.send(frame(b"hello"))
        self.assertEqual((spoken.texts, spoken.transport.gone), ([b"hello"], False))

    def test_at_once(self) -> None:
        """
        Messages that come in one piece with the request are heard.
        """
        spoken = speak(rest=frame(b"one") + frame(b"tw")[:4])
        spoken.send(frame(b"tw")[4:])
        self.assertEqual(spoken.talker.said, ["received one", "received tw"])

    def test_subprotocol(self) -> None:
        """
        The subprotocol that the door selects is told.
        """
        spoken = speak(fields=b"Sec-WebSocket-Protocol: mcp\r\n", protocol="mcp")
        self.assertIn(b"\r\nSec-WebSocket-Protocol: mcp", spoken.head)
        self.assertNotIn(b"Protocol:", speak(fields=b"Sec-WebSocket-Protocol: mcp\r\n").head)

    def test_not_offered(self) -> None:
        """
        A subprotocol that was not offered cannot be selected: the connection ends.
        """
        spoken = speak(protocol="mcp")
        gc.collect()
        self.assertEqual(len(self.flushLoggedErrors()), 1)
        self.assertIn("abort", spoken.transport.said)
        self.assertEqual(spoken.talkers, [])

    def test_refused(self) -> None:
        """
        What Autobahn refuses though HTTP let it pass has an answer, and the connection ends.
        """
        twice = b"Sec-WebSocket-Extensions: a\r\n" * 2
        spoken = speak(fields=twice)
        self.assertTrue(spoken.head.startswith(b"HTTP/1.1 400"))
        spoken.stage.pass_time(2)
        self.assertTrue(spoken.transport.gone)
        self.assertEqual((spoken.talkers, spoken.stage.ledger.connections), ([], 0))

    def test_broken_dispatcher(self) -> None:
        """
        A dispatcher that does not work is logged, and the client hears that it is our fault.
        """
        spoken = speak(broken=True, rest=frame(b"hello"))
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
        self.assertEqual(spoken.code, 1011)
        spoken.client.hang_up()

    def test_stopping(self) -> None:
        """
        A connection that opens while the daemon stops is closed as going away.
        """
        spoken = speak(before=lambda stage: stage.doors.retire())
        self.assertEqual((spoken.code, spoken.talker.said), (1001, ["retire"]))

    def test_no_talker_yet(self) -> None:
        """
        A connection that is not open yet has nobody to retire, and nobody to tell that it was lost.
        """
        stage = Stage()
        websockets = WebSockets(stage.doors.porch, SECONDS, Rates())
        connection: Any = websockets.build("127.0.0.1", lambda socket: None, None)  # type: ignore[arg-type, return-value]
        connection.makeConnection(StringTransport())
        connection.retire()
        connection.connectionLost()
        self.assertEqual(stage.ledger.connections, 0)

    def test_settings(self) -> None:
        """
        Other settings hold for connections to come, those that stand keep theirs.
        """
        stage = Stage()
        websockets = WebSockets(stage.doors.porch, SECONDS, Rates(None))
        old: Any = websockets.build("", lambda socket: None, None)  # type: ignore[arg-type, return-value]
        websockets.settings, websockets.rates = SocketSettings(compression=True), Rates(Rate(1, 1))
        new: Any = websockets.build("", lambda socket: None, None)  # type: ignore[arg-type, return-value]
        self.assertEqual((old.compresses, old._meter is None), (False, True))
        self.assertEqual((new.compresses, new._meter is None), (True, False))


class TalkTests(SynchronousTestCase):
    """
    Messages both ways.
    """

    def test_echo(self) -> None:
        """
        Messages are heard whole and in order, and what is said goes out in one frame each.
        """
        spoken = speak()
        messages = [b"", b"a", b"x" * 125, b"x" * 126, b"x" * 70_000, "grün".encode()]
        for message in messages:
            spoken.send(frame(message))
        self.assertEqual(spoken.texts, messages)
        self.assertEqual({one.first for one in spoken.frames}, {0x81})

    def test_turns(self) -> None:
        """
        Of many messages at once four are heard in a turn of the reactor, and the others in turns of theirs.
        """
        spoken = speak()
        spoken.send(b"".join(frame(b"%d" % at) for at in range(10)))
        for count in (4, 8, 10, 10):
            self.assertEqual(len(spoken.texts), count)
            spoken.stage.turn()
        self.assertEqual(spoken.texts, [b"%d" % at for at in range(10)])

    def test_turns_of_pieces(self) -> None:
        """
        Messages in fragments have no more turns than others.
        """
        spoken = speak()
        spoken.send(b"".join(frame(b"a", fin=False) + frame(b"b", CONTINUATION) for _ in range(6)))
        self.assertEqual(len(spoken.texts), 4)
        spoken.send(frame(b"c"))
        spoken.stage.turn()
        self.assertEqual(spoken.texts, [b"ab"] * 6 + [b"c"])

    def test_long(self) -> None:
        """
        Where messages are compressed, long ones are not: that would keep everybody else waiting.
        """
        spoken = speak(settings=COMPRESSING, fields=b"Sec-WebSocket-Extensions: permessage-deflate\r\n")
        for size in (256 << 10, (256 << 10) + 1):
            spoken.send(frame(b"x" * size, mask=UNMASKED))
        short, long = spoken.frames
        self.assertEqual((short.first, long.first), (0xC1, 0x81))
        self.assertLess(len(short.payload), 1000)
        self.assertEqual(long.payload, b"x" * ((256 << 10) + 1))

    def test_turns_of_crumbs(self) -> None:
        """
        A message in a thousand fragments takes several turns, so that others have theirs between.
        """
        spoken = speak()
        spoken.send(
            frame(b"a", fin=False) + frame(b"b", CONTINUATION, fin=False) * 998 + frame(b"c", CONTINUATION)
        )
        turns = 0
        while not spoken.texts:
            spoken.stage.turn()
            turns += 1
        self.assertEqual(spoken.texts, [b"a" + b"b" * 998 + b"c"])
        self.assertGreaterEqual(turns, 3)

    def test_flood(self) -> None:
        """
        A client that sends faster than it is heard is not read for a while, and then it is again.
        """
        spoken = speak(Limits(queued=Bytes(100)))
        spoken.send(frame(b"x" * 50) * 5)
        self.assertNotIn("pause", spoken.transport.said)
        spoken.send(frame(b"y" * 50) * 5)
        self.assertEqual(spoken.transport.said.count("pause"), 1)
        while "resume" not in spoken.transport.said:
            self.assertLess(len(spoken.texts), 10)
            spoken.stage.turn()
        spoken.stage.turn()
        self.assertEqual(len(spoken.texts), 10)
        self.assertEqual(spoken.transport.said.count("pause"), 1)

    def test_flood_that_fails(self) -> None:
        """
        A client that is not read hears why it is cut off, and is read again: its end must be seen.
        """
        spoken = speak(Limits(queued=Bytes(100)))
        spoken.talker.plan = lambda message: None
        spoken.send(frame(b"a", fin=False) + frame(b"b", CONTINUATION))
        spoken.send(frame(b"x" * 50) * 5 + frame(b"x", 3) + frame(b"x" * 500))
        self.assertIn("pause", spoken.transport.said)
        spoken.stage.turn()
        self.assertEqual((spoken.code, spoken.transport.said[-2:]), (1002, ["resume", "finish"]))
        spoken.stage.turn()
        self.assertEqual(len(spoken.talker.said), 6)

    def test_lost_while_waiting(self) -> None:
        """
        What a client sent that has gone is not heard any more.
        """
        spoken = speak()
        spoken.send(frame(b"x") * 10)
        spoken.client.hang_up()
        spoken.stage.turn()
        self.assertEqual(spoken.talker.said, ["received x"] * 4 + ["lost"])

    def test_broken(self) -> None:
        """
        A talker that does not work is logged, and its client hears that it is our fault.
        """
        for name, rate in (("received", None), ("refused", Rate(1, 1))):
            spoken = speak(rate=rate)
            if rate is not None:
                spoken.send(frame(b"x"))
            spoken.talker.breaks = {name}
            spoken.send(frame(b"y") + frame(b"z"))
            self.assertEqual(len(self.flushLoggedErrors(Broken)), 1)
            self.assertEqual(spoken.code, 1011)
            self.assertTrue(spoken.talker.said[-1].startswith(f"{name} y"))

    def test_after_the_end(self) -> None:
        """
        What is said on a connection that closes is not sent.
        """
        spoken = speak()
        spoken.talker.socket.close(1000, "")
        spoken.talker.socket.send((b"late",))
        spoken.talker.socket.close(1008, "late, too")
        self.assertEqual((spoken.texts, spoken.code), ([], 1000))


class RateTests(SynchronousTestCase):
    """
    How often a client may say something.
    """

    def test_over(self) -> None:
        """
        A message that is one too many is refused with how long it should have waited.
        """
        spoken = speak(rate=Rate(2, 1))
        spoken.send(frame(b"a") + frame(b"b"))
        spoken.stage.pass_time(0.625)
        spoken.send(frame(b"c"))
        self.assertEqual(spoken.talker.said, ["received a", "refused b 0.500", "received c"])

    def test_far_over(self) -> None:
        """
        Whoever does not mind being refused, twenty times in ten seconds, is cut off.
        """
        spoken = speak(rate=Rate(1, 1))
        for _ in range(20):
            spoken.send(frame(b"x"))
        self.assertIsNone(spoken.code)
        spoken.send(frame(b"x"))
        self.assertEqual((spoken.code, len(spoken.talker.said)), (1008, 21))

    def test_now_and_then(self) -> None:
        """
        A client that is refused less often is kept.
        """
        spoken = speak(rate=Rate(1, 1))
        for _ in range(3):
            spoken.send(frame(b"x") * 4)
            spoken.stage.turn()
            for _ in range(15):
                spoken.send(frame(b"x"))
            spoken.stage.pass_time(10)
        self.assertIsNone(spoken.code)


class SilenceTests(SynchronousTestCase):
    """
    Clients that say nothing.
    """

    def test_ping(self) -> None:
        """
        A client that is silent is pinged, and as long as it answers it is kept.
        """
        spoken = speak(settings=SECONDS)
        for count in range(1, 4):
            spoken.stage.pass_time(29)
            self.assertEqual(len(spoken.frames), count - 1)
            spoken.stage.pass_time(1.5)
            self.assertEqual([one.opcode for one in spoken.frames], [PING] * count)
            spoken.stage.pass_time(15)
            spoken.send(frame(b"", PONG))
        self.assertFalse(spoken.transport.gone)

    def test_not_silent(self) -> None:
        """
        A client that talks is not pinged.
        """
        spoken = speak(settings=SECONDS)
        for _ in range(10):
            spoken.stage.pass_time(20)
            spoken.send(frame(b"x"))
        self.assertEqual({one.opcode for one in spoken.frames}, {TEXT})

    def test_no_pong(self) -> None:
        """
        A client that does not answer a ping in time is cut off, whatever else it sends.
        """
        spoken = speak(settings=SECONDS)
        spoken.stage.pass_time(31)
        spoken.send(frame(b"x"))
        spoken.stage.pass_time(18)
        self.assertFalse(spoken.transport.gone)
        spoken.stage.pass_time(2)
        self.assertTrue(spoken.transport.gone)
        self.assertEqual((spoken.talker.said[-1], spoken.stage.ledger.connections), ("lost", 0))

    def test_never_takes(self) -> None:
        """
        A client that takes nothing of what it is sent is cut off.
        """
        spoken = speak(Limits(stall=Seconds(5)), SECONDS)
        spoken.transport.room = 0
        spoken.send(frame(b"x"))
        spoken.stage.pass_time(6)
        self.assertTrue(spoken.transport.gone)

    def test_takes_too_little(self) -> None:
        """
        A client for which too much waits is cut off.
        """
        spoken = speak(Limits(unsent=Bytes(100)))
        spoken.transport.room = 0
        for _ in range(4):
            spoken.send(frame(b"x" * 60))
        self.assertIn("abort", spoken.transport.said)


class EndTests(SynchronousTestCase):
    """
    Ends.
    """

    def test_client_closes(self) -> None:
        """
        A client that closes has its close frame, and the connection is gone with all that it held.
        """
        spoken = speak()
        spoken.send(frame(b"x") + close(1000, b"bye") + frame(b"y"))
        spoken.stage.turn()
        self.assertEqual((spoken.code, spoken.transport.gone), (1000, True))
        self.assertEqual(spoken.talker.said, ["received x", "lost"])
        self.assertEqual(spoken.stage.ledger.connections, 0)

    def test_we_close(self) -> None:
        """
        A connection that we close ends with the client's own close frame; until then nothing is heard.
        """
        spoken = speak()
        spoken.send(frame(b"half", fin=False))
        spoken.talker.socket.close(4401, "w" * 200)
        self.assertEqual(spoken.frames[0].payload, (4401).to_bytes(2, "big") + b"w" * 123)
        self.assertEqual(spoken.stage.ledger.buffered, 0)
        spoken.send(frame(b"more", CONTINUATION) + frame(b"x") + frame(b"y", fin=False))
        spoken.send(frame(b"z", CONTINUATION) + frame(b"p", PING))
        self.assertFalse(spoken.transport.gone)
        spoken.send(close(4401))
        spoken.stage.turn()
        self.assertTrue(spoken.transport.gone)
        self.assertEqual((len(spoken.frames), spoken.talker.said), (1, ["lost"]))

    def test_client_stays(self) -> None:
        """
        A client that does not close what we close is left after a second, and cut off after another.
        """
        for end in ("close", "fail"):
            spoken = speak()
            said = spoken.transport.said
            # The kernel still has something for the client, who does not take it.
            spoken.transport.loseConnection = partial(said.append, "close")  # type: ignore[method-assign]
            if end == "close":
                spoken.talker.socket.close(1000, "bye")
            else:
                spoken.send(frame(b"x", 3))
            spoken.stage.pass_time(0.5)
            self.assertNotIn("close", said)
            spoken.stage.pass_time(1)
            self.assertEqual(said[-1], "close")
            spoken.stage.pass_time(1.5)
            self.assertEqual((said[-1], spoken.talker.said), ("abort", ["lost"]))

    def test_last_words(self) -> None:
        """
        A client that still takes what it was sent is not cut off in the middle of it.
        """
        spoken = speak()
        spoken.transport.room = 200
        spoken.send(frame(b"x" * 1000))
        spoken.talker.socket.close(1001, "bye")
        spoken.stage.pass_time(3)
        spoken.transport.take(2000)
        self.assertEqual((spoken.texts, spoken.code), ([b"x" * 1000], 1001))
        self.assertFalse(spoken.transport.gone)
        spoken.stage.pass_time(1.5)
        self.assertTrue(spoken.transport.gone)

    def test_retire(self) -> None:
        """
        A connection on which nothing is owed is closed at once when the daemon stops.
        """
        spoken = speak()
        spoken.stage.doors.retire()
        self.assertEqual((spoken.talker.said, spoken.code), (["retire"], 1001))

    def test_retire_busy(self) -> None:
        """
        One on which an answer is owed is closed after the answer.
        """
        spoken = speak()
        spoken.talker.busy = True
        spoken.talker.socket.rest()
        spoken.stage.doors.retire()
        self.assertIsNone(spoken.code)
        spoken.talker.socket.send((b"answer",))
        spoken.talker.socket.rest()
        self.assertEqual([one.opcode for one in spoken.frames], [TEXT, CLOSE])
        self.assertEqual(spoken.code, 1001)

    def test_broken(self) -> None:
        """
        A talker that cannot end is logged, and the connection ends all the same.
        """
        spoken = speak()
        spoken.talker.breaks = {"retire", "lost"}
        spoken.stage.doors.retire()
        self.assertEqual(spoken.code, 1011)
        spoken.client.hang_up()
        self.assertEqual(len(self.flushLoggedErrors(Broken)), 2)
        self.assertEqual(spoken.stage.ledger.connections, 0)

    def test_late(self) -> None:
        """
        What comes on a connection that is gone does no harm.
        """
        spoken = speak()
        connection: Any = spoken.transport.protocol
        spoken.client.hang_up()
        connection.dataReceived(frame(b"x"))
        self.assertEqual(spoken.talker.said, ["lost"])


class Alone(WebSocketServerProtocol):
    """
    Autobahn without us, but for what we ask of it: text alone.
    """

    def onOpen(self) -> None:
        """
        Begin.
        """
        self.texts: list[bytes] = []

    def onMessageBegin(self, isBinary: bool) -> None:
        """
        Refuse what is not text.
        """
        super().onMessageBegin(isBinary)
        if isBinary and not self.failedByMe:
            self._fail_connection(1003, "messages are text")

    def unregisterProducer(self) -> None:
        """
        Leave the transport alone, which has none.
        """

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """
        Note and echo it.
        """
        self.texts.append(payload)
        self.sendMessage(payload)


def _alone(reads: list[bytes], most: int) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    factory = WebSocketServerFactory(server="", reactor=Clock())
    factory.setProtocolOptions(
        versions=[13],
        failByDrop=False,
        maxMessagePayloadSize=most,
        openHandshakeTimeout=0,
        closeHandshakeTimeout=0,
    )
    alone: Any = Alone()
    alone.factory = factory
    transport = StringTransport()
    alone.makeConnection(transport)
    alone.dataReceived(opening(HOST))
    for data in reads:
        if not alone.failedByMe:
            alone.dataReceived(data)
    return alone.texts, _verdict(transport.value().partition(b"\r\n\r\n")[2])


def _ours(reads: list[bytes], most: int) -> tuple[list[bytes], list[tuple[int, bytes]]]:
    spoken: Spoken = speak(Limits(message=Bytes(most), controls=1000))
    for data in reads:
        spoken.send(data)
    for _ in range(20):
        spoken.stage.turn()
    # A note of an empty message has no blank after the word.
    heard = [f"{text} "[9:-1].encode() for text in spoken.talker.said if text[0] == "r"]
    return heard, _verdict(bytes(spoken.transport.taken).partition(b"\r\n\r\n")[2])


def _verdict(data: bytes) -> list[tuple[int, bytes]]:
    # All that a client can tell from what it was sent; the reason is for people.
    frames, rest = read(data)
    assert not rest
    return [(one.first, one.payload[:2] if one.opcode == CLOSE else one.payload) for one in frames]


MOST = 300

_texts = st.one_of(
    st.text(alphabet="ab\u00fc\u20ac\U0001f600", max_size=40).map(str.encode),
    st.sampled_from((b"", b"x" * 125, b"x" * 126, b"x" * MOST, b"x" * (MOST + 1), b"x" * 70_000)),
    st.binary(max_size=6),
)
_masks = st.one_of(st.just(MASK), st.binary(min_size=4, max_size=4))
_usual = st.builds(frame, _texts, mask=_masks)
_fragments = st.builds(
    lambda texts, ends: b"".join(
        frame(text, TEXT if at == 0 else CONTINUATION, fin=at == len(texts) - 1 and ends)
        for at, text in enumerate(texts)
    ),
    st.lists(_texts, min_size=1, max_size=4),
    st.sampled_from((True, True, True, False)),
)
_controls = st.builds(frame, st.binary(max_size=126), st.sampled_from((PING, PONG)))
_closes = st.builds(close, st.sampled_from((None, 999, 1000, 1001, 1005, 1007, 3000, 5000)), st.just(b""))
_odd = st.builds(
    frame,
    st.binary(max_size=130),
    opcode=st.integers(0, 15),
    fin=st.booleans(),
    rsv=st.sampled_from((0, 0, 0, 1, 4)),
    mask=st.one_of(st.none(), _masks),
    size=st.sampled_from((0, 2, 8)),
)
_common = st.one_of(_usual, _fragments, _controls)
_streams = st.tuples(
    st.lists(_common, max_size=12), st.lists(st.one_of(_common, _odd, _closes, _texts), max_size=3)
)


class DifferentialTests(SynchronousTestCase):
    """
    The short way and Autobahn's.
    """

    @settings(max_examples=200, deadline=None)
    @given(_streams, st.data())
    def test_same_verdict(self, stream: tuple[list[bytes], list[bytes]], data: st.DataObject) -> None:
        """
        Whatever comes, in whatever pieces: what is heard and answered is what Autobahn alone would have it.
        """
        whole = b"".join((*stream[0], *stream[1]))
        cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
        edges = [0, *cuts, len(whole)]
        reads = [whole[start:end] for start, end in pairwise(edges) if start < end]
        self.assertEqual(_ours(reads, MOST), _alone(reads, MOST))

    def test_binary(self) -> None:
        """
        The comparison notices a binary message.
        """
        reads = [frame(b"x") + frame(b"y", BINARY)]
        texts, verdict = _ours(reads, MOST)
        self.assertEqual((texts, verdict[-1]), ([b"x"], (0x88, (1003).to_bytes(2, "big"))))
        self.assertEqual(_alone(reads, MOST), (texts, verdict))
