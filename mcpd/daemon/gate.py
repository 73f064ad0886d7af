# -*- test-case-name: tests.daemon.test_gates -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One listener, with all that stands behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field
from twisted.internet.address import UNIXAddress
from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from mcpd.access.tickets import Tickets
from mcpd.config.addresses import read_endpoint
from mcpd.config.settings import Settings
from mcpd.policy.origin import HostRule
from mcpd.web.doors import Doors
from mcpd.web.shield import Shield
from mcpd.web.site import Resource, Site
from mcpd.web.spec import Listen, Tls
from mcpd.web.tls import Identity, Secured, wrap
from mcpd.web.visitor import Visitors
from mcpd.web.websocket import WebSockets

Open = Callable[[Listen, IProtocolFactory, int], IListeningPort]
"""Opens a listener (:meth:`mcpd.daemon.sockets.Sockets.open`)."""

Identities = Mapping[Tls, Identity]
"""What is shown, by what was configured of it."""


@define(eq=False)
class Gate:
    """
    One listener.

    Args:
        serve: Tells what is served at it, by path.

    Attributes:
        listen: What was configured.
        doors: Its connections.
        sockets: Those of them that speak WebSocket.
        tickets: The tickets for that.
        address: Where clients can connect.
        port: Where it listens.
    """

    listen: Listen
    doors: Doors
    sockets: WebSockets
    tickets: Tickets
    _serve: Callable[[Gate], Mapping[bytes, Resource]]
    address: str = field(init=False, default="")
    port: IListeningPort = field(init=False)
    _host: str = field(init=False, default="")
    _secured: Secured | None = field(init=False, default=None)

    def open(self, open: Open, identities: Identities, settings: Settings) -> None:
        """
        Let clients come.

        Args:
            open: Opens it.
            identities: What is shown, by what was configured of TLS.
            settings: All that was configured.

        Raises:
            Troubled: LISTEN, it can't be listened there.
            CannotListenError: Likewise.
        """
        listen, factory = self.listen, self.doors
        if listen.tls is not None:
            self._secured = Secured(identities[listen.tls], self.doors.porch.clock)
        front = factory if self._secured is None else wrap(factory, self._secured)
        self.port = open(listen, front, settings.limits.backlog)
        self._stand(self.port.getHost())
        self.change(listen, identities, settings)

    def change(self, listen: Listen, identities: Identities, settings: Settings) -> None:
        """
        Serve as another configuration says, of the same endpoint; connections that stand stay.

        Args:
            listen: What is configured now.
            identities: As for :meth:`open`; what is not among them stays as it is.
            settings: All that is configured.
        """
        self.listen = listen
        names: tuple[str, ...] = ()
        if self._secured is not None and listen.tls is not None:
            self._secured.change(identities.get(listen.tls, self._secured.identity))
            names = hosts(self._secured.identity)
        shield = Shield.new(
            (*listen.hosts, *names),
            listen.origins,
            settings.daemon.public_url,
            listen.tls is not None,
            listen.private_network,
        )
        shield.stand(self._host)
        self.doors.limit(settings.limits)
        self.doors.change(Site(shield, self._serve(self)), visitors(listen))
        self.sockets.settings, self.sockets.rates = settings.websocket, settings.rate
        self.tickets.most = settings.limits.tickets

    @property
    def identity(self) -> Identity | None:
        """
        What it shows; None: clear text.
        """
        return None if self._secured is None else self._secured.identity

    def _stand(self, place: Any) -> None:
        if isinstance(place, UNIXAddress):
            self.address = f"unix:{place.name.decode(errors='replace') if place.name else ''}"
            return
        self._host = place.host
        name = f"[{place.host}]" if ":" in place.host else place.host
        self.address = f"{'https' if self._secured else 'http'}://{name}:{place.port}"


def hosts(identity: Identity) -> tuple[str, ...]:
    """
    Tell which hosts requests may be meant for, by what is shown.

    What no host can be called is passed over: such a name is no reason to serve nobody.
    """
    return tuple(name for name in identity.names if _is_host(name))


def _is_host(name: str) -> bool:
    # Whoever issues certificates decides what stands in them.
    try:
        HostRule.read(name)
    except ValueError:
        return False
    return True


def visitors(listen: Listen) -> Visitors:
    """
    Make what a listener believes of its peers.
    """
    announced = read_endpoint(listen.endpoint).proxied
    return Visitors.new(listen.proxies, listen.tls is not None, listen.auth == "none", announced)
