# -*- test-case-name: tests.relay.test_router -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.router`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import Incident
from mcpd.relay.errand import Post
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.relay.stock import Stock
from mcpd.testing.client import message, text
from mcpd.units import Bytes, Seconds, Wait
from mcpd.web.spec import Limits
from mcpd.wire.fault import Kind
from mcpd.wire.offer import Feature
from mcpd.wire.revision import LEGACY_NAMES, METHODS
from tests.relay.goods import prompt, resource, template
from tests.relay.stage import ENVELOPE, PAGE, House, Plugin, Way, post, stock

CALL = {"name": "p__echo", "arguments": {"x": 1}}


class Poor(House):
    """
    A house that has more than a page of tools and no entropy, which both sessions and cursors need.
    """

    def __attrs_post_init__(self) -> None:
        super().__attrs_post_init__()
        self.offer(*[{"name": f"tool{number}"} for number in range(PAGE + 1)])

    def entropy(self, size: int) -> bytes:
        """
        Have none.
        """
        raise OSError("/dev/urandom")


class Asking(list[Any]):
    """
    Notices, at each of which something is done.
    """

    def __init__(self, do: Callable[[], None]) -> None:
        super().__init__()
        self._do = do

    def append(self, notice: Any) -> None:
        """
        Keep it, and do it.
        """
        super().append(notice)
        self._do()


