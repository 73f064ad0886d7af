# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.http`.
"""

from __future__ import annotations

from math import inf
from typing import Any

from attrs import define, evolve, field
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.protocols.policies import WrappingFactory
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import RefusalsUntold, RequestRefused
from mcpd.units import Bytes, Seconds
from mcpd.web.doors import Doors
from mcpd.web.http import Connection, Reply, Request
from mcpd.web.outlet import Outlet, choose
from mcpd.web.porch import Porch
from mcpd.web.spec import Limits
from mcpd.wire.fault import Fault, Kind
from tests.web.hostile import NOTHING, Case, Hostile
from tests.web.stage import HOST, Client, Stage, post, read_answers

SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Vary": "Origin",
}


def outcome(client: Client, bodyless: bool = False) -> list[tuple[int, bytes]]:
    """
    What a client got, without what differs from time to time.
    """
    return [(a.status, a.body) for a in read_answers(bytes(client.socket.taken), bodyless)]


class ExchangeTests(SynchronousTestCase):
    """
    Requests and answers on one connection.
    """

    def test_answer(self) -> None:
        """
        A request is answered with JSON and the security fields, and nothing tells what we are.
        """
        stage = Stage()
        client = stage.connect("192.0.2.7")
        client.send(post(b'{"a":1}', b"X-Two: a\r\nAccept: b\r\nx-two:  c \r\n", b"/mcp?x=1"))
        answer = client.answer
        self.assertEqual((answer.status, answer.body), (200, b'{"echo":7,"end":true}'))
        request_id = answer.fields["X-Request-Id"]
        self.assertEqual(
            answer.fields,
            {
                **SECURITY,
                "Content-Type": "application/json",
                "Content-Length": "21",
                "Date": "Fri, 15 Jan 2027 08:00:00 GMT",
                "X-Request-Id": request_id,
            },
        )
        (request,) = stage.echo.heard
        head = request.head
        self.assertEqual((request.caller, request.body), ("key:test", b'{"a":1}'))
        self.assertEqual((head.method, head.path, head.query), (b"POST", b"/mcp", b"x=1"))
        self.assertEqual((head.peer, head.id), ("192.0.2.7", request_id))
        self.assertEqual(head.fields[b"x-two"], b"a, c")
        self.assertEqual(head.repeated, {b"x-two"})

    def test_socket(self) -> None:
        """
        Small answers are not held back, and dead clients are noticed.
        """
        self.assertEqual(Stage().connect().socket.said, ["no delay", "keep alive"])

    def test_keep_alive(self) -> None:
        """
        A connection serves one request after the other, with an id of its own for each.
        """
        client = Stage().connect()
        client.send(post(b"1"))
        client.send(post(b"1"))
        client.send(post(b"22"))
        self.assertEqual([a.body[8:9] for a in client.answers], [b"1", b"1", b"2"])
        ids = [a.fields["X-Request-Id"] for a in client.answers]
        self.assertEqual(ids, sorted(set(ids)))

    def test_close(self) -> None:
        """
        A client that asks for it has the connection closed after its answer.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post(fields=b"Connection: foo, Close\r\n"))
        self.assertEqual(client.answer.fields["Connection"], "close")
        stage.turn()
        self.assertTrue(client.socket.gone)
        self.assertNotIn("finish", client.socket.said)

    def test_close_with_more(self) -> None:
        """
        What follows a request that closes is not served, and does not cost the client its answer.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post(fields=b"Connection: close\r\n") + post())
        self.assertEqual(client.answer.status, 200)
        self.assertEqual(client.socket.said[2:], ["finish"])
        client.send(post())
        self.assertEqual(len(stage.echo.heard), 1)
        stage.pass_time(1.6)
        self.assertTrue(client.socket.gone)

    def test_old(self) -> None:
        """
        HTTP/1.0 closes after the answer, unless the client asks to keep the connection.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post(version=b"1.0", fields=b"Connection: Keep-Alive\r\n"))
        client.send(post(version=b"1.0"))
        first, second = client.answers
        self.assertEqual(first.fields["Connection"], "keep-alive")
        self.assertEqual(second.fields["Connection"], "close")
        stage.turn()
        self.assertTrue(client.socket.gone)

    def test_head(self) -> None:
        """
        HEAD brings what GET would, without the body, and the connection goes on.
        """
        client = Stage().connect()
        get = b" /healthz HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"
        client.send(b"HEAD" + get)
        (answer,) = read_answers(bytes(client.socket.taken), bodyless=True)
        self.assertEqual((answer.status, answer.fields["Content-Length"]), (200, "14"))
        client.socket.taken.clear()
        client.send(b"GET" + get)
        self.assertEqual(client.answer.body, b'{"alive":true}')

    def test_head_refused(self) -> None:
        """
        HEAD has no body even where it is refused.
        """
        client = Stage().connect()
        client.send(b"HEAD /mcp HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n")
        self.assertTrue(client.socket.taken.startswith(b"HTTP/1.1 405 "))
        self.assertTrue(client.socket.taken.endswith(b"\r\n\r\n"))

    def test_refused(self) -> None:
        """
        A refusal says why, with the request's id, and the connection goes on if the body was there.
        """
        client = Stage().connect()
        client.send(post(b"12345", b"X-Refuse: 1\r\n"))
        client.send(post(b"12345"))
        refused, good = client.answers
        self.assertEqual(refused.status, 401)
        self.assertEqual(refused.fields["WWW-Authenticate"], "Bearer")
        self.assertLessEqual(SECURITY.items(), refused.fields.items())
        self.assertNotIn("Connection", refused.fields)
        request_id = refused.fields["X-Request-Id"].encode()
        self.assertEqual(
            refused.body,
            b'{"jsonrpc":"2.0","error":{"code":-31001,"message":"who are you?",'
            b'"data":{"requestId":"' + request_id + b'"}}}',
        )
        self.assertEqual(good.status, 200)

    def test_refused_unread(self) -> None:
        """
        Who is refused before the body was sent sees why, and the body is thrown away.
        """
        stage = Stage()
        client = stage.connect()
        whole = post(b"x" * 5000, b"X-Refuse: 1\r\n")
        client.send(whole[:300])
        self.assertEqual(client.answer.status, 401)
        self.assertEqual(client.answer.fields["Connection"], "close")
        self.assertEqual(client.socket.said[2:], ["finish"])
        client.send(whole[300:] + post())
        self.assertEqual((stage.echo.heard, stage.ledger.buffered), ([], 0))
        stage.pass_time(1.6)
        self.assertEqual(client.socket.said[2:], ["finish", "abort"])
        self.assertEqual(len(client.answers), 1)

    def test_not_allowed(self) -> None:
        """
        A method that a path does not take is answered with those that it does.
        """
        client = Stage().connect()
        client.send(b"DELETE /mcp HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n")
        client.send(b"OPTIONS /healthz HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n")
        self.assertEqual([a.status for a in client.answers], [405, 405])
        self.assertEqual([a.fields["Allow"] for a in client.answers], ["POST", "GET, HEAD"])

    def test_upgrade(self) -> None:
        """
        A wish to upgrade does not keep a request's body from being read.
        """
        stage = Stage()
        client = stage.connect()
        wish = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n"
        client.send(post(b"body", wish) + post(b"more", wish))
        stage.turn()
        self.assertEqual([request.body for request in stage.echo.heard], [b"body", b"more"])

    def test_faulty_resource(self) -> None:
        """
        An error of ours is told as such, without a word of it, and the daemon goes on.
        """
        stage = Stage()

        def plan(request: Request, reply: Reply) -> None:
            raise RuntimeError("/etc/secret")

        stage.echo.plan = plan
        client = stage.connect()
        client.send(post())
        self.assertEqual(client.answer.status, 500)
        self.assertIn(b'"code":-32603,"message":"internal error"', client.answer.body)
        self.assertNotIn(b"secret", client.socket.taken)
        self.assertEqual(client.answer.fields["Connection"], "close")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        client = stage.connect()
        head, mark, body = post().partition(b"\r\n\r\n")
        client.send(head + mark)
        client.send(body)
        self.assertEqual(client.answer.status, 500)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        stage.echo.plan = None
        other = stage.connect()
        other.send(post())
        self.assertEqual(other.answer.status, 200)

    def test_faulty_after_answer(self) -> None:
        """
        An error of ours behind an answer does not bring a second one.
        """
        stage = Stage()

        def plan(request: Request, reply: Reply) -> None:
            reply.empty(202)
            raise RuntimeError

        stage.echo.plan = plan
        client = stage.connect()
        client.send(post())
        self.assertEqual(client.answer.status, 202)
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_faulty_admission(self) -> None:
        """
        An error of ours while judging credentials lets nobody in.
        """
        stage = Stage()
        stage.echo.refusal = RuntimeError()
        client = stage.connect()
        client.send(post())
        self.assertEqual((client.answer.status, stage.echo.heard), (500, []))
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_fault_while_serving(self) -> None:
        """
        A resource may refuse a request by raising.
        """
        stage = Stage()

        def plan(request: Request, reply: Reply) -> None:
            raise Fault(Kind.NOT_ACCEPTABLE, "no")

        stage.echo.plan = plan
        client = stage.connect()
        client.send(post())
        self.assertEqual(client.answer.status, 406)


