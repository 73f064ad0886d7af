# -*- test-case-name: tests.config.test_places -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
On which line of a TOML document each of its values is written.

``tomllib`` reads documents but tells no positions.  This reads a document that
``tomllib`` has accepted once more, and so it can be brief: it judges nothing.
"""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_left

from attrs import Factory, define

from mcpd.config.problem import Path

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*+")
_KEY = re.compile(r"""[A-Za-z0-9_-]+|"(?:[^"\\]|\\.)*+"|'[^']*+'""")
# A quote inside of a multi-line string is one or two quotes before anything
# else; up to two more may stand before the closing three (TOML 1.0, String).
_SCALAR = re.compile(
    r'''"""(?:[^"\\]|\\.|"{1,2}(?!"))*+"{3,5}'''
    r"""|'''(?:[^']|'{1,2}(?!'))*+'{3,5}"""
    r"""|"(?:[^"\\]|\\.)*+"|'[^']*+\'"""
    r"""|[^,\]}#\n]++""",
    re.DOTALL,
)


def places(text: str) -> dict[Path, int]:
    """
    Find every table, array and value of a document.

    Args:
        text: A document that ``tomllib.loads`` accepts.

    Returns:
        For each its line, from 1.  A table that is written in several parts is
        where its own header is, or else where it is first named.
    """
    text = text.replace("\r\n", "\n")
    reader = _Reader(text, [at for at, letter in enumerate(text) if letter == "\n"])
    reader.read()
    return reader.places


@define
class _Reader:
    """
    A document and how far it was read.

    Attributes:
        places: What was found.
        at: The next letter to be read.
        lengths: How many tables each array of tables has so far.
    """

    _text: str
    _line_ends: list[int]
    places: dict[Path, int] = Factory(dict)
    at: int = 0
    lengths: dict[Path, int] = Factory(dict)

    def read(self) -> None:
        here: Path = ()
        while self._next():
            if self._next() == "[":
                here = self._header()
            else:
                self._pair(here)

    def _next(self) -> str:
        """
        Skip blanks and comments; tell the letter after them, empty at the end.
        """
        self.at = self._skip(_BLANK)
        return self._text[self.at : self.at + 1]

    def _skip(self, pattern: re.Pattern[str]) -> int:
        match = pattern.match(self._text, self.at)
        assert match is not None, "tomllib accepts what TOML does not have"  # noqa: S101  says why we stop
        return match.end()

    def _line(self) -> int:
        return bisect_left(self._line_ends, self.at) + 1

    def _header(self) -> Path:
        line, brackets = self._line(), 2 if self._text.startswith("[[", self.at) else 1
        self.at += brackets
        *keys, last = self._key()
        self.at += brackets
        path: Path = ()
        for key in keys:
            path = (*path, key)
            self.places.setdefault(path, line)
            if path in self.lengths:
                path = (*path, self.lengths[path] - 1)
        path = (*path, last)
        if brackets == 2:
            self.places.setdefault(path, line)
            self.lengths[path] = self.lengths.get(path, 0) + 1
            path = (*path, self.lengths[path] - 1)
        self.places[path] = line
        return path

    def _key(self) -> list[str]:
        """
        Read a key of one or more parts, up to what follows it.
        """
        parts = []
        while True:
            self._next()
            start, self.at = self.at, self._skip(_KEY)
            parts.append(_plain(self._text[start : self.at]))
            if self._next() != ".":
                return parts
            self.at += 1

    def _pair(self, here: Path) -> None:
        self._next()
        line = self._line()
        for part in self._key():
            here = (*here, part)
            self.places.setdefault(here, line)
        self.at += 1
        self._value(here)

    def _value(self, path: Path) -> None:
        match self._next():
            case "[":
                self._array(path)
            case "{":
                self._inline(path)
            case _:
                self.at = self._skip(_SCALAR)

    def _array(self, path: Path) -> None:
        index = 0
        self.at += 1
        while self._next() != "]":
            self.places[(*path, index)] = self._line()
            self._value((*path, index))
            index += 1
            if self._next() == ",":
                self.at += 1
        self.at += 1

    def _inline(self, path: Path) -> None:
        self.at += 1
        while self._next() != "}":
            self._pair(path)
            if self._next() == ",":
                self.at += 1
        self.at += 1


def _plain(key: str) -> str:
    match key[0]:
        case '"':
            return next(iter(tomllib.loads(f"{key} = 0")))
        case "'":
            return key[1:-1]
        case _:
            return key
