# -*- test-case-name: tests.workers.test_staff -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Which workers there are: who is started, who is replaced, and who goes.

Whatever has happened, :meth:`Staff.hire` decides what to do next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.events import (
    PluginFailed,
    Publisher,
    WorkerEnded,
    WorkerNotStarted,
    WorkerReady,
    WorkerRetired,
    WorkerStarted,
    WorkerStopped,
)
from mcpd.sandbox.plan import ProgramMissing
from mcpd.trouble import Reason, Trouble
from mcpd.wire.offer import Offer
from mcpd.wire.revision import Era
from mcpd.workers.channel import Spawn
from mcpd.workers.member import Key, Member
from mcpd.workers.pauses import Pauses
from mcpd.workers.shown import Shown, counts
from mcpd.workers.spec import Plugin
from mcpd.workers.worker import End, Worker

ROUND = 5.0
"""Seconds between two looks at who is worn out or idle."""
BUSY = 0.1
"""Seconds for which a call waits before one more worker is started beside busy ones."""
FAIR = 1.0
"""Seconds after which another's worker has to make room although it is in use."""
SOON = 0.001
"""Seconds that pass at least before who waits is looked at again: rounding may leave next to none."""

EraName = Literal["modern", "legacy"]
Wanted = Mapping[Key, tuple[int, float]]
"""How many calls wait by key, and for how many seconds the first of them has."""


class Memory(Protocol):
    """
    What is remembered of a plugin's program from start to start.
    """

    def era(self) -> EraName | None:
        """
        Tell which era it was of when it was ready last; None: it never was.
        """

    def learn(self, era: EraName) -> None:
        """
        Remember it.
        """

    def forget(self) -> None:
        """
        Forget it, for it led nowhere.
        """


class Lead(Protocol):
    """
    Whose staff it is: the crew.
    """

    def came(self, member: Member, offer: Offer) -> Key | None:
        """
        Hear that one is ready, and say whose it is; None: nobody's yet.
        """

    def went(self, member: Member) -> None:
        """
        Hear that one is gone.
        """

    def failed(self, reason: Reason) -> None:
        """
        Hear that one failed.
        """

    def settle(self) -> None:
        """
        Hear that something is other than before: who waits may be given to somebody.
        """


