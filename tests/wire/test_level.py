# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.level`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.level import LEVELS, reaches


class LevelTests(SynchronousTestCase):
    """
    Tests for the levels of log messages.
    """

    def test_order(self) -> None:
        """
        A message is for whoever asked for its level or a lesser one, and for nobody else.
        """
        self.assertEqual((LEVELS[0], LEVELS[-1], len(LEVELS)), ("debug", "emergency", 8))
        for rank, level in enumerate(LEVELS):
            self.assertEqual([reaches(each, level) for each in LEVELS], [False] * rank + [True] * (8 - rank))

    def test_unknown(self) -> None:
        """
        What is no level reaches nobody, and who asks for what is none gets nothing.
        """
        for level, least in (("loud", "debug"), ("", "debug"), ("emergency", "loud"), ("Info", "info")):
            self.assertFalse(reaches(level, least))
