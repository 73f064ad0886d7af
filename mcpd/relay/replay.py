# -*- test-case-name: tests.relay.test_replay -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The events of one session that are kept for a client that was cut off.
"""

from __future__ import annotations

from attrs import define, field
from msgspec import Struct

from mcpd.relay.spec import SessionLimits

# What an event takes besides its body, about: else many small ones would count as nothing.
_OVERHEAD = 128


class _Kept(Struct, frozen=True, gc=False):
    stream: int
    number: int
    body: bytes


@define(eq=False)
class Account:
    """
    What the sessions that share it may keep together.

    Attributes:
        most: Bytes that they may keep.
        held: Bytes that they do.
    """

    most: int
    held: int = 0


@define(eq=False)
class Replay:
    """
    Events of all streams of a session, the oldest first.

    Whoever drops it clears it first, or what it keeps is charged for ever.
    """

    _limits: SessionLimits
    _account: Account
    _log: list[_Kept] = field(init=False, factory=list)
    _size: int = field(init=False, default=0)

    def keep(self, stream: int, number: int, body: bytes) -> set[int]:
        """
        Keep an event, unless it is too large; the oldest ones give way.

        It is too large where nothing of ours that could give way would make
        room for it: other sessions' events stay.

        Args:
            stream: The number of its stream.
            number: Its number in the stream.
            body: Its message.

        Returns:
            The streams of those that gave way.
        """
        limits, account, log = self._limits, self._account, self._log
        dropped: set[int] = set()
        others = account.held - self._size - len(log) * _OVERHEAD
        if len(body) > limits.replay_bytes or others + len(body) + _OVERHEAD > account.most:
            return dropped
        log.append(_Kept(stream, number, body))
        self._count(1, len(body))
        # Bounded: nobody may ever come for them.
        while (
            len(log) > limits.replay_events or self._size > limits.replay_bytes or account.held > account.most
        ):
            oldest = log.pop(0)
            self._count(-1, -len(oldest.body))
            dropped.add(oldest.stream)
        return dropped

    def after(self, stream: int, number: int) -> dict[int, bytes]:
        """
        Give the messages that are kept of a stream after an event, by number and in order.
        """
        return {
            kept.number: kept.body for kept in self._log if kept.stream == stream and kept.number > number
        }

    def has(self, stream: int) -> bool:
        """
        Tell whether something of a stream is kept.
        """
        return any(kept.stream == stream for kept in self._log)

    def forget(self, stream: int) -> None:
        """
        Keep nothing of a stream any more.
        """
        self._leave([kept for kept in self._log if kept.stream != stream])

    def clear(self) -> None:
        """
        Keep nothing any more.
        """
        self._leave([])

    def _leave(self, log: list[_Kept]) -> None:
        self._count(len(log) - len(self._log), sum(len(kept.body) for kept in log) - self._size)
        self._log = log

    def _count(self, events: int, size: int) -> None:
        self._size += size
        self._account.held += size + events * _OVERHEAD
