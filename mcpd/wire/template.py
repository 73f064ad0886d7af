# -*- test-case-name: tests.wire.test_template -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
URI templates (RFC 6570), read the other way round: whether a URI is one of a template's.

A plugin writes the template and a client the URI, so nothing here goes back to
try again: all places that a match may have reached are carried along at once,
one bit each, and every character of either text costs a few steps.

It accepts more than section 3.2 of the RFC can expand to, for servers do, and
people write URIs by hand: an expression is known by how it begins and by what
can't stand in it, not by its variables' names and number.
"""

from __future__ import annotations

import re
from functools import lru_cache, reduce
from operator import or_
from urllib.parse import quote

from attrs import field, frozen

_LONGEST = 1024
_EXPRESSIONS = 32

_EXPRESSION = re.compile(r"\{([^{}]*)\}")
_VARIABLE = r"(?:\w|%[0-9A-Fa-f]{2})+(?:\.(?:\w|%[0-9A-Fa-f]{2})+)*(?:\*|:[1-9][0-9]{0,3})?"
_VARIABLES = re.compile(rf"{_VARIABLE}(?:,{_VARIABLE})*\Z", re.ASCII)
# RFC 6570, section 2.1 with its erratum 6937, less the braces, which are looked for on their own.
_NO_LITERAL = re.compile(r"[ \"<>\\^`|]|%(?![0-9A-Fa-f]{2})")
_UNIT = re.compile(r"%[0-9A-Fa-f]{2}|.")
_ASCII = "".join(map(chr, range(0x21, 0x7F)))

# By operator: what an expansion begins with, and what can't stand in it
# (RFC 6570, appendix A).  A query may have slashes and question marks
# (RFC 3986, section 3.4).
_OPERATORS = {
    "": ("", "/?#"),
    "+": ("", ""),
    "#": ("#", ""),
    ".": (".", "/?#"),
    "/": ("/", "/?#"),
    ";": (";", "/?#"),
    "?": ("?", "#"),
    "&": ("&", "#"),
}


class BadTemplate(Exception):
    """
    A text that is no URI template; its own text says why, and does not repeat it.
    """


@frozen
class _Text:
    """
    A URI, by where each character stands in it.

    Attributes:
        length: Its characters, a triplet (``%2F``) being one.
        places: Each character, and a bit for every place where it is.
        whole: A bit for every place where something of a URI is.
    """

    length: int
    places: dict[str, int]
    whole: int

    @classmethod
    def of(cls, uri: str) -> _Text:
        units = _units(uri)
        places: dict[str, int] = {}
        for index, unit in enumerate(units):
            places[unit] = places.get(unit, 0) | 1 << index
        # A percent sign that is no triplet's is in no URI (RFC 3986, section 2.4).
        whole = ((1 << len(units)) - 1) & ~places.get("%", 0)
        return cls(len(units), places, whole)


# A URI is compared with many templates, one after the other.
_taken_apart = lru_cache(maxsize=16)(_Text.of)


@frozen
class _Literal:
    """
    Characters that stand in every expansion.
    """

    units: tuple[str, ...]

    def beyond(self, here: int, text: _Text) -> int:
        for unit in self.units:
            here = (here & text.places.get(unit, 0)) << 1
        return here


@frozen
class _Hole:
    """
    An expression.

    Attributes:
        first: What its expansion begins with; if that is empty, it has at least
            one character.
        barred: What can't stand in the rest of it.
    """

    first: str
    barred: tuple[str, ...]

    def beyond(self, here: int, text: _Text) -> int:
        allowed = text.whole & ~reduce(or_, (text.places.get(unit, 0) for unit in self.barred), 0)
        if not self.first:
            return _onward((here & allowed) << 1, allowed)
        # Variables that are not defined expand to nothing, without the first.
        return here | _onward((here & text.places.get(self.first, 0)) << 1, allowed)


@frozen
class UriTemplate:
    """
    A template.

    Attributes:
        text: The template, as its plugin writes it.
    """

    text: str
    _start: str = field(repr=False, eq=False)
    _parts: tuple[_Literal | _Hole, ...] = field(repr=False, eq=False)

    @classmethod
    def read(cls, text: str) -> UriTemplate:
        """
        Read a template of any level.

        Raises:
            BadTemplate: It is none, or more than 1024 characters or 32 expressions long.
        """
        if not 0 < len(text) <= _LONGEST:
            raise BadTemplate(f"a URI template has 1 to {_LONGEST} characters")
        # Literals at even places, what stands in braces at odd ones.
        pieces = _EXPRESSION.split(text)
        if len(pieces) // 2 > _EXPRESSIONS:
            raise BadTemplate(f"a URI template has at most {_EXPRESSIONS} expressions")
        parts = (_expression(piece) if odd % 2 else _literal(piece) for odd, piece in enumerate(pieces))
        # Nearly every URI is told apart by this; what may be spelled in two ways is looked at later.
        start = re.split(r"[^!-$&-~]", pieces[0], maxsplit=1)[0]
        return cls(text, start, tuple(parts))

    def matches(self, uri: str) -> bool:
        """
        Say whether a URI can be one of this template's.

        A simple or reserved expression stands for at least one character, as it
        does for servers; one that begins with a character of its own may be
        absent.  ``{name*}`` may have slashes, for some servers mean that by it.
        Characters beyond ASCII and their triplets are the same.

        Args:
            uri: A URI whose length somebody has bounded.
        """
        # Blanks, control characters and halves of surrogate pairs are in no URI.
        if not uri.startswith(self._start) or " " in uri or not uri.isprintable():
            return False
        text = _taken_apart(uri)
        here = 1
        for part in self._parts:
            here = part.beyond(here, text)
            if not here:
                return False
        return bool(here >> text.length)


def _onward(here: int, allowed: int) -> int:
    """
    From each place, go on over any number of characters that are allowed.

    Adding carries a bit to the end of its run, and what changed on the way are
    the places that it passed (R. Cameron and others, "Bitwise data parallelism
    in regular expression matching", 2014).
    """
    return (((here & allowed) + allowed) ^ allowed) | here


def _units(text: str) -> tuple[str, ...]:
    # RFC 3986, section 6.2.2.1: triplets are the same in either case.
    return tuple(unit.upper() if len(unit) > 1 else unit for unit in _UNIT.findall(quote(text, safe=_ASCII)))


def _literal(text: str) -> _Literal:
    if "{" in text or "}" in text:
        raise BadTemplate("a brace of a URI template stands alone")
    if not text.isprintable() or _NO_LITERAL.search(text):
        raise BadTemplate("a URI template has a character that must be percent-encoded")
    return _Literal(_units(text))


def _expression(inner: str) -> _Hole:
    operator = inner[:1] if inner[:1] in _OPERATORS else ""
    variables = inner.removeprefix(operator)
    if not _VARIABLES.match(variables):
        raise BadTemplate("an expression of a URI template is not an operator and names of variables")
    first, barred = _OPERATORS[operator]
    # Several segments are set apart by a slash, each.
    several = "*" in variables or (operator == "/" and "," in variables)
    return _Hole(first, tuple(barred.replace("/", "") if several else barred))
