# -*- test-case-name: tests.testing.test_asked -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A request in memory, over a connection of its own, and what came back so far.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Self

from attrs import define, field
from httptools import HttpResponseParser
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionAborted, ConnectionDone
from twisted.internet.interfaces import IProtocol, IProtocolFactory
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from mcpd.wire.sse import Events

_PORT = 50000
_LONGEST = 1 << 26


class Line(StringTransport):
    """
    A connection's transport; as with a real one, its end is told in a later turn.

    Attributes:
        protocol: The daemon's side.
        open: Whether the connection is there.
    """

    protocol: IProtocol
    open = True

    def __init__(self, clock: Clock, peer: str, hear: Callable[[bytes], None]) -> None:
        super().__init__(peerAddress=IPv4Address("TCP", peer, _PORT))
        self._clock = clock
        self._hear = hear

    def write(self, data: bytes) -> None:
        """
        Let the client hear what the daemon writes.
        """
        super().write(data)
        self._hear(data)

    def loseConnection(self) -> None:
        """
        Close, in the next turn.
        """
        self._clock.callLater(0, self.lose, ConnectionDone())

    def abortConnection(self) -> None:
        """
        Close, in the next turn.
        """
        self._clock.callLater(0, self.lose, ConnectionAborted())

    def lose(self, reason: Exception) -> None:
        """
        Be gone.
        """
        if self.open:
            self.open = False
            self.protocol.connectionLost(Failure(reason))


@define(eq=False)
class Asked:
    """
    One request, and what came back so far.

    Attributes:
        status: The HTTP status; 0 before there is one.
        fields: The answer's header fields, their names in lower case.
        body: The answer's body.
        messages: The messages in it; those of a batch one by one.
        marks: The ids of its events, in their order.
        is_over: Whether the answer is complete.
    """

    status: int = field(init=False, default=0)
    fields: dict[str, str] = field(init=False, factory=dict)
    body: bytes = field(init=False, default=b"")
    messages: list[Any] = field(init=False, factory=list)
    marks: list[bytes] = field(init=False, factory=list)
    is_over: bool = field(init=False, default=False)
    _line: Line = field(init=False)
    _parser: Any = field(init=False)
    _events: Events = field(init=False, factory=lambda: Events(_LONGEST))

    @classmethod
    def over(cls, doors: IProtocolFactory, clock: Clock, peer: str, data: bytes) -> Self:
        """
        Connect, and send bytes.

        Args:
            doors: Makes the daemon's side.
            clock: Whose turns both sides share.
            peer: The client's address.
            data: What is sent, at once.
        """
        asked = cls()
        asked._parser = HttpResponseParser(asked)
        line = asked._line = Line(clock, peer, asked.feed)
        protocol = doors.buildProtocol(line.getPeer())
        assert protocol is not None  # noqa: S101  Twisted allows None; a door never gives it
        line.protocol = protocol
        protocol.makeConnection(line)
        protocol.dataReceived(data)
        return asked

    @property
    def notices(self) -> list[Any]:
        """
        The notices that came.
        """
        return [message for message in self.messages if "method" in message]

    @property
    def answers(self) -> list[Any]:
        """
        The answers that came, errors among them.
        """
        return [message for message in self.messages if "method" not in message]

    @property
    def result(self) -> Any:
        """
        The result in the one answer that came.
        """
        (answer,) = self.answers
        return answer["result"]

    @property
    def error(self) -> Any:
        """
        The error in the one answer that came.
        """
        (answer,) = self.answers
        return answer["error"]

    @property
    def retry(self) -> int | None:
        """
        The milliseconds after which it should be asked again; None if that was not said.
        """
        return self._events.retry

    @property
    def is_connected(self) -> bool:
        """
        Whether the connection is still there.
        """
        return self._line.open

    def send(self, data: bytes) -> None:
        """
        Send more bytes.
        """
        self._line.protocol.dataReceived(data)

    def hang_up(self) -> None:
        """
        Close the connection.
        """
        self._line.lose(ConnectionDone())

    def feed(self, data: bytes) -> None:
        """
        Take some of what comes back.
        """
        self._parser.feed_data(data)

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        Keep a header field.
        """
        self.fields[name.decode("ascii").lower()] = value.decode("ascii")

    def on_headers_complete(self) -> None:
        """
        Keep the status.
        """
        self.status = self._parser.get_status_code()

    def on_body(self, data: bytes) -> None:
        """
        Keep some of the body, and the messages that are whole with it.
        """
        self.body += data
        if self.fields.get("content-type") == "text/event-stream":
            for event in self._events.feed(data):
                if event.id is not None:
                    self.marks.append(event.id)
                # An event that says where to go on has no message.
                if event.data:
                    self._keep(event.data)

    def on_message_complete(self) -> None:
        """
        Read the answer, if it was no stream.
        """
        self.is_over = True
        if self.body and self.fields.get("content-type") == "application/json":
            self._keep(self.body)

    def _keep(self, data: bytes) -> None:
        message = json.loads(data)
        self.messages += message if isinstance(message, list) else [message]
