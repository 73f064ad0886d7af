# -*- test-case-name: tests.ctl.bridge.test_bridge -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A bridge from its first line to its end, which comes with its client's.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.web.iweb import IAgent

from mcpd.ctl.bridge.far import Far, Target
from mcpd.ctl.bridge.near import Near
from mcpd.ctl.bridge.relay import GRACE, Relay
from mcpd.ctl.bridge.valve import Valve

LONGEST = 16 << 20
"""Bytes of one message, in either direction."""


@define(eq=False)
class Bridge:
    """
    Both sides, and what is between them.

    Attributes:
        near: The client's side, which wants to be connected to its pipes.
    """

    _clock: IReactorTime
    _agent: IAgent
    _target: Target
    _tell: Callable[[str], None]
    _limit: int = LONGEST
    near: Near = field(init=False)
    _relay: Relay = field(init=False)

    def __attrs_post_init__(self) -> None:
        valve = Valve()
        far = Far(self._agent, self._target, valve, self._limit)
        self.near = Near(self._limit, valve, self._heard)
        self._relay = Relay(self._clock, far, self.near.say, self._tell, self.near.hold)

    def _heard(self, line: bytes) -> None:
        self._relay.hear(line)

    async def run(self) -> int:
        """
        Live as long as the client, or until :meth:`stop`.

        Returns:
            The exit status: 1 if the client said what nobody can understand.
        """
        why = await self.near.ended
        if why:
            self._tell(why)
        await self._relay.finish()
        self.near.close()
        # Bounded: the client may not read what is left.
        closed: Deferred[None] = self.near.closed
        closed.addTimeout(GRACE, self._clock)
        closed.addErrback(lambda _: None)
        await closed
        return 1 if why else 0

    def stop(self) -> None:
        """
        End as if the client had.
        """
        self.near.readConnectionLost()
