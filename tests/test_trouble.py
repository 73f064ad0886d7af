# -*- test-case-name: tests.test_trouble -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.trouble`, and for its page of the documentation.
"""

from __future__ import annotations

import re
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.trouble import PREFIX, Reason, Trouble, Troubled

PAGE = Path(__file__).parent.parent / "docs" / "errors.md"
_EXAMPLE = re.compile(r"```text\n(.+)\n```\Z")


class TroubleTests(SynchronousTestCase):
    """
    Tests for codes and hints.
    """

    def test_codes(self) -> None:
        """
        Each kind of trouble has a code of its own that can be searched for.
        """
        # By the names, of which some would be another's if two hints were the same.
        codes = [trouble.code for trouble in Trouble.__members__.values()]
        self.assertEqual(len(set(codes)), len(Trouble.__members__))
        for code in codes:
            self.assertRegex(code, rf"^{PREFIX}[A-Z]+(-[A-Z]+)*$")

    def test_hints(self) -> None:
        """
        Each has a hint in one line, which begins no sentence and ends none.
        """
        for trouble in Trouble:
            self.assertRegex(trouble.hint, r"^[a-z][^\n]+[^.\s]$", trouble.code)
            self.assertLessEqual(len(trouble.hint), 100, trouble.code)

    def test_reason(self) -> None:
        """
        What happened is told with its code, and what it raises says the same.
        """
        reason = Reason(Trouble.KEY_EXISTS, "there is a key with the name bob")
        self.assertEqual(str(reason), "MCPD-E-KEY-EXISTS: there is a key with the name bob")
        self.assertEqual(str(Troubled(reason)), str(reason))


class PageTests(SynchronousTestCase):
    """
    Tests for the page ``errors``.
    """

    def setUp(self) -> None:
        """
        Read the sections.
        """
        _, *sections = re.split(r"^##+ ", PAGE.read_text("utf-8"), flags=re.MULTILINE)
        found = [section.partition("\n")[::2] for section in sections]
        self.sections = {title: text.strip() for title, text in found if title.startswith(PREFIX)}
        self.titles = [title for title, _ in found if title.startswith(PREFIX)]

    def test_sections(self) -> None:
        """
        Each code has one section, in the order of the table, and no section is of no code.
        """
        self.assertEqual(self.titles, [trouble.code for trouble in Trouble])

    def test_examples(self) -> None:
        """
        Each section says what it means, and ends with a line as one meets it.
        """
        for code, text in self.sections.items():
            example = _EXAMPLE.search(text)
            assert example is not None, code
            self.assertTrue(example[1].startswith(f"{code}: "), code)
            self.assertGreater(len(text[: example.start()]), 40, code)