class HangUpTests(SynchronousTestCase):
    """
    Clients that go.
    """

    def setUp(self) -> None:
        """
        Open a listener whose answers are given by hand.
        """
        self.replies: list[Reply] = []
        self.stage = Stage()
        self.stage.echo.plan = lambda request, reply: self.replies.append(reply)

    def test_running(self) -> None:
        """
        A client that hangs up is told of once, and an answer that comes too late is dropped.
        """
        client = self.stage.connect()
        client.send(post())
        (reply,) = self.replies
        told: list[bool] = []
        reply.hung_up = lambda: told.append(reply.gone)
        client.hang_up()
        self.assertEqual(told, [True])
        reply.answer((b"{}",))
        reply.notice((b"{}",))
        reply.empty(202)
        reply.end()
        reply.fault(Fault(Kind.INTERNAL, "x"))
        self.stage.pass_time(20)
        self.assertEqual(bytes(client.socket.taken), b"")
        self.assertEqual(told, [True])

    def test_answered(self) -> None:
        """
        A client that goes after its answer disturbs nobody.
        """
        client = self.stage.connect()
        client.send(post())
        (reply,) = self.replies
        told: list[bool] = []
        reply.hung_up = lambda: told.append(True)
        reply.answer((b"{}",))
        client.hang_up()
        self.assertEqual(told, [])

    def test_nobody_listens(self) -> None:
        """
        Nobody has to care for a hang-up.
        """
        client = self.stage.connect()
        client.send(post())
        client.hang_up()
        self.assertTrue(self.replies[0].gone)

    def test_error(self) -> None:
        """
        An error of ours at a hang-up is logged, and the connection is counted no longer.
        """
        client = self.stage.connect()
        client.send(post())

        def fail() -> None:
            raise ZeroDivisionError

        self.replies[0].hung_up = fail
        client.hang_up()
        self.assertEqual(len(self.flushLoggedErrors(ZeroDivisionError)), 1)
        self.assertEqual(self.stage.ledger.connections, 0)

    def test_pipelined(self) -> None:
        """
        What a client had sent ahead is not served once it is gone.
        """
        client = self.stage.connect()
        client.send(post() + post())
        self.replies[0].answer((b"{}",))
        client.hang_up()
        self.stage.turn()
        self.assertEqual(len(self.replies), 1)


