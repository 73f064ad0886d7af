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
from mcpd.wire.message import Answer, Notice, Refusal
from mcpd.workers.echoes import LINGER
from mcpd.workers.peer import Patience, Peer
from mcpd.workers.speech import LegacySpeech, ModernSpeech
from mcpd.workers.strays import Strays
from tests.workers.stage import Audience, call, shown

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


class SayingTests(PeerCase):
    """
    Tests for what is said.
    """

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
        self.peer.heard((b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"what"}}',))
        self.assertNoResult(asked)
        strays = self.peer.strays
        self.assertEqual(strays.answers + strays.noise, len(ids) + 1)
        self.assertEqual(strays.answers, len(ids))

    def test_unreadable_there(self) -> None:
        """
        A call that the worker could not read fails at once, if it is the only one that can be meant.
        """
        lines = [
            b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"what"}}',
            b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"what"}}',
        ]
        for line in lines:
            only = self.ask()
            self.peer.heard((line,))
            refusal = self.successResultOf(only)
            assert isinstance(refusal, Refusal)
            self.assertEqual((refusal.code, self.peer.running, self.peer.strays.answers), (-32700, 0, 0))
        both = self.ask(), self.ask()
        self.peer.heard(lines)
        for each in both:
            self.assertNoResult(each)
        self.assertEqual(self.peer.strays.answers, 2)

    def test_unreadable_own(self) -> None:
        """
        What we asked on our own account is not taken for what it could not read.
        """
        asked = self.peer.request(b"tools/list", (), LONG)
        self.peer.heard((b'{"jsonrpc":"2.0","error":{"code":-32700,"message":"what"}}',))
        self.assertNoResult(asked)

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
            b'{"jsonrpc":"2.0","id":1}', b'{"jsonrpc":"2.0","id":1,"method":5,"result":{}}', b"[" * 5000,
            b'[{"jsonrpc":"2.0","id":1,"result":{}}]',
        )  # fmt: skip
        self.peer.heard((*lines, b'{"jsonrpc":"2.0","id":1,"result":{}}'))
        self.successResultOf(asked)
        self.assertEqual([line for line, _ in self.noise], list(lines))
        self.assertTrue(all(why for _, why in self.noise))
        self.assertEqual(self.noise[-1][1], "it is a batch")
        self.assertEqual(self.peer.strays, Strays(noise=len(lines)))

    def test_spoilt(self) -> None:
        """
        An answer that can't be read fails its call at once, and is told as noise.
        """
        spoilt = (
            b'"result":null', b'"result":[]', b'"result":"done"', b'"error":"failed"',
            b'"error":{"code":1,"message":null}', b'"error":{"code":1.5,"message":"no"}',
            b'"error":{"code":"1","message":"no"}', b'"error":{"code":1,"message":"no"},"result":{}',
        )  # fmt: skip
        for number, members in enumerate(spoilt, 1):
            asked, other = self.ask(), self.peer.request(b"tools/list", (), LONG)
            self.peer.heard((b'{"jsonrpc":"2.0","id":%d,%b}' % (2 * number - 1, members),))
            self.assertIs(self.fault(asked).kind, Kind.INTERNAL, members)
            self.assertNoResult(other)
        self.peer.heard((b'{"jsonrpc":"2.0","id":1,"result":null}',))
        self.assertEqual(self.peer.strays, Strays(noise=len(spoilt) + 1))


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
        self.progress(b"3", b"notifications/other")
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
        When a worker is gone every waiting request fails, its calls are counted, and nothing is said to it.
        """
        waiting = [self.ask(), self.ask(), self.peer.request(b"tools/list", (), LONG)]
        fault = Fault(Kind.PLUGIN_GONE, "gone")
        self.assertEqual(self.peer.lose(fault), 2)
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


class CountTests(PeerCase):
    """
    Tests for what is known of a worker's calls.
    """

    def test_counted(self) -> None:
        """
        A call runs until it is answered, refused, spoilt, given up, late, or lost; our requests are none.
        """
        asked = [self.ask(Patience(5, 5)) for _ in range(6)]
        for each in asked:
            each.addErrback(lambda failure: None)
        self.peer.request(b"tools/list", (), LONG).addErrback(lambda failure: None)
        self.peer.ask_alive(LONG).addErrback(lambda failure: None)
        self.assertEqual((self.peer.running, self.peer.asked), (6, 6))
        for line in (b'1,"result":{}', b'2,"error":{"code":1,"message":"no"}', b'3,"result":null'):
            self.peer.heard([b'{"jsonrpc":"2.0","id":' + line + b"}"] * 2)
        self.assertEqual(self.peer.running, 3)
        asked[3].cancel()
        self.assertEqual(self.peer.running, 2)
        self.clock.advance(5)
        self.assertEqual(self.peer.running, 0)
        self.ask().addErrback(lambda failure: None)
        self.assertEqual(self.peer.lose(Fault(Kind.PLUGIN_GONE, "gone")), 1)
        self.assertEqual((self.peer.running, self.peer.asked), (0, 7))

    def test_last(self) -> None:
        """
        When a worker was called last is known; what we ask it on our own account is no call.
        """
        self.clock.advance(7)
        self.ask()
        self.clock.advance(1)
        self.peer.request(b"tools/list", (), LONG)
        self.assertEqual(self.peer.last, 7)
        self.ask()
        self.assertEqual(self.peer.last, 8)

    def test_refused(self) -> None:
        """
        A call that a worker is not given is none of its calls.
        """
        self.peer.connect(lambda data: 1)
        self.peer.notify(b"notifications/initialized", ())
        self.crowded = True
        self.fault(self.ask())
        self.assertEqual((self.peer.running, self.peer.asked), (0, 0))

    def test_freed(self) -> None:
        """
        Who waits for a worker's calls to end hears of each end, and sees how many are left.
        """
        asked = [self.ask(Patience(5, 5)) for _ in range(5)]
        for each in asked:
            each.addErrback(lambda failure: None)
        left: list[int] = []
        self.peer.freed = lambda: left.append(self.peer.running)
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"result":{}}'])
        self.peer.heard([b'{"jsonrpc":"2.0","id":2,"result":null}'])
        asked[2].cancel()
        self.clock.advance(5)
        self.assertEqual(left, [4, 3, 2, 0])


class LateTests(PeerCase):
    """
    Tests for calls whose time is over, as the clock goes.
    """

    def setUp(self) -> None:
        """
        Have somebody who hears of them.
        """
        super().setUp()
        self.late: list[list[bytes]] = []
        self.answered: list[bytes] = []
        self.peer.late = self.late.append
        self.peer.late_answer = self.answered.append

    def wait(self, seconds: float) -> None:
        """
        Let time pass, in small steps.
        """
        for _ in range(round(seconds * 100)):
            self.clock.advance(0.01)

    def test_in_time(self) -> None:
        """
        A call fails within a tenth of a second of its time, whatever else happens, and is told as late once.
        """
        asked, other = self.ask(Patience(5, 600)), self.ask(Patience(7, 600))
        self.wait(4.99)
        self.assertNoResult(asked)
        self.wait(0.12)
        self.assertIs(self.fault(asked).kind, Kind.DEADLINE)
        self.assertNoResult(other)
        self.assertEqual(self.late, [[b"1"]])
        self.wait(2)
        self.assertIs(self.fault(other).kind, Kind.DEADLINE)
        self.assertEqual(self.late, [[b"1"], [b"2"]])

    def test_together(self) -> None:
        """
        Calls that are late at the same time are told together, without our own requests.
        """
        asked = [
            self.ask(Patience(5, 5)),
            self.peer.request(b"a", (), Patience(5, 5)),
            self.ask(Patience(5, 5)),
        ]
        self.wait(5.1)
        for each in asked:
            self.fault(each)
        self.assertEqual(self.late, [[b"1", b"3"]])

    def test_late_answers(self) -> None:
        """
        Every answer that nobody waits for is told by its number, readable or not; what is awaited is not.
        """
        self.ask(Patience(5, 5)).addErrback(lambda failure: None)
        self.wait(5.1)
        waiting = self.ask()
        for line in (b'1,"result":{}', b'1,"result":null', b'9,"error":{"code":1,"message":"no"}'):
            self.peer.heard([b'{"jsonrpc":"2.0","id":%b}' % line])
        self.peer.heard([b'{"jsonrpc":"2.0","id":2,"result":{}}'])
        self.successResultOf(waiting)
        self.assertEqual(self.answered, [b"1", b"1", b"9"])

    def test_resting(self) -> None:
        """
        A worker without calls costs nothing once whatever it still said of the last one is long past.
        """
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.ask()
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"result":{}}'])
        self.wait(2 * LINGER + 1)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.ask(Patience(1, 30)).addErrback(lambda failure: None)
        self.wait(2)
        self.assertEqual(len(self.clock.getDelayedCalls()), 1)
        self.wait(30)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        asked = self.ask(Patience(1, 30))
        self.wait(1.2)
        self.fault(asked)

    def test_one_timer(self) -> None:
        """
        However many requests wait, and whatever is asked anew when one fails, one timer serves them all.
        """
        again: list[Deferred[Answer | Refusal]] = []
        for _ in range(3):
            self.ask(Patience(1, 1)).addErrback(lambda failure: again.append(self.ask(Patience(1, 1))))
        self.wait(1.1)
        self.clock.advance(0)
        self.assertEqual((len(again), len(self.clock.getDelayedCalls())), (3, 1))
        self.wait(1.2)
        for each in again:
            self.fault(each)

    def test_lost_meanwhile(self) -> None:
        """
        A worker may be lost while its late calls are failed: all else fails, and nothing is left behind.
        """
        gone = Fault(Kind.PLUGIN_GONE, "gone")
        self.ask(Patience(1, 1)).addErrback(lambda failure: self.peer.lose(gone))
        other = self.ask()
        self.wait(1.1)
        self.assertIs(self.fault(other).kind, Kind.PLUGIN_GONE)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_alive(self) -> None:
        """
        A worker is asked whether it lives in its own way, and that is no call.
        """
        for speech, method in ((LegacySpeech(), b"ping"), (ModernSpeech(()), b"server/discover")):
            self.sent.clear()
            self.peer.speak(speech)
            asked = self.peer.ask_alive(Patience(3, 3))
            self.assertIn(b'"method":"%b"' % method, self.sent[0])
            self.wait(3.1)
            self.fault(asked)
        self.assertEqual((self.late, self.peer.asked), ([], 0))


class LogTests(PeerCase):
    """
    Tests for log messages.
    """

    def setUp(self) -> None:
        """
        Have somebody who hears what is for no caller.
        """
        super().setUp()
        self.unheard: list[Notice] = []
        self.peer.hears = self.hear

    def hear(self, notice: Notice) -> bool:
        """
        Remember what belongs to no call.
        """
        self.unheard.append(notice)
        return notice.method == "wanted"

    def log(self) -> tuple[int, int]:
        """
        Let the worker log something, and tell how much the caller and nobody have heard.
        """
        self.peer.heard(
            [b'{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}']
        )
        return len(self.audience.notices), len(self.unheard)

    def test_one(self) -> None:
        """
        What a worker logs while it has one call reaches its caller as it came, whatever else we ask it.
        """
        self.peer.request(b"tools/list", (), LONG)
        self.ask()
        self.assertEqual(self.log(), (1, 0))
        [notice] = self.audience.notices
        self.assertEqual(shown(notice.params), {"level": "info", "data": 1})
        self.assertEqual(self.peer.strays, Strays())

    def test_none(self) -> None:
        """
        What a worker logs while it has no call reaches no client, and is counted.
        """
        self.peer.request(b"tools/list", (), LONG)
        self.assertEqual(self.log(), (0, 1))
        self.assertEqual(self.peer.strays, Strays(notices=1))

    def test_several(self) -> None:
        """
        What a worker logs while it has several calls might be another client's: nobody reads it.
        """
        self.ask()
        self.ask()
        self.assertEqual(self.log(), (0, 1))

    def test_cancelled(self) -> None:
        """
        While a worker may still be at a call that was given up, nobody reads its log: until it answers.
        """
        self.ask().addErrback(lambda failure: None).cancel()
        self.ask()
        self.assertEqual(self.log(), (0, 1))
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"result":{}}'])
        self.assertEqual(self.log(), (1, 1))

    def test_expired(self) -> None:
        """
        A call that took too long may be worked at still: until it had to be over however it went.
        """
        self.ask(Patience(5, 20)).addErrback(lambda failure: None)
        self.clock.advance(5)
        self.peer.expire()
        self.ask()
        self.assertEqual(self.log(), (0, 1))
        self.clock.advance(14)
        self.peer.expire()
        self.assertEqual(self.log(), (0, 2))
        self.clock.advance(1)
        self.peer.expire()
        self.assertEqual(self.log(), (1, 2))

    def test_late(self) -> None:
        """
        What a worker logs after its answer does not reach another caller, who is the only one by then.
        """
        self.ask()
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"result":{}}'])
        other = Audience("key:b")
        self.peer.ask(call("echo"), other, LONG)
        self.assertEqual((self.log(), other.notices), ((0, 1), []))
        for _ in range(2):
            self.clock.advance(LINGER)
            self.peer.expire()
        self.log()
        self.assertEqual((len(other.notices), len(self.unheard)), (1, 1))

    def test_after_spoilt(self) -> None:
        """
        Nor does what it logs after an answer that can't be read.
        """
        self.ask().addErrback(lambda failure: None)
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"result":null}'])
        other = Audience("key:b")
        self.peer.ask(call("echo"), other, LONG)
        self.assertEqual((self.log(), other.notices), ((0, 1), []))

    def test_again(self) -> None:
        """
        Who calls again and again hears what is logged meanwhile.
        """
        self.ask()
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"result":{}}'])
        self.ask()
        self.assertEqual(self.log(), (1, 0))

    def test_own_request(self) -> None:
        """
        A request of our own that was given up keeps no caller from its messages.
        """
        self.peer.request(b"tools/list", (), Patience(1, 1)).addErrback(lambda failure: None)
        self.clock.advance(1)
        self.peer.expire()
        self.ask()
        self.assertEqual(self.log(), (1, 0))

    def test_wanted(self) -> None:
        """
        A notice that somebody waited for is no stray; any other is.
        """
        self.peer.heard([b'{"jsonrpc":"2.0","method":"wanted"}', b'{"jsonrpc":"2.0","method":"other"}'])
        self.assertEqual((len(self.unheard), self.peer.strays), (2, Strays(notices=1)))


class LevelTests(PeerCase):
    """
    Tests for asking a legacy worker for its log.
    """

    def levels(self, *levels: str | None) -> list[str]:
        """
        Make calls that want these levels, and tell which the worker was set to.
        """
        for level in levels:
            self.peer.ask(call(level=level), self.audience, LONG)
        self.clock.advance(0)
        lines = b"".join(self.sent).splitlines()
        return [line.split(b'"')[-2].decode() for line in lines if b"logging/setLevel" in line]

    def test_raised(self) -> None:
        """
        A worker that logs is set to the level of a call before it, if that is more than it says already.
        """
        self.peer.speak(LegacySpeech(sets_level=True))
        self.assertEqual(self.levels("warning"), ["warning"])
        self.assertIn(b"logging/setLevel", self.sent[0])
        self.assertEqual(
            self.levels("error", "warning", None, "info", "debug", "info"), ["warning", "info", "debug"]
        )

    def test_ignored(self) -> None:
        """
        Whatever a worker answers to that, the call goes on.
        """
        self.peer.speak(LegacySpeech(sets_level=True))
        asked = self.peer.ask(call(level="info"), self.audience, LONG)
        self.clock.advance(60)
        self.peer.expire()
        self.fault(asked)

    def test_not_logging(self) -> None:
        """
        A worker that does not log is not asked to.
        """
        self.assertEqual(self.levels("debug"), [])


class OpenTests(PeerCase):
    """
    Tests for requests that last.
    """

    def setUp(self) -> None:
        """
        Have one open.
        """
        super().setUp()
        self.ends: list[tuple[bytes, object]] = []
        self.number = self.peer.open(b"subscriptions/listen", (), lambda *end: self.ends.append(end))

    def test_lasting(self) -> None:
        """
        It has no deadline, and neither is it a call nor does it delay one.
        """
        self.assertEqual(
            self.sent, [b'{"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{}}\n']
        )
        self.clock.advance(100000)
        self.peer.expire()
        self.assertEqual((self.peer.running, self.ends), (0, []))
        asked = self.ask()
        self.assertEqual(len(self.sent), 2)
        self.assertEqual(self.peer.lose(Fault(Kind.PLUGIN_GONE, "gone")), 1)
        self.fault(asked)
        self.assertEqual(self.ends, [])

    def test_ended(self) -> None:
        """
        The worker ends it by an answer, once.
        """
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}'] * 2)
        [(number, refusal)] = self.ends
        assert isinstance(refusal, Refusal)
        self.assertEqual((number, refusal.code), (self.number, -32601))
        self.assertEqual(self.peer.strays, Strays(answers=1))

    def test_spoilt(self) -> None:
        """
        An answer that can't be read ends it as well, once.
        """
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"result":null}'] * 2)
        self.assertEqual(self.ends, [(self.number, None)])

    def test_cancelled(self) -> None:
        """
        The worker ends it by cancelling it, once; what else it cancels is a stray.
        """
        cancel = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":%d}}'
        self.peer.heard([cancel % 1, cancel % 1, b'{"jsonrpc":"2.0","method":"notifications/cancelled"}'])
        self.assertEqual(self.ends, [(self.number, None)])
        self.assertEqual(self.peer.strays, Strays(notices=2))

    def test_closed(self) -> None:
        """
        We end it by cancelling it, once, and hear no more of it.
        """
        self.peer.close(self.number)
        self.peer.close(self.number)
        self.assertEqual(len(self.sent), 2)
        self.assertIn(b'"notifications/cancelled","params":{"requestId":1,', self.sent[1])
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"result":{}}'])
        self.assertEqual((self.ends, self.peer.strays), ([], Strays(answers=1)))

    def test_crowded(self) -> None:
        """
        A worker that does not read is asked nothing on our own account, either.
        """
        self.peer.connect(lambda data: 1)
        self.peer.notify(b"notifications/initialized", ())
        self.crowded = True
        self.assertIs(self.fault(self.peer.request(b"tools/list", (), LONG)).kind, Kind.PLUGIN_UNAVAILABLE)


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
