# -*- test-case-name: tests.config.test_refusals -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A draft becomes settings, or all that is wrong with it is told at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import combinations
from typing import Any, TypeVar

from attrs import evolve

from mcpd.config.addresses import read_endpoint
from mcpd.config.checks import (
    check_catalog,
    check_daemon,
    check_limits,
    check_nothing,
    check_plugin,
    check_sessions,
)
from mcpd.config.draft import Draft
from mcpd.config.listeners import check_listen
from mcpd.config.problem import Flaw, Path, quoted
from mcpd.config.settings import LISTEN, DaemonSettings, Settings
from mcpd.config.structure import Flawed, keys, structure, unknown
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.web.spec import Limits, Listen, Rates, SocketSettings
from mcpd.workers.spec import Plugin

T = TypeVar("T")
Check = Callable[[T], Iterator[Flaw]]

SECTIONS = (
    "daemon",
    "listen",
    "limits",
    "rate",
    "sessions",
    "websocket",
    "catalog",
    "defaults",
    "plugins",
)


def judge(draft: Draft) -> Settings:
    """
    Make settings of a draft.

    Raises:
        ConfigurationError: With all that is wrong, noted before or found now.
    """
    _share_defaults(draft)
    for key in draft.tables.keys() - set(SECTIONS):
        draft.refuse((), unknown(key, SECTIONS))
    daemon = _single(draft, "daemon", DaemonSettings, check_daemon)
    settings = Settings(
        daemon=evolve(daemon, public_url=daemon.public_url.rstrip("/")),
        listen=_listeners(draft),
        limits=_single(draft, "limits", Limits, check_limits),
        rate=_single(draft, "rate", Rates, check_nothing),
        sessions=_single(draft, "sessions", SessionLimits, check_sessions),
        websocket=_single(draft, "websocket", SocketSettings, check_nothing),
        catalog=_single(draft, "catalog", CatalogLimits, check_catalog),
        plugins=_plugins(draft),
    )
    draft.settle()
    return settings


def _share_defaults(draft: Draft) -> None:
    """
    Judge ``[defaults]`` as a plugin of the least; only good ones are shared.
    """
    least = {"name": "defaults", "command": ["program"]}
    known = len(draft.problems)
    _make(draft, ("defaults",), draft.tables.get("defaults", {}), Plugin, check_plugin, **least)
    if len(draft.problems) == known:
        draft.inherit(keys(Plugin, tuple(least)))


def _make(draft: Draft, path: Path, table: Any, kind: type[T], check: Check[T], **given: Any) -> T | None:
    """
    Make one specification, or none if nothing sound can be made of the table.

    After a flaw the rest is judged, too, so that the operator reads all at once;
    of a key that has one nothing more is told.
    """
    flawed: set[Path] = set()
    try:
        made = structure(table, kind, **given)
    except Flawed as error:
        for flaw in error.flaws:
            draft.refuse(path, flaw)
        flawed = {flaw.path[:1] for flaw in error.flaws}
        if () in flawed:
            return None
        try:
            made = structure({key: table[key] for key in table if (key,) not in flawed}, kind, **given)
        except Flawed:
            return None
    for flaw in check(made):
        if flaw.path[:1] not in flawed:
            draft.refuse(path, flaw)
    return made


def _single(draft: Draft, section: str, kind: type[T], check: Check[T]) -> T:
    made = _make(draft, (section,), draft.tables.get(section, {}), kind, check)
    return kind() if made is None else made


def _listeners(draft: Draft) -> tuple[Listen, ...]:
    tables = draft.tables.get("listen")
    if tables is None:
        return (LISTEN,)
    if not isinstance(tables, list) or not tables:
        draft.refuse(("listen",), Flaw((), "is no listener", "must be [[listen]] tables, or left out"))
        return ()
    listeners = {}
    for index, table in enumerate(tables):
        listen = _make(draft, ("listen", index), table, Listen, check_listen)
        if listen is not None:
            listeners[index] = listen
    _check_collisions(draft, listeners)
    return tuple(listeners.values())


def _check_collisions(draft: Draft, listeners: Mapping[int, Listen]) -> None:
    addresses = {}
    for index, listen in listeners.items():
        try:
            addresses[index] = read_endpoint(listen.endpoint)
        except ValueError:
            continue  # check_listen has told
    for first, second in combinations(addresses, 2):
        if addresses[first].collides(addresses[second]):
            other = draft.place(("listen", first, "endpoint"))
            flaw = Flaw((), f"is where the listener of line {other.line} listens", "must be another")
            draft.refuse(("listen", second, "endpoint"), flaw)


def _plugins(draft: Draft) -> tuple[Plugin, ...]:
    tables = draft.tables.get("plugins", {})
    if not isinstance(tables, dict):
        draft.refuse(("plugins",), Flaw((), "is no table", "must be [plugins.NAME] tables"))
        return ()
    made = [_make(draft, ("plugins", name), tables[name], Plugin, check_plugin, name=name) for name in tables]
    plugins = tuple(plugin for plugin in made if plugin is not None)
    _check_prefixes(draft, plugins)
    return plugins


def _check_prefixes(draft: Draft, plugins: Iterable[Plugin]) -> None:
    owners: dict[str, str] = {}
    for plugin in plugins:
        prefix = plugin.name if plugin.prefix is None else plugin.prefix
        owner = owners.setdefault(prefix, plugin.name) if prefix and plugin.enabled else plugin.name
        if owner != plugin.name:
            allowed = "must be each plugin's own, or empty"
            flaw = Flaw((), f"{quoted(prefix)} is the prefix of the plugin {owner}, too", allowed)
            draft.refuse(("plugins", plugin.name, "prefix"), flaw)
