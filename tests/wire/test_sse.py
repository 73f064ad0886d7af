# -*- test-case-name: tests.wire.test_sse -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.sse`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire import sse
from mcpd.wire.sse import Event, Events, EventTooLong
from tests.wire.meaning import modest, splits

pieces = [b"\n", b"\r", b"\r\n", b"\n\n", b"data: a\n", b"data:b", b"event: e\n", b"id: 1\n", b"retry: 5\n"]
texts = st.text(st.characters(exclude_characters="\r\n", codec="utf-8"))
streams = st.lists(st.sampled_from([*pieces, b": c\n", b"x", b":", b"data\n"]), max_size=20).map(b"".join)


def fed(events: Events, *reads: bytes) -> list[Event]:
    """
    Say which events come out of these reads.
    """
    return [event for read in reads for event in events.feed(read)]


def one(stream: bytes) -> Event:
    """
    Read the only event of a stream.
    """
    (event,) = Events(10_000).feed(stream)
    return event


class EventTests(SynchronousTestCase):
    """
    Tests for framing a message.
    """

    def test_framed(self) -> None:
        """
        A message is one event named "message" with one line of data.
        """
        framed = b"".join(sse.event([b'{"a":', b"1}"]))
        self.assertEqual(framed, b'event: message\ndata: {"a":1}\n\n')

    def test_marked(self) -> None:
        """
        A client reads the id that an event was given.
        """
        stream = b"".join(sse.event([b"{", b"}"], b"s-1"))
        self.assertEqual(stream, b"id: s-1\nevent: message\ndata: {}\n\n")
        self.assertEqual(one(stream), Event(b"{}", id=b"s-1"))

    def test_priming(self) -> None:
        """
        A priming event says where to go on and when, and has no message.
        """
        stream = b"".join(sse.priming(b"s-0", 500))
        self.assertEqual(stream, b"id: s-0\nretry: 500\ndata: \n\n")
        self.assertEqual(one(stream), Event(b"", id=b"s-0", retry=500))

    @modest
    @given(st.lists(texts, min_size=1))
    def test_read_back(self, texts: list[str]) -> None:
        """
        A client reads each message as it was framed, and no sign of life for a message.
        """
        stream = sse.COMMENT.join(b"".join(sse.event([text.encode()])) for text in texts)
        read = Events(100_000).feed(sse.COMMENT + stream + sse.COMMENT)
        self.assertEqual(read, [Event(text.encode()) for text in texts])


