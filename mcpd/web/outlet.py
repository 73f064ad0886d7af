# -*- test-case-name: tests.web.test_outlet -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Bytes on their way to a client, and what becomes of a client that does not take them.

Twisted's ``transport.write`` waits for the next turn of the reactor and costs
two system calls more than a send.  On plain sockets a :class:`DirectOutlet`
sends at once when nothing waits before it; that needs names which Twisted
keeps to itself, so they are named here, and only here, and have a test of
their own.  On TLS it would overtake what the TLS layer still holds: there, and
on anything unknown, an :class:`Outlet` writes.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IPushProducer, IReactorTime, ISSLTransport
from twisted.protocols.policies import ProtocolWrapper
from zope.interface import implementer

from mcpd.web.spec import Limits

# Twisted's names, of twisted.internet.abstract.FileDescriptor and tcp.Connection.
PRIVATE = ("writeSomeData", "dataBuffer", "offset", "_tempDataBuffer", "_tempDataLen")


def choose(transport: Any, limits: Limits, slow: set[Outlet], clock: IReactorTime) -> Outlet:
    """
    Make the outlet that fits a connection's transport.

    Args:
        transport: The transport.
        limits: The bounds on what waits.
        slow: Where an outlet stands while a client takes less than it is sent.
        clock: Tells the time.
    """
    wrapped = isinstance(transport, ProtocolWrapper) or ISSLTransport.providedBy(transport)
    plain = not wrapped and _is_known(transport)
    return (DirectOutlet if plain else Outlet)(transport, limits, slow, clock)


@implementer(IPushProducer)
class Outlet:
    """
    Writes to any transport, and learns as its producer when too much waits.
    """

    # What waited at the last look, and what was sent since then.
    _seen = 0
    _added = 0

    def __init__(self, transport: Any, limits: Limits, slow: set[Outlet], clock: IReactorTime) -> None:
        self._transport = transport
        innermost = _innermost(transport)
        self._socket = innermost if _is_known(innermost) else None
        self._limits = limits
        self._slow = slow
        self._clock = clock
        self._since = 0.0
        self._waiting = 0
        self._watch()

    @property
    def waiting(self) -> int:
        """
        Bytes that wait for the client, as far as one can know.
        """
        socket = self._socket
        if socket is None:
            return self._waiting
        return int(len(socket.dataBuffer) - socket.offset + socket._tempDataLen)

    def send(self, data: bytes) -> None:
        """
        Send, or keep for when the client takes it.

        If more waits already than may, that is the end of the connection.  One
        answer may be longer than that; its own bound is the worker's.
        """
        if self.waiting > self._limits.unsent:
            self.abort()
            return
        if self in self._slow:
            self._waiting += len(data)
        self._transport.write(data)
        self._added += len(data)

    def look(self, now: float) -> None:
        """
        Give up on a client that took nothing for too long.

        Args:
            now: Seconds.
        """
        waiting = self.waiting
        # TLS makes a little more of what was sent.
        if waiting < self._seen + self._added:
            self._since = now
        self._seen, self._added = waiting, 0
        if now - self._since >= self._limits.stall:
            self.abort()

    def finish(self) -> None:
        """
        Say that nothing follows, where the transport can, and go on reading.
        """

    def close(self) -> None:
        """
        Close the connection once everything is sent.
        """
        self._transport.unregisterProducer()
        self._transport.loseConnection()
        if self._socket is not None:
            # TLS would wait for the client's own goodbye, which is late where a
            # client is slow, and need not be waited for (RFC 8446, section 6.1).
            self._socket.loseConnection()
        if self.waiting:
            self._begin()

    def abort(self) -> None:
        """
        Close the connection now, whatever is lost.
        """
        self.forget()
        self._transport.abortConnection()

    def release(self) -> None:
        """
        Leave the transport to another outlet.
        """
        self.forget()
        self._transport.unregisterProducer()

    def forget(self) -> None:
        """
        Stop waiting for the client: the connection is gone.
        """
        self._waiting = self._seen = self._added = 0
        self._slow.discard(self)

    def pauseProducing(self) -> None:
        """
        Hear from the transport that its buffer is full.
        """
        self._begin()

    def resumeProducing(self) -> None:
        """
        Hear from the transport that its buffer is empty again.
        """
        self.forget()

    def stopProducing(self) -> None:
        """
        Hear from the transport that it is gone.
        """
        self.forget()

    def _watch(self) -> None:
        self._transport.registerProducer(self, True)

    def _begin(self) -> None:
        # Look at the client from now on.
        if self not in self._slow:
            self._slow.add(self)
            self._since = self._clock.seconds()
            self._seen, self._added = self.waiting, 0


class DirectOutlet(Outlet):
    """
    Sends at once on a plain socket of Twisted's, as long as nothing waits.
    """

    def send(self, data: bytes) -> None:
        """
        Send, or keep for when the client takes it, as above.
        """
        transport = self._transport
        if not transport.dataBuffer and not transport._tempDataBuffer:
            sent = transport.writeSomeData(data)
            if sent == len(data):
                return
            data = self._send_more(data, sent)
            if not data:
                return
        self._keep(data)

    def look(self, now: float) -> None:
        """
        Give up on a client that took nothing for too long.

        Args:
            now: Seconds.
        """
        if self.waiting:
            super().look(now)
        else:
            self.forget()

    def finish(self) -> None:
        """
        Say that nothing follows, and go on reading.
        """
        self._transport.loseWriteConnection()

    def close(self) -> None:
        """
        Close the connection once everything is sent.
        """
        self._transport.loseConnection()

    def release(self) -> None:
        """
        Leave the transport to another outlet.
        """
        self.forget()

    def _watch(self) -> None:
        # What waits can be seen at any time: there is no need to be told.
        pass

    def _send_more(self, data: bytes, sent: Any) -> bytes:
        # One send takes at most SEND_LIMIT bytes: go on while the socket takes
        # them.  An error comes as a value; the transport meets it again when
        # it writes, and ends the connection in its own turn.
        rest = memoryview(data)
        while isinstance(sent, int) and sent > 0:
            rest = rest[sent:]
            if not rest:
                return b""
            sent = self._transport.writeSomeData(rest)
        return bytes(rest)

    def _keep(self, data: bytes) -> None:
        if self.waiting > self._limits.unsent:
            self.abort()
            return
        self._begin()
        self._added += len(data)
        self._transport.write(data)


def _innermost(transport: Any) -> Any:
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    return transport


def _is_known(transport: Any) -> bool:
    return all(hasattr(transport, name) for name in PRIVATE)
