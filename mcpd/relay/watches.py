# -*- test-case-name: tests.relay.test_watches -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Who watches which resource.

A URI is watched at the plugin that it was routed to: what another plugin says
of a resource by the same name is told to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from itertools import islice
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.python.failure import Failure

from mcpd.wire.call import Answerer
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal

MOST_WAITING = 16
"""How often one watcher may ask for a resource whose plugin has not answered yet."""

K = TypeVar("K")
W = TypeVar("W")

# What sets a resource's parts off (RFC 3986, section 2.2: gen-delims).
_DELIMITER = re.compile(r"[:/?#\[\]@]")
# Bounded: a plugin names what has changed, at any length.  So many levels, and
# so many characters, are looked at for resources that it may be a part of.
_LEVELS, _LONGEST = 64, 2048

Outcome = Answer | Refusal | Failure


@define(eq=False)
class Index(Generic[K, W]):
    """
    Who is concerned by what, in the order in which they came.
    """

    _entries: dict[K, dict[W, None]] = field(init=False, factory=dict)

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, key: K, who: W) -> None:
        """
        Have somebody concerned from now on.
        """
        self._entries.setdefault(key, {})[who] = None

    def drop(self, key: K, who: W) -> None:
        """
        Have somebody concerned no more; it may never have been.
        """
        entry = self._entries.get(key, {})
        entry.pop(who, None)
        if not entry:
            self._entries.pop(key, None)

    def find(self, key: K) -> tuple[W, ...]:
        """
        Tell who is concerned; it stays as it is whatever is done meanwhile.
        """
        return tuple(self._entries.get(key, ()))


@define(eq=False)
class _Watch:
    answerer: Answerer
    held: bool = False
    waiting: list[Deferred[Answer | Refusal]] = field(factory=list)


@define(eq=False)
class Watches(Generic[W]):
    """
    What watchers of one sort watch, and their watches at the plugins.

    Each answered :meth:`Answerer.watch` is undone by one ``unwatch``, whenever
    the watcher loses interest: before the answer, too.
    """

    _mine: dict[W, dict[str, _Watch]] = field(init=False, factory=dict)
    _held: Index[tuple[Answerer, str], W] = field(init=False, factory=Index)

    def __len__(self) -> int:
        return len(self._mine)

    def add(self, watcher: W, uri: str, answerer: Answerer) -> Deferred[Answer | Refusal]:
        """
        Watch a resource; what is watched there already is not watched twice.

        Args:
            watcher: Who wants to be told.
            uri: The resource.
            answerer: Whose it is.  If it was another's before, that is over.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.watch` says.  Fails with a Fault,
            too, if it was asked for :data:`MOST_WAITING` times already.
            Cancelling it changes nothing.
        """
        watch = self._mine.get(watcher, {}).get(uri)
        if watch is not None and watch.answerer is not answerer:
            self.drop(watcher, uri)
            watch = None
        if watch is not None and watch.held:
            return succeed(Answer(b"", {}))
        outcome: Deferred[Answer | Refusal] = Deferred()
        if watch is not None:
            # Bounded: a client may ask and hang up without end.
            if len(watch.waiting) >= MOST_WAITING:
                return fail(Fault(Kind.OVERLOADED, "the plugin has not answered the same request yet"))
            watch.waiting.append(outcome)
            return outcome
        watch = _Watch(answerer, waiting=[outcome])
        self._mine.setdefault(watcher, {})[uri] = watch
        maybeDeferred(answerer.watch, uri).addBoth(self._decided, watcher, uri, watch)
        return outcome

    def drop(self, watcher: W, uri: str) -> None:
        """
        Watch a resource no more; it may never have been watched.
        """
        watch = self._mine.get(watcher, {}).get(uri)
        if watch is None:
            return
        self._forget(watcher, uri)
        if watch.held:
            self._held.drop((watch.answerer, uri), watcher)
            watch.answerer.unwatch(uri)

    def drop_all(self, watcher: W) -> None:
        """
        Watch nothing more for somebody.
        """
        for uri in self.of(watcher):
            self.drop(watcher, uri)

    def settle(self, watcher: W) -> tuple[str, ...]:
        """
        Give up what is not decided yet, and tell what is watched.
        """
        for uri, watch in tuple(self._mine.get(watcher, {}).items()):
            if not watch.held:
                self.drop(watcher, uri)
        return self.of(watcher)

    def of(self, watcher: W) -> tuple[str, ...]:
        """
        Tell what somebody watches, or will if the plugin agrees; in the order in which it was asked for.
        """
        return tuple(self._mine.get(watcher, ()))

    def find(self, answerer: Answerer, uri: str) -> Collection[W]:
        """
        Tell who is to hear that a resource has changed: each once.

        Args:
            answerer: Whose it is.
            uri: The resource, or a part of one: who watches ``file:///a``
                hears of ``file:///a/b`` (MCP schema,
                ``ResourceUpdatedNotificationParams``), not of ``file:///ab``.
        """
        found: dict[W, None] = {}
        for name in _names(uri):
            found.update(dict.fromkeys(self._held.find((answerer, name))))
        return found

    def _decided(self, outcome: Outcome, watcher: W, uri: str, watch: _Watch) -> None:
        wanted = self._mine.get(watcher, {}).get(uri) is watch
        if not isinstance(outcome, Answer):
            if wanted:
                self._forget(watcher, uri)
        elif wanted:
            watch.held = True
            self._held.add((watch.answerer, uri), watcher)
        else:
            watch.answerer.unwatch(uri)
        waiting, watch.waiting = watch.waiting, []
        for each in waiting:
            each.callback(outcome)

    def _forget(self, watcher: W, uri: str) -> None:
        mine = self._mine[watcher]
        del mine[uri]
        if not mine:
            del self._mine[watcher]


def _names(uri: str) -> Iterator[str]:
    """
    Give the resource's name, and those of what it may be a part of.
    """
    yield uri
    for delimiter in islice(_DELIMITER.finditer(uri, 0, _LONGEST), _LEVELS):
        yield uri[: delimiter.start()]
        yield uri[: delimiter.end()]
