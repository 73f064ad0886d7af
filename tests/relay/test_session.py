# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.session`.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.eras import Legacy
from mcpd.relay.replay import Account
from mcpd.relay.session import Session
from mcpd.relay.spec import SessionLimits
from mcpd.wire.fault import Fault
from mcpd.wire.revision import NEWEST_LEGACY, REVISIONS, Revision
from tests.relay.test_stream import message, numbers
from tests.relay.ways import FakeWay

OLD, TOLD, PROBE = 0, 1, 2
"""Messages: what waits from the start, what a test tells, what tells the states apart."""


@define(eq=False)
class Work:
    """
    What runs in a session (:class:`mcpd.relay.session.Running`).
    """

    cancels: int = 0
    faults: list[Fault] = field(factory=list)

    def abandon(self, fault: Fault) -> None:
        """
        Count, and keep why.
        """
        self.cancels += 1
        self.faults.append(fault)

    def cancel(self) -> None:
        """
        Never be asked to: no client cancels here.
        """
        raise AssertionError


@define(eq=False)
class Stage:
    """
    One session, in which something runs and one message waits, and what is done to it.

    Attributes:
        session: The session.
        work: What runs in it.
        ways: The connections by which its client listened.
        touched: How often it was noted to have been in use.
    """

    revision: Revision = NEWEST_LEGACY
    session: Session = field(init=False)
    work: Work = field(init=False, factory=Work)
    ways: list[FakeWay] = field(init=False, factory=list)
    touched: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        tongue = Legacy(self.revision)
        limits, account = SessionLimits(), Account(10_000)
        self.session = Session(b"id", "key:a", b"/mcp", tongue, 0, 0, limits, account, self._touch)
        self.session.running[b"1"] = self.work
        self.session.tell(message(OLD))

    def _touch(self, session: Session) -> None:
        assert session is self.session
        self.touched += 1

    def initialized(self) -> None:
        """
        Say that the client is ready.
        """
        self.session.initialized()

    def stand(self) -> None:
        """
        Listen.
        """
        self.ways.append(FakeWay())
        self.session.stand(self.ways[-1])

    def left(self) -> None:
        """
        Go, if the client listens; who goes otherwise has not listened.
        """
        if self.ways:
            self.ways[-1].lose()

    def tell(self) -> None:
        """
        Tell something.
        """
        self.session.tell(message(TOLD))

    def end(self) -> None:
        """
        End the session.
        """
        self.session.end()

    @property
    def outcome(self) -> tuple[list[list[int]], list[bool], int]:
        """
        What was said by each connection, which of them were ended, and what was cancelled.
        """
        return [numbers(way) for way in self.ways], [way.ended for way in self.ways], self.work.cancels

    @property
    def state(self) -> str:
        """
        What a state does that no other one does; the session is of no use any more after that.
        """
        session = self.session
        session.tell(message(PROBE))
        if session.is_listening and PROBE in numbers(self.ways[-1]):
            return "listening"
        if session.is_listening:
            session.initialized()
            return "waiting" if PROBE in numbers(self.ways[-1]) else "stuck"
        self.stand()
        if self.ways[-1].ended:
            return "ended"
        if PROBE in numbers(self.ways[-1]):
            return "open"
        session.initialized()
        return "greeting" if PROBE in numbers(self.ways[-1]) else "stuck"


INPUTS: dict[str, Callable[[Stage], None]] = {
    "initialized": Stage.initialized,
    "stand": Stage.stand,
    "left": Stage.left,
    "tell": Stage.tell,
    "end": Stage.end,
}

WAYS = {
    "greeting": (),
    "waiting": ("stand",),
    "open": ("initialized",),
    "listening": ("initialized", "stand"),
    "ended": ("end",),
}
"""The inputs that lead into each state."""

Outcome = tuple[list[list[int]], list[bool], int]

TABLE: dict[tuple[str, str], tuple[Outcome, str]] = {
    ("greeting", "initialized"): (([], [], 0), "open"),
    ("greeting", "stand"): (([[]], [False], 0), "waiting"),
    ("greeting", "left"): (([], [], 0), "greeting"),
    ("greeting", "tell"): (([], [], 0), "greeting"),
    ("greeting", "end"): (([], [], 1), "ended"),
    ("waiting", "initialized"): (([[OLD]], [False], 0), "listening"),
    ("waiting", "stand"): (([[], []], [True, False], 0), "waiting"),
    ("waiting", "left"): (([[]], [True], 0), "greeting"),
    ("waiting", "tell"): (([[]], [False], 0), "waiting"),
    ("waiting", "end"): (([[]], [True], 1), "ended"),
    ("open", "initialized"): (([], [], 0), "open"),
    ("open", "stand"): (([[OLD]], [False], 0), "listening"),
    ("open", "left"): (([], [], 0), "open"),
    ("open", "tell"): (([], [], 0), "open"),
    ("open", "end"): (([], [], 1), "ended"),
    ("listening", "initialized"): (([[OLD]], [False], 0), "listening"),
    ("listening", "stand"): (([[OLD], []], [True, False], 0), "listening"),
    ("listening", "left"): (([[OLD]], [True], 0), "open"),
    ("listening", "tell"): (([[OLD, TOLD]], [False], 0), "listening"),
    ("listening", "end"): (([[OLD]], [True], 1), "ended"),
    ("ended", "initialized"): (([], [], 1), "ended"),
    ("ended", "stand"): (([[]], [True], 1), "ended"),
    ("ended", "left"): (([], [], 1), "ended"),
    ("ended", "tell"): (([], [], 1), "ended"),
    ("ended", "end"): (([], [], 1), "ended"),
}
"""What was said by which connections, which were ended, what was cancelled, and the state after that."""


