# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.key`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.ctl.stage import Operator


class KeyTests(SynchronousTestCase):
    """
    Tests for the verbs of this file.
    """

    def test_life(self) -> None:
        """
        A key is shown once, alone on standard output, then listed, then revoked.
        """
        operator = Operator()
        self.assertIn("would be made", operator.run("key", "create", "laptop", "--dry-run").stdout)
        ended = operator.run("key", "create", "laptop", "--role", "all")
        self.assertEqual(ended.stdout, "mcpd_0101\n")
        self.assertIn("the only time", ended.stderr)
        text = operator.run("key", "list").stdout
        self.assertIn("2027-01-15T08:00:00Z", text)
        self.assertNotIn("0101", text)
        self.assertIn("would be", operator.run("key", "revoke", "laptop", "--dry-run").stdout)
        self.assertEqual(operator.run("key", "revoke", "laptop").stdout, "the key laptop is revoked\n")

    def test_json(self) -> None:
        """
        Programs get the key, too.
        """
        self.assertEqual(Operator().json("key", "create", "laptop")["key"], "mcpd_0101")
