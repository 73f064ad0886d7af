# -*- test-case-name: tests.wire.test_template -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.template`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from types import FrameType
from urllib.parse import quote

from attrs import frozen
from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.template import BadTemplate, UriTemplate
from tests.wire.meaning import modest

MATCHES = (
    ("test://static", "test://static"),
    ("test://{id}/data", "test://7/data"),
    ("test://{id}/data", "test://a%2Fb/data"),
    ("test://{id}/data", "test://a:b@c/data"),
    ("{scheme}://{host}", "http://example.org"),
    ("a{x}{y}b", "a12b"),
    ("a{x}a{y}a", "aaaaa"),
    ("{x,y}", "1,2"),
    ("file:///{+path}", "file:///srv/docs/a.txt?b#c"),
    ("file:///{path*}", "file:///srv/docs/a.txt"),
    ("a{#part}", "a"),
    ("a{#part}", "a#b/c?d"),
    ("www{.dom*}", "www.example.com"),
    ("www{.dom*}", "www"),
    ("a{/x}", "a/b"),
    ("a{/x}", "a/"),
    ("a{/x,y}", "a/b/c"),
    ("a{/x*}/end", "a/b/c/end"),
    ("a{;x,y}", "a;x=1;y"),
    ("a{?q,limit}", "a?q=x%20y&limit=3"),
    ("a{?q}", "a?q=b/c?d"),
    ("a{?q}", "a"),
    ("a?fixed=1{&q}", "a?fixed=1&q=2"),
    ("a{?list*}{#f}", "a?list=1&list=2#f"),
    ("{var:3}", "abcdef"),
    ("a{%41b.c_1}", "a1"),
    ("caf\u00e9/{x}", "caf\u00e9/1"),
    ("caf\u00e9/{x}", "caf%C3%A9/1"),
    ("caf%c3%a9/{x}", "caf\u00e9/1"),
    ("caf%C3%A9/{x}", "caf%c3%a9/\u4e16"),
    ("it's/{x}", "it's/1"),
)

DIFFERS = (
    ("test://static", "test://static/"),
    ("test://static", "test://stati"),
    ("test://{id}/data", "test:///data"),
    ("test://{id}/data", "test://a/b/data"),
    ("test://{id}", "test://a?b"),
    ("test://{id}", "test://a#b"),
    ("test://{id}", "test://"),
    ("test://{id}", "Test://a"),
    ("test://{id}", "test://a b"),
    ("test://{id}", "test://a\nb"),
    ("test://{id}", "test://a\x00"),
    ("test://{id}", "test://a\ud800"),
    ("test://{id}", "test://a\u202eb"),
    ("test://{id}", "test://100%"),
    ("test://{id}", "test://%zz"),
    ("test://{+id}", "test://%"),
    ("test://{+id}", "test://"),
    ("a{x}a{y}a", "aaaa"),
    ("a{#part}", "ab"),
    ("www{.dom}", "www/a"),
    ("a{/x}", "a/b/c"),
    ("a{/x}", "ab"),
    ("a{;x}", "a?x"),
    ("a{?q}", "a?q=1#f"),
    ("a{&q}", "a?q=1"),
    ("a%2Fb", "a/b"),
)

BAD = {
    "1 to 1024 characters": ("", "a" * 1025),
    "at most 32 expressions": ("{a}" * 33,),
    "a brace of a URI template stands alone": ("a{b", "a}b", "{a}}", "{a{b}c}", "{"),
    "must be percent-encoded": (
        "a b",
        "a<b",
        'a"b',
        "a\\b",
        "100%",
        "%zz",
        "a\nb",
        "a|b",
        "a\u202eb",
        "\ud800",
    ),
    "an operator and names of variables": (
        "{}",
        "{+}",
        "{=x}",
        "{!x}",
        "{|x}",
        "{x,}",
        "{,x}",
        "{x y}",
        "{x:0}",
        "{x:10000}",
        "{x**}",
        "{.}",
        "{a..b}",
        "{x-y}",
        "{\u00e9}",
        "{%4}",
    ),
}

Expansion = tuple[str, str]
"""A part of a template, and what it expands to."""

RESERVED = ":/?#[]@!$&'()*+,;="
values = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=6)


@frozen
class Operator:
    """
    One row of the RFC's appendix A.
    """

    sign: str
    first: str
    between: str
    named: bool
    empty: str
    safe: str

    def expand(self, names: list[str], given: list[str], explode: bool) -> Expansion:
        """
        Expand variables which are strings, the way the RFC says it.
        """
        mark = "*" if explode else ""
        template = "{" + self.sign + ",".join(name + mark for name in names) + "}"
        pieces = []
        for name, value in zip(names, given, strict=True):
            written = quote(value, safe=self.safe + "-._~")
            if self.named:
                written = name + "=" + written if value else name + self.empty
            pieces.append(written)
        return template, self.first + self.between.join(pieces) if pieces else ""


