# -*- test-case-name: plugins.sqlite.tests.test_offer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The three tools: how a model is told of them, and what they accept.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .apart import SECONDS
from .call import Json, Refused
from .guard import PARAMETERS, SQL

NAME = 1000  # characters of a name
ROWS = 1000  # that one query tells

_HINTS = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}
_TEXT: Json = {"type": "string"}
_YES: Json = {"type": "boolean"}
_DATABASE: Json = {
    "type": "string",
    "description": "The database; may be left out if there is only one.",
    "maxLength": NAME,
}


def _closed(properties: Json, *required: str) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _many(items: Json) -> Json:
    return {"type": "array", "items": items}


@dataclass(frozen=True)
class Tool:
    """
    A tool.

    Attributes:
        name: By which it is called.
        title: For people.
        description: For the model that chooses.
        accepts: The schema of its arguments.
        gives: The schema of its structured content.
    """

    name: str
    title: str
    description: str
    accepts: Json
    gives: Json

    def told(self) -> Json:
        """
        Write it as an element of ``tools/list``.
        """
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": self.accepts,
            "outputSchema": self.gives,
            "annotations": {"title": self.title, **_HINTS},
        }

    def judge(self, arguments: Json) -> Json:
        """
        Check arguments against the schema, and put the defaults in.

        Raises:
            Refused: They do not fit; the sentence says which one and what would.
        """
        properties: Json = self.accepts["properties"]
        for name in arguments:
            if name not in properties:
                raise Refused(f"There is no argument {name[:40]!r}; there are: {', '.join(properties)}.")
        for name in self.accepts["required"]:
            if name not in arguments:
                raise Refused(f"The argument {name!r} is missing: {properties[name]['description']}")
        judged = {name: schema["default"] for name, schema in properties.items() if "default" in schema}
        return judged | {name: _judge(name, properties[name], value) for name, value in arguments.items()}


def _judge(name: str, schema: Json, value: Any) -> Any:
    match schema["type"], value:
        case "integer", int() | float() if not isinstance(value, bool) and value == value // 1:
            # JSON Schema 2020-12: 3.0 is an integer, too.
            if schema["minimum"] <= value <= schema["maximum"]:
                return int(value)
        case "string", str() if len(value) <= schema["maxLength"] and not _is_torn(value):
            return value
        case [_, _], _:
            return value  # What parameters may be is told where they are taken.
    if schema["type"] == "integer":
        raise Refused(f"{name!r} must be a whole number from {schema['minimum']} to {schema['maximum']}.")
    raise Refused(f"{name!r} must be Unicode text of at most {schema['maxLength']} characters.")


def _is_torn(text: str) -> bool:
    # Half a surrogate pair is in no name and in no statement.
    return any("\ud800" <= character <= "\udfff" for character in text)


_TABLES = Tool(
    "tables",
    "List databases and tables",
    "See which databases there are and which tables and views each has. Begin here, then ask schema for a "
    "table's columns before you write a query.",
    _closed({"database": _DATABASE | {"description": "One database; left out: all of them."}}),
    _closed(
        {
            "databases": _many(
                _closed(
                    {
                        "name": _TEXT,
                        "tables": _many(_closed({"name": _TEXT, "type": _TEXT}, "name", "type")),
                        "truncated": {"type": "boolean", "description": "There are more tables."},
                        "problem": {"type": "string", "description": "Why it can't be asked now."},
                    },
                    *("name", "tables", "truncated"),
                )
            )
        },
        "databases",
    ),
)

_SCHEMA = Tool(
    "schema",
    "Describe a table",
    "Tell the columns, indexes and foreign keys of a table or view, and the SQL statement that made it.",
    _closed(
        {
            "database": _DATABASE,
            "table": {
                "type": "string",
                "description": "The table or view, as tables names it.",
                "maxLength": NAME,
            },
        },
        "table",
    ),
    _closed(
        {
            "database": _TEXT,
            "table": _TEXT,
            "type": {"enum": ["table", "view"]},
            "sql": {"type": "string", "description": "What made it."},
            "columns": _many(
                _closed(
                    {
                        "name": _TEXT,
                        "type": {
                            "type": "string",
                            "description": "As declared; SQLite does not insist on it.",
                        },
                        "not_null": _YES,
                        "primary_key": _YES,
                        "default": {"type": "string", "description": "An SQL expression."},
                        "generated": _YES,
                    },
                    *("name", "type", "not_null", "primary_key"),
                )
            ),
            "indexes": _many(
                _closed({"name": _TEXT, "unique": _YES, "columns": _many(_TEXT)}, "name", "unique", "columns")
            ),
            "foreign_keys": _many(
                _closed(
                    {"column": _TEXT, "table": _TEXT, "references": {"type": "string"}}, "column", "table"
                )
            ),
        },
        *("database", "table", "type", "sql", "columns", "indexes", "foreign_keys"),
    ),
)

_CELL: Json = {
    "anyOf": [
        {"type": ["null", "number", "string"]},
        _closed({"base64": _TEXT, "length": {"type": "integer"}, "truncated": _YES}, "base64", "length"),
        _closed({"text": _TEXT, "length": {"type": "integer"}, "truncated": _YES}, "text", "length"),
    ],
    "description": "Integers beyond 2**53 - 1, and infinities, are strings; a BLOB is an object with base64.",
}

_QUERY = Tool(
    "query",
    "Ask a database",
    "Run one SQL statement (SQLite's dialect) that reads: SELECT, VALUES, WITH or EXPLAIN. Give values as "
    f"parameters, not within the text. It stops after {SECONDS:g} seconds; nothing can be changed.",
    _closed(
        {
            "database": _DATABASE,
            "sql": {
                "type": "string",
                "description": "The statement, with ? or :name where parameters go.",
                "maxLength": SQL,
            },
            "parameters": {
                "type": ["array", "object"],
                "description": "An array for ?, an object for :name. Null, numbers, strings, true and false "
                '(1 and 0), and {"base64": "..."} for a BLOB.',
                "maxItems": PARAMETERS,
                "maxProperties": PARAMETERS,
                "default": [],
            },
            "limit": {
                "type": "integer",
                "description": "How many rows are enough.",
                "minimum": 1,
                "maximum": ROWS,
                "default": 100,
            },
        },
        "sql",
    ),
    _closed(
        {
            "columns": _many(_TEXT),
            "rows": _many(_many(_CELL)),
            "truncated": {"type": "boolean", "description": "There are more rows; see stopped_by."},
            "stopped_by": {"enum": ["rows", "size"]},
        },
        *("columns", "rows", "truncated"),
    ),
)

TOOLS = {tool.name: tool for tool in (_TABLES, _SCHEMA, _QUERY)}
"""All tools, in the order in which they are listed; the first works without arguments."""
