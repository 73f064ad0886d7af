# -*- test-case-name: tests.web.test_mcp -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.mcp`: clients, the real door, the real relay, and a plugin that is told what to do.
"""

from __future__ import annotations

from collections.abc import Mapping

from attrs import define, field
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.errand import Post
from mcpd.relay.spec import SessionLimits
from mcpd.testing.asked import Asked
from mcpd.testing.client import Client, Legacy, Modern, message
from mcpd.units import Wait
from mcpd.web.doors import Doors
from mcpd.web.ledger import Ledger
from mcpd.web.mcp import Judge, Mcp, Relay
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


@define
class Fickle(Names):
    """
    One who believes it once.
    """

    asked: int = 0

    def judge(self, fields: Mapping[bytes, bytes], repeated: frozenset[bytes]) -> str:
        """
        Tell who asks, for the first time.
        """
        self.asked += 1
        if self.asked > 1:
            raise Fault(Kind.UNAUTHORIZED, "not any more")
        return super().judge(fields, repeated)


@define(eq=False)
class Ear:
    """
    A relay that hears what the door lets in, with one plugin named ``p``.

    Attributes:
        said: What came: the method, the caller, the path, and what else there was.
        posts: Who waits for something on an open stream.
        open: Who has a stream, once for each.
        room: How many streams there may be.
    """

    said: list[tuple[bytes, ...]] = field(factory=list)
    posts: list[Post] = field(factory=list)
    open: list[str] = field(factory=list)
    room: int = 100

    def serves(self, path: bytes) -> bool:
        """
        Know the door itself and the one plugin.
        """
        return path in (b"/mcp", b"/mcp/p")

    def take(self, body: bytes, post: Post) -> None:
        """
        Answer what was posted.
        """
        self._hear(b"POST", post, body)
        post.way.answer((b"{}",))

    def enter(self, post: Post) -> bool:
        """
        Count a stream as long as there is room.
        """
        if len(self.open) >= self.room:
            return False
        self.open.append(post.caller)
        return True

    def leave(self, caller: str) -> None:
        """
        Count one no more.
        """
        self.open.remove(caller)

    def listen(self, post: Post, last: bytes | None) -> None:
        """
        Open a stream.
        """
        self._hear(b"GET", post, *(() if last is None else (last,)))
        post.way.open()
        self.posts.append(post)

    def end_session(self, post: Post) -> None:
        """
        Answer that it is done.
        """
        self._hear(b"DELETE", post)
        post.way.empty(204)

    def _hear(self, method: bytes, post: Post, *more: bytes) -> None:
        self.said.append((method, post.caller.encode(), post.path, *more))


def open_doors(relay: Relay, clock: Clock, judge: Judge | None = None) -> Doors:
    """
    Make a listener at 127.0.0.1:8420 with an MCP door.
    """
    shield = Shield.new([], [])
    shield.stand("127.0.0.1")
    mcp, limits = Mcp(relay, judge or Names()), Limits()
    site = Site(shield, {b"/mcp": mcp, b"/mcp/": mcp})
    return Doors(clock, site, limits, Ledger(limits), bytes)


@define(eq=False)
class Door:
    """
    A house with an MCP door.
    """

    house: House = field(factory=House)
    doors: Doors = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.doors = open_doors(self.house.router, self.house.clock)

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

    def legacy(self, version: str = "2025-11-25") -> Legacy:
        """
        Make a legacy client that has shaken hands.
        """
        client = Legacy(self.doors, self.house.clock)
        client.shake(version)
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
        self.ear, self.clock = Ear(), Clock()
        self.client = Client(open_doors(self.ear, self.clock), self.clock)

    def send(self, *fields: tuple[bytes, bytes]) -> int:
        """
        Post something with these fields; its status.
        """
        return self.client.send(b"POST", b"{}", fields).status

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
        for path in (b"/mcp", b"/mcp/p", b"/mcp/nobody"):
            self.client.path = path
            for method in (b"POST", b"GET", b"DELETE"):
                asked = self.client.send(method, b"", ((b"X-Nobody", b"1"),))
                self.assertEqual((asked.status, asked.fields["www-authenticate"]), (401, "Bearer"))
        self.assertEqual(self.ear.said, [])

    def test_revoked_meanwhile(self) -> None:
        """
        A request whose credentials are good no more when its body has come reaches no plugin.
        """
        client = Client(open_doors(self.ear, self.clock, Fickle()), self.clock)
        self.assertEqual(client.send(b"POST", b"{}", ((b"Content-Type", b"application/json"),)).status, 401)
        self.assertEqual(self.ear.said, [])

    def test_plugins(self) -> None:
        """
        Each plugin has a path of its own, and where none is there is nothing.
        """
        for path, status in ((b"/mcp/p", 200), (b"/mcp/nobody", 404), (b"/mcp/p/p", 404), (b"/mcp/", 404)):
            self.client.path = path
            self.assertEqual(self.client.post(b"{}").status, status, path)
        self.assertEqual(self.ear.said, [(b"POST", b"key:a", b"/mcp/p", b"{}")])
        for method in (b"GET", b"DELETE"):
            self.assertEqual(self.client.send(method).status, 404)

    def test_methods(self) -> None:
        """
        Other methods are refused, HEAD among them: what it would ask for has no end.
        """
        for method in (b"PUT", b"PATCH", b"OPTIONS", b"HEAD"):
            asked = self.client.send(method)
            self.assertEqual((asked.status, asked.fields["allow"]), (405, "POST, GET, DELETE"), method)

    def test_modern_methods(self) -> None:
        """
        With a modern version only POST is allowed.
        """
        for method in (b"GET", b"DELETE"):
            asked = self.client.send(method, b"", ((b"MCP-Protocol-Version", b"2026-07-28"),))
            self.assertEqual((asked.status, asked.fields["allow"]), (405, "POST"))
            asked = self.client.send(method, b"", ((b"MCP-Protocol-Version", b"2025-11-25"),))
            self.assertIn(asked.status, (200, 204))


class ListenTests(SynchronousTestCase):
    """
    Tests for the streams that legacy clients ask for.
    """

    def setUp(self) -> None:
        """
        Have a door.
        """
        self.ear, self.clock = Ear(), Clock()
        self.client = Client(open_doors(self.ear, self.clock), self.clock)

    def get(self, *fields: tuple[bytes, bytes]) -> Asked:
        """
        Ask for a stream with these fields.
        """
        return self.client.send(b"GET", b"", fields)

    def last(self, *fields: tuple[bytes, bytes]) -> tuple[int, list[tuple[bytes, ...]]]:
        """
        Ask for a stream with these fields: the status, and what the relay heard of a last event.
        """
        self.ear.said.clear()
        asked = self.get(*fields)
        return asked.status, [said[3:] for said in self.ear.said]

    def test_stream(self) -> None:
        """
        A stream is open before anything is said on it, and brings what is said until it ends.
        """
        asked = self.get((b"Accept", STREAM))
        self.assertEqual((asked.status, asked.fields["content-type"]), (200, "text/event-stream"))
        (post,) = self.ear.posts
        post.way.notice((b'{"method":"m"}',), b"s-1")
        self.clock.advance(0)
        self.assertEqual((asked.notices, asked.marks, asked.is_over), ([{"method": "m"}], [b"s-1"], False))
        post.way.end()
        self.assertEqual((len(asked.messages), asked.is_over), (1, True))

    def test_hang_up(self) -> None:
        """
        Who listens is told as gone when the client hangs up.
        """
        gone: list[bool] = []
        asked = self.get()
        self.ear.posts[0].way.hung_up = lambda: gone.append(True)
        asked.hang_up()
        self.assertEqual(gone, [True])

    def test_accept(self) -> None:
        """
        A client that listens has to accept a stream; who does not say accepts everything.
        """
        for value in (STREAM, b"*/*", b"text/*", JSON + b", " + STREAM, b"TEXT/event-stream;q=0.5"):
            self.assertEqual(self.get((b"Accept", value)).status, 200, value)
        self.assertEqual(self.get().status, 200)
        for value in (JSON, b"", b"text/html", b"application/*", b"*"):
            self.assertEqual(self.get((b"Accept", value)).status, 406, value)

    def test_last(self) -> None:
        """
        A client may say which event was its last; nothing or nothing in it says none.
        """
        self.assertEqual(self.last(), (200, [()]))
        self.assertEqual(self.last((b"Last-Event-ID", b"")), (200, [()]))
        for mark in (b"7", b"!~", b"x" * 128):
            self.assertEqual(self.last((b"Last-Event-ID", mark)), (200, [(mark,)]), mark)

    def test_no_mark(self) -> None:
        """
        What cannot be an event's id is refused: too long, with blanks, beyond ASCII, or twice.
        """
        for mark in (b"x" * 129, b"a b", b"a\tb", b"\xc3\xa9"):
            self.assertEqual(self.last((b"Last-Event-ID", mark)), (400, []), mark)
        for mark in (b"1", b""):
            self.assertEqual(self.last(*[(b"Last-Event-ID", mark)] * 2), (400, []), mark)

    def test_bound(self) -> None:
        """
        Where a principal has too many streams the next one is refused, and may come when another is over.
        """
        self.ear.room = 2
        first, second = self.get(), self.get()
        refused = self.get()
        self.assertEqual((refused.status, refused.error["code"]), (503, -31103))
        self.assertEqual((refused.fields["retry-after"], len(self.ear.posts)), ("1", 2))
        first.hang_up()
        self.assertEqual((self.get().status, self.get().status), (200, 503))
        self.ear.posts[1].way.end()
        self.assertTrue(second.is_over)
        self.assertEqual(self.ear.open, ["key:a"])
        self.assertEqual(self.get().status, 200)

    def test_bound_refused(self) -> None:
        """
        A stream that is refused takes no place, be it by the door or behind it.
        """
        self.get((b"Last-Event-ID", b"a b"))
        self.assertEqual(self.ear.open, [])
        self.get()
        self.ear.posts[0].way.fault(Fault(Kind.NOT_FOUND, "gone"))
        self.assertEqual(self.ear.open, [])

    def test_error(self) -> None:
        """
        A refused stream is an error like any other, and the connection goes on.
        """
        asked = self.get((b"Last-Event-ID", b"a b"))
        self.assertEqual((asked.error["code"], asked.is_connected), (-31000, True))
        self.assertEqual(asked.fields["content-type"], "application/json")


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
        self.assertEqual(self.door.house.running, 1)

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


class StreamTests(SynchronousTestCase):
    """
    Tests for what outlives a connection, or a request.
    """

    def setUp(self) -> None:
        """
        Have a door, behind which longer calls are polled.
        """
        self.door = Door(House(session_limits=SessionLimits(poll=Wait(0.5))))
        self.clock = self.door.house.clock

    def test_poll(self) -> None:
        """
        A client that is sent away knows where to go on and when, and has its answer there.
        """
        client = self.door.legacy()
        asked = client.ask("tools/call", CALL, "x")
        self.clock.advance(0.5)
        self.door.turn()
        self.assertEqual((asked.status, asked.is_over, asked.messages), (200, True, []))
        self.assertTrue(asked.retry)
        (mark,) = asked.marks
        self.door.plugin.job.answer(content=["done"])
        back = client.listen(mark)
        self.assertEqual((back.fields["content-type"], back.is_over), ("text/event-stream", True))
        self.assertEqual((back.answers[0]["id"], back.result["content"]), ("x", ["done"]))

    def test_resume(self) -> None:
        """
        A client whose stream was cut finds on return what it missed, and its call was not cancelled.
        """
        client = self.door.legacy()
        asked = client.ask("tools/call", {**CALL, "_meta": {"progressToken": 1}})
        self.door.plugin.job.notice(progress=1)
        self.door.turn()
        asked.hang_up()
        self.door.plugin.job.notice(progress=2)
        self.door.plugin.job.answer(content=[])
        self.assertEqual(self.door.plugin.cancelled, [])
        back = client.listen(asked.marks[-1])
        self.assertEqual([notice["params"]["progress"] for notice in back.notices], [2])
        self.assertEqual((back.result["content"], back.is_over), ([], True))

    def test_unknown_mark(self) -> None:
        """
        An event that never was is refused, and the place of the stream is free again.
        """
        client = self.door.legacy()
        for _ in range(100):
            asked = client.listen(b"9-9")
            self.assertEqual((asked.status, asked.error["code"]), (400, -31000))

    def test_standing(self) -> None:
        """
        A session's own stream brings changes, and ends with the session.
        """
        client = self.door.legacy()
        asked = client.listen()
        self.door.turn()
        self.assertEqual((asked.status, asked.is_over), (200, False))
        self.door.house.offer({"name": "new"})
        self.door.turn()
        self.assertEqual(asked.notices[0]["method"], "notifications/tools/list_changed")
        self.assertEqual(client.leave().status, 204)
        self.assertTrue(asked.is_over)

    def test_bound(self) -> None:
        """
        What a session listens to and what a modern client listens to count together, for each principal.
        """
        self.door = Door(House(limits=Limits(streams_per_principal=2)))
        client, late, modern = self.door.legacy(), self.door.legacy(), self.door.modern()
        standing, listening = client.listen(), modern.listen({"toolsListChanged": True})
        self.assertEqual((late.listen().status, modern.listen({}).status), (503, 503))
        modern.fields = ((b"X-Name", b"key:b"),)
        other = modern.listen({})
        self.door.turn()
        self.assertEqual((other.status, other.is_over), (200, False))
        again = client.listen()
        self.door.turn()
        self.assertEqual((standing.is_over, again.status, again.is_over), (True, 200, False))
        self.assertEqual(late.listen().status, 503)
        again.hang_up()
        self.assertEqual((late.listen().status, listening.is_over), (200, False))

    def test_listen(self) -> None:
        """
        A modern client's stream is acknowledged at once, and ends by a result when the daemon stops.
        """
        asked = self.door.modern().listen({"toolsListChanged": True}, "s")
        self.door.turn()
        (acknowledged,) = asked.notices
        self.assertEqual(acknowledged["params"]["notifications"], {"toolsListChanged": True})
        self.door.house.router.subscriptions.close()
        self.assertEqual((asked.is_over, asked.answers[0]["id"], asked.marks), (True, "s", []))
        self.assertEqual(asked.result["resultType"], "complete")

    def test_batch(self) -> None:
        """
        A batch is answered by one array, or a stream once there is progress; of notices alone, by 202.
        """
        client = self.door.legacy("2025-03-26")
        asked = client.batch([message("tools/call", CALL, 1), message("ping", {}, 2)])
        self.door.plugin.jobs[-1].answer(content=[])
        self.assertEqual((asked.status, asked.fields["content-type"]), (200, "application/json"))
        self.assertEqual([answer["id"] for answer in asked.answers], [1, 2])
        told = {**CALL, "_meta": {"progressToken": 1}}
        asked = client.batch([message("tools/call", told, 1), message("ping", {}, 2)])
        self.door.plugin.jobs[-1].notice(progress=1)
        self.door.plugin.jobs[-1].answer(content=[])
        self.assertEqual(asked.fields["content-type"], "text/event-stream")
        self.assertEqual(([answer["id"] for answer in asked.answers], asked.is_over), ([2, 1], True))
        asked = client.batch([message("notifications/initialized")])
        self.assertEqual((asked.status, asked.body), (202, b""))


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
        self.assertGreater(len(cases), 800)
        self.assertEqual(len({case.name for case in cases}), len(cases))
        for case in cases:
            self.check(client, case)
            for good in (legacy.ask("ping"), modern.ask("tools/call", CALL)):
                self.assertIn("result", good.answers[0], case.name)
                good.hang_up()
        self.assertEqual((door.house.events, door.house.running), ([], 0))
