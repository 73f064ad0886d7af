# -*- test-case-name: tests.ctl.bridge.test_trail -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One stream of a legacy far side, over as many connections as it takes.

The far side may end a connection without ending the stream; then the client
waits as long as it was told to and asks for what followed the last event
(MCP 2025-11-25, "Resumability and Redelivery").
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field

from mcpd.ctl.bridge.body import Cut, TooLong
from mcpd.ctl.bridge.far import Fields, Reply
from mcpd.wire.sse import Event, Events

RETRY = 1.0
"""Seconds to wait if the far side does not say how long."""

_SHORTEST = 0.05


@define(eq=False)
class Trail:
    """
    Where a stream is.
    """

    _events: Events | None = field(init=False, default=None)

    @property
    def last(self) -> bytes:
        """
        The id of the last event; empty if there was none: then the stream can't be resumed.
        """
        return self._events.last_id if self._events else b""

    @property
    def pause(self) -> float:
        """
        Seconds to wait before the stream is asked for again.
        """
        if self._events is None or self._events.retry is None:
            return RETRY
        # Bounded below: a far side that says 0 would be asked without a pause.
        return max(self._events.retry / 1000, _SHORTEST)

    def fields(self) -> Fields:
        """
        Give the header field that asks for what follows.
        """
        return ((b"Last-Event-ID", self.last),) if self.last else ()

    async def follow(self, reply: Reply, hear: Callable[[Event], None]) -> None:
        """
        Follow the stream to the end of a connection, however it ends.

        Raises:
            TooLong: It has an event that is, and would come again.
        """
        try:
            await reply.events(hear, self._open)
        except TooLong:
            raise
        except Cut:
            pass  # Whether it broke off or not: what matters is what came.

    def _open(self, events: Events) -> None:
        if self._events is not None:
            events.last_id, events.retry = self._events.last_id, self._events.retry
        self._events = events
