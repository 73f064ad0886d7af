# -*- test-case-name: tests.workers.test_held -*-
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

Ask = Callable[[Call, Listener], Deferred[Answer | Refusal]]


@define(eq=False)
class _Entry:
    call: Call
    listener: Listener
    outer: Deferred[Answer | Refusal]
    timer: IDelayedCall
    inner: Deferred[Answer | Refusal] | None = None


@define(eq=False)
class Held:
    """
    A bounded queue of calls, in the order in which they came.

    Attributes:
        limit: Most calls that may wait.
    """

    _clock: IReactorTime
    limit: int
    _entries: dict[int, _Entry] = field(init=False, factory=dict)
    _number: int = field(init=False, default=0)

    def __len__(self) -> int:
        return len(self._entries)

    def hold(self, call: Call, listener: Listener, seconds: float) -> Deferred[Answer | Refusal]:
        """
        Let a call wait.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.ask` says; fails after ``seconds``
            if the call still waits then, and at once if there is no place.
        """
        if len(self._entries) >= self.limit:
            return fail(Fault(Kind.PLUGIN_UNAVAILABLE, "too many calls wait for this plugin"))
        self._number += 1
        number = self._number
        outer: Deferred[Answer | Refusal] = Deferred(lambda _: self._cancel(number, entry))
        entry = _Entry(call, listener, outer, self._clock.callLater(seconds, self._expire, number))
        self._entries[number] = entry
        return outer

    def give(self, ask: Ask) -> None:
        """
        Put every waiting call to who can answer it now.
        """
        for entry in self._taken():
            entry.inner = ask(entry.call, entry.listener)
            entry.inner.chainDeferred(entry.outer)

    def refuse(self, fault: Fault) -> None:
        """
        Fail every waiting call.
        """
        for entry in self._taken():
            entry.outer.errback(fault)

    def _taken(self) -> Iterator[_Entry]:
        # One by one: what becomes of a call may make its caller give up the
        # others, or ask anew.
        for number in tuple(self._entries):
            entry = self._entries.pop(number, None)
            if entry is not None:
                entry.timer.cancel()
                yield entry

    def _cancel(self, number: int, entry: _Entry) -> None:
        if self._entries.pop(number, None) is not None:
            entry.timer.cancel()
        elif entry.inner is not None:
            entry.inner.cancel()

    def _expire(self, number: int) -> None:
        entry = self._entries.pop(number)
        entry.outer.errback(Fault(Kind.DEADLINE, "the plugin was not ready in time"))
