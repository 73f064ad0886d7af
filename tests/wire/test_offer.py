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

from mcpd.wire.mirror import Mirror
from mcpd.wire.offer import Feature, Item, Offer, Read, Sort, Template, Tool, Unusable, read
from mcpd.wire.revision import MODERN, NEWEST_LEGACY

OBJECT = {"type": "object"}

USABLE = {
    "one letter": "a",
    "an underscore": "read_file",
    "a hyphen": "read-file",
    "a dot": "files.read",
    "a slash": "files/read",
    "capitals and digits": "Read2",
    "128 characters": "a" * 128,
    "a space": "read file",
    "letters beyond ASCII": "l\u00e9s \u4e16\u754c",
}

UNUSABLE = {
    "empty": "",
    "129 characters": "a" * 129,
    "a line end behind it": "read\n",
    "a line end in it": "read\nfile",
    "NUL": "read\x00",
    "DEL": "read\x7f",
    "a colour of the terminal": "\x1b[31mread",
    "a control character beyond ASCII": "read\x9b",
    "a blank that looks like another": "read\u00a0file",
    "a blank that can't be seen": "re\u200bad",
    "a mark that turns the text around": "\u202edaer",
    "a number": 7,
    "null": None,
    "an array": ["read"],
}

URIS = ("a", "file:///srv/a%20b", "x:caf\u00e9", "a" * 2048)
NO_URIS = ("", "a" * 2049, "a b", "a\n", "\x00", "a\x7f", "a\u00a0b", "a\u202eb", 7, None, ["a"])

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


def raw(value: object) -> Raw:
    """
    Write something as a plugin might.
    """
    return Raw(json.dumps(value).encode())


def tool(**definition: object) -> Tool:
    """
    Read a tool with these members.
    """
    return found_tool(raw(definition))


def found_tool(piece: Raw) -> Tool:
    """
    Read a tool.
    """
    item = read(Sort.TOOLS, piece).item
    assert isinstance(item, Tool)
    return item


def thing(sort: Sort, **definition: object) -> Read:
    """
    Read something of a list with these members.
    """
    return read(sort, raw(definition))


class HiddenTests(SynchronousTestCase):
    """
    Tests for texts that hide something.
    """

    def test_hidden(self) -> None:
        """
        What nobody sees in a description or a title is taken out of every kind of thing, and told.
        """
        own: dict[Sort, dict[str, object]] = {
            Sort.TOOLS: {"name": "a", "inputSchema": OBJECT},
            Sort.PROMPTS: {"name": "a"},
            Sort.RESOURCES: {"name": "a", "uri": "a"},
            Sort.TEMPLATES: {"name": "a", "uriTemplate": "a"},
        }
        for sort, definition in own.items():
            hiding: dict[str, object] = {
                "description": "Reads\u200b a file\x1b",
                "title": "\u202eA",
                "_meta": {"x": "\u200b"},
            }
            found = thing(sort, **{**definition, **hiding})
            said = {name: json.loads(bytes(value)) for name, value in found.item.definition.items()}
            self.assertEqual((said["description"], said["title"]), ("Reads a file", "A"), sort)
            self.assertEqual(said["_meta"], {"x": "\u200b"})
            self.assertEqual(len(found.wrong), 2)
            self.assertIn("hidden in its description", found.wrong[0])

    def test_plain(self) -> None:
        """
        A text that hides nothing passes byte by byte.
        """
        piece = Raw(b'{"name":"a","description":"caf\\u00e9\\n\xe4\xb8\x96","title":5}')
        found = read(Sort.PROMPTS, piece)
        self.assertEqual(found.wrong, ())
        self.assertEqual(bytes(found.item.definition["description"]), b'"caf\\u00e9\\n\xe4\xb8\x96"')

    def test_climbing(self) -> None:
        """
        A resource whose URI climbs is not served: another could be meant than is shown.
        """
        error = self.assertRaises(Unusable, thing, Sort.RESOURCES, uri="file:///a/../b", name="b")
        self.assertIn('".."', str(error))


