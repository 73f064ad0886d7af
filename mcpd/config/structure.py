# -*- test-case-name: tests.config.test_structure -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
From tables to specifications, strictly, with every flaw at once.

Nothing is converted on the way but durations, sizes and the like: a number is
not a string, and ``true`` is not 1.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import cache
from types import GenericAlias
from typing import Any, Literal, TypeVar, get_args, get_origin

import attrs
from attrs import frozen
from cattrs import BaseConverter, Converter
from cattrs.errors import ClassValidationError, ForbiddenExtraKeysError, IterableValidationError
from cattrs.gen import make_dict_structure_fn

from mcpd.config.problem import Flaw, Path, nearest, quoted
from mcpd.units import (
    Bytes,
    Count,
    Rate,
    Room,
    Seconds,
    Tries,
    Wait,
    read_bytes,
    read_rate,
    read_seconds,
    read_tries,
    write_bytes,
)

T = TypeVar("T")

# Bounds of what timers, system calls and sums can take; far beyond good sense.
MOST_COUNT = 1_000_000_000
MOST_SECONDS = 8760 * 3600
MOST_BYTES = 1024 << 30

_NUMBER = f"a whole number from 1 to {MOST_COUNT}"
_COUNT = f"a whole number up to {MOST_COUNT}, or 0 for any"
_WAIT = 'a duration from "0s" to "8760h", as "0s", "500ms" or "30s"'
_DURATION = 'a duration from "1ms" to "8760h", as "250ms", "30s", "5m" or "24h"'
_SIZE = 'a size from "1" to "1024G", as "512", "64K", "256M" or "1G"'
_ROOM = 'a size up to "1024G", as "64K", "256M" or "1G", or "0" for any'
_RATE = 'so many a second and so many at once, up to 999999, as "100/s, 200", or "off" for any'
_TRIES = 'so many times in so long, up to 999999 in "8760h", as "5/5m"'

_KINDS: dict[type, str] = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number with a point",
    list: "an array",
    dict: "a table",
    datetime.datetime: "a date",
    datetime.date: "a date",
    datetime.time: "a time of day",
}


@frozen
class Flawed(Exception):
    """
    A table that does not make a specification.
    """

    flaws: tuple[Flaw, ...]


@frozen
class _Wrong(Exception):
    wrong: str
    allowed: str
    meant: str = ""


def structure(table: Any, kind: type[T], **given: Any) -> T:
    """
    Make a specification of a table.

    Args:
        table: What was written, as ``tomllib`` gives it.
        kind: The attrs class of the specification.
        given: Values of the fields that are not keys.

    Raises:
        Flawed: With every flaw of the table.
    """
    flaws: list[Flaw] = []
    try:
        _expect(table, dict, "a table")
        flaws += [unknown(key, keys(kind, given)) for key in sorted(given.keys() & table.keys())]
        made = _converter().structure({**table, **given}, kind)
    except (ClassValidationError, _Wrong) as error:
        flaws += _flaws(error, (), given)
    if flaws:
        raise Flawed(tuple(flaws))
    return made


def keys(kind: type[Any], given: Collection[str] = ()) -> tuple[str, ...]:
    """
    List the keys that a table of a specification may have.
    """
    return tuple(field.name for field in attrs.fields(kind) if field.name not in given)


def unknown(key: str, known: Collection[str], path: Path = ()) -> Flaw:
    """
    Tell that a table has a key which nobody reads.
    """
    return Flaw((*path, key), "unknown key", f"known are {', '.join(known)}", nearest(key, known))


def _flaws(error: Exception, path: Path, given: Collection[str] = ()) -> Iterator[Flaw]:
    match error:
        case ClassValidationError():
            noted, bare = error.group_exceptions()
            for inner, attribute in noted:
                yield from _flaws(inner, (*path, attribute.name))
            for inner in bare:
                yield from _flaws(inner, path, given)
        case IterableValidationError():
            for inner, entry in error.group_exceptions()[0]:
                yield from _flaws(inner, (*path, entry.index))
        case ForbiddenExtraKeysError():
            for key in sorted(error.extra_fields):
                yield unknown(key, keys(error.cl, given), path)
        case KeyError():
            yield Flaw(path, "is missing", "it has no default")
        case _Wrong():
            yield Flaw(path, error.wrong, error.allowed, error.meant)
        case _:
            raise error


@cache
def _converter() -> Converter:
    converter = Converter(forbid_extra_keys=True)
    converter.register_structure_hook(str, lambda value, _: _expect(value, str, "a string"))
    converter.register_structure_hook(bool, lambda value, _: _expect(value, bool, "true or false"))
    converter.register_structure_hook(int, lambda value, _: _number(value, 1, _NUMBER))
    converter.register_structure_hook(Count, lambda value, _: _number(value, 0, _COUNT))
    converter.register_structure_hook(Seconds, lambda value, _: _duration(value, 1, _DURATION))
    converter.register_structure_hook(Wait, lambda value, _: _duration(value, 0, _WAIT))
    converter.register_structure_hook(Bytes, lambda value, _: _size(value, 1, _SIZE))
    converter.register_structure_hook(Room, lambda value, _: _size(value, 0, _ROOM))
    converter.register_structure_hook(Tries, _tries)
    converter.register_structure_hook(Rate | None, _rate)
    converter.register_structure_hook_factory(_made_of(Literal), _choice)
    converter.register_structure_hook_factory(_made_of(tuple), _tuple)
    converter.register_structure_hook_factory(_made_of(dict), _mapping)
    converter.register_structure_hook_factory(attrs.has, _specification)
    return converter