class TableTests(SynchronousTestCase):
    """
    Tests for every input in every state.
    """

    def test_ways(self) -> None:
        """
        A session can get into each of its states.
        """
        for state, inputs in WAYS.items():
            stage = Stage()
            for news in inputs:
                INPUTS[news](stage)
            self.assertEqual(stage.state, state)

    def test_whole(self) -> None:
        """
        The table has each input in each state.
        """
        self.assertEqual(set(TABLE), {(state, news) for state in WAYS for news in INPUTS})


def _cell(state: str, news: str) -> Callable[[TableTests], None]:
    outcome, after = TABLE[state, news]

    def test(self: TableTests) -> None:
        stage = Stage()
        for former in WAYS[state]:
            INPUTS[former](stage)
        INPUTS[news](stage)
        self.assertEqual(stage.outcome, outcome)
        self.assertEqual(stage.state, after)

    test.__doc__ = f"A session that is {state} and hears {news} is {after}."
    return test


for _state, _news in TABLE:
    setattr(TableTests, f"test_{_state}_{_news}", _cell(_state, _news))


class SessionTests(SynchronousTestCase):
    """
    Tests for one session.
    """

    def setUp(self) -> None:
        """
        Have one whose client is ready.
        """
        self.stage = Stage()
        self.session = self.stage.session
        self.session.initialized()

    def test_head(self) -> None:
        """
        A client that listens is answered at once, though there is nothing to be told.
        """
        for revision in ("2024-11-05", "2025-06-18", "2025-11-25"):
            stage = Stage(REVISIONS[revision])
            stage.stand()
            self.assertTrue(stage.ways[0].opened)

    def test_late_hang_up(self) -> None:
        """
        When a connection is cut that was replaced, the client still listens by the newer one.
        """
        for prepare in (Stage.initialized, lambda stage: None):
            stage = Stage()
            prepare(stage)
            stage.stand()
            stage.stand()
            stage.ways[0].lose()
            self.assertTrue(stage.session.is_listening)
            stage.initialized()
            stage.tell()
            self.assertIn(TOLD, numbers(stage.ways[1]))

    def test_resume_standing(self) -> None:
        """
        A client that listened and was cut off goes on where it was, and listens.
        """
        self.stage.stand()
        self.stage.tell()
        (first, _) = self.stage.ways[0].marks
        self.stage.left()
        self.session.tell(message(3))
        get = FakeWay()
        self.assertTrue(self.session.resume(first, get))
        self.assertEqual((numbers(get), self.session.is_listening), ([TOLD, 3], True))
        self.session.tell(message(4))
        self.assertEqual(numbers(get)[-1], 4)
        get.lose()
        self.assertFalse(self.session.is_listening)

    def test_resume_exchange(self) -> None:
        """
        A client that was cut off from its call's stream goes on there, and hears nothing else by that.
        """
        for revision in ("2025-06-18", "2025-11-25"):
            stage = Stage(REVISIONS[revision])
            post, get = FakeWay(), FakeWay()
            stream = stage.session.open(post, b"1")
            stream.notice(message(1))
            post.lose()
            self.assertTrue(stage.session.resume(post.marks[0], get))
            self.assertEqual((get.opened, get.said, stage.session.is_listening), (True, [], False))
            stream.answer(message(2))
            self.assertEqual((numbers(get), get.ended), ([2], True))

    def test_resume_answered(self) -> None:
        """
        Who comes for an answer that is there already gets it as an event, as a GET wants it.
        """
        stream = self.session.open(FakeWay(), b"1")
        stream.park()
        stream.answer(message(1))
        get = FakeWay()
        self.assertTrue(self.session.resume(b"1-0", get))
        self.assertEqual((numbers(get), get.status, get.ended), ([1], None, True))

    def test_resume_strange(self) -> None:
        """
        Where an event is not known nothing is done, so that the client can be told.
        """
        get = FakeWay()
        for mark in (b"0-0", b"1-0", b"x"):
            self.assertFalse(self.session.resume(mark, get))
        self.assertEqual((get.opened, get.ended, get.hung_up), (False, False, None))

    def test_busy(self) -> None:
        """
        A session is in use while something runs in it, or its client listens.
        """
        self.assertTrue(self.session.is_busy)
        self.session.running.clear()
        self.assertFalse(self.session.is_busy)
        self.stage.stand()
        self.assertTrue(self.session.is_busy)
        self.assertEqual(self.stage.touched, 0)
        self.stage.left()
        self.assertEqual((self.session.is_busy, self.stage.touched), (False, 1))

    def test_end(self) -> None:
        """
        At the end of a session its streams end, those of calls too, and nothing can be resumed.
        """
        post = FakeWay()
        self.session.open(post, b"1").notice(message(1))
        self.session.end()
        self.assertTrue(post.ended)
        self.assertFalse(self.session.resume(post.marks[0], FakeWay()))

    def test_new(self) -> None:
        """
        A new session's client has asked for no log messages, and subscribed to nothing.
        """
        self.assertIsNone(self.session.level)
