# -*- test-case-name: tests.config.test_origins -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What is so in the end, key by key, and who said so.

An operator who wonders why a value is what it is looks here and not into four files.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, get_args, get_type_hints

import attrs
from attrs import evolve, frozen

from mcpd.config.draft import Draft
from mcpd.config.problem import Path, dotted
from mcpd.config.settings import Settings
from mcpd.units import (
    Bytes,
    Rate,
    Room,
    Seconds,
    Tries,
    Wait,
    write_bytes,
    write_rate,
    write_seconds,
    write_tries,
)

MASK = '"***"'
"""What stands for a secret."""

_WRITE: dict[Any, Callable[[Any], str]] = {
    Seconds: write_seconds,
    Wait: write_seconds,
    Bytes: write_bytes,
    Room: write_bytes,
    Tries: write_tries,
    Rate | None: write_rate,
}
# A program's secrets have such names everywhere; and many an address has one inside.
_SECRET = re.compile("KEY|TOKEN|SECRET|PASS|CREDENTIAL|AUTH|COOKIE|PRIVATE|SIGNATURE|DSN", re.IGNORECASE)
_USERINFO = re.compile(r"://[^/?#\s]*@")


@frozen
class Setting:
    """
    One key of the configuration.

    Attributes:
        key: The way to it, dotted, as ``plugins.files.timeouts.call``.
        value: Its value, as TOML writes it; :data:`MASK` if it is secret.
        origin: Who said so: ``built in``, ``FILE:LINE``, ``environment NAME``
            or ``development defaults``.
        secret: Whether the value is not shown.
    """

    key: str
    value: str
    origin: str
    secret: bool


def effective(settings: Settings, draft: Draft) -> tuple[Setting, ...]:
    """
    List every key with its value and its origin, in the order of the classes.

    Args:
        settings: What was made of the draft.
        draft: Knows where things are written.
    """
    return tuple(
        Setting(dotted(path), MASK if secret else value, draft.origin(path), secret)
        for path, value, secret in _all(settings)
    )


def _all(settings: Settings) -> Iterator[tuple[Path, str, bool]]:
    for path, value, kind in _leaves((), evolve(settings, plugins=()), Settings):
        if path != ("plugins",):
            yield path, _toml(value, kind), False
    for plugin in settings.plugins:
        # Not said is no value of TOML's; and what it means is better to know.
        shown = evolve(plugin, prefix=plugin.name if plugin.prefix is None else plugin.prefix)
        for path, value, kind in _leaves(("plugins", plugin.name), shown, type(plugin)):
            if path[2] != "name":
                yield path, _toml(value, kind), _is_secret(path, value)


def _leaves(path: Path, value: Any, kind: Any) -> Iterator[tuple[Path, Any, Any]]:
    """
    Take apart what has parts that are written each for itself.

    Yields:
        The way to each part, the part, and of which kind it is.
    """
    parts: Iterator[tuple[str | int, Any, Any]]
    if attrs.has(type(value)) and kind not in _WRITE:
        parts = ((key, getattr(value, key), hint) for key, hint in get_type_hints(type(value)).items())
    elif isinstance(value, dict) and value:
        parts = ((key, part, get_args(kind)[1]) for key, part in value.items())
    elif isinstance(value, tuple) and value and attrs.has(type(value[0])):
        parts = ((index, part, type(part)) for index, part in enumerate(value))
    elif value is None and kind not in _WRITE:
        return  # a table that nobody wrote, and TOML has no word for that
    else:
        yield path, value, kind
        return
    for key, part, hint in parts:
        yield from _leaves((*path, key), part, hint)


def _toml(value: Any, kind: Any) -> str:
    """
    Write a value that has no parts of its own but an array's entries.
    """
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(entry, get_args(kind)[0]) for entry in value)}]"
    if kind in _WRITE:
        value = _WRITE[kind](value)
    if isinstance(value, str):
        # A variable's bytes need be no text.
        value = value.encode(errors="replace").decode()
    # JSON writes scalars as TOML does, but for one letter (TOML 1.0, "String").
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _is_secret(path: Path, value: Any) -> bool:
    if path[2] != "env" or not isinstance(value, str):
        return False
    return bool(_SECRET.search(str(path[3])) or _USERINFO.search(value))
