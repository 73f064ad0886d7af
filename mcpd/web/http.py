# -*- test-case-name: tests.web.test_http -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
HTTP/1.1 for the doors: a connection, from bytes to exchanges and back.

One exchange of a connection runs at a time, and the next one that was
pipelined begins in a new turn of the reactor, so that no client can keep it
from the others.  All deadlines are absolute: nothing that a client sends puts
them off.

A client that closes its sending side has hung up: over TCP that is all that
one sees of a client which closes, and closing is how MCP clients cancel.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from math import inf
from typing import Any, ClassVar

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import Protocol
from twisted.logger import Logger
from twisted.protocols.policies import ProtocolWrapper
from twisted.python.failure import Failure

from mcpd.policy.forwarded import read_hop
from mcpd.web.head import Head, Outline, find_head, read_outline
from mcpd.web.outlet import choose
from mcpd.web.porch import Porch
from mcpd.web.reply import Reply, Successor
from mcpd.web.site import Request, Resource
from mcpd.web.upload import Upload, unwanted
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece

__all__ = ["Connection", "Head", "Reply", "Request", "Resource"]

# Seconds that a connection which is being closed has for it.
_GRACE = 1.0


class Phase(Enum):
    """
    What a connection does with bytes.
    """

    HEAD = "waits for a head, or for the rest of one"
    EXCHANGE = "takes the rest of the body, then keeps what comes until the exchange is over"
    CLOSING = "throws away what comes"


# Named once more: with Python 3.11, Phase.HEAD costs as much as a call or two.
_HEAD, _EXCHANGE, _CLOSING = Phase.HEAD, Phase.EXCHANGE, Phase.CLOSING


