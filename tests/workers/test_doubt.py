# -*- test-case-name: tests.workers.test_doubt -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.doubt`.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.worker import modern
from mcpd.trouble import Reason, Trouble
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.workers.doubt import Doubt
from mcpd.workers.peer import Patience, Peer
from mcpd.workers.pipe import Exit
from mcpd.workers.speech import ModernSpeech
from mcpd.workers.worker import End, Worker
from tests.workers.guard import LONG, SHORT, SILENT, Sleeper, WorkerCase
from tests.workers.stage import Audience, call

GONE = Fault(Kind.PLUGIN_GONE, "gone")


class DoubtTests(SynchronousTestCase):
    """
    Tests for a worker that was late, and has three seconds to show that it lives.
    """

    def setUp(self) -> None:
        """
        Have a conversation, and nobody in doubt.
        """
        self.clock = Clock()
        self.sent: list[bytes] = []
        self.crowded = False
        self.told: list[str] = []
        self.peer = Peer(self.clock, self.send, lambda line, why: None, lambda: self.crowded)
        self.away = False
        self.doubt = Doubt(self.clock, self.peer, 3, self.go, self.come, lambda: self.told.append("hung"))
        self.peer.late, self.peer.late_answer = self.doubt.late, self.doubt.answered

    def go(self) -> None:
        """
        Hear that the worker is to be given no calls.
        """
        self.assertFalse(self.away)
        self.away = True

    def come(self) -> None:
        """
        Hear that it may be given calls again, and whether some are stuck.
        """
        self.assertTrue(self.away)
        self.away = False
        if self.doubt.stuck:
            self.told.append("stuck")

    def send(self, data: bytes) -> int:
        """
        Remember what was said; some of it waits.
        """
        self.sent.append(data)
        return 1

    def ask(self, seconds: float = 1) -> Deferred[Answer | Refusal]:
        """
        Make a call that may take so long.
        """
        asked = self.peer.ask(call(), Audience(), Patience(seconds, 600))
        asked.addErrback(lambda failure: None)
        return asked

    def be_late(self) -> None:
        """
        Let the worker be late with the first call.
        """
        self.ask()
        self.wait(1.1)
        self.assertEqual(self.pings(), 1)

    def wait(self, seconds: float) -> None:
        """
        Let time pass, in small steps.
        """
        for _ in range(round(seconds * 20)):
            self.clock.advance(0.05)

    def pings(self) -> int:
        """
        Tell how often the worker was asked for a sign of life.
        """
        return b"".join(self.sent).count(b'"method":"ping"')

    def hear(self, line: bytes) -> None:
        """
        Let the worker say something.
        """
        self.peer.heard([b'{"jsonrpc":"2.0",%b}' % line])

    def test_in_time(self) -> None:
        """
        A worker that answers in time is never asked whether it lives.
        """
        self.ask()
        self.hear(b'"id":1,"result":{}')
        self.wait(60)
        self.assertEqual((self.pings(), self.told, self.doubt.stuck), (0, [], set()))

    def test_given_up(self) -> None:
        """
        A call that its caller gave up says nothing against the worker.
        """
        self.ask().cancel()
        self.wait(60)
        self.assertEqual((self.pings(), self.told, self.doubt.stuck), (0, [], set()))

    def test_own_requests(self) -> None:
        """
        Neither does a request of our own.
        """
        asked = self.peer.request(b"tools/list", (), Patience(1, 1))
        asked.addErrback(lambda failure: None)
        self.wait(60)
        self.assertEqual((self.pings(), self.told, self.doubt.stuck), (0, [], set()))

    def test_hung(self) -> None:
        """
        A worker that answers neither its late call nor the question hangs, once its time is over.
        """
        self.be_late()
        self.wait(2.8)
        self.assertEqual(self.told, [])
        self.wait(0.2)
        self.assertEqual(self.told, ["hung"])
        self.wait(60)
        self.assertEqual((self.told, self.pings()), (["hung"], 1))

    def test_noise(self) -> None:
        """
        Noise, notices, questions and answers to nothing are no sign of life: a loop may write them.
        """
        self.be_late()
        self.peer.heard([b"still here"])
        for line in (
            b'"id":9,"method":"ping"', b'"method":"notifications/progress","params":{"progressToken":1}',
            b'"id":99,"result":{}', b'"id":"2","result":{}', b'"id":99,"result":null',
            b'"method":"notifications/cancelled","params":{"requestId":1}',
        ):  # fmt: skip
            self.hear(line)
        self.wait(3)
        self.assertEqual(self.told, ["hung"])

    def test_alive(self) -> None:
        """
        Whatever a worker answers to the question, it lives; its call holds a place until it is answered.
        """
        answers = (
            b'"result":{}', b'"result":{"odd":[1]}', b'"error":{"code":-32601,"message":"no"}',
            b'"result":null', b'"error":"no"',
        )  # fmt: skip
        for answer in answers:
            self.setUp()
            self.be_late()
            self.hear(b'"id":2,' + answer)
            self.assertEqual((self.told, self.doubt.stuck), (["stuck"], {b"1"}), answer)
            self.wait(60)
            self.assertEqual(self.told, ["stuck"])
            self.hear(b'"id":1,"result":{}')
            self.assertEqual((self.told, self.doubt.stuck), (["stuck"], set()))

    def test_modern(self) -> None:
        """
        A modern worker is asked what it knows: to be discovered.
        """
        self.peer.speak(ModernSpeech(()))
        self.ask()
        self.wait(1.1)
        self.assertEqual(self.pings(), 0)
        self.assertIn(b'"id":2,"method":"server/discover"', self.sent[-1])
        self.hear(b'"id":2,"result":{}')
        self.assertEqual(self.told, ["stuck"])

    def test_late_answer(self) -> None:
        """
        A worker that answers its call after all lives, and nothing is stuck, readable or not.
        """
        for answer in (b'"result":{}', b'"error":{"code":1,"message":"cancelled"}', b'"result":null'):
            self.setUp()
            self.be_late()
            self.hear(b'"id":1,' + answer)
            self.wait(60)
            self.assertEqual((self.told, self.doubt.stuck), ([], set()), answer)
            self.hear(b'"id":1,' + answer)
            self.hear(b'"id":2,"result":{}')
            self.assertEqual((self.told, self.doubt.stuck), ([], set()), answer)

    def test_place(self) -> None:
        """
        A call that is stuck keeps its place among those that run at once, until it is answered.
        """
        self.be_late()
        self.assertEqual((self.peer.running, self.away), (1, True))
        self.peer.heard([b'{"jsonrpc":"2.0","id":1,"result":{}}'])
        self.assertEqual((self.peer.running, self.away), (0, False))

    def test_one_of_two(self) -> None:
        """
        One late answer says that the worker lives; the other call is stuck.
        """
        self.ask()
        self.ask()
        self.wait(1.1)
        self.hear(b'"id":2,"result":{}')
        self.assertEqual((self.told, self.doubt.stuck, self.pings()), (["stuck"], {b"1"}, 1))

    def test_meanwhile(self) -> None:
        """
        More late calls get the worker neither more questions nor more time.
        """
        self.ask(2)
        self.ask(3)
        self.be_late()
        self.wait(3)
        self.assertEqual((self.told, self.pings()), (["hung"], 1))
        self.assertEqual(self.doubt.stuck, {b"1", b"2", b"3"})

    def test_again(self) -> None:
        """
        A worker that lived is asked again at its next late call, and may hang then.
        """
        self.be_late()
        self.hear(b'"id":2,"result":{}')
        self.ask()
        self.wait(1.1)
        self.assertEqual(self.pings(), 2)
        self.wait(3)
        self.assertEqual(self.told, ["stuck", "hung"])

    def test_too_late(self) -> None:
        """
        An answer to the question that comes after the time is over changes nothing.
        """
        self.be_late()
        self.wait(3)
        self.hear(b'"id":2,"result":{}')
        self.hear(b'"id":1,"result":{}')
        self.assertEqual(self.told, ["hung"])

    def test_not_reading(self) -> None:
        """
        A worker that does not even read, so that it can't be asked, has the same time to answer its call.
        """
        for answering in (False, True):
            self.setUp()
            self.ask()
            self.crowded = True
            self.wait(1.1)
            self.assertEqual(self.pings(), 0)
            if answering:
                self.hear(b'"id":1,"result":{}')
            self.wait(3)
            self.assertEqual(self.told, [] if answering else ["hung"])

    def test_many(self) -> None:
        """
        A worker that lives and never answers does not fill our memory.
        """
        for _ in range(1005):
            self.ask()
        self.wait(1.1)
        self.assertEqual(len(self.doubt.stuck), 1000)
        self.hear(b'"id":1006,"result":{}')
        self.ask()
        self.wait(1.1)
        self.assertEqual((len(self.doubt.stuck), self.told), (1000, ["stuck"]))

    def test_end(self) -> None:
        """
        Once a worker is being ended nobody is in doubt any more, and no time is left running.
        """
        self.be_late()
        self.doubt.end()
        self.doubt.end()
        self.ask()
        self.wait(1.1)
        self.assertEqual(self.pings(), 1)
        self.hear(b'"id":2,"result":{}')
        self.wait(60)
        self.assertEqual(self.told, [])
        self.peer.lose(GONE)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_gone(self) -> None:
        """
        A worker that ends while it is in doubt leaves nothing behind.
        """
        self.be_late()
        self.doubt.end()
        self.peer.lose(GONE)
        self.assertEqual((self.clock.getDelayedCalls(), self.told), ([], []))


