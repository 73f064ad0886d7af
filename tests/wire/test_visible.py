# -*- test-case-name: tests.wire.test_visible -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.visible`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.visible import visible

HIDDEN = (
    "\x00",
    "\x1b",
    "\x7f",
    "\x9b",
    "\u200b",
    "\u200e",
    "\u202e",
    "\u2060",
    "\u2069",
    "\ufeff",
    "\U000e0041",
)
SHOWN = (
    "Reads a file.",
    "a\tb\nc\r\n",
    "\u0646\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "l\u00e9s \u4e16\u754c",
    "",
)


class VisibleTests(SynchronousTestCase):
    """
    Tests for texts that people and models read.
    """

    def test_hidden(self) -> None:
        """
        What nobody sees, or shows a text otherwise than it is, is taken out wherever it stands.
        """
        for character in HIDDEN:
            self.assertEqual(visible(f"{character}a{character}b"), "ab", repr(character))

    def test_shown(self) -> None:
        """
        What scripts and emoji need stays, and so do lines.
        """
        for text in SHOWN:
            self.assertEqual(visible(text), text)
