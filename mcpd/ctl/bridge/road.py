# -*- test-case-name: tests.ctl.bridge.test_road -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The way to the far side, which may be closed for a while.
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, TypeVar

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as TookTooLong
from twisted.internet.interfaces import IReactorTime

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.far import Far, Fields, Reply, Unreached

PATIENCE = 20.0
"""Seconds for which a far side that can't be reached is tried again: a daemon may be starting anew."""

DEADLINE = 30.0
"""Seconds that the far side may take for what the bridge itself asks."""

_FIRST, _LONGEST = 0.1, 2.0

T = TypeVar("T")


@define(eq=False)
class Road:
    """
    Asks the far side, and again if it was not there.
    """

    _clock: IReactorTime
    _far: Far

    async def go(
        self, method: bytes, fields: Fields, body: bytes | None = None, again: bool = False
    ) -> Reply:
        """
        Send a request, for a while also to a far side that can't be reached.

        Args:
            method: The HTTP method.
            fields: Header fields.
            body: One message.
            again: Whether to ask once more if the connection broke off before
                there was a response: no, if doing it twice does harm.

        Raises:
            Unreached: It was not sent.
            Cut: Nobody knows what became of it.
        """
        until, pause = self._clock.seconds() + PATIENCE, _FIRST
        while True:
            try:
                return await self._far.ask(method, fields, body)
            except Unreached as why:
                if not why.passing or self._clock.seconds() + pause > until:
                    raise
            except Cut:
                # The far side may just have closed a connection that it kept for a while.
                if not again:
                    raise
                again = False
            await self.wait(pause)
            pause = min(2 * pause, _LONGEST)

    def wait(self, seconds: float) -> Deferred[None]:
        """
        Do nothing for some seconds.
        """
        waiting: Deferred[None] = Deferred(lambda _: later.cancel())
        later = self._clock.callLater(seconds, waiting.callback, None)
        return waiting

    async def within(self, doing: Coroutine[Deferred[Any], Any, T], seconds: float = DEADLINE) -> T:
        """
        Do something within a time, after which it is cancelled.

        Raises:
            Cut: The time was over.
        """
        running = Deferred.fromCoroutine(doing)
        running.addTimeout(seconds, self._clock)
        try:
            return await running
        except TookTooLong:
            raise Cut(f"the far side did not answer within {seconds:g} s") from None
