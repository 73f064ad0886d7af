# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.frame`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.ctl.stage import Operator


class FrameTests(SynchronousTestCase):
    """
    Tests for the verbs of this file.
    """

    def test_named(self) -> None:
        """
        A socket that is named is the only one that is tried.
        """
        operator = Operator()
        operator.run("--socket", "/my.sock", "status")
        self.assertEqual(operator.paths, ["/my.sock"])

    def test_nowhere(self) -> None:
        """
        Without a daemon all places are named that were tried, each with its reason.
        """
        operator = Operator(missing=FileNotFoundError(2, "No such file or directory"))
        ended = operator.run("status")
        self.assertEqual(ended.exit_code, 1)
        self.assertTrue(ended.stderr.startswith("MCPD-E-SOCKET: no daemon answers at /home/a/.local/state/"))
        self.assertEqual(len(operator.paths), 2)
        for path in operator.paths:
            self.assertIn(f"{path} (No such file or directory)", ended.stderr)

    def test_forbidden(self) -> None:
        """
        Who may not open the socket is told so.
        """
        operator = Operator(missing=PermissionError(13, "Permission denied"))
        self.assertIn("MCPD-E-PEER", operator.run("status").stderr)