class LateTests(WorkerCase):
    """
    Tests for a worker that is late with a call.
    """

    def late(self) -> tuple[Worker, Sleeper, Deferred[Answer | Refusal], Deferred[Answer | Refusal]]:
        """
        Have a worker with a call that is late, and one that is not.
        """
        worker, channel = self.idling()
        asked, other = (worker.ask(call(), Audience(), each) for each in (SHORT, LONG))
        self.wait(4.9)
        self.assertNoResult(asked)
        return worker, channel, asked, other

    def test_hung(self) -> None:
        """
        A worker that stands still as a whole is killed, and its other calls are told so.
        """
        _, channel, asked, other = self.late()
        channel.asleep = True
        self.wait(0.2)
        self.assertIs(self.fault(asked).kind, Kind.DEADLINE)
        self.wait(2.8)
        self.assertEqual(channel.orders, [])
        self.wait(0.2)
        self.assertEqual(channel.orders, ["destroy"])
        self.assertIs(self.fault(other).kind, Kind.PLUGIN_GONE)
        reason = Reason(Trouble.HUNG, f"{SILENT} (killed by signal 9)")
        self.assertEqual(self.guard.ends, [End(reason, Exit(None, 9), lost=1, ready=True)])
        self.assertEqual((self.guard.told, self.clock.getDelayedCalls()), (["ended"], []))

    def test_stuck(self) -> None:
        """
        A worker that lives and is late with one call is told as stuck, and its other calls go on.
        """
        worker, channel, asked, other = self.late()
        self.wait(0.2)
        self.assertIs(self.fault(asked).kind, Kind.DEADLINE)
        self.assertEqual(channel.methods()[-2:], ["notifications/cancelled", "ping"])
        self.wait(30)
        self.assertEqual((channel.orders, self.guard.told, worker.stuck), ([], ["stuck 1"], 1))
        channel.answer(channel.calls()[1])
        self.assertIsInstance(self.successResultOf(other), Answer)

    def test_stuck_then_answered(self) -> None:
        """
        A stuck call that is answered after all holds no place any more; its answer reaches nobody.
        """
        worker, channel, asked, _ = self.late()
        self.wait(1)
        self.fault(asked)
        self.assertEqual(worker.stuck, 1)
        channel.answer(channel.calls()[0])
        channel.answer(channel.calls()[0])
        self.assertEqual((worker.stuck, worker.peer.strays.answers, worker.peer.running), (0, 2, 1))

    def test_late_answer(self) -> None:
        """
        A worker that answers its late call before it reads anything else lives, and nothing is stuck.
        """
        worker, channel, asked, other = self.late()
        channel.asleep = True
        self.wait(2)
        self.fault(asked)
        channel.answer(channel.calls()[0])
        self.wait(30)
        self.assertEqual((channel.orders, self.guard.told, worker.stuck), ([], [], 0))
        self.assertNoResult(other)

    def test_modern(self) -> None:
        """
        A modern worker is asked to be discovered, and an answer says that it lives.
        """
        worker, channel = self.ready(modern(call=lambda request: None))
        asked = worker.ask(call(), Audience(), SHORT)
        self.wait(5.2)
        self.fault(asked)
        self.assertEqual(channel.methods()[-2:], ["notifications/cancelled", "server/discover"])
        self.assertEqual((self.guard.told, worker.stuck, channel.orders), (["stuck 1"], 1, []))

    def test_not_reading(self) -> None:
        """
        A worker that reads nothing, so that it can't even be asked, is killed all the same.
        """
        _, channel, *asked = self.late()
        channel.asleep, channel.waiting = True, 501
        self.wait(3.3)
        self.assertEqual([self.fault(each).kind for each in asked], [Kind.DEADLINE, Kind.PLUGIN_GONE])
        self.assertEqual((channel.orders, self.last().trouble), (["destroy"], Trouble.HUNG))

    def test_slow(self) -> None:
        """
        A slow worker that is late again and again lives, as long as it answers each question in time.
        """
        worker, channel = self.idling()
        for number in range(5):
            asked = worker.ask(call(), Audience(), SHORT)
            channel.asleep = True
            self.wait(7.5)
            self.fault(asked)
            channel.wake()
            self.turn()
            self.assertEqual((channel.orders, worker.stuck), ([], number + 1))

    def test_exits(self) -> None:
        """
        A worker that ends while it is in doubt has ended by itself.
        """
        _, channel, *asked = self.late()
        channel.asleep = True
        self.wait(1)
        channel.exit("exit status 1")
        self.assertEqual([self.fault(each).kind for each in asked], [Kind.DEADLINE, Kind.PLUGIN_GONE])
        self.assertEqual(self.last(), Reason(Trouble.EXIT, "exit status 1"))
        self.assertEqual(self.clock.getDelayedCalls(), [])
