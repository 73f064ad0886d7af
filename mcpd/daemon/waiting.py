# -*- test-case-name: tests.daemon.test_waiting -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients that wait in a socket which was handed over, until the daemon is ready for them.

At a restart nobody closes that socket, so nobody is refused.  But who is let in
before the plugins have said what they have is told that there is no such tool.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.task import LoopingCall

from mcpd.systemd import PATIENCE

_LOOK = 0.1


@define(eq=False)
class Waiting:
    """
    Ports that take nobody in yet.
    """

    _clock: IReactorTime
    _ports: list[Any] = field(init=False, factory=list)
    _looking: LoopingCall | None = field(init=False, default=None)

    def hold(self, port: IListeningPort) -> None:
        """
        Have a port take nobody in for now.

        Args:
            port: One of Twisted's own, which listens already; who connects waits in its backlog.
        """
        held: Any = port
        held.stopReading()
        self._ports.append(held)

    def begin(self, is_ready: Callable[[], bool]) -> None:
        """
        Let everybody in once the daemon is ready, or has had :data:`mcpd.systemd.PATIENCE` seconds for it.

        Args:
            is_ready: Says whether it is.
        """
        if not self._ports:
            return
        until = self._clock.seconds() + PATIENCE

        def look() -> None:
            if is_ready() or self._clock.seconds() >= until:
                self.end()
                for port in self._ports:
                    port.startReading()

        self._looking = LoopingCall(look)
        self._looking.clock = self._clock
        self._looking.start(_LOOK, now=False)

    def end(self) -> None:
        """
        Leave it as it is from now on: who is not in is the next daemon's.
        """
        looking, self._looking = self._looking, None
        if looking is not None:
            looking.stop()
