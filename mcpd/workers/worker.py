# -*- test-case-name: tests.workers.test_worker -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One worker: its process, the conversation with it, and its life.

The three know nothing of each other; they meet here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mcpd.sandbox.usage import Usage
from mcpd.trouble import Reason, Trouble
from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.wire.offer import Offer, Sort
from mcpd.workers.channel import Channel, Spawn, Witness
from mcpd.workers.doubt import Doubt
from mcpd.workers.flood import Flood, Flooded
from mcpd.workers.greeting import Greeting, Rude
from mcpd.workers.greeting import Protocol as Era
from mcpd.workers.life import Core, Death, Life, live
from mcpd.workers.lists import Lists
from mcpd.workers.notices import Notices
from mcpd.workers.peer import Patience, Peer
from mcpd.workers.pipe import Exit
from mcpd.workers.said import Said, discreet
from mcpd.workers.spec import Plugin


def _nobody(data: bytes) -> int:
    return 0


@frozen
class End:
    """
    How a worker ended.

    Attributes:
        reason: Why, for the operator.
        exit: How its process ended; None if there was none.
        lost: How many calls it had.
        probing: Whether it exited, and no signal killed it, while it was being
            asked which era it is of.
        ready: Whether it was ever ready.
        asked: Whether it was asked to stop.
    """

    reason: Reason
    exit: Exit | None = None
    lost: int = 0
    probing: bool = False
    ready: bool = False
    asked: bool = False

    @property
    def used(self) -> tuple[float | None, int | None]:
        """
        What its process used: seconds of processor time, and bytes of memory at the most.
        """
        return (self.exit.cpu, self.exit.memory) if self.exit is not None else (None, None)


class Watcher(Protocol):
    """
    Who wants to know how a worker fares.
    """

    def launched(self, worker: Worker) -> None:
        """
        Hear that its process is no longer the launcher.
        """

    def ready(self, worker: Worker, offer: Offer) -> None:
        """
        Hear that it can be asked.
        """

    def away(self, worker: Worker) -> None:
        """
        Hear that it is to be given no calls: nobody knows whether it lives, or it is being ended.
        """

    def back(self, worker: Worker) -> None:
        """
        Hear that it may be given calls again; it may have some that are stuck.
        """

    def ended(self, worker: Worker, end: End) -> None:
        """
        Hear that its process is gone.
        """


