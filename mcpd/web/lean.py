# -*- test-case-name: tests.web.test_lean -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Autobahn's server side of WebSocket, without what costs and without what we do ourselves.

Autobahn keeps the handshake, the parser of frames and the order of closing.
Its timers, its statistics, its log lines about each peer's mistakes and its way
of sending are not used.  What it would set on each connection, ninety names in
a dictionary, stands here once.  Some of those names it keeps to itself; they
have a test of their own, which compares all of them with Autobahn's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from autobahn.twisted.websocket import WebSocketServerProtocol
from autobahn.util import encode_truncate
from autobahn.websocket.compress import PerMessageDeflateOffer, PerMessageDeflateOfferAccept
from autobahn.websocket.protocol import TrafficStats
from autobahn.websocket.utf8validator import Utf8Validator

from mcpd.web.outlet import Outlet

CONNECTING = WebSocketServerProtocol.STATE_CONNECTING
OPEN = WebSocketServerProtocol.STATE_OPEN
CLOSING = WebSocketServerProtocol.STATE_CLOSING
CLOSED = WebSocketServerProtocol.STATE_CLOSED

WINDOW = 12
"""Of compressed messages: a power of two, in bytes, that both sides need for as long as a message takes."""

# What of the handshake's names stays on a connection.
_KEPT = frozenset({"state", "data", "_perMessageCompress"})

_REFUSAL = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class _Unheard:
    # In place of Deferreds that nobody waits for.

    def callback(self, result: object) -> None:
        """
        Hear that something happened.
        """


class _Late:
    # Judges text that does not come whole; most connections never need one.

    def __get__(self, connection: Lean | None, kind: type) -> object:
        if connection is None:
            return self
        connection.utf8validator = made = Utf8Validator()
        return made


