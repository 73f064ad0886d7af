# -*- test-case-name: tests.ctl.bridge.test_relay -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The bridge itself: whatever the client says goes to the far side, and back comes what that says.

Which era is spoken is the affair of those two: each message says it by itself.
Every request of the client gets exactly one answer, whatever dies, unless the
client cancels it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from attrs import define, field
from msgspec import Raw
from twisted.internet.defer import CancelledError, Deferred, DeferredList
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.courier import Courier
from mcpd.ctl.bridge.errand import Errand
from mcpd.ctl.bridge.far import Far, Unreached
from mcpd.ctl.bridge.fields import version_of
from mcpd.ctl.bridge.legacy import Legacy
from mcpd.ctl.bridge.listening import Listening
from mcpd.ctl.bridge.modern import Lister, Modern
from mcpd.ctl.bridge.reading import messages, written
from mcpd.ctl.bridge.renewal import Renewal
from mcpd.ctl.bridge.road import Road
from mcpd.ctl.bridge.session import Session
from mcpd.ctl.bridge.tools import Tools
from mcpd.wire import write
from mcpd.wire.codec import Reader, salvage_id
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Batch, Message, Notice, Piece, Refusal, Request
from mcpd.wire.sse import Event

MOST = 256
"""Requests on their way at once."""

GRACE = 2.0
"""Seconds that remain for what is on its way once the client says no more."""

_LINGER = 1.0
_LISTEN = "subscriptions/listen"
_INITIALIZE = "initialize"
_READER = Reader()


