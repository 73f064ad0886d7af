# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.main`.
"""

from __future__ import annotations

import json

from twisted.trial.unittest import SynchronousTestCase

from mcpd import __version__
from tests.ctl.stage import Operator


class MainTests(SynchronousTestCase):
    """
    Tests for the verbs of this file.
    """

    def test_version(self) -> None:
        """
        The version is told.
        """
        self.assertEqual(Operator().run("--version").stdout, f"mcpctl {__version__}\n")

    def test_usage(self) -> None:
        """
        Wrong usage exits with 2.
        """
        self.assertEqual(Operator().run("explode").exit_code, 2)

    def test_complaint(self) -> None:
        """
        What fails is told with its code and a hint, and exits with 1.
        """
        ended = Operator().run("plugin", "show", "nobody")
        self.assertEqual((ended.exit_code, ended.stdout), (1, ""))
        self.assertTrue(ended.stderr.startswith('MCPD-E-PLUGIN: there is no plugin "nobody"\nhint: '))

    def test_complaint_json(self) -> None:
        """
        Programs read what failed, too.
        """
        ended = Operator().run("plugin", "show", "nobody", "-o", "json")
        self.assertEqual(json.loads(ended.stderr)["error"]["code"], "MCPD-E-PLUGIN")

    def test_interrupted(self) -> None:
        """
        Ctrl-C ends it quietly.
        """
        operator = Operator()
        operator.connection.interrupted = True
        ended = operator.run("status")
        self.assertEqual((ended.exit_code, ended.output), (1, ""))

    def test_unusable(self) -> None:
        """
        What the system refuses is told in a sentence, with the file's name if there is one.
        """
        for error, told in (
            (OSError(28, "No space left on device"), "No space left on device\n"),
            (
                FileNotFoundError(2, "No such file or directory", "/gone"),
                "/gone: No such file or directory\n",
            ),
            (RecursionError(), "what there is to read or show is nested too deeply\n"),
        ):
            operator = Operator()
            operator.connection.failure = error
            ended = operator.run("status")
            self.assertEqual((ended.exit_code, ended.stderr), (1, told))

    def test_nobody_reads(self) -> None:
        """
        It ends without a word if nobody reads what it writes.
        """
        operator = Operator()
        operator.connection.failure = BrokenPipeError(32, "Broken pipe")
        ended = operator.run("status")
        self.assertEqual((ended.exit_code, ended.output), (1, ""))
