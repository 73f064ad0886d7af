# -*- test-case-name: tests.relay.test_exchange -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.exchange`.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.eras import Legacy, Modern, Tongue
from mcpd.relay.exchange import Exchange
from mcpd.relay.spec import SessionLimits
from mcpd.relay.subject import Subject
from mcpd.relay.throttle import BURST, PAUSE
from mcpd.units import Wait
from mcpd.wire.call import Answerer, Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.level import LEVELS
from mcpd.wire.message import Answer, Members, Notice, Piece, Refusal
from mcpd.wire.revision import LEGACY_NAMES, NEWEST_LEGACY
from tests.relay.stage import House, Plugin, Way, members

OLD, NEW = Legacy(NEWEST_LEGACY), Modern()
CALL = {"name": "p__echo"}
TOLD = {**CALL, "_meta": {"progressToken": "t"}}
POLL = SessionLimits(poll=Wait(0.5))


@define(eq=False)
class Running:
    """
    An exchange, and what became of it (:class:`mcpd.relay.exchange.Books`).
    """

    tongue: Tongue = NEW
    token: Piece | None = None
    level: str | None = None
    source: Answerer | None = None
    follows: bool = True
    clock: Clock = field(factory=Clock)
    way: Way = field(factory=Way)
    overs: list[Exchange] = field(factory=list)
    strange: list[Failure] = field(factory=list)
    learnt: list[tuple[Answerer, Members]] = field(factory=list)
    cancels: int = 0
    links: bool = True
    call: Deferred[Answer | Refusal] = field(init=False)
    exchange: Exchange = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.call = Deferred(lambda _: self.count())
        exchange = self.exchange = Exchange(
            b'"7"',
            "key:a",
            None,
            None,
            self.tongue,
            self.way,
            Subject("tools/call", links=self.links),
            self.source,
            self.token,
            self.level,
            self,
        )
        if self.follows:
            exchange.follow(self.call)

    def over(self, exchange: Exchange) -> None:
        """
        Keep who has its outcome.
        """
        self.overs.append(exchange)

    def learn(self, answerer: Answerer, result: Members) -> None:
        """
        Keep what there is to be learnt.
        """
        self.learnt.append((answerer, result))

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


