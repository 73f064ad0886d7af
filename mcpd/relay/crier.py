# -*- test-case-name: tests.relay.test_crier -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Telling many the same.

There may be ten thousand sessions, and a plugin may have a thousand things to
tell each stream; calls go on meanwhile, so that only some are told in each turn
of the reactor.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable, Collection, Sequence
from typing import Generic, TypeVar

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from mcpd.wire import write
from mcpd.wire.message import Piece

W = TypeVar("W")

STEP = 100
"""Most that is told in one turn of the reactor."""

MOST = 1000
"""Most different messages that may wait in one lane."""


@define(eq=False)
class Crier(Generic[W]):
    """
    Tells many what has changed, in steps.

    What waits is in lanes that take turns, so that a plugin whose resources
    change without end delays nobody's changes but its own.  What has changed
    twice before somebody was told is told once.

    Attributes:
        tell: Called with whom to tell, and what.
    """

    _clock: IReactorTime
    tell: Callable[[W, bytes], None]
    _lanes: OrderedDict[object, OrderedDict[bytes, deque[W]]] = field(init=False, factory=OrderedDict)

    def cry(self, lane: object, parts: Sequence[Piece], hearers: Collection[W]) -> None:
        """
        Tell something, from the next turn of the reactor on.

        Args:
            lane: Whose change it is.
            parts: The message, to be joined.
            hearers: Who is to be told.
        """
        if not hearers:
            return
        text = write.join(parts)
        cries = self._lanes.get(lane, OrderedDict())
        # Bounded: a plugin names what has changed.
        if len(cries) >= MOST and text not in cries:
            return
        if not self._lanes:
            self._clock.callLater(0, self._go_on)
        self._lanes[lane] = cries
        # Who waits already comes first, else the last would never be told of
        # what changes all the time.
        cries[text] = deque(dict.fromkeys((*cries.get(text, ()), *hearers)))

    def _go_on(self) -> None:
        told: list[tuple[W, bytes]] = []
        while self._lanes and len(told) < STEP:
            told += self._next(STEP - len(told))
        if self._lanes:
            self._clock.callLater(0, self._go_on)
        for hearer, text in told:
            self.tell(hearer, text)

    def _next(self, most: int) -> list[tuple[W, bytes]]:
        lane, cries = self._lanes.popitem(last=False)
        text, waiting = cries.popitem(last=False)
        told = [(waiting.popleft(), text) for _ in range(min(most, len(waiting)))]
        if waiting:
            cries[text] = waiting
        if cries:
            self._lanes[lane] = cries
        return told
