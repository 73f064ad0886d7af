# -*- test-case-name: tests.config.test_problem -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.problem`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.problem import ConfigurationError, Flaw, Place, Problem, dotted, nearest, quoted


class ProblemTests(SynchronousTestCase):
    """
    Tests for what an operator reads.
    """

    def test_line(self) -> None:
        """
        A problem is one line: file, line, key, what is wrong, what is allowed, what was meant.
        """
        place = Place("mcpd.toml", 3, ("daemon", "drian"))
        self.assertEqual(
            str(Problem(place, Flaw((), "unknown key", "known is drain", "drain"))),
            "mcpd.toml:3: daemon.drian: unknown key; known is drain; did you mean drain?",
        )

    def test_parts(self) -> None:
        """
        What is not known of a place is left out.
        """
        problem = Problem(Place("mcpd.toml"), Flaw((), "is too large", "1 is enough"))
        self.assertEqual(str(problem), "mcpd.toml: is too large; 1 is enough")

    def test_error(self) -> None:
        """
        A refusal has a line for each problem.
        """
        problem = Problem(Place("a", 1), Flaw((), "b", "c"))
        self.assertEqual(str(ConfigurationError((problem, problem))), "a:1: b; c\na:1: b; c")

    def test_dotted(self) -> None:
        """
        A key is written as TOML would have it, with an array's index in brackets.
        """
        self.assertEqual(dotted(("listen", 0, "hosts", 1)), "listen[0].hosts[1]")
        self.assertEqual(dotted(("env", "A B", "")), 'env."A B".""')

    def test_quoted(self) -> None:
        """
        What somebody wrote cannot break a line, colour a terminal or fill a screen.
        """
        self.assertEqual(quoted('a"\n\x1b[31m\u202e'), r'"a\"\n\u001b[31m\u202e"')
        self.assertEqual(quoted("x" * 61), f'"{"x" * 60}..."')

    def test_nearest(self) -> None:
        """
        A misspelt word is recognized, in capitals, too; an unrelated one is not.
        """
        self.assertEqual(nearest("DRIAN", ["drain", "starts"]), "drain")
        self.assertEqual(nearest("zzz", ["drain", "starts"]), "")