@define(eq=False)
class Worker:
    """
    One worker.

    It hears its process (:class:`mcpd.workers.pipe.Ears`), is the body of its
    life (:class:`mcpd.workers.life.Body`), and hears what it tells
    (:class:`mcpd.workers.notices.Witness`).

    Required:
        patience: Seconds from its spawn to being ready; else ``timeouts.start``.

    Attributes:
        spec: What was configured of its plugin.
        ask: Puts a call to it, once it is ready: its peer's own method, for
            every call comes this way (:meth:`mcpd.workers.peer.Peer.ask`).
        peer: The conversation with it.
        last_words: The last line that it wrote to its standard error.
    """

    spec: Plugin
    _clock: IReactorTime
    _watcher: Watcher
    _witness: Witness
    _protocol: Era = "auto"
    _patience: float = field(kw_only=True)
    ask: Callable[[Call, Listener, Patience], Deferred[Answer | Refusal]] = field(init=False)
    peer: Peer = field(init=False)
    last_words: str = field(init=False, default="")
    _said: Said = field(init=False)
    _notices: Notices = field(init=False)
    _life: Life = field(init=False)
    _doubt: Doubt = field(init=False)
    _flood: Flood = field(init=False)
    _greeting: Greeting = field(init=False)
    _channel: Channel | None = field(init=False, default=None)

    @_patience.default
    def _usual(self) -> float:
        return self.spec.timeouts.start

    def __attrs_post_init__(self) -> None:
        times, clock = self.spec.timeouts, self._clock
        peer = self.peer = Peer(clock, _nobody, self._heard_noise, lambda: self.crowded)
        self.ask = peer.ask
        self._said = Said(clock, self.spec.limits.stderr, self._heard_line, self._heard_too_much)
        self._life = live(Core(clock, self, times.start, self._patience, times.stop))
        doubt = self._doubt = Doubt(clock, peer, times.stop, self._rests, self._is_back, self._hangs)
        peer.late, peer.late_answer = doubt.late, doubt.answered
        self._flood = Flood(clock, self.spec.limits.notices)
        peer.unasked = self._count
        lists = Lists(clock, peer, times.start)
        notices = self._notices = Notices(clock, peer, lists, times.start, self)
        peer.hears = notices.hear
        alone = min(times.start, self._patience) / 2
        self._greeting = Greeting(
            clock, peer, lists, self._protocol, self._patience, alone, notices.introduce
        )

    @property
    def pid(self) -> int:
        """
        Its process id; 0 before it has one.
        """
        return self._channel.pid if self._channel else 0

    @property
    def stuck(self) -> int:
        """
        How many calls it did not answer, although their time is over.
        """
        return len(self._doubt.stuck)

    @property
    def is_doubted(self) -> bool:
        """
        Whether it still has to show that it lives.
        """
        return self._doubt.is_asking

    def usage(self) -> Usage | None:
        """
        Tell what it uses; None if nobody knows.
        """
        return self._channel.usage() if self._channel else None

    @property
    def crowded(self) -> bool:
        """
        Whether more waits for it to read than may.
        """
        return self._channel is not None and self._channel.waiting > self.spec.limits.unread

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Have it tell when a resource changes (:class:`mcpd.workers.watches.Teller`).
        """
        return self._notices.watch(uri)

    def unwatch(self, uri: str) -> None:
        """
        Have it tell that no longer.
        """
        self._notices.unwatch(uri)

    def start(self, spawn: Spawn) -> None:
        """
        Start its process.

        Raises:
            Exception: What ``spawn`` raised; then it never lives.
        """
        self._channel = spawn(self)
        self.peer.connect(self._channel.send)
        self._life.begin()

    def retire(self) -> None:
        """
        End it once its calls are over; it is to be given no more.
        """
        self._life.retire()

    def stop(self) -> None:
        """
        End it: close its input, then SIGTERM, then SIGKILL for its whole tree.
        """
        self._life.stop()

    # What its life does.

    def greet(self) -> None:
        """
        Begin the handshake; its outcome is an input of the life.
        """
        self._watcher.launched(self)
        handshake = Deferred.fromCoroutine(self._greeting.shake())
        handshake.addCallbacks(self._life.greeted, self._not_greeted)

    def _not_greeted(self, failure: Failure) -> Failure | None:
        if failure.check(Rude, Fault):
            fault = failure.value
            text = fault.text if isinstance(fault, Fault) else str(fault)
            self._life.fail(Reason(Trouble.HANDSHAKE, text))
            return None
        self._life.fail(Reason(Trouble.HANDSHAKE, "its handshake failed here; see the log"))
        return failure

    def serve(self, offer: Offer) -> None:
        """
        Be ready for calls.
        """
        self._watcher.ready(self, offer)
        self._notices.begin(offer)

    def await_rest(self) -> None:
        """
        Say when it has no calls.
        """
        self.peer.freed = self._rest
        self._rest()

    def _rest(self) -> None:
        if self.peer.running <= self.stuck:
            self._life.rest()

    def close_input(self) -> None:
        """
        End its standard input.
        """
        self._doubt.end()
        self._watcher.away(self)
        if self._channel is not None:
            self._channel.close_input()

    def terminate(self) -> None:
        """
        Ask it and its group to end.
        """
        if self._channel is not None:
            self._channel.terminate()

    def destroy(self) -> None:
        """
        Kill it and everything below it.
        """
        # What it still says must not bring it back.
        self._doubt.end()
        self._watcher.away(self)
        if self._channel is not None:
            self._channel.destroy()

    def bury(self, death: Death) -> None:
        """
        Fail what it had, and tell the watcher.
        """
        self._doubt.end()
        self._said.close()
        exit = death.exit
        # Only who ends by itself has answered the question.
        probing = self._greeting.probing and death.why is None and exit.signal is None
        self._notices.end(Fault(Kind.PLUGIN_GONE, "the plugin ended"))
        stuck = self.stuck
        lost = self.peer.lose(Fault(Kind.PLUGIN_GONE, self._obituary(exit))) - stuck
        why = death.why
        reason = Reason(why.trouble, f"{why.text} ({exit})") if why else Reason(Trouble.EXIT, str(exit))
        self._watcher.ended(self, End(reason, exit, lost, probing, death.ready, death.asked))

    def _obituary(self, exit: Exit) -> str:
        words = discreet(self.last_words)
        said = f"; it said last: {words}" if words else ""
        return f"the plugin ended while it worked on this call ({exit}{said})"

    # What the conversation brings.

    def offered(self, offer: Offer, sorts: tuple[Sort, ...]) -> None:
        """
        Hear that some of its lists are others now.
        """
        self._witness.offered(offer, sorts)

    def stale(self, sort: Sort, why: str) -> None:
        """
        Hear that one of its lists could not be read again.
        """
        self._witness.stale(sort, why)

    def touched(self, uri: str) -> bool:
        """
        Hear that a resource has changed.
        """
        return self._witness.touched(uri)

    def logged(self, line: bytes) -> None:
        """
        Hear a log message that is for no client.
        """
        # Not among its last words, which callers read: it may be another one's.
        self._said.line(line, self._tell_line)

    def _hangs(self) -> None:
        seconds = self.spec.timeouts.stop
        text = f"it answered neither a late call nor a question for a sign of life within {seconds:g} s"
        self._life.fail(Reason(Trouble.HUNG, text))

    def _count(self) -> None:
        if self._flood.rises():
            raise Flooded

    def _rests(self) -> None:
        self._watcher.away(self)

    def _is_back(self) -> None:
        self._watcher.back(self)

    def _heard_line(self, line: str) -> None:
        self.last_words = line
        self._tell_line(line)

    def _tell_line(self, line: str) -> None:
        self._witness.said(self.pid, line)

    def _heard_too_much(self, dropped: int) -> None:
        self._witness.silenced(self.pid, dropped)

    def _heard_noise(self, line: bytes, why: str) -> None:
        if self.peer.strays.noise == 1:
            self._witness.noise(self.pid, line, why)

    # What its process says.

    def launched(self) -> None:
        """
        Hear that the launcher has become the plugin.
        """
        self._life.launched()

    def refused(self, why: str) -> None:
        """
        Hear that the launcher could not.
        """
        self._life.fail(Reason(Trouble.LAUNCH, f"it was not started: {why}"))

    def lines(self, lines: list[bytes]) -> None:
        """
        Hear what it wrote.
        """
        try:
            self.peer.heard(lines)
        except Flooded:
            text = f"it sent more than {self.spec.limits.notices} messages a second that answer nothing"
            self._life.fail(Reason(Trouble.FLOOD, text))

    def overflow(self) -> None:
        """
        Hear that a line of it grew too long.
        """
        text = f"it wrote a line of more than {self.spec.limits.message} bytes"
        self._life.fail(Reason(Trouble.LINE, text))

    def said(self, data: bytes) -> None:
        """
        Hear its standard error.
        """
        self._said.heard(data)

    def exited(self, exit: Exit) -> None:
        """
        Hear that its process is gone.
        """
        self._life.exited(exit)
