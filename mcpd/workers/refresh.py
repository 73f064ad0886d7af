# -*- test-case-name: tests.workers.test_refresh -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Reading a worker's lists again when it says that they have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.wire.fault import Fault, Kind
from mcpd.wire.offer import Sort
from mcpd.workers.lists import Lists, NotListed

_BURST = 10
_EACH = 1.0
# Reading so many items costs as much as reading one list; more than the burst
# has room for is never asked, so that the first change of any list is at once.
_ITEMS = 2000
_DEAREST = 5


@define(eq=False)
class Refresh:
    """
    Reads lists again: one time after the other, at once as long as that is seldom.

    A worker may say without end that its lists have changed.  The first ten
    times are at once, the later ones a second apart, long lists more seldom;
    what it says meanwhile is never lost, only late.

    Attributes:
        changed: Called with the lists that are others now.
        failed: Called with a list that could not be read, and why.
    """

    _clock: IReactorTime
    _lists: Lists
    changed: Callable[[tuple[Sort, ...]], None]
    failed: Callable[[Sort, str], None]
    _wanted: dict[Sort, None] = field(init=False, factory=dict)
    # At first because the lists are being read for the first time.
    _busy: bool = field(init=False, default=True)
    _timer: IDelayedCall | None = field(init=False, default=None)
    _full: float = field(init=False, default=0.0)

    def begin(self) -> None:
        """
        Begin, now that the lists have been read for the first time.
        """
        self._busy = False
        self._go()

    def want(self, sorts: Iterable[Sort]) -> None:
        """
        Have some lists read again.
        """
        self._wanted.update(dict.fromkeys(sorts))
        self._go()

    def end(self) -> None:
        """
        End: the worker is gone.
        """
        self._wanted.clear()
        if self._timer is not None:
            self._timer.cancel()

    def _go(self) -> None:
        if self._busy or self._timer is not None or not self._wanted:
            return
        # A bucket of _BURST, told by when it will be full again.
        now = self._clock.seconds()
        cost = min(1 + len(self._lists) // _ITEMS, _DEAREST)
        self._full = max(self._full, now) + cost * _EACH
        wait = self._full - now - _BURST * _EACH
        if wait > 0:
            self._timer = self._clock.callLater(wait, self._run)
        else:
            self._run()

    def _run(self) -> None:
        self._timer = None
        self._busy = True
        sorts, self._wanted = tuple(self._wanted), {}
        Deferred.fromCoroutine(self._read(sorts))

    async def _read(self, sorts: tuple[Sort, ...]) -> None:
        try:
            reading = [Deferred.fromCoroutine(self._again(sort)) for sort in sorts]
            differing = [await differs for differs in reading]
            others = tuple(sort for sort, differs in zip(sorts, differing, strict=True) if differs)
            if others:
                self.changed(others)
        finally:
            self.begin()

    async def _again(self, sort: Sort) -> bool:
        try:
            return await self._lists.again(sort)
        except NotListed as error:
            self.failed(sort, str(error))
        except Fault as fault:
            # That a worker is gone is told by who buries it.
            if fault.kind is not Kind.PLUGIN_GONE:
                self.failed(sort, fault.text)
        return False
