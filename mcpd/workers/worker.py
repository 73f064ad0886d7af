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
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.wire.offer import Offer
from mcpd.workers.greeting import Greeting, Rude
from mcpd.workers.life import Core, Death, Life, live
from mcpd.workers.lists import Lists
from mcpd.workers.notices import Notices, Witness
from mcpd.workers.peer import Patience, Peer
from mcpd.workers.pipe import Ears
from mcpd.workers.spec import Plugin
from mcpd.workers.strays import Noise, Strays

_TICK = 0.1


class Channel(Protocol):
    """
    A worker's process as the worker sees it; :class:`mcpd.workers.pipe.Pipe` is the real one.
    """

    @property
    def pid(self) -> int:
        """
        Its process id.
        """

    @property
    def waiting(self) -> int:
        """
        How many bytes wait for it to read.
        """

    def send(self, data: bytes) -> int:
        """
        Write to its standard input.

        Returns:
            How many bytes wait now.
        """

    def close_input(self) -> None:
        """
        End its standard input.
        """

    def terminate(self) -> None:
        """
        Ask it and its group to end.
        """

    def destroy(self) -> None:
        """
        Kill it and everything below it.
        """


def _nobody(data: bytes) -> int:
    return 0


Spawn = Callable[[Ears], Channel]
"""Starts a process, which these ears hear; raises if it can't."""


@frozen
class End:
    """
    How a worker ended.

    Attributes:
        why: A sentence for the operator.
        lost: How many calls it had.
        probing: Whether it exited, and no signal killed it, while it was being
            asked which era it is of.
        ready: Whether it was ever ready.
        asked: Whether it was asked to stop.
    """

    why: str
    lost: int
    probing: bool
    ready: bool
    asked: bool


class Watcher(Witness, Protocol):
    """
    Who wants to know how a worker fares, and what it tells.
    """

    def launched(self, worker: Worker) -> None:
        """
        Hear that its process is no longer the launcher.
        """

    def ready(self, worker: Worker, offer: Offer) -> None:
        """
        Hear that it can be asked.
        """

    def ended(self, worker: Worker, end: End) -> None:
        """
        Hear that its process is gone.
        """


@define(eq=False)
class Worker:
    """
    One worker.

    It hears its process (:class:`mcpd.workers.pipe.Ears`) and is the body of
    its life (:class:`mcpd.workers.life.Body`).

    Attributes:
        spec: What was configured of its plugin.
        ask: Puts a call to it, once it is ready: its peer's own method, for
            every call comes this way (:meth:`mcpd.workers.peer.Peer.ask`).
    """

    spec: Plugin
    _clock: IReactorTime
    _watcher: Watcher
    _noise: Noise
    _stderr: Callable[[bytes], None]
    _legacy: bool = False
    ask: Callable[[Call, Listener, Patience], Deferred[Answer | Refusal]] = field(init=False)
    _peer: Peer = field(init=False)
    _notices: Notices = field(init=False)
    _life: Life = field(init=False)
    _greeting: Greeting = field(init=False)
    _channel: Channel | None = field(init=False, default=None)
    _ticking: IDelayedCall | None = field(init=False, default=None)
    _killed: bool = field(init=False, default=False)

    def __attrs_post_init__(self) -> None:
        times = self.spec.timeouts
        self._peer = Peer(self._clock, _nobody, self._noise, lambda: self.crowded)
        self.ask = self._peer.ask
        self._life = live(Core(self._clock, self, times.start, times.stop))
        protocol = "legacy" if self._legacy else self.spec.protocol
        lists = Lists(self._clock, self._peer, times.start)
        notices = self._notices = Notices(self._clock, self._peer, lists, times.start, self._watcher)
        self._peer.hears = notices.hear
        self._greeting = Greeting(self._peer, lists, protocol, times.start, notices.introduce)

    @property
    def pid(self) -> int:
        """
        Its process id; 0 before it has one.
        """
        return self._channel.pid if self._channel else 0

    @property
    def running(self) -> int:
        """
        How many calls it has.
        """
        return self._peer.running

    @property
    def strays(self) -> Strays:
        """
        What it said that nobody waited for.
        """
        return self._peer.strays

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
        self._peer.connect(self._channel.send)
        self._life.begin()
        self._tick()

    def stop(self) -> None:
        """
        End it: close its input, then SIGTERM, then SIGKILL for its whole tree.
        """
        self._life.stop()

    def _tick(self) -> None:
        # One timer for all calls of a worker: a call costs none.
        self._peer.expire()
        self._ticking = self._clock.callLater(_TICK, self._tick)

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
            self._life.fail(fault.text if isinstance(fault, Fault) else str(fault))
            return None
        self._life.fail("its handshake failed here; see the log")
        return failure

    def serve(self, offer: Offer) -> None:
        """
        Be ready for calls.
        """
        self._watcher.ready(self, offer)
        self._notices.begin(offer)

    def close_input(self) -> None:
        """
        End its standard input.
        """
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
        if self._channel is not None:
            self._channel.destroy()

    def bury(self, death: Death) -> None:
        """
        Fail what it had, and tell the watcher.
        """
        if self._ticking is not None:
            self._ticking.cancel()
        # Only who ends by itself has answered the question.
        probing = self._greeting.probing and not death.why and not self._killed
        self._notices.end(Fault(Kind.PLUGIN_GONE, "the plugin ended"))
        lost = self._peer.lose(Fault(Kind.PLUGIN_GONE, "the plugin ended while it worked on this call"))
        why = f"{death.why} ({death.how})" if death.why else death.how
        self._watcher.ended(self, End(why, lost, probing, death.ready, death.asked))

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
        self._life.fail(f"it was not started: {why}")

    def lines(self, lines: list[bytes]) -> None:
        """
        Hear what it wrote.
        """
        self._peer.heard(lines)

    def overflow(self) -> None:
        """
        Hear that a line of it grew too long.
        """
        self._life.fail(f"it wrote a line of more than {self.spec.limits.message} bytes")

    def said(self, data: bytes) -> None:
        """
        Hear its standard error.
        """
        self._stderr(data)

    def exited(self, how: str, *, killed: bool) -> None:
        """
        Hear that its process is gone.
        """
        self._killed = killed
        self._life.exited(how)
