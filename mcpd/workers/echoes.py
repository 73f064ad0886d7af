# -*- test-case-name: tests.workers.test_echoes -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Whose calls a worker answered a moment ago.
"""

from __future__ import annotations

from attrs import define, field

LINGER = 10.0
"""Seconds for which a worker may still say something of a call that it answered."""


@define
class Echoes:
    """
    Callers whose calls were answered in the last moments.

    A worker may go on after its answer; what it then says must not be taken
    for another caller's.
    """

    _recent: set[str] = field(init=False, factory=set)
    _former: set[str] = field(init=False, factory=set)
    _since: float = field(init=False, default=0.0)

    def __bool__(self) -> bool:
        return bool(self._recent or self._former)

    def add(self, caller: str) -> None:
        """
        Remember that a call of somebody was answered.
        """
        # Bounded: with two, nobody is the only one.
        if len(self._recent) < 2:
            self._recent.add(caller)

    def fade(self, now: float) -> None:
        """
        Forget what is long past; to be called now and then.

        Args:
            now: Seconds.
        """
        if now - self._since >= LINGER:
            self._former, self._recent, self._since = self._recent, set(), now

    def are_only(self, caller: str) -> bool:
        """
        Say whether nobody else was answered in the last moments.
        """
        return self._recent <= {caller} and self._former <= {caller}
