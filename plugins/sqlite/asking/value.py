# -*- test-case-name: plugins.sqlite.tests.test_value -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Values on their way from JSON to SQLite and back.
"""

from __future__ import annotations

import base64
import binascii
import math
from typing import Any

from .call import Refused
from .guard import PARAMETERS

CELL = 32 << 10  # characters or bytes of a value that are shown

# RFC 8259, section 6: integers beyond are not read alike everywhere.
_SAFE = 2**53 - 1
_CONTROL = {code: f"\\x{code:02x}" for code in (*range(32), 127, 0x2028, 0x2029)}

Value = None | int | float | str | bytes


def told(value: Value) -> Any:
    """
    Write a value as JSON can have it.

    An integer beyond 2**53 - 1 and what is not finite are strings; a BLOB is an object
    with ``base64``, and a long text one with ``text``, both with ``length``.
    """
    match value:
        case int() if abs(value) > _SAFE:
            return str(value)
        case float() if not math.isfinite(value):
            return "Infinity" if value > 0 else "-Infinity"
        case bytes():
            return {
                "base64": base64.b64encode(value[:CELL]).decode("ascii"),
                **_cut(len(value)),
            }
        case str() if len(value) > CELL:
            return {"text": value[:CELL], **_cut(len(value))}
    return value


def plain(value: Value) -> str:
    """
    Write a value for a person, on one line.
    """
    match value:
        case None:
            return "NULL"
        case bytes():
            return f"({len(value)} bytes)"
        case str():
            cut = f"... ({len(value)} characters)" if len(value) > CELL else ""
            # A line's end in it would pass for another row.
            return value[:CELL].translate(_CONTROL) + cut
    return str(told(value))


def size(value: Value) -> int:
    """
    Tell about how many characters it takes to show a value.
    """
    return min(len(value), CELL) + 16 if isinstance(value, str | bytes) else 16


def taken(parameters: Any) -> list[Value] | dict[str, Value]:
    """
    Take the parameters of a statement: an array for ``?``, an object for ``:name``.

    Raises:
        Refused: There is something among them that SQLite has no value for.
    """
    if not isinstance(parameters, list | dict):
        raise Refused("'parameters' must be an array, for ?, or an object, for :name.")
    if len(parameters) > PARAMETERS:
        raise Refused(f"There are at most {PARAMETERS} parameters.")
    if isinstance(parameters, list):
        return [_value(value) for value in parameters]
    return {name.lstrip(":@$"): _value(value) for name, value in parameters.items()}


def _value(value: Any) -> Value:
    match value:
        case None | int() | float():
            return value
        case str():
            return _text(value)
        case {"base64": str(text), **rest} if not rest:
            try:
                return base64.b64decode(text, validate=True)
            except (ValueError, binascii.Error):
                raise Refused("A BLOB among the parameters is not base64.") from None
    raise Refused('A parameter is null, a number, true or false, a string, or {"base64": "..."} for a BLOB.')


def _text(value: str) -> str:
    try:
        value.encode()
    except UnicodeEncodeError:
        raise Refused("A text must be Unicode; it has half a surrogate pair.") from None
    return value


def _cut(length: int) -> dict[str, Any]:
    return {"length": length, "truncated": length > CELL}
