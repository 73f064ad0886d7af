# -*- test-case-name: tests.workers.test_peer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
MCP with one worker: what is said, without how it gets there.

A :class:`Peer` numbers requests, remembers who waits for which answer until
when, and drops what nobody waits for.  The two ways of speaking to plugins are
its :class:`mcpd.workers.speech.Speech`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from attrs import define, field, frozen
from msgspec import Struct
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.wire import codec, write
from mcpd.wire.call import Call, Listener
from mcpd.wire.codec import Reader
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.level import reaches
from mcpd.wire.message import Answer, Members, Notice, Refusal, Request
from mcpd.workers.awaited import Awaited
from mcpd.workers.echoes import Echoes
from mcpd.workers.ghosts import Ghosts
from mcpd.workers.speech import LegacySpeech, Params, Speech
from mcpd.workers.strays import Noise, Strays


@frozen
class Patience:
    """
    How long a call may take.

    Attributes:
        call: Seconds from its start, and anew from each progress notice.
        max: Seconds in all.
        waited: Seconds of both that are over already.
    """

    call: float
    max: float
    waited: float = 0.0


class _Waiting(Struct, eq=False):
    deferred: Deferred[Answer | Refusal]
    patience: Patience
    due: float
    end: float
    listener: Listener | None


Ended = Callable[[bytes, Answer | Refusal | None], None]
"""Hears that an open request has ended: its number, and its answer, or None if it was cancelled."""

_CANCELLED = "notifications/cancelled"
_SETTING = Patience(60, 60)
# One timer for all requests of a worker, so that a call costs none.
_TICK = 0.1
_OUTCOMES = frozenset(("result", "error"))


def _deaf(notice: Notice) -> bool:
    return False


def _calm(numbers: list[bytes]) -> None:
    return


def _unmoved(number: bytes) -> None:
    return


def _patient() -> None:
    return


