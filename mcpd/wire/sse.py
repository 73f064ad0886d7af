# -*- test-case-name: tests.wire.test_sse -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Messages as server-sent events, and back.

One message is one event with one ``data`` line (the WHATWG HTML standard,
section 9.2, "Server-sent events").  A message has no line ends in it, since
:mod:`mcpd.wire.codec` took them out.
"""

from __future__ import annotations

from collections.abc import Iterable

from attrs import define, field, frozen

from mcpd.wire.message import Piece

COMMENT = b": \n\n"
"""What a silent stream sends to show that it lives."""

# Bounded: int() fails beyond 4300 digits; twelve are 30 years.
_DIGITS = 12


def event(parts: Iterable[Piece]) -> list[Piece]:
    """
    Frame one message, given as pieces to be joined.
    """
    return [b"event: message\ndata: ", *parts, b"\n\n"]


@frozen
class Event:
    """
    One event of a stream.

    Attributes:
        data: Its ``data`` lines, joined by line ends.
        name: Its ``event`` field; ``message`` if there was none.
        id: Its ``id`` field; None if there was none.
        retry: Its ``retry`` field in milliseconds; None if there was none.
    """

    data: bytes
    name: bytes = b"message"
    id: bytes | None = None
    retry: int | None = None


class EventTooLong(Exception):
    """
    An event grew beyond its bound.
    """


@define
class Events:
    """
    Reads a stream of events, as a client does.

    Attributes:
        limit: Most bytes of one event.
    """

    limit: int
    _buffer: bytes = field(init=False, default=b"")

    def feed(self, data: bytes) -> list[Event]:
        """
        Take what was read, and give the events that are whole now.

        Comments and events without data are left out, as the standard says.

        Raises:
            EventTooLong: An event is longer than the limit.
        """
        buffer = self._buffer + data
        # A "\\r" at the end may be half of "\\r\\n".
        held = b"\r" if buffer.endswith(b"\r") else b""
        buffer = buffer.removesuffix(held).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *blocks, rest = buffer.split(b"\n\n")
        # The line ends around an event are not counted, wherever a read ends.
        if any(len(block.strip(b"\n")) > self.limit for block in (*blocks, rest)):
            raise EventTooLong
        self._buffer = rest + held
        return [event for block in blocks if (event := _read(block)) is not None]


def _read(block: bytes) -> Event | None:
    lines: list[bytes] = []
    fields: dict[bytes, bytes] = {}
    for line in block.split(b"\n"):
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            lines.append(value)
        elif name:
            fields[name] = value
    if not lines:
        return None
    retry = fields.get(b"retry", b"")
    return Event(
        b"\n".join(lines),
        fields.get(b"event") or b"message",
        fields.get(b"id"),
        int(retry) if retry.isdigit() and len(retry) <= _DIGITS else None,
    )