class PipelineTests(SynchronousTestCase):
    """
    Requests that do not wait for answers.
    """

    def test_order(self) -> None:
        """
        Pipelined requests are answered in their order, one in each turn of the reactor.
        """
        stage = Stage()
        client = stage.connect()
        client.send(b"".join(post(b"x" * size) for size in range(5)))
        for done in range(1, 6):
            self.assertEqual(len(stage.echo.heard), done)
            stage.turn()
        self.assertEqual([a.body[8:9] for a in client.answers], [b"0", b"1", b"2", b"3", b"4"])

    def test_one_at_a_time(self) -> None:
        """
        The second of two requests waits for the first one's answer.
        """
        stage = Stage()
        replies: list[Reply] = []
        stage.echo.plan = lambda request, reply: replies.append(reply)
        client = stage.connect()
        client.send(post())
        client.send(post()[:30])
        client.send(post()[30:])
        stage.turn()
        self.assertEqual(len(replies), 1)
        replies[0].answer((b"1",))
        client.send(post())
        self.assertEqual(len(replies), 1)
        stage.turn()
        self.assertEqual(len(replies), 2)
        replies[1].answer((b"2",))
        stage.turn()
        replies[2].answer((b"3",))
        self.assertEqual([a.body for a in client.answers], [b"1", b"2", b"3"])

    def test_bounded(self) -> None:
        """
        A client that sends ahead without end is read no more until its requests are served.
        """
        stage = Stage(Limits(queued=Bytes(1000)))
        replies: list[Reply] = []
        stage.echo.plan = lambda request, reply: replies.append(reply)
        client = stage.connect()
        client.send(post(b"x" * 600) * 3)
        self.assertEqual(client.socket.said[2:], ["pause"])
        client.send(b"")
        replies[0].answer((b"1",))
        stage.turn()
        self.assertEqual(client.socket.said[2:], ["pause", "resume"])
        replies[1].answer((b"2",))
        stage.turn()
        replies[2].answer((b"3",))
        self.assertEqual([a.body for a in client.answers], [b"1", b"2", b"3"])

    def test_not_paused(self) -> None:
        """
        A client that sends nothing ahead is read all the time, so that its hang-up is seen.
        """
        stage = Stage(Limits(queued=Bytes(1000)))
        stage.echo.plan = lambda request, reply: None
        client = stage.connect()
        client.send(post(b"x" * 5000))
        self.assertNotIn("pause", client.socket.said)

    def test_paused_close(self) -> None:
        """
        A client that is read no more, and then closed, can still see its last answer.
        """
        stage = Stage(Limits(queued=Bytes(100)))
        client = stage.connect()
        replies: list[Reply] = []
        stage.echo.plan = lambda request, reply: replies.append(reply)
        client.send(post(fields=b"Connection: close\r\n") + post() * 9)
        replies[0].answer((b"1",))
        self.assertEqual(client.socket.said[2:], ["pause", "resume", "finish"])

    def test_half_a_head(self) -> None:
        """
        A head that was sent ahead in part may be completed later.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post() + post()[:20])
        stage.turn()
        client.send(post()[20:])
        self.assertEqual(len(client.answers), 2)


class BodyTests(SynchronousTestCase):
    """
    Bodies that come by and by.
    """

    def test_pieces(self) -> None:
        """
        A body may come in pieces, and is counted while it does.
        """
        stage = Stage()
        client = stage.connect()
        whole = post(b"x" * 1000)
        client.send(whole[:-900])
        client.send(whole[-900:-100])
        self.assertEqual(stage.ledger.buffered, 900)
        client.send(whole[-100:] + post(b"y"))
        stage.turn()
        self.assertEqual([r.body for r in stage.echo.heard], [b"x" * 1000, b"y"])
        self.assertEqual(stage.ledger.buffered, 0)
        self.assertIs(type(stage.echo.heard[0].body), bytes)

    def test_chunks(self) -> None:
        """
        A body may come in chunks.
        """
        stage = Stage()
        client = stage.connect()
        head = post().replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")[:-2]
        client.send(head + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n" + post())
        stage.turn()
        self.assertEqual([r.body for r in stage.echo.heard], [b"abcde", b"{}"])

    def test_hang_up(self) -> None:
        """
        A body whose client goes is counted no longer.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post(b"x" * 1000)[:-10])
        client.hang_up()
        self.assertEqual((stage.ledger.buffered, stage.ledger.connections), (0, 0))
        self.assertEqual(stage.echo.heard, [])

    def test_too_long(self) -> None:
        """
        A body that says that it is too long is refused before it is sent; the limit itself is fine.
        """
        stage = Stage(Limits(body=Bytes(100)))
        client = stage.connect()
        client.send(post(b"x" * 100))
        client.send(post(b"x" * 101)[:-101])
        self.assertEqual([a.status for a in client.answers], [200, 413])
        self.assertEqual(client.answers[1].fields["Connection"], "close")

    def test_too_long_in_chunks(self) -> None:
        """
        A body in chunks is refused as soon as it is too long.
        """
        stage = Stage(Limits(body=Bytes(100)))
        client = stage.connect()
        head = post().replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")[:-2]
        client.send(head + b"60\r\n" + b"x" * 96 + b"\r\n")
        self.assertEqual(client.answers, [])
        client.send(b"5\r\n")
        self.assertEqual(client.answer.status, 413)
        self.assertEqual(stage.ledger.buffered, 0)

    def test_too_many(self) -> None:
        """
        Bodies beyond what all together may hold are refused, and one may try again.
        """
        stage = Stage(Limits(buffered=Bytes(1000)))
        first, second = stage.connect(), stage.connect()
        first.send(post(b"x" * 900)[:-100])
        second.send(post(b"x" * 900)[:-100])
        self.assertEqual(second.answer.status, 503)
        self.assertEqual(second.answer.fields["Retry-After"], "1")
        first.send(b"x" * 100)
        self.assertEqual(first.answer.status, 200)

    def test_encoded(self) -> None:
        """
        A compressed body is refused: it could be a bomb.
        """
        client = Stage().connect()
        client.send(post(fields=b"Content-Encoding: gzip\r\n"))
        client.send(post(fields=b"Content-Encoding: identity\r\n"))
        self.assertEqual([a.status for a in client.answers], [415, 200])

    def test_continue(self) -> None:
        """
        A client that waits is told to go on once it is admitted.
        """
        stage = Stage()
        client = stage.connect()
        whole = post(b"x" * 50, b"Expect: 100-continue\r\n")
        client.send(whole[:-50])
        self.assertEqual(bytes(client.socket.taken), b"HTTP/1.1 100 Continue\r\n\r\n")
        client.send(whole[-50:])
        self.assertEqual(client.answer.status, 200)

    def test_continue_refused(self) -> None:
        """
        A client that waits and is not admitted, or wants to send too much, is told so instead.
        """
        for fields, status in ((b"X-Refuse: 1\r\n", 401), (b"", 413), (b"Content-Encoding: br\r\n", 415)):
            client = Stage(Limits(body=Bytes(100 if status != 413 else 10))).connect()
            client.send(post(b"x" * 50, b"Expect: 100-continue\r\n" + fields)[:-50])
            self.assertNotIn(b" 100 ", client.socket.taken)
            self.assertEqual(client.answer.status, status)
            self.assertEqual(client.answer.fields["Connection"], "close")

    def test_continue_needless(self) -> None:
        """
        A client that sends its body without waiting is not told to go on.
        """
        client = Stage().connect()
        whole = post(b"x" * 50, b"Expect: 100-continue\r\n")
        client.send(whole[:-20])
        client.send(whole[-20:])
        client.send(post(b"", b"Expect: 100-continue\r\n"))
        self.assertNotIn(b" 100 ", client.socket.taken)
        self.assertEqual([a.status for a in client.answers], [200, 200])

    def test_continue_old(self) -> None:
        """
        HTTP/1.0 knows no expectations.
        """
        client = Stage().connect()
        whole = post(b"x" * 50, b"Expect: 100-continue\r\n", version=b"1.0")
        client.send(whole[:-50])
        self.assertEqual(bytes(client.socket.taken), b"")
        client.send(whole[-50:])
        self.assertEqual(client.answer.status, 200)

    def test_expectation(self) -> None:
        """
        An expectation that nobody knows is refused.
        """
        client = Stage().connect()
        client.send(post(fields=b"Expect: the-unexpected\r\n"))
        self.assertEqual(client.answer.status, 417)
        self.assertEqual(client.answer.fields["Connection"], "close")


