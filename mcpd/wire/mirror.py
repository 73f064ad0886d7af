# -*- test-case-name: tests.wire.test_mirror -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Arguments that a header field repeats (MCP 2026-07-28, "Custom Headers from Tool Parameters").

A tool's input schema says which, by ``x-mcp-header``.  A client has to drop a
tool of which one such annotation is wrong, so that one is stripped before any
client sees it, and the tool served without it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Literal

from attrs import Factory, define, frozen
from msgspec import Raw

from mcpd.wire import codec, headers, write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Members, Piece

_ANNOTATION = "x-mcp-header"
_WANTED = _ANNOTATION.encode()
_ESCAPED = re.compile(rb"\\u00([2-7][0-9A-Fa-f])")
_PREFIX = b"mcp-param-"
# Bounded: a plugin writes the schema.
_DEPTH = 64
_MOST = 64
_SENTENCES = 8
_PLACE = 100

# RFC 9110, section 5.6.2; the length is ours.
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}\Z", re.ASCII)
_KINDS: Mapping[str | None, Literal["string", "integer", "boolean"]] = {
    "string": "string",
    "integer": "integer",
    "boolean": "boolean",
}

# Where schemas stand in a schema (JSON Schema 2020-12, and what older drafts
# had): as values of an object's members, or alone or in an array.
_NAMED = frozenset(
    ("properties", "patternProperties", "dependentSchemas", "$defs", "definitions", "dependencies")
)
_PLAIN = (
    frozenset(("items", "prefixItems", "contains", "unevaluatedItems", "additionalItems"))
    | {"additionalProperties", "unevaluatedProperties", "propertyNames", "contentSchema"}
    | {"oneOf", "anyOf", "allOf", "not", "if", "then", "else"}
)
_ANYTHING = Raw(b"true")

# Bounded: as many digits as a number within the range can need, and no exponent
# that takes long.
_NUMBER = re.compile(r"-?[0-9]{1,24}(?:\.[0-9]{1,24})?(?:[eE][+-]?[0-9]{1,2})?\Z", re.ASCII)
_SAFE = 2**53 - 1


@frozen
class Mirror:
    """
    An argument that a header field repeats.

    Attributes:
        path: The names of the properties that lead to it.
        field: The field's name in small letters, as ``b"mcp-param-region"``.
        kind: Its type.
    """

    path: tuple[str, ...]
    field: bytes
    kind: Literal["string", "integer", "boolean"]


@frozen(eq=False)
class Found:
    """
    What was found in an input schema.

    Attributes:
        mirrors: What is annotated as it should be.
        schema: The schema, without what is not.
        wrong: Why annotations were stripped, a sentence each, for the operator.
    """

    mirrors: tuple[Mirror, ...]
    schema: Raw
    wrong: tuple[str, ...]


def read(schema: Raw) -> Found:
    """
    Find which arguments are repeated, and strip what clients would drop the tool for.

    Where nothing is stripped the schema stays the very same text; else the
    values, numbers and orders of all that stays are as they were.
    """
    walk = _Walk()
    stripped = walk.schema(schema, (), "", 0)
    more = (f"{walk.more} more of {_ANNOTATION} are not served",) if walk.more else ()
    return Found(tuple(walk.mirrors.values()), stripped, (*walk.wrong, *more))


@define(eq=False)
class _Walk:
    """
    One walk through a schema.

    Attributes:
        mirrors: What was found, by the field's name.
        wrong: The first reasons.
        more: How many more there are.
    """

    mirrors: dict[bytes, Mirror] = Factory(dict)
    wrong: list[str] = Factory(list)
    more: int = 0

    def schema(self, piece: Raw, path: tuple[str, ...] | None, place: str, depth: int) -> Raw:
        """
        Walk through one schema.

        Args:
            piece: The schema.
            path: The properties that lead to it; None if something else does, too.
            place: Where it stands, for people.
            depth: How many schemas it stands in.

        Returns:
            The same piece if nothing in it is wrong.
        """
        if not _mentions(bytes(piece)):
            return piece
        if depth > _DEPTH:
            self._tell(place, "the schema is too deep, and accepts anything from there on")
            return _ANYTHING
        members = codec.members(piece)
        if members is None:
            return piece
        kept = {
            name: self._member(name, value, path, f"{place}/{name}", depth)
            for name, value in members.items()
            if name != _ANNOTATION or self._is_right(members, path, place)
        }
        return _spliced(piece, members, kept)

    def _member(self, name: str, value: Raw, path: tuple[str, ...] | None, place: str, depth: int) -> Raw:
        if name in _PLAIN:
            return self._plain(value, place, depth)
        if name in _NAMED:
            return self._named(value, path if name == "properties" else None, place, depth)
        return value

    def _plain(self, piece: Raw, place: str, depth: int) -> Raw:
        pieces = codec.pieces(piece)
        if pieces is None:
            return self.schema(piece, None, place, depth + 1)
        kept = [self.schema(item, None, place, depth + 1) for item in pieces]
        if all(map(_is, pieces, kept)):
            return piece
        return Raw(b"[" + b",".join(kept) + b"]")

    def _named(self, piece: Raw, path: tuple[str, ...] | None, place: str, depth: int) -> Raw:
        members = codec.members(piece)
        if members is None:
            return piece
        kept = {
            name: self.schema(value, None if path is None else (*path, name), f"{place}/{name}", depth + 1)
            for name, value in members.items()
        }
        return _spliced(piece, members, kept)

    def _is_right(self, members: Members, path: tuple[str, ...] | None, place: str) -> bool:
        name = codec.text(members[_ANNOTATION])
        kind = _KINDS.get(codec.text(members.get("type", Raw())))
        why = ""
        if not path:
            why = "it is not on a property that properties alone lead to"
        elif name is None or not _TOKEN.match(name):
            why = "it is not the name of a header field"
        elif kind is None:
            why = "the property is not of type string, integer or boolean"
        elif (field := _PREFIX + name.lower().encode()) in self.mirrors:
            why = "another property has the same"
        elif len(self.mirrors) >= _MOST:
            why = f"a tool has at most {_MOST}"
        else:
            self.mirrors[field] = Mirror(path, field, kind)
            return True
        self._tell(place, why)
        return False

    def _tell(self, place: str, why: str) -> None:
        if len(self.wrong) == _SENTENCES:
            self.more += 1
            return
        # The place is the plugin's words, and for a log.
        plain = place.encode("unicode_escape").decode("ascii")
        cut = plain if len(plain) <= _PLACE else f"{plain[:_PLACE]}..."
        self.wrong.append(f"{_ANNOTATION} at {cut or '/'} is not served: {why}")