class ReadToolTests(SynchronousTestCase):
    """
    Tests for reading a tool's definition.
    """

    def test_read(self) -> None:
        """
        A tool is offered under its name, with every member as its plugin wrote it.
        """
        found = found_tool(Raw(b'{"name":"a", "inputSchema":{"type":"object", "x":1.0},"more":[1e2]}'))
        self.assertEqual((found.name, found.mirrors), ("a", ()))
        written = {name: bytes(raw) for name, raw in found.definition.items()}
        schema = b'{"type":"object", "x":1.0}'
        self.assertEqual(written, {"name": b'"a"', "inputSchema": schema, "more": b"[1e2]"})

    def test_names(self) -> None:
        """
        Names that the specification recommends are served, and any other that can be read.
        """
        for case, name in USABLE.items():
            self.assertEqual(tool(name=name, inputSchema=OBJECT).name, name, case)

    def test_bad_names(self) -> None:
        """
        A tool whose name could confuse a reader or a terminal is left out, and the reason does not repeat it.
        """
        for case, name in UNUSABLE.items():
            unusable = self.assertRaises(Unusable, tool, name=name, inputSchema=OBJECT)
            self.assertEqual(str(unusable), "a tool whose name is not 1 to 128 printable characters", case)
        self.assertRaises(Unusable, tool, inputSchema=OBJECT)

    def test_bad_schema(self) -> None:
        """
        A tool whose arguments are no object is left out, by its name.
        """
        for case, schema in SCHEMAS.items():
            unusable = self.assertRaises(Unusable, tool, name="a", inputSchema=schema)
            self.assertEqual(str(unusable), 'tool a: its inputSchema is not of "type": "object"', case)
        self.assertRaises(Unusable, tool, name="a")

    def test_no_object(self) -> None:
        """
        What is no object is no tool, prompt, resource or template.
        """
        called = ("tool", "prompt", "resource", "resource template")
        for sort, name in zip(Sort, called, strict=True):
            for piece in (b"null", b"1", b'"a"', b"[]", b"", b"{"):
                unusable = self.assertRaises(Unusable, read, sort, Raw(piece))
                self.assertEqual(str(unusable), f"a {name} that is not an object")

    def test_wrapped(self) -> None:
        """
        Only results that are no object are wrapped for legacy clients.
        """
        self.assertFalse(tool(name="a", inputSchema=OBJECT).wrapped)
        self.assertFalse(tool(name="a", inputSchema=OBJECT, outputSchema={"type": "object"}).wrapped)
        for schema in ({"type": "array"}, {}, {"type": ["object", "null"]}, {"anyOf": [OBJECT]}):
            self.assertTrue(tool(name="a", inputSchema=OBJECT, outputSchema=schema).wrapped, schema)

    def test_mirrors(self) -> None:
        """
        Arguments that a header field repeats are known.
        """
        schema = {"type": "object", "properties": {"region": {"type": "string", "x-mcp-header": "Region"}}}
        found = thing(Sort.TOOLS, name="a", inputSchema=schema)
        assert isinstance(found.item, Tool)
        self.assertEqual(found.item.mirrors, (Mirror(("region",), b"mcp-param-region", "string"),))
        self.assertEqual((json.loads(bytes(found.item.definition["inputSchema"])), found.wrong), (schema, ()))

    def test_wrong_mirrors(self) -> None:
        """
        A tool that clients would drop for an annotation is served without it, and the operator reads why.
        """
        wrong = {"type": "object", "properties": {"x": {"type": "number", "x-mcp-header": "X"}}}
        found = thing(Sort.TOOLS, name="a", title="A", inputSchema=wrong)
        right = b'{"type":"object","properties":{"x":{"type":"number"}}}'
        self.assertEqual(
            bytes(found.item.definition["inputSchema"]).replace(b" ", b""), right.replace(b" ", b"")
        )
        self.assertEqual(list(found.item.definition), ["name", "title", "inputSchema"])
        (sentence,) = found.wrong
        self.assertTrue(
            sentence.startswith("tool a: x-mcp-header at /properties/x is not served: "), sentence
        )


