# -*- test-case-name: tests.workers.test_member -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One worker of a crew, and whose it is.
"""

from __future__ import annotations

from typing import Literal

from attrs import define
from twisted.internet.defer import Deferred

from mcpd.workers.spec import Restart
from mcpd.workers.state import WorkerState
from mcpd.workers.worker import Worker

Key = tuple[frozenset[str], str]
"""
Who shares a worker: those of one capability profile, and one share key.

The profile is what a client can be asked; only the empty one is in use until
clients are asked things.
"""

NOTHING: frozenset[str] = frozenset()
EVERYBODY: Key = (NOTHING, "")


@define(eq=False)
class Member:
    """
    One worker of a crew.

    Attributes:
        worker: The worker.
        key: Whose it is; None: nobody's yet, and the next one's who needs one.
        born: When it was begun, in the clock's seconds; so are the others.
        since: When it became ready, or the key's.
        generation: By which configuration it was started.
        phase: What it is about.
        heir: The one that will take its place once it is ready.
        launching: Fires when its process has become the plugin; None: it has,
            or has none.
        away: Whether it is to be given no calls, for a while or for ever.
    """

    worker: Worker
    key: Key | None
    born: float
    since: float
    generation: int
    phase: Literal["starting", "ready", "retiring", "stopping"] = "starting"
    heir: Member | None = None
    launching: Deferred[None] | None = None
    away: bool = False

    @property
    def used(self) -> float:
        """
        When it was called last, or became ready, or somebody's.
        """
        return max(self.worker.peer.last, self.since)

    @property
    def is_idle(self) -> bool:
        """
        Whether it is ready and has no calls.
        """
        return self.phase == "ready" and not self.worker.peer.running

    @property
    def is_spare(self) -> bool:
        """
        Whether it is ready and nobody's, and may be given calls.
        """
        return self.phase == "ready" and self.key is None and not self.away

    @property
    def is_staying(self) -> bool:
        """
        Whether it is ready, or will be, and is not to go.
        """
        return self.phase in ("starting", "ready")

    @property
    def has_begun(self) -> bool:
        """
        Whether it has a process, or had one.
        """
        return bool(self.worker.pid)

    def worn(self, rules: Restart, now: float) -> str:
        """
        Tell why it has to be replaced; empty: it need not be.
        """
        worker = self.worker
        if now - self.born >= rules.max_age:
            return f"it is older than {rules.max_age:g} s"
        if rules.max_calls and worker.peer.asked >= rules.max_calls:
            return f"it has taken {worker.peer.asked} calls"
        usage = worker.usage() if rules.max_memory else None
        if usage is not None and usage.memory > rules.max_memory:
            return f"it uses {usage.memory} bytes of memory"
        # One that may hang is not replaced but killed, if it does.
        return "it does not answer some calls" if worker.stuck and not worker.is_doubted else ""

    def retire(self) -> None:
        """
        End it once its calls are over.
        """
        if self.is_staying:
            self.phase = "retiring"
            self.worker.retire()

    def stop(self) -> None:
        """
        End it now.
        """
        if self.phase != "stopping":
            self.phase = "stopping"
            self.worker.stop()

    def launched(self) -> None:
        """
        Give the place among the starts to the next.
        """
        launching, self.launching = self.launching, None
        if launching is not None:
            launching.callback(None)

    def state(self, now: float) -> WorkerState:
        """
        Tell an operator how it fares.
        """
        worker, usage = self.worker, self.worker.usage()
        return WorkerState(
            pid=worker.pid,
            phase=self.phase,
            key=self.key[1] if self.key else "",
            running=worker.peer.running - worker.stuck,
            stuck=worker.stuck,
            calls=worker.peer.asked,
            age=now - self.born,
            idle=now - self.used,
            memory=usage.memory if usage else None,
            cpu=usage.cpu if usage else None,
            noise=worker.peer.strays.noise,
            strays=worker.peer.strays.messages,
        )
