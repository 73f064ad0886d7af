# -*- test-case-name: tests.workers.test_peer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.peer`.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.workers.peer import LegacySpeech, ModernSpeech, Patience, Peer, Strays
from tests.workers.stage import Audience, call, members, shown

CALL = b'"name":"add","arguments":{"a":1}'
LONG = Patience(60, 600)


class PeerCase(SynchronousTestCase):
    """
    A conversation with a worker that is not there.
    """

    def setUp(self) -> None:
        """
        Have a conversation.
        """
        self.clock = Clock()
        self.sent: list[bytes] = []
        self.noise: list[tuple[bytes, str]] = []
        self.crowded = False
        self.peer = Peer(self.clock, self.send, self.hear_noise, lambda: self.crowded)
        self.audience = Audience()

    def send(self, data: bytes) -> int:
        """
        Remember what was said; nothing ever waits.
        """
        self.sent.append(data)
        return 0

    def hear_noise(self, line: bytes, why: str) -> None:
        """
        Remember what was no message.
        """
        self.noise.append((line, why))

    def ask(self, patience: Patience = LONG, *, progress: bool = False) -> Deferred[Answer | Refusal]:
        """
        Ask for a tool.
        """
        return self.peer.ask(call(progress=progress), self.audience, patience)

    def fault(self, deferred: Deferred[Answer | Refusal]) -> Fault:
        """
        Tell how a request failed.
        """
        failure = self.failureResultOf(deferred, Fault)
        assert isinstance(failure.value, Fault)
        return failure.value


class SpeechTests(PeerCase):
    """
    Tests for the two ways of speaking to plugins.
    """

    def test_legacy(self) -> None:
        """
        A legacy plugin gets the call as it is.
        """
        self.ask()
        self.assertEqual(
            self.sent, [b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{%b}}\n' % CALL]
        )

    def test_legacy_meta(self) -> None:
        """
        A legacy plugin gets a token of our own where progress is wanted, and what the client meant for it.
        """
        self.peer.ask(call(progress=True, meta=members(traceparent="00-1")), self.audience, LONG)
        self.assertEqual(
            self.sent[0],
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{%b,'
            b'"_meta":{"traceparent":"00-1","progressToken":1}}}\n' % CALL,
        )
        self.peer.ask(call(meta=members(traceparent="00-1")), self.audience, LONG)
        self.clock.advance(0)
        self.assertTrue(self.sent[1].endswith(b'"_meta":{"traceparent":"00-1"}}}\n'))

    def test_modern(self) -> None:
        """
        A modern plugin is told everything in each request.
        """
        self.peer.speak(ModernSpeech((("io.modelcontextprotocol/protocolVersion", b'"2026-07-28"'),)))
        self.ask()
        stamp = b'"io.modelcontextprotocol/protocolVersion":"2026-07-28"'
        self.assertEqual(
            self.sent[0],
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{%b,"_meta":{%b}}}\n' % (CALL, stamp),
        )
        self.peer.ask(call(progress=True, meta=members(traceparent="00-1")), self.audience, LONG)
        self.clock.advance(0)
        tail = b'"_meta":{%b,"traceparent":"00-1","progressToken":2}}}\n' % stamp
        self.assertTrue(self.sent[1].endswith(tail))

    def test_gathered(self) -> None:
        """
        A worker that is at work gets the calls of one turn in one write, before whatever is said later.
        """
        asked = [self.ask() for _ in range(3)]
        self.assertEqual(len(self.sent), 1)
        self.clock.advance(0)
        self.assertEqual([line.count(b"\n") for line in self.sent], [1, 2])
        self.ask()
        asked[0].addErrback(lambda failure: None).cancel()
        self.assertIn(b'"id":4,', self.sent[2])
        self.assertIn(b"notifications/cancelled", self.sent[3])
        self.clock.advance(0)
        self.assertEqual(len(self.sent), 4)

    def test_own(self) -> None:
        """
        Our own requests are said in the plugin's way, too.
        """
        start = b'{"jsonrpc":"2.0","id":%d,"method":"tools/list","params":'
        self.peer.request(b"tools/list", (), LONG)
        self.peer.request(b"tools/list", (("cursor", b'"2"'),), LONG)
        self.peer.speak(ModernSpeech((("v", b"1"),)))
        self.peer.request(b"tools/list", (), LONG)
        self.peer.request(b"tools/list", (("cursor", b'"2"'),), LONG)
        self.peer.speak(LegacySpeech())
        self.peer.request(b"tools/list", (), LONG)
        bodies = (b"{}", b'{"cursor":"2"}', b'{"_meta":{"v":1}}', b'{"cursor":"2","_meta":{"v":1}}', b"{}")
        expected = [start % number + body + b"}\n" for number, body in enumerate(bodies, 1)]
        self.assertEqual(self.sent, expected)

    def test_notify(self) -> None:
        """
        A notice has no number.
        """
        self.peer.notify(b"notifications/initialized", ())
        expected = b'{"jsonrpc":"2.0","method":"notifications/initialized","params":{}}\n'
        self.assertEqual(self.sent, [expected])


