# -*- test-case-name: tests.workers.test_updates -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Which resources have changed, told seldom enough.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

_WINDOW = 0.05
_MOST = 1000
# In one turn of the reactor: each may concern thousands of clients.
_STEP = 20


@define(eq=False)
class Updates:
    """
    Gathers what has changed for a twentieth of a second, and then tells each resource once, in steps.

    Attributes:
        tell: Called with each.
    """

    _clock: IReactorTime
    tell: Callable[[str], None]
    _changed: dict[str, None] = field(init=False, factory=dict)
    _due: list[str] = field(init=False, factory=list)
    _timer: IDelayedCall | None = field(init=False, default=None)

    def add(self, uri: str) -> bool:
        """
        Have a resource told, with others.

        Returns:
            Whether it will be: not if too many have changed already.
        """
        # Bounded: a worker may name resources without end.
        if len(self._changed) >= _MOST and uri not in self._changed:
            return False
        self._changed[uri] = None
        if self._timer is None:
            self._timer = self._clock.callLater(_WINDOW, self._tell)
        return True

    def end(self) -> None:
        """
        Tell nothing more.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        if not self._due:
            self._due, self._changed = [*self._changed], {}
        some, self._due = self._due[:_STEP], self._due[_STEP:]
        self._timer = None
        if self._due or self._changed:
            self._timer = self._clock.callLater(0 if self._due else _WINDOW, self._tell)
        for uri in some:
            self.tell(uri)
