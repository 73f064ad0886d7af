# -*- test-case-name: plugins.sqlite.tests.test_offer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.sqlite.asking.offer`: what tools accept, and say of themselves.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from plugins.sqlite.asking.call import Json, Refused
from plugins.sqlite.asking.offer import TOOLS
from plugins.sqlite.tests.given import Databases

_TYPES: dict[str, Any] = {
    "object": dict,
    "array": list,
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": int | float,
    "null": type(None),
}


def fits(schema: Json, value: Any) -> bool:
    """
    Tell whether a value fits a schema, of the keywords that the results use.
    """
    if "anyOf" in schema:
        return any(fits(each, value) for each in schema["anyOf"])
    if "enum" in schema:
        return value in schema["enum"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, _TYPES[kind]) for kind in kinds):
        return False
    if isinstance(value, dict):
        known = schema["properties"]
        return (
            set(schema["required"]) <= set(value) <= set(known)
            and schema["additionalProperties"] is False
            and all(fits(known[name], member) for name, member in value.items())
        )
    return not isinstance(value, list) or all(fits(schema["items"], item) for item in value)


class JudgeTests(SynchronousTestCase):
    """
    Arguments.
    """

    def test_defaults(self) -> None:
        """
        What is left out has its default, and 3.0 is a whole number.
        """
        self.assertEqual(TOOLS["tables"].judge({}), {})
        judged = TOOLS["query"].judge({"sql": "x", "limit": 3.0})
        self.assertEqual(judged, {"sql": "x", "limit": 3, "parameters": []})

    def test_refused(self) -> None:
        """
        What does not fit is refused with a sentence, as the schema says.
        """
        cases: tuple[tuple[str, dict[str, Any]], ...] = (
            ("query", {}),
            ("query", {"sql": 5}),
            ("query", {"sql": "x", "nothing": 1}),
            ("query", {"sql": "x", "limit": 0}),
            ("query", {"sql": "x", "limit": 1001}),
            ("query", {"sql": "x", "limit": True}),
            ("query", {"sql": "x", "limit": 1.5}),
            ("query", {"sql": "x", "database": None}),
            ("query", {"sql": "x" * 100_001}),
            ("schema", {"table": ["item"]}),
            ("tables", {"database": 1}),
        )
        for name, arguments in cases:
            self.assertRaises(Refused, TOOLS[name].judge, arguments)
        self.assertRaises(Refused, TOOLS["query"].judge, {"sql": "\ud800"})


class ResultTests(Databases):
    """
    Results.
    """

    def test_schemas(self) -> None:
        """
        All that a tool gives is as its schema says.
        """
        everything = (
            "SELECT 1, 1.5, NULL, 'x', x'00', 9e999, 9007199254740993, zeroblob(40000), hex(zeroblob(20000))"
        )
        for name, arguments in (
            ("tables", {}),
            ("schema", {"table": "item"}),
            ("schema", {"table": "sale"}),
            ("schema", {"table": "cheap"}),
            ("query", {"sql": everything}),
            ("query", {"sql": "SELECT * FROM item", "limit": 1}),
        ):
            structured, _ = self.ask(name, **arguments)
            self.assertTrue(fits(TOOLS[name].gives, json.loads(json.dumps(structured))), structured)
        with_problem, _ = self.ask("tables", self.base / "none.db")
        self.assertTrue(fits(TOOLS["tables"].gives, with_problem), with_problem)

    def test_told(self) -> None:
        """
        Each tool says that it only reads, and its schemas are ones of objects.
        """
        for tool in TOOLS.values():
            told = tool.told()
            self.assertIs(told["annotations"]["readOnlyHint"], True)
            for schema in (told["inputSchema"], told["outputSchema"]):
                self.assertEqual(schema["type"], "object")
                self.assertIs(schema["additionalProperties"], False)
