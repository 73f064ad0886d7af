# -*- test-case-name: tests.web.test_websocket -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
WebSocket (RFC 6455): whole text messages, both ways, over a connection that HTTP handed over.

Nothing here knows what the messages say: a :class:`Talker` hears them, and a
dispatcher makes one for each connection.  A client's usual message goes past
Autobahn (see :mod:`mcpd.web.frames`); Autobahn's parser has all others.

Who does wrong is told so by a close frame, and nothing more of it is read.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from math import inf
from typing import Any, ClassVar

from autobahn.twisted.websocket import WebSocketServerFactory
from autobahn.util import encode_truncate
from twisted.internet.protocol import connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from mcpd.policy.rate import Meter
from mcpd.web.frames import is_text, take_text, write_deflated, write_text
from mcpd.web.lean import CLOSED, CONNECTING, OPEN
from mcpd.web.outlet import choose
from mcpd.web.porch import Porch
from mcpd.web.reply import Successor
from mcpd.web.spec import Rates, SocketSettings
from mcpd.web.talker import Dispatcher, Talker
from mcpd.web.whole import Whole
from mcpd.wire.message import Piece

# Seconds that a client has to close what we close.
_GRACE = 1.0

# Frames that may take the place of a message in a turn of the reactor: the others are to have theirs.
_FRAMES = 16

# Bytes of a message beyond which it goes out as it is (RFC 7692, section 6 leaves that to each
# side): compressing takes 50 ms a megabyte, in which nobody else has a turn.
_LONG = 256 << 10

# So many messages over the rate in so many seconds are no mistake any more.
_REFUSED = 20
_REFUSED_IN = 10.0

# Close codes (RFC 6455, section 7.4.1).
_LEAVING, _NOT_TEXT, _POLICY, _OURS = 1001, 1007, 1008, 1011


class Pace(Enum):
    """
    How a connection goes on with what came.
    """

    READS = "reads what comes"
    WAITS = "keeps it until its next turn"
    PAUSED = "as before, and lets no more come"


_READS, _WAITS, _PAUSED = Pace.READS, Pace.WAITS, Pace.PAUSED


