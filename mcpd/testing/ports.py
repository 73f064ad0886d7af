# -*- test-case-name: tests.testing.test_ports -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Listening ports that are no sockets, and the reactor that makes them.
"""

from __future__ import annotations

import errno
import os

from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort, IProtocolFactory
from twisted.internet.task import deferLater
from zope.interface import implementer

from mcpd.testing.process import ProcessReactor

Place = tuple[str, int | None]
"""An address and a port, or a socket's path and None."""


@implementer(IListeningPort)
@define(eq=False)
class Port:
    """
    A listening port that is no socket.

    Attributes:
        factory: Makes the daemon's side of a connection.
        backlog: Connections that a kernel would hold.
        reads: Whether it takes connections in.
    """

    factory: IProtocolFactory
    backlog: int
    _reactor: DoorReactor
    _place: Place
    reads: bool = field(init=False, default=True)

    def startListening(self) -> None:
        """
        Listen, if nobody else does there.

        Raises:
            CannotListenError: Somebody does.
        """
        if self._place in self._reactor.ports:
            taken = OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
            raise CannotListenError(*self._place, taken)
        self._reactor.ports[self._place] = self

    def stopListening(self) -> Deferred[None]:
        """
        Stop, in the next turn.
        """
        return deferLater(self._reactor, 0, self._stop)

    def stopReading(self) -> None:
        """
        Take nobody in, as Twisted's own can.
        """
        self.reads = False

    def startReading(self) -> None:
        """
        Take everybody in again.
        """
        self.reads = True

    def _stop(self) -> None:
        del self._reactor.ports[self._place]
        self._reactor.closed.append(self._place)

    def getHost(self) -> IPv4Address | IPv6Address | UNIXAddress:
        """
        Tell where it listens.
        """
        host, port = self._place
        if port is None:
            return UNIXAddress(host)
        return IPv6Address("TCP", host, port) if ":" in host else IPv4Address("TCP", host, port)


class DoorReactor(ProcessReactor):
    """
    A reactor in memory where an address can be taken.

    Attributes:
        ports: What listens, by its place, in the order in which it began.
        closed: Where something listened that has stopped, in that order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.ports: dict[Place, Port] = {}
        self.closed: list[Place] = []

    def listenTCP(self, port: int, factory: IProtocolFactory, backlog: int = 50, interface: str = "") -> Port:
        """
        Make a port, as the interface has it.
        """
        return self._listen(factory, backlog, (interface or "0.0.0.0", port))  # noqa: S104  a name, no socket

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = 50,
        mode: int = 0o666,
        wantPID: bool = False,
    ) -> Port:
        """
        Make a port without a file, likewise.
        """
        return self._listen(factory, backlog, (address, None))

    def _listen(self, factory: IProtocolFactory, backlog: int, place: Place) -> Port:
        made = Port(factory, backlog, self, place)
        made.startListening()
        return made
