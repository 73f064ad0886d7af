# -*- test-case-name: tests.workers.test_pauses -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Who has to wait for a worker after failures: everybody, or those whose own it was.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from mcpd.workers.failures import Failures
from mcpd.workers.member import Key
from mcpd.workers.spec import Restart

MOST = 1000
"""How many have failures of their own; the oldest are forgotten."""


@define(eq=False)
class Pauses:
    """
    The failures of one plugin, by whose worker failed; None: they are everybody's.
    """

    _clock: IReactorTime
    _chance: Callable[[], float]
    _failures: dict[Key | None, Failures] = field(init=False, factory=dict)

    @property
    def given_up(self) -> bool:
        """
        Whether the plugin failed so often that everybody has to wait for long.
        """
        failures = self._failures.get(None)
        return failures is not None and failures.given_up

    def rest(self, key: Key | None) -> float:
        """
        Tell for how many seconds somebody has to wait because of own failures.
        """
        failures = self._failures.get(key)
        return max(failures.until - self._clock.seconds(), 0.0) if failures is not None else 0.0

    def pause(self, key: Key | None) -> float:
        """
        Tell for how many seconds no worker is started for somebody; 0: one may be.
        """
        return max(self.rest(key), self.rest(None))

    def add(self, key: Key | None, rules: Restart, lasted: float, *, fruitless: bool) -> float:
        """
        Hear of a failure.

        Args:
            key: Whose it is.
            rules: What is configured.
            lasted: For how many seconds the worker had been good.
            fruitless: Whether it was of no use.

        Returns:
            Seconds until the next start.
        """
        now, failures = self._clock.seconds(), self._failures.get(key)
        if failures is None:
            # Bounded: there may be any number of sessions and calls.
            if len(self._failures) >= MOST:
                del self._failures[next(each for each in self._failures if each is not None)]
            failures = self._failures[key] = Failures(rules, self._chance)
        failures.add(now, lasted, fruitless=fruitless)
        return failures.until - now

    def prove(self) -> None:
        """
        Hear that a worker was of use.
        """
        if None in self._failures:
            self._failures[None].prove()

    def recover(self) -> None:
        """
        Hear that a worker is ready.
        """
        if None in self._failures:
            self._failures[None].recover()

    def forget(self) -> None:
        """
        Forget all failures.
        """
        self._failures.clear()

    def fade(self) -> None:
        """
        Forget those that are long past; to be called now and then.
        """
        now = self._clock.seconds()
        for key in [key for key, failures in self._failures.items() if failures.is_over(now)]:
            del self._failures[key]
