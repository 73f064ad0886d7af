# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.line`, through the router.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.errand import Post
from mcpd.relay.line import Line, Parting
from mcpd.relay.spec import SessionLimits
from mcpd.testing.client import text
from mcpd.units import Seconds
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece
from tests.relay.stage import ENVELOPE, House, Job, message

CALL = {"name": "p__echo", "arguments": {"x": 1}}


@define(eq=False)
class Caller:
    """
    A client on a line.

    Attributes:
        said: What it was sent.
        partings: Why it was left.
        rests: How often nothing was owed to it any more.
    """

    house: House
    caller: str = "key:a"
    path: bytes = b"/mcp"
    said: list[Any] = field(factory=list)
    partings: list[Parting] = field(factory=list)
    rests: int = 0
    line: Line = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.line = Line(self.caller, self, lambda: "REQUEST")
        self.house.router.lines.add(self.line)

    def send(self, parts: Sequence[Piece]) -> None:
        """
        Hear a message.
        """
        self.said.append(message(parts))

    def part(self, parting: Parting) -> None:
        """
        Hear that it is left.
        """
        self.partings.append(parting)

    def rest(self) -> None:
        """
        Hear that nothing is owed.
        """
        self.rests += 1

    def take(self, body: bytes) -> None:
        """
        Say something.
        """
        way = self.line.way()
        self.house.router.take(body, Post(self.caller, self.path, None, way, line=self.line))

    def legacy(self, method: str, params: Any = None, id: int | str | None = 1) -> None:
        """
        Say something of the legacy era.
        """
        self.take(text(method, params, id))

    def modern(self, method: str, params: Any = None, id: int | str | None = 1) -> None:
        """
        Say something of the modern era.
        """
        self.legacy(method, {**(params or {}), "_meta": ENVELOPE}, id)

    def shake(self, version: str = "2025-11-25") -> None:
        """
        Shake hands, and forget the answer.
        """
        self.legacy("initialize", {"protocolVersion": version}, 0)
        self.legacy("notifications/initialized", id=None)
        self.said.clear()

    def hang_up(self) -> None:
        """
        Go.
        """
        self.house.router.hang_up(self.line)

    @property
    def codes(self) -> list[int]:
        """
        The codes of the errors that it was told; 0 for anything else.
        """
        return [said.get("error", {}).get("code", 0) for said in self.said]