class Lean(WebSocketServerProtocol):
    """
    One connection, as far as Autobahn has to do with it.

    Attributes:
        outlet: What bytes go out through, Autobahn's and ours.
        compresses: Whether compression may be agreed on.
        selected: The subprotocol; None: none.
    """

    outlet: Outlet
    compresses = False
    selected: str | None = None

    # How Autobahn is set.  Host and Origin were judged before.
    versions = [13]  # noqa: RUF012  Autobahn's; nobody changes it
    webStatus = False
    allowedOrigins = ["*"]  # noqa: RUF012  likewise
    allowNullOrigin = True
    utf8validateIncoming = True
    requireMaskedClientFrames = True
    maskServerFrames = False
    applyMask = True
    echoCloseCodeReason = False
    # A close code goes out all the same (see _fail_connection); True makes the
    # parser stop at what is wrong, where it would otherwise go on.
    failByDrop = True
    maxMessagePayloadSize = 0
    maxFramePayloadSize = autoFragmentSize = maxConnections = trustXForwardedFor = 0
    openHandshakeTimeout = closeHandshakeTimeout = autoPingInterval = autoPingTimeout = 0
    autoPingSize = 12
    autoPingRestartOnAnyTraffic = False
    tcpNoDelay = False
    logOctets = logFrames = trackTimings = False
    serveFlashSocketPolicy = False
    flashSocketPolicy = ""

    # What Autobahn begins each connection with.
    peer = ""
    websocket_version = 13
    state = CONNECTING
    data = b""
    inside_message = False
    current_frame: Any = None
    send_state = WebSocketServerProtocol.SEND_STATE_GROUND
    triggered = False
    is_open: Any = _Unheard()
    is_closed: Any = _Unheard()
    utf8validator: Any = _Late()
    # Counted for nobody.
    trafficStats = TrafficStats()
    trackedTimings: Any = None
    closedByMe = failedByMe = droppedByMe = wasClean = False
    wasMaxFramePayloadSizeExceeded = wasMaxMessagePayloadSizeExceeded = False
    wasServerConnectionDropTimeout = wasOpenHandshakeTimeout = wasCloseHandshakeTimeout = False
    wasServingFlashSocketPolicyFile = False
    wasNotCleanReason: Any = None
    localCloseCode: Any = None
    localCloseReason: Any = None
    remoteCloseCode: Any = None
    remoteCloseReason: Any = None
    openHandshakeTimeoutCall: Any = None
    closeHandshakeTimeoutCall: Any = None
    autoPingTimeoutCall: Any = None
    autoPingPending: Any = None
    autoPingPendingCall: Any = None
    autoPingPendingSent: Any = None
    autoPingPendingSeq = 0
    _perMessageCompress: Any = None

    def __init__(self, factory: Any) -> None:
        # Autobahn's own would make what stands above.
        self.factory = factory

    @property
    def allowedOriginsPatterns(self) -> Any:
        """
        What Autobahn makes of ``allowedOrigins``.
        """
        return self.factory.allowedOriginsPatterns

    def shake_hands(self, block: bytes) -> bool:
        """
        Answer a request for WebSocket, and forget it: there are secrets in it.

        Args:
            block: Its head, up to the empty line.

        Returns:
            Whether the connection is open; else it was refused.
        """
        before = vars(self).keys() | _KEPT
        self.data = block
        self.processHandshake()
        # Another dictionary: one that was larger once stays so.
        self.__dict__ = {name: value for name, value in vars(self).items() if name in before}
        return bool(self.state == OPEN)

    def failed(self) -> None:
        """
        Hear that the peer did wrong: it has its close frame, and what it sends is not read any more.
        """

    def parted(self) -> None:
        """
        Hear that both sides have said goodbye, or that the handshake was refused.
        """

    # What Autobahn calls.

    def onConnect(self, request: object) -> str | None:
        """
        Select the subprotocol.
        """
        return self.selected

    def _onOpen(self) -> None:
        pass

    def _onMessageEnd(self) -> None:
        extension = self._perMessageCompress
        if extension is not None:
            # Up to 40 KiB that are of no use to the next message.
            extension._decompressor = None
        super()._onMessageEnd()

    def perMessageCompressionAccept(self, offers: Sequence[object]) -> PerMessageDeflateOfferAccept | None:
        """
        Agree on compression that keeps nothing from one message to the next.
        """
        for offer in offers:
            if isinstance(offer, PerMessageDeflateOffer) and offer.accept_no_context_takeover:
                return PerMessageDeflateOfferAccept(
                    offer,
                    request_no_context_takeover=True,
                    request_max_window_bits=WINDOW if offer.accept_max_window_bits else 0,
                    no_context_takeover=True,
                    window_bits=min(WINDOW, offer.request_max_window_bits or WINDOW),
                )
        return None

    def _parseExtensionsHeader(self, header: str, removeQuotes: bool = True) -> Any:
        # An offer that is wrong or unknown is declined (RFC 7692, section 5.1);
        # Autobahn would refuse the connection.
        offers = super()._parseExtensionsHeader(header, removeQuotes) if self.compresses else []
        return [offer for offer in offers if _is_good(*offer)]

    def sendData(self, data: bytes, sync: bool = False, chopsize: int | None = None) -> None:
        """
        Send bytes, in order with ours.
        """
        self.outlet.send(data)

    def failHandshake(self, reason: str, code: int = 400, responseHeaders: object = None) -> None:
        """
        Refuse a request that was good enough for us; what Autobahn says is the peer's own words.
        """
        self.sendData(_REFUSAL)
        self.dropConnection()

    def dropConnection(self, abort: bool = False) -> None:
        """
        Close once everything is sent; who does not let us is found by its deadline.
        """
        self.state = CLOSED
        self.outlet.close()
        self.parted()

    def _fail_connection(self, code: int = 1001, reason: str = "going away") -> None:
        # RFC 6455, section 7.1.7.
        if self.state != CLOSED:
            self.failedByMe = True
            self.sendCloseFrame(code, encode_truncate(reason, 123))
            self.failed()


def _is_good(extension: str, parameters: dict[str, Any]) -> bool:
    if extension != PerMessageDeflateOffer.EXTENSION_NAME:
        return False
    try:
        PerMessageDeflateOffer.parse(parameters)
    except Exception:  # that is what Autobahn raises
        return False
    return True
