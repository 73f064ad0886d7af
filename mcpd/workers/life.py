# -*- test-case-name: tests.workers.test_life -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The life of one worker, from its spawn to its end.

Everything that decides what a worker does next is in this file: the inputs of
its life, the states, and what happens in each state at each input.  A life is
lived once; :mod:`mcpd.workers.crew` begins the next one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from attrs import define, frozen
from automat import TypeMachineBuilder
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.trouble import Reason, Trouble
from mcpd.wire.offer import Offer
from mcpd.workers.pipe import Exit


class Life(Protocol):
    """
    The inputs of a worker's life.
    """

    def begin(self) -> None:
        """
        Its process has been started.
        """

    def launched(self) -> None:
        """
        Its process has become the plugin.
        """

    def greeted(self, offer: Offer) -> None:
        """
        It has shaken hands.
        """

    def fail(self, why: Reason) -> None:
        """
        It did what can't be put up with.
        """

    def retire(self) -> None:
        """
        It is to end once its calls are over.
        """

    def rest(self) -> None:
        """
        It has no calls.
        """

    def stop(self) -> None:
        """
        It is not wanted any more.
        """

    def rung(self) -> None:
        """
        The time of this rung of the ladder is over.
        """

    def exited(self, exit: Exit) -> None:
        """
        Its process is gone.
        """


class Body(Protocol):
    """
    What a life acts upon: the process, and those who want to know.
    """

    def greet(self) -> None:
        """
        Begin the handshake.
        """

    def serve(self, offer: Offer) -> None:
        """
        Be ready for calls.
        """

    def await_rest(self) -> None:
        """
        Say when it has no calls, which may be at once; it is given no more.
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

    def bury(self, death: Death) -> None:
        """
        Let go of it.
        """


@frozen
class Death:
    """
    What a life knows of its end.

    Attributes:
        exit: How the process ended.
        why: What it had done to be ended; None if it ended by itself or was
            asked to.
        ready: Whether it was ever ready.
        asked: Whether it was asked to stop.
    """

    exit: Exit
    why: Reason | None
    ready: bool
    asked: bool


@define(eq=False)
class Core:
    """
    What all states of a life share.

    Required:
        clock: Tells the time.
        body: What it acts upon.
        launch: Seconds from the spawn to its process being the plugin.
        patience: Seconds from there to being ready.
        rung: Seconds for each rung of stopping.

    Internal:
        timer: What this state waits for.
        why, ready, asked: As :class:`Death` has them.
    """

    clock: IReactorTime
    body: Body
    launch: float
    patience: float
    rung: float
    timer: IDelayedCall | None = None
    why: Reason | None = None
    ready: bool = False
    asked: bool = False

    def after(self, seconds: float, what: Callable[[], None]) -> None:
        """
        Wait for one thing only: what was waited for before is forgotten.
        """
        self.rest()
        self.timer = self.clock.callLater(seconds, what)

    def rest(self) -> None:
        """
        Wait for nothing.
        """
        if self.timer is not None and self.timer.active():
            self.timer.cancel()
        self.timer = None


def _machine() -> Callable[[Core], Life]:  # noqa: PLR0915  the whole life stands in one place
    builder = TypeMachineBuilder(Life, Core)
    idle = builder.state("idle")
    launching = builder.state("launching")
    greeting = builder.state("greeting")
    ready = builder.state("ready")
    retiring = builder.state("retiring")
    closing = builder.state("closing")
    terminating = builder.state("terminating")
    killing = builder.state("killing")
    ended = builder.state("ended")

    # What changes nothing: an order that was given already, or a late word of
    # a process that is being ended.
    quiet: dict[Any, tuple[Any, ...]] = {
        Life.begin: (launching, greeting, ready, retiring, closing, terminating, killing, ended),
        Life.launched: (idle, greeting, ready, retiring, closing, terminating, killing, ended),
        Life.greeted: (idle, launching, ready, retiring, closing, terminating, killing, ended),
        Life.fail: (idle, killing, ended),
        Life.retire: (retiring, closing, killing, terminating, ended),
        Life.rest: (idle, launching, greeting, ready, closing, terminating, killing, ended),
        Life.stop: (closing, killing, terminating, ended),
        Life.rung: (idle, launching, greeting, ready, retiring, ended),
        Life.exited: (idle, ended),
    }
    for news, states in quiet.items():
        for state in states:
            state.upon(news).loop().returns(None)
    idle.upon(Life.stop).to(ended).returns(None)
    idle.upon(Life.retire).to(ended).returns(None)

    @idle.upon(Life.begin).to(launching)
    def begin(life: Life, core: Core) -> None:
        # Its place among the starts is another's turn then.
        late = Reason(Trouble.LAUNCH, f"it was not launched within {core.launch:g} s")
        core.after(core.launch, lambda: life.fail(late))

    @launching.upon(Life.launched).to(greeting)
    def launched(life: Life, core: Core) -> None:
        late = Reason(Trouble.START, f"it was not ready within {core.patience:g} s")
        core.after(core.patience, lambda: life.fail(late))
        core.body.greet()

    @greeting.upon(Life.greeted).to(ready)
    def greeted(life: Life, core: Core, offer: Offer) -> None:
        core.rest()
        core.ready = True
        core.body.serve(offer)

    @ready.upon(Life.retire).to(retiring)
    def retire(life: Life, core: Core) -> None:
        # No timer: each of its calls has a deadline.
        core.asked = True
        core.body.await_rest()

    def close(life: Life, core: Core) -> None:
        core.asked = True
        core.body.close_input()
        core.after(core.rung, life.rung)

    def terminate(life: Life, core: Core) -> None:
        core.body.terminate()
        core.after(core.rung, life.rung)

    def kill(life: Life, core: Core) -> None:
        core.body.destroy()
        core.after(core.rung, life.rung)

    def kill_unborn(life: Life, core: Core) -> None:
        core.asked = True
        kill(life, core)

    def punish(life: Life, core: Core, why: Reason) -> None:
        core.why = why
        kill(life, core)

    def end(life: Life, core: Core, exit: Exit) -> None:
        core.rest()
        core.body.bury(Death(exit, core.why, core.ready, core.asked))

    for state in (greeting, ready, retiring):
        state.upon(Life.stop).to(closing)(close)
    greeting.upon(Life.retire).to(closing)(close)
    retiring.upon(Life.rest).to(closing)(close)
    closing.upon(Life.rung).to(terminating)(terminate)
    terminating.upon(Life.rung).to(killing)(kill)
    # A process inside the kernel may take its time to die; whatever was forked
    # while we looked is caught by the next round.
    killing.upon(Life.rung).loop()(kill)
    # The launcher is no plugin yet: nothing is lost by killing it at once.
    launching.upon(Life.stop).to(killing)(kill_unborn)
    launching.upon(Life.retire).to(killing)(kill_unborn)
    for state in (launching, greeting, ready, retiring, closing, terminating):
        state.upon(Life.fail).to(killing)(punish)
    for state in (launching, greeting, ready, retiring, closing, terminating, killing):
        state.upon(Life.exited).to(ended)(end)

    return builder.build()


live = _machine()
"""Makes a life, which has not begun, around a core."""