class SessionTests(SynchronousTestCase):
    """
    Tests for what binds a session.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        self.house = House()
        self.session = self.house.shake()

    def test_missing(self) -> None:
        """
        A request, a notice and a DELETE without a session are refused with 400.
        """
        for way in (
            self.house.take(text("ping", {}, 1), {}),
            self.house.take(text("notifications/initialized"), {}),
            self.house.end(None),
        ):
            self.assertEqual(way.error, (400, -32600))
            self.assertEqual(way.empties, [])

    def test_unknown(self) -> None:
        """
        A session that is not there, not the caller's or not of this path is 404, and all three look the same.
        """
        said = set()
        for session, caller, path in (
            (b"unknown", "key:a", b"/mcp"),
            (self.session, "key:b", b"/mcp"),
            (self.session, "key:a", b"/mcp/p"),
        ):
            for way in (
                self.house.legacy(session, "ping", caller=caller, path=path),
                self.house.legacy(session, "notifications/initialized", id=None, caller=caller, path=path),
                self.house.end(session, caller, path),
            ):
                self.assertEqual(way.error[0], 404)
                said.add(json.dumps(way.given.message["error"]))
        self.assertEqual(len(said), 1)
        self.assertEqual(self.house.legacy(self.session, "ping").result, {})

    def test_delete(self) -> None:
        """
        Ending a session is 204, ends what runs in it with an error, and the second time it is 404.
        """
        way = self.house.legacy(self.session, "tools/call", CALL)
        other = self.house.call()
        self.assertEqual(self.house.end(self.session).empties, [204])
        self.assertEqual((way.error, len(self.house.plugin.cancelled)), ((200, Kind.NOT_FOUND.code), 1))
        self.assertEqual(other.ends, 0)
        self.assertEqual(self.house.end(self.session).error[0], 404)
        self.assertEqual(self.house.legacy(self.session, "ping").error[0], 404)

    def test_version_field(self) -> None:
        """
        A version field has to name a legacy revision, though not the agreed one; it may be missing.
        """
        for version in LEGACY_NAMES:
            fields = {b"mcp-session-id": self.session, b"mcp-protocol-version": version.encode()}
            self.assertEqual(self.house.take(text("ping", {}, 1), fields).result, {})
        fields[b"mcp-protocol-version"] = b"2024-01-01"
        for body in (text("ping", {}, 1), text("notifications/initialized")):
            self.assertEqual(self.house.take(body, fields).error, (400, -32600))

    def test_idle(self) -> None:
        """
        A session that was silent for too long is 404, so that its client begins anew.
        """
        house = House(session_limits=SessionLimits(idle=Seconds(10)))
        session = house.shake()
        house.clock.advance(11)
        self.assertEqual(house.legacy(session, "ping").error[0], 404)

    def test_independent(self) -> None:
        """
        Two clients may use the same request id at the same time, and each has its own answer.
        """
        other = self.house.shake(caller="key:b")
        first = self.house.legacy(self.session, "tools/call", CALL)
        second = self.house.legacy(other, "tools/call", CALL, caller="key:b")
        one, two = self.house.plugin.jobs
        two.answer(content=["two"])
        one.answer(content=["one"])
        self.assertEqual((first.result["content"], second.result["content"]), (["one"], ["two"]))

    def test_twice(self) -> None:
        """
        A request whose id is running already is refused; afterwards the id is free again.
        """
        self.house.legacy(self.session, "tools/call", CALL, 7)
        for method in ("tools/call", "ping"):
            self.assertEqual(self.house.legacy(self.session, method, CALL, 7).error, (400, -32600))
        self.assertEqual(self.house.legacy(self.session, "ping", {}, "7").result, {})
        self.house.plugin.job.answer(content=[])
        self.assertEqual(self.house.legacy(self.session, "ping", {}, 7).result, {})


class MethodTests(SynchronousTestCase):
    """
    Tests for what is a message, and which methods there are.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        self.house = House()
        self.session = self.house.shake()

    def test_unknown(self) -> None:
        """
        An unknown method is 404 for a modern client, but 200 for a legacy one: there 404 means the session.
        """
        for method in ("no/such", "server/discover", "tools", "subscriptions/listen", "roots/list"):
            self.assertEqual(self.house.legacy(self.session, method).error, (200, -32601), method)
        for method in ("no/such", "initialize", "ping", "logging/setLevel", "roots/list", "tools"):
            self.assertEqual(self.house.modern(method).error, (404, -32601), method)

    def test_undeclared(self) -> None:
        """
        What no plugin does is an unknown method in both eras, but for a tool: that is an unknown name.
        """
        methods = (
            (Feature.TOOLS, "tools/list"),
            (Feature.PROMPTS, "prompts/list", "prompts/get"),
            (Feature.RESOURCES, "resources/list", "resources/templates/list", "resources/read"),
            (Feature.SUBSCRIBE, "resources/subscribe", "resources/unsubscribe"),
            (Feature.COMPLETIONS, "completion/complete"),
            (Feature.LOGGING, "logging/setLevel"),
        )
        path = b"/mcp/p"
        session = self.house.shake(path=path)
        for feature, *names in methods:
            self.house.offer(features=frozenset(Feature) - {feature})
            for name in names:
                params = {METHODS[name].routed_by or "x": "y"}
                self.assertEqual(
                    self.house.legacy(session, name, params, path=path).error, (200, -32601), name
                )
                self.assertEqual(self.house.modern(name, params, path=path).error, (404, -32601), name)
            self.assertEqual(self.house.legacy(session, "ping", path=path).result, {})
            self.assertIn("result", self.house.modern("server/discover", path=path).given.message)
        self.house.offer(features=frozenset())
        for way in (
            self.house.modern("tools/call", {"name": "y"}, path=path),
            self.house.legacy(session, "tools/call", {"name": "y"}, path=path),
        ):
            self.assertEqual(way.error, (200, -32602))

    def test_nothing_yet(self) -> None:
        """
        Before there is any catalog clients can shake hands, and find that there are no tools.
        """
        self.house.router.fill({})
        self.assertFalse(self.house.router.serves(b"/mcp"))
        self.assertEqual(self.house.modern("tools/list").result["tools"], [])
        session = self.house.shake()
        self.assertEqual(self.house.legacy(session, "tools/list").result, {"tools": []})
        self.assertEqual(self.house.legacy(session, "prompts/list").error, (200, -32601))

    def test_paths(self) -> None:
        """
        There is something at the common path and at that of each plugin, and nothing elsewhere.
        """
        for path, there in ((b"/mcp", True), (b"/mcp/p", True), (b"/mcp/q", False), (b"/", False)):
            self.assertEqual(self.house.router.serves(path), there, path)

    def test_notices(self) -> None:
        """
        A notice is taken with 202 and nothing else, even a useless one.
        """
        for method in ("notifications/initialized", "notifications/x", "tools/call", "initialize"):
            for way in (
                self.house.legacy(self.session, method, None, None),
                self.house.modern(method, None, None),
            ):
                self.assertEqual((way.empties, way.answers), ([202], []), method)
        self.assertEqual(self.house.plugin.jobs, [])

    def test_bad_notice(self) -> None:
        """
        A notice that its fields contradict, or whose ``_meta`` can't be read, is refused, without an id.
        """
        body = text("notifications/cancelled", {"_meta": ENVELOPE})
        for way, code in (
            (self.house.take(body, {b"mcp-method": b"notifications/x"}), -32020),
            (
                self.house.take(text("notifications/x", {"_meta": 5}), {b"mcp-session-id": self.session}),
                -32602,
            ),
        ):
            self.assertEqual(way.error, (400, code))
            self.assertNotIn("id", way.given.message)
            self.assertEqual(way.empties, [])

    def test_not_messages(self) -> None:
        """
        Answers and what is no message at all are refused with 400 in both eras.
        """
        for body, code in (
            (b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600),
            (b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', -32600),
            (b"[]", -32600),
            (b"", -32700),
            (b"{", -32700),
            (b"5", -32600),
            (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600),
        ):
            for fields in ({b"mcp-session-id": self.session}, {b"mcp-protocol-version": b"2026-07-28"}, {}):
                self.assertEqual(self.house.take(body, fields).error, (400, code), body)

    def test_salvaged(self) -> None:
        """
        An error about a message that could not be read has its id, where there was one.
        """
        for body, id in (
            (b'{"jsonrpc":"1.0","id":"x","method":"ping"}', "x"),
            (b'{"id":7}', 7),
            (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":[]}', 7),
        ):
            self.assertEqual(self.house.take(body, {}).given.message["id"], id)
        for body in (b"{", b'{"jsonrpc":"1.0","id":null,"method":"ping"}', b"[]"):
            self.assertNotIn("id", self.house.take(body, {}).given.message)

    def test_incident(self) -> None:
        """
        An exception before any call is an incident, and its client has an error with the number.
        """
        house = Poor()
        for way in (
            house.take(text("initialize", {"protocolVersion": "2025-11-25"}, 1), {}),
            house.modern("tools/list"),
        ):
            self.assertEqual(way.error, (200, -32603))
            self.assertEqual(way.given.message["id"], 1)
            self.assertEqual(way.given.message["error"]["data"], {"requestId": "REQUEST"})
        self.assertEqual([type(event) for event in house.events], [Incident, Incident])


class BatchTests(SynchronousTestCase):
    """
    Tests for batches, which one revision has.
    """

    def setUp(self) -> None:
        """
        Have a session of that revision.
        """
        self.house = House()
        self.plugin = self.house.plugin
        self.session = self.house.shake("2025-03-26")

    def test_answers(self) -> None:
        """
        A batch is answered by one array with an answer to each request, whenever the plugin gave them.
        """
        way = self.house.batch(
            self.session,
            message("tools/call", CALL, "a"),
            message("notifications/initialized"),
            message("ping", {}, 2),
            message("no/such", {}, 3),
            message("tools/call", CALL, "b"),
        )
        for number in (1, 0):
            self.assertEqual(way.answers, [])
            self.plugin.jobs[number].answer(content=[number])
        a, ping, unknown, b = way.given.message
        self.assertEqual((a["id"], a["result"]["content"]), ("a", [0]))
        self.assertEqual((b["id"], b["result"]["content"]), ("b", [1]))
        self.assertEqual((ping["result"], unknown["error"]["code"]), ({}, -32601))
        self.assertEqual((way.given.status, self.house.running), (200, 0))

    def test_notices(self) -> None:
        """
        A batch of notices alone is taken with 202 and nothing else.
        """
        way = self.house.batch(self.session, *[message("notifications/initialized")] * 3)
        self.assertEqual((way.empties, way.answers), ([202], []))

    def test_not_here(self) -> None:
        """
        Every other revision, and who has no session, is refused a batch as a whole.
        """
        ping = message("ping", {}, 1)
        for version in LEGACY_NAMES:
            if version != "2025-03-26":
                session = self.house.shake(version)
                self.assertEqual(self.house.batch(session, ping, ping).error, (400, -32600), version)
        body = json.dumps([ping]).encode()
        self.assertEqual(self.house.take(body, {}).error, (400, -32600))
        self.assertEqual(self.house.take(body).error, (400, -32600))
        self.assertEqual(self.house.batch(b"unknown", ping).error[0], 404)
        self.assertEqual(self.house.batch(self.session, ping, caller="key:b").error[0], 404)

    def test_modern(self) -> None:
        """
        A batch that claims another revision by its field is refused, though its session would allow it.
        """
        listing = message("tools/list", {"_meta": ENVELOPE}, 1)
        for version, code in ((b"2026-07-28", -32600), (b"2099-01-01", -32600)):
            fields = {
                b"mcp-session-id": self.session,
                b"mcp-protocol-version": version,
                b"mcp-method": b"tools/list",
            }
            self.assertEqual(self.house.take(json.dumps([listing]).encode(), fields).error, (400, code))
        (answer,) = self.house.batch(self.session, listing).given.message
        self.assertEqual(answer["error"]["code"], Kind.HEADER_MISMATCH.code)

    def test_initialize(self) -> None:
        """
        A handshake can't be part of a batch: it is refused, and the rest is answered.
        """
        hello = message("initialize", {"protocolVersion": "2025-03-26"}, 1)
        sessions = len(self.house.sessions)
        refused, ping = self.house.batch(self.session, hello, message("ping", {}, 2)).given.message
        self.assertEqual((refused["id"], refused["error"]["code"]), (1, -32600))
        self.assertEqual((ping["id"], ping["result"]), (2, {}))
        self.assertEqual(len(self.house.sessions), sessions)

    def test_bad_items(self) -> None:
        """
        What is no message is refused by itself, and the rest is answered.
        """
        bad: tuple[Any, ...] = (5, None, {}, [], [[]], {"jsonrpc": "2.0", "id": 9, "result": {}})
        answers = self.house.batch(self.session, *bad, message("ping", {}, 1)).given.message
        self.assertEqual(
            [answer.get("error", {}).get("code") for answer in answers], [-32600] * len(bad) + [None]
        )
        for body in (b"[]", b"[%b1]" % (b"1," * 100), b"[1,]"):
            self.assertEqual(self.house.take(body, {b"mcp-session-id": self.session}).error[0], 400)

    def test_twice(self) -> None:
        """
        An id that runs already is refused, within a batch as besides it.
        """
        way = self.house.batch(self.session, message("tools/call", CALL, 1), message("tools/call", CALL, 1))
        again = self.house.batch(self.session, message("ping", {}, 1))
        self.assertEqual(again.given.message[0]["error"]["code"], -32600)
        self.plugin.job.answer(content=[])
        answered, refused = way.given.message
        self.assertEqual((answered["result"]["content"], refused["error"]["code"]), ([], -32600))

    def test_cancel(self) -> None:
        """
        A request of a batch can be cancelled by itself: it has no answer, and the others have theirs.
        """
        way = self.house.batch(self.session, message("tools/call", CALL, 1), message("tools/call", CALL, 2))
        self.house.legacy(self.session, "notifications/cancelled", {"requestId": 1}, None)
        self.plugin.jobs[1].answer(content=["two"])
        (answer,) = way.given.message
        self.assertEqual((answer["id"], self.plugin.cancelled), (2, self.plugin.jobs[:1]))

    def test_cancel_all(self) -> None:
        """
        A batch that cancels itself says nothing.
        """
        way = self.house.batch(
            self.session,
            message("tools/call", CALL, 1),
            message("notifications/cancelled", {"requestId": 1}),
        )
        self.assertEqual((way.answers, way.empties, self.house.running), ([], [202], 0))

    def test_stream(self) -> None:
        """
        With the first progress the answer becomes one stream, on which each answer comes by itself.
        """
        call = {**CALL, "_meta": {"progressToken": "t"}}
        way = self.house.batch(
            self.session,
            message("ping", {}, 1),
            message("tools/call", call, 2),
            message("tools/call", CALL, 3),
        )
        self.plugin.jobs[0].notice(progress=1)
        ping, progress = way.notices
        self.assertEqual((ping["id"], progress["params"]["progressToken"]), (1, "t"))
        self.plugin.jobs[1].answer(content=[])
        self.assertEqual((way.notices[2]["id"], way.answers), (3, []))
        self.plugin.jobs[0].answer(content=[])
        self.assertEqual(way.given.message["id"], 2)
        # Its items have no streams besides it.
        self.assertEqual({mark.partition(b"-")[0] for mark in way.marks}, {b"1"})
        self.assertEqual(self.house.listen(self.session, b"2-0").error, (400, Kind.BAD_REQUEST.code))

    def test_cut(self) -> None:
        """
        A batch whose stream is cut goes on, and its client finds on return what it missed.
        """
        call = {**CALL, "_meta": {"progressToken": "t"}}
        way = self.house.batch(self.session, message("tools/call", call, 1), message("tools/call", CALL, 2))
        self.plugin.jobs[0].notice(progress=1)
        way.hang_up()
        for job in self.plugin.jobs:
            job.answer(content=[])
        self.assertEqual((self.plugin.cancelled, way.answers), ([], []))
        back = self.house.listen(self.session, way.marks[-1])
        self.assertEqual([notice["id"] for notice in back.notices], [1])
        self.assertEqual(back.given.message["id"], 2)

    def test_hang_up(self) -> None:
        """
        A client that leaves a batch without a stream has not cancelled; what was asked goes on.
        """
        way = self.house.batch(self.session, message("tools/call", CALL, 1), message("tools/call", CALL, 2))
        way.hang_up()
        self.assertEqual((self.plugin.cancelled, self.house.running), ([], 2))
        for job in self.plugin.jobs:
            job.answer(content=[])
        self.assertEqual(self.house.running, 0)

    def test_delete(self) -> None:
        """
        A batch ends with its session, and each of its requests is told.
        """
        way = self.house.batch(self.session, message("tools/call", CALL, 1), message("tools/call", CALL, 2))
        self.house.end(self.session)
        self.assertEqual((len(self.plugin.cancelled), self.house.running), (2, 0))
        codes = [answer["error"]["code"] for answer in way.given.message]
        self.assertEqual(codes, [Kind.NOT_FOUND.code] * 2)


class ListenTests(SynchronousTestCase):
    """
    Tests for the streams that legacy clients open by GET.
    """

    def setUp(self) -> None:
        """
        Have a session whose client is ready.
        """
        self.house = House()
        self.plugin = self.house.plugin
        self.session = self.shake()

    def shake(self, version: str = "2025-11-25", **rest: Any) -> bytes:
        """
        Make a session whose client is ready.
        """
        session = self.house.shake(version, **rest)
        self.house.legacy(session, "notifications/initialized", None, None, **rest)
        return session

    def change(self, *definitions: dict[str, Any]) -> None:
        """
        Have the plugin's tools change, and its clients told.
        """
        self.house.offer(*definitions)
        self.house.clock.advance(0)

    def test_stand(self) -> None:
        """
        A client that listens has a stream at once, is told there of changes, and an answer never comes there.
        """
        way = self.house.listen(self.session)
        self.assertEqual((way.opened, way.answers, way.notices), (True, [], []))
        self.house.legacy(self.session, "tools/call", {**CALL, "_meta": {"progressToken": 1}})
        self.plugin.job.notice(progress=1)
        self.plugin.job.answer(content=[])
        self.change({"name": "new"})
        self.assertEqual([notice["method"] for notice in way.notices], ["notifications/tools/list_changed"])
        self.assertEqual((way.answers, way.ends), ([], 0))

    def test_kept(self) -> None:
        """
        What changes while nobody listens is told to who comes, once.
        """
        self.change({"name": "new"})
        self.change({"name": "newer"})
        way = self.house.listen(self.session)
        self.assertEqual([notice["method"] for notice in way.notices], ["notifications/tools/list_changed"])

    def test_resume(self) -> None:
        """
        A client that comes back to its stream is told what it missed, and nothing twice.
        """
        for version in ("2025-03-26", "2025-06-18", "2025-11-25"):
            session = self.shake(version)
            way = self.house.listen(session)
            self.change({"name": f"one{version}"})
            way.hang_up()
            self.change({"name": f"two{version}"})
            back = self.house.listen(session, way.marks[-1])
            self.assertEqual((back.opened, len(back.notices)), (True, 1), version)
            again = self.house.listen(session, back.marks[-1])
            self.assertEqual((again.notices, back.ends), ([], 1), version)

    def test_second(self) -> None:
        """
        A second GET takes the place of the first, which ends.
        """
        one = self.house.listen(self.session)
        two = self.house.listen(self.session)
        self.change({"name": "new"})
        self.assertEqual((one.ends, one.notices, len(two.notices), two.ends), (1, [], 1, 0))

    def test_unknown_mark(self) -> None:
        """
        An event that never was, or of another's stream, is refused with 400.
        """
        way = self.house.listen(self.session)
        self.change({"name": "new"})
        (mark,) = {*way.marks} - {b""}
        for session, last in (
            (self.session, b"x"),
            (self.session, b"9-9"),
            (self.session, b"0-99"),
            (self.shake(), mark),
            (self.shake("2024-11-05"), mark),
        ):
            self.assertEqual(
                self.house.listen(session, last).error, (400, Kind.BAD_REQUEST.code), (session, last)
            )
        self.assertEqual(way.ends, 0)

    def test_no_session(self) -> None:
        """
        Without a session there is no stream: 400, and 404 where it is unknown, another's or of another path.
        """
        self.assertEqual(self.house.listen(None).error, (400, -32600))
        self.assertEqual(self.house.listen(None, b"0-0").error, (400, -32600))
        for way in (
            self.house.listen(b"unknown"),
            self.house.listen(self.session, caller="key:b"),
            self.house.listen(self.session, path=b"/mcp/p"),
            self.house.listen(self.session, b"0-0", caller="key:b"),
        ):
            self.assertEqual(way.error[0], 404)

    def test_room(self) -> None:
        """
        Streams of one principal are bounded; who comes again to a session takes over and is let in.
        """
        house = House(limits=Limits(streams_per_principal=1))
        one, two = house.shake(), house.shake()
        self.assertTrue(house.router.enter(post(one)))
        house.listen(one)
        self.assertTrue(house.router.enter(post(one)))
        for session in (two, b"unknown", None):
            self.assertFalse(house.router.enter(post(session)))
        self.assertFalse(house.router.enter(Post("key:a", b"/mcp", None, Way())))
        self.assertTrue(house.router.enter(post(house.shake(caller="key:b"), "key:b")))
        for _ in range(2):
            house.router.leave("key:a")
        self.assertTrue(house.router.enter(post(two)))

    def test_delete(self) -> None:
        """
        With the session its stream ends.
        """
        way = self.house.listen(self.session)
        self.assertEqual(self.house.end(self.session).empties, [204])
        self.assertTrue(way.ends)
        self.assertEqual(way.answers, [])


class LimitTests(SynchronousTestCase):
    """
    Tests for limits that are changed while clients are served.
    """

    def setUp(self) -> None:
        """
        Have a house that is held to its defaults.
        """
        self.house = House()

    def limit(
        self,
        sessions: SessionLimits = SessionLimits(),  # noqa: B008  it is frozen
        catalog: CatalogLimits = CatalogLimits(page=PAGE),  # noqa: B008
        **limits: Any,
    ) -> None:
        """
        Hold clients to other limits.
        """
        self.house.router.limit(Limits(**limits), sessions, catalog)

    def test_messages(self) -> None:
        """
        What is too long for a request is judged by the new limits from the next request on.
        """
        name, uri = {"name": "p__echo"}, {"uri": "x://abc"}
        asked: tuple[Callable[[], Way], ...] = (
            lambda: self.house.modern("ping", id="abcdef"),
            lambda: self.house.modern("tools/list"),
            lambda: self.house.modern("tools/list", {"_meta": {"x": "y" * 200}}),
            lambda: self.house.modern("tools/call", name),
            lambda: self.house.modern("resources/read", uri),
        )
        limited: tuple[dict[str, Any], ...] = (
            {"id": 4},
            {"method": 4},
            {"meta": 200},
            {"name": 4},
            {"uri": 4},
        )
        codes = (Kind.INVALID, Kind.INVALID, Kind.PARAMS, Kind.PARAMS, Kind.PARAMS)
        for ask, limits, code in zip(asked, limited, codes, strict=True):
            self.limit()
            before = ask()
            self.limit(**limits)
            after = ask()
            self.assertEqual(after.error[1], code.code, limits)
            self.assertNotIn(after.given.message["error"]["message"], str(before.answers), limits)

    def test_calls(self) -> None:
        """
        What runs goes on where there is less room now, and more room is used at once.
        """
        running = [self.house.call(id) for id in (1, 2)]
        self.limit(inflight_per_principal=1)
        self.assertEqual(self.house.call(3).error, (503, Kind.OVERLOADED.code))
        self.limit(inflight=2)
        self.assertEqual(self.house.call(3, caller="key:b").error, (503, Kind.OVERLOADED.code))
        self.limit()
        self.assertEqual(self.house.call(3).answers, [])
        for job in self.house.plugin.jobs:
            job.answer(content=[])
        self.assertEqual([way.result["content"] for way in running], [[], []])

    def test_streams(self) -> None:
        """
        A principal's streams stay, and the next one finds the new bound.
        """
        listen = {"notifications": {"toolsListChanged": True}}
        first = self.house.modern("subscriptions/listen", listen)
        self.limit(streams_per_principal=1)
        self.assertEqual(self.house.modern("subscriptions/listen", listen, 2).error[1], Kind.OVERLOADED.code)
        self.assertFalse(first.ends)
        self.limit(streams_per_principal=2)
        self.assertEqual(self.house.modern("subscriptions/listen", listen, 3).answers, [])

    def test_sessions(self) -> None:
        """
        Sessions are judged by the new limits, those that stand included, but none ends at once.
        """
        session, second = self.house.shake(), self.house.shake()
        self.limit(SessionLimits(idle=Seconds(10), total=2, replay_total=Bytes(7), poll=Wait(1)))
        self.assertEqual((len(self.house.sessions), self.house.sessions.account.most), (2, 7))
        self.house.shake()
        self.assertEqual(self.house.legacy(session, "ping").error[0], 404)
        way = self.house.legacy(second, "tools/call", CALL)
        self.house.clock.advance(1)
        self.assertTrue(way.ends)
        self.house.plugin.job.answer(content=[])
        self.house.clock.advance(11)
        self.house.sessions.sweep()
        self.assertEqual(len(self.house.sessions), 0)

    def test_lists(self) -> None:
        """
        Lists may be kept as long, cursors are as long, and as many links are remembered as is said now.
        """
        self.house.offer(*[{"name": f"tool{number}"} for number in range(PAGE + 1)])
        cursor = self.house.modern("tools/list").result["nextCursor"]
        self.limit(cursor=Bytes(len(cursor) - 1), catalog=CatalogLimits(ttl=Wait(2.5), links=1))
        self.assertEqual(self.house.modern("tools/list").result["ttlMs"], 2500)
        self.assertEqual(self.house.modern("tools/list", {"cursor": cursor}).error[1], Kind.PARAMS.code)
        self.limit()
        self.assertEqual(len(self.house.modern("tools/list", {"cursor": cursor}).result["tools"]), 1)
        self.assertEqual(self.house.modern("tools/list").result["ttlMs"], 0)

    def test_links(self) -> None:
        """
        The memory of what plugins mentioned is as large as is said now.
        """
        self.limit(catalog=CatalogLimits(links=1))
        self.house.call()
        mentioned = [{"type": "resource_link", "uri": f"x://{name}", "name": name} for name in "ab"]
        self.house.plugin.job.answer(content=mentioned)
        self.assertEqual(self.house.modern("resources/read", {"uri": "x://a"}).error[1], Kind.PARAMS.code)
        self.assertEqual(self.house.modern("resources/read", {"uri": "x://b"}).answers, [])


class ExpelTests(SynchronousTestCase):
    """
    Tests for principals whose credentials open nothing any more.
    """

    def test_everything(self) -> None:
        """
        Their session, streams and calls end, each told in its era, and nobody else notices.
        """
        house = House()
        wanted = {"notifications": {"toolsListChanged": True}}
        ways, sessions = [], []
        for caller in ("key:a", "key:b"):
            session = house.shake(caller=caller)
            sessions.append(session)
            ways.append(
                [
                    house.legacy(session, "tools/call", CALL, caller=caller),
                    house.listen(session, caller=caller),
                    house.call(caller=caller),
                    house.modern("subscriptions/listen", wanted, 9, caller=caller),
                ]
            )
        house.router.expel("key:a")
        over = [[bool(way.answers or way.ends) for way in each] for each in ways]
        self.assertEqual(over, [[True] * 4, [False] * 4])
        self.assertEqual(ways[0][2].error, (401, Kind.UNAUTHORIZED.code))
        self.assertEqual(len(house.plugin.cancelled), 2)
        self.assertEqual(house.legacy(sessions[0], "ping").error[0], 404)
        self.assertEqual(house.legacy(sessions[1], "ping", id=5, caller="key:b").result, {})

    def test_nothing(self) -> None:
        """
        Who has nothing here is sent away all the same.
        """
        house = House()
        house.call()
        house.router.expel("key:z")
        self.assertEqual(house.running, 1)


class ChangeTests(SynchronousTestCase):
    """
    Tests for who is told that a list is another one.
    """

    def setUp(self) -> None:
        """
        Have two plugins, and somebody of each era who listens at every path.
        """
        self.house = House()
        self.plugin, self.other = self.house.plugin, Plugin()
        self.serve()
        self.ways: dict[tuple[str, bytes], Way] = {}
        for path in (b"/mcp", b"/mcp/p", b"/mcp/q"):
            session = self.house.shake(path=path)
            self.house.legacy(session, "notifications/initialized", None, None, path=path)
            self.ways["legacy", path] = self.house.listen(session, path=path)
            wanted = dict.fromkeys(("toolsListChanged", "promptsListChanged", "resourcesListChanged"), True)
            way = self.house.modern("subscriptions/listen", {"notifications": wanted}, path=path)
            way.notices.clear()
            self.ways["modern", path] = way

    def serve(self, **offered: Any) -> None:
        """
        Serve both, the second with what it offers.
        """
        self.house.serve(self.first, stock("q", self.other, **offered))
        self.house.clock.advance(0)

    @property
    def first(self) -> Stock:
        """
        The first plugin's stock, which never changes.
        """
        return stock("p", self.plugin)

    def told(self) -> dict[str, list[str]]:
        """
        Tell what was told since, by path; each the same in both eras.
        """
        told = {}
        for path in (b"/mcp", b"/mcp/p", b"/mcp/q"):
            legacy, modern = (
                [notice["method"] for notice in self.ways[era, path].notices] for era in ("legacy", "modern")
            )
            self.assertEqual(legacy, modern, path)
            if legacy:
                told[path.decode()] = legacy
        for way in self.ways.values():
            way.notices.clear()
        return told

    def test_change(self) -> None:
        """
        A change is told, in both eras, to those who see it and nobody else, once for templates and resources.
        """
        tools, prompts, resources = (
            f"notifications/{name}/list_changed" for name in ("tools", "prompts", "resources")
        )
        for offered, method in (
            ({"definitions": [{"name": "new"}]}, tools),
            ({"definitions": [{"name": "new", "description": "x"}]}, tools),
            ({"definitions": [{"name": "new"}], "prompts": (prompt("greet"),)}, None),
        ):
            self.serve(**offered)
            both = [method] if method else [tools, prompts]
            self.assertEqual(self.told(), {"/mcp": both, "/mcp/q": both})
        rest = {"definitions": [{"name": "new"}], "prompts": (prompt("greet"),)}
        self.serve(**rest, resources=(resource("x://a"),), templates=(template("y://{id}"),))
        self.assertEqual(self.told(), {"/mcp": [resources], "/mcp/q": [resources]})

    def test_no_change(self) -> None:
        """
        Nobody is told of a list that is the same, though its plugin was started anew.
        """
        self.serve()
        self.assertEqual(self.told(), {})

    def test_hidden(self) -> None:
        """
        A change that only the plugin's own path shows is told there alone.
        """
        both = (resource("x://a"),)
        # The first has the URI, and the second goes on to serve its own.
        for second in (both, (resource("x://a", title="another"),)):
            told = self.told()
            self.house.serve(
                stock("p", self.plugin, resources=both), stock("q", self.other, resources=second)
            )
            self.house.clock.advance(0)
        self.assertEqual(set(told), {"/mcp", "/mcp/p", "/mcp/q"})
        self.assertEqual(self.told(), {"/mcp/q": ["notifications/resources/list_changed"]})

    def test_new_list(self) -> None:
        """
        Who is told of a change and asks at once is given the new list.
        """
        found: list[Any] = []
        way = self.house.modern("subscriptions/listen", {"notifications": {"toolsListChanged": True}})
        notices = Asking(lambda: found.append(self.house.modern("tools/list").result["tools"][-1]["name"]))
        way.notices = notices
        self.serve(definitions=[{"name": "new"}])
        self.assertEqual(found, ["q__new"])
