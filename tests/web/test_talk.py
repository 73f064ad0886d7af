# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.talk`: a WebSocket, the real relay, and a plugin that is told what to do.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, succeed
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.client import text
from mcpd.web.talk import Talk
from mcpd.wire import write
from mcpd.wire.call import Call
from mcpd.wire.message import Answer, Piece, Refusal
from tests.relay.stage import ENVELOPE, House, Plugin, members, stock

CALL = {"name": "p__echo", "arguments": {}}


@define(eq=False)
class Wire:
    """
    A WebSocket, from the client's side.

    Attributes:
        heard: The messages that came, and how it was closed: a code and why.
        rests: How often nothing was owed any more.
    """

    house: House
    caller: str = "key:a"
    heard: list[Any] = field(factory=list)
    rests: int = 0
    minted: int = 0
    talk: Talk = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.talk = Talk(self.house.router, self.caller, b"/mcp", self.mint, self)

    def mint(self) -> str:
        """
        Make another id.
        """
        self.minted += 1
        return f"R{self.minted}"

    def send(self, parts: Sequence[Piece]) -> None:
        """
        Hear a message.
        """
        self.heard.append(json.loads(write.join(parts)))

    def close(self, code: int, why: str) -> None:
        """
        Hear that it closes.
        """
        self.heard.append((code, why))

    def rest(self) -> None:
        """
        Hear that nothing is owed.
        """
        self.rests += 1

    def legacy(self, method: str, params: Any = None, id: int | str | None = 1) -> None:
        """
        Say something of the legacy era.
        """
        self.talk.received(text(method, params, id))

    def shake(self) -> None:
        """
        Shake hands, and forget the answer.
        """
        self.legacy("initialize", {"protocolVersion": "2025-11-25"}, 0)
        self.legacy("notifications/initialized", None, None)
        self.heard.clear()

    def modern(self, method: str, params: Any = None, id: int | str | None = 1) -> None:
        """
        Say something of the modern era.
        """
        self.legacy(method, {**(params or {}), "_meta": ENVELOPE}, id)

    @property
    def errors(self) -> list[tuple[Any, int]]:
        """
        The errors that came: ids and codes.
        """
        return [(said.get("id"), said["error"]["code"]) for said in self.heard]


