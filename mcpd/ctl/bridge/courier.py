# -*- test-case-name: tests.ctl.bridge.test_courier -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the client says without waiting for an answer: its notices, and its answers to questions.

They are delivered one after another, for their order may matter; and a request
waits until those have arrived that the client sent before it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred, DeferredLock

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.far import Unreached
from mcpd.ctl.bridge.fields import standard, version_of
from mcpd.ctl.bridge.reading import refused, written
from mcpd.ctl.bridge.renewal import Renewal
from mcpd.ctl.bridge.road import Road
from mcpd.ctl.bridge.session import Session
from mcpd.wire.message import Answer, Notice, Refusal

MOST = 64
"""Messages that wait; beyond it the client is not read."""

Letter = Notice | Answer | Refusal
"""What wants no answer."""

T = TypeVar("T")


@define(eq=False)
class Courier:
    """
    Delivers what wants no answer.

    Attributes:
        crowded: Called with whether too much waits, when that changes.
    """

    _road: Road
    _session: Session
    _renewal: Renewal
    _tell: Callable[[str], None]
    crowded: Callable[[bool], None]
    _lock: DeferredLock = field(init=False, factory=DeferredLock)
    _waiting: int = field(init=False, default=0)

    def send(self, letter: Letter) -> Deferred[bool]:
        """
        Deliver something, after all that was sent before.

        Returns:
            Fires with whether it arrived; it never fails but by being cancelled.
        """
        self._waiting += 1
        # Bounded: the far side may be slower than the client.
        if self._waiting == MOST:
            self.crowded(True)
        return Deferred.fromCoroutine(self._send(letter))

    async def passed(self, begin: Callable[[], T]) -> T:
        """
        Begin something once all is delivered that was sent up to now, and in its order.
        """
        await self._lock.acquire()
        try:
            return begin()
        finally:
            self._lock.release()

    async def after(self, doing: Coroutine[Deferred[Any], Any, None]) -> None:
        """
        Do something in its turn: whatever is sent later, and who waits for that, waits for its end.
        """
        try:
            await self._lock.acquire()
        except CancelledError:
            doing.close()
            raise
        try:
            await doing
        finally:
            self._lock.release()

    async def _send(self, letter: Letter) -> bool:
        await self._lock.acquire()
        try:
            await self._road.within(self._deliver(letter))
        except (Unreached, Cut) as why:
            self._tell(f"{_named(letter)} did not arrive: {why}")
            return False
        finally:
            self._lock.release()
            self._waiting -= 1
            if self._waiting == MOST - 1:
                self.crowded(False)
        return True

    async def _deliver(self, letter: Letter) -> None:
        lost = await self._post(letter)
        if lost is None:
            return
        await self._renewal.renew(lost)
        # A question of the session that is lost waits for no answer any more.
        if isinstance(letter, Notice) and await self._post(letter) is not None:
            raise Cut("the far side loses its sessions as they are made")

    async def _post(self, letter: Letter) -> bytes | None:
        """
        Deliver it in the session as it is now; give that session's id if it is lost.
        """
        version = version_of(letter.params) if isinstance(letter, Notice) else None
        if isinstance(letter, Notice) and version is not None:
            id, fields = None, standard(version, letter.method, letter.params)
        else:
            id, fields = self._session.id, self._session.fields()
        reply = await self._road.go(b"POST", fields, b"".join(written(letter)))
        body = await reply.whole()
        if reply.status == 404 and id is not None:
            return id
        if reply.status >= 300:
            raise Cut(refused(reply.status, body).message)
        return None


def _named(letter: Letter) -> str:
    return letter.method if isinstance(letter, Notice) else "an answer of the client"
