# -*- test-case-name: tests.relay.test_exchange -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The way back to a client, whatever door it came through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mcpd.wire.fault import Fault
from mcpd.wire.message import Piece

Fields = tuple[tuple[bytes, bytes], ...]


class Way(Protocol):
    """
    The way back of one request: one answer, or a stream that ends with it.

    What comes after the end is dropped.

    Attributes:
        id: The request id, which the client is told and the log has.
        hung_up: Called once if the client goes before it was answered.
    """

    hung_up: Callable[[], None] | None

    @property
    def id(self) -> str: ...  # noqa: D102  described above

    def answer(
        self, parts: Sequence[Piece], status: int = 200, fields: Fields = (), mark: bytes = b""
    ) -> None:
        """
        Give the answer.

        Args:
            parts: The message, to be joined.
            status: The HTTP status, where there is one and it is not too late.
            fields: More header fields, likewise.
            mark: The event's id on an open stream (Server-sent events); empty: none.
        """

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        Give an answer that says nothing.
        """

    def open(self) -> None:
        """
        Open the stream at once, though nothing is there to be said.
        """

    def prime(self, mark: bytes, retry: int) -> None:
        """
        Send an event without a message, which says where a client may go on.

        MCP 2025-11-25, "Sending Messages to the Server", calls it priming.

        Args:
            mark: The event's id.
            retry: Milliseconds after which a client that was cut off comes again.
        """

    def notice(self, parts: Sequence[Piece], mark: bytes = b"") -> None:
        """
        Send a message before the answer, with its event's id; the first opens the stream.
        """

    def end(self) -> None:
        """
        End without an answer.
        """

    def fault(self, fault: Fault, id: bytes | None = None, status: int | None = None) -> None:
        """
        Give a fault as the answer.
        """
