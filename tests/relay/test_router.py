# -*- test-case-name: tests.relay.test_router -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.router`.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred, fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from mcpd import __version__
from mcpd.events import Incident
from mcpd.relay.spec import SessionLimits
from mcpd.testing.client import text
from mcpd.units import Seconds
from mcpd.web.spec import Limits
from mcpd.wire.call import Call
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.wire.revision import LEGACY_NAMES
from tests.relay.stage import (
    ENVELOPE,
    SERVER_INFO,
    TOOLS,
    House,
    Plugin,
    Way,
    catalog,
    members,
)

OURS = {"name": "mcpd", "title": "mcpd", "version": __version__}
SECRET = "/srv/secret"
CALL = {"name": "p__echo", "arguments": {"x": 1}}


class HandshakeTests(SynchronousTestCase):
    """
    Tests for ``initialize`` and what it makes.
    """

    def setUp(self) -> None:
        """
        Have a house.
        """
        self.house = House()

    def initialize(self, **params: Any) -> Way:
        """
        Shake hands with these parameters.
        """
        return self.house.take(text("initialize", params, "i"), {})

    def test_result(self) -> None:
        """
        A client that shakes hands is told the revision, what there is and who we are, and nothing modern.
        """
        way = self.initialize(protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "x"})
        self.assertEqual(
            way.result, {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}}, "serverInfo": OURS}
        )
        self.assertEqual(way.given.status, 200)

    def test_negotiation(self) -> None:
        """
        A legacy version is agreed to; any other is answered with the newest legacy one.
        """
        for version in LEGACY_NAMES:
            self.assertEqual(self.initialize(protocolVersion=version).result["protocolVersion"], version)
        for version in ("2026-07-28", "2099-01-01", "1.0.0", "", "2025-11-25 "):
            way = self.initialize(protocolVersion=version)
            self.assertEqual(way.result["protocolVersion"], "2025-11-25", version)

    def test_version_missing(self) -> None:
        """
        A handshake without a version is refused, and makes no session.
        """
        values: tuple[Any, ...] = ({}, {"protocolVersion": None}, {"protocolVersion": 20251125})
        for params in values:
            self.assertEqual(self.initialize(**params).error, (200, -32602))
        self.assertEqual(len(self.house.sessions), 0)

    def test_instructions(self) -> None:
        """
        What plugins tell models about themselves is told in the handshake and by discover.
        """
        self.house.router.catalog = catalog(self.house.plugin, instructions="Ask.")
        way = self.initialize(protocolVersion="2025-11-25")
        self.assertEqual(way.result["instructions"], "# p\n\nAsk.")
        self.assertEqual(self.house.modern("server/discover").result["instructions"], "# p\n\nAsk.")

    def test_fixation(self) -> None:
        """
        A session's id is always ours: one that a client brings along is not taken over.
        """
        body = text("initialize", {"protocolVersion": "2025-11-25"}, 1)
        way = self.house.take(body, {b"mcp-session-id": b"mine"})
        ((_, session),) = way.given.fields
        self.assertNotEqual(session, b"mine")
        self.assertEqual(self.house.legacy(b"mine", "ping").error[0], 404)

    def test_no_door(self) -> None:
        """
        Where the door has no header fields a legacy client has no session.
        """
        self.assertEqual(self.house.take(text("ping", {}, 1)).error, (400, -32600))
        self.assertEqual(self.house.take(text("notifications/initialized")).error, (400, -32600))
        self.assertIn("result", self.house.take(text("tools/list", {"_meta": ENVELOPE}, 1)).given.message)


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
        Ending a session is 204, cancels what runs in it without an answer, and the second time it is 404.
        """
        way = self.house.legacy(self.session, "tools/call", CALL)
        other = self.house.call()
        self.assertEqual(self.house.end(self.session).empties, [204])
        self.assertEqual((way.answers, way.ends, len(self.house.plugin.cancelled)), ([], 1, 1))
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
    Tests for what is answered without a plugin.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        self.house = House()
        self.session = self.house.shake()

    def test_ping(self) -> None:
        """
        A ping's result is exactly an empty object.
        """
        way = self.house.legacy(self.session, "ping", None, "x")
        self.assertEqual(way.given.message, {"jsonrpc": "2.0", "id": "x", "result": {}})

    def test_unknown(self) -> None:
        """
        An unknown method is 404 for a modern client, but 200 for a legacy one: there 404 means the session.
        """
        for method in ("no/such", "server/discover", "resources/list", "tools", "subscriptions/listen"):
            self.assertEqual(self.house.legacy(self.session, method).error, (200, -32601), method)
        for method in ("no/such", "initialize", "ping", "prompts/list", "subscriptions/listen", "roots/list"):
            self.assertEqual(self.house.modern(method).error, (404, -32601), method)

    def test_list(self) -> None:
        """
        Both eras are given the tools, and each the members that it knows.
        """
        tools = [{**definition, "name": f"p__{definition['name']}"} for definition in TOOLS]
        self.assertEqual(self.house.legacy(self.session, "tools/list").result, {"tools": tools})
        expected = {"resultType": "complete", "tools": tools, "ttlMs": 0, "cacheScope": "private"}
        way = self.house.modern("tools/list")
        self.assertEqual(way.result, expected | {"_meta": {SERVER_INFO: OURS}})

    def test_discover(self) -> None:
        """
        Discover tells the modern revisions alone, what there is and who we are.
        """
        result = self.house.modern("server/discover").result
        self.assertEqual(result.pop("_meta"), {SERVER_INFO: OURS})
        self.assertEqual(
            result,
            {
                "resultType": "complete",
                "supportedVersions": ["2026-07-28"],
                "capabilities": {"tools": {}},
                "ttlMs": 0,
                "cacheScope": "private",
            },
        )

    def test_public(self) -> None:
        """
        Lists may be kept for everybody where nobody needs credentials.
        """
        self.house.router.private = False
        self.assertEqual(self.house.modern("tools/list").result["cacheScope"], "public")
        self.assertEqual(self.house.modern("server/discover").result["cacheScope"], "public")

    def test_cursor(self) -> None:
        """
        A cursor, which can't be ours, is refused in both eras; even an empty one.
        """
        for cursor in ("", "x", 5):
            self.assertEqual(
                self.house.legacy(self.session, "tools/list", {"cursor": cursor}).error, (200, -32602)
            )
            self.assertEqual(self.house.modern("tools/list", {"cursor": cursor}).error, (200, -32602))

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
        Answers, batches and what is no message at all are refused with 400 in both eras.
        """
        ping = text("ping", {}, 1)
        for body, code in (
            (b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600),
            (b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', -32600),
            (b"[%b]" % ping, -32600),
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


class CallTests(SynchronousTestCase):
    """
    Tests for calls of tools.
    """

    def setUp(self) -> None:
        """
        Have a session.
        """
        self.house = House()
        self.plugin = self.house.plugin
        self.session = self.house.shake()

    def asked(self, era: str, params: Any, id: int | str = 1) -> Way:
        """
        Ask for a call in one of the eras.
        """
        if era == "modern":
            return self.house.modern("tools/call", params, id)
        return self.house.legacy(self.session, "tools/call", params, id)

    def test_down(self) -> None:
        """
        The plugin is given its own name for the tool and the arguments as they came, without ``_meta``.
        """
        body = text("tools/call", {"_meta": ENVELOPE, "name": "p__add"}, 1)
        body = body[:-2] + b', "arguments": {"x": 1.50, "y":[ ]}, "more": 1}}'
        fields = {
            b"mcp-protocol-version": b"2026-07-28",
            b"mcp-method": b"tools/call",
            b"mcp-name": b"p__add",
        }
        self.house.take(body, fields)
        call = self.plugin.job.call
        self.assertEqual(call.method, "tools/call")
        given = {name: bytes(value) for name, value in call.params.items()}
        self.assertEqual(given, {"name": b'"add"', "arguments": b'{"x": 1.50, "y":[ ]}', "more": b"1"})
        self.assertEqual((dict(call.meta), call.progress), ({}, False))

    def test_meta(self) -> None:
        """
        Trace context and what only the two ends know reach the plugin, our hop's own members do not.
        """
        for era in ("legacy", "modern"):
            params = {**CALL, "_meta": {"traceparent": "00-1", "progressToken": 5, "example.org/x": [1]}}
            self.asked(era, params)
            call = self.plugin.jobs[-1].call
            self.assertEqual(set(call.meta), {"traceparent", "example.org/x"})
            self.assertTrue(call.progress)
            self.assertNotIn("_meta", call.params)

    def test_up(self) -> None:
        """
        What the plugin answers reaches clients of both eras under the ids that they gave.
        """
        for era in ("legacy", "modern"):
            for id in (0, "0", -5, "é"):
                way = self.asked(era, CALL, id)
                self.plugin.jobs[-1].answer(content=[id])
                self.assertEqual((way.given.message["id"], way.result["content"]), (id, [id]))
                self.assertEqual("resultType" in way.result, era == "modern")
        self.assertEqual(self.house.router.running, 0)

    def test_no_arguments(self) -> None:
        """
        A call needs no arguments.
        """
        for era in ("legacy", "modern"):
            self.asked(era, {"name": "p__echo"})
            self.assertNotIn("arguments", self.plugin.jobs[-1].call.params)

    def test_written(self) -> None:
        """
        A tool is found however the JSON of its name is written.
        """
        for name in (b'"p__echo"', b'"p__\\u0065cho"', b'"\\u0070__echo"'):
            body = text("tools/call", {"name": "NAME"}, 1).replace(b'"NAME"', name)
            way = self.house.take(body, {b"mcp-session-id": self.session})
            self.plugin.jobs[-1].answer(content=[])
            self.assertEqual(way.result["content"], [])

    def test_bad_params(self) -> None:
        """
        An unknown name, and arguments that are no object, are refused in band before a plugin hears of them.
        """
        bad: tuple[Any, ...] = (
            {"name": "echo"},
            {"name": "p__Echo"},
            {"name": ""},
            {"name": "x" * 129},
            {"name": "p__echo", "arguments": None},
            {"name": "p__echo", "arguments": []},
            {"name": "p__echo", "arguments": "{}"},
            {"name": "p__echo", "arguments": 0},
        )
        for params in bad:
            for era in ("legacy", "modern"):
                self.assertEqual(self.asked(era, params).error, (200, -32602), params)
        for params in ({}, {"name": 5}, {"name": None}):
            self.assertEqual(self.asked("legacy", params).error, (200, -32602), params)
        message = self.asked("modern", {"name": "x" * 255}).given.message
        self.assertIn("at most 256", message["error"]["message"])
        tokens: tuple[Any, ...] = (None, True, {}, [])
        for token in tokens:
            meta = {"_meta": {"progressToken": token}}
            self.assertEqual(self.asked("legacy", {**CALL, **meta}).error, (200, -32602), token)
            self.assertEqual(self.asked("modern", {**CALL, **meta}).error, (400, -32602), token)
        self.assertEqual((self.plugin.jobs, self.house.router.running), ([], 0))

    def test_progress(self) -> None:
        """
        Progress comes before the answer, with the token that the client gave in its JSON type.
        """
        for era in ("legacy", "modern"):
            for token in (0, "0", 7, "t"):
                way = self.asked(era, {**CALL, "_meta": {"progressToken": token}})
                job = self.plugin.jobs[-1]
                job.notice(progress=1, total=2)
                self.assertEqual(way.answers, [])
                job.answer(content=[])
                params = {"progressToken": token, "progress": 1, "total": 2}
                self.assertEqual([notice["params"] for notice in way.notices], [params])
                self.assertIs(type(way.notices[0]["params"]["progressToken"]), type(token))

    def test_no_progress(self) -> None:
        """
        Who gave no token hears of no progress.
        """
        way = self.asked("modern", CALL)
        self.plugin.job.notice(progress=1)
        self.assertEqual(way.notices, [])

    def test_errors(self) -> None:
        """
        A plugin's error reaches each client as one of its era, with the client's id.
        """
        self.plugin.plan = lambda call: succeed(Refusal(b"1", -32002, "not found", None))
        self.assertEqual(self.asked("legacy", CALL).error, (200, -32002))
        self.assertEqual(self.asked("modern", CALL).error, (200, -32602))

    def test_faults(self) -> None:
        """
        A plugin that is gone or too slow is an error in band in both eras.
        """
        for kind in (Kind.PLUGIN_GONE, Kind.PLUGIN_UNAVAILABLE, Kind.DEADLINE):
            fault = Fault(kind, "x", {"retryAfterMs": 5})
            self.plugin.plan = lambda call, fault=fault: fail(fault)
            for era in ("legacy", "modern"):
                way = self.asked(era, CALL)
                self.assertEqual(way.error, (200, kind.code))
                self.assertEqual(
                    way.given.message["error"]["data"], {"retryAfterMs": 5, "requestId": "REQUEST"}
                )

    def test_new_catalog(self) -> None:
        """
        A call that runs is answered even if its tool is gone meanwhile; the next one is refused.
        """
        way = self.asked("modern", CALL)
        self.house.router.catalog = catalog(self.plugin, TOOLS[1:])
        self.assertEqual(self.asked("modern", CALL).error, (200, -32602))
        self.plugin.job.answer(content=[])
        self.assertEqual(way.result["content"], [])


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
        self.assertEqual(self.house.router.running, 0)

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
        self.assertEqual((way.answers, self.house.router.running), ([], 0))

    def test_legacy_hang_up(self) -> None:
        """
        A legacy client that hangs up has not cancelled: its call goes on, and can be cancelled still.
        """
        one = self.house.legacy(self.session, "tools/call", CALL, 1)
        two = self.house.legacy(self.session, "tools/call", CALL, 2)
        one.hang_up()
        two.hang_up()
        self.assertEqual((self.plugin.cancelled, self.house.router.running), ([], 2))
        self.plugin.jobs[0].answer(content=[])
        self.cancel(2)
        self.assertEqual(self.plugin.cancelled, [self.plugin.jobs[1]])
        self.assertEqual((one.answers, two.answers, self.house.router.running), ([], [], 0))


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
        self.assertEqual(house.router.running, 2)


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
        self.assertEqual((self.house.router.running, self.house.router._counts), (0, {}))
        self.assertEqual(self.house.legacy(self.session, "ping", {}, 1).result, {})

    def test_elsewhere(self) -> None:
        """
        An exception before any call is one, too.
        """
        self.house.router.catalog = None  # type: ignore[assignment]  # broken on purpose
        way = self.house.modern("tools/list")
        self.assertEqual(way.error, (200, -32603))
        self.assertEqual(way.given.message["id"], 1)
        self.assertEqual(len(self.house.events), 1)


class StopTests(SynchronousTestCase):
    """
    Tests for the end.
    """

    def test_idle(self) -> None:
        """
        With nothing running there is nothing to wait for.
        """
        self.successResultOf(House().router.drain())

    def test_drain(self) -> None:
        """
        A daemon that stops waits for the last exchange.
        """
        house = House()
        one, two = house.call(), house.call()
        drained = house.router.drain()
        house.plugin.jobs[0].answer(content=[])
        self.assertNoResult(drained)
        two.hang_up()
        self.successResultOf(drained)
        self.assertEqual(one.result["content"], [])
        house.call().hang_up()

    def test_abandon(self) -> None:
        """
        What does not end in time is cancelled at its plugin, and its client told so in its era.
        """
        house = House()
        session = house.shake()
        ways = [house.call(), house.legacy(session, "tools/call", CALL)]
        gone = house.legacy(session, "tools/call", CALL, 2)
        gone.hang_up()
        drained = house.router.drain()
        house.router.abandon()
        self.successResultOf(drained)
        for way in ways:
            self.assertEqual(way.error, (200, Kind.PLUGIN_UNAVAILABLE.code))
        self.assertEqual(len(house.plugin.cancelled), 3)
        self.assertEqual(house.router.running, 0)


IDS = st.one_of(st.integers(-(2**53), 2**53), st.text(max_size=8))
METHODS = st.sampled_from(("tools/call", "tools/list", "ping", "server/discover", "no/such", "initialize"))
NAMES = st.sampled_from(("p__echo", "p__add", "nobody"))
ENDS = st.sampled_from(("answer", "refuse", "fault", "raise", "input"))
REQUESTS = st.lists(st.tuples(st.booleans(), METHODS, NAMES, ENDS, IDS), max_size=12)


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
        session = house.shake()
        asked = []
        for modern, method, name, _, id in requests:
            ask: Any = house.modern if modern else (lambda *rest: house.legacy(session, *rest))
            asked.append((id, ask(method, {"name": name, "protocolVersion": "x"}, id)))
        for how in [how for *_, how, _ in requests]:
            if house.plugin.jobs:
                self.finish(house, how)
        for id, way in asked:
            message = way.given.message
            self.assertEqual((message["id"], type(message["id"])), (id, type(id)))
            self.assertEqual(("result" in message) + ("error" in message), 1)
            self.assertEqual((way.ends, way.empties), (0, []))
        self.assertEqual((house.router.running, house.router._counts), (0, {}))
