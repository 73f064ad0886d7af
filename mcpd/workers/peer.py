# -*- test-case-name: tests.workers.test_peer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
MCP with one worker: what is said, without how it gets there.

A :class:`Peer` numbers requests, remembers who waits for which answer until
when, and drops what nobody waits for.  The two ways of speaking to plugins are
its :class:`Speech`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Protocol

from attrs import define, field, frozen
from msgspec import Struct
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.wire import codec, write
from mcpd.wire.call import Call, Listener
from mcpd.wire.codec import Reader
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Members, Notice, Piece, Refusal, Request
from mcpd.wire.write import Items

Params = Items


class Speech(Protocol):
    """
    How calls are put to plugins of one era.
    """

    def params(self, call: Call, number: bytes) -> Params:
        """
        Say the members of ``params`` for a call; its number is its progress token.
        """

    def own(self, params: Params) -> Params:
        """
        Say the members of ``params`` for a request of our own.
        """


@frozen
class LegacySpeech:
    """
    To plugins that shook hands: a request says nothing about itself.
    """

    def params(self, call: Call, number: bytes) -> Params:
        """
        Say the call's own members, and ``_meta`` only if there is something to say.
        """
        if not (call.progress or call.meta):
            return call.params
        return {**call.params, "_meta": _meta(call, number, ())}

    def own(self, params: Params) -> Params:
        """
        Say them as they are.
        """
        return params


@frozen
class ModernSpeech:
    """
    To plugins that are told everything in each request (MCP 2026-07-28, "Per-request metadata").

    Attributes:
        stamp: The members of ``_meta`` that say who we are and what we can be
            asked.
    """

    stamp: tuple[tuple[str, Piece], ...]
    _bare: bytes = field(init=False)

    @_bare.default
    def _written(self) -> bytes:
        out: list[Piece] = []
        write.put(out, self.stamp)
        return b"".join(out)

    def params(self, call: Call, number: bytes) -> Params:
        """
        Say the call's own members, and the stamp.
        """
        meta = _meta(call, number, self.stamp) if call.progress or call.meta else self._bare
        return {**call.params, "_meta": meta}

    def own(self, params: Params) -> Params:
        """
        Say them, and the stamp.
        """
        return {**dict(params), "_meta": self._bare}


def _meta(call: Call, number: bytes, stamp: Iterable[tuple[str, Piece]]) -> bytes:
    out: list[Piece] = []
    token = (("progressToken", number),) if call.progress else ()
    write.put(out, (*stamp, *call.meta.items(), *token))
    return b"".join(out)


@frozen
class Patience:
    """
    How long a call may take.

    Attributes:
        call: Seconds from its start, and anew from each progress notice.
        max: Seconds in all.
    """

    call: float
    max: float


class _Waiting(Struct, eq=False):
    deferred: Deferred[Answer | Refusal]
    patience: Patience
    due: float
    end: float
    listener: Listener | None


@define
class Strays:
    """
    What a worker said that nobody waited for, counted.

    Attributes:
        answers: Late, repeated and foreign answers.
        notices: Notices of calls that are over, and of kinds that nobody hears.
        questions: Questions left unanswered, since it did not read.
        noise: Lines that are no messages.
    """

    answers: int = 0
    notices: int = 0
    questions: int = 0
    noise: int = 0


class Noise(Protocol):
    """
    Who is told of a line that is no message.
    """

    def __call__(self, line: bytes, why: str) -> None:
        """
        Hear the line, and what is wrong with it.
        """


_CANCELLED = b"notifications/cancelled"