class DeadlineTests(SynchronousTestCase):
    """
    Clients that take their time.
    """

    def test_nothing(self) -> None:
        """
        A connection that never says anything is closed.
        """
        stage = Stage()
        client = stage.connect()
        stage.pass_time(9.9)
        self.assertFalse(client.socket.gone)
        stage.pass_time(0.7)
        self.assertTrue(client.socket.gone)
        self.assertEqual(bytes(client.socket.taken), b"")

    def test_slow_head(self) -> None:
        """
        A head that comes a byte at a time is refused after its time, however steadily it comes.
        """
        stage = Stage()
        client = stage.connect()
        for byte in post()[:9]:
            client.send(bytes([byte]))
            stage.pass_time(1.0)
        self.assertEqual(client.answers, [])
        client.send(b" ")
        stage.pass_time(1.5)
        self.assertEqual(client.answer.status, 408)
        self.assertEqual(client.answer.fields["Connection"], "close")

    def test_slow_second_head(self) -> None:
        """
        A later head has its time from its first byte on.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post())
        stage.pass_time(30)
        client.send(b"PO")
        stage.pass_time(5)
        client.send(b"S")
        stage.pass_time(4.9)
        self.assertEqual(len(client.answers), 1)
        stage.pass_time(0.7)
        self.assertEqual(client.answers[1].status, 408)

    def test_idle(self) -> None:
        """
        A connection between two requests is kept for a while, and closed silently.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post())
        stage.pass_time(74.9)
        self.assertFalse(client.socket.gone)
        stage.pass_time(0.7)
        self.assertTrue(client.socket.gone)
        self.assertEqual(len(client.answers), 1)

    def test_slow_body(self) -> None:
        """
        A body is refused after its time, however steadily it comes.
        """
        stage = Stage(Limits(body_rate=Bytes(0)))
        client = stage.connect()
        client.send(post(b"x" * 100)[:-100])
        for _ in range(29):
            client.send(b"x")
            stage.pass_time(1)
        self.assertEqual(client.answers, [])
        stage.pass_time(1.5)
        self.assertEqual((client.answer.status, stage.ledger.buffered), (408, 0))

    def test_trickling_body(self) -> None:
        """
        A body that brings less than its rate is refused after five seconds.
        """
        stage = Stage()
        fast, slow = stage.connect(), stage.connect()
        for client in (fast, slow):
            client.send(post(b"x" * 100_000)[:-100_000])
        for _ in range(12):
            fast.send(b"x" * 800)
            slow.send(b"x" * 400)
            stage.pass_time(0.5)
        self.assertEqual(fast.answers, [])
        self.assertEqual(slow.answer.status, 408)

    def test_running(self) -> None:
        """
        A running exchange has no deadline here: that is for who serves it.
        """
        stage = Stage()
        stage.echo.plan = lambda request, reply: None
        client = stage.connect()
        client.send(post())
        stage.pass_time(600)
        self.assertFalse(client.socket.gone)

    def test_abort(self) -> None:
        """
        A connection that does not close in time is cut.
        """
        stage = Stage()
        client = stage.connect()
        client.socket.loseConnection = lambda: client.socket.said.append("close")  # type: ignore[method-assign]
        stage.pass_time(12)
        self.assertEqual(client.socket.said[2:], ["close", "abort"])
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_slow_taker(self) -> None:
        """
        A client that takes its last answer slowly gets all of it.
        """
        stage = Stage()
        client = stage.connect()
        client.socket.room = 10
        client.send(post(fields=b"Connection: close\r\n"))
        for _ in range(10):
            stage.pass_time(2)
            client.socket.take(30)
        self.assertFalse(client.socket.gone)
        client.socket.take(1000)
        self.assertEqual(client.answer.status, 200)
        self.assertTrue(client.socket.gone)

    def test_never_taker(self) -> None:
        """
        A client that takes nothing is cut.
        """
        stage = Stage()
        client = stage.connect()
        client.socket.room = 10
        client.send(post())
        stage.pass_time(29)
        self.assertNotIn("abort", client.socket.said)
        stage.pass_time(2)
        self.assertIn("abort", client.socket.said)

    def test_requests(self) -> None:
        """
        A connection is used for so many requests only, and says so on the last answer.
        """
        stage = Stage(Limits(requests=2))
        client = stage.connect()
        client.send(post())
        client.send(post())
        first, second = client.answers
        self.assertNotIn("Connection", first.fields)
        self.assertEqual(second.fields["Connection"], "close")

    def test_life(self) -> None:
        """
        A connection lives only so long, and says so on the last answer.
        """
        stage = Stage(Limits(connection_life=Seconds(60)))
        client = stage.connect()
        client.send(post())
        stage.pass_time(60)
        client.send(post())
        self.assertEqual([a.fields.get("Connection") for a in client.answers], [None, "close"])


