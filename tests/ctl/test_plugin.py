# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.plugin`.
"""

from __future__ import annotations

from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import WorkerSaid
from tests.admin.stage import GOOD, FakeDaemon
from tests.ctl.stage import Operator


class PluginTests(SynchronousTestCase):
    """
    Tests for the verbs of this file.
    """

    def test_list(self) -> None:
        """
        The plugins are listed without the daemon.
        """
        text = Operator().run("plugin", "list").stdout
        self.assertIn("git", text)
        self.assertNotIn("pid 77", text)

    def test_show(self) -> None:
        """
        A plugin is shown with its tools, workers, limits and last lines.
        """
        operator = Operator()
        operator.daemon.publisher.tell(WorkerSaid("files", 1, "hello"))
        text = operator.run("plugin", "show", "files").stdout
        for part in ("files__read files__list", "uid:root", "12.0M", "1.5 s", "not enforced", "files: hello"):
            self.assertIn(part, text)
        self.assertLessEqual(max(map(len, text.splitlines())), 80)

    def test_show_bare(self) -> None:
        """
        A plugin without workers, limits and lines has no tables of them.
        """
        bare = evolve(GOOD, workers=(), limits=())
        text = Operator(FakeDaemon((bare,))).run("plugin", "show", "files").stdout
        self.assertNotIn("pid", text)
        self.assertNotIn("held", text)

    def test_restart(self) -> None:
        """
        A plugin is restarted, or with --dry-run it is not.
        """
        operator = Operator()
        self.assertIn("would be", operator.run("plugin", "restart", "git", "--dry-run").stdout)
        self.assertEqual(operator.daemon.asked, [])
        self.assertEqual(operator.run("plugin", "restart", "git").stdout, "git has a new worker\n")
        self.assertEqual(operator.daemon.asked, ["restart git"])
