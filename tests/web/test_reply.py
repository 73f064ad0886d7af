# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.reply`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf

from attrs import define, field
from msgspec import Raw
from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.units import Seconds
from mcpd.web.http import Reply, Request
from mcpd.web.reply import SAME_ORIGIN, Stamp, Successor
from mcpd.web.spec import Limits
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece
from tests.web.stage import Answer, Client, Stage, post, read_answers


@define(eq=False)
class Line:
    """
    A connection, as a reply sees it.
    """

    bodyless: bool = False
    old: bool = False
    sent: list[bytes] = field(factory=list)
    calls: list[Callable[[], None]] = field(factory=list)
    over: int = 0
    successors: list[Successor] = field(factory=list)

    def give(self, line: bytes, own: bytes, parts: Sequence[Piece]) -> None:
        """
        Remember an answer.
        """
        self.sent.append(b"".join((self.begin(line, own, False), b"\r\n", *parts)))
        self.finished()

    def begin(self, line: bytes, own: bytes, endless: bool) -> bytes:
        """
        Write a field of its own, and keep the connection if it can be.
        """
        return line + b"A: a\r\nX-Request-Id: " + own + (b"Connection: close\r\n" if endless else b"")

    def send(self, data: bytes) -> None:
        """
        Remember what was sent.
        """
        self.sent.append(data)

    def later(self, call: Callable[[], None]) -> None:
        """
        Remember what is to be called.
        """
        self.calls.append(call)

    def turn(self) -> None:
        """
        Call what was to be called.
        """
        calls, self.calls = self.calls, []
        for call in calls:
            call()

    def spoke(self) -> None:
        """
        Hear of it, and forget it.
        """

    def finished(self) -> None:
        """
        Count the answers.
        """
        self.over += 1

    def switch(self, successor: Successor) -> None:
        """
        Remember who comes next.
        """
        self.successors.append(successor)

    @property
    def answer(self) -> Answer:
        """
        The only answer.
        """
        (answer,) = read_answers(b"".join(self.sent), self.bodyless)
        return answer


@define(eq=False)
class Idle:
    """
    Another protocol, which does nothing.
    """

    due: float = inf

    def makeConnection(self, transport: ITransport) -> None:
        """
        Begin.
        """

    def dataReceived(self, data: bytes) -> None:
        """
        Take what came.
        """

    def connectionLost(self, reason: Failure) -> None:
        """
        End.
        """

    def check(self, now: float) -> None:
        """
        Do what is due.
        """

    def retire(self) -> None:
        """
        Close.
        """


def event(data: bytes) -> bytes:
    """
    Write an event as a client sees it.
    """
    return b"event: message\ndata: " + data + b"\n\n"


class WholeTests(SynchronousTestCase):
    """
    Answers in one piece.
    """

    def test_answer(self) -> None:
        """
        An answer of several pieces is one text, in one write.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.answer((b"{", b'"a":', Raw(b"1"), b"}"), 503, ((b"X-A", b"b"), (b"X-C", b"d")))
        self.assertEqual(len(line.sent), 1)
        self.assertEqual((line.answer.status, line.answer.body), (503, b'{"a":1}'))
        self.assertEqual((line.answer.fields["X-A"], line.answer.fields["X-C"]), ("b", "d"))
        self.assertEqual((reply.gone, line.over), (True, 1))

    def test_once(self) -> None:
        """
        A request has one answer.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.answer((b"1",))
        reply.answer((b"2",))
        reply.empty(202)
        reply.notice((b"3",))
        reply.prime(b"4", 5)
        reply.open()
        reply.end()
        reply.fault(Fault(Kind.INTERNAL, "no"))
        reply.comment()
        line.turn()
        self.assertEqual((line.answer.body, line.over), (b"1", 1))

    def test_empty(self) -> None:
        """
        An answer without a body says so, and a 204 does not even have a length.
        """
        for status, length in ((202, "0"), (204, None)):
            line = Line()
            Reply(line, "ID").empty(status, ((b"X-A", b"b"),))
            self.assertEqual((line.answer.status, line.answer.fields.get("Content-Length")), (status, length))
            self.assertEqual(line.answer.fields["Cache-Control"], "no-store")
            self.assertNotIn("Content-Type", line.answer.fields)

    def test_fault(self) -> None:
        """
        A fault is a JSON-RPC error with its own data and fields, and the id of its request.
        """
        line = Line()
        fault = Fault(Kind.UNSUPPORTED_VERSION, "no", {"supported": ["a"]}, ((b"Retry-After", b"1"),))
        Reply(line, "ID").fault(fault, b'"x"')
        self.assertEqual((line.answer.status, line.answer.fields["Retry-After"]), (400, "1"))
        self.assertEqual(
            line.answer.body,
            b'{"jsonrpc":"2.0","id":"x","error":{"code":-32022,"message":"no",'
            b'"data":{"supported":["a"],"requestId":"ID"}}}',
        )

    def test_fault_status(self) -> None:
        """
        A fault's status may be another one, where the protocol wants that.
        """
        line = Line()
        Reply(line, "ID").fault(Fault(Kind.ENVELOPE, "no"), b"1", 200)
        self.assertEqual(line.answer.status, 200)

    def test_over(self) -> None:
        """
        Who waits for the end of a request hears of it once, with its answer.
        """
        over: list[bool] = []
        reply = Reply(Line(), "ID", over=lambda: over.append(True))
        reply.answer((b"1",))
        reply.lost()
        self.assertEqual(over, [True])

    def test_switch(self) -> None:
        """
        A request whose connection changes its language has no answer, and is over.
        """
        line, successor = Line(), Idle()
        over: list[bool] = []
        reply = Reply(line, "ID", over=lambda: over.append(True))
        reply.switch(successor)
        reply.answer((b"1",))
        self.assertEqual((line.successors, line.sent, over, reply.gone), ([successor], [], [True], True))


