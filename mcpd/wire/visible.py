# -*- test-case-name: tests.wire.test_visible -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Texts of plugins that people and models read: nothing in them is hidden.

What an operator approves must be what a model is told.  A description can hold
characters that no reader shows and every model reads, or that show a text in
another order than it is in.
"""

from __future__ import annotations

import re

# Control characters but tab and line ends; zero-width space, word joiner and
# its invisible kin, and the byte order mark; what turns the direction of a text
# (UAX 9); the tag characters, which are a hidden copy of ASCII.  Not the joiners
# U+200C and U+200D: scripts and emoji need them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """
    Give a text without what is hidden in it; the same text if there is nothing.
    """
    return _HIDDEN.sub("", text)