class AnswerTests(PeerCase):
    """
    Tests for answers, and what passes for one.
    """

    def test_answered(self) -> None:
        """
        Each request gets its own answer, in whatever order they come, with every byte of the result.
        """
        first, second = self.ask(), self.ask()
        self.assertEqual(self.peer.running, 2)
        self.peer.heard(
            (b'{"jsonrpc":"2.0","id":2,"result":{"n":1.50}}', b'{"jsonrpc":"2.0","id":1,"result":{}}')
        )
        answer = self.successResultOf(second)
        assert isinstance(answer, Answer)
        self.assertEqual(bytes(answer.result["n"]), b"1.50")
        self.successResultOf(first)
        self.assertEqual((self.peer.running, self.peer.strays), (0, Strays()))

    def test_refused(self) -> None:
        """
        An error of a plugin is its answer.
        """
        asked = self.ask()
        self.peer.heard((b'{"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"no","data":[1]}}',))
        refusal = self.successResultOf(asked)
        assert isinstance(refusal, Refusal)
        self.assertEqual((refusal.code, refusal.message), (-32602, "no"))

    def test_repeated(self) -> None:
        """
        A second answer reaches nobody, and is counted.
        """
        asked = self.ask()
        line = b'{"jsonrpc":"2.0","id":1,"result":{"n":%d}}'
        self.peer.heard((line % 1, line % 2))
        answer = self.successResultOf(asked)
        assert isinstance(answer, Answer)
        self.assertEqual(shown(answer.result), {"n": 1})
        self.assertEqual(self.peer.strays, Strays(answers=1))

    def test_foreign(self) -> None:
        """
        An answer to what nobody asked, or with a number that only looks like ours, reaches nobody.
        """
        asked = self.ask()
        ids = (b"0", b"2", b"-1", b'"1"', b"01", b"1.0", b"1e0", b"null", b"true", b"[1]", b'"\\u0031"')
        for id in ids:
            self.peer.heard((b'{"jsonrpc":"2.0","id":%b,"result":{}}' % id,))
        self.peer.heard((b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"what"}}',))
        self.assertNoResult(asked)
        strays = self.peer.strays
        self.assertEqual(strays.answers + strays.noise, len(ids) + 1)
        self.assertEqual(strays.answers, len(ids))

    def test_numbers(self) -> None:
        """
        Requests are numbered from one, and no number comes twice.
        """
        for _ in range(3):
            self.ask().addErrback(lambda failure: None).cancel()
        self.ask()
        numbers = [line.split(b'"id":')[1].split(b",")[0] for line in self.sent if b'"id":' in line]
        self.assertEqual(numbers, [b"1", b"2", b"3", b"4"])

    def test_noise(self) -> None:
        """
        A line that is no message is told and counted, and what comes after it is heard.
        """
        asked = self.ask()
        lines = (
            b"listening on stdio", b"{", b"[]", b'"text"', b"\xff", b'{"jsonrpc":"1.0","id":1,"result":{}}',
            b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"2.0","id":1,"result":[]}', b"[" * 5000,
            b'[{"jsonrpc":"2.0","id":1,"result":{}}]',
        )  # fmt: skip
        self.peer.heard((*lines, b'{"jsonrpc":"2.0","id":1,"result":{}}'))
        self.successResultOf(asked)
        self.assertEqual([line for line, _ in self.noise], list(lines))
        self.assertTrue(all(why for _, why in self.noise))
        self.assertEqual(self.noise[-1][1], "it is a batch")
        self.assertEqual(self.peer.strays, Strays(noise=len(lines)))


