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
