# -*- test-case-name: tests.web.test_whole -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Whole text messages out of the frames that Autobahn's parser finds, within bounds.

What is out of bounds fails the connection with the close code that says why
(RFC 6455, section 7.4.1).
"""

from __future__ import annotations

from math import inf

from mcpd.web.lean import OPEN, Lean
from mcpd.web.ledger import Ledger
from mcpd.web.spec import Limits

# The opcode of a close frame.
_CLOSE = 8

_BINARY, _POLICY, _TOO_BIG, _OVERLOADED = 1003, 1008, 1009, 1013


class Whole(Lean):
    """
    One connection, as far as frames go.

    Attributes:
        limits: The bounds.
        ledger: Counts what all connections keep of messages that are not whole.
        heard_at: When the client was last heard, in seconds.
    """

    limits: Limits
    ledger: Ledger

    # What is so on most connections stands here: idle ones shall be small.
    heard_at = 0.0
    message_data_total_length = 0
    # Of a message that comes in pieces: what has come, its frames, when it began.
    _partial: bytearray | None = None
    _frames = 0
    _began = 0.0
    # Since when control frames are counted, and how many came.
    _second = -inf
    _controls = 0

    def hear(self, message: bytes) -> None:
        """
        Hear a whole message, which is UTF-8.
        """

    def plan(self) -> None:
        """
        Hear that :meth:`deadline` is another one.
        """

    def deadline(self) -> float:
        """
        Tell when a message that has begun must be whole, in seconds.
        """
        return inf if self._partial is None else self._began + self.limits.message_timeout

    def drop_partial(self) -> None:
        """
        Forget a message that is not whole.
        """
        if self._partial is not None:
            self.ledger.drop(len(self._partial))
            self._partial = None

    # What Autobahn's parser calls.

    def onMessageBegin(self, isBinary: bool) -> None:
        """
        Begin a message that does not come whole.
        """
        self.message_data_total_length = self._frames = 0
        if isBinary:
            self._fail_connection(_BINARY, "messages are text")
        elif self.state == OPEN:
            self._partial = bytearray()
            self._began = self.heard_at
            self.plan()

    def onMessageFrameBegin(self, length: int) -> None:
        """
        Judge a frame by its head.
        """
        # Autobahn reads this, and counts what is inflated.
        self.message_data_total_length += length
        self._frames += 1
        if self.message_data_total_length > self.maxMessagePayloadSize:
            self._fail_connection(_TOO_BIG, "the message is longer than limits.message")
        elif self._frames > self.limits.fragments:
            self._fail_connection(_POLICY, "the message has more frames than limits.fragments")

    def onMessageFrameData(self, payload: bytes) -> None:
        """
        Keep a piece; there may be thousands of small ones, which a list would hold dearly.
        """
        if self._partial is not None:
            self._partial += payload
            if not self.ledger.keep(len(payload)):
                self._fail_connection(_OVERLOADED, "too many messages are under way (limits.buffered)")

    def onMessageFrameEnd(self) -> None:
        """
        Go on with the next frame.
        """

    def onMessageEnd(self) -> None:
        """
        Hear the message.
        """
        if self._partial is not None:
            message = bytes(self._partial)
            self.drop_partial()
            self.hear(message)

    def processControlFrame(self) -> bool:
        """
        Take a ping, a pong or a close, unless there are too many of the former two.
        """
        if self.current_frame.opcode != _CLOSE and self._is_flood():
            self._fail_connection(_POLICY, "more control frames in a second than limits.controls")
            return False
        return bool(super().processControlFrame())

    def _is_flood(self) -> bool:
        if self.heard_at >= self._second + 1:
            self._second, self._controls = self.heard_at, 0
        self._controls += 1
        return self._controls > self.limits.controls