def _mentions(text: bytes) -> bool:
    """
    Say whether a text can have an annotation: nearly none has, and is then not read.
    """
    if _WANTED in text or b"\\u00" not in text:
        return _WANTED in text
    return _WANTED in _ESCAPED.sub(lambda match: bytes.fromhex(match[1].decode()), text)


def _is(one: Raw, other: Raw) -> bool:
    return one is other


def _spliced(piece: Raw, members: Members, kept: Members) -> Raw:
    if len(kept) == len(members) and all(map(_is, members.values(), kept.values())):
        return piece
    out: list[Piece] = []
    write.put(out, kept)
    return Raw(write.join(out))


def check(
    mirrors: tuple[Mirror, ...],
    arguments: Raw | None,
    fields: Mapping[bytes, bytes],
    repeated: frozenset[bytes],
) -> None:
    """
    Check that header fields and arguments say the same.

    An argument that is there and not null has its field, and only such a one
    has.  Integers are compared as numbers; what is of another type than the
    schema says is compared as clients write it, and whatever judges arguments
    by the schema will refuse it.  No field can repeat an object or an array, so
    there has to be none.

    Args:
        mirrors: What the tool's fields repeat.
        arguments: What the plugin will read; None if there are none.
        fields: The request's fields, names in small letters, values without
            the blanks around them.
        repeated: The names of fields that stand there twice.

    Raises:
        Fault: HEADER_MISMATCH.
    """
    objects: dict[tuple[str, ...], Members] = {(): _object(arguments)}
    for mirror in mirrors:
        if mirror.field in repeated:
            # A proxy may have chosen the other one.
            raise _mismatch(mirror, "stands twice")
        parent = _reach(objects, mirror.path[:-1])
        value = bytes(parent.get(mirror.path[-1], b"null"))
        field = fields.get(mirror.field)
        if value == b"null" or value[:1] in b"{[":
            if field is not None:
                raise _mismatch(mirror, "repeats an argument that is not there")
        elif field is None:
            raise _mismatch(mirror, "is missing")
        elif not _agree(mirror, value, field):
            raise _mismatch(mirror, "and the body do not say the same")


def _reach(objects: dict[tuple[str, ...], Members], path: tuple[str, ...]) -> Members:
    """
    Read the object at a path, each but once: it may be large, and lead to many.
    """
    if path not in objects:
        objects[path] = _object(_reach(objects, path[:-1]).get(path[-1]))
    return objects[path]


def _object(piece: Raw | None) -> Members:
    """
    Read an object which the plugin reads, too, so that no name may stand in it twice.
    """
    if piece is None or bytes(memoryview(piece)[:1]) != b"{":
        return {}
    members = codec.members(piece)
    if members is None or _has_twins(members, piece):
        raise Fault(Kind.HEADER_MISMATCH, "an argument that a header field repeats stands twice")
    return members


def _has_twins(members: Members, piece: Raw) -> bool:
    length = 1 + sum(4 + len(name.encode()) + len(value) for name, value in members.items())
    if max(length, 2) == len(piece):
        return False
    # White space, or escapes in names, as some libraries write them: a reader
    # that gives every member, and the inside of those as it comes.
    try:
        pairs = json.loads(bytes(piece), object_pairs_hook=list, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return True
    return len(pairs) != len(members)


def _agree(mirror: Mirror, value: bytes, field: bytes) -> bool:
    try:
        told = headers.decode(field)
    except headers.Undecodable:
        return False
    if value[:1] == b'"':
        return codec.text(value) == told
    text = value.decode("ascii")
    if mirror.kind != "integer" or text in ("true", "false"):
        return text == told
    number = _number(text)
    return number is not None and number == _number(told)


def _number(text: str) -> Decimal | None:
    """
    Read a number; None if it is none, or one that not everybody reads alike (RFC 8259, section 6).
    """
    if not _NUMBER.match(text):
        return None
    number = Decimal(text)
    return number if number.copy_abs() <= _SAFE else None


def _mismatch(mirror: Mirror, why: str) -> Fault:
    return Fault(Kind.HEADER_MISMATCH, f"the header field {mirror.field.decode()} {why}")
