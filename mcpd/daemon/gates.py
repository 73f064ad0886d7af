# -*- test-case-name: tests.daemon.test_gates -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The listeners, and what is served at each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IListeningPort
from twisted.python.failure import Failure

from mcpd.web.http import Doors
from mcpd.web.ledger import Ledger
from mcpd.web.shield import Shield
from mcpd.web.site import Resource, Site
from mcpd.web.spec import Limits, Listen


@define(eq=False)
class Gates:
    """
    Every listener.

    Attributes:
        addresses: Where clients can connect.
    """

    _reactor: Any
    _entropy: Callable[[int], bytes]
    _limits: Limits
    _public_url: str
    addresses: list[str] = field(init=False, factory=list)
    _ledger: Ledger = field(init=False)
    _doors: list[Doors] = field(init=False, factory=list)
    _ports: list[IListeningPort] = field(init=False, factory=list)

    def __attrs_post_init__(self) -> None:
        self._ledger = Ledger(self._limits)

    def open(self, listen: Listen, resources: Mapping[bytes, Resource]) -> str:
        """
        Open one.

        Args:
            listen: What was configured.
            resources: What is served there, by path.

        Returns:
            Its address.

        Raises:
            CannotListenError: The address can't be had.
        """
        limits = self._limits
        shield = Shield.new(listen.hosts, listen.origins, self._public_url)
        doors = Doors(self._reactor, Site(shield, resources), limits, self._ledger, self._entropy)
        backlog = "" if ":backlog=" in listen.endpoint else f":backlog={limits.backlog}"
        endpoint = serverFromString(self._reactor, listen.endpoint + backlog)
        port = _now(endpoint.listen(doors))
        self._doors.append(doors)
        self._ports.append(port)
        host: Any = port.getHost()
        shield.stand(host.host, host.port)
        name = f"[{host.host}]" if ":" in host.host else host.host
        self.addresses.append(f"http://{name}:{host.port}")
        return self.addresses[-1]

    def limit(self, limits: Limits) -> None:
        """
        Hold new connections to other limits.
        """
        self._limits = limits
        for doors in self._doors:
            doors.limit(limits)

    async def close(self) -> None:
        """
        Take no new connections, and let those go that are not in use.
        """
        await closed(self._ports)
        for doors in self._doors:
            doors.retire()


async def closed(ports: Iterable[IListeningPort]) -> None:
    """
    Stop listening at some ports, and wait until all have stopped.
    """
    await DeferredList([maybeDeferred(port.stopListening) for port in ports], consumeErrors=True)


def _now(listening: Deferred[IListeningPort]) -> IListeningPort:
    # An endpoint of ours is bound, or fails, at once.
    ports: list[IListeningPort] = []
    failures: list[Failure] = []
    listening.addCallbacks(ports.append, failures.append)
    if failures:
        failures[0].raiseException()
    return ports[0]
