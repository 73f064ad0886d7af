# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.subscriptions`.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from attrs import define, frozen
from msgspec import Raw
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import Event, Incident, Publisher
from mcpd.relay.subscriptions import MOST_URIS, PATIENCE, Subscriptions
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Piece, Refusal, Request
from mcpd.wire.offer import Feature, Sort
from tests.relay.watched import TURN, FakePlugin, FakeSession, Turns
from tests.relay.ways import FakeWay

ALICE, BOB = "key:alice", "key:bob"
PATH, OTHER = b"/mcp", b"/mcp/files"
A, B, C = "file:///a", "file:///b", "file:///c"
ID = "io.modelcontextprotocol/subscriptionId"
ACKNOWLEDGED = "notifications/subscriptions/acknowledged"
TOOLS = "notifications/tools/list_changed"
PROMPTS = "notifications/prompts/list_changed"
RESOURCES = "notifications/resources/list_changed"
UPDATED = "notifications/resources/updated"
LISTS = {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}
FEATURES = frozenset((Feature.TOOLS, Feature.PROMPTS, Feature.RESOURCES))


@frozen
class Limits:
    """
    Small bounds (:class:`mcpd.relay.subscriptions.Bounds`).
    """

    streams_per_principal: int = 2
    uri: int = 40


@define(eq=False)
class LeavingWay(FakeWay):
    """
    A way back whose client hangs up when it is told something, and takes others with it.

    Attributes:
        on: The method that it goes at.
        others: Who goes, too.
    """

    on: str = ACKNOWLEDGED
    others: tuple[FakeWay, ...] = ()

    def notice(self, parts: Sequence[Piece], mark: bytes = b"") -> None:
        """
        Remember it, and perhaps go.
        """
        FakeWay.notice(self, parts, mark)
        if self.said[-1]["method"] == self.on:
            for way in (*self.others, self):
                way.lose()


class House(SynchronousTestCase):
    """
    Subscriptions, two plugins and a clock.
    """

    def setUp(self) -> None:
        """
        Have nobody listen.
        """
        self.clock = Turns()
        self.events: list[Event] = []
        publisher = Publisher()
        publisher.observe(self.events.append)
        self.subscriptions = Subscriptions(self.clock, Limits(), publisher)
        self.plugin, self.slow = FakePlugin(), FakePlugin(ready=False)

    def listen(
        self,
        notifications: Any,
        id: bytes = b"1",
        caller: str = ALICE,
        path: bytes = PATH,
        way: FakeWay | None = None,
        features: frozenset[Feature] = FEATURES,
        find: Callable[[str], FakePlugin | None] | None = None,
    ) -> FakeWay:
        """
        Let a ``subscriptions/listen`` come in; all resources are the ready plugin's.
        """
        way = way or FakeWay()
        params = {"notifications": Raw(write.encode(notifications))}
        request = Request(id, "subscriptions/listen", params)
        find = find or (lambda uri: self.plugin)
        self.subscriptions.listen(request, path, caller, way, features, find)
        return way

    def watch(self, *uris: str, **rest: Any) -> FakeWay:
        """
        Let one for resources come in.
        """
        return self.listen({"resourceSubscriptions": uris}, **rest)

    def change(
        self, *sorts: Sort, path: bytes = PATH, sessions: Sequence[FakeSession] = (), turns: int = 1
    ) -> None:
        """
        Change lists, and let turns of the reactor pass.
        """
        self.subscriptions.changed(path, sorts, sessions)
        self.clock.turn(turns)

    def update(self, uri: str, plugin: FakePlugin | None = None) -> None:
        """
        Change a resource, and let a turn of the reactor pass.
        """
        self.subscriptions.updated(plugin or self.plugin, uri)
        self.clock.turn()

    def heard(self, way: FakeWay) -> list[str]:
        """
        Tell what a stream was told after the acknowledgement, which comes first.
        """
        methods = [message["method"] for message in way.said]
        self.assertEqual(methods[:1], [ACKNOWLEDGED])
        return methods[1:]

    def honoured(self, way: FakeWay) -> Any:
        """
        Tell what was acknowledged.
        """
        return way.said[0]["params"]["notifications"]


