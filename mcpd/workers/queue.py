# -*- test-case-name: tests.workers.test_queue -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Calls that wait for a worker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal

Ask = Callable[[Call, Listener, float], Deferred[Answer | Refusal]]
"""Puts a call to who can answer it; told how many seconds it has waited."""


@define(eq=False)
class Waiting:
    """
    One call that waits.

    Attributes:
        number: It is the only one with this number.
        call: The call.
        listener: Whose it is.
        since: Since when, in the clock's seconds.
    """

    number: int
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
    _number: int = field(init=False, default=0)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Waiting]:
        return iter(tuple(self._entries.values()))

    def hold(self, call: Call, listener: Listener, seconds: float) -> Deferred[Answer | Refusal]:
        """
        Let a call wait.

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
        entry = Waiting(number, call, listener, self._clock.seconds(), outer, timer)
        self._entries[number] = entry
        return outer

    def give(self, wanted: Callable[[Waiting], Ask | None]) -> None:
        """
        Put each waiting call to who can answer it now, in order.

        Args:
            wanted: Tells who answers a call; None: nobody yet.
        """
        # One by one: what becomes of a call may make its caller give up the
        # others, or ask anew.
        for number in tuple(self._entries):
            entry = self._entries.get(number)
            ask = wanted(entry) if entry is not None else None
            # Who looked for it may have found that nobody will come.
            if entry is not None and ask is not None and self._entries.pop(number, None) is not None:
                entry._timer.cancel()
                waited = self._clock.seconds() - entry.since
                entry._inner = ask(entry.call, entry.listener, waited)
                if entry._outer.called:
                    # Its caller gave it up meanwhile.
                    entry._inner.addBoth(lambda outcome: None).cancel()
                else:
                    entry._inner.chainDeferred(entry._outer)

    def refuse(self, why: Callable[[Waiting], Fault | None]) -> None:
        """
        Fail those calls that need not wait any longer.

        Args:
            why: Tells with what; None: it goes on waiting.
        """
        for number in tuple(self._entries):
            entry = self._entries.get(number)
            fault = why(entry) if entry is not None else None
            if entry is not None and fault is not None:
                del self._entries[number]
                entry._timer.cancel()
                entry._outer.errback(fault)

    def _cancel(self, number: int, entry: Waiting) -> None:
        if self._entries.pop(number, None) is not None:
            entry._timer.cancel()
        elif entry._inner is not None:
            entry._inner.cancel()

    def _expire(self, number: int) -> None:
        entry = self._entries.pop(number)
        entry._outer.errback(Fault(Kind.DEADLINE, "no worker of the plugin was free in time"))