@define(eq=False)
class Echoing:
    """
    Another protocol, which sends back what it gets.

    Attributes:
        pauses: Whether what it gets first is too much for it.
        said: What was asked of it.
    """

    porch: Porch
    due: float = inf
    pauses: bool = False
    said: list[str] = field(factory=list)
    _outlet: Outlet = field(init=False)

    def makeConnection(self, transport: Any) -> None:
        """
        Begin, with an outlet of its own.
        """
        porch = self.porch
        self._outlet = choose(transport, porch.limits, porch.slow, porch.clock)
        if self.pauses:
            transport.pauseProducing()

    def dataReceived(self, data: bytes) -> None:
        """
        Send it back.
        """
        self._outlet.send(b"<%b>" % data)

    def connectionLost(self, reason: Failure) -> None:
        """
        Leave, as a connection does.
        """
        self.porch.leave(self)
        self.said.append("lost")

    def check(self, now: float) -> None:
        """
        Do nothing more that is due.
        """
        self.due = inf
        self.said.append("check")

    def retire(self) -> None:
        """
        Hear of it.
        """
        self.said.append("retire")


class SwitchTests(SynchronousTestCase):
    """
    Connections that speak another protocol from some point on.
    """

    def setUp(self) -> None:
        """
        Hand over what asks for it.
        """
        self.stage = Stage(Limits(connections=1))
        self.next = Echoing(self.stage.doors.porch)
        self.stage.echo.plan = self.serve
        self.head = post(fields=b"X-Switch: 1\r\n", body=b"")

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Hand over, or wait.
        """
        if b"x-switch" in request.head.fields:
            reply.switch(self.next)
        else:
            self.reply = reply

    def test_head_and_more(self) -> None:
        """
        The next protocol has the head again, and what came with it in one read, once and in order.
        """
        client = self.stage.connect()
        client.send(self.head + b"first")
        self.assertEqual(bytes(client.socket.taken), b"<" + self.head + b"first>")
        protocol: object = client.socket.protocol
        self.assertIs(protocol, self.next)
        self.next.dataReceived(b"more")
        self.assertTrue(client.socket.taken.endswith(b"first><more>"))
        self.assertEqual(self.stage.told, [])

    def test_pieces(self) -> None:
        """
        It makes no difference how the network cuts the head.
        """
        client = self.stage.connect()
        for at in range(len(self.head)):
            client.send(self.head[at : at + 1])
        self.assertEqual(bytes(client.socket.taken), b"<" + self.head + b">")

    def test_later_request(self) -> None:
        """
        A connection may be handed over after other requests, pipelined ones too.
        """
        client = self.stage.connect()
        client.send(post() + self.head + b"first")
        self.assertEqual(bytes(client.socket.taken), b"")
        self.reply.answer((b"{}",))
        self.stage.turn()
        self.assertTrue(client.socket.taken.endswith(b"{}<" + self.head + b"first>"))

    def test_reading(self) -> None:
        """
        A connection that was paused because too much was queued is read from again, if the next wants it.
        """
        for pauses, words in ((False, ["pause", "resume"]), (True, ["pause", "resume", "pause"])):
            self.next = Echoing(self.stage.doors.porch, pauses=pauses)
            client = self.stage.connect()
            client.send(post() + self.head + b"x" * 100_000)
            self.assertEqual(client.socket.said[-1], "pause")
            self.reply.answer((b"{}",))
            self.stage.turn()
            self.assertEqual([word for word in client.socket.said if word in words], words)
            self.assertTrue(client.socket.taken.endswith(b"x" * 100_000 + b">"))
            client.hang_up()

    def test_over(self) -> None:
        """
        The exchange is over for all who count it; the connection still counts, until it is gone.
        """
        over: list[str] = []

        def serve(request: Request, reply: Reply) -> None:
            reply.over, reply.hung_up = (lambda: over.append("over")), (lambda: over.append("hung up"))
            reply.switch(self.next)

        self.stage.echo.plan = serve
        client = self.stage.connect()
        client.send(self.head)
        self.assertEqual((over, self.stage.ledger.connections), (["over"], 1))
        self.assertIn("abort", self.stage.connect().socket.said)
        client.hang_up()
        self.assertEqual((over, self.next.said, self.stage.ledger.connections), (["over"], ["lost"], 0))

    def test_address(self) -> None:
        """
        A connection that was handed over counts by its address until it is gone, and not after.
        """
        stage = Stage(Limits(connections_per_address=1))
        stage.echo.plan = lambda request, reply: reply.switch(Echoing(stage.doors.porch))
        for _ in range(3):
            client = stage.connect("192.0.2.7")
            client.send(self.head)
            self.assertEqual(stage.connect("192.0.2.7").socket.said, ["abort"])
            client.hang_up()
        self.assertEqual((stage.ledger.connections, len(stage.ledger._addresses)), (0, 0))

    def test_deadlines(self) -> None:
        """
        The former deadlines are gone, and the next protocol's are kept; a daemon that stops tells it.
        """
        client = self.stage.connect()
        client.send(self.head)
        self.stage.pass_time(4000)
        self.assertEqual((client.socket.gone, self.next.said), (False, []))
        self.next.due = self.stage.clock.seconds() + 1
        self.stage.pass_time(2)
        self.stage.doors.retire()
        self.assertEqual(self.next.said, ["check", "retire"])

    def test_wrapped(self) -> None:
        """
        On TLS the next protocol has the wrapper's bytes, writes to the wrapper, and hears when that is gone.
        """
        transport = StringTransport()
        wrapper = WrappingFactory(self.stage.doors).buildProtocol(None)
        wrapper.makeConnection(transport)
        former = wrapper.wrappedProtocol
        wrapper.dataReceived(self.head + b"first")
        self.assertIs(wrapper.wrappedProtocol, self.next)
        self.assertIs(transport.producer, self.next._outlet)
        wrapper.dataReceived(b"more")
        self.assertEqual(transport.value(), b"<" + self.head + b"first><more>")
        wrapper.connectionLost(Failure(ConnectionDone()))
        self.assertEqual((self.next.said, self.stage.ledger.connections), (["lost"], 0))
        self.assertIsInstance(former, Connection)


class RefusedTests(SynchronousTestCase):
    """
    What the operator is told of those that are refused.
    """

    def test_each(self) -> None:
        """
        A refusal is told with its id, its client, its status and its reason, and with nothing that was sent.
        """
        for data, status in (
            (b"secret\r\n\r\n", 400),
            (post(fields=b"X-Refuse: secret\r\n"), 401),
            (post(fields=b"Origin: http://secret\r\n"), 403),
            (post(path=b"/secret"), 404),
            (post().replace(HOST, b"secret"), 421),
            (post(fields=b"X-Long: secret" + b"x" * 40_000 + b"\r\n"), 431),
            (post(fields=b"Expect: secret\r\n"), 417),
        ):
            stage = Stage()
            client = stage.connect("192.0.2.7")
            client.send(data)
            (event,) = stage.told
            assert isinstance(event, RequestRefused)
            answer = client.answer
            self.assertEqual((event.peer, event.status, answer.status), ("192.0.2.7", status, status))
            self.assertEqual(event.request, answer.fields["X-Request-Id"])
            self.assertIn(event.why.encode(), answer.body)
            self.assertNotIn("secret", repr(event))

    def test_slow(self) -> None:
        """
        A client that is too slow is told of.
        """
        stage = Stage()
        stage.connect().send(b"POST")
        stage.pass_time(11)
        (event,) = stage.told
        assert isinstance(event, RequestRefused)
        self.assertEqual((event.status, event.peer), (408, "127.0.0.1"))

    def test_late(self) -> None:
        """
        A refusal after the whole body came is told, too.
        """
        stage = Stage()

        def serve(request: Request, reply: Reply) -> None:
            raise Fault(Kind.UNAUTHORIZED, "not any more")

        stage.echo.plan = serve
        client = stage.connect("")
        data = post(b"hello")
        client.send(data[:-1])
        client.send(data[-1:])
        (event,) = stage.told
        self.assertEqual(
            event, RequestRefused(client.answer.fields["X-Request-Id"], "unix", 401, "not any more")
        )

    def test_served(self) -> None:
        """
        Nothing is told of what is served, whatever its answer says, nor of a fault of ours.
        """
        stage = Stage()
        client = stage.connect()
        client.send(post())
        stage.echo.plan = lambda request, reply: reply.fault(Fault(Kind.OVERLOADED, "too much"))
        client.send(post())
        stage.echo.refusal = RuntimeError("broken")
        client.send(post())
        self.assertEqual([a.status for a in client.answers], [200, 503, 500])
        self.assertEqual(stage.told, [])
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)

    def test_many(self) -> None:
        """
        Of a flood few are told, and how many more there were, even if everybody has gone meanwhile.
        """
        stage = Stage()
        for _ in range(25):
            client = stage.connect()
            client.send(b"nonsense\r\n\r\n")
            client.hang_up()
        self.assertEqual(len(stage.told), 10)
        stage.pass_time(2)
        self.assertEqual(stage.told[10:], [RefusalsUntold(15)])
        self.assertEqual(stage.clock.getDelayedCalls(), [])

    def test_nobody(self) -> None:
        """
        Doors that nobody listens to refuse as well.
        """
        porch = Stage().doors.porch
        doors = Doors(Clock(), porch.site, porch.limits, porch.ledger, bytes)
        transport = StringTransport()
        connection = doors.buildProtocol(None)
        connection.makeConnection(transport)
        connection.dataReceived(b"nonsense\r\n\r\n")
        self.assertEqual([a.status for a in read_answers(transport.value())], [400])


class HostileTests(SynchronousTestCase):
    """
    Requests of clients with bad manners.
    """

    hostile = Hostile(HOST)

    def play(self, case: Case, size: int) -> tuple[Stage, Client]:
        """
        Send a case in pieces.
        """
        stage = Stage(evolve(Limits(), body=Bytes(1 << 20)))
        client = stage.connect()
        for start in range(0, len(case.data), size):
            client.send(case.data[start : start + size])
            stage.turn()
        stage.turn()
        return stage, client

    def check(self, case: Case, client: Client) -> None:
        """
        See that a case was answered as it may be.
        """
        got = outcome(client, bodyless=case.data.startswith(b"HEAD"))
        first = got[0][0] if got else NOTHING
        self.assertIn(first, case.statuses, (case.name, bytes(client.socket.taken)))
        self.assertLessEqual(len(got), case.answers, case.name)
        for status, body in got:
            self.assertEqual(body.startswith(b'{"jsonrpc"'), status >= 400 and bool(body), case.name)

    def test_table(self) -> None:
        """
        Whatever a client sends, it is refused with the right status, and the next client is served.
        """
        cases = self.hostile.cases()
        self.assertGreater(len(cases), 250)
        self.assertEqual(len({case.name for case in cases}), len(cases))
        for case in cases:
            stage, client = self.play(case, 1 << 16)
            self.check(case, client)
            good = stage.connect()
            good.send(post())
            self.assertEqual(good.answer.status, 200, case.name)
            client.hang_up()
            good.hang_up()
            self.assertEqual((stage.ledger.connections, stage.ledger.buffered), (0, 0), case.name)

    def test_pieces(self) -> None:
        """
        It makes no difference how the network cuts what a client sends.
        """
        for case in self.hostile.cases():
            if len(case.data) > 2000:
                continue
            for size in (1, 2, 3, 7):
                _, client = self.play(case, size)
                self.check(case, client)

    def test_each_boundary(self) -> None:
        """
        A request that is cut in two, anywhere, is taken as if it came in one piece.
        """
        chunked = post().replace(b"Content-Length: 2", b"Transfer-Encoding: chunked")[:-2]
        for data in (
            post(b"hello", b"Accept: a\r\n"),
            b"\r\n" + post(),
            chunked + b"2;x\r\n{}\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n",
            post(b"hello", b"X-Refuse: 1\r\nConnection: close\r\n"),
            post() + post(b"more"),
            post(b"hello", version=b"1.0"),
            b"GET /nothing HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n",
        ):
            results = set()
            for cut in range(len(data)):
                stage = Stage()
                client = stage.connect()
                for piece in filter(None, (data[:cut], data[cut:])):
                    client.send(piece)
                stage.turn()
                bodies = tuple(request.body for request in stage.echo.heard)
                results.add((tuple(status for status, _ in outcome(client)), bodies))
            self.assertEqual(len(results), 1, data)

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.binary(max_size=200), max_size=5))
    def test_noise(self, pieces: list[bytes]) -> None:
        """
        No bytes at all make the daemon stumble.
        """
        stage = Stage()
        client = stage.connect()
        for piece in pieces:
            client.send(piece)
        stage.pass_time(1)
        self.assertTrue(all(answer.status >= 400 for answer in client.answers))

    @settings(max_examples=300, deadline=None)
    @given(st.data())
    def test_spoilt(self, data: st.DataObject) -> None:
        """
        A good request with some bytes changed is answered or refused, never more.
        """
        request = bytearray(post(b"hello", b"Accept: */*\r\nConnection: keep-alive\r\n"))
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, len(request) - 1))
            request[at] = data.draw(st.integers(0, 255))
        stage = Stage()
        client = stage.connect()
        client.send(bytes(request))
        stage.turn()
        self.assertLessEqual(len(outcome(client, bodyless=False)), 2)
        self.assertEqual(self.flushLoggedErrors(), [])