class Connection(Protocol):
    """
    One client's connection.

    Attributes:
        due: When :meth:`check` is to be called, in seconds.
        bodyless: Whether the running exchange's answer has no body.
        old: Whether the running exchange is HTTP/1.0.
    """

    _log: ClassVar[Logger] = Logger()

    def __init__(self, porch: Porch, peer: str) -> None:
        self.due = inf
        self.bodyless = False
        self.old = False
        self._porch = porch
        self._limits = porch.limits
        self._peer = peer
        # Writes what the answers to the running exchange's client share.
        self._stamp = porch.site.shield.plain
        self._phase = _CLOSING
        # What came and is not taken yet.
        self._queue = b""
        self._paused = False
        # When the connection began to be too old for another request.
        self._until = 0.0
        self._served = 0
        # Of the last head that was read: a client's next one is often the same.
        self._outline: Outline | None = None
        # Whether the connection is kept after the running exchange, and
        # whether something of the client's is left that nobody will read.
        self._keeps = True
        self._unread = False
        self._reply: Reply | None = None
        self._upload: Upload | None = None

    # What Twisted calls.

    def connectionMade(self) -> None:
        """
        Begin, if there is room for one more.
        """
        transport: Any = self.transport
        porch = self._porch
        self._outlet = choose(transport, self._limits, porch.slow, porch.clock)
        if not porch.enter(self, self._peer):
            self._outlet.abort()
            return
        if ITCPTransport.providedBy(transport):
            transport.setTcpNoDelay(True)
            transport.setTcpKeepAlive(True)
        now = porch.clock.seconds()
        self._until = now + self._limits.connection_life
        self.due = now + self._limits.header_timeout
        self._phase = _HEAD

    def dataReceived(self, data: bytes) -> None:
        """
        Take what came.
        """
        phase = self._phase
        if phase is _HEAD:
            if self._queue:
                data = self._queue + data
            outline = self._outline
            if outline is not None and data.startswith(outline.block):
                self._admit(outline, data, len(outline.block))
            else:
                self._begin(data)
        elif self._upload is not None:
            self._fill(self._upload, data)
        elif phase is _EXCHANGE:
            self._queue += data
            self._throttle()

    def connectionLost(self, reason: Failure) -> None:  # type: ignore[override]  # Twisted has a default
        """
        End, and tell the exchange that runs.
        """
        self._phase = _CLOSING
        self.due = inf
        self._queue = b""
        self._outline = None
        self._outlet.forget()
        self._end_upload()
        self._porch.leave(self)
        reply, self._reply = self._reply, None
        if reply is not None:
            try:
                reply.lost()
            except Exception:
                self._log.failure("request {id}: hanging up failed", id=reply.id)

    # What the porch calls.

    def check(self, now: float) -> None:
        """
        Do what is due.

        Args:
            now: Seconds.
        """
        match self._phase:
            case Phase.HEAD if self._queue:
                self._refuse(Fault(Kind.TOO_SLOW, "the head took longer than limits.header_timeout"))
            case Phase.HEAD:
                self._close()
            case Phase.EXCHANGE if self._upload is not None:
                self._check_upload(self._upload, now)
            case Phase.EXCHANGE:
                # Due only while a stream is open.
                assert self._reply is not None  # noqa: S101
                self._reply.comment()
            case Phase.CLOSING if self._outlet.waiting:
                # The client still takes its answer; if it stops, the outlet gives up.
                self.due = now + _GRACE
            case _:
                self.due = inf
                self._outlet.abort()

    def retire(self) -> None:
        """
        Close if the connection waits for another request; else its answer is the last.

        Who has not asked yet may do so for a moment: the first request is on its way.
        """
        self._until = -inf
        if self.fresh:
            self.due = min(self.due, self._porch.clock.seconds() + _GRACE)
            self._porch.newcomers.append(self)
        elif self._phase is _HEAD and not self._queue:
            self._close()

    @property
    def fresh(self) -> bool:
        """
        Whether it waits for its first request.
        """
        return self._phase is _HEAD and not self._served

    # What the reply calls.

    def give(self, line: bytes, own: bytes, parts: Sequence[Piece]) -> None:
        """
        Send a whole answer, and go on.
        """
        porch = self._porch
        now = porch.clock.seconds()
        plain = self._keeps and now < self._until and not self.old
        parting = b"\r\n" if plain else self._part(now) + b"\r\n"
        if self.bodyless:
            parts = ()
        self._outlet.send(b"".join([line, self._stamp.fields(now), own, parting, *parts]))
        if self._queue or not self._keeps:
            self.finished()
            return
        self._reply = None
        self._phase = _HEAD
        self.due = now + self._limits.idle_timeout

    def begin(self, line: bytes, own: bytes, endless: bool) -> bytes:
        """
        Write the head of an answer whose body comes later.
        """
        if endless:
            self._keeps = False
        now = self._porch.clock.seconds()
        return b"".join((line, self._stamp.fields(now), own, self._part(now)))

    def send(self, data: bytes) -> None:
        """
        Send bytes to the client.
        """
        self._outlet.send(data)

    def later(self, call: Callable[[], None]) -> None:
        """
        Call something at the end of this turn of the reactor.
        """
        self._porch.clock.callLater(0, call)

    def spoke(self) -> None:
        """
        Let the stream be silent for a while from now on.
        """
        self.due = self._porch.clock.seconds() + self._limits.comment

    def switch(self, successor: Successor) -> None:
        """
        Let another protocol have the transport, which reads the head once more.
        """
        outline = self._outline
        transport: Any = self.transport
        protocol: Any = successor
        assert outline is not None  # noqa: S101  it asked for this
        data, self._queue = outline.block + self._queue, b""
        self._phase, self.due, self._reply = _CLOSING, inf, None
        self._throttle()
        self._outlet.release()
        self._porch.replace(self, successor)
        # On TLS and behind PROXY the transport is what hands bytes on.
        if isinstance(transport, ProtocolWrapper):
            transport.wrappedProtocol = protocol
        else:
            transport.protocol = protocol
        successor.makeConnection(transport)
        successor.dataReceived(data)

    def finished(self) -> None:
        """
        Go on with the next request, or close.
        """
        self._reply = None
        if not self._keeps:
            self._close()
        elif self._queue:
            self.due = inf
            self._porch.turns.add(self._resume)
        else:
            self._idle()

    def _idle(self) -> None:
        # After a stream: it may have begun long before the connection was too old.
        now = self._porch.clock.seconds()
        if now >= self._until:
            self._close()
            return
        self._phase = _HEAD
        self.due = now + self._limits.idle_timeout

    def _part(self, now: float) -> bytes:
        # Whether the connection is kept, and the field that says so.
        if not self._keeps or now >= self._until:
            self._keeps = False
            return b"Connection: close\r\n"
        return b"Connection: keep-alive\r\n" if self.old else b""

    # From bytes to a head.

    def _begin(self, data: bytes) -> None:
        limits = self._limits
        if self._porch.visitors.announced:
            self._hear_peer()
        try:
            start, end = find_head(data, limits.request_line, limits.head)
            if not end:
                self._wait(data)
                return
            self._outline = outline = read_outline(data[start:end], limits.fields)
        except Fault as fault:
            self._refuse(fault)
            return
        self._admit(outline, data, end)

    def _hear_peer(self) -> None:
        # What stood before the request, and was not there when the connection was made.
        transport: Any = self.transport
        self._peer = read_hop(getattr(transport.getPeer(), "host", "")) or ""

    def _wait(self, data: bytes) -> None:
        # From the first byte on; a new connection has no longer than that in all.
        if not self._queue and self._served:
            self.due = self._porch.clock.seconds() + self._limits.header_timeout
        self._queue = data

    # From a head to an exchange.

    def _admit(self, outline: Outline, data: bytes, end: int) -> None:
        # One straight way, since each request goes it; the rarer ones leave from here.
        porch, limits = self._porch, self._limits
        site, visitors = porch.site, porch.visitors
        method, fields, length = outline.method, outline.fields, outline.length
        self._keeps = outline.keeps
        self.old = outline.old
        self.bodyless = method == b"HEAD"
        reply = self._open()
        head = Head(
            method,
            outline.path,
            outline.query,
            fields,
            outline.repeated,
            self._peer,
            reply.id,
            visitors.secure,
        )
        stop = end + length
        # A body in chunks is never whole, even if it is here.
        whole = end <= stop <= len(data)
        self._queue = data[stop:] if whole else b""
        try:
            # The shield's memory is asked here, so that a usual request costs no call.
            shield, host = site.shield, fields.get(b"host", b"")
            stamp = shield.known.get(host)
            if stamp is None:
                # The last request on the connection may have been another page's.
                self._stamp = shield.plain
                stamp = shield.judge_host(host)
            self._stamp = stamp
            if visitors.looks:
                head = visitors.see(head)
                reply.id = head.id
            if b"origin" in fields:
                self._stamp = shield.judge_origin(head, stamp)
            resource, caller = site.admit(head)
            if outline.encoded or length > limits.body:
                raise unwanted(outline)
            if whole and not outline.strange:
                resource.serve(Request(head, caller, data[end:stop]), reply)
        except Exception:
            if not whole:
                self._leave_unread()
            self._fail(reply, head.peer)
            return
        if outline.strange:
            self._leave_unread()
            self._tell(reply, head.peer, _bad("only 100-continue can be expected"), 417)
        elif not whole:
            now = porch.clock.seconds()
            upload = Upload(outline, resource, head, caller, reply, now, limits, porch.ledger)
            self._receive(upload, data[end:])
        elif self._queue:
            self._throttle()

    def _open(self) -> Reply:
        self._served += 1
        if self._served >= self._limits.requests:
            self._keeps = False
        self._phase = _EXCHANGE
        self.due = inf
        porch = self._porch
        reply = self._reply = Reply(self, porch.mint.mint(porch.clock.seconds()))
        return reply

    def _serve(self, resource: Resource, request: Request, reply: Reply) -> None:
        try:
            resource.serve(request, reply)
        except Exception:
            self._fail(reply, request.head.peer)
        if self._queue:
            self._throttle()

    def _resume(self) -> None:
        if self._phase is _EXCHANGE:
            self._phase = _HEAD
            queue, self._queue = self._queue, b""
            self.dataReceived(queue)
            self._throttle()

    def _throttle(self) -> None:
        # Never while nothing is queued: a transport that is paused does not see a hang-up.
        full = self._phase is _EXCHANGE and len(self._queue) > self._limits.queued
        if full is not self._paused:
            self._paused = full
            transport: Any = self.transport
            transport.pauseProducing() if full else transport.resumeProducing()

    # A body that did not come with its head.

    def _receive(self, upload: Upload, data: bytes) -> None:
        self._upload = upload
        self.due = upload.check(upload.began)
        if data:
            self._fill(upload, data)
        elif upload.outline.waits:
            self.send(b"HTTP/1.1 100 Continue\r\n\r\n")

    def _fill(self, upload: Upload, data: bytes) -> None:
        try:
            rest = upload.feed(data)
        except Fault as fault:
            self._refuse(fault)
            return
        if rest is not None:
            self._end_upload()
            self.due = inf
            self._queue = rest
            self._serve(upload.resource, Request(upload.head, upload.caller, upload.body), upload.reply)

    def _check_upload(self, upload: Upload, now: float) -> None:
        try:
            self.due = upload.check(now)
        except Fault as fault:
            self._refuse(fault)

    def _end_upload(self) -> None:
        upload, self._upload = self._upload, None
        if upload is not None:
            upload.end()

    # Ends.

    def _refuse(self, fault: Fault) -> None:
        reply, upload = self._reply, self._upload
        if reply is None:
            self.old = self.bodyless = False
            self._stamp = self._porch.site.shield.plain
            reply = self._open()
        self._end_upload()
        self._leave_unread()
        self._tell(reply, self._peer if upload is None else upload.head.peer, fault, fault.kind.status)

    def _fail(self, reply: Reply, peer: str) -> None:
        # Called while an exception is handled.
        failure = Failure()
        fault: Any = failure.value
        if isinstance(fault, Fault):
            self._tell(reply, peer, fault, fault.kind.status)
            return
        self._log.failure("request {id} failed", failure, id=reply.id)
        self._keeps = False
        reply.fault(Fault(Kind.INTERNAL, "internal error"), status=500)

    def _tell(self, reply: Reply, peer: str, fault: Fault, status: int) -> None:
        self._porch.refused(peer, reply.id, fault, status)
        reply.fault(fault, status=status)

    def _leave_unread(self) -> None:
        self._keeps = False
        self._unread = True

    def _close(self) -> None:
        self._phase = _CLOSING
        self.due = self._porch.clock.seconds() + _GRACE
        # Closing a socket with unread bytes resets it, and the client may lose
        # the answer: go on reading for a moment instead.
        linger = self._unread or bool(self._queue)
        self._queue = b""
        if linger:
            self._throttle()
            self._outlet.finish()
        else:
            self._outlet.close()


def _bad(text: str) -> Fault:
    return Fault(Kind.BAD_REQUEST, text)