class ProgressTests(PeerCase):
    """
    Tests for notices.
    """

    def progress(self, token: bytes, method: bytes = b"notifications/progress") -> None:
        """
        Let the worker say how far it is.
        """
        params = b'{"progressToken":%b,"progress":5}' % token
        self.peer.heard((b'{"jsonrpc":"2.0","method":"%b","params":%b}' % (method, params),))

    def test_told(self) -> None:
        """
        Progress reaches the one whose call it is, without our own token.
        """
        other = Audience()
        self.peer.ask(call(progress=True), other, LONG)
        self.ask(progress=True)
        self.progress(b"2")
        [notice] = self.audience.notices
        self.assertEqual((notice.method, shown(notice.params)), ("notifications/progress", {"progress": 5}))
        self.assertEqual(other.notices, [])

    def test_stray(self) -> None:
        """
        Progress of nothing, of what is over, of our own requests, and other notices reach nobody.
        """
        self.ask(progress=True)
        self.peer.heard((b'{"jsonrpc":"2.0","id":1,"result":{}}',))
        self.peer.request(b"tools/list", (), LONG)
        for token in (b"1", b"2", b"3", b'"2"', b"null", b"0"):
            self.progress(token)
        self.ask(progress=True)
        self.progress(b"3", b"notifications/message")
        self.peer.heard((b'{"jsonrpc":"2.0","method":"notifications/progress"}',))
        self.peer.heard((b'{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":null}',))
        self.assertEqual(self.audience.notices, [])
        self.assertEqual(self.peer.strays, Strays(notices=9))

    def test_deadline_anew(self) -> None:
        """
        A call that tells of progress may take longer, but never longer than in all.
        """
        asked = self.ask(Patience(10, 25), progress=True)
        for _ in range(3):
            self.clock.advance(8)
            self.progress(b"1")
            self.peer.expire()
            self.assertNoResult(asked)
        self.clock.advance(1)
        self.progress(b"1")
        self.peer.expire()
        self.assertIs(self.fault(asked).kind, Kind.DEADLINE)

    def test_deadline_not_anew(self) -> None:
        """
        Another call's progress gives a call no more time.
        """
        asked = self.ask(Patience(10, 25))
        self.ask(LONG, progress=True)
        self.clock.advance(9)
        self.progress(b"2")
        self.clock.advance(1)
        self.peer.expire()
        self.fault(asked)
        self.assertEqual(self.peer.running, 1)


