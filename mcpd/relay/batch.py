# -*- test-case-name: tests.relay.test_batch -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The answers to a batch (JSON-RPC 2.0, section 6), which revision 2025-03-26 has.

A :class:`Gathering` knows nothing of what is asked: each item of a batch is
taken like a message that came alone, with a way back of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, field

from mcpd.relay.way import Fields, Way
from mcpd.wire import write
from mcpd.wire.fault import Fault
from mcpd.wire.message import Piece


@define(eq=False)
class Gathering:
    """
    Makes one answer of those to a batch's items.

    It is an array in the items' order, or, once an item has something to say
    before its answer, a stream in which each answer is a message of its own
    (MCP 2025-03-26, "Sending Messages to the Server").

    Bounded: the reader takes so many items in a batch and no more.

    Args:
        way: The way back of the request that brought the batch.
        left: How many items it has, notices among them.
        open: Makes a stream of that way, which the session may keep.
    """

    _way: Way
    _left: int
    _open: Callable[[Way], Way]
    _items: list[_ItemWay] = field(init=False, factory=list)
    _streams: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        """
        Hear when the client goes.
        """
        self._way.hung_up = self._hung_up

    @property
    def id(self) -> str:
        """
        The id of the request that brought the batch.
        """
        return self._way.id

    def way(self) -> Way:
        """
        Make the way back of the next item, whether it wants an answer or not.
        """
        item = _ItemWay(self)
        self._items.append(item)
        return item

    def stream(self) -> Way:
        """
        Go on as a stream, with the answers that are there.
        """
        if not self._streams:
            self._streams = True
            self._way = self._open(self._way)
            self._way.hung_up = self._hung_up
            self._way.open()
            for item in self._items:
                if item.kept is not None:
                    self._way.notice((item.kept,))
                    item.kept = None
        return self._way

    def finish(self, item: _ItemWay, parts: Sequence[Piece] | None, mark: bytes = b"") -> None:
        """
        Take an item's answer; None if it has none.
        """
        self._left -= 1
        last = not self._left
        if not self._streams:
            item.kept = None if parts is None else write.join(parts)
            if last:
                self._answer()
        elif parts is None:
            if last:
                self._way.end()
        elif last:
            self._way.answer(parts, mark=mark)
        else:
            self._way.notice(parts, mark)
        if last:
            # Else they would all hold each other.
            self._way.hung_up = None
            self._items.clear()

    def _answer(self) -> None:
        kept = [item.kept for item in self._items if item.kept is not None]
        if kept:
            self._way.answer((b"[%b]" % b",".join(kept),))
        else:
            self._way.empty(202)

    def _hung_up(self) -> None:
        for item in self._items:
            item.lost()


@define(eq=False)
class _ItemWay:
    """
    The way back of one item; statuses and header fields are the whole batch's affair.

    Attributes:
        hung_up: Called once if the client goes before this item was answered.
        kept: The answer, until the others are there.
    """

    _gathering: Gathering
    hung_up: Callable[[], None] | None = field(init=False, default=None)
    kept: bytes | None = field(init=False, default=None)
    _done: bool = field(init=False, default=False)

    @property
    def id(self) -> str:
        """
        The id of the request that brought the batch.
        """
        return self._gathering.id

    def answer(
        self, parts: Sequence[Piece], status: int = 200, fields: Fields = (), mark: bytes = b""
    ) -> None:
        """
        Give the item's answer.
        """
        self._finish(parts, mark)

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        Say that the item has no answer: it is a notice.
        """
        self._finish(None)

    def open(self) -> None:
        """
        Have the batch answered as a stream.
        """
        if not self._done:
            self._gathering.stream()

    def prime(self, mark: bytes, retry: int) -> None:
        """
        Send an event without a message.
        """
        if not self._done:
            self._gathering.stream().prime(mark, retry)

    def notice(self, parts: Sequence[Piece], mark: bytes = b"") -> None:
        """
        Send a message before the item's answer.
        """
        if not self._done:
            self._gathering.stream().notice(parts, mark)

    def end(self) -> None:
        """
        End without an answer, as a request that was cancelled.
        """
        self._finish(None)

    def fault(self, fault: Fault, id: bytes | None = None, status: int | None = None) -> None:
        """
        Give a fault as the item's answer.
        """
        data = {**fault.data, "requestId": self.id}
        self._finish((write.error(id, fault.kind.code, fault.text, data),))

    def lost(self) -> None:
        """
        Hear that the client has gone.
        """
        hung_up, self.hung_up = self.hung_up, None
        if hung_up is not None and not self._done:
            hung_up()

    def _finish(self, parts: Sequence[Piece] | None, mark: bytes = b"") -> None:
        if not self._done:
            self._done = True
            self._gathering.finish(self, parts, mark)
