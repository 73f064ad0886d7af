# -*- test-case-name: tests.ctl.bridge.test_legacy -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How a legacy request is asked (MCP 2025-11-25, "Streamable HTTP").

It belongs to a session, and the stream that answers it goes on over other
connections if one is cut.
"""

from __future__ import annotations

from attrs import define, field

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.errand import Errand, body_of, repeatable
from mcpd.ctl.bridge.far import EVENTS, Reply
from mcpd.ctl.bridge.reading import refused
from mcpd.ctl.bridge.renewal import Renewal
from mcpd.ctl.bridge.road import Road
from mcpd.ctl.bridge.session import Session
from mcpd.ctl.bridge.trail import Trail
from mcpd.wire.message import Answer, Refusal, Request

_INITIALIZE = "initialize"


@define(eq=False)
class Legacy:
    """
    One legacy request (:class:`mcpd.ctl.bridge.errand.Way`).
    """

    _road: Road
    _session: Session
    _renewal: Renewal
    _used: bytes | None = field(init=False, default=None, repr=False)
    _offered: bytes | None = field(init=False, default=None, repr=False)

    async def send(self, request: Request) -> Reply:
        """
        Post it in the session, or post what makes one.
        """
        first = request.method == _INITIALIZE
        self._used = None if first else self._session.id
        fields = () if first else self._session.fields()
        reply = await self._road.go(b"POST", fields, body_of(request), repeatable(request.method))
        self._offered = reply.field(b"Mcp-Session-Id")
        return reply

    async def mend(self, request: Request, status: int, refusal: Refusal) -> bool:
        """
        Make a new session if the old one is lost: then the far side has not taken the request.
        """
        if status != 404 or self._used is None:
            return False
        await self._renewal.renew(self._used)
        return True

    async def follow(self, reply: Reply, errand: Errand) -> None:
        """
        Hear the stream, and ask for the rest of it as long as it has no answer.
        """
        trail = Trail()
        await trail.follow(reply, errand.hear)
        while not errand.answered:
            await trail.follow(await self._resumed(trail), errand.hear)

    async def _resumed(self, trail: Trail) -> Reply:
        if not trail.last:
            raise Cut("the far side ended the stream before the answer")
        await self._road.wait(trail.pause)
        fields = (*self._session.fields(), *trail.fields())
        reply = await self._road.go(b"GET", fields, again=True)
        if reply.status != 200 or reply.kind != EVENTS:
            why = refused(reply.status, await reply.whole())
            raise Cut(f"the stream can't be resumed: {why.message}")
        return reply

    def read(self, request: Request, answer: Answer) -> Answer:
        """
        Learn of the session.
        """
        if request.method == _INITIALIZE:
            self._session.open(self._offered, request.params, answer.result)
        else:
            self._session.keep(request)
        return answer
