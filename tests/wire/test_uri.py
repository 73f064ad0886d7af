# -*- test-case-name: tests.wire.test_uri -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.uri`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.uri import flaw

GOOD = (
    "file:///srv/docs/a.txt",
    "file:///srv/a%20b",
    "git://host/repo/a..b",
    "x://a/...",
    "x://a/%252e%252e/b",
    "x:caf\u00e9",
    "note",
    "x://a/./b",
    "x://100%",
    "",
)
CLIMBING = (
    "file:///srv/../etc",
    "file:///srv/..",
    "x://a/%2e%2e/b",
    "x://a/.%2E/b",
    "x://a/..?q",
    "x://a/..#f",
    "x://a?b=/../c",
    "../a",
    "..",
    "x://a/..%2Fb",
)
UNFIT = ("x://a b", "x://a\n", "x://\x00", "x://a\\b", "x://a\x7f")
ENCODED = ("x://%00", "x://a%0d%0ab", "x://a%5Cb", "x://..%5c..", "x://%7f")


class FlawTests(SynchronousTestCase):
    """
    Tests for what of a URI can be judged without its plugin.
    """

    def test_good(self) -> None:
        """
        Any other URI is the plugin's to judge, and decoded once only.
        """
        for uri in GOOD:
            self.assertEqual(flaw(uri), "", uri)

    def test_climbing(self) -> None:
        """
        A path that climbs is refused, however it is written.
        """
        for uri in CLIMBING:
            self.assertEqual(flaw(uri), 'it has a segment ".."', uri)

    def test_unfit(self) -> None:
        """
        Blanks, control characters and backslashes are in no URI, and none but blanks may be encoded in one.
        """
        for uri in UNFIT:
            self.assertEqual(flaw(uri), "it has a blank, a control character or a backslash", uri)
        for uri in ENCODED:
            self.assertEqual(flaw(uri), "a control character or a backslash is encoded in it", uri)
