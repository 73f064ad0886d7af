# -*- test-case-name: tests.web.test_reply -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The way back of one request: one JSON text, or a stream of events.

Every answer has the security fields, errors too.  They are made of constant
pieces, since this is written for each call.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Protocol

from attrs import define, field
from msgspec import Struct
from twisted.internet.interfaces import ITransport
from twisted.python.failure import Failure

from mcpd.wire import sse, write
from mcpd.wire.fault import Fault
from mcpd.wire.message import Piece

Fields = tuple[tuple[bytes, bytes], ...]

_LINES = {status.value: b"HTTP/1.1 %d %s\r\n" % (status, status.phrase.encode()) for status in HTTPStatus}

# No Server, no version, no cookie, ever; Permissions-Policy and the like are
# for documents.
_SECURITY = (
    b"X-Content-Type-Options: nosniff\r\n"
    b"Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"
    b"Referrer-Policy: no-referrer\r\n"
)
SAME_ORIGIN = b"Cross-Origin-Resource-Policy: same-origin\r\n"
"""The line of every answer but those to pages of other origins that are allowed."""

_JSON = b"%b\r\nCache-Control: no-store\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
_EMPTY = b"%b\r\nCache-Control: no-store\r\nContent-Length: 0\r\n"
# RFC 9110, section 8.6: a 204 has no Content-Length.
_NOTHING = b"%b\r\nCache-Control: no-store\r\n"
# nginx would hold events back without the second, and compress them without "no-transform".
_STREAM = (
    b"%b\r\nCache-Control: no-store, no-transform\r\n"
    b"X-Accel-Buffering: no\r\n"
    b"Content-Type: text/event-stream\r\n"
)


@define
class Stamp:
    """
    The fields that all answers of a second share, up to the request's id.

    Attributes:
        own: The lines that are not the same for every client.
    """

    own: bytes = SAME_ORIGIN
    _second: int = field(default=-1, init=False)
    _fields: bytes = field(default=b"", init=False)

    def fields(self, now: float) -> bytes:
        """
        Give the fields; the id belongs right behind them.

        Args:
            now: Seconds since 1970.
        """
        second = int(now)
        if second != self._second:
            self._second = second
            date = formatdate(second, usegmt=True).encode()
            self._fields = b"%b%bDate: %b\r\nX-Request-Id: " % (_SECURITY, self.own, date)
        return self._fields


class Successor(Protocol):
    """
    What a connection can be handed over to: a protocol of Twisted's that keeps our deadlines.

    Its transport is its own from then on.  When that is lost, it leaves the
    porch, on which it has taken the former connection's place.

    Attributes:
        due: When it is to be checked, in seconds.
    """

    due: float

    def makeConnection(self, transport: ITransport) -> None: ...  # noqa: D102  Twisted's, like the next two

    def dataReceived(self, data: bytes) -> None: ...  # noqa: D102

    def connectionLost(self, reason: Failure) -> None: ...  # noqa: D102

    def check(self, now: float) -> None:
        """
        Do what is due.

        Args:
            now: Seconds.
        """

    def retire(self) -> None:
        """
        Close as soon as nothing is under way.
        """


class Carrier(Protocol):
    """
    What a reply needs of its connection.

    Attributes:
        bodyless: Whether the answer has a head only, as HEAD wants it.
        old: Whether the client speaks HTTP/1.0, which knows no chunks.
    """

    @property
    def bodyless(self) -> bool: ...  # noqa: D102  described above, like the next
    @property
    def old(self) -> bool: ...  # noqa: D102

    def give(self, line: bytes, own: bytes, parts: Sequence[Piece]) -> None:
        """
        Send a whole answer, and hear that it was given.

        Args:
            line: The status line.
            own: The request's id, and the answer's own fields.
            parts: The body, to be joined.
        """

    def begin(self, line: bytes, own: bytes, endless: bool) -> bytes:
        """
        Write the head of an answer whose body comes later, up to the empty line.

        Args:
            line: As above.
            own: As above.
            endless: The answer's end cannot be told but by closing.
        """

    def send(self, data: bytes) -> None:
        """
        Send bytes to the client.
        """

    def later(self, call: Callable[[], None]) -> None:
        """
        Call something at the end of this turn of the reactor.
        """

    def spoke(self) -> None:
        """
        Hear that an open stream sent something: its silence starts anew.
        """

    def finished(self) -> None:
        """
        Hear that the answer was given.
        """

    def switch(self, successor: Successor) -> None:
        """
        Hand the connection over, with the request's head and what followed it.
        """


