# -*- test-case-name: tests.ctl.bridge.test_renewal -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A new session where the far side has lost the old one, as after a restart.

It shakes hands with the very words that the client used, so that the client
need not know of it (MCP 2025-11-25, "Session Management", 4).
"""

from __future__ import annotations

from contextlib import suppress

from attrs import define, field
from twisted.internet.defer import DeferredLock

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.far import EVENTS, Reply
from mcpd.ctl.bridge.reading import messages
from mcpd.ctl.bridge.road import Road
from mcpd.ctl.bridge.session import Session
from mcpd.wire import write
from mcpd.wire.fault import Fault
from mcpd.wire.message import Answer, Members, Message, Refusal

_ID = b'"mcpctl-connect"'
_INITIALIZED = b"".join(write.notice(b"notifications/initialized", ()))


@define(eq=False)
class Renewal:
    """
    Renews a session, once for all who find that it is lost.
    """

    _road: Road
    _session: Session
    _lock: DeferredLock = field(init=False, factory=DeferredLock)

    async def renew(self, lost: bytes) -> None:
        """
        Have another session than the one that is lost.

        Raises:
            Unreached: The far side is not there.
            Cut: It does not shake hands again.
        """
        await self._lock.acquire()
        try:
            # Who waited for somebody else's handshake has the new one already.
            if self._session.id == lost:
                await self._road.within(self._shake())
        finally:
            self._lock.release()

    async def _shake(self) -> None:
        greeting = self._session.greeting
        assert greeting is not None  # noqa: S101  it came before there was an id to lose
        request = write.request(_ID, b"initialize", greeting)
        reply = await self._road.go(b"POST", (), request, again=True)
        id, result = reply.field(b"Mcp-Session-Id"), await answer(reply, _ID)
        self._session.open(id, greeting, result)
        await self._say(_INITIALIZED)
        for kept in self._session.kept:
            await self._say(write.request(_ID, kept.method.encode(), kept.params))

    async def _say(self, message: bytes) -> None:
        reply = await self._road.go(b"POST", self._session.fields(), message, again=True)
        await reply.drop()


async def answer(reply: Reply, id: bytes) -> Members:
    """
    Read the answer to a request of ours.

    Raises:
        Cut: There is none, or an error.
    """
    found: list[Message] = []

    def hear(text: bytes) -> None:
        with suppress(Fault):
            found.extend(messages(text))

    if reply.kind == EVENTS:
        await reply.events(lambda event: hear(event.data), lambda _: None)
    else:
        hear(await reply.whole())
    for message in found:
        match message:
            case Answer(id=own) if own == id:
                return message.result
            case Refusal():
                raise Cut(f"the far side refused: {message.message}")
    raise Cut(f"the far side gave no answer (HTTP {reply.status})")
