# -*- test-case-name: tests.ctl.test_trial -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A plugin, tried once from its start to its end, without a daemon.
"""

from __future__ import annotations

from typing import Any, Literal

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime

from mcpd.sandbox.plan import ProgramMissing
from mcpd.sandbox.usage import Usage
from mcpd.trouble import Reason, Trouble
from mcpd.wire.offer import Offer, Sort
from mcpd.wire.revision import Era
from mcpd.workers.channel import Channel, Spawn
from mcpd.workers.pipe import Ears
from mcpd.workers.said import printable
from mcpd.workers.spec import Plugin
from mcpd.workers.worker import End, Worker

Rung = Literal["", "end of input", "SIGTERM", "SIGKILL"]

_NOISE = 200


@frozen
class Report:
    """
    What a trial has shown.

    Attributes:
        ready: Seconds until it was ready; None if it never was.
        reason: Why not, or why it ended by itself; None if it was asked to.
        revision: What it speaks; empty if nobody knows.
        era: Likewise.
        tools: How many it has.
        prompts: Likewise.
        resources: Likewise, with templates.
        left_out: A sentence for each thing that would not be served.
        noise: Lines on its standard output that are no messages.
        first_noise: The first of them.
        stderr: Lines on its standard error.
        last_words: The last of them.
        rung: What it ended at; empty if it ended by itself.
        ending: Seconds that its end took.
    """

    ready: float | None = None
    reason: Reason | None = None
    revision: str = ""
    era: str = ""
    tools: int = 0
    prompts: int = 0
    resources: int = 0
    left_out: tuple[str, ...] = ()
    noise: int = 0
    first_noise: str = ""
    stderr: int = 0
    last_words: str = ""
    rung: Rung = ""
    ending: float = 0.0

    @property
    def shareable(self) -> bool:
        """
        Whether all callers may share a worker: a legacy one may keep something of who calls it.
        """
        return self.era == Era.MODERN.value

    @property
    def passed(self) -> bool:
        """
        Whether it was ready, and ended when its input did.
        """
        return self.ready is not None and self.rung == "end of input"


@define(eq=False)
class Trial:
    """
    One trial.  It watches the worker, and hears what that tells.

    Attributes:
        report: What has shown so far.
        abandoned: Whether nobody waits for the rest.
    """

    _spec: Plugin
    _clock: IReactorTime
    _spawn: Spawn
    report: Report = field(init=False, factory=Report)
    abandoned: bool = field(init=False, default=False)
    _worker: Worker = field(init=False)
    _over: Deferred[Report] = field(init=False, factory=Deferred)
    _since: float = field(init=False, default=0.0)

    def run(self) -> Deferred[Report]:
        """
        Start the plugin, and stop it once it is ready.

        Returns:
            Fires with the report once the plugin is gone.
        """
        self._start(self._spec.protocol)
        return self._over

    def abandon(self) -> None:
        """
        Stop the plugin before its time.
        """
        self.abandoned = True
        self._worker.stop()

    def _start(self, protocol: Literal["auto", "modern", "legacy"]) -> None:
        self._since = self._clock.seconds()
        patience = self._spec.timeouts.start
        worker = self._worker = Worker(self._spec, self._clock, self, self, protocol, patience=patience)
        try:
            worker.start(self._observed)
        except (ProgramMissing, OSError) as error:
            self.ended(worker, End(Reason(Trouble.LAUNCH, str(error))))

    def _observed(self, ears: Ears) -> Channel:
        return _Rungs(self, self._spawn(ears))

    def reach(self, rung: Rung) -> None:
        """
        Hear that a rung of stopping is reached.
        """
        if not self.report.rung:
            self._since = self._clock.seconds()
        self._learn(rung=rung)

    def _learn(self, **news: Any) -> None:
        self.report = evolve(self.report, **news)

    # What the worker says of itself (mcpd.workers.worker.Watcher).

    def launched(self, worker: Worker) -> None:
        """
        Wait on.
        """

    def ready(self, worker: Worker, offer: Offer) -> None:
        """
        Learn what it has, and end it.
        """
        revision = offer.revision
        self._learn(
            ready=self._clock.seconds() - self._since,
            revision=revision.name,
            era=revision.era.value,
            tools=len(offer.tools),
            prompts=len(offer.prompts),
            resources=len(offer.resources) + len(offer.templates),
            left_out=offer.left_out,
        )
        # In a turn of its own: it is at work on this one.
        self._clock.callLater(0, worker.stop)

    def away(self, worker: Worker) -> None:
        """
        Wait on: it has no calls.
        """

    def back(self, worker: Worker) -> None:
        """
        Wait on, likewise.
        """

    def ended(self, worker: Worker, end: End) -> None:
        """
        Learn how it ended; one that ends at an unknown question may be of the legacy era.
        """
        self._learn(noise=self.report.noise + worker.peer.strays.noise)
        if end.probing and not end.asked:
            self._start("legacy")
            return
        self._learn(reason=None if end.asked else end.reason, ending=self._clock.seconds() - self._since)
        self._over.callback(self.report)

    # What the worker tells (mcpd.workers.channel.Witness).

    def offered(self, offer: Offer, sorts: tuple[Sort, ...]) -> None:
        """
        Wait on.
        """

    def stale(self, sort: Sort, why: str) -> None:
        """
        Wait on.
        """

    def touched(self, uri: str) -> bool:
        """
        Wait on: nobody listens.
        """
        return False

    def said(self, pid: int, line: str) -> None:
        """
        Count it.
        """
        self._learn(stderr=self.report.stderr + 1, last_words=line)

    def silenced(self, pid: int, dropped: int) -> None:
        """
        Wait on.
        """

    def noise(self, pid: int, line: bytes, why: str) -> None:
        """
        Keep the first of them.
        """
        if not self.report.first_noise:
            self._learn(first_noise=printable(line, _NOISE))


@frozen(eq=False)
class _Rungs:
    """
    A channel that tells how far its worker had to be pushed.
    """

    _trial: Trial
    _channel: Channel

    @property
    def pid(self) -> int:
        return self._channel.pid

    @property
    def waiting(self) -> int:
        return self._channel.waiting

    def send(self, data: bytes) -> int:
        return self._channel.send(data)

    def close_input(self) -> None:
        self._trial.reach("end of input")
        self._channel.close_input()

    def terminate(self) -> None:
        self._trial.reach("SIGTERM")
        self._channel.terminate()

    def destroy(self) -> None:
        self._trial.reach("SIGKILL")
        self._channel.destroy()

    def usage(self) -> Usage | None:
        return self._channel.usage()
