# -*- test-case-name: tests.ctl.bridge.test_near -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The near side of the bridge: a client on our standard input and output.

One message is one line (MCP, "stdio").  Nothing else is ever written there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IHalfCloseableProtocol, IPushProducer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mcpd.ctl.bridge.valve import Valve
from mcpd.wire.lines import Lines, LineTooLong
from mcpd.wire.message import Piece

_UNREAD, _BUSY = "unread", "busy"


@implementer(IHalfCloseableProtocol, IPushProducer)
@define(eq=False)
class Near(Protocol):
    """
    The client's end: lines in, lines out.

    Attributes:
        heard: Called with each line.
        ended: Fires with an empty text once the client says no more, or with
            a sentence once nothing that it says can be understood.
        closed: Fires once nothing can be written any more.
    """

    _limit: int
    _valve: Valve
    heard: Callable[[bytes], None]
    ended: Deferred[str] = field(init=False, factory=Deferred)
    closed: Deferred[None] = field(init=False, factory=Deferred)
    _lines: Lines = field(init=False)
    _held: set[str] = field(init=False, factory=set)

    def __attrs_post_init__(self) -> None:
        self._lines = Lines(self._limit)

    @property
    def _pipes(self) -> Any:
        return self.transport  # A transport, a consumer and a producer at once.

    def connectionMade(self) -> None:
        """
        Begin: what the client does not read holds up all that would be written.
        """
        self._valve.add(self)
        self._pipes.registerProducer(self._valve, True)

    def dataReceived(self, data: bytes) -> None:
        """
        Hear whole lines.
        """
        if self.ended.called:
            return
        try:
            lines = self._lines.feed(data)
        except LineTooLong:
            self.ended.callback(f"a line is longer than {self._limit} bytes")
            return
        for line in lines:
            self.heard(line)

    def say(self, message: Iterable[Piece]) -> None:
        """
        Write one message, unless nobody reads it any more.

        Args:
            message: Pieces to be joined, without a line end.
        """
        if not self.closed.called:
            self._pipes.write(b"".join((*message, b"\n")))

    def hold(self, busy: bool) -> None:
        """
        Read no more for a while, or go on.
        """
        self._hold(_BUSY, busy)

    def close(self) -> None:
        """
        End, once all that was written is read; :attr:`closed` fires then.
        """
        if not self.closed.called:
            self._pipes.unregisterProducer()
            self._pipes.loseConnection()

    # Called by the valve: what we write at once, too, has to wait.

    def pauseProducing(self) -> None:
        """
        Read no more while the client does not.
        """
        self._hold(_UNREAD, True)

    def resumeProducing(self) -> None:
        """
        Go on.
        """
        self._hold(_UNREAD, False)

    def stopProducing(self) -> None:
        """
        Nothing: the pipe itself tells when it is closed.
        """

    def _hold(self, why: str, held: bool) -> None:
        was = bool(self._held)
        (self._held.add if held else self._held.discard)(why)
        if was != bool(self._held):
            (self._pipes.pauseProducing if held else self._pipes.resumeProducing)()

    # Called by twisted.internet.stdio.

    def readConnectionLost(self) -> None:
        """
        The client says no more.
        """
        if not self.ended.called:
            self.ended.callback("")

    def writeConnectionLost(self) -> None:
        """
        The client reads no more, so there is nothing to be done for it.
        """
        self.connectionLost(connectionDone)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Both ways are closed.
        """
        if not self.closed.called:
            self.closed.callback(None)
        self.readConnectionLost()