@define(eq=False)
class Staff:
    """
    The workers of one plugin (:class:`mcpd.workers.worker.Watcher`).

    Attributes:
        spec: What was configured.
        members: All that have not ended, the oldest first.
        serving: Those that take calls, by whose they are.
        tried: Whether the first start has come to an end, good or bad.
        reason: Why the last one failed; None if none did.
        restarts: How many failed.
        calls: How many calls those took that are gone.
        pauses: Who has to wait after failures.
    """

    spec: Plugin
    _clock: IReactorTime
    _publisher: Publisher
    _spawn: Spawn
    _starts: DeferredSemaphore
    _chance: Callable[[], float]
    _memory: Memory
    _shown: Shown
    _lead: Lead
    members: list[Member] = field(init=False, factory=list)
    serving: dict[Key, list[Worker]] = field(init=False, factory=dict)
    tried: bool = field(init=False, default=False)
    reason: Reason | None = field(init=False, default=None)
    restarts: int = field(init=False, default=0)
    calls: int = field(init=False, default=0)
    _guess: EraName | None = field(init=False, default=None)
    pauses: Pauses = field(init=False)
    _again: IDelayedCall | None = field(init=False, default=None)
    _round: IDelayedCall | None = field(init=False, default=None)
    _generation: int = field(init=False, default=0)
    _gone: list[Deferred[None]] | None = field(init=False, default=None)

    def __attrs_post_init__(self) -> None:
        self.pauses = Pauses(self._clock, self._chance)

    @property
    def outdated(self) -> int:
        """
        How many workers were started by a former configuration.
        """
        return sum(each.generation != self._generation for each in self.members)

    @property
    def is_ending(self) -> bool:
        """
        Whether no worker is wanted any more.
        """
        return self._gone is not None

    def begin(self) -> None:
        """
        Begin to look after the workers.
        """
        self._round = self._clock.callLater(ROUND, self._look)

    def end(self, how: Callable[[Member], None]) -> Deferred[None]:
        """
        End every worker, for good.

        Args:
            how: Ends one.

        Returns:
            Fires when no process is left.
        """
        gone: Deferred[None] = Deferred()
        self._gone = [*(self._gone or ()), gone]
        for timer in (self._again, self._round):
            if timer is not None and timer.active():
                timer.cancel()
        self.serving.clear()
        for member in tuple(self.members):
            if member.has_begun:
                how(member)
            else:
                self._drop(member)
        self._finish()
        return gone

    def _finish(self) -> None:
        if self._gone is not None and not self.members:
            gone, self._gone = self._gone, []
            for deferred in gone:
                deferred.callback(None)

    def reform(self, spec: Plugin, spawn: Spawn, memory: Memory) -> None:
        """
        Replace every worker by one that is started in another way, whatever failed before.
        """
        self._generation += 1
        # Their keys may say something else now.
        shares = spec.share == self.spec.share
        self.spec, self._spawn, self._memory, self._guess = spec, spawn, memory, None
        self.renew("its configuration is another one now", in_place=shares)

    def renew(self, why: str, *, in_place: bool = True) -> None:
        """
        Replace every worker, whatever failed before.

        Args:
            why: What is told.
            in_place: Whether each successor is its predecessor's heir.
        """
        self.pauses.forget()
        # First, or one of them may still be somebody's heir.
        for member in [each for each in self.members if each.phase == "starting"]:
            self._drop(member)
        for member in [each for each in self.members if each.phase == "ready"]:
            if in_place:
                self._replace(member, why)
            else:
                self.dismiss(member, why)

    def _drop(self, member: Member) -> None:
        for former in self.members:
            if former.heir is member:
                former.heir = None
        if member.has_begun:
            member.stop()
        else:
            self.members.remove(member)

    # Who comes.

    def hire(self, wanted: Wanted, everybody: Key | None, least: int = 0) -> None:
        """
        Have as many workers as are needed and allowed.

        Args:
            wanted: Who waits.
            everybody: Whose a worker is that nobody asked for; None: nobody's.
            least: How many there must be, if that is more than is configured.
        """
        bounds = self.spec.workers
        if self._shown.offer is None:
            # The first one shows what the plugin is; two might fetch it twice.
            if not self.members:
                self._start(everybody)
            return
        self._serve(wanted)
        missing = max(bounds.min, least) - sum(each.is_staying for each in self.members)
        for _ in range(min(missing, bounds.total - len(self.members))):
            self._start(everybody)

    def _serve(self, wanted: Wanted) -> None:
        bounds, needs = self.spec.workers, 0
        spares = sum(each.phase == "starting" and each.key is None for each in self.members)
        for key, (count, waited) in wanted.items():
            mine = [each for each in self.members if each.is_staying and each.key == key]
            coming = sum(each.phase == "starting" for each in mine)
            if coming * self.spec.concurrency >= count or len(mine) >= bounds.max:
                continue
            if mine and waited < BUSY:
                self.wake(BUSY - waited)
            elif (spare := self.spare(key)) is not None:
                self.claim(spare, key)
                self.wake(0)
            elif spares:
                spares -= 1
            elif len(self.members) < bounds.total:
                self._start(key)
            else:
                needs += 1
                self._make_room(key, waited, needs)

    def spare(self, key: Key) -> Member | None:
        """
        Find a worker that is ready and nobody's; None for who has to pause, too.
        """
        if self.pauses.rest(key):
            return None
        return next((each for each in self.members if each.is_spare), None)

    def claim(self, member: Member, key: Key) -> None:
        """
        Make a worker somebody's.
        """
        member.key, member.since = key, self._clock.seconds()
        self._enter(member)

    def _make_room(self, key: Key, waited: float, needs: int) -> None:
        # Who goes and has calls may take long; who has none is gone in a moment.
        going = [each for each in self.members if not each.is_staying]
        if sum(not each.worker.peer.running for each in going) >= needs:
            return
        now = self._clock.seconds()
        # Who has a worker does not take away one that is in use.
        is_poor = all(each.key != key for each in self.members if each.is_staying)
        others = [each for each in self.members if each.phase == "ready" and each.key != key]
        idle = [each for each in others if each.is_idle and (is_poor or now - each.used >= FAIR)]
        # Nobody keeps a worker for ever that others wait for.
        turns = [each for each in others if is_poor and now - each.since >= FAIR]
        if idle:
            self.dismiss(min(idle, key=lambda each: each.used), "another one needs its place")
        elif turns and waited >= FAIR and len(going) < needs:
            self.dismiss(min(turns, key=lambda each: each.since), "others had no turn")
        else:
            self.wake(max(FAIR - waited, BUSY))

    def wake(self, seconds: float) -> None:
        """
        Have who waits looked at again, after so many seconds at most.
        """
        seconds, again = max(seconds, SOON), self._again
        if again is not None and again.active():
            if again.getTime() <= self._clock.seconds() + seconds:
                return
            again.cancel()
        self._again = self._clock.callLater(seconds, self._lead.settle)

    def _start(self, key: Key | None) -> Member | None:
        # What nobody shares is the next call's, whoever's it will be.
        key = None if self.spec.share == "call" else key
        pause = self.pauses.pause(key)
        if pause:
            self.wake(pause)
            return None
        now, times, verdict = self._clock.seconds(), self.spec.timeouts, self._memory.era()
        protocol = self.spec.protocol
        if protocol == "auto":
            protocol = self._guess or verdict or "auto"
        is_known = verdict is not None or self._shown.offer is not None
        patience = times.start if is_known else max(times.first_start, times.start)
        worker = Worker(self.spec, self._clock, self, self._shown, protocol, patience=patience)
        member = Member(worker, key, now, now, self._generation)
        self.members.append(member)
        self._starts.run(self._begin, member)
        return member

    def _begin(self, member: Member) -> Deferred[None]:
        launching: Deferred[None] = Deferred()
        if member not in self.members:
            launching.callback(None)
            return launching
        member.launching, member.born = launching, self._clock.seconds()
        try:
            member.worker.start(self._spawn)
        except ProgramMissing as error:
            self.ended(member.worker, End(Reason(Trouble.PROGRAM, str(error))))
        except OSError as error:
            self.ended(member.worker, End(Reason(Trouble.LAUNCH, str(error))))
        else:
            self._publisher.tell(WorkerStarted(self.spec.name, member.worker.pid))
        return launching

    # Who goes.

    def _look(self) -> None:
        self._round = self._clock.callLater(ROUND, self._look)
        now = self._clock.seconds()
        self.pauses.fade()
        for member in [each for each in self.members if each.phase == "ready"]:
            outdated = member.generation != self._generation
            why = "its configuration is another one now" if outdated else member.worn(self.spec.restart, now)
            if why:
                self._replace(member, why)
        spare = sum(each.phase == "ready" for each in self.members) - self.spec.workers.min
        idle = [each for each in self.members if each.is_idle and now - each.used >= self.spec.timeouts.idle]
        for member in sorted(idle, key=lambda each: each.used)[: max(spare, 0)]:
            self.dismiss(member, "nobody needed it")
        self._lead.settle()

    def _replace(self, member: Member, why: str) -> None:
        if member.heir is not None or self.pauses.pause(member.key):
            return
        if len(self.members) < self.spec.workers.total:
            heir = self._start(member.key)
            # It may have failed already.
            if heir in self.members:
                member.heir = heir
                why = f"{why}; the next one is being started"
                self._publisher.tell(WorkerRetired(self.spec.name, member.worker.pid, why))
        else:
            self.dismiss(member, why)

    def dismiss(self, member: Member, why: str) -> None:
        """
        Give a worker no more calls, and stop it once those that it has are over.
        """
        self._publisher.tell(WorkerRetired(self.spec.name, member.worker.pid, why))
        self._leave(member)
        member.retire()

    def _enter(self, member: Member) -> None:
        if member.key is not None:
            self.serving.setdefault(member.key, []).append(member.worker)

    def _leave(self, member: Member) -> None:
        for key, workers in tuple(self.serving.items()):
            if member.worker in workers:
                workers.remove(member.worker)
                if not workers:
                    del self.serving[key]

    # How they fare.

    def _member(self, worker: Worker) -> Member:
        return next(each for each in self.members if each.worker is worker)

    def launched(self, worker: Worker) -> None:
        """
        Give the place among the starts to the next.
        """
        self._member(worker).launched()

    def ready(self, worker: Worker, offer: Offer) -> None:
        """
        Let it take calls, and its predecessor none.
        """
        member, now = self._member(worker), self._clock.seconds()
        member.phase, member.since = "ready", now
        self.tried, self._guess = True, None
        self.pauses.recover()
        self._memory.learn("modern" if offer.revision.era is Era.MODERN else "legacy")
        seconds, revision = round(now - member.born, 3), offer.revision.name
        self._publisher.tell(WorkerReady(self.spec.name, worker.pid, seconds, revision, *counts(offer)))
        self._shown.greet(offer, alone=sum(each.phase == "ready" for each in self.members) == 1)
        member.key = self._lead.came(member, offer)
        # Who heard of it may have ended it.
        if member.phase == "ready":
            self._enter(member)
        for former in [each for each in self.members if each.heir is member]:
            self._leave(former)
            former.retire()
        self._lead.settle()

    def away(self, worker: Worker) -> None:
        """
        Give it no calls, be it for a while or for ever.
        """
        member = self._member(worker)
        member.away = True
        self._leave(member)

    def back(self, worker: Worker) -> None:
        """
        Give it calls again; or replace it, if some of those that it has are stuck.
        """
        member = self._member(worker)
        member.away = False
        if member.phase != "ready":
            return
        self._enter(member)
        if worker.stuck:
            self._replace(member, "it does not answer some calls")
        self._lead.settle()

    def ended(self, worker: Worker, end: End) -> None:
        """
        See to the next one, if it is needed.
        """
        member = self._member(worker)
        self.members.remove(member)
        self._leave(member)
        member.launched()
        self.calls += worker.peer.asked
        if worker.peer.asked:
            self.pauses.prove()
        for former in self.members:
            if former.heir is member:
                former.heir = None
        self._lead.went(member)
        if end.asked or self._gone is not None:
            self._publisher.tell(WorkerStopped(self.spec.name, worker.pid, end.reason.text, *end.used))
        elif end.probing and self._guess is None:
            # An exit over the question is an answer to it, and no failure.
            self._guess = "legacy"
        else:
            self._fail(member, end)
        self._finish()
        if self._gone is None:
            self._lead.settle()

    def _fail(self, member: Member, end: End) -> None:
        worker, now = member.worker, self._clock.seconds()
        self.reason, self.tried = end.reason, True
        self.restarts += 1
        if worker.pid and not end.ready:
            # What led nowhere is forgotten: it may have been another program's.
            self._guess = None
            self._memory.forget()
        lasted = now - member.since if end.ready else 0.0
        fruitless = not worker.peer.asked and lasted <= self.spec.restart.backoff[1]
        # That one's own worker ended over its calls is no matter of others; that
        # none starts, or lasts, is.
        key, was_given_up = None if fruitless else member.key, self.pauses.given_up
        wait = self.pauses.add(key, self.spec.restart, lasted, fruitless=fruitless)
        self.wake(wait)
        name, again, why = self.spec.name, round(wait, 3), str(end.reason)
        if worker.pid:
            self._publisher.tell(WorkerEnded(name, worker.pid, why, end.lost, again, *end.used))
        else:
            self._publisher.tell(WorkerNotStarted(name, why, again))
        if self.pauses.given_up and not was_given_up:
            self._publisher.tell(PluginFailed(name, why, again))
        self._lead.failed(end.reason)