class WebSocket(Whole):
    """
    One client's connection, after HTTP.

    Attributes:
        due: When :meth:`check` is to be called, in seconds.
    """

    _log: ClassVar[Logger] = Logger()

    # What is so on most connections stands here; idle ones shall be small.
    due = inf
    _talker: Talker | None = None
    _pace = _READS
    _retiring = False
    # When a ping that has no pong yet was sent.
    _pinged: float | None = None
    # Messages that this turn still has room for.
    _room = 0
    # Since when refusals are counted, and how many there were.
    _since = -inf
    _refused = 0

    def __init__(self, doors: WebSockets, peer: str, dispatcher: Dispatcher, protocol: str | None) -> None:
        super().__init__(doors)
        porch = doors.porch
        rate = doors.rates.messages
        self.selected = protocol
        self.compresses = doors.settings.compression
        self.maxMessagePayloadSize = int(porch.limits.message)
        self._porch = porch
        self.limits = porch.limits
        self.ledger = porch.ledger
        self._settings = doors.settings
        self._peer = peer
        self._dispatcher = dispatcher
        self._meter = None if rate is None else Meter(rate)

    # What Twisted calls.

    def connectionMade(self) -> None:
        """
        Have the transport; the request comes at once.
        """
        porch = self._porch
        self.outlet = choose(self.transport, self.limits, porch.slow, porch.clock)

    def dataReceived(self, data: bytes) -> None:
        """
        Take what came.
        """
        if (
            self.state == OPEN
            and not self.data
            and self._pace is _READS
            and self.current_frame is None
            and not self.inside_message
        ):
            # Nearly always: one message, whole, and nothing else.
            whole = take_text(data, self.maxMessagePayloadSize)
            if whole is not None and not whole[1] and is_text(whole[0]):
                self.heard_at = self._porch.clock.seconds()
                self.hear(whole[0])
                return
        if self.state == CONNECTING:
            self._open(data)
        elif self.state != CLOSED and not self.failedByMe:
            self.data = self.data + data if self.data else data
            if self._pace is _READS:
                self._read()
            else:
                self._set_pace(waits=True)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        End, and tell the talker.
        """
        self.state = CLOSED
        self.due = inf
        self._forget()
        self._pace = _READS
        self.outlet.forget()
        self._porch.leave(self)
        # Else what the transport has not sent would wait in a circle for the garbage collector.
        del self.outlet
        self.transport = None
        talker, self._talker = self._talker, None
        if talker is not None:
            try:
                talker.lost()
            except Exception:
                self._log.failure("the end of a WebSocket from {peer} failed", peer=self._peer)

    # What the porch calls.

    def check(self, now: float) -> None:
        """
        Do what is due.

        Args:
            now: Seconds.
        """
        settings = self._settings
        if self.state != OPEN:
            # The client may still take what was sent; if it stops, the outlet gives up.
            self.due = now + _GRACE
            if self.outlet.waiting:
                return
            if self.state != CLOSED:
                # Not aborted yet: what the kernel still has for a slow client would be lost.
                self.dropConnection()
            else:
                self.due = inf
                self.outlet.abort()
        elif now >= self.deadline():
            self._fail_connection(_POLICY, "a message took longer than limits.message_timeout")
        elif self._pinged is not None and now >= self._pinged + settings.pong:
            self.outlet.abort()
        else:
            if self._pinged is None and now >= self.heard_at + settings.ping:
                self._pinged = now
                self.sendPing()
            self.plan()

    def retire(self) -> None:
        """
        Close if the client waits for nothing; else after the last answer.
        """
        self._retiring = True
        talker = self._talker
        if talker is None:
            return
        try:
            talker.retire()
            if not talker.busy:
                self.rest()
        except Exception:
            self._break()

    # What the talker calls.

    def send(self, parts: Sequence[Piece]) -> None:
        """
        Send a message, unless the connection is closing.
        """
        if self.state == OPEN:
            extension = self._perMessageCompress
            if extension is None or sum(map(len, parts)) > _LONG:
                self.outlet.send(write_text(parts))
            else:
                self.outlet.send(write_deflated(parts, extension.server_max_window_bits))

    def close(self, code: int, why: str) -> None:
        """
        Close the connection, and wait a moment for the client's own close frame.
        """
        if self.state == OPEN:
            self.sendCloseFrame(code, encode_truncate(why, 123))
            self.drop_partial()
            self._close_soon()

    def rest(self) -> None:
        """
        Hear that no client's request is without an answer any more.
        """
        if self._retiring:
            self.close(_LEAVING, "the server is stopping")

    # From bytes to messages.

    def _open(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n") + 4
        if not self.shake_hands(data[:end]):
            if self.state == CONNECTING:
                self.outlet.abort()
            return
        self.heard_at = self._porch.clock.seconds()
        self.plan()
        try:
            self._talker = self._dispatcher(self)
        except Exception:
            self._break()
        del self._dispatcher
        if self._porch.retiring:
            self.retire()
        if end < len(data):
            self.dataReceived(data[end:])

    def _read(self) -> None:
        self.heard_at = self._porch.clock.seconds()
        self._room = share = self._porch.turns.share
        frames = share * _FRAMES
        more = True
        while more and self._room and frames and self.state != CLOSED and not self.failedByMe:
            frames -= 1
            whole = None
            if self.current_frame is None and not self.inside_message and self.state == OPEN:
                whole = take_text(self.data, self.maxMessagePayloadSize)
            if whole is None:
                more = self.processData()
            else:
                message, self.data = whole
                more = len(self.data) > 0
                if is_text(message):
                    self.hear(message)
                else:
                    self._fail_connection(_NOT_TEXT, "a message is not UTF-8")
        self._set_pace(more)
        if self._pace is not _READS:
            self._porch.turns.add(self._resume)

    def _resume(self) -> None:
        if self._pace is not _READS:
            self._read()

    def _set_pace(self, waits: bool) -> None:
        # Never paused while nothing is kept: a transport that is paused does not see a hang-up.
        before = self._pace
        queued = len(self.data) if waits else 0
        self._pace = after = (_PAUSED if queued > self.limits.queued else _WAITS) if queued else _READS
        transport: Any = self.transport
        if after is _PAUSED and before is not _PAUSED:
            transport.pauseProducing()
        elif before is _PAUSED and after is not _PAUSED:
            transport.resumeProducing()

    def hear(self, message: bytes) -> None:
        """
        Let the talker have a message, or learn that it was one too many.
        """
        talker, meter = self._talker, self._meter
        self._room -= 1
        wait = 0.0 if meter is None else meter.take(self.heard_at)
        assert talker is not None  # noqa: S101  an open connection has one
        try:
            if not wait:
                talker.received(message)
            else:
                talker.refused(message, wait)
                self._count_refusal()
        except Exception:
            self._break()

    def _count_refusal(self) -> None:
        if self.heard_at >= self._since + _REFUSED_IN:
            self._since, self._refused = self.heard_at, 0
        self._refused += 1
        if self._refused >= _REFUSED:
            self._fail_connection(_POLICY, "far more messages than rate.messages")

    # What the parser calls.

    def onPong(self, payload: bytes) -> None:
        """
        Know that the client is there.
        """
        self._pinged = None

    # Ends.

    def failed(self) -> None:
        """
        Stop reading, and leave the client a moment to close.
        """
        self._forget()
        self._set_pace(waits=False)
        self._close_soon()
        # Closing a socket with unread bytes resets it, and the client may lose the close frame.
        self.outlet.finish()

    def parted(self) -> None:
        """
        Leave the connection a moment to end.
        """
        self._forget()
        self._close_soon()

    def _break(self) -> None:
        # Called while an exception is handled.
        self._log.failure("a WebSocket from {peer} failed", peer=self._peer)
        self._fail_connection(_OURS, "internal error")

    def _close_soon(self) -> None:
        self.due = self._porch.clock.seconds() + _GRACE

    def plan(self) -> None:
        """
        See to what is due next.
        """
        settings, pinged = self._settings, self._pinged
        silence = self.heard_at + settings.ping if pinged is None else pinged + settings.pong
        self.due = min(silence, self.deadline())

    def _forget(self) -> None:
        self.data = b""
        self.drop_partial()


class WebSockets(WebSocketServerFactory):
    """
    Makes the connections of one listener.

    Attributes:
        porch: What they share with the others.
        settings: For connections that come.
        rates: Likewise.
        connection: Their class.
    """

    connection: type[WebSocket] = WebSocket

    def __init__(self, porch: Porch, settings: SocketSettings, rates: Rates) -> None:
        # Nothing here calls later by itself; Autobahn would fetch the global reactor.
        super().__init__(server="", reactor=porch.clock)
        self.porch = porch
        self.settings = settings
        self.rates = rates

    def build(self, peer: str, dispatcher: Dispatcher, protocol: str | None) -> Successor:
        """
        Make what a connection is handed over to.

        Args:
            peer: The client's address, under which it was let in.
            dispatcher: Makes its talker, once the connection is open.
            protocol: The subprotocol to select, which the client has offered; None: none.
        """
        return self.connection(self, peer, dispatcher, protocol)
