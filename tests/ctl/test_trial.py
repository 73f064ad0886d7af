# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.trial`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.trial import Report, Trial
from mcpd.sandbox.plan import ProgramMissing
from mcpd.testing.worker import FakePlugin, Stock, legacy, modern
from mcpd.trouble import Trouble
from mcpd.wire.offer import Offer, Sort
from mcpd.wire.revision import MODERN
from mcpd.workers.spec import Plugin

_TOOL = {"name": "add", "inputSchema": {"type": "object"}}


class TrialTests(SynchronousTestCase):
    """
    Tests for one trial of a plugin.
    """

    def setUp(self) -> None:
        """
        Have time that a test lets pass.
        """
        self.clock = Clock()

    def _plugin(self, fake: Any = modern, **about: Any) -> FakePlugin:
        return FakePlugin(self.clock, fake(Stock(tools=[_TOOL])), **about)

    def _report(self, plugin: FakePlugin) -> Report:
        over = Trial(Plugin("check", ("x",)), self.clock, plugin.spawn).run()
        self.clock.pump([0.01] * 20)
        self.clock.pump([1.0] * 20)
        return self.successResultOf(over)

    def test_modern(self) -> None:
        """
        A good modern plugin passes, and everybody may share it.
        """
        report = self._report(self._plugin())
        self.assertEqual((report.era, report.tools, report.rung), ("modern", 1, "end of input"))
        self.assertEqual((report.passed, report.shareable, report.reason), (True, True, None))

    def test_legacy(self) -> None:
        """
        A legacy plugin passes, and each principal has its own worker of it.
        """
        report = self._report(self._plugin(legacy))
        self.assertEqual((report.era, report.passed, report.shareable), ("legacy", True, False))

    def test_stubborn(self) -> None:
        """
        One that has to be killed does not pass, and the report says what it took.
        """
        for stubborn, rung in (({"close_input"}, "SIGTERM"), ({"close_input", "terminate"}, "SIGKILL")):
            report = self._report(self._plugin(stubborn=frozenset(stubborn)))
            self.assertEqual((report.rung, report.passed, report.ending > 1), (rung, False, True))

    def test_not_started(self) -> None:
        """
        One that cannot be started has the reason in its report.
        """
        for error in (OSError("no memory"), ProgramMissing("gone")):
            report = self._report(self._plugin(refusal=error))
            assert report.reason is not None
            self.assertIs(report.reason.trouble, Trouble.LAUNCH)
            self.assertFalse(report.passed)

    def test_abandoned(self) -> None:
        """
        A trial that nobody waits for ends the plugin.
        """
        plugin = FakePlugin(self.clock, lambda request: None)
        trial = Trial(Plugin("check", ("x",)), self.clock, plugin.spawn)
        over = trial.run()
        trial.abandon()
        self.clock.pump([1.0] * 20)
        self.successResultOf(over)
        self.assertTrue(plugin.workers[0].gone)

    def test_ends_when_asked(self) -> None:
        """
        One that ends at a question that it does not know is asked again as a legacy plugin, once.
        """
        plugin = self._plugin(legacy)
        over = Trial(Plugin("check", ("x",)), self.clock, plugin.spawn).run()
        plugin.workers[0].ears.launched()
        plugin.workers[0].exit()
        self.clock.pump([0.01] * 20)
        self.clock.pump([1.0] * 20)
        self.assertEqual((len(plugin.workers), self.successResultOf(over).era), (2, "legacy"))

    def test_noise(self) -> None:
        """
        Lines that are no messages are counted, and those on standard error; the first and the last are told.
        """
        plugin = FakePlugin(self.clock, lambda request: None)
        trial = Trial(Plugin("check", ("x",)), self.clock, plugin.spawn)
        over = trial.run()
        (worker,) = plugin.workers
        worker.write(b"hello", b"again")
        worker.ears.said(b"one\ntwo\n")
        trial.noise(worker.pid, b"later", "no JSON")
        trial.abandon()
        self.clock.pump([1.0] * 20)
        report = self.successResultOf(over)
        self.assertEqual((report.noise, report.first_noise), (2, "hello"))
        self.assertEqual((report.stderr, report.last_words), (2, "two"))

    def test_tells(self) -> None:
        """
        What a daemon would act upon is nothing to a trial.
        """
        plugin = self._plugin()
        trial = Trial(Plugin("check", ("x",)), self.clock, plugin.spawn)
        over = trial.run()
        trial.offered(Offer(MODERN), ())
        trial.stale(Sort.TOOLS, "why")
        trial.silenced(1, 2)
        self.assertFalse(trial.touched("a:b"))
        self.clock.pump([0.01] * 20)
        self.assertTrue(self.successResultOf(over).passed)
