# -*- test-case-name: tests.relay.test_running -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.running`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import Incident
from mcpd.testing.client import message
from mcpd.web.spec import Limits
from mcpd.wire.call import Call
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from tests.relay.goods import prompt, resource
from tests.relay.stage import House, Plugin, Way, members

SECRET = "/srv/secret"
CALL = {"name": "p__echo", "arguments": {"x": 1}}


class BoundTests(SynchronousTestCase):
    """
    Tests for how many calls may run.
    """

    def refused(self, way: Way) -> None:
        """
        Check a refusal that a client may come back after.
        """
        self.assertEqual(way.error, (503, Kind.OVERLOADED.code))
        self.assertEqual(way.given.fields, ((b"Retry-After", b"1"),))

    def test_principal(self) -> None:
        """
        Beyond its bound a principal is refused in both eras with 503; others are not, and room is made again.
        """
        house = House(limits=Limits(inflight_per_principal=2))
        session = house.shake()
        house.call()
        house.legacy(session, "tools/call", CALL)
        self.refused(house.call())
        self.refused(house.legacy(session, "tools/call", CALL, 2))
        self.assertEqual(house.legacy(session, "ping", {}, 3).result, {})
        self.assertEqual(house.call(caller="key:b").answers, [])
        house.plugin.jobs[0].answer(content=[])
        self.assertEqual(house.call().answers, [])
        self.refused(house.call())

    def test_total(self) -> None:
        """
        Beyond the bound of all everybody is refused, until a call ends, however it ends.
        """
        house = House(limits=Limits(inflight=2))
        first, second = house.call(caller="key:a"), house.call(caller="key:b")
        self.refused(house.call(caller="key:c"))
        first.hang_up()
        third = house.call(caller="key:c")
        self.refused(house.call(caller="key:d"))
        house.plugin.jobs[1].outcome.errback(Fault(Kind.PLUGIN_GONE, "gone"))
        self.assertEqual(second.error, (200, Kind.PLUGIN_GONE.code))
        self.assertEqual(third.answers, [])
        self.assertEqual(house.call(caller="key:d").answers, [])
        self.assertEqual(house.running, 2)

    def test_refused_id(self) -> None:
        """
        A request that was refused for want of room may come again under its id.
        """
        house = House(limits=Limits(inflight=1))
        session = house.shake()
        running = house.call()
        self.refused(house.legacy(session, "tools/call", CALL, 7))
        running.hang_up()
        self.assertEqual(house.legacy(session, "tools/call", CALL, 7).answers, [])
        self.assertEqual(house.running, 1)

    def test_batch(self) -> None:
        """
        A batch is as many calls as it holds: those that there is no room for are refused one by one.
        """
        house = House(limits=Limits(inflight=2))
        way = house.batch(
            house.shake("2025-03-26"), *[message("tools/call", CALL, number) for number in range(3)]
        )
        for job in house.plugin.jobs:
            job.answer(content=[])
        codes = [answer.get("error", {}).get("code") for answer in way.given.message]
        self.assertEqual(codes, [None, None, Kind.OVERLOADED.code])