class ListenTests(House):
    """
    Tests for how a modern client's stream begins and ends.
    """

    def test_acknowledged(self) -> None:
        """
        A stream begins with what its client will be told of.
        """
        way = self.listen({**LISTS, "resourceSubscriptions": [A]})
        self.assertEqual(self.honoured(way), {**LISTS, "resourceSubscriptions": [A]})
        self.assertEqual(way.said[0]["params"]["_meta"], {ID: 1})
        self.assertEqual((self.heard(way), way.ended), ([], False))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_subset(self) -> None:
        """
        Lists that there are none of, and resources that are nobody's, are not acknowledged.
        """
        owners = {A: None, B: self.plugin}
        way = self.listen(
            {**LISTS, "resourceSubscriptions": [A, B]},
            features=frozenset((Feature.PROMPTS,)),
            find=lambda uri: owners[uri],
        )
        self.assertEqual(self.honoured(way), {"promptsListChanged": True, "resourceSubscriptions": [B]})
        self.change(*Sort)
        self.assertEqual(self.heard(way), [PROMPTS])

    def test_nothing(self) -> None:
        """
        A client that can be told of nothing it wants has a stream nevertheless.
        """
        way = self.listen({"toolsListChanged": True}, features=frozenset())
        self.assertEqual(self.honoured(way), {})
        self.assertEqual((way.ended, len(self.subscriptions)), (False, 1))

    def test_waits(self) -> None:
        """
        The acknowledgement waits for the plugins, and is sent as soon as all have decided.
        """
        way = self.watch(B, A, C, find=lambda uri: self.slow)
        self.slow.agree(A)
        self.slow.refuse(C)
        self.assertEqual(way.said, [])
        self.slow.agree(B)
        self.assertEqual(self.honoured(way), {"resourceSubscriptions": [B, A]})
        self.clock.advance(PATIENCE)
        self.assertEqual((len(way.said), self.slow.said), (1, [f"+{B}", f"+{A}", f"+{C}"]))

    def test_patience(self) -> None:
        """
        A plugin that doesn't decide delays the acknowledgement by a second, and is left out.
        """
        owners = {A: self.slow, B: self.plugin}
        way = self.watch(A, B, find=lambda uri: owners[uri])
        self.clock.advance(PATIENCE - TURN)
        self.assertEqual(way.said, [])
        self.clock.turn()
        self.assertEqual(self.honoured(way), {"resourceSubscriptions": [B]})
        self.slow.agree(A)
        self.assertEqual((self.slow.said, len(way.said)), ([f"+{A}", f"-{A}"], 1))
        self.update(A, self.slow)
        self.assertEqual(self.heard(way), [])

    def test_failed(self) -> None:
        """
        A plugin that can't be asked is left out.
        """
        way = self.watch(A, find=lambda uri: self.slow)
        self.slow.fail(A, Fault(Kind.PLUGIN_GONE, "gone"))
        self.assertEqual((self.honoured(way), self.events), ({}, []))

    def test_unexpected(self) -> None:
        """
        What nobody expected of a plugin is in the log under the request's id; the stream goes on.
        """
        way = self.watch(A, find=lambda uri: self.slow)
        self.slow.fail(A, ValueError("oops"))
        self.assertEqual(self.honoured(way), {})
        (incident,) = self.events
        assert isinstance(incident, Incident)
        self.assertEqual(incident.request, way.id)
        self.assertIn("oops", incident.trace)

    def test_too_early(self) -> None:
        """
        Nothing is told before the acknowledgement.
        """
        way = self.listen(
            {**LISTS, "resourceSubscriptions": [A, B]},
            find=lambda uri: self.plugin if uri == A else self.slow,
        )
        self.change(*Sort)
        self.update(A)
        self.assertEqual(way.said, [])
        self.slow.agree(B)
        self.update(A)
        self.assertEqual(self.heard(way), [UPDATED])

    def test_hung_up(self) -> None:
        """
        A client that hangs up watches nothing more, and leaves nothing behind.
        """
        way = self.listen({**LISTS, "resourceSubscriptions": [A, B]})
        way.lose()
        self.assertEqual(self.plugin.said[2:], [f"-{A}", f"-{B}"])
        self.change(*Sort)
        self.update(A)
        self.assertEqual((self.heard(way), len(self.subscriptions)), ([], 0))
        self.assertTrue(self.subscriptions.enter(ALICE) and self.subscriptions.enter(ALICE))

    def test_hung_up_before(self) -> None:
        """
        A client that hangs up before the acknowledgement watches nothing, whatever is decided.
        """
        way = self.watch(A, B, find=lambda uri: self.slow)
        self.slow.agree(B)
        way.lose()
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.slow.agree(A)
        self.assertEqual(self.slow.said[2:], [f"-{B}", f"-{A}"])
        self.assertEqual(way.said, [])

    def test_memory(self) -> None:
        """
        Streams that have ended, acknowledged or not, take no memory.
        """
        streams = [
            self.listen({**LISTS, "resourceSubscriptions": [A]}),
            self.listen({**LISTS, "resourceSubscriptions": [B]}, find=lambda uri: self.slow),
        ]
        gone = [weakref.ref(way) for way in streams]
        while streams:
            streams.pop().lose()
        self.slow.agree(B)
        gc.collect()
        self.assertEqual([way() for way in gone], [None, None])

    def test_hangs_up_while_told(self) -> None:
        """
        A client that hangs up on the acknowledgement doesn't disturb others.
        """
        leaving = self.listen({**LISTS, "resourceSubscriptions": [A]}, way=LeavingWay())
        staying = self.listen(LISTS)
        self.assertEqual((len(leaving.said), len(self.subscriptions)), (1, 1))
        self.assertEqual(self.plugin.said, [f"+{A}", f"-{A}"])
        self.change(Sort.TOOLS)
        self.assertEqual((self.heard(staying), len(leaving.said)), ([TOOLS], 1))

    def test_malformed(self) -> None:
        """
        What can't be read, or names too much, is refused, and nothing is left of it.
        """
        for notifications in (3, {"resourceSubscriptions": [A] * 101}, {"resourceSubscriptions": ["a" * 39]}):
            self.assertIs(self.assertRaises(Fault, self.listen, notifications).kind, Kind.PARAMS)
        self.assertEqual((self.plugin.said, len(self.subscriptions)), ([], 0))

    def test_most(self) -> None:
        """
        A stream may watch a hundred resources.
        """
        uris = [f"a:{number}" for number in range(MOST_URIS)]
        self.assertEqual(self.honoured(self.watch(*uris)), {"resourceSubscriptions": uris})

    def test_too_many_streams(self) -> None:
        """
        A principal has so many streams of all kinds together, and others have theirs.
        """
        self.assertTrue(self.subscriptions.enter(ALICE))
        way = self.listen({})
        fault = self.assertRaises(Fault, self.watch, A)
        self.assertIs(fault.kind, Kind.OVERLOADED)
        self.assertEqual((fault.headers, self.plugin.said), (((b"Retry-After", b"1"),), []))
        self.assertFalse(self.subscriptions.enter(ALICE))
        self.listen({}, caller=BOB)
        way.lose()
        self.listen({})
        self.subscriptions.leave(ALICE)
        self.listen({})
        self.assertEqual(len(self.subscriptions), 3)

    def test_left(self) -> None:
        """
        A principal without streams is not kept in mind.
        """
        self.assertTrue(self.subscriptions.enter(ALICE))
        self.subscriptions.leave(ALICE)
        self.assertRaises(KeyError, self.subscriptions.leave, ALICE)

    def test_closed(self) -> None:
        """
        Streams that the daemon ends do so by their results, and watch nothing more.
        """
        ways = [self.watch(A, id=b'"x"'), self.watch(B, id=b"7")]
        self.subscriptions.close()
        for way, id in zip(ways, ("x", 7), strict=True):
            answer = way.said[-1]
            self.assertEqual((answer["id"], answer["result"]["_meta"][ID]), (id, id))
            self.assertEqual((len(way.said), way.ended, way.hung_up), (2, True, None))
        self.assertEqual(self.plugin.said[2:], [f"-{A}", f"-{B}"])
        self.assertEqual(len(self.subscriptions), 0)

    def test_closed_of_one(self) -> None:
        """
        When a principal is sent away their streams end, and nobody else's.
        """
        ways = [self.watch(A), self.watch(A, caller=BOB), self.listen(LISTS)]
        self.subscriptions.close(ALICE)
        self.assertEqual([way.ended for way in ways], [True, False, True])
        self.update(A)
        self.assertEqual([len(way.said) for way in ways], [2, 2, 2])
        self.assertTrue(self.subscriptions.enter(ALICE))

    def test_closed_before(self) -> None:
        """
        A stream that is ended before its acknowledgement has that first.
        """
        way = self.watch(A, find=lambda uri: self.slow)
        self.subscriptions.close()
        self.assertEqual(way.said[0]["method"], ACKNOWLEDGED)
        self.assertEqual((self.honoured(way), way.said[1]["id"]), ({}, 1))
        self.slow.agree(A)
        self.assertEqual((len(way.said), self.slow.said), (2, [f"+{A}", f"-{A}"]))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_closed_and_gone(self) -> None:
        """
        A client that hangs up while the daemon ends its stream is only gone.
        """
        way = self.watch(A, find=lambda uri: self.slow, way=LeavingWay())
        self.subscriptions.close()
        self.assertEqual((len(way.said), len(self.subscriptions)), (1, 0))


