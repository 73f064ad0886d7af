# -*- test-case-name: tests.config.test_problem -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What is wrong with a configuration, and where it is written.

A :class:`Flaw` is wrong with a value wherever it came from; a :class:`Problem`
is a flaw at its place, which is what the operator reads.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable

from attrs import evolve, frozen

Path = tuple[str | int, ...]
"""The way to a value: keys of tables and indexes of arrays, from the top."""

_BARE = re.compile(r"[A-Za-z0-9_-]+\Z", re.ASCII)
_SHOWN = 60


@frozen
class Place:
    """
    Where something is written.

    Attributes:
        source: The file, or the name of the environment's variable.
        line: The line, from 1; none for a variable or a file as a whole.
        path: The way to it inside that file, which for a file of one plugin
            starts at the plugin's own keys.
    """

    source: str
    line: int | None = None
    path: Path = ()

    def within(self, rest: Path) -> Place:
        """
        Tell the place of what is missing in what is written here.
        """
        return evolve(self, path=self.path + rest)

    def __str__(self) -> str:
        where = self.source if self.line is None else f"{self.source}:{self.line}"
        return f"{where}: {dotted(self.path)}" if self.path else where


@frozen
class Flaw:
    """
    What is wrong with a value.

    Attributes:
        path: The way to it from the value that was looked at.
        wrong: What is wrong.
        allowed: What would be right.
        meant: What was probably meant, as it would be written; empty: no idea.
    """

    path: Path
    wrong: str
    allowed: str
    meant: str = ""

    def __str__(self) -> str:
        hint = f"; did you mean {self.meant}?" if self.meant else ""
        return f"{self.wrong}; {self.allowed}{hint}"


@frozen
class Problem:
    """
    One line for the operator: ``file:line: key: what is wrong; what is allowed; did you mean ...``.
    """

    place: Place
    flaw: Flaw

    def __str__(self) -> str:
        return f"{self.place}: {self.flaw}"


@frozen
class ConfigurationError(Exception):
    """
    The configuration is refused.

    Attributes:
        problems: All that is wrong with it, by file and line.
    """

    problems: tuple[Problem, ...]

    def __str__(self) -> str:
        return "\n".join(map(str, self.problems))


def dotted(path: Path) -> str:
    """
    Write a path as TOML writes keys, with an array's index in brackets.
    """
    return "".join(map(_step, path)).removeprefix(".")


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    return f".{key}" if _BARE.match(key) else f".{quoted(key)}"


def quoted(text: str) -> str:
    """
    Quote what somebody wrote so that it stays on its line, however odd and long it is.
    """
    return json.dumps(text if len(text) <= _SHOWN else text[:_SHOWN] + "...")


def nearest(word: str, known: Iterable[str]) -> str:
    """
    Tell which of the known words was probably meant; empty: none.
    """
    return next(iter(difflib.get_close_matches(word.lower(), known, 1)), "")