class TalkTests(SynchronousTestCase):
    """
    Tests for one conversation.
    """

    def setUp(self) -> None:
        """
        Have a WebSocket.
        """
        self.house = House()
        self.wire = Wire(self.house)

    def test_eras(self) -> None:
        """
        A client of either era is served on its connection, and each request gets its answer.
        """
        other = Wire(self.house)
        self.wire.shake()
        other.modern("tools/call", CALL, "m")
        self.wire.legacy("tools/call", CALL, 7)
        for job in reversed(self.house.plugin.jobs):
            job.answer(content=[])
        self.assertEqual([said["id"] for said in (*self.wire.heard, *other.heard)], [7, "m"])

    def test_principal(self) -> None:
        """
        What is asked on a connection is asked by whom it belongs to, at its path.
        """
        self.wire.shake()
        self.assertEqual(len(self.house.sessions.of(b"/mcp")), 1)
        self.house.router.expel("key:b")
        self.assertEqual(self.wire.heard, [])
        self.house.router.expel("key:a")
        self.assertEqual(self.wire.heard, [(4401, "these credentials are not accepted any more")])

    def test_request_ids(self) -> None:
        """
        Each message has a request id of its own, which its error tells.
        """
        for _ in range(2):
            self.wire.modern("no/such")
        said = [said["error"]["data"]["requestId"] for said in self.wire.heard]
        self.assertEqual(said, ["R1", "R2"])

    def test_lost(self) -> None:
        """
        When the connection is gone, what runs on it is cancelled, its session is over and nothing is said.
        """
        self.wire.shake()
        self.wire.legacy("tools/call", CALL)
        self.wire.talk.lost()
        self.assertEqual(self.house.plugin.cancelled, self.house.plugin.jobs)
        self.assertEqual(
            (len(self.house.sessions), self.house.running, self.house.router.lines), (0, 0, set())
        )
        self.assertEqual(self.wire.heard, [])

    def test_lost_then_spoken(self) -> None:
        """
        What is read after the connection is gone, or after it was closed, reaches no plugin.
        """
        self.wire.talk.lost()
        expelled = Wire(self.house, "key:b")
        self.house.router.expel("key:b")
        for wire in (self.wire, expelled):
            closed = list(wire.heard)
            wire.modern("tools/call", CALL)
            wire.talk.refused(text("ping", None, 1), 1.0)
            wire.talk.retire()
            wire.modern("tools/call", CALL)
            self.assertEqual(wire.heard, closed)
        self.assertEqual(self.house.plugin.jobs, [])

    def test_unreadable(self) -> None:
        """
        Who sends what is no JSON is told so each time, and after ten times the connection is closed, once.
        """
        for body in (b"", b"{", b"\xff", b"nope") * 2 + (b"[1",):
            self.wire.talk.received(body)
        self.assertEqual(self.wire.errors, [(None, -32700)] * 9)
        self.wire.talk.received(b"{")
        self.assertEqual(self.wire.heard[10:], [(1007, "10 messages were no JSON")])
        self.wire.talk.received(b"{")
        self.house.router.expel("key:a")
        self.assertEqual(len(self.wire.heard), 11)

    def test_wrong(self) -> None:
        """
        What is JSON and wrong is refused as often as it comes, batches too, and the connection stays.
        """
        for _ in range(20):
            self.wire.talk.received(b"{}")
            self.wire.talk.received(b"[" + text("ping", None, 1) + b"]")
        self.assertEqual(self.wire.errors, [(None, -32600)] * 40)

    def test_over(self) -> None:
        """
        A session that ends takes its connection with it.
        """
        self.wire.shake()
        self.house.sessions.end_all("key:a")
        self.assertEqual(self.wire.heard, [(1001, "the session has ended")])

    def test_reasons(self) -> None:
        """
        Why a connection is closed fits into its last frame (RFC 6455, section 5.5).
        """
        self.test_over()
        self.wire = Wire(self.house)
        self.test_unreadable()
        for said in self.wire.heard:
            if isinstance(said, tuple):
                self.assertLessEqual(len(said[1].encode()), 123)


class RateTests(SynchronousTestCase):
    """
    Tests for messages that come too soon.
    """

    def setUp(self) -> None:
        """
        Have a WebSocket.
        """
        self.house = House()
        self.wire = Wire(self.house)

    def test_request(self) -> None:
        """
        A request that comes too soon is answered with when to come again, and reaches no plugin.
        """
        for id in ("a", 7):
            self.wire.talk.refused(text("tools/call", CALL, id), 0.0101)
        self.assertEqual(self.wire.errors, [("a", -31029), (7, -31029)])
        self.assertEqual(
            [said["error"]["data"] for said in self.wire.heard],
            [{"retryAfterMs": 11, "requestId": "R1"}, {"retryAfterMs": 11, "requestId": "R2"}],
        )
        self.assertEqual((self.house.plugin.jobs, self.wire.talk.busy), ([], False))

    def test_rest(self) -> None:
        """
        A notice that comes too soon, and what is no message, are thrown away.
        """
        for body in (text("notifications/cancelled", {"requestId": 1}), b"{", b"[]", b"\xff", b""):
            self.wire.talk.refused(body, 1.0)
        self.assertEqual(self.wire.heard, [])


