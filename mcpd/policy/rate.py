# -*- test-case-name: tests.policy.test_rate -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How often somebody may do something: so many a second, and so many at once.

It is a bucket of tokens, kept as the one moment at which it is full again
(the generic cell rate algorithm, ITU-T I.371), so that nothing has to be
filled up by a timer.
"""

from __future__ import annotations

from math import inf

from msgspec import Struct

from mcpd.units import Rate

# Seconds.  Who waits as long as told shall not be refused over a rounding: a
# double has the time of day no finer than a quarter of a microsecond.
_ROUNDING = 1e-6


class Meter(Struct, eq=False):
    """
    What is left of a rate, for one of those whom it holds.

    It has neither a clock nor a lock.  One is made for each connection.

    Attributes:
        rate: How many a second, and how many at once.
    """

    rate: Rate
    # When it is full again.  It is counted in tokens, not in seconds: a burst of
    # whole numbers adds up exactly, hundredths of a second would not.
    _full: float = -inf

    def take(self, now: float, cost: int = 1) -> float:
        """
        Take something, if there is so much.

        A clock that goes back leaves nothing of the burst, but no more is missing than that.

        Args:
            now: Seconds since any moment.
            cost: How much; more than the burst is never there.

        Returns:
            0.0 if it was taken; else nothing was, and these are the seconds
            after which it would be.
        """
        rate = self.rate
        here = now * rate.per_second
        full = max(self._full, here)
        missing = full + cost - here - rate.burst
        if missing <= 0:
            self._full = full + cost
            return 0.0
        if full > here + rate.burst:
            # The clock went back: an empty bucket is the worst that there is.
            self._full = here + rate.burst
            missing = float(cost)
        return missing / rate.per_second + _ROUNDING