class SubscribeTests(House):
    """
    Tests for legacy sessions' subscriptions.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        super().setUp()
        self.session = FakeSession()

    def subscribe(self, uri: str, plugin: FakePlugin | None = None) -> Deferred[Answer | Refusal]:
        """
        Let the session subscribe.
        """
        return self.subscriptions.subscribe(self.session, uri, plugin or self.plugin)

    def empty(self, outcome: Deferred[Answer | Refusal]) -> None:
        """
        See that a subscription was answered, by nothing.
        """
        answer = self.successResultOf(outcome)
        assert isinstance(answer, Answer)
        self.assertEqual(answer.result, {})

    def test_subscribed(self) -> None:
        """
        A subscription is answered by an empty object, and what changes is told in the session.
        """
        self.empty(self.subscribe(A))
        self.update(A)
        message = {"jsonrpc": "2.0", "method": UPDATED, "params": {"uri": A}}
        self.assertEqual(self.session.said, [message])

    def test_again(self) -> None:
        """
        Who subscribes again is told the same, and the plugin isn't asked.
        """
        for _ in range(2):
            self.empty(self.subscribe(A))
        self.assertEqual(self.plugin.said, [f"+{A}"])
        self.update(A)
        self.assertEqual(self.session.uris, [A])

    def test_refused(self) -> None:
        """
        A plugin's refusal is the client's.
        """
        outcome = self.subscribe(A, self.slow)
        self.slow.refuse(A)
        refusal = self.successResultOf(outcome)
        assert isinstance(refusal, Refusal)
        self.assertEqual(refusal.message, "no such method")

    def test_failed(self) -> None:
        """
        A plugin that can't be asked is told as that.
        """
        outcome = self.subscribe(A, self.slow)
        self.slow.fail(A, Fault(Kind.PLUGIN_GONE, "gone"))
        self.assertIs(self.failureResultOf(outcome, Fault).value.kind, Kind.PLUGIN_GONE)

    def test_bound(self) -> None:
        """
        A session subscribes to a hundred resources and no more, but may do so again.
        """
        for number in range(MOST_URIS):
            self.empty(self.subscribe(f"a:{number}"))
        failure = self.failureResultOf(self.subscribe("a:more"), Fault)
        self.assertIs(failure.value.kind, Kind.OVERLOADED)
        self.empty(self.subscribe("a:0"))
        self.subscriptions.unsubscribe(self.session, "a:0")
        self.empty(self.subscribe("a:more"))

    def test_unsubscribed(self) -> None:
        """
        Who unsubscribes is told no more; whether it had subscribed or not.
        """
        self.subscribe(A)
        self.subscriptions.unsubscribe(self.session, A)
        self.subscriptions.unsubscribe(self.session, B)
        self.update(A)
        self.assertEqual((self.session.said, self.plugin.said), ([], [f"+{A}", f"-{A}"]))

    def test_forgotten(self) -> None:
        """
        A session that ends watches nothing more, of what is not decided either.
        """
        self.subscribe(A)
        self.subscribe(B, self.slow)
        self.subscriptions.forget(self.session)
        self.slow.agree(B)
        self.assertEqual((self.plugin.said[1:], self.slow.said[1:]), ([f"-{A}"], [f"-{B}"]))
        self.update(A)
        self.update(B, self.slow)
        self.assertEqual(self.session.said, [])


class ChangedTests(House):
    """
    Tests for telling of lists and resources that have changed.
    """

    def test_wanted(self) -> None:
        """
        A stream hears of the lists that it asked for, at its path, at once.
        """
        tools = self.listen({"toolsListChanged": True})
        prompts = self.listen({"promptsListChanged": True})
        other = self.listen({"toolsListChanged": True}, caller=BOB, path=OTHER)
        self.subscriptions.changed(PATH, [Sort.TOOLS], ())
        self.assertEqual([self.heard(way) for way in (tools, prompts, other)], [[TOOLS], [], []])
        self.assertEqual(tools.said[1]["params"], {"_meta": {ID: 1}})

    def test_templates(self) -> None:
        """
        Resources and their templates are one list for clients, and are told once.
        """
        way, session = self.listen(LISTS), FakeSession()
        self.change(Sort.TEMPLATES, Sort.RESOURCES, Sort.PROMPTS, sessions=[session])
        self.assertEqual((self.heard(way), session.methods), ([RESOURCES, PROMPTS],) * 2)
        self.change(Sort.TEMPLATES, sessions=[session])
        self.assertEqual((self.heard(way)[2:], session.methods[2:]), ([RESOURCES],) * 2)

    def test_sessions(self) -> None:
        """
        Ten thousand sessions are told without keeping the reactor to themselves, streams before them.
        """
        way, sessions = self.listen(LISTS), [FakeSession() for _ in range(10_000)]
        self.change(Sort.TOOLS, sessions=sessions, turns=0)
        self.assertEqual((self.heard(way), sum(len(each.said) for each in sessions)), ([TOOLS], 0))
        self.clock.turn()
        self.assertEqual(sum(len(each.said) for each in sessions), 100)
        self.clock.turn(99)
        message = {"jsonrpc": "2.0", "method": TOOLS, "params": {}}
        self.assertEqual([each.said for each in sessions], [[message]] * 10_000)

    def test_ending(self) -> None:
        """
        A client that hangs up while others are told doesn't keep them from hearing.
        """
        first, last = FakeWay(), FakeWay()
        middle = LeavingWay(on=TOOLS, others=(first, last))
        for way in (first, middle):
            self.listen(LISTS, way=way)
        staying = self.listen(LISTS, caller=BOB)
        self.listen(LISTS, way=last, caller=BOB)
        self.change(Sort.TOOLS)
        self.assertEqual([self.heard(way) for way in (first, middle, staying)], [[TOOLS]] * 3)
        self.assertEqual((self.heard(last), len(self.subscriptions)), ([], 1))

    def test_updated(self) -> None:
        """
        Clients of both eras hear of a resource that they watch, at the plugin whose it is.
        """
        other = FakePlugin()
        mine = self.watch(A, B)
        theirs = self.watch(A, find=lambda uri: other)
        session = FakeSession()
        self.subscriptions.subscribe(session, A, self.plugin)
        self.update(A)
        self.assertEqual((self.heard(mine), self.heard(theirs), session.uris), ([UPDATED], [], [A]))
        self.assertEqual(mine.said[1]["params"], {"_meta": {ID: 1}, "uri": A})
        self.update(A, other)
        self.assertEqual((self.heard(mine), self.heard(theirs), session.uris), ([UPDATED], [UPDATED], [A]))

    def test_part(self) -> None:
        """
        Who watches a resource hears of its parts by their own names, once.
        """
        way, session = self.watch(A, f"{A}/b"), FakeSession()
        self.subscriptions.subscribe(session, A, self.plugin)
        self.update(f"{A}/b/c")
        self.assertEqual((self.heard(way), session.uris), ([UPDATED], [f"{A}/b/c"]))
        self.assertEqual(way.said[1]["params"]["uri"], f"{A}/b/c")

    def test_many_listen(self) -> None:
        """
        A resource that many streams watch is told in steps, and not to one that ended meanwhile.
        """
        ways = [self.watch(A, caller=f"key:{number}") for number in range(250)]
        self.subscriptions.updated(self.plugin, A)
        self.assertEqual(sum(len(self.heard(way)) for way in ways), 0)
        for told in (100, 200):
            self.clock.turn()
            self.assertEqual(sum(len(self.heard(way)) for way in ways), told)
        ways[-1].lose()
        self.clock.turn()
        self.assertEqual([len(self.heard(way)) for way in ways], [1] * 249 + [0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_many_watch(self) -> None:
        """
        A resource that many sessions watch is told in steps.
        """
        sessions = [FakeSession() for _ in range(250)]
        for session in sessions:
            self.subscriptions.subscribe(session, A, self.plugin)
        for told in (100, 200, 250):
            if told == 100:
                self.subscriptions.updated(self.plugin, A)
            self.clock.turn()
            self.assertEqual(sum(len(each.said) for each in sessions), told)
