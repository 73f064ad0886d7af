# -*- test-case-name: tests.workers.test_worker -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests of one worker share: a process that is none, and who watches.
"""

from __future__ import annotations

from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.worker import Answers, FakeChannel, legacy
from mcpd.trouble import Reason
from mcpd.units import Bytes
from mcpd.wire.fault import Fault
from mcpd.wire.message import Answer, Notice, Refusal, Request
from mcpd.wire.offer import Offer, Sort
from mcpd.workers.peer import Patience
from mcpd.workers.spec import Plugin, WorkerLimits
from mcpd.workers.worker import End, Worker

SPEC = Plugin("files", ("/bin/files",), limits=WorkerLimits(message=Bytes(1000), unread=Bytes(500)))
LONG = Patience(60, 600)
SHORT = Patience(5, 600)
SILENT = "it answered neither a late call nor a question for a sign of life within 3 s"


@define(eq=False)
class Sleeper(FakeChannel):
    """
    A worker that reads nothing while it is asleep.
    """

    asleep: bool = False
    unread: list[bytes] = field(init=False, factory=list)

    def send(self, data: bytes) -> int:
        """
        Take messages, or let them wait.
        """
        if not self.asleep:
            return super().send(data)
        self.unread.append(data)
        return self.waiting

    def wake(self) -> None:
        """
        Read what has waited.
        """
        self.asleep, unread, self.unread = False, self.unread, []
        for data in unread:
            self.send(data)

    def calls(self) -> list[bytes]:
        """
        Tell the numbers of the calls that it has read.
        """
        return [each.id for each in self.said if isinstance(each, Request) and each.method == "tools/call"]

    def answer(self, number: bytes) -> None:
        """
        Answer a request.
        """
        self.write(b'{"jsonrpc":"2.0","id":%b,"result":{}}' % number)

    def methods(self) -> list[str]:
        """
        Tell what it has read.
        """
        return [each.method for each in self.said if isinstance(each, (Request, Notice))]


@define(eq=False)
class Guard:
    """
    Watches workers and what they tell, and remembers.

    It is a :class:`mcpd.workers.worker.Watcher` and a :class:`mcpd.workers.channel.Witness`.
    """

    told: list[str] = field(factory=list)
    offers: list[Offer] = field(factory=list)
    ends: list[End] = field(factory=list)
    resting: bool = False

    def launched(self, worker: Worker) -> None:
        """
        Remember it.
        """
        self.told.append("launched")

    def ready(self, worker: Worker, offer: Offer) -> None:
        """
        Remember what it has.
        """
        self.told.append("ready")
        self.offers.append(offer)

    def away(self, worker: Worker) -> None:
        """
        Remember it.
        """
        self.resting = True

    def back(self, worker: Worker) -> None:
        """
        Remember it, and what is stuck.
        """
        self.resting = False
        if worker.stuck:
            self.told.append(f"stuck {worker.stuck}")

    def ended(self, worker: Worker, end: End) -> None:
        """
        Remember how.
        """
        self.told.append("ended")
        self.ends.append(end)

    def offered(self, offer: Offer, sorts: tuple[Sort, ...]) -> None:
        """
        Remember what it has now.
        """
        self.told.append("offered")
        self.offers.append(offer)

    def stale(self, sort: Sort, why: str) -> None:
        """
        Remember it.
        """
        self.told.append(f"stale: {why}")

    def touched(self, uri: str) -> bool:
        """
        Remember which.
        """
        self.told.append(f"touched {uri}")
        return True

    def said(self, pid: int, line: str) -> None:
        """
        Remember what.
        """
        self.told.append(f"{pid} said {line}")

    def silenced(self, pid: int, dropped: int) -> None:
        """
        Remember how much.
        """
        self.told.append(f"{pid} silenced {dropped}")

    def noise(self, pid: int, line: bytes, why: str) -> None:
        """
        Remember what.
        """
        self.told.append(f"{pid} noise {line.decode()}")


class WorkerCase(SynchronousTestCase):
    """
    Workers without processes.
    """

    def setUp(self) -> None:
        """
        Have nobody started.
        """
        self.clock = Clock()
        self.guard = Guard()

    def make(self, spec: Plugin = SPEC, **given: Any) -> Worker:
        """
        Make a worker.
        """
        return Worker(spec, self.clock, self.guard, self.guard, **given)

    def start(
        self, answers: Answers, *, spec: Plugin = SPEC, asleep: bool = False, **given: Any
    ) -> tuple[Worker, Sleeper]:
        """
        Start a worker.
        """
        worker = self.make(spec, **given)
        channel = Sleeper(worker, 1000, self.clock, answers, asleep=asleep)
        worker.start(lambda ears: channel)
        self.clock.callLater(0, worker.launched)
        return worker, channel

    def ready(self, answers: Answers, **given: Any) -> tuple[Worker, Sleeper]:
        """
        Start a worker, and go on until it is ready.
        """
        self.guard.told.clear()
        worker, channel = self.start(answers, **given)
        self.turn()
        self.assertEqual(self.guard.told, ["launched", "ready"])
        self.guard.told.clear()
        return worker, channel

    def idling(self) -> tuple[Worker, Sleeper]:
        """
        Start a worker that is ready, and answers no calls.
        """
        return self.ready(legacy(call=lambda request: None))

    def turn(self) -> None:
        """
        Let everything that is due now happen.
        """
        for _ in range(9):
            self.clock.advance(0)

    def wait(self, seconds: float) -> None:
        """
        Let time pass, in small steps.
        """
        for _ in range(round(seconds * 20)):
            self.clock.advance(0.05)

    def fault(self, asked: Deferred[Answer | Refusal]) -> Fault:
        """
        Tell how a call failed.
        """
        failure = self.failureResultOf(asked, Fault)
        assert isinstance(failure.value, Fault)
        return failure.value

    def last(self) -> Reason:
        """
        Tell why the last worker ended that did.
        """
        return self.guard.ends[-1].reason
