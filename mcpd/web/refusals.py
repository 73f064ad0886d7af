# -*- test-case-name: tests.web.test_refusals -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Refused requests, told to the operator as long as they are few.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from mcpd.events import Event, RefusalsUntold, RequestRefused

MOST = 10
"""Refusals that are told of a second, for each listener: whoever wants to can be refused."""

_SECOND = 1.0


@define(eq=False)
class Refusals:
    """
    Tells of each refusal of a listener, or how many there were besides.
    """

    _tell: Callable[[Event], None]
    _since: float = field(default=0.0, init=False)
    _told: int = field(default=0, init=False)
    _untold: int = field(default=0, init=False)

    @property
    def waiting(self) -> bool:
        """
        Whether something is left to be told, by :meth:`look`.
        """
        return self._untold > 0

    def add(self, now: float, refused: RequestRefused) -> None:
        """
        Tell of one, or count it.

        Args:
            now: Seconds.
            refused: Which.
        """
        self.look(now)
        # A clock that was set back begins anew.
        if not 0 <= now - self._since < _SECOND:
            self._since, self._told = now, 0
        if self._told < MOST:
            self._told += 1
            self._tell(refused)
        else:
            self._untold += 1

    def look(self, now: float) -> None:
        """
        Tell how many were not told, once their second is over.

        Args:
            now: Seconds.
        """
        if self._untold and not 0 <= now - self._since < _SECOND:
            untold, self._untold = self._untold, 0
            self._tell(RefusalsUntold(untold))
