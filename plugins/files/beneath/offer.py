# -*- test-case-name: plugins.files.tests.test_tools -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The four tools: how a model is told of them, and what they accept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .call import Call, Json, Refused
from .tools import Files, Told

PATH = 4096  # characters of a path
PATTERN = 1000  # characters of a text or pattern

_HINTS = {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False}


def _string(description: str, most: int = PATH, **more: Any) -> Json:
    return {"type": "string", "description": description, "maxLength": most, **more}


def _number(description: str, least: int, most: int, **more: Any) -> Json:
    return {"type": "integer", "description": description, "minimum": least, "maximum": most, **more}


def _flag(description: str) -> Json:
    return {"type": "boolean", "description": description, "default": False}


def _closed(properties: Json, *required: str) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _many(items: Json) -> Json:
    return {"type": "array", "items": items}


_PATH = "Begins with the name of a root, as paths in answers do, or is absolute beneath one."
_GLOB = _string(
    "Only what matches: *, ?, [abc] within a name, ** for any folders. Without a slash it is matched "
    "with the last name, else with the path from the folder where this begins.",
    PATTERN,
    minLength=1,
)
_TEXT = {"type": "string"}
_COUNT = {"type": "integer", "minimum": 0}
_YES = {"type": "boolean"}
_ENTRY = {
    "path": {"type": "string", "description": "To give to the other tools."},
    "type": {"enum": ["file", "folder", "symlink", "special file"]},
    "size": {"type": "integer", "minimum": 0, "description": "Bytes."},
    "modified": {"type": "string", "format": "date-time"},
}


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
        run: What it does.
    """

    name: str
    title: str
    description: str
    accepts: Json
    gives: Json
    run: Callable[[Files, Json, Call], Told]

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
        case "boolean", bool():
            return value
        case "integer", int() | float() if not isinstance(value, bool) and value == value // 1:
            # JSON Schema 2020-12: 3.0 is an integer, too.
            if schema["minimum"] <= value <= schema["maximum"]:
                return int(value)
        case "string", str():
            return _judge_text(name, schema, value)
    match schema["type"]:
        case "boolean":
            raise Refused(f"{name!r} must be true or false.")
        case "integer":
            raise Refused(f"{name!r} must be a whole number from {schema['minimum']} to {schema['maximum']}.")
    raise Refused(f"{name!r} must be a string.")


def _judge_text(name: str, schema: Json, value: str) -> str:
    if not schema.get("minLength", 0) <= len(value) <= schema["maxLength"]:
        least = schema.get("minLength", 0)
        raise Refused(f"{name!r} must have from {least} to {schema['maxLength']} characters.")
    try:
        # A lone surrogate could name a file whose name is not UTF-8, and
        # would make an answer that quotes it unreadable.
        value.encode()
    except UnicodeEncodeError:
        raise Refused(f"{name!r} must be Unicode text; it has half a surrogate pair.") from None
    return value


_LIST = Tool(
    "list",
    "List a folder",
    "See what is in a folder: names, types, sizes and times. Without arguments it shows the roots, where "
    "every path begins. Give a glob and a depth to find files by name, such as '*.md' four folders deep.",
    _closed(
        {
            "path": _string(f"The folder; left out: above the roots. {_PATH}", default=""),
            "glob": _GLOB,
            "depth": _number("How many folders deep; 1 is the folder's own entries.", 1, 16, default=1),
        }
    ),
    _closed(
        {
            "entries": _many(_closed(_ENTRY, *_ENTRY)),
            "truncated": {"type": "boolean", "description": "There is more than fits; narrow it down."},
        },
        "entries",
        "truncated",
    ),
    Files.list,
)

_READ = Tool(
    "read",
    "Read a text file",
    "Read a text file, whole or by lines. At most 256 KiB are given at once; next_line then says where "
    "to go on. Files that are not text, and symbolic links, are refused.",
    _closed(
        {
            "path": _string(f"The file. {_PATH}", minLength=1),
            "first_line": _number(
                "The first line that is wanted; the file's first is 1.", 1, 2**31, default=1
            ),
            "last_line": _number("The last line that is wanted; left out: to the end.", 1, 2**31),
        },
        "path",
    ),
    _closed(
        {
            "path": _TEXT,
            "text": {"type": "string", "description": "What is not UTF-8 is shown as U+FFFD."},
            "size": {"type": "integer", "minimum": 0, "description": "Bytes of the whole file."},
            "first_line": _COUNT,
            "last_line": {"type": "integer", "minimum": 0, "description": "0: the file is empty."},
            "next_line": {
                "type": "integer",
                "minimum": 1,
                "description": "Where the file goes on, if it does.",
            },
            "truncated": {"type": "boolean", "description": "Less was given than asked for; see next_line."},
        },
        *("path", "text", "size", "first_line", "last_line", "truncated"),
    ),
    Files.read,
)

_SEARCH = Tool(
    "search",
    "Search in files",
    "Find the lines of text files which contain a text or match a regular expression, with their paths and "
    "line numbers. Use it before read, to learn where to look. It stops by itself after 20 seconds, 256 MiB "
    "or the given number of matches, and then says so; narrow it down by path and glob.",
    _closed(
        {
            "query": _string("What to look for, within a line.", PATTERN, minLength=1),
            "path": _string(f"A folder or a file; left out: all roots. {_PATH}", default=""),
            "glob": _GLOB,
            "regex": _flag("Whether query is a regular expression (Python's syntax) and not plain text."),
            "ignore_case": _flag("Whether upper and lower case are the same."),
            "context": _number("Lines to show before and after each match.", 0, 5, default=0),
            "limit": _number("How many matches are enough.", 1, 1000, default=100),
        },
        "query",
    ),
    _closed(
        {
            "matches": _many(
                _closed(
                    {
                        "path": _TEXT,
                        "line": {"type": "integer", "minimum": 1},
                        "text": {
                            "type": "string",
                            "description": "Of a long line, the part around the match.",
                        },
                        "before": _many(_TEXT),
                        "after": _many(_TEXT),
                    },
                    *("path", "line", "text", "before", "after"),
                )
            ),
            "files": {"type": "integer", "minimum": 0, "description": "Files that were searched."},
            "skipped": {
                "type": "integer",
                "minimum": 0,
                "description": "Files that are not text, or unreadable.",
            },
            "truncated": {"type": "boolean", "description": "Not everything was searched; see stopped_by."},
            "stopped_by": {"enum": ["matches", "size", "bytes", "files", "time"]},
        },
        *("matches", "files", "skipped", "truncated"),
    ),
    Files.search,
)

_STAT = Tool(
    "stat",
    "Describe a file or folder",
    "Tell the type, size, time of change and mode of one file or folder, without reading it.",
    _closed({"path": _string(f"The file or folder. {_PATH}", minLength=1)}, "path"),
    _closed({**_ENTRY, "mode": {"type": "string", "description": "Permissions, octal."}}, *_ENTRY, "mode"),
    Files.stat,
)

TOOLS = {tool.name: tool for tool in (_LIST, _READ, _SEARCH, _STAT)}
"""All tools, in the order in which they are listed; the first works without arguments."""
