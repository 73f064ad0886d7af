# -*- test-case-name: tests.web.test_websocket -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The two ends of a conversation over WebSocket: the connection, and who talks with its client.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from mcpd.wire.message import Piece


class Talker(Protocol):
    """
    Who talks with the client of one connection.
    """

    @property
    def busy(self) -> bool:
        """
        Whether the client waits for an answer.
        """

    def received(self, message: bytes) -> None:
        """
        Take a message, which is UTF-8.
        """

    def refused(self, message: bytes, seconds: float) -> None:
        """
        Take a message that was one too many: say so, if it wants an answer.

        Args:
            message: As above.
            seconds: How long it should have waited.
        """

    def retire(self) -> None:
        """
        Take nothing new.
        """

    def lost(self) -> None:
        """
        Hear, once, that the connection is gone.
        """


class Socket(Protocol):
    """
    A connection, as its talker sees it.
    """

    def send(self, parts: Sequence[Piece]) -> None:
        """
        Send a message, unless the connection is closing.

        Args:
            parts: Its text, to be joined.
        """

    def close(self, code: int, why: str) -> None:
        """
        Close the connection.

        Args:
            code: RFC 6455, section 7.4.
            why: A sentence for the client, of which it gets at most 123 bytes.
        """

    def rest(self) -> None:
        """
        Hear that no client's request is without an answer any more.
        """


Dispatcher = Callable[[Socket], Talker]
"""Makes the talker of a connection."""
