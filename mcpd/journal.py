# -*- test-case-name: tests.test_journal -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What was told of late, kept for an operator to look at.

The log has only what its level lets through, and may be anywhere.  This has
every event, of every level, as long as there is room.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import asdict, define, field, frozen

from mcpd.events import Event

MOST = 10_000
"""Lines that are kept."""

ROOM = 4 << 20
"""Characters of text that are kept in all."""

LONGEST = 16 << 10
"""Characters of one line's text; the rest is in the log."""


@frozen
class Line:
    """
    One event.

    Attributes:
        time: When it was told: seconds since 1970, UTC.
        level: How much an operator should care: ``debug`` to ``error``.
        plugin: Of which plugin it is; empty if of none.
        text: The event's sentence.
    """

    time: float
    level: str
    plugin: str
    text: str


Follower = Callable[[Line], None]


@define(eq=False)
class Journal:
    """
    The last lines, and those who follow.
    """

    _now: Callable[[], float]
    _lines: deque[Line] = field(init=False, factory=deque)
    _size: int = field(init=False, default=0)
    _followers: dict[object, tuple[Follower, str]] = field(init=False, factory=dict)

    def __call__(self, event: Event) -> None:
        """
        Keep an event, and pass it to those who follow (:data:`mcpd.events.Observer`).
        """
        text = event.sentence.format_map(asdict(event, recurse=False))[:LONGEST]
        line = Line(self._now(), event.level.value, getattr(event, "plugin", ""), text)
        self._lines.append(line)
        self._size += len(text)
        # Bounded: a plugin may write to its standard error for ever.
        while len(self._lines) > MOST or self._size > ROOM:
            self._size -= len(self._lines.popleft().text)
        for follower, plugin in list(self._followers.values()):
            if plugin in ("", line.plugin):
                follower(line)

    def last(self, count: int, plugin: str = "") -> list[Line]:
        """
        Tell the last lines, the oldest first.

        Args:
            count: How many at most.
            plugin: Of which plugin; empty: all lines.
        """
        found: list[Line] = []
        for line in reversed(self._lines):
            if len(found) >= count:
                break
            if plugin in ("", line.plugin):
                found.append(line)
        return found[::-1]

    def follow(self, follower: Follower, plugin: str = "") -> Callable[[], None]:
        """
        Have later lines passed on, of one plugin or (empty) all.

        Returns:
            What ends that; it may be called more than once.
        """
        key = object()
        self._followers[key] = follower, plugin

        def cancel() -> None:
            self._followers.pop(key, None)

        return cancel
