# -*- test-case-name: tests.relay.test_streams -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
All event streams of one legacy session.

Each message goes out on one of them only: an exchange's on its own, and what
belongs to no request on the standing one (MCP 2025-11-25, "Multiple
Connections").
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from attrs import define, field

from mcpd.relay.replay import Account, Replay
from mcpd.relay.spec import SessionLimits
from mcpd.relay.stream import Stream
from mcpd.relay.way import Way
from mcpd.wire import write
from mcpd.wire.message import Piece
from mcpd.wire.revision import Revision

# Bounded: int() takes long for long numbers.
_MARK = re.compile(rb"(\d{1,15})-(\d{1,15})")


@define(eq=False)
class Streams:
    """
    All streams of one session, and what of them is kept.

    Attributes:
        revision: What its client speaks.
        replay: What is kept.
    """

    revision: Revision
    _limits: SessionLimits
    _account: Account
    _resumes: bool = field(kw_only=True, default=True)
    replay: Replay = field(init=False)
    _standing: Stream | None = field(init=False, default=None)
    _known: dict[int, Stream] = field(init=False, factory=dict)
    _count: int = field(init=False, default=0)

    def __attrs_post_init__(self) -> None:
        self.replay = Replay(self._limits, self._account)

    def open(self, way: Way, request: bytes) -> Stream:
        """
        Begin the stream of an exchange.

        Args:
            way: The connection that its request came by.
            request: The request's raw id; empty for a batch.
        """
        self._count += 1
        stream = Stream(self._count, self, self._marked and self._make_room(), request)
        if stream.marked:
            self._known[stream.number] = stream
        stream.resume(way)
        return stream

    def stand(self, way: Way, after: int | None = None) -> None:
        """
        Have a connection carry the standing stream; who holds it hears itself when it is cut.

        Args:
            way: The connection, by GET.
            after: The number of the last event that the client has; None:
                what was sent is not sent again.
        """
        standing = self._stand()
        standing.attach(way, standing.sent if after is None else after)

    def leave(self) -> None:
        """
        Hear that nothing carries the standing stream any more.
        """
        self._stand().leave()

    def tell(self, parts: Sequence[Piece]) -> None:
        """
        Say on the standing stream what belongs to no request.

        What waits to be sent there is not said twice: such notices say only
        that something is not as it was.
        """
        standing, body = self._stand(), write.join(parts)
        if body not in self.replay.after(0, standing.sent).values():
            standing.notice((body,))

    def find(self, mark: bytes) -> tuple[Stream, int] | None:
        """
        Find the stream, and the number in it, of an event that was sent.

        Args:
            mark: The event's id, as a client says it.

        Returns:
            None if it is none of ours, or its stream was forgotten.
        """
        match = _MARK.fullmatch(mark)
        if match is None:
            return None
        number, after = int(match[1]), int(match[2])
        stream = self._known.get(number) if number else self._standing
        return None if stream is None or not stream.marked or after > stream.sent else (stream, after)

    def end(self) -> None:
        """
        End them all, and forget what is kept.
        """
        streams = [*self._known.values(), *filter(None, (self._standing,))]
        self._known.clear()
        self._standing = None
        self.replay.clear()
        # Nobody would clear it a second time.
        self.replay = Replay(self._limits, Account(0))
        for stream in streams:
            stream.end()

    @property
    def _marked(self) -> bool:
        return self._resumes and self.revision.resumes

    # What streams ask for.

    def keep(self, stream: Stream, number: int, body: bytes) -> None:
        """
        Keep an event of a stream, as long as there is room.
        """
        for dropped in self.replay.keep(stream.number, number, body):
            if dropped in self._known:
                self.settle(self._known[dropped])

    def settle(self, stream: Stream) -> None:
        """
        Forget a stream of which nothing is left to be sent, now or again.
        """
        if stream.last is not None and stream.sent >= stream.last and not self.replay.has(stream.number):
            self._known.pop(stream.number, None)

    def _stand(self) -> Stream:
        if self._standing is None:
            self._standing = Stream(0, self, self._marked)
        return self._standing

    def _make_room(self) -> bool:
        # A stream that is not over can't be forgotten; then the new one goes without marks.
        if len(self._known) < self._limits.replay_streams:
            return True
        oldest = next((stream for stream in self._known.values() if stream.last is not None), None)
        if oldest is not None:
            self.replay.forget(oldest.number)
            del self._known[oldest.number]
        return oldest is not None