@define(eq=False)
class Relay:
    """
    Relays between a client and a far side.

    Attributes:
        errands: The requests that are on their way, by their ids.
    """

    _clock: IReactorTime
    _far: Far
    _say: Callable[[Iterable[Piece]], None]
    _tell: Callable[[str], None]
    _crowded: Callable[[bool], None]
    errands: dict[bytes, Errand] = field(init=False, factory=dict)
    _session: Session = field(init=False, factory=Session)
    _road: Road = field(init=False)
    _renewal: Renewal = field(init=False)
    _courier: Courier = field(init=False)
    _lister: Lister = field(init=False)
    _listening: Deferred[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._road = Road(self._clock, self._far)
        self._renewal = Renewal(self._road, self._session)
        self._courier = Courier(self._road, self._session, self._renewal, self._tell, self._crowded)
        self._lister = Lister(self._road, Tools(self._tell), self._tell)

    # What the client says.

    def hear(self, line: bytes) -> None:
        """
        Take one line of the client.
        """
        try:
            said = _READER.read(line)
        except Fault as fault:
            self._refuse(salvage_id(line), fault)
            return
        # Each message of a batch goes its own way, which every far side understands.
        for item in said.items if isinstance(said, Batch) else (said,):
            self._take(item)

    def _take(self, item: Message | Fault) -> None:
        match item:
            case Request():
                self._begin(item)
            case Notice(method="notifications/cancelled"):
                self._cancel(item)
            case Notice(method="notifications/initialized"):
                self._courier.send(item).addCallback(self._initialized)
            case Fault():
                self._refuse(None, item)
            case _:
                self._courier.send(item)

    def _begin(self, request: Request) -> None:
        if request.id in self.errands:
            self._refuse(request.id, Fault(Kind.INVALID, "a request with this id is on its way"))
            return
        # Bounded: each may hold a connection.
        if len(self.errands) >= MOST:
            self._refuse(request.id, Fault(Kind.OVERLOADED, f"more than {MOST} requests at once"))
            return
        version = version_of(request.params)
        way = self._legacy() if version is None else Modern(self._road, self._lister, version)
        errand = self.errands[request.id] = Errand(request, way, self._heard)
        errand.running = Deferred.fromCoroutine(self._run(errand))
        errand.running.addErrback(self._ended, errand)

    def _legacy(self) -> Legacy:
        return Legacy(self._road, self._session, self._renewal)

    async def _run(self, errand: Errand) -> None:
        if errand.request.method == _INITIALIZE:
            # What follows it belongs to the session that its answer makes.
            await self._courier.after(errand.run())
            return
        await (await self._courier.passed(lambda: Deferred.fromCoroutine(errand.run())))

    def _cancel(self, notice: Notice) -> None:
        id = bytes(notice.params.get("requestId", Raw()))
        errand = self.errands.pop(id, None)
        if errand is not None:
            errand.answered = True
        if errand is not None and isinstance(errand.way, Modern):
            # Hanging up is how a modern request is cancelled (MCP 2026-07-28, "Cancellation").
            errand.running.cancel()
        elif self._session.greeting is not None:
            # A legacy one needs the notice, and is not cancelled by hanging up.
            sent = self._courier.send(notice)
            if errand is not None:
                sent.addCallback(lambda _: errand.running.cancel())

    def _initialized(self, arrived: bool) -> None:
        if not arrived:
            return
        if self._listening is not None:
            self._listening.cancel()
        hear = Listening(self._road, self._session, self._renewal, self._overheard, self._tell)
        self._listening = Deferred.fromCoroutine(hear.run())
        self._listening.addErrback(self._ended, None)

    def _ended(self, failure: Failure, errand: Errand | None) -> None:
        # Cancelled: its answer was given, or nobody wants one.
        if failure.check(CancelledError):
            return
        self._tell(f"this is a fault of the bridge: {failure.getErrorMessage()}")
        if errand is not None:
            errand.fail(Kind.INTERNAL, "the bridge failed")

    def _refuse(self, id: bytes | None, fault: Fault) -> None:
        self._say((write.error(id, fault.kind.code, fault.text, fault.data),))

    # What the far side says.

    def _overheard(self, event: Event) -> None:
        try:
            said = messages(event.data) if event.data else ()
        except Fault as fault:
            self._tell(f"the far side said what can't be read: {fault.text}")
            return
        for message in said:
            self._heard(message)

    def _heard(self, message: Message, errand: Errand | None = None) -> None:
        match message:
            case Answer() | Refusal():
                self._answer(message)
            case Request() if self._session.greeting is None:
                self._tell("the far side asked a client that can't be asked")
            case _:
                self._say(written(message))

    def _answer(self, message: Answer | Refusal) -> None:
        # It may come on any stream; late for a request that was cancelled, it is dropped.
        errand = self.errands.pop(message.id, None)
        if errand is None:
            return
        errand.answered = True
        if isinstance(message, Answer):
            message = errand.way.read(errand.request, message)
        self._say(written(message))
        # The response ends with the answer, or is ended.
        late = self._clock.callLater(_LINGER, errand.running.cancel)
        errand.running.addBoth(lambda _: late.cancel() if late.active() else None)

    # The end.

    async def finish(self) -> None:
        """
        Wait a little for what is on its way, then answer it, and end the session.
        """
        if self._listening is not None:
            self._listening.cancel()
        errands = [errand for errand in self.errands.values() if errand.request.method != _LISTEN]
        ending = [errand.running for errand in errands]
        ending.append(Deferred.fromCoroutine(self._courier.passed(lambda: None)))
        await self._bounded(DeferredList(ending))
        for errand in tuple(self.errands.values()):
            errand.fail(Kind.PLUGIN_UNAVAILABLE, "the bridge is stopped")
            errand.running.cancel()
        if self._session.id is not None:
            await self._bounded(Deferred.fromCoroutine(self._leave()))

    async def _leave(self) -> None:
        try:
            reply = await self._far.ask(b"DELETE", self._session.fields())
            await reply.drop()
        except (Unreached, Cut) as why:
            self._tell(f"the session is not ended: {why}")

    async def _bounded(self, doing: Deferred[Any]) -> None:
        doing.addTimeout(GRACE, self._clock)
        doing.addErrback(lambda _: None)
        await doing