def _made_of(origin: Any) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


def _expect(value: Any, kind: type[T], allowed: str) -> T:
    # Not isinstance: a bool is an int, and a datetime is a date.
    if type(value) is not kind:
        raise _Wrong(f"is {_KINDS[type(value)]}", f"must be {allowed}", _meant(value, kind))
    return value


def _meant(value: Any, kind: type[Any]) -> str:
    """
    Guess what was meant by a scalar of the wrong type: quotes too few or too many.
    """
    if kind is bool and value in ("true", "false"):
        return str(value)
    if kind is list and type(value) is str:
        return f"[{quoted(value)}]"
    return ""


def _number(value: Any, least: int, allowed: str) -> int:
    if type(value) is str and value.isdecimal() and value.isascii():
        raise _Wrong("is a string", f"must be {allowed}", value)
    number = _expect(value, int, allowed)
    if not least <= number <= MOST_COUNT:
        raise _Wrong(f"is too {'small' if number < least else 'large'}", f"must be {allowed}")
    return number


def _duration(value: Any, least: int, allowed: str) -> Seconds:
    if type(value) is int:
        raise _Wrong("is a number", f"must be {allowed}", f'"{value}s"' if value >= least else "")
    text = _expect(value, str, allowed)
    seconds = _read(text, read_seconds, allowed)
    _fit(text, seconds, least / 1000, MOST_SECONDS, allowed)
    return seconds


def _size(value: Any, least: int, allowed: str) -> Bytes:
    if type(value) is int:
        raise _Wrong("is a number", f"must be {allowed}", f'"{write_bytes(value)}"' if value >= least else "")
    text = _expect(value, str, allowed)
    size = _read(text, read_bytes, allowed)
    _fit(text, size, least, MOST_BYTES, allowed)
    return size


def _tries(value: Any, _: Any) -> Tries:
    text = _expect(value, str, _TRIES)
    tries = _read(text, read_tries, _TRIES)
    _fit(text, tries.seconds, 0.001, MOST_SECONDS, _TRIES)
    return tries


def _rate(value: Any, _: Any) -> Rate | None:
    return _read(_expect(value, str, _RATE), read_rate, _RATE)


def _read(text: str, read: Callable[[str], T], allowed: str) -> T:
    try:
        return read(text)
    except ValueError:
        raise _Wrong(f"{quoted(text)} cannot be read", f"must be {allowed}") from None


def _fit(text: str, value: float, least: float, most: float, allowed: str) -> None:
    if not least <= value <= most:
        raise _Wrong(f"{quoted(text)} is too {'large' if value > most else 'small'}", f"must be {allowed}")


def _choice(kind: Any, _: BaseConverter) -> Callable[[Any, Any], str]:
    words: tuple[str, ...] = get_args(kind)
    allowed = " or ".join(map(json.dumps, words))

    def choose(value: Any, _: Any) -> str:
        word = _expect(value, str, allowed)
        if word not in words:
            meant = nearest(word, words)
            raise _Wrong(f"is {quoted(word)}", f"must be {allowed}", meant and quoted(meant))
        return word

    return choose


def _tuple(kind: Any, converter: BaseConverter) -> Callable[[Any, Any], tuple[Any, ...]]:
    # Every tuple of ours has entries of one type, as a TOML array should.
    entry, *rest = get_args(kind)
    length = 0 if rest == [...] else 1 + len(rest)
    wanted: Any = GenericAlias(list, (entry,))
    read = converter.get_structure_hook(wanted)

    def gather(value: Any, _: Any) -> tuple[Any, ...]:
        entries = _expect(value, list, "an array")
        if length and len(entries) != length:
            raise _Wrong(f"has {len(entries)} entries", f"must have {length}")
        return tuple(read(entries, wanted))

    return gather


def _mapping(kind: Any, converter: BaseConverter) -> Callable[[Any, Any], dict[str, Any]]:
    wanted: Any = GenericAlias(Mapping, get_args(kind))
    read = converter.get_structure_hook(wanted)
    return lambda value, _: dict(read(_expect(value, dict, "a table"), wanted))


def _specification(kind: type[Any], converter: BaseConverter) -> Callable[[Any, Any], Any]:
    read = make_dict_structure_fn(kind, converter, _cattrs_forbid_extra_keys=True)
    return lambda value, _: read(_expect(value, dict, "a table"), kind)
