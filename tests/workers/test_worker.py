# -*- test-case-name: tests.workers.test_worker -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.worker`.
"""

from __future__ import annotations

import gc

from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred

from mcpd.sandbox.usage import Usage
from mcpd.testing.worker import FakeChannel, FakePlugin, Stock, legacy, modern, resources, tools
from mcpd.trouble import Reason, Trouble
from mcpd.units import Bytes
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.wire.offer import Feature
from mcpd.workers.life import Death
from mcpd.workers.peer import Patience
from mcpd.workers.pipe import Exit
from mcpd.workers.spec import WorkerLimits
from mcpd.workers.worker import End, Worker
from tests.workers.guard import LONG, SHORT, SILENT, SPEC, Sleeper, WorkerCase
from tests.workers.stage import Audience, call

GONE = Exit(0)


class Broken(FakeChannel):
    """
    A worker to which nothing can be said.
    """

    def send(self, data: bytes) -> int:
        """
        Break.
        """
        raise RuntimeError("broken")


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
        self.assertEqual(channel.methods(), expected)
        self.assertEqual([tool.name for tool in self.guard.offers[0].tools], ["add"])
        self.assertEqual((worker.pid, worker.peer.running, worker.stuck), (channel.pid, 0, 0))

    def test_modern(self) -> None:
        """
        A modern plugin is only asked.
        """
        _, channel = self.ready(modern(tools("add")))
        self.assertEqual(channel.methods(), ["server/discover", "tools/list"])

    def test_remembered(self) -> None:
        """
        A plugin whose era is known, or configured, is not asked it.
        """
        _, channel = self.ready(legacy(), protocol="legacy")
        self.assertEqual(channel.methods()[0], "initialize")
        _, channel = self.start(modern(), protocol="modern", asleep=True)
        self.wait(9)
        channel.wake()
        self.turn()
        self.assertEqual(channel.methods(), ["server/discover", "tools/list"])

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
        for order in (Worker.stop, Worker.retire):
            worker = self.make()
            plugin = FakePlugin(self.clock, legacy(), refusal=OSError(12, "Cannot allocate memory"))
            self.assertRaises(OSError, worker.start, plugin.spawn)
            order(worker)
            self.assertEqual((self.clock.getDelayedCalls(), self.guard.told), ([], []))
            self.assertEqual((worker.pid, worker.crowded, worker.usage()), (0, False, None))

    def test_never_lived(self) -> None:
        """
        A worker without a process takes every order, and there is nothing to be done.
        """
        worker = self.make()
        for order in (worker.close_input, worker.terminate, worker.destroy):
            order()
        asked = worker.ask(call(), Audience(), LONG)
        worker.bury(Death(Exit(1), None, ready=False, asked=False))
        self.fault(asked)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_refused(self) -> None:
        """
        A worker that the launcher could not start ends with the launcher's own reason.
        """
        _, channel = self.start(legacy())
        channel.ears.refused("chdir: No such file or directory")
        channel.exit("exit status 126")
        why = "it was not started: chdir: No such file or directory (exit status 126)"
        self.assertEqual(self.guard.ends, [End(Reason(Trouble.LAUNCH, why), Exit(126))])

    def test_rude(self) -> None:
        """
        A worker that does not shake hands is killed, and the operator reads what it did.
        """
        _, channel = self.start(lambda request: None, protocol="legacy")
        self.turn()
        channel.write(b'{"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"no"}}')
        self.turn()
        self.assertEqual(channel.orders, ["destroy"])
        why = "it refused initialize with error -32022 (killed by signal 9)"
        self.assertEqual(self.guard.ends, [End(Reason(Trouble.HANDSHAKE, why), Exit(None, 9))])

    def test_late_list(self) -> None:
        """
        A worker that shakes hands and does not show its tools in time is killed, with the reason.
        """
        _, channel = self.start(
            lambda request: None if request.method == "tools/list" else legacy()(request), patience=600
        )
        self.wait(10.2)
        self.assertEqual(channel.orders, ["destroy"])
        why = "the plugin did not answer in time (killed by signal 9)"
        self.assertEqual(self.last(), Reason(Trouble.HANDSHAKE, why))

    def test_never_ready(self) -> None:
        """
        A worker that says nothing is asked in both ways, and killed when its time to start is over.
        """
        _, channel = self.start(lambda request: None)
        self.wait(9.9)
        self.assertEqual(channel.orders, [])
        self.wait(0.2)
        why = "it was not ready within 10 s (killed by signal 9)"
        self.assertEqual(self.last(), Reason(Trouble.START, why))
        self.assertEqual(channel.methods()[:2], ["server/discover", "initialize"])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow_start(self) -> None:
        """
        A worker that may take its time to start, since it was never ready here, gets it, in either era.
        """
        for answers in (legacy(), modern()):
            self.guard.told.clear()
            _, channel = self.start(answers, asleep=True, patience=600)
            self.wait(300)
            self.assertEqual((channel.orders, self.guard.told), ([], ["launched"]))
            channel.wake()
            self.turn()
            self.assertEqual((channel.orders, self.guard.told), ([], ["launched", "ready"]))

    def test_short_patience(self) -> None:
        """
        Half of the time that there is, not of what is usual, belongs to the question for its era.
        """
        self.start(
            lambda request: None if request.method == "server/discover" else legacy()(request), patience=4
        )
        self.wait(1.9)
        self.assertEqual(self.guard.told, ["launched"])
        self.wait(0.3)
        self.assertEqual(self.guard.told, ["launched", "ready"])

    def test_launcher_hangs(self) -> None:
        """
        A launcher that never becomes the plugin is killed, too.
        """
        worker = self.make()
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
        worker = self.make()
        channel = Broken(worker, 1, self.clock, legacy())
        worker.start(lambda ears: channel)
        worker.launched()
        self.turn()
        why = "its handshake failed here; see the log (killed by signal 9)"
        self.assertEqual(self.last(), Reason(Trouble.HANDSHAKE, why))
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
        self.assertEqual(worker.peer.running, 1)
        self.turn()
        self.assertIsInstance(self.successResultOf(asked), Answer)
        self.assertEqual((worker.peer.running, worker.peer.asked), (0, 1))

    def test_cancelled(self) -> None:
        """
        A call that is given up is cancelled at the plugin, which is not suspected of anything.
        """
        worker, channel = self.idling()
        asked = worker.ask(call(), Audience(), SHORT)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.wait(60)
        self.assertEqual(channel.methods()[-1], "notifications/cancelled")
        self.assertEqual((channel.orders, self.guard.told, worker.stuck), ([], [], 0))

    def test_gone(self) -> None:
        """
        The calls of a worker that ends fail at once, are counted, and are told how it ended.
        """
        worker, channel = self.idling()
        waiting = [worker.ask(call(), Audience(), LONG) for _ in range(3)]
        channel.exit("killed by signal 11")
        for asked in waiting:
            fault = self.fault(asked)
            self.assertIs(fault.kind, Kind.PLUGIN_GONE)
            text = "the plugin ended while it worked on this call (killed by signal 11)"
            self.assertEqual(fault.text, text)
        reason = Reason(Trouble.EXIT, "killed by signal 11")
        self.assertEqual(self.guard.ends, [End(reason, Exit(None, 11), lost=3, ready=True)])
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.fault(worker.ask(call(), Audience(), LONG))

    def test_last_words(self) -> None:
        """
        A caller reads the last line that the plugin wrote to its standard error, without paths of ours.
        """
        worker, channel = self.idling()
        asked = worker.ask(call(), Audience(), LONG)
        channel.ears.said(b"starting\nError: can't open \x1b[1m/srv/private/x.db\x1b[0m: locked")
        channel.exit("exit status 1")
        words = "exit status 1; it said last: Error: can't open [path]: locked"
        self.assertEqual(self.fault(asked).text, f"the plugin ended while it worked on this call ({words})")
        self.assertEqual(worker.last_words, r"Error: can't open \x1b[1m/srv/private/x.db\x1b[0m: locked")

    def test_others_words(self) -> None:
        """
        What the plugin logs, maybe for another caller, is not among the words that callers read.
        """
        worker, channel = self.idling()
        channel.ears.said(b"ready\n")
        channel.tell("notifications/message", level="info", data="the other one's secret")
        asked = worker.ask(call(), Audience(), LONG)
        channel.exit()
        self.assertNotIn("secret", self.fault(asked).text)
        self.assertEqual(worker.last_words, "ready")
        self.assertEqual(self.guard.told[:2], ["1000 said ready", "1000 said info: the other one's secret"])

    def test_crowded(self) -> None:
        """
        A worker that does not read is crowded beyond its bound: it gets no calls, and no answers.
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
        self.assertEqual((len(channel.said) - said, worker.peer.strays.questions), (1, 1))
        self.assertIs(self.fault(worker.ask(call(), Audience(), LONG)).kind, Kind.PLUGIN_UNAVAILABLE)

    def test_usage(self) -> None:
        """
        What a worker uses is what its process does.
        """
        worker, channel = self.idling()
        self.assertIsNone(worker.usage())
        channel.using = Usage(1 << 20, 0.5)
        self.assertEqual(worker.usage(), Usage(1 << 20, 0.5))


