# -*- test-case-name: tests.workers.test_flood -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How much a worker may say without being asked.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

# Two seconds' worth, at less than a tenth of a millisecond each.
_BURST = 2


class Flooded(Exception):
    """
    It was too much: the rest is not worth being read.
    """


@define(eq=False)
class Flood:
    """
    Counts what a worker says besides answers: each costs us a little, so they must not come without end.

    Attributes:
        rate: How many may come a second; two seconds' worth may come at once.
    """

    _clock: IReactorTime
    rate: int
    _left: float = field(init=False)
    _since: float = field(init=False, default=0.0)

    def __attrs_post_init__(self) -> None:
        self._left, self._since = float(_BURST * self.rate), self._clock.seconds()

    def rises(self) -> bool:
        """
        Count one more; say whether that is too much.
        """
        self._left -= 1
        if self._left >= 0:
            return False
        # The clock is read only when what was left is used up.
        now = self._clock.seconds()
        self._left = min(self._left + 1 + (now - self._since) * self.rate, _BURST * self.rate) - 1
        self._since = now
        return self._left < 0
