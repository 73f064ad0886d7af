# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.replay`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.replay import Account, Replay
from mcpd.relay.spec import SessionLimits
from mcpd.units import Bytes


class ReplayTests(SynchronousTestCase):
    """
    Tests for what is kept for a client that was cut off.
    """

    def setUp(self) -> None:
        """
        Keep three events, or ten bytes.
        """
        self.account = Account(10_000)
        self.replay = Replay(SessionLimits(replay_events=3, replay_bytes=Bytes(10)), self.account)

    def test_after(self) -> None:
        """
        What followed an event is there in its order, of its stream only.
        """
        for stream, number, body in ((1, 0, b"a"), (2, 1, b"b"), (1, 1, b"c")):
            self.assertEqual(self.replay.keep(stream, number, body), set())
        self.assertEqual(list(self.replay.after(1, -1).items()), [(0, b"a"), (1, b"c")])
        self.assertEqual(self.replay.after(1, 0), {1: b"c"})
        self.assertEqual(self.replay.after(1, 1), {})
        self.assertEqual(self.replay.after(3, -1), {})

    def test_events(self) -> None:
        """
        Of too many events the oldest are dropped, whichever stream they are of.
        """
        dropped = [self.replay.keep(stream, 0, b"x") for stream in (1, 2, 3, 4, 5)]
        self.assertEqual(dropped, [set(), set(), set(), {1}, {2}])
        self.assertEqual(
            [self.replay.has(stream) for stream in (1, 2, 3, 4, 5)], [False, False, True, True, True]
        )

    def test_bytes(self) -> None:
        """
        Of too many bytes the oldest are dropped, as many as it takes.
        """
        self.replay.keep(1, 0, b"x" * 5)
        self.replay.keep(2, 0, b"x" * 5)
        self.assertEqual(self.replay.keep(3, 0, b"x" * 6), {1, 2})
        self.assertEqual(self.replay.keep(4, 0, b"x" * 4), set())
        self.assertEqual(self.replay.keep(5, 0, b"x" * 10), {3, 4})

    def test_too_large(self) -> None:
        """
        An event that alone is too large is not kept, and costs no other one its place.
        """
        self.replay.keep(1, 0, b"x")
        self.assertEqual(self.replay.keep(2, 0, b"x" * 11), set())
        self.assertEqual((self.replay.has(1), self.replay.has(2)), (True, False))

    def test_forget(self) -> None:
        """
        What is forgotten leaves its room to others.
        """
        self.replay.keep(1, 0, b"x" * 6)
        self.replay.keep(2, 0, b"x" * 4)
        self.replay.forget(1)
        self.assertEqual((self.replay.has(1), self.replay.after(2, -1)), (False, {0: b"xxxx"}))
        self.assertEqual(self.replay.keep(3, 0, b"x" * 6), set())
        self.assertEqual(self.replay.keep(3, 1, b"x"), {2})


class AccountTests(SynchronousTestCase):
    """
    Tests for what all sessions keep together.
    """

    # What three of the events below take.
    most = 3 * 1200

    def setUp(self) -> None:
        """
        Have two sessions, each of which alone may keep more than both together.
        """
        self.account = Account(self.most)
        limits = SessionLimits(replay_events=100, replay_bytes=Bytes(10_000))
        self.replay, self.other = Replay(limits, self.account), Replay(limits, self.account)

    def keep(self, replay: Replay, *streams: int, size: int = 1000) -> list[set[int]]:
        """
        Keep an event of each of some streams, and tell which gave way to it.
        """
        return [replay.keep(stream, 0, b"x" * size) for stream in streams]

    def kept(self, replay: Replay) -> list[int]:
        """
        Tell of which streams something is kept.
        """
        return [stream for stream in range(50) if replay.has(stream)]

    def test_own(self) -> None:
        """
        Where there is no room for all sessions' events, a session's own oldest give way, and no other's.
        """
        self.keep(self.other, 1)
        self.assertEqual(self.keep(self.replay, 1, 2, 3, 4), [set(), set(), {1}, {2}])
        self.assertEqual((self.kept(self.replay), self.kept(self.other)), ([3, 4], [1]))
        self.assertLessEqual(self.account.held, self.most)

    def test_full(self) -> None:
        """
        Where others keep so much that nothing of its own would make room, an event is not kept.
        """
        self.keep(self.other, 1, 2)
        self.keep(self.replay, 1)
        self.assertEqual(self.keep(self.replay, 2, size=2000), [set()])
        self.assertEqual((self.kept(self.replay), self.kept(self.other)), ([1], [1, 2]))
        self.keep(self.other, 3, 4)
        self.assertEqual((self.kept(self.replay), self.kept(self.other)), ([1], [3, 4]))

    def test_room(self) -> None:
        """
        What is forgotten leaves its room to the other sessions.
        """
        self.keep(self.other, 1, 2, 3)
        self.keep(self.replay, 1)
        self.assertEqual(self.kept(self.replay), [])
        self.other.forget(2)
        self.keep(self.replay, 1)
        self.assertEqual(self.kept(self.replay), [1])
        self.other.clear()
        self.keep(self.replay, 2, 3)
        self.assertEqual((self.kept(self.replay), self.kept(self.other)), ([1, 2, 3], []))

    def test_small(self) -> None:
        """
        Small events take room, too: as many as one likes would be kept otherwise.
        """
        for stream in range(50):
            self.keep(self.replay, stream, size=1)
            self.keep(self.other, stream, size=0)
        self.assertLess(len(self.kept(self.replay)) + len(self.kept(self.other)), 30)
        self.assertLessEqual(self.account.held, self.most)

    def test_nothing(self) -> None:
        """
        What was kept, given way and forgotten leaves nothing on the account.
        """
        for size in (0, 1, 500, 1000, 3000, 5000):
            self.keep(self.replay, *range(5), size=size)
            self.keep(self.other, *range(5), size=size)
        for stream in range(5):
            self.replay.forget(stream)
        self.assertGreater(self.account.held, 0)
        self.other.clear()
        self.other.clear()
        self.assertEqual(self.account.held, 0)
