# -*- test-case-name: tests.relay.test_stream -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
An event stream of a legacy session, which outlives its connections.

A stream goes on when its connection is cut, or ended to be polled: what is
said meanwhile is kept for the GET that resumes it (MCP 2025-11-25, "Resumability
and Redelivery").
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from attrs import define, field

from mcpd.relay.replay import Replay
from mcpd.relay.way import Fields, Way
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece
from mcpd.wire.revision import Revision

RETRY = 500
"""Milliseconds after which a client whose stream was cut comes again."""

_LOST = "the answer came while nobody listened, and could not be kept until now"
_UNANSWERED = -1


class Home(Protocol):
    """
    What a stream shares with the others of its session; :class:`mcpd.relay.streams.Streams` is the real one.

    Attributes:
        revision: What the client speaks.
        replay: What is kept.
    """

    @property
    def revision(self) -> Revision: ...  # noqa: D102  described above, like the next
    @property
    def replay(self) -> Replay: ...  # noqa: D102

    def keep(self, stream: Stream, number: int, body: bytes) -> None:
        """
        Keep an event of a stream, as long as there is room.
        """

    def settle(self, stream: Stream) -> None:
        """
        Forget a stream of which nothing is left to be sent, now or again.
        """


@define(eq=False)
class Stream:
    """
    One stream: the way back of an exchange, or, with number 0, the one that a GET opens.

    Its events are numbered, and their ids, the marks, are ``STREAM-EVENT``.

    Attributes:
        number: Its number in the session.
        home: Its session's streams.
        marked: Whether its events have marks, so that it can be resumed.
        request: The raw id of the request that it answers; empty if there is no one such.
        id: The request id of the connection that it has, or had last.
        hung_up: Called once if the client goes and can't come back, which is
            so without marks.
        sent: The number of the last event that was sent; -1 before the first.
        last: The number of the answer; None before it, -1 if it ended without.
    """

    number: int
    home: Home
    marked: bool
    request: bytes = b""
    id: str = ""
    hung_up: Callable[[], None] | None = None
    sent: int = field(init=False, default=-1)
    last: int | None = field(init=False, default=None)
    _next: int = field(init=False, default=0)
    _way: Way | None = field(init=False, default=None)

    # What an exchange says (:class:`mcpd.relay.way.Way`).  Marks are our own,
    # and for a status and fields it is too late.

    def answer(
        self, parts: Sequence[Piece], status: int = 200, fields: Fields = (), mark: bytes = b""
    ) -> None:
        """
        Give the answer: the last event.
        """
        if self.last is None:
            self.last = self._next
            self._say(parts)
            self.home.settle(self)

    def notice(self, parts: Sequence[Piece], mark: bytes = b"") -> None:
        """
        Send a message, or keep it until somebody listens.
        """
        if self.last is None:
            self._say(parts)

    def prime(self, mark: bytes = b"", retry: int = RETRY) -> None:
        """
        Send an event without a message, where the revision has such.
        """
        if self._way is not None and self._primes:
            self.sent = self._take()
            self._way.prime(self._mark(self.sent), retry)

    def open(self) -> None:
        """
        Open the stream at once, where it has a connection.
        """
        if self._way is not None:
            self._way.open()

    def fault(self, fault: Fault, id: bytes | None = None, status: int | None = None) -> None:
        """
        Give a fault as the answer.
        """
        self.answer((self._written(fault, id),))

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        End without an answer, like :meth:`end`.
        """
        self.end()

    def end(self) -> None:
        """
        End without an answer.
        """
        if self.last is None:
            self.last = _UNANSWERED
            way = self.leave()
            if way is not None:
                way.end()
            self.home.settle(self)

    # Its connection.

    def park(self) -> None:
        """
        End the connection, but not the stream: the client comes again to ask how it goes.

        Nothing happens where the client would not know that it has to, before
        2025-11-25 (MCP 2025-11-25, "Sending Messages to the Server").
        """
        way = self.leave() if self._primes else None
        if way is not None:
            way.end()

    def resume(self, way: Way, after: int = -1) -> None:
        """
        Be carried by a connection, until it is cut.

        Args:
            way: The connection.
            after: The number of the last event that the client has.
        """
        way.hung_up = self._cut
        self.attach(way, after)

    def attach(self, way: Way, after: int) -> None:
        """
        Send what followed an event, and go on; a former connection ends.
        """
        former = self.leave()
        if former is not None:
            former.end()
        self._way, self.id = way, way.id
        events = self.home.replay.after(self.number, after)
        answer = None if self.last is None else events.pop(self.last, None)
        for number, body in events.items():
            way.notice((body,), self._mark(number))
        self.sent = self._next - 1
        if not self.marked:
            self.home.replay.forget(self.number)
        if self.last is None:
            # Not before the messages: who had only this mark would miss them.
            self.prime()
        else:
            self._close(way, self.last > after, answer)

    def leave(self) -> Way | None:
        """
        Let go of the connection, and give it.
        """
        way, self._way = self._way, None
        if way is not None:
            way.hung_up = None
        return way

    def _cut(self) -> None:
        # A disconnect is no cancellation (MCP 2025-11-25, "Sending Messages to the Server").
        self.leave()
        if not self.marked:
            self.last = _UNANSWERED
            hung_up, self.hung_up = self.hung_up, None
            if hung_up is not None:
                hung_up()

    def _say(self, parts: Sequence[Piece]) -> None:
        way, number = self._way, self._take()
        if way is None or self.marked:
            body = write.join(parts)
            parts = (body,)
            self.home.keep(self, number, body)
        if way is None:
            return
        self.sent = number
        if self.last is None:
            way.notice(parts, self._mark(number))
        else:
            self.leave()
            way.answer(parts, mark=self._mark(number))

    def _close(self, way: Way, wanted: bool, answer: bytes | None) -> None:
        self.leave()
        if not wanted:
            way.end()
        elif answer is not None:
            way.answer((answer,), mark=self._mark(self.sent))
        else:
            # Never silently lost: who comes for it is told.
            self.sent = self._take()
            body = self._written(Fault(Kind.INTERNAL, _LOST), self.request or None)
            way.answer((body,), mark=self._mark(self.sent))
        self.home.settle(self)

    @property
    def _primes(self) -> bool:
        return self.marked and self.home.revision.primes

    def _take(self) -> int:
        number = self._next
        self._next += 1
        return number

    def _mark(self, number: int) -> bytes:
        return b"%d-%d" % (self.number, number) if self.marked else b""

    def _written(self, fault: Fault, id: bytes | None) -> bytes:
        return write.error(id, fault.kind.code, fault.text, {**fault.data, "requestId": self.id})