class StreamTests(SynchronousTestCase):
    """
    Streams of events.
    """

    def test_stream(self) -> None:
        """
        Messages before the answer make it a stream, and those of one turn are sent together.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.notice((b"1",))
        reply.notice((b"2", b"2"))
        self.assertEqual(line.sent, [])
        line.turn()
        self.assertEqual(len(line.sent), 1)
        reply.notice((b"3",))
        line.turn()
        reply.answer((b"4",), 503, ((b"X-A", b"b"),))
        answer = line.answer
        self.assertEqual((answer.status, len(line.sent), line.over), (200, 3, 1))
        self.assertEqual(answer.body, b"".join(map(event, (b"1", b"22", b"3", b"4"))))
        self.assertTrue(line.sent[-1].endswith(b"\r\n0\r\n\r\n"))
        self.assertEqual(
            answer.fields,
            {
                "A": "a",
                "X-Request-Id": "ID",
                "Cache-Control": "no-store, no-transform",
                "X-Accel-Buffering": "no",
                "Content-Type": "text/event-stream",
                "Transfer-Encoding": "chunked",
            },
        )

    def test_one_turn(self) -> None:
        """
        A message and the answer right behind it are one write, in their order.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.notice((b"1",))
        reply.answer((b"2",))
        line.turn()
        self.assertEqual((len(line.sent), line.answer.body), (1, event(b"1") + event(b"2")))

    def test_fault(self) -> None:
        """
        A fault on a stream is its last event.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.notice((b"1",))
        line.turn()
        reply.fault(Fault(Kind.INTERNAL, "no"), b"1")
        self.assertEqual(line.answer.status, 200)
        self.assertIn(b'"code":-32603', line.answer.body)

    def test_end(self) -> None:
        """
        A stream may end without an answer, and may be empty.
        """
        for notices in ((), (b"1",)):
            line = Line()
            reply = Reply(line, "ID")
            for text in notices:
                reply.notice((text,))
            reply.end()
            line.turn()
            self.assertEqual(line.answer.fields["Content-Type"], "text/event-stream")
            self.assertEqual(line.answer.body, b"".join(map(event, notices)))
            self.assertTrue(line.sent[-1].endswith(b"0\r\n\r\n"))
            self.assertEqual((reply.gone, line.over), (True, 1))

    def test_empty(self) -> None:
        """
        An empty answer on a stream ends it.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.notice((b"1",))
        reply.empty(202)
        self.assertEqual((line.answer.body, line.over), (event(b"1"), 1))

    def test_old(self) -> None:
        """
        HTTP/1.0 gets no chunks: its stream ends with the connection.
        """
        line = Line(old=True)
        reply = Reply(line, "ID")
        reply.notice((b"1",))
        line.turn()
        reply.answer((b"2",))
        self.assertEqual(line.answer.fields["Connection"], "close")
        self.assertNotIn("Transfer-Encoding", line.answer.fields)
        self.assertEqual(line.answer.body, event(b"1") + event(b"2"))

    def test_head(self) -> None:
        """
        HEAD gets a stream's head, and nothing of the stream.
        """
        line = Line(bodyless=True)
        reply = Reply(line, "ID")
        reply.notice((b"1",))
        line.turn()
        reply.answer((b"2",))
        self.assertEqual(line.answer.fields["Content-Type"], "text/event-stream")
        self.assertTrue(b"".join(line.sent).endswith(b"\r\n\r\n"))

    def test_comment(self) -> None:
        """
        A comment is for streams only.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.comment()
        self.assertEqual(line.sent, [])
        reply.notice((b"1",))
        reply.comment()
        line.turn()
        reply.comment()
        reply.end()
        self.assertEqual(line.answer.body, event(b"1") + b": \n\n: \n\n")


class OpenTests(SynchronousTestCase):
    """
    Streams that are open before there is something to say.
    """

    def test_open(self) -> None:
        """
        A stream's head goes out at once, with a comment that carries it through whoever stands between.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.open()
        self.assertEqual((line.answer.status, line.answer.fields["Content-Type"]), (200, "text/event-stream"))
        self.assertEqual((line.answer.body, line.calls, reply.gone), (b": \n\n", [], False))

    def test_once(self) -> None:
        """
        A stream is opened once, however it was.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.open()
        reply.open()
        self.assertEqual(line.answer.body, b": \n\n")
        line = Line()
        reply = Reply(line, "ID")
        reply.notice((b"1",))
        reply.open()
        line.turn()
        self.assertEqual(line.answer.body, event(b"1"))

    def test_answer(self) -> None:
        """
        An answer on an open stream is its last event, and a fault is, too.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.open()
        reply.answer((b"1",), 503, ((b"X-A", b"b"),))
        reply.notice((b"2",))
        self.assertEqual((line.answer.status, line.answer.body), (200, b": \n\n" + event(b"1")))
        self.assertNotIn("X-A", line.answer.fields)
        self.assertTrue(line.sent[-1].endswith(b"0\r\n\r\n"))
        self.assertEqual((reply.gone, line.over), (True, 1))
        line = Line()
        reply = Reply(line, "ID")
        reply.open()
        reply.fault(Fault(Kind.INTERNAL, "no"), b"1")
        self.assertIn(b'"code":-32603', line.answer.body)

    def test_empty(self) -> None:
        """
        An open stream may end without a word.
        """
        for end in (Reply.end, lambda reply: reply.empty(202)):
            line = Line()
            reply = Reply(line, "ID")
            reply.open()
            end(reply)
            self.assertEqual((line.answer.body, line.over), (b": \n\n", 1))

    def test_prime(self) -> None:
        """
        A priming event opens the stream, says where to go on and when, and may be all of it.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.prime(b"s-0", 500)
        reply.end()
        line.turn()
        self.assertEqual(line.answer.fields["Content-Type"], "text/event-stream")
        self.assertEqual((line.answer.body, line.over), (b"id: s-0\nretry: 500\ndata: \n\n", 1))

    def test_marks(self) -> None:
        """
        Events have the ids that they were given, in their order, and a JSON answer has none.
        """
        line = Line()
        reply = Reply(line, "ID")
        reply.prime(b"0", 500)
        reply.notice((b"1",), b"a")
        reply.notice((b"2",))
        reply.answer((b"3",), mark=b"b")
        self.assertEqual(
            line.answer.body,
            b"id: 0\nretry: 500\ndata: \n\nid: a\n" + event(b"1") + event(b"2") + b"id: b\n" + event(b"3"),
        )
        line = Line()
        Reply(line, "ID").answer((b"3",), mark=b"b")
        self.assertEqual(line.answer.body, b"3")

    def test_head(self) -> None:
        """
        HEAD gets the head at once, and nothing else.
        """
        line = Line(bodyless=True)
        reply = Reply(line, "ID")
        reply.open()
        self.assertEqual(line.answer.status, 200)
        reply.end()
        self.assertTrue(b"".join(line.sent).endswith(b"\r\n\r\n"))

    def test_old(self) -> None:
        """
        HTTP/1.0 gets an open stream without chunks.
        """
        line = Line(old=True)
        reply = Reply(line, "ID")
        reply.open()
        self.assertEqual((line.answer.fields["Connection"], line.answer.body), ("close", b": \n\n"))


class OverConnectionTests(SynchronousTestCase):
    """
    Streams of a real connection.
    """

    def open(self, limits: Limits = Limits(), version: bytes = b"1.1") -> tuple[Stage, Client, Reply]:  # noqa: B008  frozen
        """
        Send a request, and keep its reply.
        """
        stage = Stage(limits)
        replies: list[Reply] = []

        def plan(request: Request, reply: Reply) -> None:
            replies.append(reply)

        stage.echo.plan = plan
        client = stage.connect()
        client.send(post(version=version))
        return stage, client, replies[0]

    def test_silence(self) -> None:
        """
        A silent stream shows that it lives, as long as it is silent.
        """
        stage, client, reply = self.open(Limits(comment=Seconds(15)))
        stage.pass_time(20)
        self.assertEqual(bytes(client.socket.taken), b"")
        reply.notice((b"1",))
        stage.pass_time(14)
        reply.notice((b"2",))
        stage.pass_time(14)
        self.assertEqual(client.answer.body, event(b"1") + event(b"2"))
        stage.pass_time(17)
        reply.answer((b"3",))
        self.assertEqual(client.answer.body, event(b"1") + event(b"2") + b": \n\n" * 2 + event(b"3"))

    def test_silence_from_the_start(self) -> None:
        """
        A stream that was opened without a message shows that it lives, for as long as it is open.
        """
        stage, client, reply = self.open(Limits(comment=Seconds(15)))
        reply.open()
        stage.pass_time(14)
        self.assertEqual(client.answer.body, b": \n\n")
        stage.pass_time(600)
        # The ticks of the deadlines come at most half a second late.
        self.assertIn(len(client.answer.body) // 4, (40, 41))
        self.assertEqual((client.socket.gone, reply.gone), (False, False))

    def test_stalled(self) -> None:
        """
        A client that takes nothing of an open stream is cut, even if all there is are signs of life.
        """
        stage, client, reply = self.open(Limits(comment=Seconds(15), stall=Seconds(30)))
        gone: list[bool] = []
        reply.hung_up = lambda: gone.append(True)
        reply.open()
        client.socket.room = 0
        stage.pass_time(44)
        self.assertEqual((client.socket.said[2:], gone), ([], []))
        stage.pass_time(3)
        self.assertEqual((client.socket.said[2:], gone), (["abort"], [True]))

    def test_next(self) -> None:
        """
        After a stream the connection takes the next request.
        """
        stage, client, reply = self.open()
        reply.notice((b"1",))
        reply.end()
        stage.echo.plan = None
        client.send(post())
        stage.pass_time(70)
        self.assertEqual([a.status for a in client.answers], [200, 200])
        self.assertFalse(client.socket.gone)

    def test_old(self) -> None:
        """
        A stream to HTTP/1.0 ends with the connection.
        """
        stage, client, reply = self.open(version=b"1.0")
        reply.notice((b"1",))
        stage.turn()
        reply.answer((b"2",))
        self.assertIn("close", client.socket.said)
        self.assertEqual(client.answer.body, event(b"1") + event(b"2"))

    def test_hang_up(self) -> None:
        """
        Nothing is sent to a client that has gone.
        """
        stage, client, reply = self.open()
        reply.notice((b"1",))
        client.hang_up()
        stage.pass_time(20)
        self.assertEqual(bytes(client.socket.taken), b"")


class StampTests(SynchronousTestCase):
    """
    The shared fields.
    """

    def test_date(self) -> None:
        """
        The date is that of the second.
        """
        stamp = Stamp()
        first = stamp.fields(0.0)
        self.assertIs(stamp.fields(0.9), first)
        self.assertIn(b"\r\nDate: Thu, 01 Jan 1970 00:00:01 GMT\r\n", stamp.fields(1.0))
        self.assertTrue(stamp.fields(1.0).endswith(b"\r\nX-Request-Id: "))

    def test_own(self) -> None:
        """
        Pages of other origins may not have an answer as a part of theirs, unless the shield says so.
        """
        lines = Stamp().fields(0.0)
        self.assertEqual(lines.count(SAME_ORIGIN), 1)
        self.assertEqual(Stamp(b"A: b\r\n").fields(0.0), lines.replace(SAME_ORIGIN, b"A: b\r\n"))