OPERATORS = (
    Operator("", "", ",", False, "", ""),
    Operator("+", "", ",", False, "", RESERVED),
    Operator("#", "#", ",", False, "", RESERVED),
    Operator(".", ".", ".", False, "", ""),
    Operator("/", "/", "/", False, "", ""),
    Operator(";", ";", ";", True, "", ""),
    Operator("?", "?", "&", True, "=", ""),
    Operator("&", "&", "&", True, "=", ""),
)
names = st.sampled_from(("x", "name", "a.b", "%41", "_1"))


@st.composite
def expressions(draw: st.DrawFn) -> Expansion:
    """
    One expression, and an expansion of it.
    """
    chosen = draw(st.lists(names, min_size=1, max_size=3))
    given = draw(st.lists(values, min_size=len(chosen), max_size=len(chosen)))
    return draw(st.sampled_from(OPERATORS)).expand(chosen, given, draw(st.booleans()))


literals = st.text("abc/:.?&=-\u00e9", min_size=1, max_size=4).map(
    lambda text: (text, quote(text, safe="/:.?&=-"))
)
parts = st.lists(expressions() | literals, min_size=1, max_size=6)


def calls_in(work: Callable[[], object]) -> int:
    """
    Count the calls of functions, of Python and of C, that some work takes.
    """
    count = 0

    def see(frame: FrameType, event: str, argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(see)
    try:
        work()
    finally:
        sys.setprofile(None)
    return count


class UriTemplateTests(SynchronousTestCase):
    """
    Tests for URI templates.
    """

    def test_matches(self) -> None:
        """
        A URI that a template can expand to is that template's, whatever its operators.
        """
        for template, uri in MATCHES:
            self.assertTrue(UriTemplate.read(template).matches(uri), (template, uri))

    def test_differs(self) -> None:
        """
        A URI that no server would take for a template's is not asked from it.
        """
        for template, uri in DIFFERS:
            self.assertFalse(UriTemplate.read(template).matches(uri), (template, uri))

    def test_bad(self) -> None:
        """
        What is no template is told apart, and the operator reads why, but not what it was.
        """
        for why, texts in BAD.items():
            for text in texts:
                bad = self.assertRaises(BadTemplate, UriTemplate.read, text)
                self.assertIn(why, str(bad), text)

    def test_longest(self) -> None:
        """
        Templates may have 1024 characters and 32 expressions.
        """
        self.assertTrue(UriTemplate.read("a" * 1024).matches("a" * 1024))
        self.assertTrue(UriTemplate.read("{a}" * 32).matches("b" * 32))
        self.assertFalse(UriTemplate.read("{a}" * 32).matches("b" * 31))

    def test_value(self) -> None:
        """
        A template is known by its text.
        """
        template = UriTemplate.read("a{b}")
        self.assertEqual(template, UriTemplate.read("a{b}"))
        self.assertNotEqual(template, UriTemplate.read("a{c}"))
        self.assertEqual(repr(template), "UriTemplate(text='a{b}')")

    @modest
    @given(parts)
    def test_expansions(self, pieces: list[Expansion]) -> None:
        """
        Whatever a client expands a template to is that template's.
        """
        template = "".join(text for text, _ in pieces)
        uri = "".join(expanded for _, expanded in pieces)
        self.assertTrue(UriTemplate.read(template).matches(uri), (template, uri))

    @modest
    @given(literals, values, values)
    def test_segments(self, literal: Expansion, one: str, two: str) -> None:
        """
        A simple expression never reaches over a slash.
        """
        assume("/" not in literal[0])
        uri = f"{literal[1]}{quote(one, safe='')}/{quote(two, safe='')}"
        self.assertFalse(UriTemplate.read(literal[0] + "{x}").matches(uri))
        self.assertTrue(UriTemplate.read(literal[0] + "{x}/{y}").matches(uri))

    @modest
    @given(st.text(max_size=20), st.text(max_size=20))
    def test_anything(self, text: str, uri: str) -> None:
        """
        Whatever a plugin writes is a template or is refused, and a template without braces is one URI.
        """
        try:
            template = UriTemplate.read(text)
        except BadTemplate:
            return
        self.assertIn(template.matches(uri), (True, False))
        if "{" not in text:
            self.assertTrue(template.matches(text))

    def test_hostile(self) -> None:
        """
        A template and a URI made to be tried in endless ways take a few steps for each character.
        """
        cases = (
            ("{a}" * 32 + "b", "a" * 8192),
            ("{a}a" * 32 + "b", "a" * 8192),
            ("{+a}" * 32 + "!", "," * 8192),
            ("{a}" + "a" * 28 + ("{a}" + "a" * 28) * 31, "a" * 8191 + "b"),
            ("{/a*}" * 32 + "x", "/" * 8192),
            ("{?a*}{&a*}" * 16 + "#", "?" + "&" * 8191),
            ("{a}" * 32, "%" * 8192),
        )
        for text, uri in cases:
            template = UriTemplate.read(text)
            steps = calls_in(partial(template.matches, uri))
            self.assertLess(steps, 4 * (len(text) + len(uri)), text)
