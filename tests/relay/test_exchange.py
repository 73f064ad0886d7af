# -*- test-case-name: tests.relay.test_exchange -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.exchange`.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.eras import Legacy, Modern, Tongue
from mcpd.relay.exchange import Exchange
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Notice, Piece, Refusal
from mcpd.wire.revision import NEWEST_LEGACY
from tests.relay.stage import Way, members, tool

OLD, NEW = Legacy(NEWEST_LEGACY), Modern()


@define(eq=False)
class Running:
    """
    An exchange, and what became of it (:class:`mcpd.relay.exchange.Books`).
    """

    tongue: Tongue = NEW
    token: Piece | None = None
    follows: bool = True
    way: Way = field(factory=Way)
    overs: list[Exchange] = field(factory=list)
    strange: list[Failure] = field(factory=list)
    cancels: int = 0
    call: Deferred[Answer | Refusal] = field(init=False)
    exchange: Exchange = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.call = Deferred(lambda _: self.count())
        exchange = self.exchange = Exchange(
            b'"7"', "key:a", None, self.tongue, self.way, tool(), self.token, self
        )
        if self.follows:
            exchange.follow(self.call)

    def over(self, exchange: Exchange) -> None:
        """
        Keep who has its outcome.
        """
        self.overs.append(exchange)

    def count(self) -> None:
        """
        Count a cancellation of the call.
        """
        self.cancels += 1

    def unexpected(self, failure: Failure, number: str) -> Fault:
        """
        Keep what nobody expected.
        """
        self.strange.append(failure)
        return Fault(Kind.INTERNAL, f"incident {number}")

    def answer(self) -> None:
        """
        Let the plugin answer.
        """
        self.call.callback(Answer(b"1", members(content=[])))


class ExchangeTests(SynchronousTestCase):
    """
    Tests for the client's side of a call.
    """

    def test_answer(self) -> None:
        """
        What the plugin answers reaches the client under the client's own id.
        """
        running = Running()
        running.answer()
        self.assertEqual(running.way.given.message["id"], "7")
        self.assertEqual(running.way.result["content"], [])
        self.assertEqual(running.overs, [running.exchange])

    def test_refusal(self) -> None:
        """
        A plugin's error reaches the client, fitted to its era.
        """
        for tongue, error in ((NEW, (200, -32602)), (OLD, (200, -32002))):
            running = Running(tongue)
            running.call.callback(Refusal(b"1", -32002, "no", None))
            self.assertEqual(running.way.error, error)
            self.assertEqual(len(running.overs), 1)

    def test_fault(self) -> None:
        """
        A call that fails is answered with what may be told of it.
        """
        for tongue in (NEW, OLD):
            running = Running(tongue)
            running.call.errback(Fault(Kind.PLUGIN_GONE, "gone"))
            self.assertEqual(running.way.error, (200, Kind.PLUGIN_GONE.code))
            self.assertEqual(running.way.given.message["id"], "7")
            self.assertEqual((len(running.overs), running.strange), (1, []))

    def test_unusable(self) -> None:
        """
        A result that the client can't be given is an error, and the exchange is over all the same.
        """
        running = Running()
        running.call.callback(Answer(b"1", members(resultType="input_required")))
        self.assertEqual(running.way.error, (200, -32603))
        self.assertIn(running.exchange, running.overs)

    def test_unexpected(self) -> None:
        """
        What nobody expected is told as an incident with the number that the client was told.
        """
        running = Running()
        running.call.errback(ZeroDivisionError("secret"))
        self.assertEqual(running.way.given.message["error"]["message"], "incident REQUEST")
        self.assertEqual([failure.type for failure in running.strange], [ZeroDivisionError])

    def test_notice(self) -> None:
        """
        Progress reaches the client with its own token, byte by byte, and not at all if it gave none.
        """
        for token in (b'"t"', b"7", b"7.0", b'"7"'):
            running = Running(token=token)
            running.exchange.notice(Notice("notifications/progress", members(progress=1)))
            (notice,) = running.way.notices
            self.assertEqual(notice["method"], "notifications/progress")
            self.assertEqual(notice["params"]["progress"], 1)
            self.assertEqual(repr(notice["params"]["progressToken"]).replace("'", '"').encode(), token)
        running = Running()
        running.exchange.notice(Notice("notifications/progress", members(progress=1)))
        self.assertEqual(running.way.notices, [])

    def test_cancel(self) -> None:
        """
        A request that its client cancels is cancelled at the plugin, and never answered.
        """
        running = Running(OLD)
        running.exchange.cancel()
        self.assertEqual((running.cancels, running.way.ends, len(running.overs)), (1, 1, 1))
        self.assertEqual((running.way.answers, running.strange), ([], []))

    def test_abandon(self) -> None:
        """
        A request that the daemon gives up is cancelled at the plugin, and its client told why, once.
        """
        running = Running()
        running.exchange.abandon(Fault(Kind.PLUGIN_UNAVAILABLE, "stopping"))
        self.assertEqual((running.cancels, len(running.overs)), (1, 1))
        self.assertEqual(running.way.error, (200, Kind.PLUGIN_UNAVAILABLE.code))

    def test_hang_up(self) -> None:
        """
        A modern client that hangs up has cancelled; a legacy client's call goes on, and nobody is answered.
        """
        running = Running(NEW)
        running.way.hang_up()
        self.assertEqual((running.cancels, len(running.overs)), (1, 1))
        running = Running(OLD)
        running.way.hang_up()
        self.assertEqual((running.cancels, len(running.overs)), (0, 0))
        running.answer()
        self.assertEqual((len(running.overs), running.way.answers), (1, []))

    def test_failing_alone(self) -> None:
        """
        A call that fails after its client went is over, too; only what nobody expected is told.
        """
        for failure, strange in ((Fault(Kind.PLUGIN_GONE, "gone"), 0), (ZeroDivisionError(), 1)):
            running = Running(OLD)
            running.way.hang_up()
            running.call.errback(failure)
            self.assertEqual((len(running.overs), len(running.strange)), (1, strange))
            self.assertEqual(len(running.way.answers), strange)

    def test_before(self) -> None:
        """
        An exchange that ends while its plugin is being asked has no call to cancel, and ends all the same.
        """
        running = Running(follows=False)
        running.exchange.cancel()
        self.assertEqual((running.cancels, running.way.ends), (0, 1))
