# -*- test-case-name: plugins.sqlite.tests.test_value -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.sqlite.asking.value`: what becomes of each kind of value.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from plugins.sqlite.asking.call import Refused
from plugins.sqlite.asking.guard import PARAMETERS
from plugins.sqlite.asking.value import CELL, plain, size, taken, told


class ToldTests(SynchronousTestCase):
    """
    From SQLite.
    """

    def test_table(self) -> None:
        """
        Every value is JSON that everybody reads alike, and one line of text.
        """
        for value, written, shown in (
            (None, None, "NULL"),
            (0, 0, "0"),
            (2**53 - 1, 9007199254740991, "9007199254740991"),
            (2**53, "9007199254740992", "9007199254740992"),
            (-(2**63), "-9223372036854775808", "-9223372036854775808"),
            (1.5, 1.5, "1.5"),
            (float("inf"), "Infinity", "Infinity"),
            (float("-inf"), "-Infinity", "-Infinity"),
            ("a\nb\u2028", "a\nb\u2028", "a\\x0ab\\x2028"),
            (b"\x00\xff", {"base64": "AP8=", "length": 2, "truncated": False}, "(2 bytes)"),
            (b"", {"base64": "", "length": 0, "truncated": False}, "(0 bytes)"),
        ):
            self.assertEqual(told(value), written)
            self.assertEqual(plain(value), shown)
            json.dumps(told(value), allow_nan=False)

    def test_long(self) -> None:
        """
        A long value is cut, and says how long it is.
        """
        self.assertEqual(told("x" * CELL), "x" * CELL)
        cut = told("x" * (CELL + 1))
        self.assertEqual((len(cut["text"]), cut["length"], cut["truncated"]), (CELL, CELL + 1, True))
        self.assertTrue(plain("x" * (CELL + 1)).endswith(f"... ({CELL + 1} characters)"))
        self.assertEqual(told(b"x" * (CELL + 1))["truncated"], True)
        self.assertEqual(size("x" * (CELL + 1)), size(b"x" * CELL))
        self.assertLess(size(5), 20)


class TakenTests(SynchronousTestCase):
    """
    To SQLite.
    """

    def test_table(self) -> None:
        """
        Parameters come by place or by name, and a BLOB by base64.
        """
        everything = [None, True, 5, 1.5, "x", {"base64": "AP8="}]
        self.assertEqual(taken(everything), [None, True, 5, 1.5, "x", b"\x00\xff"])
        self.assertEqual(taken({"a": 1, ":b": 2, "$c": 3}), {"a": 1, "b": 2, "c": 3})

    def test_refused(self) -> None:
        """
        What is no value is refused with a sentence.
        """
        cases: tuple[Any, ...] = (
            5,
            "x",
            None,
            [[1]],
            [{"base64": 5}],
            [{"base64": "AP8=", "more": 1}],
            [{"base64": "\u00e9"}],
            [{"base64": "A"}],
            ["\ud800"],
            [0] * (PARAMETERS + 1),
        )
        for parameters in cases:
            self.assertRaises(Refused, taken, parameters)
