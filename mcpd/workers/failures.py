# -*- test-case-name: tests.workers.test_failures -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How long to wait after a failure, and when to give up.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from mcpd.workers.spec import Restart


@define(eq=False)
class Failures:
    """
    What failed lately, of a plugin or of one of those who have workers of their own.

    The pause doubles from failure to failure, and starts over once something
    lasted longer than the longest: not once it merely started, or what ends
    a moment later would be started for ever.

    Attributes:
        until: Nothing is started before, in the clock's seconds.
        given_up: Whether there were too many; then one more is enough.
    """

    _restart: Restart
    _chance: Callable[[], float]
    until: float = field(init=False, default=0.0)
    given_up: bool = field(init=False, default=False)
    _count: int = field(init=False, default=0)
    _times: list[float] = field(init=False, factory=list)

    def add(self, now: float, lasted: float, *, fruitless: bool) -> None:
        """
        Hear of a failure.

        Args:
            now: The time, in seconds.
            lasted: For how many seconds it had been good.
            fruitless: Whether it was of no use; only then it counts for giving up.
        """
        first, longest = self._restart.backoff
        tries = self._restart.give_up
        if lasted > longest:
            self._count = 0
        wait = min(first * 2.0 ** min(self._count, 32), longest)
        self._count += 1
        if fruitless:
            self._times = [*(time for time in self._times if now - time < tries.seconds), now]
            self.given_up = self.given_up or len(self._times) >= tries.count
        if self.given_up:
            self._times.clear()
            wait = max(wait, tries.seconds)
        # Jitter: what failed together must not start together.
        self.until = now + wait * (0.5 + self._chance() / 2)

    def prove(self) -> None:
        """
        Hear that something was of use: what failed before counts no more for giving up.
        """
        self._times.clear()

    def recover(self) -> None:
        """
        Hear that something has become ready.
        """
        self.given_up = False

    def is_over(self, now: float) -> bool:
        """
        Say whether it is so long ago that nobody needs to know.
        """
        return now - self.until > self._restart.backoff[1] + self._restart.give_up.seconds
