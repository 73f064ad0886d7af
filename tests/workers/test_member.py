# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.member`.
"""

from __future__ import annotations

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import Publisher
from mcpd.sandbox.usage import Usage
from mcpd.testing.worker import FakeChannel, FakePlugin, legacy, tools
from mcpd.units import Count, Room, Seconds
from mcpd.wire.fault import Fault
from mcpd.wire.message import Request
from mcpd.wire.offer import Offer
from mcpd.workers.member import EVERYBODY, NOTHING, Member
from mcpd.workers.peer import Patience
from mcpd.workers.shown import Shown
from mcpd.workers.spec import Plugin, Restart
from mcpd.workers.state import WorkerState
from mcpd.workers.worker import End, Worker
from tests.workers.stage import Audience, call

SPEC = Plugin("files", ("/bin/files",))
RULES = Restart(max_age=Seconds(100), max_calls=Count(2), max_memory=Room(1000))


def answer(request: Request) -> dict[str, object] | None:
    """
    Answer the tool ``add``, and no other.
    """
    return {"content": []} if bytes(request.params["name"]) == b'"add"' else None


class Nobody:
    """
    Does not care how a worker fares (:class:`mcpd.workers.worker.Watcher`).
    """

    def launched(self, worker: Worker) -> None:
        """
        Hear it.
        """

    def ready(self, worker: Worker, offer: Offer) -> None:
        """
        Hear it.
        """

    def away(self, worker: Worker) -> None:
        """
        Hear it.
        """

    def back(self, worker: Worker) -> None:
        """
        Hear it.
        """

    def ended(self, worker: Worker, end: End) -> None:
        """
        Hear it.
        """


class MemberTests(SynchronousTestCase):
    """
    Tests for :class:`Member`.
    """

    def setUp(self) -> None:
        """
        Have one that is ready, ten seconds after noon.
        """
        self.clock = Clock()
        self.clock.advance(10)
        shown = Shown("files", self.clock, Publisher(), lambda: None)
        worker = Worker(SPEC, self.clock, Nobody(), shown, "legacy")
        self.member = Member(worker, (NOTHING, "key:a"), 10.0, 10.0, 0)

    def start(self) -> FakeChannel:
        """
        Start it.
        """
        plugin = FakePlugin(self.clock, legacy(tools("add"), call=answer))
        self.member.worker.start(plugin.spawn)
        self.turn()
        self.member.phase = "ready"
        return plugin.workers[0]

    def turn(self) -> None:
        """
        Let everything that is due now happen.
        """
        for _ in range(9):
            self.clock.advance(0)

    def ask(self, tool: str = "add", seconds: float = 60) -> None:
        """
        Call it.
        """
        asked = self.member.worker.ask(call(tool), Audience(), Patience(seconds, 600))
        asked.addErrback(lambda failure: failure.trap(Fault))
        self.turn()

    def test_not_begun(self) -> None:
        """
        One that waits for its process has none, and is not idle but there to stay.
        """
        member = self.member
        self.assertEqual((member.has_begun, member.is_idle, member.is_staying), (False, False, True))
        expected = WorkerState(0, "starting", "key:a", 0, 0, 0, 0.0, 0.0, None, None, 0, 0)
        self.assertEqual(member.state(10.0), expected)

    def test_idle(self) -> None:
        """
        It is idle while it has no calls, and since the last one came, or it became ready or somebody's.
        """
        self.start()
        self.assertEqual((self.member.has_begun, self.member.is_idle), (True, True))
        self.assertEqual(self.member.used, 10.0)
        self.clock.advance(5)
        self.ask("slow")
        self.assertEqual((self.member.is_idle, self.member.used), (False, 15.0))
        self.member.since = 20.0
        self.assertEqual(self.member.used, 20.0)

    def test_state(self) -> None:
        """
        An operator sees whose it is, what it does, for how long, and what it uses.
        """
        channel = self.start()
        channel.using = Usage(2000, 0.5)
        channel.write(b"Welcome!", b'{"jsonrpc":"2.0","id":"x","result":{}}')
        self.ask()
        self.ask("slow")
        self.ask("slow", seconds=5)
        self.clock.advance(6)
        self.turn()
        expected = WorkerState(1000, "ready", "key:a", 1, 1, 3, 6.0, 6.0, 2000, 0.5, 1, 1)
        self.assertEqual(self.member.state(16.0), expected)
        for key in (None, EVERYBODY):
            self.member.key = key
            self.assertEqual(self.member.state(16.0), evolve(expected, key=""))

    def test_worn(self) -> None:
        """
        It is worn out by its age, its calls, its memory, or a call that it never answers; it says by which.
        """
        channel, member = self.start(), self.member
        self.assertEqual(member.worn(RULES, 109.9), "")
        self.assertEqual(member.worn(RULES, 110.0), "it is older than 100 s")
        channel.using = Usage(1000, 0.5)
        self.assertEqual(member.worn(RULES, 10.0), "")
        channel.using = Usage(1001, 0.5)
        self.assertEqual(member.worn(RULES, 10.0), "it uses 1001 bytes of memory")
        self.assertEqual(member.worn(Restart(), 10.0), "")
        self.ask("slow", seconds=5)
        self.clock.advance(6)
        self.turn()
        self.assertEqual(member.worn(Restart(), 10.0), "it does not answer some calls")
        self.ask()
        self.assertEqual(member.worn(RULES, 10.0), "it has taken 2 calls")

    def test_retire(self) -> None:
        """
        One that retires goes once its calls are over, told once; it can still be stopped at once.
        """
        channel, member = self.start(), self.member
        self.ask("slow")
        for _ in range(2):
            member.retire()
            self.turn()
            self.assertEqual((member.phase, channel.orders), ("retiring", []))
        self.assertFalse(member.is_staying)
        for _ in range(2):
            member.stop()
            self.turn()
            self.assertEqual((member.phase, channel.orders), ("stopping", ["close_input"]))
        member.retire()
        self.assertEqual(member.phase, "stopping")

    def test_launched(self) -> None:
        """
        Its place among the starts is free again once, however often it is said.
        """
        launching: Deferred[None] = Deferred()
        self.member.launching = launching
        for _ in range(2):
            self.member.launched()
        self.successResultOf(launching)