class LegacyTests(SynchronousTestCase):
    """
    Tests for a line of the legacy era.
    """

    def setUp(self) -> None:
        """
        Have a client.
        """
        self.house = House()
        self.client = Caller(self.house)

    def test_shake(self) -> None:
        """
        A client that shakes hands has a session, of which it need not know the id.
        """
        self.client.legacy("initialize", {"protocolVersion": "2025-06-18"}, 0)
        (said,) = self.client.said
        self.assertEqual(said["result"]["protocolVersion"], "2025-06-18")
        self.client.legacy("notifications/initialized", id=None)
        self.client.legacy("ping", id="p")
        self.assertEqual(self.client.said[1:], [{"jsonrpc": "2.0", "id": "p", "result": {}}])

    def test_not_yet(self) -> None:
        """
        Before the handshake there is no session, and a request is told what to do instead.
        """
        self.client.legacy("tools/list")
        self.assertEqual(self.client.codes, [Kind.INVALID.code])
        text = self.client.said[0]["error"]["message"]
        self.assertEqual(text, "send initialize first, or speak one of 2026-07-28")

    def test_bad_notices(self) -> None:
        """
        No notice is answered, however wrong it is, and nothing is owed for it.
        """
        for params in ({}, {"requestId": 7}, {"_meta": 1}, {"_meta": {"x": "y" * 20_000}}):
            for method in ("notifications/initialized", "notifications/cancelled", "notifications/odd"):
                self.client.legacy(method, params, None)
        self.assertEqual((self.client.said, self.client.line.busy), ([], False))

    def test_once(self) -> None:
        """
        A second handshake is refused, and the session goes on.
        """
        self.client.shake()
        self.client.legacy("initialize", {"protocolVersion": "2025-11-25"})
        self.assertEqual(self.client.codes, [Kind.INVALID.code])
        self.client.legacy("ping")
        self.assertEqual(self.client.codes[1:], [0])

    def test_call(self) -> None:
        """
        A call's notices come before its answer, and others may overtake it.
        """
        self.client.shake()
        self.client.legacy("tools/call", {**CALL, "_meta": {"progressToken": "t"}}, 1)
        self.client.legacy("ping", id=2)
        self.house.plugin.job.notice(progress=1)
        self.house.plugin.job.answer(content=[])
        ids = [said.get("id", said.get("method")) for said in self.client.said]
        self.assertEqual(ids, [2, "notifications/progress", 1])

    def test_cancel(self) -> None:
        """
        A cancelled call reaches the plugin as one, and has no answer.
        """
        self.client.shake()
        self.client.legacy("tools/call", CALL, "c")
        self.client.legacy("notifications/cancelled", {"requestId": "c"}, None)
        self.assertEqual((self.house.plugin.cancelled, self.client.said), (self.house.plugin.jobs, []))
        self.assertFalse(self.client.line.busy)

    def test_hang_up(self) -> None:
        """
        Who hangs up has cancelled what runs and ended the session, unlike by HTTP.
        """
        self.client.shake()
        self.client.legacy("tools/call", CALL)
        self.client.hang_up()
        self.assertEqual(self.house.plugin.cancelled, self.house.plugin.jobs)
        self.assertEqual(
            (len(self.house.sessions), self.house.running, self.house.router.lines), (0, 0, set())
        )
        self.assertEqual((self.client.said, self.client.partings), ([], []))

    def test_told(self) -> None:
        """
        What belongs to no request is told as soon as the client is ready for it.
        """
        self.client.legacy("initialize", {"protocolVersion": "2025-11-25"}, 0)
        self.house.offer({"name": "other", "inputSchema": {"type": "object"}})
        self.house.clock.advance(1)
        self.assertEqual(len(self.client.said), 1)
        self.client.legacy("notifications/initialized", id=None)
        self.assertEqual(
            self.client.said[1:],
            [{"jsonrpc": "2.0", "method": "notifications/tools/list_changed", "params": {}}],
        )

    def test_nothing_kept(self) -> None:
        """
        Nothing is kept for a client that could not come again for it.
        """
        self.client.shake()
        self.house.offer({"name": "other", "inputSchema": {"type": "object"}})
        self.house.clock.advance(1)
        self.assertEqual(len(self.client.said), 1)
        self.assertEqual(self.house.sessions.account.held, 0)

    def test_over(self) -> None:
        """
        A session that ends ends its connection; while that stands, it is never too silent.
        """
        house = House(session_limits=SessionLimits(idle=Seconds(10), life=Seconds(100)))
        client = Caller(house)
        client.shake()
        house.clock.advance(50)
        house.sessions.sweep()
        self.assertEqual(client.partings, [])
        house.clock.advance(51)
        house.sessions.sweep()
        self.assertEqual(client.partings, [Parting.OVER])

    def test_batch(self) -> None:
        """
        Even a client whose revision has batches sends none here.
        """
        self.client.shake("2025-03-26")
        self.client.take(b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]')
        self.assertEqual(self.client.codes, [Kind.INVALID.code])

    def test_other_era(self) -> None:
        """
        A connection that has a session takes no modern request.
        """
        self.client.shake()
        self.client.modern("tools/call", CALL)
        self.assertEqual((self.client.codes, self.house.plugin.jobs), ([Kind.INVALID.code], []))

    def test_poll(self) -> None:
        """
        Nobody is sent away to come back for an answer.
        """
        house = House(session_limits=SessionLimits(poll=Seconds(1)))  # type: ignore[arg-type]
        client = Caller(house)
        client.shake()
        client.legacy("tools/call", CALL)
        house.clock.advance(5)
        house.plugin.job.answer(content=[])
        self.assertEqual([said["id"] for said in client.said], [1])


