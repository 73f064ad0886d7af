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


def event(parts: Iterable[Piece], mark: bytes = b"") -> list[Piece]:
    """
    Frame one message.

    Args:
        parts: The message, as pieces to be joined.
        mark: The event's id; empty: none.
    """
    start = b"id: %b\nevent: message\ndata: " % mark if mark else b"event: message\ndata: "
    return [start, *parts, b"\n\n"]


def priming(mark: bytes, retry: int) -> list[Piece]:
    """
    Frame an event without a message (MCP 2025-11-25, "Sending Messages to the Server").

    Args:
        mark: The event's id: where a client that was cut off goes on.
        retry: Milliseconds after which it comes again.
    """
    return [b"id: %b\nretry: %d\ndata: \n\n" % (mark, retry)]


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
        last_id: The last id that came; empty if none did, or if that was said.
        retry: The last time to retry that came, in milliseconds; None if none did.
    """

    limit: int
    last_id: bytes = field(init=False, default=b"")
    retry: int | None = field(init=False, default=None)
    _buffer: bytes = field(init=False, default=b"")

    def feed(self, data: bytes) -> list[Event]:
        """
        Take what was read, and give the events that are whole now.

        Comments and events without data are left out, as the standard says;
        the id and the time to retry of such an event count all the same.  An
        event whose data is empty is one.

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
        return [event for block in blocks if (event := self._read(block)) is not None]

    def _read(self, block: bytes) -> Event | None:
        lines: list[bytes] = []
        fields: dict[bytes, bytes] = {}
        for line in block.split(b"\n"):
            name, _, value = line.partition(b":")
            value = value.removeprefix(b" ")
            if name == b"data":
                lines.append(value)
            elif name and _counts(name, value):
                fields[name] = value
        id = fields.get(b"id")
        retry = int(fields[b"retry"]) if b"retry" in fields else None
        self.last_id = self.last_id if id is None else id
        self.retry = self.retry if retry is None else retry
        return Event(b"\n".join(lines), fields.get(b"event") or b"message", id, retry) if lines else None


def _counts(name: bytes, value: bytes) -> bool:
    # Whether a field is as its meaning wants it; else it is as if it had not come.
    match name:
        case b"id":
            return b"\0" not in value
        case b"retry":
            return value.isdigit() and len(value) <= _DIGITS
        case _:
            return True
