# -*- test-case-name: tests.config.test_places -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.places`.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.places import places
from mcpd.config.problem import Path

DOCUMENT = r"""# a comment with [brackets] and = signs
title = "a \" # quote"   # = [
'lit.eral' = 'C:\'
"esc\u0061ped" = 1979-05-27 07:32:00

a.b . "c" = [
  1,
  # nothing = here
  [2, "]"], { x = 1,
    }]
""".replace("{ x = 1,\n    }", "{ x = 1 }")

TABLES = r'''
text = """
[not.a.table]
quote "" and \""" and
end"""""
raw = """"""
other = \'\'\'
= ''two'' \'\'\'\'
[ t . u ]
v = {w = {x = [true]}, y.z = 0x1F}
[[t.list]]
n = 1
[t.list.sub]
n = 2
[[t.list]]
[[t.list.sub]]
n = 3
[t]
late = +inf
'''.replace(r"\'", "'").removeprefix("\n")


def walk(value: Any, path: Path = ()) -> Iterator[Path]:
    """
    List the paths of everything in a document.
    """
    if path:
        yield path
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, entry in entries:
        yield from walk(entry, (*path, key))


KEYS = st.text('ab-_. "\\\n#[]=é', min_size=0, max_size=4)
LEAVES = st.one_of(
    st.integers(-9, 10**6).map(str),
    st.booleans().map(lambda flag: str(flag).lower()),
    # Surrogates and DEL are in JSON strings, but not in TOML ones.
    st.text(st.characters(max_codepoint=0xD7FF, exclude_characters="\x7f"), max_size=8).map(json.dumps),
    st.sampled_from(
        ['"""a\n"b\n"""', "'''\n\n'''", "'#'", "''", '""""""', '"""x"""""', "1e3", "07:32:00", "-nan"]
    ),
)
GAPS = st.sampled_from(["", " ", "\n", " # a ] } ' comment\n", "\r\n\t"])


@st.composite
def arrays(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    """
    Write arrays over several lines, with comments and an optional last comma.
    """
    entries = draw(st.lists(st.tuples(GAPS, values, GAPS), max_size=3))
    comma = draw(st.sampled_from([",", ""])) if entries else ""
    text = ",".join("".join(entry) for entry in entries)
    return f"[{text}{comma}{draw(GAPS)}]"


@st.composite
def inlines(draw: st.DrawFn, values: st.SearchStrategy[str]) -> str:
    """
    Write inline tables.
    """
    table = draw(st.dictionaries(KEYS, values, max_size=3))
    return "{" + ", ".join(f"{json.dumps(key)} = {value}" for key, value in table.items()) + "}"


VALUES = st.recursive(LEAVES, lambda values: arrays(values) | inlines(values), max_leaves=8)
PAIRS = st.dictionaries(KEYS, VALUES, max_size=4)
HEADERS = st.lists(st.tuples(st.booleans(), PAIRS, GAPS), max_size=4)


class PlacesTests(SynchronousTestCase):
    """
    Tests for finding lines.
    """

    def test_values(self) -> None:
        """
        Quoted and dotted keys, comments and arrays over several lines are each found on their line.
        """
        tomllib.loads(DOCUMENT)
        self.assertEqual(
            places(DOCUMENT),
            {
                ("title",): 2,
                ("lit.eral",): 3,
                ("escaped",): 4,
                ("a",): 6,
                ("a", "b"): 6,
                ("a", "b", "c"): 6,
                ("a", "b", "c", 0): 7,
                ("a", "b", "c", 1): 9,
                ("a", "b", "c", 1, 0): 9,
                ("a", "b", "c", 1, 1): 9,
                ("a", "b", "c", 2): 9,
                ("a", "b", "c", 2, "x"): 9,
            },
        )

    def test_tables(self) -> None:
        """
        Strings over several lines, inline tables, headers and arrays of tables are, too.
        """
        tomllib.loads(TABLES)
        self.assertEqual(
            places(TABLES),
            {
                ("text",): 1,
                ("raw",): 5,
                ("other",): 6,
                ("t",): 17,
                ("t", "u"): 8,
                ("t", "u", "v"): 9,
                ("t", "u", "v", "w"): 9,
                ("t", "u", "v", "w", "x"): 9,
                ("t", "u", "v", "w", "x", 0): 9,
                ("t", "u", "v", "y"): 9,
                ("t", "u", "v", "y", "z"): 9,
                ("t", "list"): 10,
                ("t", "list", 0): 10,
                ("t", "list", 0, "n"): 11,
                ("t", "list", 0, "sub"): 12,
                ("t", "list", 0, "sub", "n"): 13,
                ("t", "list", 1): 14,
                ("t", "list", 1, "sub"): 15,
                ("t", "list", 1, "sub", 0): 15,
                ("t", "list", 1, "sub", 0, "n"): 16,
                ("t", "late"): 18,
            },
        )

    @given(PAIRS, HEADERS)
    def test_generated(self, pairs: dict[str, str], headers: list[tuple[bool, dict[str, str], str]]) -> None:
        """
        Whatever a document looks like, exactly its values are found, each key on the line where it was put.
        """
        text, expected = "", {}
        tables: list[tuple[Path, str, dict[str, str], str]] = [((), "", pairs, "")]
        lists = 0
        for index, (many, table, gap) in enumerate(headers):
            path: Path = ("[many]", lists) if many else (f"[one] {index}", "x")
            header = '[[ "[many]" ]]' if many else f'["[one] {index}" . x]'
            tables.append(
                (path, f"{header}{'' if chr(10) in gap else ' # ]'}\n", table, gap if "\n" in gap else "")
            )
            lists += many
        for path, header, table, gap in tables:
            if path:
                expected[path] = text.count("\n") + 1
            text += header + gap
            for key, value in table.items():
                expected[(*path, key)] = text.count("\n") + 1
                text += f"{json.dumps(key)}\t= {value} # = [\n"
        found = places(text)
        self.assertEqual(set(found), set(walk(tomllib.loads(text))))
        self.assertEqual({path: found[path] for path in expected}, expected)

    def test_long(self) -> None:
        """
        A large document takes no longer than its size asks for.
        """
        text = "".join(f"k{number} = [{number}]\n" for number in range(20_000))
        self.assertEqual(places(text)["k19999", 0], 20_000)
