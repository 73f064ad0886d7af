# -*- test-case-name: tests.workers.test_queue -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Calls that wait for a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.workers.member import NOTHING, Key

Ask = Callable[[Call, Listener, float], Deferred[Answer | Refusal]]
"""Puts a call to who can answer it; told how many seconds it has waited."""


@define(eq=False)
class Waiting:
    """
    One call that waits.

    Attributes:
        number: It is the only one with this number.
        key: Whose worker it waits for.
        call: The call.
        listener: Whose it is.
        since: Since when, in the clock's seconds.
    """

    number: int
    key: Key
    call: Call
    listener: Listener
    since: float
    _outer: Deferred[Answer | Refusal]
    _timer: IDelayedCall
    _inner: Deferred[Answer | Refusal] | None = None


@define(eq=False)
class Queue:
    """
    A bounded queue of calls, in the order in which they came.

    Attributes:
        limit: Most calls that may wait.
    """

    _clock: IReactorTime
    limit: int
    _entries: dict[int, Waiting] = field(init=False, factory=dict)
    # The same by key, for very many may wait for few workers.
    _keys: dict[Key, dict[int, Waiting]] = field(init=False, factory=dict)
    _number: int = field(init=False, default=0)

    def __len__(self) -> int:
        return len(self._entries)

    def hold(
        self, key: Key | None, call: Call, listener: Listener, seconds: float
    ) -> Deferred[Answer | Refusal]:
        """
        Let a call wait.

        Args:
            key: Whose worker it waits for; None: one of its own.
            call: The call.
            listener: Whose it is.
            seconds: For how long.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.ask` says; fails after ``seconds``
            if the call still waits then, and at once if there is no place.
        """
        if len(self._entries) >= self.limit:
            text = "too many calls wait for this plugin"
            later = {"retryAfterMs": 1000}
            return fail(Fault(Kind.OVERLOADED, text, later, headers=((b"Retry-After", b"1"),)))
        self._number += 1
        number = self._number
        outer: Deferred[Answer | Refusal] = Deferred(lambda _: self._cancel(number, entry))
        timer = self._clock.callLater(seconds, self._expire, number)
        entry = Waiting(number, key or _own(number), call, listener, self._clock.seconds(), outer, timer)
        self._add(entry)
        return outer

    @property
    def keys(self) -> Collection[Key]:
        """
        Whose workers are waited for.
        """
        return self._keys.keys()

    def waits(self, key: Key) -> bool:
        """
        Say whether anybody waits for a worker of somebody's.
        """
        return key in self._keys

    def wanted(self) -> dict[Key, tuple[int, float]]:
        """
        Tell how many wait by key, and for how many seconds the first of them has; first come, first served.
        """
        now = self._clock.seconds()
        firsts = sorted((next(iter(entries.values())) for entries in self._keys.values()), key=_by_number)
        return {entry.key: (len(self._keys[entry.key]), now - entry.since) for entry in firsts}

    def sort(self, key: Callable[[Listener], Key | None]) -> None:
        """
        Have everybody wait for another worker.

        Args:
            key: Tells whose; None: one of its own.
        """
        self._keys.clear()
        for number, entry in self._entries.items():
            entry.key = key(entry.listener) or _own(number)
            self._keys.setdefault(entry.key, {})[number] = entry

    def give(self, wanted: Callable[[Key], Ask | None]) -> None:
        """
        Put waiting calls to who can answer them now: those of one key in their order.

        Args:
            wanted: Tells who answers the next call of a key; None: nobody yet.
        """
        # One by one: what becomes of a call may make its caller give up the
        # others, or ask anew.
        last = self._number
        for key in self.wanted():
            while (entry := self._first(key)) is not None and entry.number <= last:
                ask = wanted(key)
                if ask is None:
                    break
                # Who looked for it may have found that nobody will come.
                if self._drop(entry.number) is not None:
                    self._put(entry, ask)

    def _put(self, entry: Waiting, ask: Ask) -> None:
        entry._timer.cancel()
        waited = self._clock.seconds() - entry.since
        entry._inner = ask(entry.call, entry.listener, waited)
        if entry._outer.called:
            # Its caller gave it up meanwhile.
            entry._inner.addBoth(lambda outcome: None).cancel()
        else:
            entry._inner.chainDeferred(entry._outer)

    def refuse(self, why: Callable[[Key], Fault | None]) -> None:
        """
        Fail those calls that need not wait any longer.

        Args:
            why: Tells with what, of a key; None: they go on waiting.
        """
        last = self._number
        for key in tuple(self._keys):
            fault = why(key)
            while fault is not None and (entry := self._first(key)) is not None and entry.number <= last:
                self._drop(entry.number)
                entry._timer.cancel()
                entry._outer.errback(fault)

    def _first(self, key: Key) -> Waiting | None:
        entries = self._keys.get(key)
        return next(iter(entries.values())) if entries else None

    def _add(self, entry: Waiting) -> None:
        self._entries[entry.number] = entry
        self._keys.setdefault(entry.key, {})[entry.number] = entry

    def _drop(self, number: int) -> Waiting | None:
        entry = self._entries.pop(number, None)
        if entry is not None:
            entries = self._keys[entry.key]
            del entries[number]
            if not entries:
                del self._keys[entry.key]
        return entry

    def _cancel(self, number: int, entry: Waiting) -> None:
        if self._drop(number) is not None:
            entry._timer.cancel()
        elif entry._inner is not None:
            entry._inner.cancel()

    def _expire(self, number: int) -> None:
        entry = self._drop(number)
        assert entry is not None  # noqa: S101  its timer runs as long as it waits
        entry._outer.errback(Fault(Kind.DEADLINE, "no worker of the plugin was free in time"))


def _own(number: int) -> Key:
    return (NOTHING, f"#{number}")


def _by_number(entry: Waiting) -> int:
    return entry.number
