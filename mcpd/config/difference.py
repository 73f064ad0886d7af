# -*- test-case-name: tests.config.test_difference -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What differs between two configurations, so that a reload touches only that.

Whoever does what it says has the second configuration, but for what waits for
a new start of the daemon.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs
from attrs import evolve, frozen

from mcpd.config.addresses import Inherited, read_endpoint
from mcpd.config.problem import Path, dotted
from mcpd.config.settings import Settings
from mcpd.units import Rate
from mcpd.web.spec import Listen
from mcpd.workers.spec import Plugin

# What a crew can change while its workers live; with all else a worker is born.
_LIVELY = frozenset({"prefix", "workers", "concurrency", "tools", "timeouts", "restart"})
# What is read when it is needed, and so acts at once.
_READ_LATE = frozenset({("daemon", "plugin_dir"), ("daemon", "drain")})
_AT_ONCE = frozenset({"limits", "rate", "sessions", "websocket", "catalog"})
# The kernel was told when the listeners were opened.
_OPENED_WITH = frozenset({("limits", "backlog")})
# With the socket; and whether anybody needs credentials decides what is made at the start.
_SOCKET = frozenset({"mode", "group", "auth"})
# Where only the opened socket tells whether it is safe, this was judged with it.
_JUDGED_OPEN = frozenset({"plain_is_fine"})


@frozen
class Change:
    """
    A plugin that is run before and after, and not in the same way.

    Attributes:
        plugin: What it is now.
        respawn: Whether its workers must be replaced; else its crew goes on
            with the new values.
    """

    plugin: Plugin
    respawn: bool


@frozen
class Difference:
    """
    What to do so that another configuration is in force.

    It is true if there is anything to do or to tell.

    Attributes:
        added: The plugins that are run now and were not, or not enabled, before.
        removed: The names of those that are not run any more.
        changed: The plugins that are run in another way.
        order: The names of all that are run now, in their order.
        reordered: Whether those that were run before stand in another order.
        acts: The dotted keys outside of plugins whose new values act at once.
        waits: Those that only a new start of the daemon can change.
    """

    added: tuple[Plugin, ...]
    removed: tuple[str, ...]
    changed: tuple[Change, ...]
    order: tuple[str, ...]
    reordered: bool
    acts: tuple[str, ...]
    waits: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed or self.reordered or self.acts or self.waits)

    def concerns(self, section: str) -> bool:
        """
        Say whether a value of a section acts that was another before.
        """
        return any(key.startswith((f"{section}.", f"{section}[")) for key in self.acts)


def difference(old: Settings, new: Settings) -> Difference:
    """
    Compare two configurations.

    Plugins that are not enabled count as if they were not there.

    Args:
        old: What is in force.
        new: What shall be.
    """
    before, after = _run(old), _run(new)
    acts, waits = _keys(old, new)
    return Difference(
        added=tuple(plugin for name, plugin in after.items() if name not in before),
        removed=tuple(name for name in before if name not in after),
        changed=tuple(
            Change(plugin, _respawns(before[name], plugin))
            for name, plugin in after.items()
            if name in before and before[name] != plugin
        ),
        order=tuple(after),
        reordered=[name for name in before if name in after] != [name for name in after if name in before],
        acts=acts,
        waits=waits,
    )


def _run(settings: Settings) -> dict[str, Plugin]:
    return {plugin.name: plugin for plugin in settings.plugins if plugin.enabled}


def _respawns(old: Plugin, new: Plugin) -> bool:
    return any(key not in _LIVELY for key, *_ in _differing(old, new, ()))


def _keys(old: Settings, new: Settings) -> tuple[tuple[str, ...], tuple[str, ...]]:
    paths = list(_differing(evolve(old, plugins=()), evolve(new, plugins=()), ()))
    acts = [path for path in paths if _acts(path, old.listen, new.listen)]
    return tuple(map(dotted, acts)), tuple(dotted(path) for path in paths if path not in acts)


def _acts(path: Path, old: tuple[Listen, ...], new: tuple[Listen, ...]) -> bool:
    match path:
        case ("listen", int(index), key, *_):
            return key not in _waiting(old[index], new[index])
        case _:
            return path in _READ_LATE or (path[0] in _AT_ONCE and path not in _OPENED_WITH)


def _waiting(old: Listen, new: Listen) -> frozenset[str]:
    """
    Tell the keys of a listener that wait for a new start.
    """
    if old.endpoint != new.endpoint or (old.tls is None) != (new.tls is None):
        return frozenset(field.name for field in attrs.fields(Listen))
    endpoint = read_endpoint(new.endpoint)
    is_judged_open = isinstance(endpoint, Inherited) and endpoint.loopback is None
    return _SOCKET | _JUDGED_OPEN if is_judged_open else _SOCKET


def standing(old: tuple[Listen, ...], new: tuple[Listen, ...]) -> tuple[Listen, ...]:
    """
    Tell what is so of the listeners that are open, once a difference is done.

    Args:
        old: What is in force, one for each that is open.
        new: What shall be.

    Returns:
        As many as ``old``: the new values that act, and the old ones of those that wait.
    """
    if len(old) != len(new):
        return old
    return tuple(map(_standing, old, new))


def _standing(old: Listen, new: Listen) -> Listen:
    return evolve(new, **{key: getattr(old, key) for key in _waiting(old, new)})


def _differing(old: Any, new: Any, path: Path) -> Iterator[Path]:
    """
    Find the ways to all keys whose values differ.
    """
    if old == new:
        return
    if type(old) is type(new) and attrs.has(type(old)) and not isinstance(old, Rate):
        for field in attrs.fields(type(old)):
            yield from _differing(getattr(old, field.name), getattr(new, field.name), (*path, field.name))
    elif path == ("listen",) and len(old) == len(new):
        for index, listens in enumerate(zip(old, new, strict=True)):
            yield from _differing(*listens, (*path, index))
    else:
        yield path