class CancelTests(SynchronousTestCase):
    """
    Tests for clients that want no answer any more.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        self.house = House()
        self.plugin = self.house.plugin
        self.session = self.house.shake()

    def cancel(self, id: Any, **rest: Any) -> Way:
        """
        Send a legacy cancellation.
        """
        params = {"requestId": id, "reason": "x"}
        return self.house.legacy(self.session, "notifications/cancelled", params, None, **rest)

    def test_notice(self) -> None:
        """
        A legacy client's notice cancels that request alone: it has no answer, and its stream ends.
        """
        one = self.house.legacy(self.session, "tools/call", {**CALL, "_meta": {"progressToken": 1}}, 1)
        two = self.house.legacy(self.session, "tools/call", CALL, 2)
        self.plugin.jobs[0].notice(progress=1)
        self.assertEqual(self.cancel(1).empties, [202])
        self.assertEqual(self.plugin.cancelled, [self.plugin.jobs[0]])
        self.assertEqual((one.answers, one.ends, len(one.notices)), ([], 1, 1))
        self.plugin.jobs[1].answer(content=[])
        self.assertEqual((len(two.answers), two.ends), (1, 0))
        self.assertEqual(self.house.running, 0)

    def test_others(self) -> None:
        """
        To cancel what does not run, or the same id in another JSON type, or nothing, cancels nothing.
        """
        way = self.house.legacy(self.session, "tools/call", CALL, 1)
        modern = self.house.call(1)
        for id in ("1", 2, None, [1], {"id": 1}, 1.0):
            self.assertEqual(self.cancel(id).empties, [202])
        self.house.legacy(self.session, "notifications/cancelled", {}, None)
        self.assertEqual(self.plugin.cancelled, [])
        self.assertEqual((way.ends, modern.ends), (0, 0))

    def test_foreign(self) -> None:
        """
        Nobody cancels a request of another session, be it of the same principal.
        """
        self.house.legacy(self.session, "tools/call", CALL, 1)
        other = self.house.shake()
        self.house.legacy(other, "notifications/cancelled", {"requestId": 1}, None)
        self.assertEqual(self.cancel(1, caller="key:b").error[0], 404)
        self.assertEqual(self.plugin.cancelled, [])

    def test_modern_notice(self) -> None:
        """
        A modern client cancels by hanging up; its notice is taken and cancels nothing.
        """
        self.house.call(1)
        self.house.legacy(self.session, "tools/call", CALL, 1)
        way = self.house.modern("notifications/cancelled", {"requestId": 1}, None)
        self.assertEqual((way.empties, self.plugin.cancelled), ([202], []))

    def test_hang_up(self) -> None:
        """
        A modern client that hangs up cancels its call.
        """
        way = self.house.call()
        way.hang_up()
        self.assertEqual(self.plugin.cancelled, self.plugin.jobs)
        self.assertEqual((way.answers, self.house.running), ([], 0))

    def test_legacy_hang_up(self) -> None:
        """
        A legacy client that hangs up has not cancelled: its call goes on, and can be cancelled still.
        """
        one = self.house.legacy(self.session, "tools/call", CALL, 1)
        two = self.house.legacy(self.session, "tools/call", CALL, 2)
        one.hang_up()
        two.hang_up()
        self.assertEqual((self.plugin.cancelled, self.house.running), ([], 2))
        self.plugin.jobs[0].answer(content=[])
        self.cancel(2)
        self.assertEqual(self.plugin.cancelled, [self.plugin.jobs[1]])
        self.assertEqual((one.answers, two.answers, self.house.running), ([], [], 0))


class IncidentTests(SynchronousTestCase):
    """
    Tests for what nobody expected.
    """

    def setUp(self) -> None:
        """
        Have a plugin whose answerer is broken.
        """
        self.house = House(Plugin(self.broken))
        self.session = self.house.shake()

    def broken(self, call: Call) -> Deferred[Answer | Refusal]:
        """
        Fail in a way that no answerer should.
        """
        raise ZeroDivisionError(SECRET)

    def check(self, way: Way, told: int) -> None:
        """
        Check that the client has a number and nothing else, and the operator everything.
        """
        self.assertEqual(way.error, (200, -32603))
        self.assertEqual(way.given.message["error"]["data"], {"requestId": "REQUEST"})
        said = json.dumps(way.given.message)
        for word in (SECRET, "ZeroDivision", "Traceback", "mcpd", ".py"):
            self.assertNotIn(word, said)
        events = [event for event in self.house.events if isinstance(event, Incident)]
        self.assertEqual(len(events), told)
        self.assertEqual(events[-1].request, "REQUEST")
        self.assertIn(f"ZeroDivisionError: {SECRET}", events[-1].trace)

    def test_raised(self) -> None:
        """
        An exception is told once, and its client has an error with the number under which the log has it.
        """
        self.check(self.house.call(), 1)
        self.check(self.house.legacy(self.session, "tools/call", CALL), 2)

    def test_failed(self) -> None:
        """
        So is a call that fails with an exception.
        """
        self.house.plugin.plan = lambda call: fail(ZeroDivisionError(SECRET))
        self.check(self.house.call(), 1)

    def test_books(self) -> None:
        """
        A broken call is over: it takes no place, and its id is free.
        """
        for _ in range(300):
            self.house.call()
            self.house.legacy(self.session, "tools/call", CALL, 1)
        self.assertEqual((self.house.running, self.house.router.running._counts), (0, {}))
        self.assertEqual(self.house.legacy(self.session, "ping", {}, 1).result, {})


class StopTests(SynchronousTestCase):
    """
    Tests for the end.
    """

    def test_idle(self) -> None:
        """
        With nothing running there is nothing to wait for.
        """
        self.successResultOf(House().router.running.drain())

    def test_drain(self) -> None:
        """
        A daemon that stops waits for the last exchange.
        """
        house = House()
        one, two = house.call(), house.call()
        drained = house.router.running.drain()
        house.plugin.jobs[0].answer(content=[])
        self.assertNoResult(drained)
        two.hang_up()
        house.clock.advance(0)
        self.successResultOf(drained)
        self.assertEqual(one.result["content"], [])
        house.call().hang_up()

    def drained(self, end: Callable[[House], object]) -> tuple[int, int]:
        """
        Have a session's only call end while a daemon stops that ends sessions once nothing runs.

        Returns:
            The sessions that are left, and the answers to the call.
        """
        house = House()
        way = house.legacy(house.shake(), "tools/call", {**CALL, "_meta": {"progressToken": 1}})
        house.plugin.job.notice(progress=1)
        house.router.running.drain().addCallback(lambda _: house.router.sessions.end_all())
        end(house)
        house.clock.advance(0)
        return len(house.router.sessions), len(way.answers)

    def test_drain_answers(self) -> None:
        """
        The last answer of a legacy session goes out on its stream before the session is ended.
        """
        self.assertEqual(self.drained(lambda house: house.plugin.job.answer(content=[])), (0, 1))
        self.assertEqual(self.drained(lambda house: house.router.running.abandon()), (0, 1))

    def test_abandon(self) -> None:
        """
        What does not end in time is cancelled at its plugin, and its client told so in its era.
        """
        house = House()
        session = house.shake()
        ways = [house.call(), house.legacy(session, "tools/call", CALL)]
        streamed = house.legacy(session, "tools/call", {**CALL, "_meta": {"progressToken": 1}}, 3)
        house.plugin.jobs[-1].notice(progress=1)
        gone = house.legacy(session, "tools/call", CALL, 2)
        gone.hang_up()
        drained = house.router.running.drain()
        house.router.running.abandon()
        house.clock.advance(0)
        self.successResultOf(drained)
        for way in ways:
            self.assertEqual(way.error, (200, Kind.PLUGIN_UNAVAILABLE.code))
        self.assertEqual((len(streamed.notices), streamed.error[1]), (1, Kind.PLUGIN_UNAVAILABLE.code))
        self.assertEqual(len(house.plugin.cancelled), 4)
        self.assertEqual(house.running, 0)

    def test_expel(self) -> None:
        """
        When a principal is sent away their calls are cancelled and say why, and nobody else's.
        """
        house = House()
        session = house.shake()
        mine = [house.call(), house.legacy(session, "tools/call", CALL)]
        theirs = house.call(caller="key:b")
        house.router.running.expel("key:a")
        for way in mine:
            self.assertEqual(way.error[1], Kind.UNAUTHORIZED.code)
            self.assertIn("not accepted any more", way.given.message["error"]["message"])
        self.assertEqual((house.plugin.cancelled, house.running), (house.plugin.jobs[:2], 1))
        house.plugin.jobs[2].answer(content=[])
        self.assertEqual(theirs.result["content"], [])


IDS = st.one_of(st.integers(-(2**53), 2**53), st.text(max_size=8))
ASKED = st.sampled_from(
    (
        *("tools/call", "prompts/get", "resources/read", "completion/complete", "tools/list"),
        *("resources/subscribe", "logging/setLevel", "ping", "server/discover", "no/such", "initialize"),
    )
)
PARAMS = {
    "uri": "x://a",
    "ref": {"type": "ref/resource", "uri": "x://a"},
    "level": "info",
    "protocolVersion": "x",
}
NAMES = st.sampled_from(("p__echo", "p__add", "nobody"))
ENDS = st.sampled_from(("answer", "refuse", "fault", "raise", "input"))
REQUESTS = st.lists(st.tuples(st.booleans(), ASKED, NAMES, ENDS, IDS), max_size=12)


class OneAnswerTests(SynchronousTestCase):
    """
    The promise that everything else is for.
    """

    def finish(self, house: House, how: str) -> None:
        """
        Let the plugin end the call that it was given first.
        """
        job = house.plugin.jobs.pop(0)
        match how:
            case "answer":
                job.answer(content=[])
            case "refuse":
                job.outcome.callback(Refusal(b"", -32021, "no", None))
            case "fault":
                job.outcome.errback(Fault(Kind.DEADLINE, "late"))
            case "raise":
                job.outcome.errback(ZeroDivisionError())
            case _:
                job.outcome.callback(Answer(b"", members(resultType="input_required")))

    @settings(max_examples=150, deadline=None)
    @given(REQUESTS)
    def test_one_answer(self, requests: list[tuple[bool, str, str, str, int | str]]) -> None:
        """
        Each request, of whatever era and however it ends, has exactly one answer with its own id.
        """
        house = House()
        house.offer(prompts=(prompt("echo"),), resources=(resource("x://a"),))
        session = house.shake()
        asked = []
        for modern, method, name, _, id in requests:
            ask: Any = house.modern if modern else (lambda *rest: house.legacy(session, *rest))
            asked.append((id, ask(method, {**PARAMS, "name": name}, id)))
        for how in [how for *_, how, _ in requests]:
            if house.plugin.jobs:
                self.finish(house, how)
        for id, way in asked:
            message = way.given.message
            self.assertEqual((message["id"], type(message["id"])), (id, type(id)))
            self.assertEqual(("result" in message) + ("error" in message), 1)
            self.assertEqual((way.ends, way.empties), (0, []))
        self.assertEqual((house.running, house.router.running._counts), (0, {}))
