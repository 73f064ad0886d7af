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


@define(eq=False)
class Updates:
    """
    Gathers what has changed for a twentieth of a second, and then tells each resource once.

    Attributes:
        tell: Called with each.
    """

    _clock: IReactorTime
    tell: Callable[[str], None]
    _changed: dict[str, None] = field(init=False, factory=dict)
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
        self._timer = None
        changed, self._changed = self._changed, {}
        for uri in changed:
            self.tell(uri)
