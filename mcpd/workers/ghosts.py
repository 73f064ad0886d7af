# -*- test-case-name: tests.workers.test_ghosts -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Calls that were given up, and at which a worker may be working still.
"""

from __future__ import annotations

from attrs import define, field

_MOST = 1000


@define
class Ghosts:
    """
    Them, each until its late answer or until it could have had one.

    A worker is asked to stop and may go on all the same; what it then says of
    the call must not be taken for another caller's.
    """

    _ends: dict[bytes, float] = field(init=False, factory=dict)
    _until: float = field(init=False, default=0.0)

    def __bool__(self) -> bool:
        return bool(self._ends or self._until)

    def add(self, number: bytes, end: float) -> None:
        """
        Remember a call.

        Args:
            number: Its number.
            end: The time at which it would have been over, however much
                progress it had told.
        """
        # Bounded: callers may give up calls without end; of those beyond it
        # only the last one's end is known.
        if len(self._ends) < _MOST:
            self._ends[number] = end
        else:
            self._until = max(self._until, end)

    def lay(self, number: bytes) -> None:
        """
        Forget a call, for it was answered after all.
        """
        self._ends.pop(number, None)

    def fade(self, now: float) -> None:
        """
        Forget every call whose end has come.
        """
        if self._until and self._until <= now:
            self._until = 0.0
        if self._ends:
            self._ends = {number: end for number, end in self._ends.items() if end > now}
