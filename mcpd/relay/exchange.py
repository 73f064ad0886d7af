# -*- test-case-name: tests.relay.test_exchange -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The client's side of a call: one request, its way back, and how it ends.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Raw, Struct
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mcpd.relay.eras import Tongue
from mcpd.relay.session import Session
from mcpd.relay.stream import Stream
from mcpd.relay.subject import Subject
from mcpd.relay.throttle import Throttle
from mcpd.relay.way import Way
from mcpd.wire import codec, write
from mcpd.wire.call import Answerer
from mcpd.wire.fault import Fault
from mcpd.wire.level import reaches
from mcpd.wire.message import Answer, Members, Notice, Piece, Refusal

_PROGRESS = "notifications/progress"
# What a legacy client hears that never said how much it wants to.
_USUAL_LEVEL = "info"


class Books(Protocol):
    """
    Who keeps account of exchanges; :class:`mcpd.relay.running.Running` is the real one.
    """

    @property
    def clock(self) -> IReactorTime:
        """
        What tells the time.
        """

    def over(self, exchange: Exchange) -> None:
        """
        Hear that it has its outcome.
        """

    def learn(self, answerer: Answerer, result: Members) -> None:
        """
        Hear what a plugin answered.
        """

    def unexpected(self, failure: Failure, number: str) -> Fault:
        """
        Hear of a failure that nobody foresaw, under a request id, and say what the client is told.
        """


class Exchange(Struct, eq=False):
    """
    One request of a client that a plugin works on; the :class:`mcpd.wire.call.Listener` of its call.

    One is made for each call, so it is a struct, as messages are.

    Attributes:
        id: The request's id, raw.
        caller: The principal's name.
        session: The client's session; None in the modern era.
    """

    id: bytes
    caller: str
    session: Session | None
    _streams: Session | None
    _tongue: Tongue
    _way: Way
    _subject: Subject
    _source: Answerer | None
    _token: Piece | None
    _level: str | None
    _books: Books
    _call: Deferred[Answer | Refusal] | None = None
    _mute: bool = False
    _stream: Stream | None = None
    _progress: Throttle | None = None
    _poll: IDelayedCall | None = None

    @property
    def place(self) -> str:
        """
        The session's id; empty in the modern era.
        """
        return "" if self.session is None else self.session.id.decode("ascii")

    def follow(self, call: Deferred[Answer | Refusal]) -> None:
        """
        Wait for the call's outcome, and for the client to lose patience.
        """
        self._call = call
        if self._stream is None:
            self._way.hung_up = self._hung_up
        call.addCallbacks(self._answered, self._failed)

    def poll_after(self, seconds: float) -> None:
        """
        Let the client come back for its answer if the call takes longer than this.
        """
        if self._call is not None and not self._call.called:
            self._poll = self._books.clock.callLater(seconds, self._part)

    def notice(self, notice: Notice) -> None:
        """
        Pass a notice on: progress with the client's own token, messages if it asked for them.
        """
        if self._mute:
            return
        if notice.method == _PROGRESS:
            if self._token is not None:
                if self._progress is None:
                    self._progress = Throttle(self._books.clock, self._pass_progress)
                self._progress.take(notice)
        elif self._hears(notice):
            self._send(notice.method, notice.params)

    def cancel(self) -> None:
        """
        Cancel the call, since the client said so: there is no answer then.
        """
        self._mute = True
        self._stop()
        self._way.end()

    def abandon(self, fault: Fault) -> None:
        """
        Cancel the call, and tell the client why.
        """
        self._mute = True
        self._stop()
        self._tell(fault)

    # While the call runs.

    def _hears(self, notice: Notice) -> bool:
        session = self.session
        least = self._level if session is None else session.level or _USUAL_LEVEL
        return least is not None and reaches(codec.text(notice.params.get("level", Raw())) or "", least)

    def _pass_progress(self, notice: Notice) -> None:
        assert self._token is not None  # noqa: S101  else nothing was taken
        self._send(notice.method, {"progressToken": self._token, **notice.params})

    def _send(self, method: str, params: dict[str, Piece] | Members) -> None:
        self._open()
        self._way.notice(write.notice(method.encode(), params))

    def _open(self) -> None:
        # What a legacy client misses of a stream it may come back for.
        if self._streams is not None and self._stream is None:
            self._way = self._stream = self._streams.open(self._way, self.id)

    def _part(self) -> None:
        self._poll = None
        if not self._mute:
            self._open()
            assert self._stream is not None  # noqa: S101  only sessions are polled
            self._stream.park()

    def _hung_up(self) -> None:
        self._mute = True
        if self._tongue.hang_up_cancels:
            self._stop()

    def _stop(self) -> None:
        if self._call is not None:
            self._call.cancel()

    # When it is over.

    def _answered(self, outcome: Answer | Refusal) -> None:
        self._close()
        if self._mute:
            return
        try:
            if isinstance(outcome, Answer):
                if self._subject.links and self._source is not None:
                    self._books.learn(self._source, outcome.result)
                parts, status = self._tongue.fitted(self.id, outcome.result, self._subject)
            else:
                parts, status = self._tongue.refusal(self.id, outcome, self._subject)
            self._way.answer(parts, status)
        except Exception:
            self._explain(Failure())

    def _close(self) -> None:
        self._books.over(self)
        if self._poll is not None:
            self._poll.cancel()
            self._poll = None
        if self._progress is not None:
            if self._mute:
                self._progress.close()
            else:
                self._progress.flush()
            self._progress = None
        # Else each call would leave a circle of objects to the garbage collector.
        if self._stream is None:
            self._way.hung_up = None

    def _failed(self, failure: Failure) -> None:
        self._close()
        if self._mute and failure.check(CancelledError, Fault):
            return
        self._explain(failure)

    def _explain(self, failure: Failure) -> None:
        fault = failure.value
        self._tell(fault if isinstance(fault, Fault) else self._books.unexpected(failure, self._way.id))

    def _tell(self, fault: Fault) -> None:
        self._way.fault(fault, self.id, self._tongue.status(fault))