class ReadTests(SynchronousTestCase):
    """
    Tests for reading the definitions of what is no tool.
    """

    def test_prompt(self) -> None:
        """
        A prompt is offered under its name, with every member but those that are null.
        """
        found = thing(Sort.PROMPTS, name="a b", arguments=[{"name": "x"}], title=None)
        self.assertEqual((found.item.name, found.wrong), ("a b", ()))
        self.assertEqual(list(found.item.definition), ["name", "arguments"])

    def test_bad_prompt(self) -> None:
        """
        A prompt whose name could confuse a reader or a terminal is left out.
        """
        for case, name in UNUSABLE.items():
            unusable = self.assertRaises(Unusable, thing, Sort.PROMPTS, name=name)
            self.assertEqual(str(unusable), "a prompt whose name is not 1 to 128 printable characters", case)
        self.assertRaises(Unusable, thing, Sort.PROMPTS)

    def test_resource(self) -> None:
        """
        A resource is offered under its URI, whatever its name.
        """
        for uri in URIS:
            found = thing(Sort.RESOURCES, uri=uri, name="", size=1)
            self.assertEqual(found.item.name, uri)
            self.assertEqual({**found.item.definition, "uri": b""}.keys(), {"uri", "name", "size"})

    def test_bad_resource(self) -> None:
        """
        A resource whose URI can't be one is left out, and so is one without a name, by its URI.
        """
        for uri in NO_URIS:
            unusable = self.assertRaises(Unusable, thing, Sort.RESOURCES, uri=uri, name="a")
            self.assertEqual(
                str(unusable), "a resource whose uri is not 1 to 2048 characters without blanks", repr(uri)
            )
        for name in (None, 7, ["a"]):
            unusable = self.assertRaises(Unusable, thing, Sort.RESOURCES, uri="x:a", name=name)
            self.assertEqual(str(unusable), "resource x:a: it has no name")

    def test_template(self) -> None:
        """
        A template of resources is offered under its text, and knows its URIs.
        """
        found = thing(Sort.TEMPLATES, uriTemplate="x:{id}", name="a", mimeType=None).item
        assert isinstance(found, Template)
        self.assertEqual((found.name, list(found.definition)), ("x:{id}", ["uriTemplate", "name"]))
        self.assertEqual((found.pattern.matches("x:7"), found.pattern.matches("y:7")), (True, False))

    def test_bad_template(self) -> None:
        """
        A template that can't be read is left out with the reason, and so is one without a name.
        """
        for text in ("", "x:{id", "x:{!id}", "x:\x1b{id}", 7, None, ["x:"]):
            unusable = self.assertRaises(Unusable, thing, Sort.TEMPLATES, uriTemplate=text, name="a")
            self.assertRegex(str(unusable), "^a resource template that can't be read: a")
        unusable = self.assertRaises(Unusable, thing, Sort.TEMPLATES, uriTemplate="x:{id}")
        self.assertEqual(str(unusable), "resource template x:{id}: it has no name")


class OfferTests(SynchronousTestCase):
    """
    Tests for what one plugin has.
    """

    def test_frozen(self) -> None:
        """
        What a plugin was found to have does not change under those who serve it.
        """
        offer = Offer(MODERN, (tool(name="a", inputSchema=OBJECT),))
        self.assertEqual((offer.instructions, offer.left_out), ("", ()))
        for value, name in ((offer, "tools"), (offer.tools[0], "name")):
            self.assertRaises(FrozenInstanceError, setattr, value, name, ())

    def test_equals(self) -> None:
        """
        Two offers are the same if their plugins say the same of themselves and list the same, in one order.
        """
        lists: dict[str, tuple[Sort, tuple[dict[str, object], ...]]] = {
            "tools": (
                Sort.TOOLS,
                ({"name": "a", "inputSchema": OBJECT}, {"name": "b", "inputSchema": OBJECT}),
            ),
            "prompts": (Sort.PROMPTS, ({"name": "a"}, {"name": "a", "title": "A"})),
            "resources": (Sort.RESOURCES, ({"uri": "x:a", "name": "a"}, {"uri": "x:a", "name": "b"})),
            "templates": (
                Sort.TEMPLATES,
                ({"uriTemplate": "x:{a}", "name": "a"}, {"uriTemplate": "x:{b}", "name": "b"}),
            ),
        }

        def offer(**others: object) -> Offer:
            listed = {
                name: tuple(thing(sort, **each).item for each in definitions)
                for name, (sort, definitions) in lists.items()
            }
            return Offer(**{"revision": MODERN, **listed, **others})  # type: ignore[arg-type]

        whole = offer()
        self.assertTrue(whole.equals(whole))
        self.assertTrue(whole.equals(offer()) and offer().equals(whole))
        others: list[dict[str, object]] = [
            {"revision": NEWEST_LEGACY},
            {"features": frozenset({Feature.TOOLS})},
            {"instructions": "Be kind."},
            {"left_out": ("a tool that is not an object",)},
        ]
        for name in lists:
            listed = getattr(whole, name)
            others += [{name: ()}, {name: listed[:1]}, {name: (*listed, listed[0])}]
        others += [{name: getattr(whole, name)[::-1]} for name in lists]
        for other in others:
            self.assertFalse(whole.equals(offer(**other)), other)
            self.assertFalse(offer(**other).equals(whole), other)

    def test_items(self) -> None:
        """
        Each list is the one that was read as such.
        """
        prompt, resource = Item("b", {}), Item("x:c", {})
        template = thing(Sort.TEMPLATES, uriTemplate="x:{id}", name="d").item
        assert isinstance(template, Template)
        tools = (tool(name="a", inputSchema=OBJECT),)
        offer = Offer(MODERN, tools, (prompt,), (resource,), (template,))
        self.assertEqual([offer.items(sort) for sort in Sort], [tools, (prompt,), (resource,), (template,)])
