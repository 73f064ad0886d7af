# -*- test-case-name: tests.wire.test_mirror -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.mirror`.
"""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire import headers
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.mirror import Found, Mirror, check, read
from tests.wire.meaning import anything, load, modest

STRING: dict[str, Any] = {"type": "string"}
MARKED = {"type": "string", "x-mcp-header": "Inner"}

ELSEWHERE: dict[str, Any] = {
    "the root": {"x-mcp-header": "Root"},
    "items": {"properties": {"a": {"type": "array", "items": MARKED}}},
    "several items": {"properties": {"a": {"items": [STRING, MARKED]}}},
    "prefixItems": {"prefixItems": [MARKED]},
    "contains": {"contains": MARKED},
    "additionalProperties": {"additionalProperties": MARKED},
    "patternProperties": {"patternProperties": {"^a": MARKED}},
    "propertyNames": {"propertyNames": MARKED},
    "unevaluatedProperties": {"unevaluatedProperties": MARKED},
    "unevaluatedItems": {"unevaluatedItems": MARKED},
    "dependentSchemas": {"dependentSchemas": {"a": MARKED}},
    "dependencies": {"dependencies": {"a": MARKED, "b": ["a"]}},
    "oneOf": {"properties": {"a": {"oneOf": [MARKED]}}},
    "anyOf": {"properties": {"a": {"anyOf": [{"type": "null"}, MARKED]}}},
    "allOf": {"allOf": [{"properties": {"a": MARKED}}]},
    "not": {"not": MARKED},
    "if": {"if": {"properties": {"a": MARKED}}},
    "then": {"then": MARKED},
    "else": {"else": MARKED},
    "$defs": {"$defs": {"a": MARKED}},
    "definitions": {"definitions": {"a": {"properties": {"b": MARKED}}}},
    "contentSchema": {"properties": {"a": {"contentSchema": MARKED}}},
}

NO_ANNOTATIONS: dict[str, Any] = {
    "a property of that name": {"properties": {"x-mcp-header": STRING}},
    "a default": {"properties": {"a": {"default": MARKED}}},
    "a constant": {"properties": {"a": {"const": MARKED}}},
    "examples": {"properties": {"a": {"examples": [MARKED], "enum": [MARKED]}}},
    "a description": {"description": "x-mcp-header"},
    "an unknown keyword": {"x-more": {"a": MARKED}},
    "properties that are none": {"properties": ["x-mcp-header"]},
    "a property that is no schema": {"properties": {"a": "x-mcp-header"}},
    "a schema that is none": "x-mcp-header",
}

NO_FIELDS = ("", "a b", "a:b", "a\r\nb", "caf\u00e9", "a/b", "(a)", "a" * 129, 7, None, ["a"], True)
NO_TYPES = ("number", "object", "array", "null", "String", ["string"], ["string", "null"], None, 7)

REGION = Mirror(("region",), b"mcp-param-region", "string")
COUNT = Mirror(("count",), b"mcp-param-count", "integer")
SURE = Mirror(("sure",), b"mcp-param-sure", "boolean")
DEEP = Mirror(("a", "b"), b"mcp-param-deep", "string")

AGREE = (
    (REGION, '{"region":"us-west1"}', "us-west1"),
    (REGION, '{"region":""}', ""),
    (REGION, '{"region":""}', "=?base64??="),
    (REGION, '{"region":"Hello"}', "=?base64?SGVsbG8=?="),
    (REGION, '{"region":"caf\\u00e9"}', "=?base64?Y2Fmw6k=?="),
    (REGION, '{"region":"=?base64?SGVsbG8"}', "=?base64?SGVsbG8"),
    (REGION, '{"region":" a "}', "=?base64?IGEg?="),
    (REGION, '{"region":42}', "42"),
    (REGION, '{"region":true}', "true"),
    (COUNT, '{"count":42}', "42"),
    (COUNT, '{"count":42}', "42.0"),
    (COUNT, '{"count":42.0}', "42"),
    (COUNT, '{"count":4.2e1}', "42"),
    (COUNT, '{"count":-7}', "-7"),
    (COUNT, '{"count":0}', "-0"),
    (COUNT, '{"count":1.5}', "1.50"),
    (COUNT, '{"count":9007199254740991}', "9007199254740991"),
    (COUNT, '{"count":-9007199254740991}', "-9007199254740991"),
    (COUNT, '{"count":"42"}', "42"),
    (COUNT, '{"count":false}', "false"),
    (SURE, '{"sure":true}', "true"),
    (SURE, '{"sure":false}', "false"),
    (SURE, '{"sure":"true"}', "true"),
    (DEEP, '{"a":{"b":"x"},"c":{"b":"y"}}', "x"),
    (REGION, '{ "other" : 1,\n "region" : "a" }', "a"),
    (REGION, '{"gr\\u00f6\\u00dfe":1,"region":"a"}', "a"),
    (REGION, '{"r\\u0065gion":"a"}', "a"),
    (REGION, '{"größe":1,"region":"a"}', "a"),
    # Whatever judges arguments looks at these; no path leads here.
    (REGION, '{"region":"a","other":{"x":1,"x":2}}', "a"),
)

MISMATCH = (
    (REGION, '{"region":"us-west1"}', "us-west2"),
    (REGION, '{"region":"us-west1"}', "US-WEST1"),
    (REGION, '{"region":"us-west1"}', ""),
    (REGION, '{"region":"Hello"}', "=?base64?SGVsbG8?="),
    (REGION, '{"region":"Hello"}', "=?base64?SGVs!!!bG8=?="),
    (REGION, '{"region":"Hello"}', "=?BASE64?SGVsbG8=?="),
    (REGION, '{"region":"a"}', "a\x00"),
    (REGION, '{"region":"é"}', "é"),
    (REGION, '{"region":42}', "42.0"),
    (REGION, '{"region":42}', '"42"'),
    (COUNT, '{"count":42}', "43"),
    (COUNT, '{"count":42}', "042x"),
    (COUNT, '{"count":42}', " 42"),
    (COUNT, '{"count":42}', "0x2a"),
    (COUNT, '{"count":42}', "+42"),
    (COUNT, '{"count":42}', "4_2"),
    (COUNT, '{"count":42}', "=?base64?2aTZog==?="),
    (COUNT, '{"count":42}', "NaN"),
    (COUNT, '{"count":9007199254740992}', "9007199254740992"),
    (COUNT, '{"count":-9007199254740992}', "-9007199254740992"),
    (COUNT, '{"count":9007199254740993}', "9007199254740992"),
    (COUNT, '{"count":1e99}', "1e99"),
    (COUNT, '{"count":1e999999999}', "1e999999999"),
    (COUNT, '{"count":' + "1" * 5000 + "}", "1" * 5000),
    (COUNT, '{"count":1.0000000000000000000001}', "1"),
    (COUNT, '{"count":9007199254740991.00000000000000000001}', "9007199254740991.00000000000000000001"),
    (COUNT, '{"count":"42"}', "42.0"),
    (COUNT, '{"count":true}', "1"),
    (SURE, '{"sure":true}', "True"),
    (SURE, '{"sure":true}', "false"),
    (SURE, '{"sure":true}', "1"),
    (DEEP, '{"a":{"b":"x"}}', "y"),
)

ABSENT = (
    (REGION, None),
    (REGION, "{}"),
    (REGION, "null"),
    (REGION, "[]"),
    (REGION, '{"region":null}'),
    (REGION, '{"Region":"a"}'),
    (REGION, '{"region":{"a":1}}'),
    (REGION, '{"region":["a"]}'),
    (DEEP, '{"a":null}'),
    (DEEP, '{"a":"b"}'),
    (DEEP, '{"a":[{"b":"x"}]}'),
    (DEEP, '{"a":{}}'),
    (DEEP, '{"b":"x"}'),
)

TWINS = (
    (REGION, '{"region":"a","region":"b"}'),
    (REGION, '{"region":"b","region":"a"}'),
    (REGION, '{"region":"a","region":"a"}'),
    (REGION, '{"region":"b","r\\u0065gion":"a"}'),
    (REGION, '{ "region": "b", "region": "a" }'),
    (REGION, '{"region":"a","other":1,"other":2}'),
    (DEEP, '{"a":{"b":"y"},"a":{"b":"a"}}'),
    (DEEP, '{"a":{"b":"y","b":"a"}}'),
    (REGION, '{"region":"a","\\ud800":1}'),
    (REGION, '{"region":"a"'),
    (REGION, '{ "region":"a","x":"\udcff"}'),
    (REGION, '{ "region":"a","x":' + "[" * 960 + "]" * 960 + "}"),
)


def raw(value: object) -> Raw:
    """
    Write something as a plugin might.
    """
    return Raw(json.dumps(value, separators=(",", ":")).encode())


def found(schema: object) -> Found:
    """
    Read a schema.
    """
    return read(raw(schema))


def properties(**members: object) -> dict[str, object]:
    """
    Make a schema of these properties.
    """
    return {"type": "object", "properties": members}


def marked(name: object = "Inner", type: object = "string", **more: object) -> dict[str, object]:
    """
    Make a property that a header field repeats.
    """
    return {"type": type, "x-mcp-header": name, **more}


def bare(schema: Any) -> Any:
    """
    Take every annotation out of a schema that has nothing else of that name.
    """
    if isinstance(schema, list):
        return [bare(item) for item in schema]
    if isinstance(schema, dict):
        return {name: bare(value) for name, value in schema.items() if name != "x-mcp-header"}
    return schema


class ReadTests(SynchronousTestCase):
    """
    Tests for finding arguments that a header field repeats.
    """

    def assert_stripped(self, schema: Any, *why: str) -> None:
        """
        Look whether nothing is left but the schema, and the operator is told why.
        """
        result = found(schema)
        self.assertEqual((result.mirrors, load(bytes(result.schema))), ((), load(bytes(raw(bare(schema))))))
        self.assertEqual(len(result.wrong), len(why), result.wrong)
        for sentence, part in zip(result.wrong, why, strict=True):
            self.assertIn(part, sentence)

    def test_found(self) -> None:
        """
        Strings, integers and booleans can be repeated, at any depth, and the schema stays as it is.
        """
        schema = raw(
            properties(
                region=marked("Region"),
                count=marked("X-Count", "integer"),
                a={"type": "object", "properties": {"b": marked("a.b!", "boolean")}},
                free=STRING,
            )
        )
        result = read(schema)
        self.assertEqual(
            result.mirrors,
            (
                Mirror(("region",), b"mcp-param-region", "string"),
                Mirror(("count",), b"mcp-param-x-count", "integer"),
                Mirror(("a", "b"), b"mcp-param-a.b!", "boolean"),
            ),
        )
        self.assertIs(result.schema, schema)
        self.assertEqual(result.wrong, ())

    def test_escaped(self) -> None:
        """
        An annotation is found however its name is written.
        """
        text = b'{"properties":{"a":{"type":"%s","x\\u002dmcp\\u002Dheader":"A"}}}'
        self.assertEqual(read(Raw(text % b"string")).mirrors[0].path, ("a",))
        result = read(Raw(text % b"number"))
        self.assertEqual(bytes(result.schema), b'{"properties":{"a":{"type":"number"}}}')
        schema = Raw(b'{"description":"\\u00e9\\u002d"}')
        self.assertIs(read(schema).schema, schema)

    def test_elsewhere(self) -> None:
        """
        An annotation where no client could follow it is stripped.
        """
        for case, schema in ELSEWHERE.items():
            with self.subTest(case):
                self.assert_stripped(schema, "it is not on a property that properties alone lead to")

    def test_no_annotations(self) -> None:
        """
        What only looks like an annotation stays.
        """
        for case, schema in NO_ANNOTATIONS.items():
            piece = raw(schema)
            result = read(piece)
            self.assertIs(result.schema, piece, case)
            self.assertEqual((result.mirrors, result.wrong), ((), ()), case)

    def test_no_field(self) -> None:
        """
        An annotation that can't be the name of a header field is stripped.
        """
        for name in NO_FIELDS:
            self.assert_stripped(properties(a=marked(name)), "it is not the name of a header field")

    def test_no_type(self) -> None:
        """
        An annotation of what has no single plain type is stripped.
        """
        for type in NO_TYPES:
            self.assert_stripped(properties(a=marked(type=type)), "not of type string, integer or boolean")
        self.assert_stripped(properties(a={"x-mcp-header": "A"}), "not of type string, integer or boolean")

    def test_same(self) -> None:
        """
        Of two that have the same field, in whatever letters, the first stays.
        """
        result = found(properties(a=marked("Same"), b={"properties": {"c": marked("SAME")}}))
        self.assertEqual([mirror.path for mirror in result.mirrors], [("a",)])
        self.assertEqual(
            load(bytes(result.schema)), properties(a=marked("Same"), b={"properties": {"c": STRING}})
        )
        place = "/properties/b/properties/c"
        why = "another property has the same"
        self.assertEqual(result.wrong, (f"x-mcp-header at {place} is not served: {why}",))

    def test_wrong_first(self) -> None:
        """
        One that is stripped takes no name from those that stay.
        """
        result = found(properties(a=marked("Same", "number"), b=marked("Same")))
        self.assertEqual([mirror.path for mirror in result.mirrors], [("b",)])

    def test_spliced(self) -> None:
        """
        What stays of a schema is as the plugin wrote it: numbers, orders, blanks within values.
        """
        text = (
            b'{"z":1.0e2,"properties":{"b":{"x-mcp-header":"B","type":"number","minimum":1.50},'
            b'"a":{ "type" : "string", "default":"\\u0041" }},'
            b'"y":[ 1 , 2 ],"anyOf":[{"k": 1},{"x-mcp-header":"C"}]}'
        )
        self.assertEqual(
            bytes(read(Raw(text)).schema),
            b'{"z":1.0e2,"properties":{"b":{"type":"number","minimum":1.50},'
            b'"a":{ "type" : "string", "default":"\\u0041" }},"y":[ 1 , 2 ],"anyOf":[{"k": 1},{}]}',
        )

    def test_most(self) -> None:
        """
        A tool has at most 64 of them, and the operator reads no more than a few sentences.
        """
        result = found(properties(**{f"p{number}": marked(f"H{number}") for number in range(80)}))
        self.assertEqual(len(result.mirrors), 64)
        self.assertEqual(bytes(result.schema).count(b"x-mcp-header"), 64)
        self.assertEqual(len(result.wrong), 9)
        self.assertIn("a tool has at most 64", result.wrong[0])
        self.assertEqual(result.wrong[-1], "8 more of x-mcp-header are not served")

    def test_deep(self) -> None:
        """
        A schema of any depth is served: what is annotated too deep inside accepts anything.
        """
        for depth, deep in ((63, False), (64, False), (65, True), (300, True)):
            schema: Any = marked()
            for _ in range(depth):
                schema = properties(a=schema)
            result = found(schema)
            self.assertEqual(len(result.mirrors), not deep, depth)
            self.assertEqual(b'{"a":true}' in bytes(result.schema), deep, depth)
            self.assertEqual([("too deep" in sentence) for sentence in result.wrong], [True] * deep, depth)

    def test_deep_and_plain(self) -> None:
        """
        A deep schema without annotations stays as it is.
        """
        schema: Any = STRING
        for _ in range(300):
            schema = properties(a=schema, b={"description": "\u00e9"})
        piece = raw(schema)
        self.assertIs(read(piece).schema, piece)

    def test_place(self) -> None:
        """
        What a plugin calls its properties can't disturb a log.
        """
        result = found(properties(**{"a\n\x1b[31m\u202e": marked(""), "b" * 500: marked("")}))
        self.assertIn("/properties/a\\n\\x1b[31m\\u202e is not", result.wrong[0])
        self.assertLess(len(result.wrong[1]), 200)
        self.assertIn("at / is", found({"x-mcp-header": "A"}).wrong[0])

    @modest
    @given(st.dictionaries(st.sampled_from(("properties", "items", "anyOf", "type", "a")), anything))
    def test_anything(self, schema: dict[str, Any]) -> None:
        """
        A schema without annotations is served as it is, whatever it is.
        """
        piece = raw(schema)
        self.assertIs(read(piece).schema, piece)

    @modest
    @given(
        st.recursive(
            st.fixed_dictionaries(
                {"type": st.sampled_from(("string", "number", "integer"))},
                optional={"x-mcp-header": st.sampled_from(("A", "a", "B", "", "c d"))},
            ),
            lambda inner: st.fixed_dictionaries(
                {},
                optional={
                    "properties": st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
                    "items": inner,
                    "anyOf": st.lists(inner, max_size=2),
                    "$defs": st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
                    "x-mcp-header": st.just("R"),
                },
            ),
            max_leaves=8,
        )
    )
    def test_served(self, schema: dict[str, Any]) -> None:
        """
        Whatever was annotated, what is served is right, and nothing but annotations is gone.
        """
        result = found(schema)
        again = read(result.schema)
        self.assertEqual((again.mirrors, again.wrong), (result.mirrors, ()))
        self.assertIs(again.schema, result.schema)
        self.assertEqual(bytes(result.schema).count(b'"x-mcp-header"'), len(result.mirrors))
        self.assertEqual(bare(load(bytes(result.schema))), bare(load(bytes(raw(schema)))))


class CheckTests(SynchronousTestCase):
    """
    Tests for comparing header fields and arguments.
    """

    def check(self, mirror: Mirror, arguments: str | None, field: str | None, *repeated: bytes) -> None:
        """
        Check a call with one field.
        """
        piece = None if arguments is None else Raw(arguments.encode("utf-8", "surrogateescape"))
        fields = {} if field is None else {mirror.field: field.encode()}
        check((mirror,), piece, {b"mcp-param-other": b"x", **fields}, frozenset(repeated))

    def refused(self, mirror: Mirror, arguments: str | None, field: str | None, *repeated: bytes) -> str:
        """
        Check a call that is refused, and give what the client reads.
        """
        fault: Fault = self.assertRaises(Fault, self.check, mirror, arguments, field, *repeated)
        self.assertIs(fault.kind, Kind.HEADER_MISMATCH)
        return fault.text

    def test_agree(self) -> None:
        """
        A field that says what the argument says is right, however it is written.
        """
        for mirror, arguments, field in AGREE:
            with self.subTest((arguments, field)):
                self.check(mirror, arguments, field)

    def test_mismatch(self) -> None:
        """
        A field that says something else is refused, and the client reads which.
        """
        for mirror, arguments, field in MISMATCH:
            with self.subTest((arguments[:99], field[:99])):
                text = f"the header field {mirror.field.decode()} and the body do not say the same"
                self.assertEqual(self.refused(mirror, arguments, field), text)

    def test_missing(self) -> None:
        """
        An argument that no field repeats is refused.
        """
        for mirror, arguments, _ in AGREE:
            text = f"the header field {mirror.field.decode()} is missing"
            self.assertEqual(self.refused(mirror, arguments, None), text)

    def test_absent(self) -> None:
        """
        Where there is no such argument no field is asked for, and none is taken.
        """
        for mirror, arguments in ABSENT:
            with self.subTest(arguments):
                self.check(mirror, arguments, None)
                for field in ("", "null", "a"):
                    text = f"the header field {mirror.field.decode()} repeats an argument that is not there"
                    self.assertEqual(self.refused(mirror, arguments, field), text)

    def test_repeated(self) -> None:
        """
        A field that stands twice is refused, since a proxy may have read the other one.
        """
        for arguments, field in (('{"region":"a"}', "a"), ("{}", None)):
            text = self.refused(REGION, arguments, field, b"mcp-param-region")
            self.assertEqual(text, "the header field mcp-param-region stands twice")
        self.check(REGION, '{"region":"a"}', "a", b"mcp-param-other")

    def test_twins(self) -> None:
        """
        Arguments that a plugin may read in another way are refused, whatever the field says.
        """
        for mirror, arguments in TWINS:
            with self.subTest(arguments[:99]):
                for field in ("a", "b", None):
                    self.assertIn("stands twice", self.refused(mirror, arguments, field))

    def test_all(self) -> None:
        """
        Each of a tool's fields is checked.
        """
        mirrors = (REGION, COUNT, SURE, DEEP)
        arguments = Raw(b'{"region":"a","count":1,"sure":true,"a":{"b":"x"}}')
        right = {
            mirror.field: said for mirror, said in zip(mirrors, (b"a", b"1", b"true", b"x"), strict=True)
        }
        check(mirrors, arguments, right, frozenset())
        for mirror in mirrors:
            wrong = {**right, mirror.field: b"z"}
            fault = self.assertRaises(Fault, check, mirrors, arguments, wrong, frozenset())
            self.assertIn(mirror.field.decode(), fault.text)

    @modest
    @given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20))
    def test_strings(self, value: str) -> None:
        """
        Any string that is encoded as the specification says is right.
        """
        arguments = raw({"region": value})
        check((REGION,), arguments, {REGION.field: headers.encode(value)}, frozenset())

    @modest
    @given(st.integers(-(2**53) + 1, 2**53 - 1), st.integers(-(2**53) + 1, 2**53 - 1))
    def test_integers(self, value: int, other: int) -> None:
        """
        Any integer within the range is right, and no other one.
        """
        arguments = raw({"count": value})
        check((COUNT,), arguments, {COUNT.field: b"%d" % value}, frozenset())
        if other != value:
            wrong = {COUNT.field: b"%d" % other}
            self.assertRaises(Fault, check, (COUNT,), arguments, wrong, frozenset())
