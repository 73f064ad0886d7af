# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.batch`.
"""

from __future__ import annotations

import gc
import weakref
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.batch import Gathering
from mcpd.relay.way import Way
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece
from tests.relay.ways import FakeWay


def text(value: Any) -> tuple[Piece, Piece]:
    """
    Write a message, in two pieces.
    """
    whole = write.encode(value)
    return whole[:1], whole[1:]


def gather(count: int, outer: Way) -> list[Way]:
    """
    Make the ways back of a batch's items.
    """
    gathering = Gathering(outer, count, lambda way: way)
    return [gathering.way() for _ in range(count)]


class GatheringTests(SynchronousTestCase):
    """
    Tests for the answer to a batch.
    """

    def setUp(self) -> None:
        """
        Take a batch of three.
        """
        self.outer = FakeWay("r7")
        self.one, self.two, self.three = self.items = gather(3, self.outer)

    def test_array(self) -> None:
        """
        A batch's answers come together as one array in the items' order, once the last is there.
        """
        self.three.answer(text(3))
        self.one.answer(text(1), 404, ((b"Retry-After", b"1"),))
        self.assertFalse(self.outer.ended)
        self.two.answer(text(2))
        self.assertEqual(self.outer.said, [[1, 2, 3]])
        self.assertEqual((self.outer.status, self.outer.fields, self.outer.opened), (200, (), False))

    def test_single(self) -> None:
        """
        A batch of one is answered by an array of one.
        """
        outer = FakeWay()
        (only,) = gather(1, outer)
        only.answer(text(1))
        self.assertEqual(outer.said, [[1]])

    def test_notices_among(self) -> None:
        """
        What wants no answer has no place in the array.
        """
        self.one.empty(202)
        self.two.answer(text(2))
        self.three.empty(202)
        self.assertEqual(self.outer.said, [[2]])

    def test_notices_alone(self) -> None:
        """
        A batch that wants no answers is answered by 202 without a body.
        """
        for item in self.items:
            self.assertIsNone(self.outer.status)
            item.empty(202)
        self.assertEqual((self.outer.status, self.outer.said), (202, []))

    def test_cancelled(self) -> None:
        """
        A request that was cancelled is not answered, and does not hold up the others.
        """
        self.one.end()
        self.two.answer(text(2))
        self.three.answer(text(3))
        self.assertEqual(self.outer.said, [[2, 3]])

    def test_all_cancelled(self) -> None:
        """
        A batch of which nothing is left to be said is over all the same.
        """
        for item in self.items:
            item.end()
        self.assertEqual((self.outer.status, self.outer.said, self.outer.ended), (202, [], True))

    def test_fault(self) -> None:
        """
        What can't be done of a batch is an error with its own id, and the rest is done.
        """
        self.one.fault(Fault(Kind.PARAMS, "no such tool", {"x": 1}), b'"a"', 200)
        self.two.fault(Fault(Kind.INVALID, "what?"))
        self.three.answer(text(3))
        ((first, second, third),) = self.outer.said
        error = {"code": -32602, "message": "no such tool", "data": {"x": 1, "requestId": "r7"}}
        self.assertEqual(first, {"jsonrpc": "2.0", "id": "a", "error": error})
        self.assertNotIn("id", second)
        self.assertEqual((second["error"]["code"], third), (-32600, 3))
        self.assertEqual(self.outer.status, 200)

    def test_stream(self) -> None:
        """
        If something is said before an answer, all answers are messages of a stream, which the last ends.
        """
        self.one.answer(text(1))
        self.two.notice(text("half"), b"0-1")
        self.assertEqual(self.outer.said, [1, "half"])
        self.three.notice(text("more"))
        self.two.answer(text(2), mark=b"0-2")
        self.assertFalse(self.outer.ended)
        self.three.answer(text(3), mark=b"1-1")
        self.assertEqual(self.outer.said, [1, "half", "more", 2, 3])
        self.assertEqual(self.outer.marks, [b"", b"0-1", b"", b"0-2", b"1-1"])
        self.assertTrue(self.outer.ended)

    def test_kept_stream(self) -> None:
        """
        The stream is the session's, which can be resumed, and begins with the answers that are there.
        """
        post, kept = FakeWay("r7"), FakeWay("r7")
        gathering = Gathering(post, 2, lambda way: kept if way is post else way)
        one, two = gathering.way(), gathering.way()
        one.answer(text(1))
        two.notice(text("half"))
        two.notice(text("more"))
        lost: list[int] = []
        two.hung_up = lambda: lost.append(2)
        kept.lose()
        self.assertEqual((kept.said, post.said, lost), ([1, "half", "more"], [], [2]))

    def test_stream_without_answers(self) -> None:
        """
        A stream ends with its last item, though that has no answer.
        """
        self.one.open()
        self.assertTrue(self.outer.opened)
        self.one.answer(text(1))
        self.two.empty(202)
        self.assertFalse(self.outer.ended)
        self.three.end()
        self.assertEqual((self.outer.said, self.outer.ended, self.outer.status), ([1], True, None))

    def test_prime(self) -> None:
        """
        A stream can say where a client may go on.
        """
        self.two.prime(b"0-0", 500)
        self.assertEqual((self.outer.primes, self.outer.opened), ([(b"0-0", 500)], True))

    def test_once(self) -> None:
        """
        An item has one outcome, whatever is said after it.
        """
        self.one.answer(text(1))
        for again in (
            lambda: self.one.answer(text("x")),
            lambda: self.one.notice(text("x")),
            lambda: self.one.prime(b"x", 1),
            lambda: self.one.fault(Fault(Kind.INTERNAL, "x")),
            lambda: self.one.empty(202),
            self.one.open,
            self.one.end,
        ):
            again()
        self.assertFalse(self.outer.opened)
        self.two.answer(text(2))
        self.assertFalse(self.outer.ended)
        self.three.end()
        self.assertEqual(self.outer.said, [[1, 2]])

    def test_number(self) -> None:
        """
        Every item goes by the id of the request that brought the batch.
        """
        self.assertEqual({item.id for item in self.items}, {"r7"})

    def test_hung_up(self) -> None:
        """
        Whatever of a batch still runs hears that the client has gone, once.
        """
        lost: list[int] = []
        self.one.hung_up = lambda: lost.append(1)
        self.two.hung_up = lambda: lost.append(2)
        self.one.answer(text(1))
        self.outer.lose()
        self.assertEqual(lost, [2])
        self.outer.lose()
        self.assertEqual(lost, [2])
        self.two.answer(text(2))
        self.three.end()
        self.assertEqual(self.outer.said, [])

    def test_over(self) -> None:
        """
        A batch that was answered leaves nothing behind.
        """
        for item in self.items:
            item.answer(text(0))
        self.assertIsNone(self.outer.hung_up)
        known = weakref.ref(self.one)
        gc.disable()
        self.addCleanup(gc.enable)
        del self.one, self.two, self.three, self.items, item
        self.assertIsNone(known())


class FakeWayTests(SynchronousTestCase):
    """
    Tests for the way back that only remembers.
    """

    def setUp(self) -> None:
        """
        Make one.
        """
        self.fake = FakeWay()
        self.way: Way = self.fake

    def test_answer(self) -> None:
        """
        It has one answer, whatever comes after it.
        """
        self.way.answer(text(1), 404, ((b"A", b"b"),), b"0-1")
        self.way.answer(text(2))
        self.way.notice(text(2))
        self.way.fault(Fault(Kind.PARAMS, "x"))
        self.way.prime(b"0-2", 1)
        self.way.open()
        self.way.empty(202)
        self.way.end()
        fake = self.fake
        self.assertEqual((fake.said, fake.marks, fake.status), ([1], [b"0-1"], 404))
        self.assertEqual((fake.fields, fake.ended, fake.opened), (((b"A", b"b"),), True, False))
        self.assertEqual((fake.faults, fake.primes), ([], []))

    def test_stream(self) -> None:
        """
        An answer that ends a stream has no status any more.
        """
        self.way.prime(b"0-0", 500)
        self.way.notice(text("half"), b"0-1")
        self.assertEqual((self.fake.opened, self.fake.ended), (True, False))
        fault = Fault(Kind.PARAMS, "no", headers=((b"A", b"b"),))
        self.way.fault(fault, b"1")
        self.assertEqual((self.fake.marks, self.fake.faults), ([b"0-1", b""], [fault]))
        self.assertEqual(self.fake.said[1]["error"]["data"], {"requestId": "r1"})
        self.assertEqual((self.fake.status, self.fake.fields, self.fake.ended), (None, (), True))

    def test_lose(self) -> None:
        """
        Who waits for its client to go hears it once.
        """
        lost: list[bool] = []
        self.way.hung_up = lambda: lost.append(True)
        self.fake.lose()
        self.fake.lose()
        self.way.answer(text(1))
        self.assertEqual((lost, self.fake.said, self.fake.lost), ([True], [], True))
