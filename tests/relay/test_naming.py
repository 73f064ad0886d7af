# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.naming`.
"""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis.strategies import integers, text
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.naming import public


class PublicTests(SynchronousTestCase):
    """
    Tests for the names that clients see.
    """

    def test_plain(self) -> None:
        """
        A name that fits is the prefix and the plugin's own name, or that alone where there is no prefix.
        """
        self.assertEqual(public("files", "read.all-2", 64), "files__read.all-2")
        self.assertEqual(public("", "test_simple_text", 64), "test_simple_text")
        self.assertEqual(public("", "x" * 64, 64), "x" * 64)
        self.assertEqual(public("abc", "defgh", 10), "abc__defgh")

    def test_illegal(self) -> None:
        """
        A name with a character that hosts refuse is served under one without, the same after each restart.
        """
        self.assertEqual(public("a", "x/y z", 64), "a__x_y_z_c01c183e")
        self.assertEqual(public("", "größe", 64), "gr__e_13521fe6")

    def test_long(self) -> None:
        """
        A name that is too long is cut to the limit, and its end depends on all of it.
        """
        name = public("a", "x" * 100, 64)
        self.assertEqual(name, "a__" + "x" * 52 + "_a8fa6fbb")
        self.assertEqual(len(name), 64)
        self.assertNotEqual(name, public("a", "x" * 101, 64))

    def test_apart(self) -> None:
        """
        Names that would look the same once made to fit are told apart.
        """
        names = {public("a", own, 64) for own in ("x/y", "x y", "x_y", "x\ny", "x\u00e9y")}
        self.assertEqual(len(names), 5)
        self.assertNotEqual(public("a", "b__/", 64), public("a__b", "/", 64))

    def test_short_limit(self) -> None:
        """
        Even where an operator allows very short names only, each thing has one.
        """
        for limit in (1, 8, 9, 10):
            name = public("files", "read", limit)
            self.assertEqual(len(name), limit)

    def test_empty(self) -> None:
        """
        What has no name at all is given one.
        """
        self.assertTrue(public("", "", 64))

    @given(text(max_size=8), text(max_size=150), integers(1, 128))
    def test_any(self, prefix: str, own: str, limit: int) -> None:
        """
        Whatever a plugin calls a thing, its public name is one that every host takes.
        """
        name = public(prefix, own, limit)
        self.assertRegex(name, re.compile(rf"\A[A-Za-z0-9_.-]{{1,{limit}}}\Z"))
        self.assertEqual(name, public(prefix, own, limit))
