# -*- test-case-name: tests.test_units -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Durations, sizes, counts and rates as an operator writes them.

A :data:`Seconds` or :data:`Bytes` is an ordinary number with a name, so that a
specification's field says its unit and the configuration knows how to read it.
"""

from __future__ import annotations

import re
from typing import NewType

from attrs import frozen

Seconds = NewType("Seconds", float)
"""A duration in seconds, written ``"250ms"``, ``"30s"``, ``"5m"`` or ``"24h"``."""

Wait = NewType("Wait", float)
"""A duration like :data:`Seconds` that may be ``"0s"``, which says: never, or not at all."""

Bytes = NewType("Bytes", int)
"""A size in bytes, written ``"64K"``, ``"256M"`` or ``"1G"`` (powers of 1024)."""

Count = NewType("Count", int)
"""A whole number that may be 0, which says: no bound."""

Room = NewType("Room", int)
"""A size like :data:`Bytes` that may be ``"0"``, which says: no bound."""


@frozen
class Tries:
    """
    So many times in so long, written ``"5/5m"``.

    Attributes:
        count: How many times, one or more.
        seconds: In how many seconds.
    """

    count: int
    seconds: Seconds


@frozen
class Rate:
    """
    So many a second, and so many at once, written ``"100/s, 200"``.

    Attributes:
        per_second: How many a second, one or more.
        burst: How many at once, one or more.
    """

    per_second: int
    burst: int


_DURATION = re.compile(r"(\d{1,9})(ms|s|m|h)\Z", re.ASCII)
_SIZE = re.compile(r"(\d{1,12})([KMG]?)\Z", re.ASCII)
_RATE = re.compile(r"([1-9]\d{0,5})/s, ([1-9]\d{0,5})\Z", re.ASCII)
_TIMES = re.compile(r"[1-9]\d{0,5}\Z", re.ASCII)
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30}


def read_seconds(text: str) -> Seconds:
    """
    Read a duration.

    Raises:
        ValueError: It is not a whole number with one of the units; the text
            says what is allowed.
    """
    match = _DURATION.match(text)
    if match is None:
        raise ValueError('a duration is written "250ms", "30s", "5m" or "24h"')
    return Seconds(int(match[1]) * _SECONDS[match[2]])


def read_bytes(text: str) -> Bytes:
    """
    Read a size.

    Raises:
        ValueError: It is not a whole number with one of the units; the text
            says what is allowed.
    """
    match = _SIZE.match(text)
    if match is None:
        raise ValueError('a size is written "512", "64K", "256M" or "1G"')
    return Bytes(int(match[1]) * _BYTES[match[2]])


def read_tries(text: str) -> Tries:
    """
    Read how many times in how long.

    Raises:
        ValueError: It is not a number, a slash and a duration.
    """
    count, slash, duration = text.partition("/")
    if not slash or not _TIMES.match(count):
        raise ValueError('so many times in so long are written "5/5m"')
    return Tries(int(count), read_seconds(duration))


def read_rate(text: str) -> Rate | None:
    """
    Read how many a second and at once; None, written ``"off"``: any number.

    Raises:
        ValueError: It is neither.
    """
    if text == "off":
        return None
    match = _RATE.match(text)
    if match is None:
        raise ValueError('a rate is written "100/s, 200": so many a second, so many at once; or "off"')
    return Rate(int(match[1]), int(match[2]))


def write_seconds(value: float) -> str:
    """
    Write a duration as :func:`read_seconds` reads it, in the largest unit that is exact.
    """
    for unit in ("h", "m", "s"):
        if value and value % _SECONDS[unit] == 0:
            return f"{int(value // _SECONDS[unit])}{unit}"
    return f"{round(value * 1000)}ms"


def write_bytes(value: int) -> str:
    """
    Write a size as :func:`read_bytes` reads it, in the largest unit that is exact.
    """
    for unit in ("G", "M", "K"):
        if value and value % _BYTES[unit] == 0:
            return f"{value // _BYTES[unit]}{unit}"
    return str(value)


def write_tries(value: Tries) -> str:
    """
    Write how many times in how long as :func:`read_tries` reads it.
    """
    return f"{value.count}/{write_seconds(value.seconds)}"


def write_rate(value: Rate | None) -> str:
    """
    Write a rate as :func:`read_rate` reads it.
    """
    return "off" if value is None else f"{value.per_second}/s, {value.burst}"
