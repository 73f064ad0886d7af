# -*- test-case-name: tests.ctl.bridge.test_far -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The far side of the bridge: one address, asked over HTTP.

A far side that can't be reached, or that broke off, is told by an exception of
ours that says whether it can have taken the request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import define, field, frozen
from OpenSSL.SSL import Error as TLSError
from service_identity import VerificationError
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectError, DNSLookupError
from twisted.internet.interfaces import IConsumer
from twisted.python.failure import Failure
from twisted.web._newclient import RequestNotSent
from twisted.web.client import RequestTransmissionFailed, ResponseFailed
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from mcpd import __version__
from mcpd.ctl.bridge.body import Body, Cut, Stream, Whole
from mcpd.ctl.bridge.valve import Valve
from mcpd.wire.sse import Event, Events

JSON, EVENTS = b"application/json", b"text/event-stream"
"""What a far side may answer with."""

_ALWAYS = ((b"Accept", b"%b, %b" % (JSON, EVENTS)), (b"User-Agent", f"mcpctl/{__version__}".encode()))

Fields = tuple[tuple[bytes, bytes], ...]
"""Header fields: names and values."""

T = TypeVar("T")


class Unreached(Exception):
    """
    There is no connection to the far side, so it knows nothing of the request.

    Attributes:
        passing: Whether it may be there a little later.
    """

    def __init__(self, text: str, passing: bool = True) -> None:
        super().__init__(text)
        self.passing = passing


@frozen
class Target:
    """
    Where the far side is.

    Attributes:
        url: Its address.
        fields: Header fields of each request to it, credentials among them.
    """

    url: bytes
    fields: Fields = field(default=(), repr=False)


@implementer(IBodyProducer)
@define(eq=False)
class _Said:
    # A request's body, which is written at once: it is bounded, and there anyway.
    _text: bytes
    length: int = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.length = len(self._text)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._text)
        return succeed(None)

    def pauseProducing(self) -> None:
        pass

    def resumeProducing(self) -> None:
        pass

    def stopProducing(self) -> None:
        pass


@define(eq=False)
class Reply:
    """
    A response whose head is here.

    One of :meth:`whole`, :meth:`events` and :meth:`drop` has to be called.

    Attributes:
        status: The HTTP status.
        kind: The media type in small letters, without parameters; empty: none was told.
    """

    _response: IResponse
    _valve: Valve
    _limit: int
    status: int = field(init=False)
    kind: bytes = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.status = self._response.code
        self.kind = (self.field(b"Content-Type") or b"").partition(b";")[0].strip().lower()

    def field(self, name: bytes) -> bytes | None:
        """
        Give the value of a header field; None if there is none.
        """
        values = self._response.headers.getRawHeaders(name)
        return values[-1] if values else None

    async def whole(self) -> bytes:
        """
        Read the body as one text.

        Raises:
            Cut: It broke off, or is too long.
        """
        whole = Whole(self._limit)
        await self._read(whole.take)
        return whole.text()

    async def events(self, hear: Callable[[Event], None], opened: Callable[[Events], None]) -> None:
        """
        Read the body as a stream of events, to its end.

        Args:
            hear: Called with each event.
            opened: Called first, with the reader that learns ids and times to retry.

        Raises:
            Cut: It broke off, or an event is too long.
        """
        stream = Stream(self._limit, hear)
        opened(stream.events)
        await self._read(stream.take)

    async def drop(self) -> None:
        """
        Read the body for nothing, so that the connection is free again.

        Raises:
            Cut: It broke off, or is too long.
        """
        await self.whole()

    def _read(self, take: Callable[[bytes], None]) -> Deferred[None]:
        body = Body(self._valve, take)
        self._response.deliverBody(body)
        return body.over


@define(eq=False)
class Far:
    """
    The far side.

    Attributes:
        target: Where it is.
    """

    _agent: IAgent
    target: Target
    _valve: Valve
    _limit: int

    async def ask(self, method: bytes, fields: Fields, body: bytes | None = None) -> Reply:
        """
        Send a request, and wait for the head of the response.

        Cancelling it hangs up.

        Args:
            method: ``POST``, ``GET`` or ``DELETE``.
            fields: Header fields besides those of every request.
            body: One message, for ``POST``.

        Raises:
            Unreached: It was not sent.
            Cut: Nobody knows what became of it.
        """
        headers = Headers()
        more = () if body is None else ((b"Content-Type", JSON),)
        for name, value in (*_ALWAYS, *more, *fields, *self.target.fields):
            headers.addRawHeader(name, value)
        said = None if body is None else _Said(body)
        try:
            response = await _cancellable(self._agent.request(method, self.target.url, headers, said))
        except (ConnectError, DNSLookupError, RequestNotSent) as error:
            raise Unreached(f"the far side can't be reached: {_told(error)}") from None
        except (ResponseFailed, RequestTransmissionFailed) as error:
            raise _failed(error) from None
        return Reply(response, self._valve, self._limit)


def _cancellable(asked: Deferred[T]) -> Deferred[T]:
    """
    Make what fails by its cancelling when it is cancelled: Twisted's client fails in many ways then.
    """

    def give_up(waiting: Deferred[T]) -> None:
        waiting.errback(CancelledError())
        asked.cancel()

    def failed(failure: Failure) -> None:
        if not waiting.called:
            waiting.errback(failure)

    waiting: Deferred[T] = Deferred(give_up)
    asked.addCallback(waiting.callback).addErrback(failed)
    return waiting


def _failed(error: ResponseFailed | RequestTransmissionFailed) -> Unreached | Cut:
    causes = [failure.value for failure in error.reasons]
    for cause in causes:
        if isinstance(cause, VerificationError):
            return Unreached("the far side's certificate names another host", passing=False)
        if isinstance(cause, TLSError):
            return Unreached(f"there is no TLS with the far side: {_reason(cause)}", passing=False)
    told = ", ".join(_told(cause) for cause in causes)
    return Cut(f"the connection to the far side broke off: {told}")


def _reason(error: TLSError) -> str:
    # OpenSSL tells (library, function, reason), a row for each level; or nothing.
    rows = error.args[0] if error.args and isinstance(error.args[0], list) else []
    return "; ".join(row[-1] for row in rows if row[-1]) or "it broke off"


def _told(error: BaseException) -> str:
    return " ".join(str(error).split()) or type(error).__name__