class RetireTests(SynchronousTestCase):
    """
    Tests for a daemon that stops.
    """

    def setUp(self) -> None:
        """
        Have a WebSocket on which a request waits for its answer.
        """
        self.house = House()
        self.wire = Wire(self.house)
        self.wire.modern("tools/call", CALL, 1)

    def test_last_answer(self) -> None:
        """
        What waits is answered, and then the connection may close.
        """
        self.assertTrue(self.wire.talk.busy)
        self.wire.talk.retire()
        self.assertEqual(self.wire.rests, 0)
        self.house.plugin.job.answer(content=[])
        self.assertEqual([said["id"] for said in self.wire.heard], [1])
        self.assertEqual((self.wire.rests, self.wire.talk.busy), (1, False))

    def test_new_request(self) -> None:
        """
        A request that comes meanwhile is told that the server stops.
        """
        self.wire.talk.retire()
        self.wire.modern("tools/call", CALL, 2)
        self.assertEqual(self.wire.errors, [(2, -31103)])
        self.assertEqual(self.wire.heard[0]["error"]["message"], "the server is stopping")
        self.assertEqual(len(self.house.plugin.jobs), 1)

    def test_notice(self) -> None:
        """
        A notice is still taken: one may cancel what is waited for.
        """
        self.wire.talk.retire()
        self.wire.modern("notifications/cancelled", {"requestId": 1}, None)
        self.assertEqual(self.house.plugin.cancelled, self.house.plugin.jobs)
        self.assertEqual((self.wire.rests, self.wire.heard), (1, []))

    def test_usual(self) -> None:
        """
        A daemon that does not stop closes no connection because nothing is under way.
        """
        self.house.plugin.job.answer(content=[])
        self.assertEqual((self.wire.rests, len(self.wire.heard)), (0, 1))


PAGE = Path(__file__).parents[2] / "docs" / "websocket-binding.md"
READ, REPORT, SEARCH = (
    {"name": name, "inputSchema": {"type": "object"}} for name in ("read", "report", "search")
)


def is_part(part: Any, whole: Any) -> bool:
    """
    Tell whether a message is the other one, but for members that are left out.
    """
    if isinstance(part, dict) and isinstance(whole, dict):
        return all(name in whole and is_part(value, whole[name]) for name, value in part.items())
    if isinstance(part, list) and isinstance(whole, list):
        return len(part) == len(whole) and all(map(is_part, part, whole))
    return bool(part == whole)


class PageTests(SynchronousTestCase):
    """
    Tests for the conversations in the page that specifies all this.
    """

    def setUp(self) -> None:
        """
        Have the plugin that the page speaks of, which takes its time for reports alone.
        """
        self.plugin = Plugin(self.decide)
        self.house = House()
        self.house.serve(stock("files", self.plugin, (READ, REPORT)))

    def decide(self, call: Call) -> Deferred[Answer | Refusal]:
        """
        Answer, or take time.
        """
        if bytes(call.params["name"]) == b'"report"':
            return Deferred(lambda _: None)
        return succeed(Answer(b"1", members(content=[{"type": "text", "text": "hello"}])))

    def play(self, heading: str) -> None:
        """
        Say what a client says there, and compare what it hears.
        """
        section = PAGE.read_text().partition(f"## {heading}\n")[2].partition("\n## ")[0]
        wire, count = Wire(self.house), 0
        for line in re.sub(r"\n {3}", "", section.partition("```text\n")[2].partition("```")[0]).splitlines():
            count += 1
            if line.startswith("C: "):
                wire.talk.received(line[3:].encode())
            elif line.startswith("S: "):
                self.assertTrue(wire.heard, line)
                self.assertTrue(is_part(json.loads(line[3:]), said := wire.heard.pop(0)), (line, said))
            else:
                self.assertEqual(line, "-- a plugin has one more tool")
                self.house.serve(stock("files", self.plugin, (READ, REPORT, SEARCH)))
            # Longer than changes are gathered.
            self.house.clock.advance(2)
        self.assertEqual((wire.heard, wire.talk.busy, self.house.running), ([], False, 0))
        self.assertGreater(count, 9)

    def test_legacy(self) -> None:
        """
        A legacy conversation goes as the page says.
        """
        self.play("A legacy conversation")

    def test_modern(self) -> None:
        """
        A modern conversation goes as the page says.
        """
        self.play("A modern conversation")
