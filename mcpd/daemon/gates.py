# -*- test-case-name: tests.daemon.test_gates -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The listeners.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from attrs import define, field
from twisted.internet.defer import DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort, IReactorTime
from twisted.internet.task import deferLater

from mcpd.access.tickets import Tickets
from mcpd.config.addresses import Inherited, read_endpoint
from mcpd.config.settings import Settings
from mcpd.daemon.gate import Gate, Identities, Open, visitors
from mcpd.daemon.waiting import Waiting
from mcpd.events import CertificateEnds, Event, RevocationsEnd
from mcpd.web.doors import Doors
from mcpd.web.ledger import Ledger
from mcpd.web.porch import Porch
from mcpd.web.shield import Shield
from mcpd.web.site import Resource, Site
from mcpd.web.spec import Listen
from mcpd.web.websocket import WebSockets

_HOUR, _DAY = 3600, 86400
# Days that are enough to have a certificate renewed by hand; lists are made anew
# by themselves, mostly daily.
_SOON, _LISTS_SOON = 21, 2
# Seconds that who was let in last has to ask, and between two looks at what is waited for.
_GRACE, _LOOK = 1.0, 0.05
# Nobody has come yet who could meet it.
_SHUT = Site(Shield((), ()), {})


@define(eq=False)
class Gates:
    """
    Every listener.

    Args:
        clock: Tells the time, and calls later.
        entropy: Gives so many random bytes.
        open: Opens a listener.
        tell: Hears what happens at them.
        settings: What was configured.
        serve: Tells what is served at one, by path.

    Attributes:
        waiting: Clients of sockets that were handed over, until we are ready for them.
    """

    _clock: IReactorTime
    _entropy: Callable[[int], bytes]
    _open: Open
    _tell: Callable[[Event], None]
    _settings: Settings
    _serve: Callable[[Gate], Mapping[bytes, Resource]]
    waiting: Waiting = field(init=False)
    _ledger: Ledger = field(init=False)
    _gates: list[Gate] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._ledger = Ledger(self._settings.limits)
        self.waiting = Waiting(self._clock)

    @property
    def addresses(self) -> Sequence[str]:
        """
        Where clients can connect.
        """
        return [gate.address for gate in self._gates]

    def open(self, listen: Listen, identities: Identities) -> str:
        """
        Open one.

        Args:
            listen: What was configured.
            identities: What is shown, by what was configured of TLS.

        Returns:
            Its address.

        Raises:
            Troubled: LISTEN, it can't be listened there.
            CannotListenError: Likewise.
        """
        settings = self._settings
        doors = Doors(
            self._clock,
            _SHUT,
            settings.limits,
            self._ledger,
            self._entropy,
            visitors=visitors(listen),
            tell=self._tell,
        )
        sockets = WebSockets(doors.porch, settings.websocket, settings.rate)
        tickets = Tickets(self._clock, self._entropy, settings.limits.tickets)
        gate = Gate(listen, doors, sockets, tickets, self._serve)
        gate.open(self._open, identities, settings)
        if isinstance(read_endpoint(listen.endpoint), Inherited):
            self.waiting.hold(gate.port)
        self._gates.append(gate)
        return gate.address

    def change(self, settings: Settings, identities: Identities) -> None:
        """
        Serve as another configuration says.

        Args:
            settings: It, with a listener of the same endpoint for each that is open.
            identities: As for :meth:`open`.
        """
        self._settings = settings
        for gate, listen in zip(self._gates, settings.listen, strict=True):
            gate.change(listen, identities, settings)

    def ending(self, now: float) -> Iterator[CertificateEnds | RevocationsEnd]:
        """
        Tell which certificates have less than 21 days left, and which revocation lists less than two.

        Args:
            now: Seconds since 1970.
        """
        for gate in self._gates:
            if gate.identity is None:
                continue
            days = math.floor((gate.identity.expires - now) / _DAY)
            if days < _SOON:
                yield CertificateEnds(gate.address, days)
            lists_end = gate.identity.lists_end
            if lists_end is not None and lists_end < now + _LISTS_SOON * _DAY:
                yield RevocationsEnd(gate.address, math.floor((lists_end - now) / _HOUR))

    def forget(self, caller: str) -> None:
        """
        Forget the tickets of a principal whose credentials open nothing any more.
        """
        for gate in self._gates:
            gate.tickets.forget(caller)

    async def close(self) -> None:
        """
        Take no new connections, and let those go that are not in use.
        """
        self.waiting.end()
        await closed([gate.port for gate in self._gates])
        for gate in self._gates:
            gate.doors.retire()
        # Who was let in just now asks in a moment; its call is one to be drained.
        await self._while(lambda porch: porch.expecting, self._clock.seconds() + _GRACE)

    async def deliver(self, until: float) -> None:
        """
        Wait until every client has taken what it was sent: what is ours yet would end with us.

        Args:
            until: When to wait no longer, in seconds of the clock.
        """
        await self._while(lambda porch: porch.delivering, until)

    async def _while(self, waits: Callable[[Porch], bool], until: float) -> None:
        while any(waits(gate.doors.porch) for gate in self._gates) and self._clock.seconds() < until:
            await deferLater(self._clock, _LOOK, lambda: None)


async def closed(ports: Iterable[IListeningPort]) -> None:
    """
    Stop listening at some ports, and wait until all have stopped.
    """
    await DeferredList([maybeDeferred(port.stopListening) for port in ports], consumeErrors=True)
