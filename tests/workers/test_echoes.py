# -*- test-case-name: tests.workers.test_echoes -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.echoes`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.workers.echoes import LINGER, Echoes


class EchoesTests(SynchronousTestCase):
    """
    Tests for who was answered a moment ago.
    """

    def setUp(self) -> None:
        """
        Begin at some time.
        """
        self.echoes = Echoes()
        self.echoes.fade(1000)

    def test_nobody(self) -> None:
        """
        Where nobody was answered, anybody is alone, and nothing is to be forgotten.
        """
        self.assertTrue(self.echoes.are_only("a"))
        self.assertFalse(self.echoes)

    def test_one(self) -> None:
        """
        Who alone was answered is alone, and nobody else.
        """
        for _ in range(3):
            self.echoes.add("a")
        self.assertTrue(self.echoes.are_only("a"))
        self.assertFalse(self.echoes.are_only("b"))

    def test_more(self) -> None:
        """
        Of two or more nobody is alone.
        """
        for caller in ("a", "b", "c"):
            self.echoes.add(caller)
        for caller in ("a", "b", "c"):
            self.assertFalse(self.echoes.are_only(caller))

    def test_fade(self) -> None:
        """
        An answer is remembered for its time at least, and for twice that at most.
        """
        self.echoes.fade(1000 + LINGER - 1)
        self.echoes.add("a")
        self.echoes.fade(1000 + LINGER)
        self.assertFalse(self.echoes.are_only("b"))
        self.echoes.fade(1000 + 2 * LINGER - 1)
        self.assertFalse(self.echoes.are_only("b"))
        self.assertTrue(self.echoes)
        self.echoes.fade(1000 + 2 * LINGER)
        self.assertTrue(self.echoes.are_only("b"))
        self.assertFalse(self.echoes)