class RetireTests(WorkerCase):
    """
    Tests for a worker that is to end once its calls are over.
    """

    def check_gone(self, channel: Sleeper, *orders: str, how: Exit = GONE) -> None:
        """
        Check that it ended at these orders, as one that was asked to, and left nothing behind.
        """
        self.assertEqual(channel.orders, [*orders])
        [end] = self.guard.ends
        self.assertEqual((end.exit, end.asked, end.lost), (how, True, 0))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_idle(self) -> None:
        """
        A worker without calls goes at once.
        """
        worker, channel = self.idling()
        worker.retire()
        self.turn()
        self.check_gone(channel, "close_input")
        self.assertEqual(
            self.guard.ends, [End(Reason(Trouble.EXIT, "exit status 0"), Exit(0), ready=True, asked=True)]
        )

    def test_running(self) -> None:
        """
        A worker with calls is left at them, and goes after the last one, however that ends.
        """
        worker, channel = self.idling()
        asked = [worker.ask(call(), Audience(), LONG) for _ in range(3)]
        self.turn()
        worker.retire()
        self.wait(30)
        channel.answer(channel.calls()[1])
        self.successResultOf(asked[1])
        channel.write(b'{"jsonrpc":"2.0","id":%b,"result":null}' % channel.calls()[0])
        self.fault(asked[0])
        self.turn()
        self.assertEqual(channel.orders, [])
        asked[2].cancel()
        self.failureResultOf(asked[2], CancelledError)
        self.turn()
        self.check_gone(channel, "close_input")

    def test_answered_together(self) -> None:
        """
        Answers that come together all reach their callers before the worker is asked to go.
        """
        worker, channel = self.idling()
        asked = [worker.ask(call(), Audience(), LONG) for _ in range(3)]
        self.turn()
        worker.retire()
        lines = [b'{"jsonrpc":"2.0","id":%b,"result":{}}' % number for number in channel.calls()]
        channel.write(*lines)
        for each in asked:
            self.successResultOf(each)
        self.turn()
        self.check_gone(channel, "close_input")

    def test_expires(self) -> None:
        """
        A call of a retiring worker that takes too long fails, and the worker is asked to go at once.
        """
        worker, channel = self.idling()
        asked = worker.ask(call(), Audience(), SHORT)
        worker.retire()
        self.wait(5.2)
        self.assertIs(self.fault(asked).kind, Kind.DEADLINE)
        self.turn()
        self.check_gone(channel, "close_input")

    def test_hangs(self) -> None:
        """
        A worker that hangs while it retires goes by the ladder, as one that was asked to.
        """
        worker, channel = self.idling()
        channel.stubborn = frozenset(("close_input", "terminate"))
        asked = worker.ask(call(), Audience(), SHORT)
        worker.retire()
        channel.asleep = True
        self.wait(5.2)
        self.fault(asked)
        for orders in (["close_input"], ["close_input", "terminate"]):
            self.assertEqual(channel.orders, orders)
            self.wait(3)
        self.check_gone(channel, "close_input", "terminate", "destroy", how=Exit(None, 9))
        self.assertEqual(self.last().trouble, Trouble.EXIT)

    def test_hangs_with_others(self) -> None:
        """
        A worker that hangs while it retires, and has calls that are not late, is killed with the reason.
        """
        worker, channel = self.idling()
        waiting = [worker.ask(call(), Audience(), each) for each in (SHORT, LONG)]
        worker.retire()
        channel.asleep = True
        self.wait(8.3)
        self.assertEqual(channel.orders, ["destroy"])
        self.assertEqual([self.fault(each).kind for each in waiting], [Kind.DEADLINE, Kind.PLUGIN_GONE])
        reason = Reason(Trouble.HUNG, f"{SILENT} (killed by signal 9)")
        self.assertEqual(self.guard.ends, [End(reason, Exit(None, 9), lost=1, ready=True, asked=True)])

    def test_stuck(self) -> None:
        """
        A worker with a stuck call is not kept by it.
        """
        worker, channel = self.idling()
        asked, other = (worker.ask(call(), Audience(), each) for each in (SHORT, LONG))
        self.wait(6)
        self.fault(asked)
        self.assertEqual(self.guard.told, ["stuck 1"])
        worker.retire()
        self.turn()
        self.assertEqual(channel.orders, [])
        channel.answer(channel.calls()[1])
        self.successResultOf(other)
        self.turn()
        self.check_gone(channel, "close_input")

    def test_starting(self) -> None:
        """
        A worker that is not ready yet is not waited for; its launcher is killed.
        """
        worker, channel = self.start(lambda request: None)
        self.turn()
        worker.retire()
        self.turn()
        self.check_gone(channel, "close_input")
        self.guard.ends.clear()
        worker = self.make()
        plugin = FakePlugin(self.clock, legacy(), launching=False)
        worker.start(plugin.spawn)
        worker.retire()
        self.turn()
        self.assertEqual(plugin.workers[0].orders, ["destroy"])
        self.assertEqual([end.asked for end in self.guard.ends], [True])

    def test_asked_meanwhile(self) -> None:
        """
        A worker that is asked again because a call of it ended has that call, too, before it goes.
        """
        worker, channel = self.idling()
        again: list[Deferred[Answer | Refusal]] = []
        asked = worker.ask(call(), Audience(), LONG)
        asked.addCallback(lambda answer: again.append(worker.ask(call(), Audience(), LONG)))
        worker.retire()
        channel.answer(channel.calls()[0])
        self.turn()
        self.assertEqual((channel.orders, len(again)), ([], 1))
        channel.answer(channel.calls()[1])
        self.turn()
        self.check_gone(channel, "close_input")

    def test_stopped(self) -> None:
        """
        A worker that retires can still be stopped at once.
        """
        worker, channel = self.idling()
        asked = worker.ask(call(), Audience(), LONG)
        worker.retire()
        worker.stop()
        self.turn()
        self.assertIs(self.fault(asked).kind, Kind.PLUGIN_GONE)
        self.assertEqual((channel.orders, self.guard.ends[0].lost), (["close_input"], 1))

    def test_exits(self) -> None:
        """
        A worker that ends by itself while it retires loses its calls, as any other.
        """
        worker, channel = self.idling()
        asked = worker.ask(call(), Audience(), LONG)
        worker.retire()
        channel.exit("exit status 3")
        self.assertIs(self.fault(asked).kind, Kind.PLUGIN_GONE)
        reason = Reason(Trouble.EXIT, "exit status 3")
        self.assertEqual(self.guard.ends, [End(reason, Exit(3), lost=1, ready=True, asked=True)])
        self.assertEqual(self.clock.getDelayedCalls(), [])