class Reply(Struct, eq=False):
    """
    The way back of one request.

    Attributes:
        id: The request's id.  A trusted proxy's takes the place of ours.
        gone: The peer has hung up, or the answer was given.
        hung_up: Called once if the peer goes before the answer was given.
        over: Called once when the answer was given or the peer has gone.
    """

    _carrier: Carrier
    id: str
    gone: bool = False
    hung_up: Callable[[], None] | None = None
    over: Callable[[], None] | None = None
    _head: bytes = b""
    _events: list[Piece] | None = None

    def answer(
        self, parts: Sequence[Piece], status: int = 200, fields: Fields = (), mark: bytes = b""
    ) -> None:
        """
        Give the answer: a JSON text, or the last event of an open stream.

        Args:
            parts: The text, to be joined.
            status: The HTTP status; it is too late for it once a stream is open.
            fields: More header fields, likewise.
            mark: The event's id, on an open stream; empty: none.
        """
        if self.gone:
            return
        if self._events is not None:
            self._events += sse.event(parts, mark)
            self.end()
            return
        self.gone = True
        if self.over is not None:
            self._close()
        own = _JSON % (self.id.encode(), sum(map(len, parts)))
        self._carrier.give(_LINES[status], own + _write(fields) if fields else own, parts)

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        Give an answer without a body; an open stream just ends.
        """
        if self._events is not None:
            self.end()
        elif not self.gone:
            self._close()
            own = (_NOTHING if status == 204 else _EMPTY) % self.id.encode()
            self._carrier.give(_LINES[status], own + _write(fields), ())

    def open(self) -> None:
        """
        Open the stream and send its head at once, unless it is open.
        """
        if self._events is None and not self.gone:
            self._events = self._begin()
            # With a first byte: on the way some keep a head until there is one.
            self.comment()

    def prime(self, mark: bytes, retry: int) -> None:
        """
        Send an event without a message, which says where a client may go on; the first opens the stream.

        Args:
            mark: The event's id.
            retry: Milliseconds after which a client that was cut off comes again.
        """
        self._say(sse.priming(mark, retry))

    def notice(self, parts: Sequence[Piece], mark: bytes = b"") -> None:
        """
        Send a message before the answer, as an event; the first opens the stream.

        The events of one turn of the reactor are sent together.

        Args:
            parts: The message, to be joined.
            mark: The event's id; empty: none.
        """
        self._say(sse.event(parts, mark))

    def end(self) -> None:
        """
        End without an answer: the stream ends, and if there is none, it is an empty one.
        """
        if self.gone:
            return
        if self._events is None:
            self._events = self._begin()
        self._write(last=True)
        self._close()
        self._carrier.finished()

    def fault(self, fault: Fault, id: bytes | None = None, status: int | None = None) -> None:
        """
        Give a JSON-RPC error as the answer.

        Args:
            fault: What may be told.
            id: The raw id of the JSON-RPC request, as far as it is known.
            status: The HTTP status; the fault's own if not given.
        """
        data = {**fault.data, "requestId": self.id}
        body = write.error(id, fault.kind.code, fault.text, data)
        self.answer((body,), fault.kind.status if status is None else status, fault.headers)

    def switch(self, successor: Successor) -> None:
        """
        Give no answer: the connection speaks another protocol from now on (RFC 9110, section 7.8).
        """
        self._close()
        self._carrier.switch(successor)

    def lost(self) -> None:
        """
        Hear from the connection that the peer has gone.
        """
        self._close()
        hung_up, self.hung_up = self.hung_up, None
        if hung_up is not None:
            hung_up()

    def comment(self) -> None:
        """
        Show on an open stream that it lives.
        """
        if self._events is not None and not self.gone:
            self._events.append(sse.COMMENT)
            self._write(last=False)

    def _close(self) -> None:
        self.gone = True
        over, self.over = self.over, None
        if over is not None:
            over()

    def _begin(self) -> list[Piece]:
        carrier = self._carrier
        head = carrier.begin(_LINES[200], _STREAM % self.id.encode(), carrier.old)
        self._head = head + (b"\r\n" if carrier.old else b"Transfer-Encoding: chunked\r\n\r\n")
        return []

    def _say(self, event: list[Piece]) -> None:
        if self.gone:
            return
        if self._events is None:
            self._events = self._begin()
        if not self._events:
            self._carrier.later(self._flush)
        self._events += event

    def _flush(self) -> None:
        if not self.gone and self._events:
            self._write(last=False)

    def _write(self, last: bool) -> None:
        body = b"".join(self._events or ())
        self._events = []
        carrier = self._carrier
        if carrier.bodyless:
            body = b""
        elif not carrier.old:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            body = chunk + b"0\r\n\r\n" if last else chunk
        data, self._head = self._head + body, b""
        if data:
            carrier.send(data)
        carrier.spoke()


def _write(fields: Fields) -> bytes:
    return b"".join([b"%b: %b\r\n" % pair for pair in fields])
