# -*- test-case-name: tests.workers.test_crew -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
All workers of one plugin: for now, one at a time.

A crew starts its worker, starts the next one when it ends, and holds calls
meanwhile: a plugin that was fine a moment ago is worth waiting for, one that
could not even start is not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore, fail
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.events import (
    DefinitionLeftOut,
    OfferChanged,
    Publisher,
    RefreshFailed,
    WorkerEnded,
    WorkerNoise,
    WorkerNotStarted,
    WorkerReady,
    WorkerSaid,
    WorkerSilenced,
    WorkerStarted,
    WorkerStopped,
)
from mcpd.sandbox.plan import ProgramMissing
from mcpd.wire import codec
from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.wire.offer import Feature, Offer, Sort
from mcpd.workers.held import Held
from mcpd.workers.lists import NOUNS
from mcpd.workers.peer import Patience
from mcpd.workers.said import Said, printable
from mcpd.workers.spec import Plugin
from mcpd.workers.subscribing import untold
from mcpd.workers.updates import Updates
from mcpd.workers.watches import Watches
from mcpd.workers.worker import End, Spawn, Worker

_SHOWN = 200


def _nobody(uri: str) -> None:
    return


@define(eq=False)
class Crew:
    """
    The workers of one plugin; an :class:`mcpd.wire.call.Answerer`.

    It watches its worker (:class:`mcpd.workers.worker.Watcher`).

    Attributes:
        spec: What was configured.
        changed: Called when there is another offer.
        updated: Called with each resource that has changed and is watched, or
            lies below one that is; whoever wants to know puts himself there.
        offer: What the plugin has; None before it was ever ready.
        tried: Whether its first start has come to an end, good or bad.
    """

    spec: Plugin
    _clock: IReactorTime
    _publisher: Publisher
    _spawn: Spawn
    _starts: DeferredSemaphore
    _chance: Callable[[], float]
    _held: Held
    changed: Callable[[], None]
    updated: Callable[[str], None] = field(init=False, default=_nobody)
    offer: Offer | None = field(init=False, default=None)
    tried: bool = field(init=False, default=False)
    _worker: Worker | None = field(init=False, default=None)
    _ready: Worker | None = field(init=False, default=None)
    _launching: Deferred[None] | None = field(init=False, default=None)
    _usual: Patience = field(init=False)
    _differs: bool = field(init=False)
    _said: Said = field(init=False)
    _watches: Watches = field(init=False, factory=Watches)
    _updates: Updates = field(init=False)
    _legacy: bool = field(init=False, default=False)
    _failures: int = field(init=False, default=0)
    _unready: int = field(init=False, default=0)
    _hopeless: bool = field(init=False, default=False)
    _born: float = field(init=False, default=0.0)
    _next: IDelayedCall | None = field(init=False, default=None)
    _stopping: Deferred[None] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self._usual = Patience(self.spec.timeouts.call, self.spec.timeouts.max)
        self._differs = bool(self.spec.timeouts.tools)
        self._updates = Updates(self._clock, self._tell_updated)

    def start(self) -> None:
        """
        Start a worker, as soon as there is a place among the starts.
        """
        self._next = None
        self._starts.run(self._begin)

    def stop(self) -> Deferred[None]:
        """
        Stop for good.

        Returns:
            Fires when no process is left; may be called once.
        """
        stopping = self._stopping = Deferred()
        if self._next is not None:
            self._next.cancel()
        self._refuse(Fault(Kind.PLUGIN_UNAVAILABLE, "the plugin is being stopped"))
        self._updates.end()
        self._ready = None
        if self._worker is None:
            stopping.callback(None)
        else:
            self._worker.stop()
        return stopping

    def ask(self, call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
        """
        Give a call to the worker, or hold it until there is one.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.ask` says.
        """
        worker = self._ready
        if worker is None:
            if self._hopeless or self._stopping is not None:
                return fail(self._unavailable())
            return self._held.hold(call, listener, self._patience(call).call)
        return worker.ask(call, listener, self._patience(call) if self._differs else self._usual)

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Have the worker, and every later one, tell when a resource changes.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.watch` says.
        """
        if self._ready is None and (self._hopeless or self._stopping is not None):
            return fail(self._unavailable())
        if self.offer is not None and Feature.SUBSCRIBE not in self.offer.features:
            return fail(untold())
        return self._watches.watch(uri)

    def unwatch(self, uri: str) -> None:
        """
        End one ``watch`` that was answered.
        """
        self._watches.unwatch(uri)

    def _patience(self, call: Call) -> Patience:
        times = self.spec.timeouts
        if self._differs and "name" in call.params:
            name = codec.text(call.params["name"]) or ""
            return Patience(times.tools.get(name, times.call), times.max)
        return self._usual

    def _unavailable(self) -> Fault:
        wait = self._next.getTime() - self._clock.seconds() if self._next is not None else 0.0
        return Fault(
            Kind.PLUGIN_UNAVAILABLE, "the plugin is not running", {"retryAfterMs": max(1, round(wait * 1000))}
        )

    def _refuse(self, fault: Fault) -> None:
        self._held.refuse(fault)
        self._watches.refuse(fault)

    def _begin(self) -> Deferred[None]:
        launching: Deferred[None] = Deferred()
        if self._stopping is not None:
            launching.callback(None)
            return launching
        self._launching = launching
        self._born = self._clock.seconds()
        self._said = Said(self._clock, self.spec.limits.stderr, self._tell_said, self._tell_silenced)
        worker = Worker(self.spec, self._clock, self, self._heard_noise, self._said.heard, self._legacy)
        try:
            self._worker = worker
            worker.start(self._spawn)
        except (OSError, ProgramMissing) as error:
            self.ended(worker, End(str(error), 0, False, False, False))
        else:
            self._publisher.tell(WorkerStarted(self.spec.name, worker.pid))
        return launching

    # What the worker tells.

    def launched(self, worker: Worker) -> None:
        """
        Give the place among the starts to the next.
        """
        launching, self._launching = self._launching, None
        if launching is not None:
            launching.callback(None)

    def ready(self, worker: Worker, offer: Offer) -> None:
        """
        Publish what it has, and give it what was held.
        """
        self.offer, self.tried, self._unready, self._hopeless = offer, True, 0, False
        self._tell_left_out(offer.left_out)
        seconds, revision = round(self._clock.seconds() - self._born, 3), offer.revision.name
        self._publisher.tell(WorkerReady(self.spec.name, worker.pid, seconds, revision, *_counts(offer)))
        self._ready = worker
        self.changed()
        self._held.give(self.ask)
        if Feature.SUBSCRIBE in offer.features:
            self._watches.begin(worker)
        else:
            self._watches.refuse(untold())

    def offered(self, offer: Offer, sorts: tuple[Sort, ...]) -> None:
        """
        Publish what it has now.
        """
        known = self.offer.left_out if self.offer is not None else ()
        self.offer = offer
        self._tell_left_out(why for why in offer.left_out if why not in known)
        lists = ", ".join(f"{NOUNS[sort]}s" for sort in sorts)
        self._publisher.tell(OfferChanged(self.spec.name, lists, *_counts(offer)))
        self.changed()

    def stale(self, sort: Sort, why: str) -> None:
        """
        Tell that a list could not be read again.
        """
        self._publisher.tell(RefreshFailed(self.spec.name, f"{NOUNS[sort]}s", why))

    def touched(self, uri: str) -> bool:
        """
        Tell that a resource has changed, if anyone watches it.
        """
        return self._watches.covers(uri) and self._updates.add(uri)

    def logged(self, line: bytes) -> None:
        """
        Tell a log message that is for no client.
        """
        self._said.line(line)

    def ended(self, worker: Worker, end: End) -> None:
        """
        Start the next one, unless none is wanted.
        """
        pid = worker.pid
        self._said.close()
        self._watches.pause()
        self._worker = self._ready = None
        self.launched(worker)
        if self._stopping is not None:
            self._publisher.tell(WorkerStopped(self.spec.name, pid, end.why))
            self._stopping.callback(None)
            return
        if end.probing and not self._legacy:
            # An exit over the question is an answer to it, and no failure.
            self._legacy = True
            self.start()
            return
        # A verdict that led nowhere is forgotten: it may have exited for
        # another reason.
        self._legacy = self._legacy and end.ready
        wait = self._pause(end)
        self._next = self._clock.callLater(wait, self.start)
        name, again = self.spec.name, round(wait, 3)
        if pid:
            self._publisher.tell(WorkerEnded(name, pid, end.why, end.lost, again))
        else:
            self._publisher.tell(WorkerNotStarted(name, end.why, again))
        # One that was fine before may have been hit while it started; one that
        # never was, or is hit again and again, is not worth waiting for.
        self._unready = 0 if end.ready else self._unready + 1
        forgiven = 0 if self.offer is None else 1
        self._hopeless = self._unready > forgiven or wait > self.spec.timeouts.start
        if self._hopeless:
            self.tried = True
            self._refuse(self._unavailable())

    def _pause(self, end: End) -> float:
        first, longest = self.spec.restart.backoff
        if end.ready and self._clock.seconds() - self._born > longest:
            self._failures = 0
        wait = min(first * 2.0 ** min(self._failures, 32), longest)
        self._failures += 1
        # Jitter: what failed together must not start together.
        return wait * (0.5 + self._chance() / 2)

    def _heard_noise(self, line: bytes, why: str) -> None:
        worker = self._worker
        if worker is not None and worker.strays.noise == 1:
            shown = printable(line, _SHOWN)
            self._publisher.tell(WorkerNoise(self.spec.name, worker.pid, why, shown))

    def _tell_left_out(self, left_out: Iterable[str]) -> None:
        for why in left_out:
            self._publisher.tell(DefinitionLeftOut(self.spec.name, why))

    def _tell_updated(self, uri: str) -> None:
        self.updated(uri)

    def _tell_said(self, line: str) -> None:
        self._publisher.tell(WorkerSaid(self.spec.name, self._worker.pid if self._worker else 0, line))

    def _tell_silenced(self, dropped: int) -> None:
        pid = self._worker.pid if self._worker else 0
        self._publisher.tell(WorkerSilenced(self.spec.name, pid, dropped))


def _counts(offer: Offer) -> tuple[int, int, int]:
    return len(offer.tools), len(offer.prompts), len(offer.resources) + len(offer.templates)