class ModernTests(SynchronousTestCase):
    """
    Tests for a line of the modern era.
    """

    def setUp(self) -> None:
        """
        Have a client.
        """
        self.house = House()
        self.client = Caller(self.house)

    def jobs(self) -> list[Job]:
        """
        Tell what the plugin was given.
        """
        return self.house.plugin.jobs

    def test_calls(self) -> None:
        """
        Several calls run at once, and each has its own answer.
        """
        self.client.line.retiring = True
        for id in (1, "1", 2):
            self.client.modern("tools/call", CALL, id)
        for job in reversed(self.jobs()):
            job.answer(content=[])
        self.assertEqual([said["id"] for said in self.client.said], [2, "1", 1])
        self.assertEqual(self.client.rests, 1)

    def test_same_id(self) -> None:
        """
        A request with the id of one that runs is refused, and the first goes on.
        """
        self.client.modern("tools/call", CALL)
        self.client.modern("tools/call", CALL)
        self.assertEqual((self.client.codes, len(self.jobs())), ([Kind.INVALID.code], 1))
        self.jobs()[0].answer(content=[])
        self.client.modern("tools/call", CALL)
        self.assertEqual((self.client.codes[1:], len(self.jobs())), ([0], 2))

    def test_cancel(self) -> None:
        """
        A notice cancels the request that it names, and no other; it needs no envelope.
        """
        for id in (1, 2):
            self.client.modern("tools/call", CALL, id)
        self.client.legacy("notifications/cancelled", {"requestId": 1}, None)
        self.client.legacy("notifications/cancelled", {"requestId": 1}, None)
        self.client.legacy("notifications/cancelled", {"requestId": "2"}, None)
        self.assertEqual(self.house.plugin.cancelled, self.jobs()[:1])
        self.jobs()[1].answer(content=[])
        self.assertEqual([said["id"] for said in self.client.said], [2])

    def test_cancel_listening(self) -> None:
        """
        Several subscriptions stand on a connection, each with its own id, and each is cancelled for itself.
        """
        wanted = {"notifications": {"toolsListChanged": True}}
        for id in ("a", "b"):
            self.client.modern("subscriptions/listen", wanted, id)
        self.client.said.clear()
        self.client.modern("notifications/cancelled", {"requestId": "a"}, None)
        self.house.offer({"name": "other", "inputSchema": {"type": "object"}})
        self.house.clock.advance(1)
        (said,) = self.client.said
        self.assertEqual(said["params"]["_meta"]["io.modelcontextprotocol/subscriptionId"], "b")
        self.assertEqual(len(self.house.router.subscriptions), 1)

    def test_listening_ends(self) -> None:
        """
        A subscription that we end is answered with its result, and then nothing is owed.
        """
        self.client.modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, "a")
        self.assertTrue(self.client.line.busy)
        self.house.router.subscriptions.close()
        self.assertEqual(self.client.said[-1]["result"]["resultType"], "complete")
        self.assertFalse(self.client.line.busy)

    def test_hang_up(self) -> None:
        """
        Who hangs up has cancelled everything.
        """
        self.client.modern("tools/call", CALL, 1)
        self.client.modern("subscriptions/listen", {"notifications": {}}, 2)
        self.client.said.clear()
        self.client.hang_up()
        self.assertEqual(self.house.plugin.cancelled, self.jobs())
        self.assertEqual((self.house.running, len(self.house.router.subscriptions)), (0, 0))
        self.assertEqual(self.client.said, [])

    def test_other_era(self) -> None:
        """
        A client that only asked what there is may still shake hands, and one that called may not.
        """
        self.client.modern("server/discover")
        self.client.shake()
        self.assertIsNotNone(self.client.line.session)
        other = Caller(self.house)
        other.modern("tools/list")
        other.legacy("initialize", {"protocolVersion": "2025-11-25"})
        self.assertEqual(other.codes, [0, Kind.INVALID.code])

    def test_unreadable(self) -> None:
        """
        What can't be read is answered, and the connection goes on.
        """
        self.client.take(b"{")
        self.client.modern("tools/list")
        self.assertEqual(self.client.codes, [Kind.UNREADABLE.code, 0])
        self.assertIsNone(self.client.said[0].get("id"))

    def test_expelled(self) -> None:
        """
        A principal whose credentials open nothing any more is told so, and left; others stay.
        """
        other = Caller(self.house, "key:b")
        self.client.modern("tools/call", CALL)
        self.house.router.expel("key:a")
        self.assertEqual(self.client.codes, [Kind.UNAUTHORIZED.code])
        self.assertEqual((self.client.partings, other.partings), ([Parting.EXPELLED], []))


class WayTests(SynchronousTestCase):
    """
    Tests for the way back of a message.
    """

    def test_over(self) -> None:
        """
        After the answer nothing is said any more, and there is only one.
        """
        client = Caller(House())
        client.line.retiring = True
        way = client.line.way()
        way.open()
        way.prime(b"1-1", 500)
        way.notice((b'{"n":1}',), b"1-2")
        way.fault(Fault(Kind.PARAMS, "no"), b"7")
        way.answer((b"{}",))
        way.notice((b"{}",))
        way.end()
        way.lost()
        self.assertEqual([said.get("id") for said in client.said], [None, 7])
        self.assertEqual(client.said[1]["error"]["data"], {"requestId": "REQUEST"})
        self.assertEqual(client.rests, 1)

    def test_lost(self) -> None:
        """
        What is said to a client that has gone is dropped.
        """
        client = Caller(House())
        way = client.line.way()
        way.hung_up = lambda: way.answer((b"{}",))
        client.hang_up()
        client.line.send((b"{}",))
        client.line.part(Parting.OVER)
        client.line.over(way)
        self.assertEqual((client.said, client.partings, client.rests), ([], [], 0))
