# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A way back to a client that only remembers what it was given.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from attrs import Factory, define

from mcpd.relay.way import Fields
from mcpd.wire import write
from mcpd.wire.fault import Fault
from mcpd.wire.message import Piece


@define(eq=False)
class FakeWay:
    """
    A :class:`mcpd.relay.way.Way`, which drops what comes after the end as the real ones do.

    Attributes:
        id: The request id.
        said: The messages in their order, read: notices, and the answer last.
            A fault is the answer that it makes.
        marks: The mark of each of them; empty: none.
        primes: The mark and the milliseconds of each event without a message.
        opened: Whether there is a stream.
        ended: Whether it is over, however that came.
        status: The HTTP status of an answer that came without a stream.
        fields: The header fields of it.
        faults: The faults that were given.
        lost: Whether the client has gone.
    """

    id: str = "r1"
    hung_up: Callable[[], None] | None = None
    said: list[Any] = Factory(list)
    marks: list[bytes] = Factory(list)
    primes: list[tuple[bytes, int]] = Factory(list)
    opened: bool = False
    ended: bool = False
    status: int | None = None
    fields: Fields = ()
    faults: list[Fault] = Factory(list)
    lost: bool = False

    def answer(
        self, parts: Sequence[Piece], status: int = 200, fields: Fields = (), mark: bytes = b""
    ) -> None:
        """
        Remember the answer.
        """
        if not self.ended:
            self._say(parts, mark)
            self._end(status, fields)

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        Remember an answer that says nothing.
        """
        if not self.ended:
            self._end(status, fields)

    def open(self) -> None:
        """
        Remember that there is a stream.
        """
        self.opened = self.opened or not self.ended

    def prime(self, mark: bytes, retry: int) -> None:
        """
        Remember an event without a message.
        """
        if not self.ended:
            self.opened = True
            self.primes.append((mark, retry))

    def notice(self, parts: Sequence[Piece], mark: bytes = b"") -> None:
        """
        Remember a message before the answer.
        """
        if not self.ended:
            self.opened = True
            self._say(parts, mark)

    def end(self) -> None:
        """
        Remember an end without an answer, which is that of a stream.
        """
        if not self.ended:
            self.opened = self.ended = True

    def fault(self, fault: Fault, id: bytes | None = None, status: int | None = None) -> None:
        """
        Remember a fault, and the answer that the doors make of it.
        """
        if not self.ended:
            self.faults.append(fault)
            body = write.error(id, fault.kind.code, fault.text, {**fault.data, "requestId": self.id})
            self.answer((body,), fault.kind.status if status is None else status, fault.headers)

    def lose(self) -> None:
        """
        Have the client go.
        """
        self.lost = self.ended = True
        hung_up, self.hung_up = self.hung_up, None
        if hung_up is not None:
            hung_up()

    def _say(self, parts: Sequence[Piece], mark: bytes) -> None:
        self.said.append(json.loads(write.join(parts)))
        self.marks.append(mark)

    def _end(self, status: int, fields: Fields) -> None:
        self.ended = True
        if not self.opened:
            self.status, self.fields = status, fields