@define(eq=False)
class Peer:
    """
    The conversation with one worker.

    Attributes:
        strays: What nobody waited for.
    """

    _clock: IReactorTime
    _send: Callable[[bytes], int]
    _noise: Noise
    _crowded: Callable[[], bool]
    _speech: Speech = field(factory=LegacySpeech)
    strays: Strays = field(init=False, factory=Strays)
    _reader: Reader = field(init=False, factory=lambda: Reader(strict=False))
    _gathered: list[bytes] = field(init=False, factory=list)
    _flushing: IDelayedCall | None = field(init=False, default=None)
    _waiting: int = field(init=False, default=0)
    _number: int = field(init=False, default=0)
    _pending: dict[bytes, _Waiting] = field(init=False, factory=dict)
    _lost: Fault | None = field(init=False, default=None)

    @property
    def running(self) -> int:
        """
        How many requests wait for an answer.
        """
        return len(self._pending)

    def connect(self, send: Callable[[bytes], int]) -> None:
        """
        Send to a process from now on.

        Args:
            send: Sends bytes, and tells how many wait for it to read.
        """
        self._send = send

    def speak(self, speech: Speech) -> None:
        """
        Put later calls in this way.
        """
        self._speech = speech

    def ask(self, call: Call, listener: Listener, patience: Patience) -> Deferred[Answer | Refusal]:
        """
        Put a call to the worker.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.ask` says.
        """
        if self._waiting and self._crowded():
            # Bounded: a worker may never read.
            text = "the plugin does not keep up with its calls"
            return fail(Fault(Kind.PLUGIN_UNAVAILABLE, text, {"retryAfterMs": 1000}))
        self._number = count = self._number + 1
        number = b"%d" % count
        line = write.request(number, call.method.encode(), self._speech.params(call, number))
        if self._pending:
            self._gather(line)
        else:
            self._waiting = self._send(line)
        return self._wait(number, patience, listener)

    def request(self, method: bytes, params: Params, patience: Patience) -> Deferred[Answer | Refusal]:
        """
        Ask something on our own account, in any era's way.

        Returns:
            As :meth:`ask`.
        """
        self._number += 1
        number = b"%d" % self._number
        self._say(write.request(number, method, self._speech.own(params)))
        return self._wait(number, patience, None)

    def notify(self, method: bytes, params: Params) -> None:
        """
        Tell the worker something.
        """
        self._say(b"".join((*write.notice(method, params), b"\n")))

    def heard(self, lines: Iterable[bytes]) -> None:
        """
        Hear what the worker wrote.
        """
        pending = self._pending
        for line in lines:
            answer = codec.read_usual(line) or self._heard(line)
            if answer is None:
                continue
            waiting = pending.pop(answer.id, None)
            if waiting is None:
                self.strays.answers += 1
            else:
                waiting.deferred.callback(answer)

    def _heard(self, line: bytes) -> Answer | Refusal | None:
        # What is no answer has its effect here.
        try:
            message = self._reader.read(line)
        except Fault as fault:
            self.strays.noise += 1
            self._noise(line, fault.text)
            return None
        match message:
            case Answer() | Refusal():
                return message
            case Notice():
                self._noticed(message)
            case Request():
                self._asked(message)
            case _:
                self.strays.noise += 1
                self._noise(line, "it is a batch")
        return None

    def expire(self) -> None:
        """
        Give up on every request whose time is over: it fails, and the worker gets a cancel.
        """
        now = self._clock.seconds()
        for number in [number for number, waiting in self._pending.items() if waiting.due <= now]:
            # One that fails may make its caller give up the others.
            waiting = self._pending.pop(number, None)
            if waiting is not None:
                self._cancelled(number, "deadline")
                waiting.deferred.errback(Fault(Kind.DEADLINE, "the plugin did not answer in time"))

    def lose(self, fault: Fault) -> int:
        """
        Fail every request that waits, and every later one, since the worker is gone.

        Returns:
            How many waited.
        """
        self._lost = fault
        self._flush()
        count = len(self._pending)
        for number in tuple(self._pending):
            waiting = self._pending.pop(number, None)
            if waiting is not None:
                waiting.deferred.errback(fault)
        return count

    def _gather(self, line: bytes) -> None:
        # A worker that is busy anyway gets the calls of one turn of the reactor
        # in one write: each would wake it up, which costs more than the write.
        if self._flushing is None:
            self._flushing = self._clock.callLater(0, self._flush)
        self._gathered.append(line)

    def _flush(self) -> None:
        flushing, self._flushing = self._flushing, None
        if flushing is not None:
            if flushing.active():
                flushing.cancel()
            gathered, self._gathered = self._gathered, []
            self._waiting = self._send(b"".join(gathered))

    def _say(self, line: bytes) -> None:
        # What was gathered was said before.
        self._flush()
        self._waiting = self._send(line)

    def _wait(
        self, number: bytes, patience: Patience, listener: Listener | None
    ) -> Deferred[Answer | Refusal]:
        if self._lost is not None:
            return fail(self._lost)
        now = self._clock.seconds()
        deferred: Deferred[Answer | Refusal] = Deferred(partial(self._forget, number))
        due = now + (patience.call if patience.call < patience.max else patience.max)
        self._pending[number] = _Waiting(deferred, patience, due, now + patience.max, listener)
        return deferred

    def _forget(self, number: bytes, deferred: Deferred[Answer | Refusal]) -> None:
        # The number is dropped, so whatever still comes is late.
        if self._pending.pop(number, None) is not None:
            self._cancelled(number, "the caller gave up")

    def _cancelled(self, number: bytes, reason: str) -> None:
        self.notify(_CANCELLED, (("requestId", number), ("reason", write.encode(reason))))

    def _noticed(self, notice: Notice) -> None:
        token = notice.params.get("progressToken")
        waiting = self._pending.get(bytes(token)) if token is not None else None
        if notice.method != "notifications/progress" or waiting is None or waiting.listener is None:
            self.strays.notices += 1
            return
        waiting.due = min(self._clock.seconds() + waiting.patience.call, waiting.end)
        params: Members = {name: value for name, value in notice.params.items() if name != "progressToken"}
        waiting.listener.notice(Notice(notice.method, params))

    def _asked(self, request: Request) -> None:
        # Bounded: a worker may ask without end, and never read an answer.
        if self._crowded():
            self.strays.questions += 1
            return
        # A worker was told that we can be asked nothing, so only the one
        # question that needs no client has an answer.
        if request.method == "ping":
            parts = write.answer(request.id, ())
        else:
            text = "this client answers no such request"
            parts = write.refusal(request.id, Kind.UNKNOWN_METHOD.code, text, None)
        self._say(b"".join((*parts, b"\n")))
