# -*- test-case-name: tests.relay.test_throttle -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How often a client is told how far a call is.

A plugin may tell of its progress a thousand times a second (MCP, "Progress",
asks for a limit); nobody reads that, and each notice costs the client's link.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.wire.message import Notice

BURST = 10
"""So many notices of a call are passed however fast they come."""

PAUSE = 0.05
"""Seconds between any two after those."""


@define(eq=False)
class Throttle:
    """
    Passes the progress of one call: the first few notices at once, then the newest now and then.

    Bounded: one notice waits, and a newer one takes its place.
    """

    _clock: IReactorTime
    _send: Callable[[Notice], None]
    _burst: int = field(init=False, default=BURST)
    _next: float = field(init=False, default=0.0)
    _waiting: Notice | None = field(init=False, default=None)
    _timer: IDelayedCall | None = field(init=False, default=None)
    _closed: bool = field(init=False, default=False)

    def take(self, notice: Notice) -> None:
        """
        Pass a notice, now or later, or a newer one in its place.
        """
        if self._closed:
            return
        if self._timer is not None:
            self._waiting = notice
            return
        pause = self._next - self._clock.seconds()
        if self._burst or pause <= 0:
            self._burst = max(self._burst - 1, 0)
            self._pass(notice)
        else:
            self._waiting = notice
            self._timer = self._clock.callLater(pause, self._due)

    def flush(self) -> None:
        """
        Pass what waits at once: the answer comes next.
        """
        waiting = self._waiting
        self._settle()
        if waiting is not None:
            self._pass(waiting)

    def close(self) -> None:
        """
        Drop what waits, and whatever still comes.
        """
        self._closed = True
        self._settle()

    def _due(self) -> None:
        self._timer = None
        self.flush()

    def _settle(self) -> None:
        self._waiting = None
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()

    def _pass(self, notice: Notice) -> None:
        self._next = self._clock.seconds() + PAUSE
        self._send(notice)
