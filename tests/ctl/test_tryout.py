# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.tryout`.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.trial import Report, Trial
from mcpd.ctl.tryout import found, give_up, outcome_of, readable, rows
from mcpd.testing.worker import FakePlugin
from mcpd.trouble import Reason, Trouble
from mcpd.workers.spec import Plugin
from tests.ctl.stage import Operator

_GOOD = Report(0.5, None, "2025-11-25", "legacy", 3, rung="end of input", ending=0.1)
_GONE = Reason(Trouble.EXIT, "exit status 1")


class TryoutTests(SynchronousTestCase):
    """
    Tests for what is told of a trial.
    """

    def _rows(self, report: Report) -> dict[str, object]:
        return dict(rows("/bin/x", report))

    def test_good(self) -> None:
        """
        A good plugin's report says what it speaks, has, and how it ended.
        """
        told = self._rows(_GOOD)
        self.assertEqual((told["program"], told["speaks"]), ("/bin/x", "legacy 2025-11-25"))
        self.assertEqual(told["end"], "at the end of its input, after 0.10 s")
        self.assertEqual((told["verdict"], readable(_GOOD)["passed"]), ("good", True))

    def test_never_ready(self) -> None:
        """
        One that is never ready is told with its reason and its last words.
        """
        told = self._rows(Report(reason=_GONE, stderr=1, last_words="oops"))
        self.assertEqual(told["ready"], "never: MCPD-E-EXIT: exit status 1")
        self.assertEqual(told["stderr"], '1 lines on standard error, as "oops"')
        self.assertEqual(readable(Report(reason=_GONE))["reason"]["code"], "MCPD-E-EXIT")
        self.assertEqual(self._rows(Report())["ready"], "never")

    def test_ends(self) -> None:
        """
        One that had to be killed, or went by itself, is told so.
        """
        killed = self._rows(Report(1.0, era="modern", rung="SIGKILL", ending=6))
        self.assertEqual(killed["end"], "only at SIGKILL, 6.00 s after the end of its input")
        self.assertEqual(killed["shared"], "yes, by everybody")
        self.assertEqual(self._rows(Report(1.0, _GONE))["end"], "by itself: MCPD-E-EXIT: exit status 1")

    def test_missing(self) -> None:
        """
        A program that is nowhere is told at once.
        """
        ended = Operator().run("plugin", "check", "no-such-program")
        self.assertEqual(ended.exit_code, 1)
        self.assertIn("MCPD-E-PROGRAM", ended.stderr)

    def test_found(self) -> None:
        """
        A program is found as a shell finds it.
        """
        self.assertEqual(found(("sh", "-c", "x"), ()), ("/usr/bin/sh", "-c", "x"))

    def test_interrupted(self) -> None:
        """
        Ctrl-C stops the plugin before the command ends; a trial that is over is left alone.
        """
        clock = Clock()
        trial = Trial(Plugin("check", ("x",)), clock, FakePlugin(clock, lambda request: None).spawn)
        trial.run()
        give_up(trial, succeed(None))
        self.assertFalse(trial.abandoned)
        running: Deferred[None] = Deferred()
        self.assertIs(give_up(trial, running), running)
        self.assertRaises(KeyboardInterrupt, outcome_of, trial, [])

    def test_outcome(self) -> None:
        """
        A trial comes to a report, or to what nobody expected.
        """
        clock = Clock()
        trial = Trial(Plugin("check", ("x",)), clock, FakePlugin(clock, lambda request: None).spawn)
        self.assertIs(outcome_of(trial, [_GOOD]), _GOOD)
        self.assertRaises(ZeroDivisionError, outcome_of, trial, [Failure(ZeroDivisionError())])
