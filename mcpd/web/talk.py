# -*- test-case-name: tests.web.test_talk -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What stands between one WebSocket and the relay.

It knows neither frames nor methods: a message that came is one for the relay,
and what the relay says is a message that goes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Protocol

from attrs import define, field

from mcpd.relay.errand import Post
from mcpd.relay.line import Line, Parting
from mcpd.web.talker import Socket
from mcpd.wire import codec, write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece

# Close codes (RFC 6455, section 7.4.1); those from 4000 on are ours.
_CODES = {Parting.OVER: 1001, Parting.EXPELLED: 4401}
_UNREADABLE = 1007
# Messages that are no JSON, until the connection is closed: its client speaks something else.
_STRIKES = 10


class Stage(Enum):
    """
    What becomes of messages.
    """

    OPEN = "the relay takes them"
    RETIRING = "requests are refused; notices are taken, for one may cancel what is waited for"
    OVER = "they are thrown away"


# Named once more: with Python 3.11, Stage.OPEN costs as much as a call or two.
_OPEN = Stage.OPEN


class Relay(Protocol):
    """
    Who takes messages (:class:`mcpd.relay.router.Router`).
    """

    @property
    def lines(self) -> set[Line]:
        """
        All conversations, so that those of a principal can be ended.
        """

    def take(self, body: bytes, post: Post) -> None:
        """
        Take what a client said.
        """

    def hang_up(self, line: Line) -> None:
        """
        Hear that a conversation's connection is gone.
        """


@define(eq=False)
class Talk:
    """
    One client's conversation (a :class:`mcpd.web.talker.Talker`).

    Args:
        relay: Takes its messages.
        caller: The principal's name.
        path: What the messages are for, as the relay calls it.
        mint: Makes request ids.
        socket: The WebSocket.
    """

    _relay: Relay
    _caller: str
    _path: bytes
    _mint: Callable[[], str]
    _socket: Socket
    _line: Line = field(init=False)
    _stage: Stage = field(init=False, default=Stage.OPEN)

    def __attrs_post_init__(self) -> None:
        self._line = line = Line(self._caller, self, self._mint)
        self._relay.lines.add(line)

    # What the WebSocket says.

    def received(self, message: bytes) -> None:
        """
        Take a text message.
        """
        if self._stage is not _OPEN and self._declines(message):
            return
        line = self._line
        self._relay.take(message, Post(self._caller, self._path, None, line.way(), False, line))
        if line.unreadable >= _STRIKES:
            self._close(_UNREADABLE, f"{_STRIKES} messages were no JSON")

    def refused(self, message: bytes, seconds: float) -> None:
        """
        Refuse a text message that came too soon; a notice is thrown away.

        Args:
            message: It.
            seconds: After which it would be taken.
        """
        if self._stage is not Stage.OVER:
            later = {"retryAfterMs": math.ceil(seconds * 1000)}
            self._refuse(message, Fault(Kind.TOO_OFTEN, "too many messages: see rate.messages", later))

    def lost(self) -> None:
        """
        Hear that the connection is gone.
        """
        self._stage = Stage.OVER
        self._relay.hang_up(self._line)

    @property
    def busy(self) -> bool:
        """
        Whether a request waits for its answer.
        """
        return self._line.busy

    def retire(self) -> None:
        """
        Take no new requests; the WebSocket hears when the last one has its answer.
        """
        if self._stage is _OPEN:
            self._stage = Stage.RETIRING
            self._line.retiring = True

    # What the line says.

    @property
    def send(self) -> Callable[[Sequence[Piece]], None]:
        """
        What sends a message: the WebSocket, without anybody between.
        """
        return self._socket.send

    def part(self, parting: Parting) -> None:
        """
        Close, since the relay says so.
        """
        self._close(_CODES[parting], parting.value)

    def rest(self) -> None:
        """
        Hear that no request is left without its answer.
        """
        self._socket.rest()

    def _declines(self, message: bytes) -> bool:
        if self._stage is Stage.OVER:
            return True
        return self._refuse(message, Fault(Kind.OVERLOADED, "the server is stopping"))

    def _refuse(self, message: bytes, fault: Fault) -> bool:
        # Whether it was a request: what has no id is nothing that could be answered.
        id = codec.salvage_id(message)
        if id is None:
            return False
        data = {**fault.data, "requestId": self._mint()}
        self._socket.send((write.error(id, fault.kind.code, fault.text, data),))
        return True

    def _close(self, code: int, why: str) -> None:
        # Who was shown the door is not heard any more, while the connection closes.
        if self._stage is not Stage.OVER:
            self._stage = Stage.OVER
            self._socket.close(code, why)
