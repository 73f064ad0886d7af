# -*- test-case-name: tests.ctl.bridge.test_body -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The body of an HTTP response: one text, or a stream of events.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http import PotentialDataLoss

from mcpd.ctl.bridge.valve import Valve
from mcpd.wire.sse import Event, Events, EventTooLong


class Cut(Exception):
    """
    The far side was lost, or is not to be understood, after a request was sent: it may have taken it.

    Its text says what happened.
    """


class TooLong(Cut):
    """
    What it said is too long, and would be again.
    """


@define(eq=False)
class Body(Protocol):
    """
    Reads one body, as fast as what comes of it is read.

    Attributes:
        over: Fires at the end of the body, and fails with :class:`Cut`.
            Cancelling it hangs up.
    """

    _valve: Valve
    _take: Callable[[bytes], None]
    over: Deferred[None] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.over = Deferred(lambda _: self._hang_up())

    @property
    def _flow(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        """
        It begins.
        """
        self._valve.add(self._flow)

    def dataReceived(self, data: bytes) -> None:
        """
        Take a part of it.
        """
        if self.over.called:
            return
        try:
            self._take(data)
        except Cut as cut:
            self._hang_up()
            self.over.errback(cut)
            return
        if self._valve.shut:
            # Twisted's response resumes its transport once it is delivered.
            self._flow.pauseProducing()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        It is over, or broke off.
        """
        self._valve.remove(self._flow)
        if self.over.called:
            return
        # A body without a length ends with its connection (RFC 9112, section 6.3).
        if reason.check(ResponseDone, PotentialDataLoss):
            self.over.callback(None)
        else:
            self.over.errback(Cut("the connection broke off in the middle of the response"))

    def _hang_up(self) -> None:
        self._flow.stopProducing()


@define(eq=False)
class Whole:
    """
    A body that is one text.

    Attributes:
        limit: Most bytes.
    """

    limit: int
    _pieces: list[bytes] = field(init=False, factory=list)
    _size: int = field(init=False, default=0)

    def take(self, data: bytes) -> None:
        """
        Take a part.

        Raises:
            TooLong: It is.
        """
        self._size += len(data)
        # Bounded: the far side may send anything.
        if self._size > self.limit:
            raise TooLong(f"the response is longer than {self.limit} bytes")
        self._pieces.append(data)

    def text(self) -> bytes:
        """
        Give all that came.
        """
        return b"".join(self._pieces)


@define(eq=False)
class Stream:
    """
    A body that is events (the WHATWG HTML standard, section 9.2).

    Attributes:
        limit: Most bytes of one event.
        events: The reader, which knows the last id and the time to retry.
    """

    limit: int
    _hear: Callable[[Event], None]
    events: Events = field(init=False)
    _waiting: Whole = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.events = Events(self.limit)
        self._waiting = Whole(self.limit)

    def take(self, data: bytes) -> None:
        """
        Take a part, and tell the events that are whole.

        Raises:
            TooLong: An event is.
        """
        self._waiting.take(data)
        # An event ends with a line, and what is joined at each part is copied as often.
        if b"\n" not in data and b"\r" not in data:
            return
        whole, self._waiting = self._waiting.text(), Whole(self.limit)
        try:
            events = self.events.feed(whole)
        except EventTooLong:
            raise TooLong(f"an event is longer than {self.limit} bytes") from None
        for event in events:
            self._hear(event)