class TellingTests(WorkerCase):
    """
    Tests for what a worker tells, and what it is asked to.
    """

    def test_changed(self) -> None:
        """
        A plugin of either era that changes its lists is heard at once.
        """
        for answers in (legacy, modern):
            stock = Stock(tools("a"), telling=True)
            _, channel = self.ready(answers(stock))
            stock.tools = tools("a", "b")
            channel.tell("notifications/tools/list_changed")
            self.turn()
            self.assertEqual(self.guard.told, ["offered"])
            self.assertEqual([tool.name for tool in self.guard.offers[-1].tools], ["a", "b"])

    def test_stale(self) -> None:
        """
        A plugin that changes a list and does not show it is told to the operator.
        """
        stock = Stock(tools("a"), telling=True)
        _, channel = self.ready(legacy(stock))
        channel.asleep = True
        channel.tell("notifications/tools/list_changed")
        self.wait(10.2)
        self.assertEqual(self.guard.told, ["stale: the plugin did not answer in time"])

    def test_watched(self) -> None:
        """
        A plugin of either era tells what is watched, and no longer once it is not.
        """
        stock = Stock(resources=resources("a"), features=frozenset({Feature.SUBSCRIBE}))
        for answers in (legacy, modern):
            worker, channel = self.ready(answers(stock))
            watching = worker.watch("a")
            self.turn()
            self.assertIsInstance(self.successResultOf(watching), Answer)
            channel.tell("notifications/resources/updated", uri="a")
            self.assertEqual(self.guard.told, ["touched a"])
            worker.unwatch("a")
            self.turn()
            self.assertIn(channel.methods()[-1], ("resources/unsubscribe", "notifications/cancelled"))

    def test_gone(self) -> None:
        """
        A watch fails when its worker ends, which leaves nothing behind.
        """
        stock = Stock(resources=[], features=frozenset({Feature.SUBSCRIBE}))
        for answers in (legacy, modern):
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
        worker, channel = self.idling()
        channel.tell("notifications/message", level="info", data="for us")
        audience = Audience()
        worker.ask(call(), audience, LONG)
        channel.tell("notifications/message", level="info", data="for one")
        self.assertEqual((self.guard.told, len(audience.notices)), (["1000 said info: for us"], 1))

    def test_noise(self) -> None:
        """
        Of what a worker writes that is no message the operator reads the first line, and the rest is counted.
        """
        worker, channel = self.idling()
        channel.write(b"hello", b"world")
        self.assertEqual((self.guard.told, worker.peer.strays.noise), (["1000 noise hello"], 2))

    def test_said(self) -> None:
        """
        The operator reads a worker's standard error up to its bound, and how much went beyond it.
        """
        spec = evolve(SPEC, limits=evolve(SPEC.limits, stderr=Bytes(210)))
        worker, channel = self.ready(legacy(), spec=spec)
        channel.ears.said(b"warning\n" * 3)
        channel.exit()
        expected = ["1000 said warning", "1000 said wa", "1000 silenced 14", "ended"]
        self.assertEqual((self.guard.told, worker.last_words), (expected, "wa"))


