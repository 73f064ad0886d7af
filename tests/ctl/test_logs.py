# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.logs`.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import WorkerSaid
from tests.ctl.stage import LINE, Operator


class LogsTests(SynchronousTestCase):
    """
    Tests for the verbs of this file.
    """

    def test_last(self) -> None:
        """
        The last lines are shown with time and level, of one plugin if it is named.
        """
        operator = Operator()
        for number in range(3):
            operator.daemon.publisher.tell(WorkerSaid("files", 1, str(number)))
        operator.daemon.publisher.tell(WorkerSaid("git", 1, "other"))
        text = operator.run("logs", "-n", "2", "files").stdout
        stamp = "2027-01-15T08:00:00.000Z info  files: "
        self.assertEqual(text, f"{stamp}1\n{stamp}2\n")

    def test_follow(self) -> None:
        """
        Later lines follow, without what a terminal would obey; for programs one object a line.
        """
        operator = Operator()
        operator.connection.later = [LINE]
        text = operator.run("logs", "-f").stdout
        self.assertEqual(text, "2027-01-15T08:00:00.000Z warn  files: [31mred\n")
        self.assertEqual(json.loads(operator.run("logs", "-f", "-o", "json").stdout)["level"], "warn")

    def test_interrupted(self) -> None:
        """
        Ctrl-C is how one ends to follow: quietly and well.
        """
        operator = Operator()
        operator.connection.later = None
        ended = operator.run("logs", "-f")
        self.assertEqual((ended.exit_code, ended.output), (0, ""))