@define(eq=False)
class Peer:
    """
    The conversation with one worker.

    Attributes:
        hears: Hears every notice that belongs to no call, and says whether
            somebody waited for it.
        late: Called with the numbers of calls whose time is over.
        late_answer: Called with the number of a call that is answered although
            it was given up.
        unasked: Called at each line that is no usual answer to something that
            was asked; what it raises ends the hearing.
        freed: Called whenever a call may be over; None: nobody wants to know.
        strays: What nobody waited for.
        running: How many calls wait for an answer.
        asked: How many calls there were so far.
        last: When the last call came, in the clock's seconds.
    """

    _clock: IReactorTime
    _send: Callable[[bytes], int]
    _noise: Noise
    _crowded: Callable[[], bool]
    _speech: Speech = field(factory=LegacySpeech)
    hears: Callable[[Notice], bool] = field(init=False, default=_deaf)
    late: Callable[[list[bytes]], None] = field(init=False, default=_calm)
    late_answer: Callable[[bytes], None] = field(init=False, default=_unmoved)
    unasked: Callable[[], None] = field(init=False, default=_patient)
    freed: Callable[[], None] | None = field(init=False, default=None)
    running: int = field(init=False, default=0)
    asked: int = field(init=False, default=0)
    last: float = field(init=False, default=0.0)
    strays: Strays = field(init=False, factory=Strays)
    _reader: Reader = field(init=False, factory=lambda: Reader(strict=False))
    _gathered: list[bytes] = field(init=False, factory=list)
    _flushing: IDelayedCall | None = field(init=False, default=None)
    _waiting: int = field(init=False, default=0)
    _number: int = field(init=False, default=0)
    _pending: dict[bytes, _Waiting] = field(init=False, factory=dict)
    _open: dict[bytes, Ended] = field(init=False, factory=dict)
    _ghosts: Ghosts = field(init=False, factory=Ghosts)
    _echoes: Echoes = field(init=False, factory=Echoes)
    _level: str | None = field(init=False, default=None)
    _lost: Fault | None = field(init=False, default=None)
    _ticking: IDelayedCall | None = field(init=False, default=None)

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
            return _refused()
        if call.level is not None and self._speech.sets_level:
            self._raise(call.level)
        self._number = count = self._number + 1
        number = b"%d" % count
        line = write.request(number, call.method.encode(), self._speech.params(call, number))
        if self._pending:
            self._gather(line)
        else:
            self._waiting = self._send(line)
        self.asked += 1
        return self._wait(number, patience, listener)

    def request(self, method: bytes, params: Params, patience: Patience) -> Deferred[Answer | Refusal]:
        """
        Ask something on our own account, in any era's way.

        Returns:
            As :meth:`ask`.
        """
        if self._waiting and self._crowded():
            return _refused()
        self._number += 1
        number = b"%d" % self._number
        self._say(write.request(number, method, self._speech.own(params)))
        return self._wait(number, patience, None)

    def ask_alive(self, patience: Patience) -> Deferred[Answer | Refusal]:
        """
        Ask whether the worker lives: any answer says so.

        Returns:
            As :meth:`ask`.
        """
        return self.request(self._speech.alive, (), patience)

    def open(self, method: bytes, params: Params, ended: Ended) -> bytes:
        """
        Ask on our own account for what lasts until somebody ends it.

        Args:
            method: The method.
            params: Its members.
            ended: Called once if the worker ends it; not if it is lost.

        Returns:
            The request's number.
        """
        self._number += 1
        number = b"%d" % self._number
        self._open[number] = ended
        self._say(write.request(number, method, self._speech.own(params)))
        return number

    def close(self, number: bytes) -> None:
        """
        End what was opened; nothing more is heard of it.
        """
        if self._open.pop(number, None) is not None:
            self._cancelled(number, "it is not wanted any more")

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
                self._unawaited(answer)
                continue
            self._answered(waiting, answer)
        if self.freed is not None:
            self.freed()

    def _answered(self, waiting: _Waiting, answer: Answer | Refusal) -> None:
        if waiting.listener is not None:
            self.running -= 1
            self._echoes.add(waiting.listener.caller)
        waiting.deferred.callback(answer)

    def _unawaited(self, answer: Answer | Refusal) -> None:
        self.unasked()
        if not answer.id and len(self._pending) == 1 and isinstance(answer, Refusal):
            # What it could not read it can't tell the number of, and there is
            # only one thing that it can mean; another answer will not come.
            ((number, waiting),) = self._pending.items()
            if answer.code == Kind.UNREADABLE.code and waiting.listener is not None:
                del self._pending[number]
                self._answered(waiting, answer)
                return
        ended = self._open.pop(answer.id, None)
        if ended is not None:
            ended(answer.id, answer)
            return
        self._lay(answer.id)
        self.strays.answers += 1

    def _lay(self, number: bytes) -> None:
        self._ghosts.lay(number)
        self.late_answer(number)

    def _heard(self, line: bytes) -> Answer | Refusal | None:
        # What is no answer has its effect here.
        self.unasked()
        try:
            message = self._reader.read(line)
        except Fault as fault:
            self.strays.noise += 1
            self._noise(line, fault.text)
            self._spoil(line)
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

    def _spoil(self, line: bytes) -> None:
        # What is meant as an answer is one, though nobody can read it: no
        # other follows, so that its caller would wait for nothing.
        members = codec.members(line) or {}
        version = bytes(members.get("jsonrpc", b""))
        if version != b'"2.0"' or "method" in members or _OUTCOMES.isdisjoint(members):
            return
        number = bytes(members.get("id", b""))
        ended, waiting = self._open.pop(number, None), self._pending.pop(number, None)
        if ended is not None:
            ended(number, None)
        elif waiting is not None:
            self._over(waiting)
            waiting.deferred.errback(Fault(Kind.INTERNAL, "the plugin gave an answer that can't be read"))
        else:
            self._lay(number)

    def expire(self) -> None:
        """
        Give up on every request whose time is over: it fails, and the worker gets a cancel.
        """
        now = self._clock.seconds()
        self._echoes.fade(now)
        if self._ghosts:
            self._ghosts.fade(now)
        late = []
        for number in [number for number, waiting in self._pending.items() if waiting.due <= now]:
            # One that fails may make its caller give up the others.
            waiting = self._pending.pop(number, None)
            if waiting is not None:
                if waiting.listener is not None:
                    late.append(number)
                self._given_up(number, waiting, "deadline")
                waiting.deferred.errback(Fault(Kind.DEADLINE, "the plugin did not answer in time"))
        if late:
            self.late(late)
            if self.freed is not None:
                self.freed()

    def lose(self, fault: Fault) -> int:
        """
        Fail every request that waits, and every later one, since the worker is gone.

        Returns:
            How many calls waited.
        """
        self._lost = fault
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        self._flush()
        self._open.clear()
        count = self.running
        for number in tuple(self._pending):
            waiting = self._pending.pop(number, None)
            if waiting is not None:
                self._over(waiting)
                waiting.deferred.errback(fault)
        return count

    def _raise(self, level: str) -> None:
        # Never lowered: who wants less gets less from the relay.
        if self._level is None or (level != self._level and reaches(self._level, level)):
            self._level = level
            setting = self.request(b"logging/setLevel", {"level": write.encode(level)}, _SETTING)
            setting.addErrback(lambda failure: None)

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
        deferred = Awaited(partial(self._forget, number))
        begun = now - patience.waited
        due = begun + (patience.call if patience.call < patience.max else patience.max)
        self._pending[number] = _Waiting(deferred, patience, due, begun + patience.max, listener)
        if listener is not None:
            self.running += 1
            self.last = now
        if self._ticking is None:
            self._ticking = self._clock.callLater(_TICK, self._tick)
        return deferred

    def _tick(self) -> None:
        # It rests while nothing has a deadline and nothing is to be forgotten.
        # What expires may be asked anew at once, which has the next tick set.
        self._ticking = None
        self.expire()
        busy = self._lost is None and (self._pending or self._ghosts or self._echoes)
        if busy and self._ticking is None:
            self._ticking = self._clock.callLater(_TICK, self._tick)

    def _forget(self, number: bytes, deferred: Deferred[Answer | Refusal]) -> None:
        # The number is dropped, so whatever still comes is late.
        self._given_up(number, self._pending.pop(number), "the caller gave up")
        if self.freed is not None:
            self.freed()

    def _over(self, waiting: _Waiting) -> None:
        if waiting.listener is not None:
            self.running -= 1
            self._echoes.add(waiting.listener.caller)

    def _given_up(self, number: bytes, waiting: _Waiting, reason: str) -> None:
        if waiting.listener is not None:
            self.running -= 1
            self._ghosts.add(number, waiting.end)
        self._cancelled(number, reason)

    def _cancelled(self, number: bytes, reason: str) -> None:
        self.notify(_CANCELLED.encode(), (("requestId", number), ("reason", write.encode(reason))))

    def _noticed(self, notice: Notice) -> None:
        match notice.method:
            case "notifications/progress":
                heard = self._progressed(notice)
            case "notifications/message":
                heard = self._logged(notice)
            case "notifications/cancelled":
                heard = self._ended(notice)
            case _:
                heard = self.hears(notice)
        if not heard:
            self.strays.notices += 1

    def _progressed(self, notice: Notice) -> bool:
        token = notice.params.get("progressToken")
        waiting = self._pending.get(bytes(token)) if token is not None else None
        if waiting is None or waiting.listener is None:
            return False
        waiting.due = min(self._clock.seconds() + waiting.patience.call, waiting.end)
        params: Members = {name: value for name, value in notice.params.items() if name != "progressToken"}
        waiting.listener.notice(Notice(notice.method, params))
        return True

    def _logged(self, notice: Notice) -> bool:
        # It says nothing of what it belongs to, so it is passed on only where
        # it can belong to nothing else: another caller must not read it.
        listeners = (waiting.listener for waiting in self._pending.values() if waiting.listener is not None)
        listener = next(listeners, None)
        if (
            listener is None
            or next(listeners, None) is not None
            or self._ghosts
            or not self._echoes.are_only(listener.caller)
        ):
            return self.hears(notice)
        listener.notice(notice)
        return True

    def _ended(self, notice: Notice) -> bool:
        number = bytes(notice.params.get("requestId", b""))
        ended = self._open.pop(number, None)
        if ended is not None:
            ended(number, None)
        return ended is not None

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


def _refused() -> Deferred[Answer | Refusal]:
    # Bounded: a worker may never read.
    text = "the plugin does not keep up with its calls"
    return fail(Fault(Kind.PLUGIN_UNAVAILABLE, text, {"retryAfterMs": 1000}))