class EndTests(WorkerCase):
    """
    Tests for a worker's end.
    """

    def test_probing(self) -> None:
        """
        A worker that exits over the question of its era is told apart from one that a signal kills.
        """
        for how, exit, probing in (
            ("exit status 0", Exit(0), True),
            ("exit status 1", Exit(1), True),
            ("killed by signal 9", Exit(None, 9), False),
        ):
            _, channel = self.start(lambda request: None)
            self.turn()
            channel.exit(how)
            self.assertEqual(self.guard.ends[-1], End(Reason(Trouble.EXIT, how), exit, probing=probing))

    def test_probing_late(self) -> None:
        """
        So is one that is slow to start, and exits before it has answered anything.
        """
        _, channel = self.start(lambda request: None, patience=600)
        self.wait(300)
        channel.exit("exit status 1")
        self.assertTrue(self.guard.ends[-1].probing)

    def test_not_probing(self) -> None:
        """
        A worker that is being killed then, or was not asked, or has answered, is not.
        """
        _, channel = self.start(lambda request: None)
        self.turn()
        channel.ears.overflow()
        channel.exit("exit status 1")
        for era in ("legacy", "modern"):
            _, channel = self.start(lambda request: None, protocol=era)
            self.turn()
            channel.exit("exit status 1")
        _, channel = self.idling()
        channel.exit("exit status 1")
        self.assertEqual([end.probing for end in self.guard.ends], [False] * 4)

    def test_overflow(self) -> None:
        """
        A worker that writes a line without end is killed, and the operator reads the bound.
        """
        _, channel = self.ready(legacy())
        channel.ears.overflow()
        self.turn()
        self.assertEqual(channel.orders, ["destroy"])
        why = "it wrote a line of more than 1000 bytes (killed by signal 9)"
        self.assertEqual(self.guard.ends, [End(Reason(Trouble.LINE, why), Exit(None, 9), ready=True)])

    def test_stopped(self) -> None:
        """
        A worker that is not wanted has its input closed, and goes.
        """
        worker, channel = self.ready(legacy())
        worker.stop()
        self.turn()
        self.assertEqual(channel.orders, ["close_input"])
        reason = Reason(Trouble.EXIT, "exit status 0")
        self.assertEqual(self.guard.ends, [End(reason, Exit(0), ready=True, asked=True)])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stubborn(self) -> None:
        """
        A worker that does not go is asked again, and killed, whatever becomes of its calls meanwhile.
        """
        worker, channel = self.idling()
        channel.stubborn = frozenset(("close_input", "terminate"))
        asked = worker.ask(call(), Audience(), Patience(1, 1))
        channel.asleep = True
        worker.stop()
        self.wait(5.9)
        self.assertIs(self.fault(asked).kind, Kind.DEADLINE)
        self.assertEqual(channel.orders, ["close_input", "terminate"])
        self.wait(0.2)
        self.assertEqual(channel.orders, ["close_input", "terminate", "destroy"])
        self.assertEqual(self.last(), Reason(Trouble.EXIT, "killed by signal 9"))
        self.assertEqual(self.clock.getDelayedCalls(), [])


