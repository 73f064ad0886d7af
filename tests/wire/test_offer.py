# -*- test-case-name: tests.wire.test_offer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.offer`.
"""

from __future__ import annotations

import json

from attrs.exceptions import FrozenInstanceError
from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.offer import Offer, Tool, Unusable, read_tool
from mcpd.wire.revision import MODERN

OBJECT = {"type": "object"}

USABLE = {
    "one letter": "a",
    "an underscore": "read_file",
    "a hyphen": "read-file",
    "a dot": "files.read",
    "a slash": "files/read",
    "capitals and digits": "Read2",
    "128 characters": "a" * 128,
}

UNUSABLE = {
    "empty": "",
    "129 characters": "a" * 129,
    "a space": "read file",
    "a line end behind it": "read\n",
    "a line end in it": "read\nfile",
    "NUL": "read\x00",
    "a colour of the terminal": "\x1b[31mread",
    "a letter beyond ASCII": "lés",
    "a digit beyond ASCII": "read\u0662",
    "a letter that only looks like one": "\u0440ead",
    "a mark that turns the text around": "\u202edaer",
    "a number": 7,
    "null": None,
    "an array": ["read"],
}

SCHEMAS: dict[str, object] = {
    "null": None,
    "true": True,
    "an array": [],
    "a string": "object",
    "no type": {},
    "another type": {"type": "array"},
    "several types": {"type": ["object", "null"]},
    "a type in capitals": {"type": "Object"},
    "a type that is null": {"type": None},
}


def read(**definition: object) -> Tool:
    """
    Read a tool with these members.
    """
    return read_tool(Raw(json.dumps(definition).encode()))


class ReadToolTests(SynchronousTestCase):
    """
    Tests for reading a tool's definition.
    """

    def test_read(self) -> None:
        """
        A tool is offered under its name, with every member as its plugin wrote it.
        """
        tool = read_tool(Raw(b'{"name":"a", "inputSchema":{"type":"object", "x":1.0},"more":[1e2]}'))
        self.assertEqual(tool.name, "a")
        written = {name: bytes(raw) for name, raw in tool.definition.items()}
        schema = b'{"type":"object", "x":1.0}'
        self.assertEqual(written, {"name": b'"a"', "inputSchema": schema, "more": b"[1e2]"})

    def test_names(self) -> None:
        """
        Names that the specification recommends, and those with a slash, are served.
        """
        for case, name in USABLE.items():
            self.assertEqual(read(name=name, inputSchema=OBJECT).name, name, case)

    def test_bad_names(self) -> None:
        """
        A tool whose name could confuse a reader or a terminal is left out, and the reason does not repeat it.
        """
        for case, name in UNUSABLE.items():
            unusable = self.assertRaises(Unusable, read, name=name, inputSchema=OBJECT)
            self.assertEqual(str(unusable), "a tool whose name is not 1 to 128 of A-Z a-z 0-9 _ - . /", case)
        self.assertRaises(Unusable, read, inputSchema=OBJECT)

    def test_bad_schema(self) -> None:
        """
        A tool whose arguments are no object is left out, by its name.
        """
        for case, schema in SCHEMAS.items():
            unusable = self.assertRaises(Unusable, read, name="a", inputSchema=schema)
            self.assertEqual(str(unusable), 'tool a: its inputSchema is not of "type": "object"', case)
        self.assertRaises(Unusable, read, name="a")

    def test_no_object(self) -> None:
        """
        What is no object is no tool.
        """
        for piece in (b"null", b"1", b'"a"', b"[]", b"", b"{"):
            unusable = self.assertRaises(Unusable, read_tool, Raw(piece))
            self.assertEqual(str(unusable), "a tool that is not an object")

    def test_wrapped(self) -> None:
        """
        Only results that are no object are wrapped for legacy clients.
        """
        self.assertFalse(read(name="a", inputSchema=OBJECT).wrapped)
        self.assertFalse(read(name="a", inputSchema=OBJECT, outputSchema={"type": "object"}).wrapped)
        for schema in ({"type": "array"}, {}, {"type": ["object", "null"]}, {"anyOf": [OBJECT]}):
            self.assertTrue(read(name="a", inputSchema=OBJECT, outputSchema=schema).wrapped, schema)


class OfferTests(SynchronousTestCase):
    """
    Tests for what one plugin has.
    """

    def test_frozen(self) -> None:
        """
        What a plugin was found to have does not change under those who serve it.
        """
        offer = Offer(MODERN, (read(name="a", inputSchema=OBJECT),))
        self.assertEqual((offer.instructions, offer.left_out), ("", ()))
        for value, name in ((offer, "tools"), (offer.tools[0], "name")):
            self.assertRaises(FrozenInstanceError, setattr, value, name, ())
