# -*- test-case-name: tests.workers.test_crew -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
All workers of one plugin, seen from above.

A crew gives each call to a worker of those who may share one, and holds it
until there is one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore, fail
from twisted.internet.interfaces import IReactorTime

from mcpd.events import Publisher
from mcpd.trouble import Reason, Trouble, Troubled
from mcpd.wire import codec
from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.wire.offer import Feature, Offer
from mcpd.wire.revision import Era
from mcpd.workers.channel import Spawn
from mcpd.workers.member import EVERYBODY, NOTHING, Key, Member
from mcpd.workers.peer import Patience
from mcpd.workers.queue import Ask, Queue
from mcpd.workers.said import discreet
from mcpd.workers.shown import Shown, counts
from mcpd.workers.spec import Plugin
from mcpd.workers.staff import BUSY, Memory, Staff
from mcpd.workers.state import Layer, PluginState
from mcpd.workers.subscribing import untold
from mcpd.workers.worker import Worker


class NotReady(Troubled):
    """
    No worker became ready; the reason says why.
    """


_STOPPING = Reason(Trouble.STOPPING, "the plugin is being stopped")


@define(eq=False)
class Crew:
    """
    The workers of one plugin; an :class:`mcpd.wire.call.Answerer`.

    Attributes:
        spec: What was configured.
        shown: What the plugin shows of itself.
    """

    spec: Plugin
    shown: Shown
    _clock: IReactorTime
    _queue: Queue
    _staff: Staff = field(init=False)
    _layers: tuple[Layer, ...] = field(init=False, default=())
    _share: str = field(init=False, default="")
    _usual: Patience = field(init=False)
    _differs: bool = field(init=False)
    _settling: bool = field(init=False, default=False)
    _leaving: Deferred[None] | None = field(init=False, default=None)
    _awaiting: list[Deferred[None]] = field(init=False, factory=list)

    @classmethod
    def new(  # noqa: PLR0917  all that a crew needs of the world
        cls,
        spec: Plugin,
        clock: IReactorTime,
        publisher: Publisher,
        spawn: Spawn,
        starts: DeferredSemaphore,
        chance: Callable[[], float],
        queue: int,
        memory: Memory,
        layers: tuple[Layer, ...],
        changed: Callable[[], None],
    ) -> Crew:
        """
        Make a crew that has not started.

        Args:
            spec: What was configured.
            clock: Tells the time.
            publisher: Told what happens.
            spawn: Starts a process.
            starts: Bounds how many are started at once, of all plugins.
            chance: Gives a number from 0 to 1, for jitter.
            queue: Most calls that may wait.
            memory: What is remembered of the plugin's program.
            layers: The limits of its workers, as they are held.
            changed: Called when there is another offer.
        """
        shown = Shown(spec.name, clock, publisher, changed)
        crew = cls(spec, shown, clock, Queue(clock, queue))
        crew._layers = layers
        crew._staff = Staff(spec, clock, publisher, spawn, starts, chance, memory, shown, crew)
        crew.respec(spec)
        return crew

    @property
    def offer(self) -> Offer | None:
        """
        What the plugin has; None before it was ever ready.
        """
        return self.shown.offer

    @property
    def tried(self) -> bool:
        """
        Whether its first start has come to an end, good or bad.
        """
        return self._staff.tried

    def respec(self, spec: Plugin) -> None:
        """
        Go by other numbers from now on: those that no process was born with.
        """
        self.spec = self._staff.spec = spec
        self._usual = Patience(spec.timeouts.call, spec.timeouts.max)
        self._differs = bool(spec.timeouts.tools)
        self._decide()

    def reform(self, spec: Plugin, spawn: Spawn, memory: Memory, layers: tuple[Layer, ...]) -> None:
        """
        Replace every worker by one of another configuration, which is ready first.

        Args:
            spec: What is configured now.
            spawn: Starts a process of it.
            memory: What is remembered of its program.
            layers: The limits of its workers, as they are held.
        """
        self._layers = layers
        self._staff.reform(spec, spawn, memory)
        self.respec(spec)
        self.settle()

    def limit(self, queue: int) -> None:
        """
        Let so many calls wait at most from now on.
        """
        self._queue.limit = queue

    def start(self) -> None:
        """
        Start a worker, as soon as there is a place among the starts.
        """
        self._staff.begin()
        self.settle()

    def stop(self) -> Deferred[None]:
        """
        Stop for good.

        Returns:
            Fires when no process is left.
        """
        return self._end(Member.stop)

    def retire(self) -> Deferred[None]:
        """
        Stop for good, once the calls are over that run or wait.

        Returns:
            As :meth:`stop`.
        """
        self._leaving = Deferred()
        leaving = self._leaving
        self._leave()
        return leaving

    def _leave(self) -> None:
        # Who waits for a worker that there is has its turn before.
        if self._leaving is not None and not (self._queue and self._staff.serving):
            leaving, self._leaving = self._leaving, None
            self._end(Member.retire).chainDeferred(leaving)

    def _end(self, how: Callable[[Member], None]) -> Deferred[None]:
        gone = self._staff.end(how)
        if self._leaving is not None:
            leaving, self._leaving = self._leaving, None
            self._staff.end(how).chainDeferred(leaving)
        fault = _stopping()
        self._queue.refuse(lambda key: fault)
        self.shown.watches.refuse(fault)
        self.shown.end()
        self.failed(_STOPPING)
        return gone

    def restart(self) -> Deferred[None]:
        """
        Replace every worker, whatever happened before.

        Returns:
            Fires when a new worker is ready; fails with :class:`NotReady` if
            one fails first, or none is wanted any more.
        """
        if self._staff.is_ending:
            return fail(NotReady(_STOPPING))
        ready: Deferred[None] = Deferred()
        self._awaiting.append(ready)
        self._staff.renew("it was asked to")
        self.settle()
        return ready

    # Calls.

    def ask(self, call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
        """
        Give a call to a worker, or hold it until there is one.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.ask` says.
        """
        key = EVERYBODY if self._share == "all" else self._key(listener)
        workers = self._staff.serving.get(key)
        if workers is not None and (not self._queue or not self._queue.waits(key)):
            worker = workers[0] if len(workers) == 1 else min(workers, key=_running)
            if worker.peer.running < self.spec.concurrency:
                return worker.ask(call, listener, self._patience(call) if self._differs else self._usual)
        fault = self._refusal(key) if self._leaving is None else _stopping()
        if fault is not None:
            return fail(fault)
        own = None if self._share == "call" else key
        is_first = own is None or not self._queue.waits(own)
        held = self._queue.hold(own, call, listener, self._patience(call).call)
        if is_first:
            self.settle()
        else:
            # Others of its kind wait already, who were looked at.
            self._staff.wake(BUSY)
        return held

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Have every worker tell when a resource changes, and every later one.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.watch` says.
        """
        fault = None if self._staff.serving else self._refusal(EVERYBODY)
        if fault is not None:
            return fail(fault)
        if self.offer is not None and Feature.SUBSCRIBE not in self.offer.features:
            return fail(untold())
        return self.shown.watches.watch(uri)

    def unwatch(self, uri: str) -> None:
        """
        End one ``watch`` that was answered.
        """
        self.shown.watches.unwatch(uri)

    def _key(self, listener: Listener) -> Key:
        match self._share:
            case "principal":
                return (NOTHING, listener.caller)
            case "session":
                return (NOTHING, listener.place or listener.caller)
            case _:
                return EVERYBODY

    def _patience(self, call: Call) -> Patience:
        times = self.spec.timeouts
        if self._differs and "name" in call.params:
            name = codec.text(call.params["name"]) or ""
            return Patience(times.tools.get(name, times.call), times.max)
        return self._usual

    def _refusal(self, key: Key) -> Fault | None:
        # What was never ready is not worth waiting for, nor is a long pause.
        staff = self._staff
        if staff.is_ending:
            return _stopping()
        pause = staff.pauses.pause(key)
        if not pause or key in staff.serving or staff.spare(key) is not None:
            return None
        is_brief = pause <= self.spec.timeouts.start and not staff.pauses.given_up
        if self.offer is not None and is_brief:
            return None
        reason = staff.reason
        why = f" ({reason.trouble.code}: {discreet(reason.text)})" if reason else ""
        data = {"retryAfterMs": max(1, round(pause * 1000))}
        return Fault(Kind.PLUGIN_UNAVAILABLE, f"the plugin is not running{why}", data)

    # Who waits, and who is free (:class:`mcpd.workers.staff.Lead`).

    def settle(self) -> None:
        """
        Give what waits to whoever is free, and have those started who are missing.
        """
        staff = self._staff
        if staff.is_ending:
            return
        if self._settling:
            staff.wake(0)
            return
        self._settling = True
        try:
            self._queue.give(self._taker)
            # A restart ends with a new worker, even where none need be kept.
            least = 1 if self._awaiting else 0
            staff.hire(self._queue.wanted(), EVERYBODY if self._share == "all" else None, least)
            self._queue.refuse(self._refusal)
        finally:
            self._settling = False
        freed = self._freed if self._queue or self._share == "call" else None
        for member in tuple(staff.members):
            if member.phase == "ready":
                member.worker.peer.freed = freed
                if self._share == "call" and member.is_idle and member.key is not None:
                    staff.dismiss(member, "its call is over")
        self._leave()

    def _freed(self) -> None:
        # Nearly always the next call of the same kind takes the place, and
        # nothing else is other than before.
        serving = self._staff.serving
        if not self._settling and self._share != "call":
            self._settling = True
            try:
                self._queue.give(self._taker)
            finally:
                self._settling = False
            if self._leaving is None and self._queue and all(key in serving for key in self._queue.keys):
                return
        self.settle()

    def _taker(self, key: Key) -> Ask | None:
        staff = self._staff
        room = self.spec.concurrency
        workers = [worker for worker in staff.serving.get(key, ()) if worker.peer.running < room]
        if not workers:
            spare = staff.spare(key)
            if spare is None or key in staff.serving:
                return None
            staff.claim(spare, key)
            workers = [spare.worker]
        worker = min(workers, key=_running)

        def ask(call: Call, listener: Listener, waited: float) -> Deferred[Answer | Refusal]:
            usual = self._patience(call)
            return worker.ask(call, listener, Patience(usual.call, usual.max, waited))

        return ask

    def came(self, member: Member, offer: Offer) -> Key | None:
        """
        Hear that a worker is ready.
        """
        self._decide()
        watches = self.shown.watches
        if Feature.SUBSCRIBE in offer.features:
            watches.begin(member.worker)
        else:
            watches.refuse(untold())
        self._tell_awaiting(None)
        if self._share == "all":
            return EVERYBODY
        # It may have been started for everybody, by what its predecessor was.
        return None if member.key == EVERYBODY else member.key

    def went(self, member: Member) -> None:
        """
        Hear that a worker is gone.
        """
        self.shown.watches.end(member.worker)

    def failed(self, reason: Reason) -> None:
        """
        Hear that a worker failed.
        """
        self._tell_awaiting(reason)
        fault = None if self._staff.serving else self._refusal(EVERYBODY)
        if fault is not None:
            self.shown.watches.refuse(fault)

    def _tell_awaiting(self, reason: Reason | None) -> None:
        awaiting, self._awaiting = self._awaiting, []
        for deferred in awaiting:
            if reason is None:
                deferred.callback(None)
            else:
                deferred.errback(NotReady(reason))

    def _decide(self) -> None:
        former = self._share
        if self.spec.share != "auto":
            self._share = self.spec.share
        elif self.offer is not None:
            self._share = "all" if self.offer.revision.era is Era.MODERN else "principal"
        if self._share != former and self._queue:
            self._queue.sort(lambda listener: None if self._share == "call" else self._key(listener))

    # What operators are told.

    def state(self) -> PluginState:
        """
        Tell an operator how the plugin fares.
        """
        staff, now = self._staff, self._clock.seconds()
        tools, prompts, resources = counts(self.offer)
        return PluginState(
            name=self.spec.name,
            phase=self._phase(),
            reason=staff.reason,
            said=self.shown.last_words,
            retry=staff.pauses.pause(EVERYBODY) or None,
            revision=self.offer.revision.name if self.offer is not None else "",
            share=self._share,
            tools=tools,
            prompts=prompts,
            resources=resources,
            waiting=len(self._queue),
            calls=staff.calls + sum(each.worker.peer.asked for each in staff.members),
            outdated=staff.outdated,
            restarts=staff.restarts,
            workers=tuple(each.state(now) for each in staff.members),
            limits=self._layers,
        )

    def _phase(self) -> Literal["waiting", "starting", "ready", "pausing", "failed", "stopping"]:
        staff = self._staff
        phases = {each.phase for each in staff.members}
        if staff.is_ending or self._leaving is not None:
            return "stopping"
        if "ready" in phases:
            return "ready"
        if staff.pauses.given_up:
            return "failed"
        if "starting" in phases:
            return "starting"
        return "pausing" if staff.pauses.pause(EVERYBODY) else "waiting"


def _running(worker: Worker) -> int:
    return worker.peer.running


def _stopping() -> Fault:
    return Fault(Kind.PLUGIN_UNAVAILABLE, _STOPPING.text)
