# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.complaint`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.complaint import Complaint


class ComplaintTests(SynchronousTestCase):
    """
    Tests for what the daemon complains of.
    """

    def test_told(self) -> None:
        """
        A daemon of another version may say less, and is understood all the same.
        """
        complaint = Complaint.told({"message": "no"})
        self.assertEqual((complaint.code, complaint.text, complaint.hint), ("", "no", ""))