class EventsTests(SynchronousTestCase):
    """
    Tests for reading a stream, as section 9.2.6 of the standard says.
    """

    def test_fields(self) -> None:
        """
        An event's name, id and time to retry are told with its data.
        """
        event = one(b"event: endpoint\nid: 7\nretry: 2500\ndata: x\n\n")
        self.assertEqual(event, Event(b"x", b"endpoint", b"7", 2500))

    def test_bare(self) -> None:
        """
        An event without fields besides its data is a message.
        """
        self.assertEqual(one(b"data: x\n\n"), Event(b"x", b"message", None, None))
        self.assertEqual(one(b"event\ndata: x\n\n").name, b"message")

    def test_several_lines(self) -> None:
        """
        Lines of data are joined by line feeds.
        """
        self.assertEqual(one(b"data: a\ndata\ndata:b\ndata:  c\n\n").data, b"a\n\nb\n c")

    def test_one_space(self) -> None:
        """
        Only the first space behind the colon is left out.
        """
        self.assertEqual(one(b"data:  a: b \n\n").data, b" a: b ")

    def test_without_data(self) -> None:
        """
        Comments, unknown fields and events without data are left out.
        """
        stream = b": x\n\nevent: a\nid: 1\n\nunknown: y\n\n\n\n\n:\n\ndata: a\nunknown: z\n: y\n\n"
        self.assertEqual(Events(100).feed(stream), [Event(b"a")])

    def test_empty_data(self) -> None:
        """
        An event whose data is empty is one.
        """
        self.assertEqual(Events(100).feed(b"data\n\ndata: \n\n"), [Event(b""), Event(b"")])

    def test_last(self) -> None:
        """
        The last id and the last time to retry count, of an event without data too, once it is whole.
        """
        events = Events(100)
        self.assertEqual((events.last_id, events.retry), (b"", None))
        events.feed(b"id: 1\nretry: 5\n")
        self.assertEqual((events.last_id, events.retry), (b"", None))
        self.assertEqual(events.feed(b"\n"), [])
        self.assertEqual((events.last_id, events.retry), (b"1", 5))
        events.feed(b"data: a\n\nid: 2\ndata\n\nretry: soon\n\n")
        self.assertEqual((events.last_id, events.retry), (b"2", 5))
        events.feed(b"id\n\n")
        self.assertEqual(events.last_id, b"")

    def test_id(self) -> None:
        """
        An id with a NUL in it is as if it had not come.
        """
        events = Events(100)
        self.assertEqual(events.feed(b"id: 1\nid: \0\ndata: a\n\n"), [Event(b"a", id=b"1")])
        self.assertEqual(events.feed(b"id: 2\0\ndata: a\n\n"), [Event(b"a")])
        self.assertEqual(events.last_id, b"1")

    def test_retry(self) -> None:
        """
        A time to retry that is no sensible number is left out, however long it is.
        """
        for retry in (b"", b"-1", b"1.5", b"1s", b"soon", b"9" * 13, b"9" * 5000):
            self.assertIsNone(one(b"retry: " + retry + b"\ndata: x\n\n").retry, retry[:20])
        self.assertEqual(one(b"retry: " + b"9" * 12 + b"\ndata: x\n\n").retry, 10**12 - 1)

    def test_line_ends(self) -> None:
        """
        Lines may end with a line feed, a carriage return, or both, even mixed.
        """
        for end in (b"\n", b"\r", b"\r\n"):
            stream = b"data: a" + end + b"data: b" + end + end + b"data: c" + end + end + b":"
            self.assertEqual(Events(100).feed(stream), [Event(b"a\nb"), Event(b"c")])
        self.assertEqual(Events(100).feed(b"data: a\r\n\rdata: b\n\r\n"), [Event(b"a"), Event(b"b")])

    def test_not_ended(self) -> None:
        """
        An event without its empty line is not told.
        """
        self.assertEqual(fed(Events(100), b"data: a\n", b"data: b\r", b"\n"), [])

    @modest
    @given(splits(streams))
    def test_any_split(self, reads: list[bytes]) -> None:
        """
        It makes no difference how a stream was cut into reads.
        """
        self.assertEqual(fed(Events(10_000), *reads), Events(10_000).feed(b"".join(reads)))

    @modest
    @given(splits(streams), st.integers(0, 30))
    def test_any_limit(self, reads: list[bytes], limit: int) -> None:
        """
        Nor does it make a difference for what is too long.
        """
        try:
            whole = Events(limit).feed(b"".join(reads))
        except EventTooLong:
            self.assertRaises(EventTooLong, fed, Events(limit), *reads)
        else:
            self.assertEqual(fed(Events(limit), *reads), whole)

    def test_limit(self) -> None:
        """
        An event of exactly the limit is read and one of a byte more is refused, however it came.
        """
        event = b"data: 1234"
        for reads in (
            [event + b"\n\n"],
            [event, b"\n", b"\n"],
            [event + b"\r", b"\n\r\n"],
            [b"\n", event, b"\n\n"],
        ):
            self.assertEqual(fed(Events(10), *reads), [Event(b"1234")])
            self.assertRaises(EventTooLong, fed, Events(9), *reads)

    def test_never_ends(self) -> None:
        """
        A server that never ends its event is cut off at the limit.
        """
        events = Events(100)
        self.assertEqual(events.feed(b"x" * 100), [])
        self.assertRaises(EventTooLong, events.feed, b"x")
