# -*- test-case-name: tests.wire.test_headers -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.headers`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.headers import Undecodable, decode, encode

PAIRS = (
    ("get_weather", b"get_weather"),
    ("", b""),
    ("a b\tc", b"a b\tc"),
    ("=?base64?", b"=?base64?"),
    ("=?BASE64?YQ==?=", b"=?BASE64?YQ==?="),
    ("grüße", b"=?base64?Z3LDvMOfZQ==?="),
    (" padded ", b"=?base64?IHBhZGRlZCA=?="),
    ("\ttab", b"=?base64?CXRhYg==?="),
    ("two\nlines", b"=?base64?dHdvCmxpbmVz?="),
    ("\x7f", b"=?base64?fw==?="),
    ("=?base64?YQ==?=", b"=?base64?PT9iYXNlNjQ/WVE9PT89?="),
)


class HeaderValueTests(SynchronousTestCase):
    """
    Tests for the values of header fields.
    """

    def test_pairs(self) -> None:
        """
        A name stands in a field as it is where it can, and encoded where it can't.
        """
        for text, value in PAIRS:
            self.assertEqual(decode(value), text, value)
            self.assertEqual(encode(text), value, text)

    def test_needless(self) -> None:
        """
        What need not have been encoded may be.
        """
        self.assertEqual(decode(b"=?base64?Z2V0?="), "get")
        self.assertEqual(decode(b"=?base64??="), "")

    def test_overlap(self) -> None:
        """
        A name that is only the two marks, one over the other, is a name.
        """
        self.assertEqual(decode(b"=?base64?="), "=?base64?=")

    def test_bare(self) -> None:
        """
        A letter that a field can't hold is refused where it stands bare.
        """
        for value in (b"gr\xc3\xbc\xc3\x9fe", b"\xff", b"a\x00b", b"a\x7f", b"a\rb", b"a\nb", b"\x1b[31m"):
            with self.assertRaises(Undecodable, msg=repr(value)):
                decode(value)

    def test_no_encoding(self) -> None:
        """
        What an encoder would not have written is refused, so that two readers can't see two names.
        """
        broken = (
            b"YQ", b"YQ=", b"YQ===", b"Y Q==", b" YQ==", b"YR==", b"YQ==YQ==", b"/w==", b"7aCA", b"-_==",
            b"!", b"Y\nQ==",
        )  # fmt: skip
        for inner in broken:
            with self.assertRaises(Undecodable, msg=repr(inner)):
                decode(b"=?base64?" + inner + b"?=")

    @given(st.text())
    def test_again(self, text: str) -> None:
        """
        Any name comes through a field as it is, and its field has no letter that a field can't have.
        """
        value = encode(text)
        self.assertEqual(decode(value), text)
        self.assertTrue(all(0x20 <= byte < 0x7F or byte == 9 for byte in value))
        self.assertEqual(value, value.strip(b" \t"))
