# -*- test-case-name: tests.workers.test_worker -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.worker`.
"""

from __future__ import annotations

import gc
from typing import Any

from attrs import define, evolve, field
from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.worker import Answers, FakeChannel, FakePlugin, Stock, legacy, modern, resources, tools
from mcpd.units import Bytes
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Notice, Request
from mcpd.wire.offer import Feature, Offer, Sort
from mcpd.workers.life import Death
from mcpd.workers.peer import Patience
from mcpd.workers.spec import Plugin, WorkerLimits
from mcpd.workers.worker import End, Worker
from tests.workers.stage import Audience, call

SPEC = Plugin("files", ("/bin/files",), limits=WorkerLimits(message=Bytes(1000), unread=Bytes(500)))
LONG = Patience(60, 600)


class Broken(FakeChannel):
    """
    A worker to which nothing can be said.
    """

    def send(self, data: bytes) -> int:
        """
        Break.
        """
        raise RuntimeError("broken")


@define(eq=False)
class Guard:
    """
    Watches workers (:class:`mcpd.workers.worker.Watcher`), and remembers.
    """

    told: list[str] = field(factory=list)
    offers: list[Offer] = field(factory=list)
    ends: list[End] = field(factory=list)

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

    def logged(self, line: bytes) -> None:
        """
        Remember what.
        """
        self.told.append(f"logged {line.decode()}")

    def ended(self, worker: Worker, end: End) -> None:
        """
        Remember how.
        """
        self.told.append("ended")
        self.ends.append(end)


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
        self.noise: list[bytes] = []
        self.stderr: list[bytes] = []

    def start(
        self, answers: Answers, *, was_legacy: bool = False, **given: Any
    ) -> tuple[Worker, FakeChannel]:
        """
        Start a worker.
        """
        spec = evolve(SPEC, **given)
        plugin = self.plugin = FakePlugin(self.clock, answers)
        worker = Worker(spec, self.clock, self.guard, self.hear_noise, self.stderr.append, was_legacy)
        worker.start(plugin.spawn)
        return worker, plugin.workers[-1]

    def ready(self, answers: Answers, **given: Any) -> tuple[Worker, FakeChannel]:
        """
        Start a worker, and go on until it is ready.
        """
        worker, channel = self.start(answers, **given)
        self.turn()
        self.assertEqual(self.guard.told, ["launched", "ready"])
        return worker, channel

    def hear_noise(self, line: bytes, why: str) -> None:
        """
        Remember what was no message.
        """
        self.noise.append(line)

    def turn(self) -> None:
        """
        Let everything that is due now happen.
        """
        for _ in range(9):
            self.clock.advance(0)

    def methods(self, channel: FakeChannel) -> list[str]:
        """
        Tell what was said to a worker.
        """
        return [each.method for each in channel.said if isinstance(each, (Request, Notice))]


class StartTests(WorkerCase):
    """
    Tests for a worker's beginning.
    """

    def test_legacy(self) -> None:
        """
        A legacy plugin is asked its era, initialized, and ready once its tools are known.
        """
        worker, channel = self.ready(legacy(tools("add")))
        expected = ["server/discover", "initialize", "notifications/initialized", "tools/list"]
        self.assertEqual(self.methods(channel), expected)
        self.assertEqual([tool.name for tool in self.guard.offers[0].tools], ["add"])
        self.assertEqual((worker.pid, worker.running), (channel.pid, 0))

    def test_modern(self) -> None:
        """
        A modern plugin is only asked.
        """
        _, channel = self.ready(modern(tools("add")))
        self.assertEqual(self.methods(channel), ["server/discover", "tools/list"])

    def test_remembered(self) -> None:
        """
        A plugin that is known to be legacy, or configured so, is not asked its era.
        """
        for given in ({"was_legacy": True}, {"protocol": "legacy"}):
            self.guard.told.clear()
            _, channel = self.ready(legacy(), **given)
            self.assertEqual(self.methods(channel)[0], "initialize")

    def test_nothing_before_the_plugin(self) -> None:
        """
        Nothing is said to the launcher.
        """
        worker, channel = self.start(legacy())
        self.assertEqual((channel.said, self.guard.told, worker.crowded), ([], [], False))

    def test_not_spawned(self) -> None:
        """
        A worker that can't be started never lives: it says so at once and leaves nothing behind.
        """
        worker = Worker(SPEC, self.clock, self.guard, self.hear_noise, self.stderr.append)
        plugin = FakePlugin(self.clock, legacy(), refusal=OSError(12, "Cannot allocate memory"))
        self.assertRaises(OSError, worker.start, plugin.spawn)
        worker.stop()
        self.assertEqual((self.clock.getDelayedCalls(), self.guard.told), ([], []))
        self.assertEqual((worker.pid, worker.crowded), (0, False))

    def test_never_lived(self) -> None:
        """
        A worker without a process takes every order, and there is nothing to be done.
        """
        worker = Worker(SPEC, self.clock, self.guard, self.hear_noise, self.stderr.append)
        for order in (worker.close_input, worker.terminate, worker.destroy):
            order()
        asked = worker.ask(call(), Audience(), LONG)
        worker.bury(Death("it never lived", "", ready=False, asked=False))
        self.failureResultOf(asked, Fault)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """
        A worker that the launcher could not start ends with the launcher's own reason.
        """
        _, channel = self.start(legacy())
        channel.ears.refused("chdir: No such file or directory")
        channel.exit("exit status 126")
        why = "it was not started: chdir: No such file or directory (exit status 126)"
        self.assertEqual(self.guard.ends, [End(why, 0, probing=False, ready=False, asked=False)])

    def test_rude(self) -> None:
        """
        A worker that does not shake hands is killed, and the operator reads what it did.
        """
        _, channel = self.start(lambda request: None, was_legacy=True)
        self.turn()
        channel.write(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no"}}')
        self.turn()
        self.assertEqual(channel.orders, ["destroy"])
        self.assertEqual(
            self.guard.ends[0].why, "it refused initialize with error -32022 (killed by signal 9)"
        )

    def test_never_ready(self) -> None:
        """
        A worker that says nothing is killed when its time to start is over.
        """
        _, channel = self.start(lambda request: None)
        self.turn()
        for _ in range(99):
            self.clock.advance(0.1)
        self.assertEqual(channel.orders, [])
        self.clock.advance(0.2)
        self.turn()
        self.assertEqual(self.guard.ends[0].why, "it was not ready within 10 s (killed by signal 9)")
        self.assertEqual(
            self.methods(channel)[:3], ["server/discover", "notifications/cancelled", "initialize"]
        )

    def test_launcher_hangs(self) -> None:
        """
        A launcher that never becomes the plugin is killed, too.
        """
        worker = Worker(SPEC, self.clock, self.guard, self.hear_noise, self.stderr.append)
        plugin = FakePlugin(self.clock, legacy(), launching=False)
        worker.start(plugin.spawn)
        self.clock.advance(10)
        self.turn()
        self.assertEqual(plugin.workers[0].orders, ["destroy"])
        self.assertEqual(self.guard.told, ["ended"])

    def test_broken_here(self) -> None:
        """
        A fault of our own in the handshake ends the worker, and is in the log.
        """
        worker = Worker(SPEC, self.clock, self.guard, self.hear_noise, self.stderr.append)
        channel = Broken(worker, 1, self.clock, legacy())
        worker.start(lambda ears: channel)
        worker.launched()
        self.turn()
        why = "its handshake failed here; see the log (killed by signal 9)"
        self.assertEqual(self.guard.ends[0].why, why)
        gc.collect()
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)


class CallTests(WorkerCase):
    """
    Tests for calls.
    """

    def test_answered(self) -> None:
        """
        A call is answered by the plugin.
        """
        worker, _ = self.ready(legacy(tools("add")))
        asked = worker.ask(call(), Audience(), LONG)
        self.assertEqual(worker.running, 1)
        self.turn()
        self.assertIsInstance(self.successResultOf(asked), Answer)
        self.assertEqual(worker.running, 0)

    def test_deadline(self) -> None:
        """
        A call that takes too long fails within a tenth of a second of its time, and the plugin is told.
        """
        worker, channel = self.ready(legacy(call=lambda request: None))
        asked = worker.ask(call(), Audience(), Patience(5, 600))
        for _ in range(49):
            self.clock.advance(0.1)
        self.assertNoResult(asked)
        self.clock.advance(0.2)
        fault = self.failureResultOf(asked, Fault).value
        assert isinstance(fault, Fault)
        self.assertIs(fault.kind, Kind.DEADLINE)
        self.assertEqual(self.methods(channel)[-1], "notifications/cancelled")
        self.assertEqual(channel.orders, [])

    def test_cancelled(self) -> None:
        """
        A call that is given up is cancelled at the plugin.
        """
        worker, channel = self.ready(legacy(call=lambda request: None))
        asked = worker.ask(call(), Audience(), LONG)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.assertEqual(self.methods(channel)[-1], "notifications/cancelled")

    def test_gone(self) -> None:
        """
        The calls of a worker that ends fail at once, and are counted.
        """
        worker, channel = self.ready(legacy(call=lambda request: None))
        waiting = [worker.ask(call(), Audience(), LONG) for _ in range(3)]
        channel.exit("killed by signal 11")
        for asked in waiting:
            fault = self.failureResultOf(asked, Fault).value
            assert isinstance(fault, Fault)
            self.assertIs(fault.kind, Kind.PLUGIN_GONE)
        end = End("killed by signal 11", 3, probing=False, ready=True, asked=False)
        self.assertEqual(self.guard.ends, [end])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.failureResultOf(worker.ask(call(), Audience(), LONG), Fault)

    def test_crowded(self) -> None:
        """
        A worker that does not read is crowded beyond its bound, and its questions are left unanswered.
        """
        worker, channel = self.ready(legacy())
        said = len(channel.said)
        ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
        channel.waiting = 500
        self.assertFalse(worker.crowded)
        channel.write(ping)
        channel.waiting = 501
        self.assertTrue(worker.crowded)
        channel.write(ping)
        self.assertEqual((len(channel.said) - said, worker.strays.questions), (1, 1))


class TellingTests(WorkerCase):
    """
    Tests for what a worker tells, and what it is asked to.
    """

    def test_changed(self) -> None:
        """
        A plugin of either era that changes its lists is heard at once.
        """
        for answers in (legacy, modern):
            self.guard.told.clear()
            self.guard.offers.clear()
            stock = Stock(tools("a"), telling=True)
            _, channel = self.ready(answers(stock))
            stock.tools = tools("a", "b")
            channel.tell("notifications/tools/list_changed")
            self.turn()
            self.assertEqual(self.guard.told[2:], ["offered"])
            self.assertEqual([tool.name for tool in self.guard.offers[-1].tools], ["a", "b"])

    def test_watched(self) -> None:
        """
        A plugin of either era tells what is watched, and no longer once it is not.
        """
        stock = Stock(resources=resources("a"), features=frozenset({Feature.SUBSCRIBE}))
        for answers in (legacy, modern):
            self.guard.told.clear()
            worker, channel = self.ready(answers(stock))
            watching = worker.watch("a")
            self.turn()
            self.assertIsInstance(self.successResultOf(watching), Answer)
            channel.tell("notifications/resources/updated", uri="a")
            self.assertEqual(self.guard.told[2:], ["touched a"])
            worker.unwatch("a")
            self.turn()
            self.assertIn(self.methods(channel)[-1], ("resources/unsubscribe", "notifications/cancelled"))

    def test_gone(self) -> None:
        """
        A watch fails when its worker ends, which leaves nothing behind.
        """
        stock = Stock(resources=[], features=frozenset({Feature.SUBSCRIBE}))
        for answers in (legacy, modern):
            self.guard.told.clear()
            worker, channel = self.ready(answers(stock))
            watching = worker.watch("a")
            channel.exit()
            self.failureResultOf(watching, Fault)
            self.clock.advance(0)
            self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_logged(self) -> None:
        """
        What a worker logs reaches its one call, and the operator while it has none.
        """
        worker, channel = self.ready(legacy(call=lambda request: None))
        channel.tell("notifications/message", level="info", data="for us")
        audience = Audience()
        worker.ask(call(), audience, LONG)
        channel.tell("notifications/message", level="info", data="for one")
        self.assertEqual((self.guard.told[2:], len(audience.notices)), (["logged info: for us"], 1))


class EndTests(WorkerCase):
    """
    Tests for a worker's end.
    """

    def test_probing(self) -> None:
        """
        A worker that exits over the question of its era is told apart from one that a signal kills.
        """
        for how, probing in (("exit status 0", True), ("exit status 1", True), ("killed by signal 9", False)):
            _, channel = self.start(lambda request: None)
            self.turn()
            channel.exit(how)
            self.assertEqual(self.guard.ends[-1], End(how, 0, probing=probing, ready=False, asked=False))

    def test_not_probing(self) -> None:
        """
        A worker that is killed over the question, or ends later, is not.
        """
        _, channel = self.start(lambda request: None)
        self.turn()
        channel.ears.overflow()
        self.turn()
        _, channel = self.start(lambda request: None, was_legacy=True)
        self.turn()
        channel.exit("exit status 1")
        self.assertEqual([end.probing for end in self.guard.ends], [False, False])

    def test_overflow(self) -> None:
        """
        A worker that writes a line without end is killed, and the operator reads the bound.
        """
        _, channel = self.ready(legacy())
        channel.ears.overflow()
        self.turn()
        self.assertEqual(channel.orders, ["destroy"])
        end = End("it wrote a line of more than 1000 bytes (killed by signal 9)", 0, False, True, False)
        self.assertEqual(self.guard.ends, [end])

    def test_stopped(self) -> None:
        """
        A worker that is not wanted has its input closed, and goes.
        """
        worker, channel = self.ready(legacy())
        worker.stop()
        self.turn()
        self.assertEqual(channel.orders, ["close_input"])
        self.assertEqual(self.guard.ends, [End("exit status 0", 0, probing=False, ready=True, asked=True)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stubborn(self) -> None:
        """
        A worker that does not go is asked again, and killed.
        """
        worker, channel = self.ready(legacy())
        channel.stubborn = frozenset(("close_input", "terminate"))
        worker.stop()
        self.clock.advance(3)
        self.clock.advance(3)
        self.turn()
        self.assertEqual(channel.orders, ["close_input", "terminate", "destroy"])
        self.assertEqual(self.guard.ends[0].why, "killed by signal 9")

    def test_heard(self) -> None:
        """
        What a worker writes beside its messages is passed on.
        """
        worker, channel = self.ready(legacy())
        channel.ears.said(b"warning\n")
        channel.write(b"hello")
        self.assertEqual((self.stderr, self.noise, worker.strays.noise), ([b"warning\n"], [b"hello"], 1))