class Hasty(Plugin):
    """
    A plugin that says something while it is asked.
    """

    def ask(self, call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
        """
        Say it, and keep the call.
        """
        listener.notice(Notice("notifications/progress", members(progress=1)))
        return super().ask(call, listener)


class ExchangeTests(SynchronousTestCase):
    """
    Tests for the client's side of a call.
    """

    def test_answer(self) -> None:
        """
        What the plugin answers reaches the client under the client's own id.
        """
        plugin = Plugin()
        running = Running(source=plugin)
        running.answer()
        self.assertEqual(running.learnt, [(plugin, members(content=[]))])
        self.assertEqual(running.way.given.message["id"], "7")
        self.assertEqual(running.way.result["content"], [])
        self.assertEqual(running.overs, [running.exchange])

    def test_place(self) -> None:
        """
        A plugin that serves each session with a worker of its own knows the session of a call, if it has one.
        """
        house = House()
        session = house.shake()
        house.legacy(session, "tools/call", CALL)
        house.call()
        self.assertEqual([job.listener.place for job in house.plugin.jobs], [session.decode(), ""])

    def test_no_links(self) -> None:
        """
        The results of a plugin without resources are not searched for any.
        """
        running = Running(source=Plugin(), links=False)
        running.answer()
        self.assertEqual(running.learnt, [])

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

    def test_progress_bound(self) -> None:
        """
        Of a flood of progress a client is told some, and the last of it always, right before the answer.
        """
        running = Running(token=b"1")
        for number in range(1000):
            running.exchange.notice(Notice("notifications/progress", members(progress=number)))
        self.assertEqual(len(running.way.notices), BURST)
        running.clock.advance(PAUSE)
        self.assertEqual(running.way.notices[-1]["params"]["progress"], 999)
        running.exchange.notice(Notice("notifications/progress", members(progress=1000)))
        self.assertEqual(running.way.notices[-1]["params"]["progress"], 999)
        running.answer()
        self.assertEqual(running.way.notices[-1]["params"]["progress"], 1000)
        self.assertEqual((len(running.way.notices), running.clock.getDelayedCalls()), (BURST + 2, []))

    def test_progress_of_nobody(self) -> None:
        """
        What waits to be told is dropped with the client that hung up or cancelled, and leaves no timer.
        """
        for tongue in (NEW, OLD):
            running = Running(tongue, token=b"1")
            for number in range(BURST + 1):
                running.exchange.notice(Notice("notifications/progress", members(progress=number)))
            running.way.hang_up()
            running.exchange.notice(Notice("notifications/progress", members(progress=99)))
            if tongue is OLD:
                running.answer()
            self.assertEqual((len(running.way.notices), running.clock.getDelayedCalls()), (BURST, []))

    def test_failing_progress(self) -> None:
        """
        The last progress is told before an error, too.
        """
        running = Running(token=b"1")
        for number in range(BURST + 1):
            running.exchange.notice(Notice("notifications/progress", members(progress=number)))
        running.call.errback(Fault(Kind.DEADLINE, "late"))
        self.assertEqual(running.way.notices[-1]["params"]["progress"], BURST)
        self.assertEqual(running.way.error, (200, Kind.DEADLINE.code))

    def test_circle(self) -> None:
        """
        Nothing of an exchange that is over is held by its way back.
        """
        running = Running()
        running.answer()
        self.assertIsNone(running.way.hung_up)


class LevelTests(SynchronousTestCase):
    """
    Tests for the log messages of a call.
    """

    def heard(self, way: Way, plugin: Plugin) -> list[str]:
        """
        Let the plugin log once on each level, and on none: those that its client heard.
        """
        for level in (*LEVELS, "loud", 7):
            plugin.jobs[-1].notice("notifications/message", level=level, data="x", logger="l")
        for notice in way.notices:
            self.assertEqual(notice["method"], "notifications/message")
            self.assertEqual({**notice["params"], "level": ""}, {"level": "", "data": "x", "logger": "l"})
        return [notice["params"]["level"] for notice in way.notices]

    def test_modern(self) -> None:
        """
        A modern client hears what a request asks for, from its level on, and nothing where it asks for none.
        """
        house = House()
        self.assertEqual(self.heard(house.call(), house.plugin), [])
        for number, level in enumerate(LEVELS):
            way = house.call(meta={"io.modelcontextprotocol/logLevel": level})
            self.assertEqual(house.plugin.jobs[-1].call.level, level)
            self.assertEqual(self.heard(way, house.plugin), [*LEVELS[number:]])

    def test_legacy(self) -> None:
        """
        A legacy client hears what it has set in its session, and until then the usual.
        """
        house = House()
        session, other = house.shake(), house.shake()
        self.assertEqual(self.heard(house.legacy(session, "tools/call", CALL), house.plugin), [*LEVELS[1:]])
        self.assertIsNone(house.plugin.job.call.level)
        for id, level in enumerate(LEVELS, 2):
            house.legacy(session, "logging/setLevel", {"level": level}, "set")
            way = house.legacy(session, "tools/call", CALL, id)
            self.assertEqual(house.plugin.jobs[-1].call.level, level)
            self.assertEqual(self.heard(way, house.plugin), [*LEVELS[id - 2 :]])
        self.assertEqual(self.heard(house.legacy(other, "tools/call", CALL), house.plugin), [*LEVELS[1:]])

    def test_running(self) -> None:
        """
        A level that is set while a call runs holds for it, too.
        """
        house = House()
        session = house.shake()
        way = house.legacy(session, "tools/call", CALL)
        house.legacy(session, "logging/setLevel", {"level": "alert"}, 2)
        self.assertEqual(self.heard(way, house.plugin), ["alert", "emergency"])

    def test_modern_level_in_session(self) -> None:
        """
        What a modern request would ask for means nothing in a session.
        """
        house = House()
        meta = {"io.modelcontextprotocol/logLevel": "loud"}
        way = house.legacy(house.shake(), "tools/call", {**CALL, "_meta": meta})
        self.assertEqual(self.heard(way, house.plugin), [*LEVELS[1:]])

    def test_no_message_alone(self) -> None:
        """
        A log message that nobody wants makes no stream of an answer.
        """
        house = House()
        way = house.legacy(house.shake(), "tools/call", CALL)
        house.plugin.job.notice("notifications/message", level="debug", data="x")
        house.plugin.job.answer(content=[])
        self.assertEqual((way.result["content"], way.notices, way.primes, way.opened), ([], [], [], False))


class StreamTests(SynchronousTestCase):
    """
    Tests for legacy clients whose call becomes a stream, and who lose it or come back to it.
    """

    def setUp(self) -> None:
        """
        Have a house, where clients that can come back are sent away after half a second.
        """
        self.house = House(session_limits=POLL)
        self.plugin = self.house.plugin

    def call(self, session: bytes, id: int = 1, **params: Any) -> Way:
        """
        Let a call come in.
        """
        return self.house.legacy(session, "tools/call", {**CALL, **params}, id)

    def test_cut(self) -> None:
        """
        A call whose stream is cut goes on, and its client finds on return what it missed, once and in order.
        """
        session = self.house.shake("2025-06-18")
        way = self.house.legacy(session, "tools/call", TOLD)
        self.plugin.job.notice(progress=1)
        (mark,) = way.marks
        way.hang_up()
        self.plugin.job.notice(progress=2)
        self.plugin.job.answer(content=["late"])
        self.assertEqual((self.plugin.cancelled, way.answers, len(way.notices)), ([], [], 1))
        back = self.house.listen(session, mark)
        self.assertEqual([notice["params"]["progress"] for notice in back.notices], [2])
        self.assertEqual((back.given.message["id"], back.result["content"]), (1, ["late"]))
        self.assertEqual(len({mark, *back.marks}), 2)

    def test_hasty(self) -> None:
        """
        A plugin may tell of its progress before it is done being asked: the stream is as any other.
        """
        plugin = Hasty()
        house = House(plugin)
        session = house.shake()
        way = house.legacy(session, "tools/call", TOLD)
        self.assertEqual(len(way.notices), 1)
        way.hang_up()
        plugin.job.answer(content=["late"])
        self.assertEqual(house.listen(session, way.marks[-1]).result["content"], ["late"])

    def test_cut_forever(self) -> None:
        """
        Where events have no ids there is nothing to come back to: the call goes on, and nobody is answered.
        """
        session = self.house.shake("2024-11-05")
        way = self.house.legacy(session, "tools/call", TOLD)
        self.plugin.job.notice(progress=1)
        self.assertEqual((way.marks, way.primes), ([b""], []))
        way.hang_up()
        self.plugin.job.answer(content=[])
        self.assertEqual((self.plugin.cancelled, way.answers, self.house.running), ([], [], 0))

    def test_modern(self) -> None:
        """
        A modern stream has no marks, and who leaves it has cancelled.
        """
        way = self.house.modern("tools/call", TOLD)
        self.plugin.job.notice(progress=1)
        self.assertEqual((way.marks, way.primes), ([b""], []))
        way.hang_up()
        self.assertEqual((self.plugin.cancelled, self.house.running), (self.plugin.jobs, 0))

    def test_poll(self) -> None:
        """
        A longer call has its client told where to come back, sent away, and answered when it does.
        """
        session = self.house.shake()
        way = self.call(session)
        self.house.clock.advance(0.49)
        self.assertEqual((way.primes, way.ends), ([], 0))
        self.house.clock.advance(0.02)
        ((mark, retry),) = way.primes
        self.assertTrue(retry > 0)
        self.assertEqual((way.ends, way.answers, way.notices), (1, [], []))
        self.assertEqual((self.plugin.cancelled, self.house.running), ([], 1))
        self.plugin.job.answer(content=["done"])
        self.assertEqual(way.answers, [])
        self.assertEqual(self.house.listen(session, mark).result["content"], ["done"])
        self.assertEqual((self.house.running, self.house.clock.getDelayedCalls()), (0, []))

    def test_poll_early(self) -> None:
        """
        Who comes back before the answer waits for it there, and is not sent away again.
        """
        session = self.house.shake()
        way = self.house.legacy(session, "tools/call", TOLD)
        self.house.clock.advance(0.5)
        ((mark, _),) = way.primes
        back = self.house.listen(session, mark)
        self.house.clock.advance(60)
        self.assertEqual((back.ends, back.answers), (0, []))
        self.plugin.job.notice(progress=1)
        self.plugin.job.answer(content=[])
        self.assertEqual((len(back.notices), back.result["content"]), (1, []))

    def test_poll_stream(self) -> None:
        """
        A call that has told of its progress is a stream already: its client is sent away all the same.
        """
        session = self.house.shake()
        way = self.house.legacy(session, "tools/call", TOLD)
        self.plugin.job.notice(progress=1)
        self.assertEqual((len(way.primes), len(way.notices)), (1, 1))
        self.house.clock.advance(0.5)
        self.assertEqual((len(way.primes), way.ends), (1, 1))
        self.plugin.job.answer(content=[])
        back = self.house.listen(session, way.marks[-1])
        self.assertEqual((back.notices, back.result["content"]), ([], []))

    def test_poll_cancelled(self) -> None:
        """
        A call that is cancelled while its client is away has no answer, and nothing to come back to.
        """
        session = self.house.shake()
        way = self.call(session)
        self.house.clock.advance(0.5)
        ((mark, _),) = way.primes
        self.house.legacy(session, "notifications/cancelled", {"requestId": 1}, None)
        self.assertEqual((self.plugin.cancelled, self.house.running), (self.plugin.jobs, 0))
        self.assertEqual(self.house.listen(session, mark).error, (400, Kind.BAD_REQUEST.code))

    def test_poll_nobody(self) -> None:
        """
        A client that went, or whose call is over, is not sent away.
        """
        session = self.house.shake()
        gone, quick = self.call(session), self.call(session, 2)
        gone.hang_up()
        self.plugin.jobs[1].answer(content=[])
        self.house.clock.advance(1)
        for way in (gone, quick):
            self.assertEqual((way.primes, way.ends), ([], 0))
        self.assertEqual(quick.result["content"], [])

    def test_poll_at_once(self) -> None:
        """
        A plugin that answers at once leaves no timer behind.
        """
        self.plugin.plan = lambda call: Deferred()
        self.call(self.house.shake())
        self.assertEqual(len(self.house.clock.getDelayedCalls()), 1)
        answer: Deferred[Answer | Refusal] = Deferred()
        answer.callback(Answer(b"", members(content=[])))
        self.plugin.plan = lambda call: answer
        self.assertEqual(self.call(self.house.shake(), 2).result["content"], [])
        self.assertEqual(len(self.house.clock.getDelayedCalls()), 1)

    def test_poll_not(self) -> None:
        """
        Only 2025-11-25 knows of it: no other client is sent away, and nobody where it is not configured.
        """
        ways = [self.call(self.house.shake(version)) for version in LEGACY_NAMES[:-1]]
        ways.append(self.house.call())
        usual = House()
        ways.append(usual.legacy(usual.shake(), "tools/call", CALL))
        for clock in (self.house.clock, usual.clock):
            self.assertEqual(clock.getDelayedCalls(), [])
            clock.advance(60)
        for way in ways:
            self.assertEqual((way.primes, way.ends, way.opened), ([], 0, False))

    def test_no_room(self) -> None:
        """
        An answer is a stream though no more of them can be kept.
        """
        house = House(session_limits=SessionLimits(replay_streams=1, poll=Wait(0.5)))
        session = house.shake()
        for id in (1, 2):
            way = house.legacy(session, "tools/call", TOLD, id)
            house.plugin.jobs[-1].notice(progress=1)
        # Nor is its client sent away, who would have nothing to come back to.
        house.clock.advance(1)
        house.plugin.jobs[-1].answer(content=[])
        self.assertEqual((way.marks, way.primes, way.ends), ([b""], [], 0))
        self.assertEqual(way.result["content"], [])

    def test_error(self) -> None:
        """
        An error on a stream is its last message, with the request's id.
        """
        way = self.house.legacy(self.house.shake(), "tools/call", TOLD)
        self.plugin.job.notice(progress=1)
        self.plugin.job.outcome.errback(Fault(Kind.DEADLINE, "late"))
        self.assertEqual((way.given.message["id"], way.error[1]), (1, Kind.DEADLINE.code))
