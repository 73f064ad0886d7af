# -*- test-case-name: tests.web.test_turns -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Connections whose clients sent more than one thing at once, one after another.

In a turn of the reactor a few of them go on, however many there are.  So who
comes with something new need not wait for hundreds who sent a flood.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

# Connections in one turn; and messages of one connection that is alone.
_AT_ONCE, _MOST = 8, 4


@define(eq=False)
class Turns:
    """
    Who goes on next.

    It is bounded: a connection is in it once.
    """

    _clock: IReactorTime
    _waiting: deque[Callable[[], None]] = field(factory=deque, init=False)
    _comes: bool = field(default=False, init=False)

    @property
    def share(self) -> int:
        """
        How many messages a connection may have taken before it is the next one's turn.
        """
        crowd = len(self._waiting) + 1
        return min(_MOST, max(1, _AT_ONCE // crowd))

    def add(self, go_on: Callable[[], None]) -> None:
        """
        Have something called in a turn to come, after what was added before.
        """
        self._waiting.append(go_on)
        self._plan()

    def _plan(self) -> None:
        if self._waiting and not self._comes:
            self._comes = True
            self._clock.callLater(0, self._take)

    def _take(self) -> None:
        self._comes = False
        waiting = self._waiting
        try:
            # Who adds itself again meanwhile comes in another turn.
            for _ in range(min(len(waiting), _AT_ONCE)):
                waiting.popleft()()
        finally:
            self._plan()
