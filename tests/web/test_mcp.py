# -*- test-case-name: tests.web.test_mcp -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.mcp`: clients, the real door, the real relay, and a plugin that is told what to do.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.client import Asked, Client, Legacy, Modern, text
from mcpd.web.http import Doors
from mcpd.web.ledger import Ledger
from mcpd.web.mcp import Mcp
from mcpd.web.shield import Shield
from mcpd.web.site import Site
from mcpd.web.spec import Limits
from mcpd.wire.fault import Fault, Kind
from tests.relay.hostile import Case, Hostile
from tests.relay.stage import House, Plugin, answering

CALL = {"name": "p__echo"}
JSON, STREAM = b"application/json", b"text/event-stream"
BOTH = (b"Accept", JSON + b", " + STREAM)
LEAKS = (
    b"Traceback",
    b"traceback",
    b".py",
    b"site-packages",
    b"msgspec",
    b"object at",
    b"DecodeError",
    b"KeyError",
    b"TypeError",
    b"ValueError",
    b"Exception",
    b"Fault",
    b"<class",
    b"None",
)


class Names:
    """
    A judge who believes what a client says of itself.
    """

    def judge(self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> str:
        """
        Tell who asks.
        """
        if b"x-nobody" in fields:
            raise Fault(Kind.UNAUTHORIZED, "who are you?", headers=((b"WWW-Authenticate", b"Bearer"),))
        return fields.get(b"x-name", b"key:a").decode()


@define(eq=False)
class Door:
    """
    A house with an MCP door.
    """

    house: House = field(factory=House)
    doors: Doors = field(init=False)

    def __attrs_post_init__(self) -> None:
        shield = Shield.new([], [])
        shield.stand("127.0.0.1", 8420)
        mcp, limits = Mcp(self.house.router, Names()), Limits()
        site = Site(shield, {b"/mcp": mcp, b"/mcp/": mcp})
        self.doors = Doors(self.house.clock, site, limits, Ledger(limits), bytes)

    @property
    def plugin(self) -> Plugin:
        """
        The plugin.
        """
        return self.house.plugin

    def client(self) -> Client:
        """
        Make a client of no era.
        """
        return Client(self.doors, self.house.clock)

    def modern(self) -> Modern:
        """
        Make a modern client.
        """
        return Modern(self.doors, self.house.clock)

    def legacy(self) -> Legacy:
        """
        Make a legacy client that has shaken hands.
        """
        client = Legacy(self.doors, self.house.clock)
        client.shake()
        return client

    def turn(self) -> None:
        """
        Let the reactor turn.
        """
        self.house.clock.advance(0)


class AdmissionTests(SynchronousTestCase):
    """
    Tests for what only HTTP has.
    """

    def setUp(self) -> None:
        """
        Have a door.
        """
        self.door = Door()
        self.client = self.door.client()

    def send(self, *fields: tuple[bytes, bytes]) -> int:
        """
        Post a handshake with these fields; its status.
        """
        body = text("initialize", {"protocolVersion": "2025-11-25"}, 1)
        return self.client.send(b"POST", body, fields).status

    def test_type(self) -> None:
        """
        A body is JSON by its type, in whatever case; only UTF-8 may be said besides.
        """
        for value in (
            b"application/json",
            b"Application/JSON",
            b" application/json ",
            b"application/json; charset=utf-8",
            b'application/json;charset="UTF-8"',
            b"application/json;",
        ):
            self.assertEqual(self.send((b"Content-Type", value), BOTH), 200, value)
        for value in (
            b"",
            b"text/plain",
            b"application/x-www-form-urlencoded",
            b"multipart/form-data; boundary=application/json",
            b"application/json; charset=latin-1",
            b"application/json; charset=utf-8; x=y",
            b"application/json-patch+json",
            b"text/plain;application/json",
        ):
            self.assertEqual(self.send((b"Content-Type", value), BOTH), 415, value)
        self.assertEqual(self.send(BOTH), 415)

    def test_accept(self) -> None:
        """
        A client has to accept both a JSON answer and a stream; who does not say accepts everything.
        """
        type = (b"Content-Type", JSON)
        for value in (
            JSON + b"," + STREAM,
            b"text/event-stream, application/json",
            b"*/*",
            b"application/*, text/*",
            b"Application/JSON;q=0.9, TEXT/event-stream;q=0.1, x/y",
            b"application/json, */*;q=0.1",
        ):
            self.assertEqual(self.send(type, (b"Accept", value)), 200, value)
        for value in (
            JSON,
            STREAM,
            b"",
            b"text/html",
            b"application/jsonl, text/event-stream",
            b"text/*",
            b"*",
        ):
            self.assertEqual(self.send(type, (b"Accept", value)), 406, value)
        self.assertEqual(self.send(type), 200)

    def test_credentials_first(self) -> None:
        """
        Who may not ask is told that before anything else, with the challenge.
        """
        for method in (b"POST", b"DELETE"):
            asked = self.client.send(method, b"", ((b"X-Nobody", b"1"),))
            self.assertEqual((asked.status, asked.fields["www-authenticate"]), (401, "Bearer"))

    def test_methods(self) -> None:
        """
        Other methods are refused; with a modern version a DELETE is, too.
        """
        for method in (b"GET", b"PUT", b"PATCH", b"HEAD"):
            self.assertEqual(self.client.send(method).status, 405, method)
        asked = self.client.send(b"DELETE", b"", ((b"MCP-Protocol-Version", b"2026-07-28"),))
        self.assertEqual((asked.status, asked.fields["allow"]), (405, "POST"))


class ExchangeTests(SynchronousTestCase):
    """
    Tests for whole exchanges.
    """

    def setUp(self) -> None:
        """
        Have a door.
        """
        self.door = Door()

    def test_json(self) -> None:
        """
        An answer without notices is one JSON object.
        """
        for client in (self.door.modern(), self.door.legacy()):
            asked = client.ask("tools/call", CALL, "x")
            self.assertEqual(asked.status, 0)
            self.door.plugin.jobs[-1].answer(content=[1])
            self.assertEqual((asked.status, asked.fields["content-type"]), (200, "application/json"))
            self.assertEqual((asked.answers[0]["id"], asked.result["content"]), ("x", [1]))
            self.assertNotIn("mcp-session-id", asked.fields)

    def test_stream(self) -> None:
        """
        With the first notice the answer becomes a stream, whose last message is the answer.
        """
        modern, legacy = self.door.modern(), self.door.legacy()
        for client in (modern, legacy):
            asked = client.ask("tools/call", {**CALL, "_meta": {"progressToken": "t"}})
            job = self.door.plugin.jobs[-1]
            job.notice(progress=1)
            self.door.turn()
            self.assertEqual((asked.fields["content-type"], asked.is_over), ("text/event-stream", False))
            self.assertEqual(asked.notices[0]["params"], {"progressToken": "t", "progress": 1})
            job.answer(content=[])
            self.assertEqual((asked.result["content"], asked.is_over), ([], True))

    def test_hang_up(self) -> None:
        """
        A modern client's disconnect cancels its call, before a stream and within; a legacy client's does not.
        """
        first = self.door.modern().ask("tools/call", CALL)
        second = self.door.modern().ask("tools/call", {**CALL, "_meta": {"progressToken": 1}})
        self.door.plugin.jobs[1].notice(progress=1)
        self.door.turn()
        third = self.door.legacy().ask("tools/call", CALL)
        for asked in (first, second, third):
            asked.hang_up()
        self.assertEqual(self.door.plugin.cancelled, self.door.plugin.jobs[:2])
        self.assertEqual(self.door.house.router.running, 1)

    def test_cancel(self) -> None:
        """
        A legacy client that cancels has its stream ended without an answer, whether it had begun or not.
        """
        client = self.door.legacy()
        one = client.ask("tools/call", CALL, 1)
        two = client.ask("tools/call", {**CALL, "_meta": {"progressToken": 1}}, 2)
        self.door.plugin.jobs[1].notice(progress=1)
        self.door.turn()
        for id in (1, 2):
            self.assertEqual(client.tell("notifications/cancelled", {"requestId": id}).status, 202)
        self.assertEqual((one.is_over, one.messages), (True, []))
        self.assertEqual((two.is_over, len(two.notices), two.answers), (True, 1, []))

    def test_session(self) -> None:
        """
        A session begins with its id in a field, and ends with a DELETE; afterwards it is 404.
        """
        client = self.door.legacy()
        self.assertEqual(client.ask("ping").result, {})
        gone = client.leave()
        self.assertEqual((gone.status, gone.body), (204, b""))
        self.assertEqual(client.leave().status, 404)
        self.assertEqual(client.ask("ping").status, 404)

    def test_session_bound(self) -> None:
        """
        A session is not found at another path, nor by another principal.
        """
        client = self.door.legacy()
        client.path = b"/mcp/p"
        self.assertEqual((client.ask("ping").status, client.leave().status), (404, 404))
        client.path, client.fields = b"/mcp", ((b"X-Name", b"key:b"),)
        self.assertEqual((client.ask("ping").status, client.leave().status), (404, 404))
        client.fields = ()
        self.assertEqual(client.ask("ping").result, {})

    def test_modern_session(self) -> None:
        """
        A modern request has no session: one that it names is not looked at and not sent back.
        """
        client = self.door.modern()
        client.fields = ((b"Mcp-Session-Id", b"nobody's"),)
        asked = client.ask("tools/list")
        self.assertEqual((asked.status, "mcp-session-id" in asked.fields), (200, False))

    def test_notice(self) -> None:
        """
        A notice is 202 without a body.
        """
        asked = self.door.legacy().tell("notifications/initialized")
        self.assertEqual((asked.status, asked.body, asked.fields["content-length"]), (202, b"", "0"))

    def test_request_id(self) -> None:
        """
        Every error names the request under which the log has it.
        """
        asked = self.door.modern().ask("no/such")
        self.assertEqual(asked.status, 404)
        self.assertEqual(asked.error["data"]["requestId"], asked.fields["x-request-id"])


class HostileTests(SynchronousTestCase):
    """
    Tests with messages of clients that have bad manners.
    """

    def outcome(self, asked: Asked) -> tuple[int, int | None]:
        """
        Tell what came of a request.
        """
        self.assertTrue(asked.is_over)
        if not asked.body:
            return asked.status, None
        (answer,) = asked.answers
        return asked.status, answer["error"]["code"] if "error" in answer else 0

    def check(self, client: Client, case: Case) -> None:
        """
        Send one, and look at what is answered.
        """
        asked = client.send(case.method, case.body, case.fields)
        self.assertIn(self.outcome(asked), case.outcomes, case.name)
        for word in LEAKS:
            self.assertNotIn(word, asked.body, case.name)
        asked.hang_up()

    def test_messages(self) -> None:
        """
        Whatever is posted has an answer that its era allows, which gives nothing away, and hurts nobody else.
        """
        door = Door(House(answering(content=[])))
        client, legacy, modern = door.client(), door.legacy(), door.modern()
        cases = list(Hostile(legacy.session).cases())
        self.assertGreater(len(cases), 600)
        self.assertEqual(len({case.name for case in cases}), len(cases))
        for case in cases:
            self.check(client, case)
            for good in (legacy.ask("ping"), modern.ask("tools/call", CALL)):
                self.assertIn("result", good.answers[0], case.name)
                good.hang_up()
        self.assertEqual((door.house.events, door.house.router.running), ([], 0))
