# -*- test-case-name: tests.relay.test_line -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A connection that carries a whole conversation: many requests at once, and notices both ways.

What HTTP says with each request is known of a line once and for all.  In the
legacy era the line is the client's session; in the modern one it is where a
request's id belongs, so that a notice can cancel it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

from attrs import define, field
from msgspec import Struct

from mcpd.relay.session import Session
from mcpd.relay.way import Fields
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece

_OTHER_ERA = "this connection speaks the other era: open another one"


class Parting(Enum):
    """
    Why we end a line.
    """

    OVER = "the session has ended"
    EXPELLED = "these credentials are not accepted any more"


class Sender(Protocol):
    """
    The connection, as the line sees it.
    """

    def send(self, parts: Sequence[Piece]) -> None:
        """
        Send a message, to be joined.
        """

    def part(self, parting: Parting) -> None:
        """
        Close the connection.
        """

    def rest(self) -> None:
        """
        Hear, where the line is retiring, that no request is left without its answer.
        """


@define(eq=False)
class Line:
    """
    One client's conversation on one connection.

    Args:
        caller: The principal's name.
        sender: The connection.
        mint: Makes the ids of requests, which errors and the log have.

    Attributes:
        caller: As above.
        session: The client's session, in the legacy era and once it shook hands.
        unreadable: How many messages came that were no JSON.
        retiring: Whether the connection is to hear when no request is left without its answer.
    """

    caller: str
    _sender: Sender
    mint: Callable[[], str]
    session: Session | None = field(init=False, default=None)
    unreadable: int = field(init=False, default=0)
    retiring: bool = field(init=False, default=False)
    _say: Callable[[Sequence[Piece]], None] = field(init=False)
    _modern: bool = field(init=False, default=False)
    _gone: bool = field(init=False, default=False)
    _ways: dict[LineWay, None] = field(init=False, factory=dict)
    _ids: dict[bytes, LineWay] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self._say = self._sender.send

    # What the door says.

    def way(self) -> LineWay:
        """
        Make the way back of the next message.
        """
        way = LineWay(self)
        self._ways[way] = None
        return way

    @property
    def busy(self) -> bool:
        """
        Whether a request waits for its answer.
        """
        return bool(self._ways)

    def lost(self) -> None:
        """
        Hear that the connection is gone: all that runs is cancelled, and nothing is said any more.

        Its session is ended by who holds the books of sessions.
        """
        self._gone = True
        ways, self._ways = self._ways, {}
        self._ids.clear()
        for way in ways:
            way.lost()

    # What the router says.

    @property
    def is_modern(self) -> bool:
        """
        Whether it was of the modern era so far.
        """
        return self._modern

    def begin(self, request: bytes, way: LineWay) -> None:
        """
        Take a modern request, which a notice may cancel from now on.

        Raises:
            Fault: INVALID, the line is of the other era, or has a request with
                this id that is not answered yet.
        """
        if self.session is not None:
            raise Fault(Kind.INVALID, _OTHER_ERA)
        if request in self._ids:
            raise Fault(Kind.INVALID, "a request with this id is running already")
        self._ids[request] = way
        way.request = request

    def pin(self) -> None:
        """
        Be of the modern era from now on.
        """
        self._modern = True

    def meet(self, session: Session) -> None:
        """
        Be a legacy client's session, whose notices go out by this line.
        """
        self.session = session
        session.stand(StandingWay(self))

    def check_greeting(self) -> None:
        """
        Judge that a client shakes hands.

        Raises:
            Fault: INVALID, it has, or the line is of the other era.
        """
        if self._modern:
            raise Fault(Kind.INVALID, _OTHER_ERA)
        if self.session is not None:
            raise Fault(Kind.INVALID, "this connection has its session: open another one for another")

    def cancel(self, request: bytes) -> None:
        """
        Cancel a modern request, which gets no answer; one that is not running is none of ours.
        """
        way = self._ids.get(request)
        if way is not None:
            way.lost()
            self.over(way)

    def part(self, parting: Parting) -> None:
        """
        End the connection, on which nothing is said any more.
        """
        if not self._gone:
            self._gone = True
            self._sender.part(parting)

    # What its ways say.

    def send(self, parts: Sequence[Piece]) -> None:
        """
        Send a message, unless there is nobody any more.
        """
        if not self._gone:
            self._say(parts)

    def answer(self, way: LineWay, parts: Sequence[Piece]) -> None:
        """
        Send the last message of a way: nearly always the only one.
        """
        if not self._gone:
            self._say(parts)
            self.over(way)

    def over(self, way: LineWay) -> None:
        """
        Hear that a message needs no way back any more.
        """
        if self._gone:
            return
        ways = self._ways
        del ways[way]
        if way.request:
            del self._ids[way.request]
        if self.retiring and not ways:
            self._sender.rest()


class LineWay(Struct, eq=False):
    """
    The way back of one message on a line (:class:`mcpd.relay.way.Way`).

    Statuses, header fields and the ids of events are none of its business.

    Attributes:
        hung_up: Called once if the client goes, or cancels, before the answer.
        request: The raw id of the request, where a notice may cancel it.
    """

    _line: Line
    hung_up: Callable[[], None] | None = None
    request: bytes = b""
    _done: bool = False
    _id: str = ""

    @property
    def id(self) -> str:
        """
        The request id: nearly always nobody wants to know.
        """
        if not self._id:
            self._id = self._line.mint()
        return self._id

    def answer(
        self, parts: Sequence[Piece], status: int = 200, fields: Fields = (), mark: bytes = b""
    ) -> None:
        """
        Give the answer.
        """
        if not self._done:
            self._done = True
            self._line.answer(self, parts)

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        Say nothing, as to a notice.
        """
        self.end()

    def open(self) -> None:
        """
        Do nothing: the line is open.
        """

    def prime(self, mark: bytes, retry: int) -> None:
        """
        Do nothing: nobody can come again.
        """

    def notice(self, parts: Sequence[Piece], mark: bytes = b"") -> None:
        """
        Send a message before the answer.
        """
        if not self._done:
            self._line.send(parts)

    def end(self) -> None:
        """
        End without an answer.
        """
        if not self._done:
            self._done = True
            self._line.over(self)

    def fault(self, fault: Fault, id: bytes | None = None, status: int | None = None) -> None:
        """
        Give a fault as the answer.
        """
        if fault.kind is Kind.UNREADABLE:
            self._line.unreadable += 1
        data = {**fault.data, "requestId": self.id}
        self.answer((write.error(id, fault.kind.code, fault.text, data),))

    def lost(self) -> None:
        """
        Hear that nobody waits for the answer any more.
        """
        if not self._done:
            self._done = True
            hung_up, self.hung_up = self.hung_up, None
            if hung_up is not None:
                hung_up()


class StandingWay(LineWay):
    """
    The way of what belongs to no request; it ends with its session.
    """

    def end(self) -> None:
        """
        End the line, for there is no session without it, nor the other way round.
        """
        self._line.part(Parting.OVER)