class GivingUpTests(PeerCase):
    """
    Tests for deadlines, cancelling, and a worker that is gone.
    """

    def cancelled(self, number: int, reason: str) -> bytes:
        """
        Say what a worker is told of a call that is over.
        """
        return (
            b'{"jsonrpc":"2.0","method":"notifications/cancelled",'
            b'"params":{"requestId":%d,"reason":"%b"}}\n' % (number, reason.encode())
        )

    def test_expired(self) -> None:
        """
        A call whose time is over fails, the worker is told once, and the answer is late.
        """
        asked, other = self.ask(Patience(10, 600)), self.ask(Patience(11, 600))
        self.clock.advance(9.9)
        self.peer.expire()
        self.assertNoResult(asked)
        self.clock.advance(0.1)
        self.peer.expire()
        self.peer.expire()
        fault = self.fault(asked)
        self.assertEqual((fault.kind, fault.text), (Kind.DEADLINE, "the plugin did not answer in time"))
        self.assertEqual(self.sent[2:], [self.cancelled(1, "deadline")])
        self.peer.heard((b'{"jsonrpc":"2.0","id":1,"result":{}}',))
        self.assertNoResult(other)
        self.assertEqual(self.peer.strays, Strays(answers=1))

    def test_least(self) -> None:
        """
        A call may take no longer than in all, although it alone might.
        """
        asked = self.ask(Patience(10, 5))
        self.clock.advance(5)
        self.peer.expire()
        self.fault(asked)

    def test_cancelled(self) -> None:
        """
        A caller that gives up has the worker told once, and what still comes is dropped.
        """
        asked = self.ask()
        asked.cancel()
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(self.sent[1:], [self.cancelled(1, "the caller gave up")])
        self.peer.heard((b'{"jsonrpc":"2.0","id":1,"result":{}}',))
        self.assertEqual((self.peer.running, self.peer.strays), (0, Strays(answers=1)))

    def test_cancelled_late(self) -> None:
        """
        Nothing is cancelled at the worker once it has answered.
        """
        asked = self.ask()
        self.peer.heard((b'{"jsonrpc":"2.0","id":1,"result":{}}',))
        asked.cancel()
        self.successResultOf(asked)
        self.assertEqual(len(self.sent), 1)

    def test_lost(self) -> None:
        """
        When a worker is gone every waiting request fails, and nothing is said to it any more.
        """
        waiting = [self.ask(), self.ask(), self.peer.request(b"tools/list", (), LONG)]
        fault = Fault(Kind.PLUGIN_GONE, "gone")
        self.assertEqual(self.peer.lose(fault), 3)
        self.assertEqual([self.fault(each) for each in waiting], [fault] * 3)
        self.assertEqual((len(self.sent), self.peer.running, self.peer.lose(fault)), (3, 0, 0))

    def test_lost_later(self) -> None:
        """
        A request to a worker that is gone fails at once, even one that is made because another failed.
        """
        again: list[Deferred[Answer | Refusal]] = []
        self.ask().addErrback(lambda failure: again.append(self.ask()))
        self.peer.lose(Fault(Kind.PLUGIN_GONE, "gone"))
        self.assertIs(self.fault(again[0]).kind, Kind.PLUGIN_GONE)
        self.assertIs(self.fault(self.ask()).kind, Kind.PLUGIN_GONE)
        self.assertEqual(self.peer.running, 0)

    def test_giving_up_another(self) -> None:
        """
        A caller who gives up all its calls because one failed has each of them answered once.
        """

        def spoil() -> tuple[Deferred[Answer | Refusal], Deferred[Answer | Refusal]]:
            first, second = self.ask(Patience(10, 10)), self.ask(Patience(10, 10))
            first.addErrback(lambda failure: second.cancel())
            return first, second

        expired = spoil()
        self.clock.advance(10)
        self.peer.expire()
        lost = spoil()
        self.assertEqual(self.peer.lose(Fault(Kind.PLUGIN_GONE, "gone")), 2)
        for first, second in (expired, lost):
            self.successResultOf(first)
            self.failureResultOf(second, CancelledError)


class QuestionTests(PeerCase):
    """
    Tests for what a worker asks.
    """

    def test_ping(self) -> None:
        """
        A worker that asks whether we are there is answered, whatever its number is.
        """
        for id in (b"0", b"7", b'"x"', b"-3"):
            self.peer.heard((b'{"jsonrpc":"2.0","id":%b,"method":"ping"}' % id,))
        expected = [b'{"jsonrpc":"2.0","id":%b,"result":{}}\n' % id for id in (b"0", b"7", b'"x"', b"-3")]
        self.assertEqual(self.sent, expected)

    def test_others(self) -> None:
        """
        A worker that asks anything else gets an error, and is not kept waiting.
        """
        asked = self.ask()
        for method in (b"roots/list", b"sampling/createMessage", b"tools/call"):
            self.peer.heard((b'{"jsonrpc":"2.0","id":1,"method":"%b","params":{}}' % method,))
        text = b"this client answers no such request"
        refusal = b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"%b"}}\n' % text
        self.assertEqual(self.sent[1:], [refusal] * 3)
        self.assertNoResult(asked)

    def test_not_reading(self) -> None:
        """
        A worker that asks without end and reads no answers does not fill our memory.
        """
        self.crowded = True
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"method":"ping"}'] * 5)
        self.assertEqual((self.sent, self.peer.strays), ([], Strays(questions=5)))
