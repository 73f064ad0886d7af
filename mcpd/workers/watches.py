# -*- test-case-name: tests.workers.test_watches -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Which resources of a plugin are watched, by how many, whatever becomes of its workers.
"""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, fail, succeed
from twisted.python.failure import Failure

from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal

_MOST = 10_000
_LONGEST = 2048
# Of all together, in characters: a modern plugin is told all of them whenever one
# more is watched.
_MOST_NAMES = 1 << 20


class Teller(Protocol):
    """
    Who can tell what changes: a worker.
    """

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Tell when a resource changes; asked once for each.
        """

    def unwatch(self, uri: str) -> None:
        """
        Tell that no longer.
        """


@define(eq=False)
class _Watch:
    """
    One resource.

    Attributes:
        count: How many watch it.
        waiting: Those who wait to hear whether they can.
    """

    count: int = 0
    waiting: list[Deferred[Answer | Refusal]] = field(factory=list)


@define(eq=False)
class Watches:
    """
    The watched resources of one plugin.
    """

    _watched: dict[str, _Watch] = field(init=False, factory=dict)
    _lengths: Counter[int] = field(init=False, factory=Counter)
    _size: int = field(init=False, default=0)
    # The first is asked whether it tells; the others are told to, too.
    _tellers: list[Teller] = field(init=False, factory=list)

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Watch a resource; while there is no worker it waits for one.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.watch` says.
        """
        watch = self._watched.get(uri)
        if watch is None:
            # Bounded: clients may watch whatever comes to their minds.
            if len(uri) > _LONGEST:
                return fail(Fault(Kind.PARAMS, f"what is watched has a URI of at most {_LONGEST} characters"))
            if len(self._watched) >= _MOST or self._size + len(uri) > _MOST_NAMES:
                return fail(Fault(Kind.PLUGIN_UNAVAILABLE, "too many resources of this plugin are watched"))
            watch = self._watched[uri] = _Watch()
            self._lengths[len(uri)] += 1
            self._size += len(uri)
            deferred = self._wait(watch)
            self._ask(uri, watch)
            return deferred
        if watch.count:
            watch.count += 1
            return succeed(Answer(b"", {}))
        return self._wait(watch)

    def unwatch(self, uri: str) -> None:
        """
        End one ``watch`` that was answered.
        """
        watch = self._watched[uri]
        watch.count -= 1
        if not watch.count:
            self._forget(uri)
            for teller in self._tellers:
                teller.unwatch(uri)

    def covers(self, uri: str) -> bool:
        """
        Say whether a resource is watched, or lies below one that is.

        What is told may be a part of what is watched (MCP 2025-11-25,
        "Resource Updated Notification"); below means: it begins so.
        """
        if uri in self._watched:
            return True
        return len(uri) <= _LONGEST and any(uri[:length] in self._watched for length in self._lengths)

    def begin(self, teller: Teller) -> None:
        """
        Have one more worker tell what is watched.
        """
        self._tellers.append(teller)
        for uri, watch in tuple(self._watched.items()):
            self._ask(uri, watch, teller)

    def end(self, teller: Teller) -> None:
        """
        Hear that a worker is gone; without any, what is asked waits for the next.
        """
        if teller in self._tellers:
            self._tellers.remove(teller)

    def refuse(self, fault: Fault) -> None:
        """
        Fail everyone who waits; who watches already may hear of the next worker.
        """
        for uri, watch in tuple(self._watched.items()):
            if not watch.count:
                self._settle(uri, watch, Failure(fault))

    def _wait(self, watch: _Watch) -> Deferred[Answer | Refusal]:
        deferred: Deferred[Answer | Refusal] = Deferred()
        watch.waiting.append(deferred)
        return deferred

    def _ask(self, uri: str, watch: _Watch, *tellers: Teller) -> None:
        # The first comes last: it may refuse at once, and then the others need
        # not tell it, either.
        for teller in reversed(tellers or self._tellers):
            asked = teller.watch(uri)
            if teller is self._tellers[0]:
                asked.addBoth(lambda outcome: self._settle(uri, watch, outcome))
            else:
                asked.addErrback(lambda failure: None)

    def _settle(self, uri: str, watch: _Watch, outcome: Answer | Refusal | Failure) -> None:
        # Those who watch already stay: another worker may tell it again.
        waiting, watch.waiting = watch.waiting, []
        if isinstance(outcome, Answer):
            watch.count += len(waiting)
        elif not watch.count and self._watched.get(uri) is watch:
            self._forget(uri)
            for teller in self._tellers[1:]:
                teller.unwatch(uri)
        for deferred in waiting:
            deferred.callback(outcome)

    def _forget(self, uri: str) -> None:
        del self._watched[uri]
        self._lengths[len(uri)] -= 1
        self._size -= len(uri)
        if not self._lengths[len(uri)]:
            del self._lengths[len(uri)]