SHY = evolve(SPEC, limits=WorkerLimits(notices=50))


class FloodTests(WorkerCase):
    """
    Tests for workers that say too much.
    """

    def test_notices(self) -> None:
        """
        A worker that tells things without end is killed, and why is told.
        """
        _, channel = self.ready(legacy(tools("add")), spec=SHY)
        line = b'{"jsonrpc":"2.0","method":"notifications/x"}'
        channel.write(*[line] * 90)
        self.assertEqual(channel.orders, [])
        channel.write(*[line] * 90)
        self.turn()
        (end,) = self.guard.ends
        self.assertIs(end.reason.trouble, Trouble.FLOOD)
        self.assertIn("more than 50 messages a second", end.reason.text)

    def test_answers(self) -> None:
        """
        So is one that answers without end what nobody asked, or writes nonsense.
        """
        for line in (b'{"jsonrpc":"2.0","id":"x","result":{}}', b"nonsense"):
            _, channel = self.ready(legacy(tools("add")), spec=SHY)
            channel.write(*[line] * 120)
            self.turn()
            self.assertIs(self.guard.ends[-1].reason.trouble, Trouble.FLOOD)

    def test_calls(self) -> None:
        """
        Answers to what was asked count for nothing.
        """
        worker, _ = self.ready(legacy(tools("add")), spec=SHY)
        for _ in range(200):
            asked = worker.ask(call(), Audience(), LONG)
            self.turn()
            self.successResultOf(asked)
        self.assertEqual(self.guard.ends, [])
