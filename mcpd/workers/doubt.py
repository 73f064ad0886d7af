# -*- test-case-name: tests.workers.test_doubt -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Whether a worker that was late with a call is alive.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mcpd.wire.fault import Fault, Kind
from mcpd.workers.peer import Patience, Peer

_MOST = 1000


@define(eq=False)
class Doubt:
    """
    Asks a worker for a sign of life when a call's time is over.

    An answer to that or to the late call itself is one.  Without one it hangs
    as a whole; with one only the call does, whose place among those that run at
    once stays taken.

    Args:
        away: Called when it is asked: it should be given no calls meanwhile.
        back: Called when it has given its sign of life.
        hung: Called when it has not.

    Attributes:
        stuck: The numbers of calls that were never answered.
    """

    _clock: IReactorTime
    _peer: Peer
    _seconds: float
    _away: Callable[[], None]
    _back: Callable[[], None]
    _hung: Callable[[], None]
    stuck: set[bytes] = field(init=False, factory=set)
    _asking: IDelayedCall | None = field(init=False, default=None)
    _over: bool = field(init=False, default=False)

    @property
    def is_asking(self) -> bool:
        """
        Whether it waits for a sign of life.
        """
        return self._asking is not None

    def late(self, numbers: Iterable[bytes]) -> None:
        """
        Hear that the time of some calls is over.
        """
        # Bounded: a worker may live and never answer a call.
        late = set(islice(numbers, max(_MOST - len(self.stuck), 0)))
        self.stuck |= late
        self._peer.running += len(late)
        if self._asking is None and not self._over:
            self._away()
            self._asking = self._clock.callLater(self._seconds, self._silent)
            asked = self._peer.ask_alive(Patience(self._seconds, self._seconds))
            asked.addCallbacks(lambda _: self._alive(), self._not_answered)

    def answered(self, number: bytes) -> None:
        """
        Hear that a call was answered although nobody waits for it any more.
        """
        if number in self.stuck:
            self.stuck.discard(number)
            self._peer.running -= 1
            self._alive()

    def end(self) -> None:
        """
        End: the worker is gone, or is being ended, which has its own times.
        """
        self._over = True
        self._settle()

    def _settle(self) -> bool:
        asking, self._asking = self._asking, None
        if asking is not None:
            asking.cancel()
        return asking is not None

    def _alive(self) -> None:
        if self._settle():
            self._back()

    def _not_answered(self, failure: Failure) -> None:
        # What can't even be asked has its time all the same; but who gives an
        # answer that can't be read is alive.
        fault = failure.value
        if isinstance(fault, Fault) and fault.kind is Kind.INTERNAL:
            self._alive()

    def _silent(self) -> None:
        self._asking = None
        self._hung()
