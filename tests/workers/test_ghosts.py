# -*- test-case-name: tests.workers.test_ghosts -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.ghosts`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.workers.ghosts import Ghosts


class GhostsTests(SynchronousTestCase):
    """
    Tests for calls that were given up.
    """

    def test_answered(self) -> None:
        """
        A call haunts until it is answered.
        """
        ghosts = Ghosts()
        self.assertFalse(ghosts)
        ghosts.add(b"1", 10)
        ghosts.lay(b"2")
        self.assertTrue(ghosts)
        ghosts.lay(b"1")
        self.assertFalse(ghosts)

    def test_faded(self) -> None:
        """
        A call that is never answered haunts until it would have been over.
        """
        ghosts = Ghosts()
        ghosts.add(b"1", 10)
        ghosts.add(b"2", 20)
        for now, there in ((9.9, True), (10, True), (19.9, True), (20, False), (21, False)):
            ghosts.fade(now)
            self.assertEqual(bool(ghosts), there)

    def test_bounded(self) -> None:
        """
        Of any number of calls the first thousand are known one by one, and of all others the last end.
        """
        ghosts = Ghosts()
        for number in range(1002):
            ghosts.add(b"%d" % number, 1000 + number)
        for number in range(1002):
            ghosts.lay(b"%d" % number)
        ghosts.fade(2000)
        self.assertTrue(ghosts)
        ghosts.fade(2001)
        self.assertFalse(ghosts)
