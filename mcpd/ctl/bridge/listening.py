# -*- test-case-name: tests.ctl.bridge.test_listening -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The stream on which a legacy far side says what belongs to no request.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.far import EVENTS, Reply, Unreached
from mcpd.ctl.bridge.reading import refused
from mcpd.ctl.bridge.renewal import Renewal
from mcpd.ctl.bridge.road import Road
from mcpd.ctl.bridge.session import Session
from mcpd.ctl.bridge.trail import Trail
from mcpd.wire.sse import Event

PAUSE = 5.0
"""Seconds after which a stream that can't be had is asked for again."""

# Another stream of the session is still open; too much; the far side's own trouble.
_LATER = frozenset((409, 429, *range(500, 600)))


@define(eq=False)
class Listening:
    """
    Keeps the stream of a session open, as long as the bridge lives.
    """

    _road: Road
    _session: Session
    _renewal: Renewal
    _hear: Callable[[Event], None]
    _tell: Callable[[str], None]

    async def run(self) -> None:
        """
        Listen until the far side says that it has no such stream.
        """
        id, trail = self._session.id, Trail()
        while True:
            if id != self._session.id:
                id, trail = self._session.id, Trail()
            try:
                pause = await self._once(id, trail)
            except (Unreached, Cut) as why:
                self._tell(f"the far side is not heard: {why}")
                pause = PAUSE
            if pause is None:
                return
            await self._road.wait(pause)

    async def _once(self, id: bytes | None, trail: Trail) -> float | None:
        """
        Listen over one connection; give the seconds to wait before the next, or None: there is none.
        """
        fields = (*self._session.fields(), *trail.fields())
        reply = await self._road.go(b"GET", fields, again=True)
        if reply.status == 200 and reply.kind == EVENTS:
            await trail.follow(reply, self._hear)
            return trail.pause
        return await self._refused(reply, id)

    async def _refused(self, reply: Reply, id: bytes | None) -> float | None:
        why = refused(reply.status, await reply.whole()).message
        if reply.status in _LATER:
            raise Cut(why)
        if reply.status == 404 and id is not None:
            await self._renewal.renew(id)
            return 0.0
        if reply.status != 405:
            self._tell(f"the far side is not heard: {why}")
        return None
