# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.see`.
"""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.trouble import Reason, Trouble
from tests.admin.stage import BAD, GOOD, FakeDaemon
from tests.ctl.stage import Operator


class SeeTests(SynchronousTestCase):
    """
    Tests for the verbs of this file.
    """

    def test_status(self) -> None:
        """
        The status has a line of the daemon, a line of each plugin, and why one is in trouble.
        """
        ended = Operator().run("status")
        lines = [line.rstrip() for line in ended.stdout.splitlines()]
        self.assertIn("mcpd 0.1 (pid 77) up 2 h 3 m, ready; 3 sessions, 2 streams", lines[0])
        self.assertIn(
            ["files", "ready", "modern", "2026-07-28", "1/2", "12", "1", "12.0M"],
            [line.split() for line in lines],
        )
        self.assertIn(["git", "pausing", "-", "0/0", "12", "1", "-"], [line.split() for line in lines])
        told = " ".join(" ".join(lines).split())
        self.assertIn('git MCPD-E-EXIT exit status 1; it said "fatal: not a git repository"; next', told)
        self.assertEqual(ended.exit_code, 0)

    def test_plain(self) -> None:
        """
        Without a terminal the status is plain text of 80 columns, whatever plugins said.
        """
        bad = evolve(BAD, name="x" * 32, said="\x1b[31m" + "y" * 300 + "\nz", retry=None)
        starting = evolve(GOOD, name="s", phase="starting", reason=Reason(Trouble.EXIT, "e"), revision="x")
        text = Operator(FakeDaemon((GOOD, bad, starting))).run("status").stdout
        self.assertLessEqual(max(map(len, text.splitlines())), 80)
        self.assertNotIn("\x1b", text)

    def test_outdated(self) -> None:
        """
        Of a plugin that goes on with its former configuration is told why the new one does not start.
        """
        old = evolve(GOOD, outdated=1, reason=Reason(Trouble.PROGRAM, "there is no program at /x"))
        said = " ".join(Operator(FakeDaemon((old,))).run("status").stdout.split())
        self.assertIn("files its new configuration does not start: MCPD-E-PROGRAM there is no program", said)

    def test_untroubled(self) -> None:
        """
        Where nothing is in trouble nothing is said of it.
        """
        text = Operator(FakeDaemon((GOOD,))).run("status").stdout
        self.assertNotIn("MCPD-E", text)

    def test_json(self) -> None:
        """
        Programs get all that is known.
        """
        self.assertEqual(Operator().json("status")["plugins"][0]["workers"][0]["pid"], 41)

    def test_config(self) -> None:
        """
        The configuration is a table of keys, values and origins; a secret is masked.
        """
        text = Operator().run("config").stdout
        self.assertIn("daemon.drain", text)
        self.assertIn("***", text)
        self.assertNotIn("s3cret", text)
