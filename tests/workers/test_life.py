# -*- test-case-name: tests.workers.test_life -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.life`.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.trouble import Reason, Trouble
from mcpd.wire.offer import Offer
from mcpd.wire.revision import NEWEST_LEGACY
from mcpd.workers.life import Core, Death, Life, live
from mcpd.workers.pipe import Exit

OFFER = Offer(NEWEST_LEGACY, ())
BAD = Reason(Trouble.LINE, "it was bad")
EXIT, KILLED = Exit(0), Exit(None, 9)


@define(eq=False)
class Remains:
    """
    A body (:class:`mcpd.workers.life.Body`) that remembers what was done to it.

    Attributes:
        done: What, in order.
        death: What it knows of its end.
        resting: Called when it is to say when it has no calls.
    """

    done: list[str] = field(factory=list)
    death: Death | None = None
    resting: Callable[[], None] | None = None

    def greet(self) -> None:
        """
        Remember it.
        """
        self.done.append("greet")

    def serve(self, offer: Offer) -> None:
        """
        Remember it.
        """
        assert offer is OFFER
        self.done.append("serve")

    def await_rest(self) -> None:
        """
        Remember it.
        """
        self.done.append("await")
        if self.resting is not None:
            self.resting()

    def close_input(self) -> None:
        """
        Remember it.
        """
        self.done.append("close")

    def terminate(self) -> None:
        """
        Remember it.
        """
        self.done.append("terminate")

    def destroy(self) -> None:
        """
        Remember it.
        """
        self.done.append("destroy")

    def bury(self, death: Death) -> None:
        """
        Remember it.
        """
        self.done.append("bury")
        self.death = death


INPUTS: dict[str, Callable[[Life], None]] = {
    "begin": lambda life: life.begin(),
    "launched": lambda life: life.launched(),
    "greeted": lambda life: life.greeted(OFFER),
    "fail": lambda life: life.fail(BAD),
    "retire": lambda life: life.retire(),
    "rest": lambda life: life.rest(),
    "stop": lambda life: life.stop(),
    "rung": lambda life: life.rung(),
    "exited": lambda life: life.exited(EXIT),
}

WAYS = {
    "idle": (),
    "launching": ("begin",),
    "greeting": ("begin", "launched"),
    "ready": ("begin", "launched", "greeted"),
    "retiring": ("begin", "launched", "greeted", "retire"),
    "closing": ("begin", "launched", "greeted", "stop"),
    "terminating": ("begin", "launched", "greeted", "stop", "rung"),
    "killing": ("begin", "launched", "greeted", "stop", "rung", "rung"),
    "ended": ("begin", "exited"),
}
"""The inputs that lead into each state."""

# What is done and where it leads; where nothing stands, nothing is done and the state stays.
TABLE = {
    ("idle", "begin"): ((), "launching"),
    ("idle", "retire"): ((), "ended"),
    ("idle", "stop"): ((), "ended"),
    ("launching", "launched"): (("greet",), "greeting"),
    ("launching", "fail"): (("destroy",), "killing"),
    ("launching", "retire"): (("destroy",), "killing"),
    ("launching", "stop"): (("destroy",), "killing"),
    ("launching", "exited"): (("bury",), "ended"),
    ("greeting", "greeted"): (("serve",), "ready"),
    ("greeting", "fail"): (("destroy",), "killing"),
    ("greeting", "retire"): (("close",), "closing"),
    ("greeting", "stop"): (("close",), "closing"),
    ("greeting", "exited"): (("bury",), "ended"),
    ("ready", "fail"): (("destroy",), "killing"),
    ("ready", "retire"): (("await",), "retiring"),
    ("ready", "stop"): (("close",), "closing"),
    ("ready", "exited"): (("bury",), "ended"),
    ("retiring", "fail"): (("destroy",), "killing"),
    ("retiring", "rest"): (("close",), "closing"),
    ("retiring", "stop"): (("close",), "closing"),
    ("retiring", "exited"): (("bury",), "ended"),
    ("closing", "fail"): (("destroy",), "killing"),
    ("closing", "rung"): (("terminate",), "terminating"),
    ("closing", "exited"): (("bury",), "ended"),
    ("terminating", "fail"): (("destroy",), "killing"),
    ("terminating", "rung"): (("destroy",), "killing"),
    ("terminating", "exited"): (("bury",), "ended"),
    ("killing", "rung"): (("destroy",), "killing"),
    ("killing", "exited"): (("bury",), "ended"),
}

# What tells the states apart: what each does at one input, or at the next of that ladder.
MARKS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "idle": (("begin", "launched"), ("greet",)),
    "launching": (("launched",), ("greet",)),
    "greeting": (("greeted",), ("serve",)),
    "ready": (("retire",), ("await",)),
    "retiring": (("rest",), ("close",)),
    "closing": (("rung",), ("terminate",)),
    "terminating": (("rung", "exited"), ("destroy", "bury")),
    "killing": (("fail", "retire", "stop", "rung"), ("destroy",)),
    "ended": (tuple(INPUTS), ()),
}


class LifeCase(SynchronousTestCase):
    """
    Lives that end with their tests.
    """

    def setUp(self) -> None:
        """
        Have a clock.
        """
        self.clock = Clock()

    def start(self, *inputs: str) -> tuple[Life, Remains]:
        """
        Begin a life, and lead it through some inputs.
        """
        body = Remains()
        life = live(Core(self.clock, body, launch=5, patience=10, rung=3))
        for name in inputs:
            INPUTS[name](life)
        return life, body

    def check_state(self, state: str, *inputs: str) -> None:
        """
        Check that these inputs lead into a state: it does what only that state does.
        """
        probes, expected = MARKS[state]
        for other, (other_probes, other_expected) in MARKS.items():
            if other != state and other_probes == probes:
                self.assertNotEqual(expected, other_expected)
        life, body = self.start(*inputs)
        body.done.clear()
        for name in probes:
            INPUTS[name](life)
        self.assertEqual(tuple(body.done), expected, (inputs, state))


class TableTests(LifeCase):
    """
    Tests for every input in every state.
    """

    def test_ways(self) -> None:
        """
        A life can get into each of its states.
        """
        for state, way in WAYS.items():
            self.check_state(state, *way)

    def test_whole(self) -> None:
        """
        The table speaks of states and inputs that there are.
        """
        self.assertEqual((len(WAYS), len(INPUTS), len(MARKS)), (9, 9, 9))
        for state, news in TABLE:
            self.assertIn(state, WAYS)
            self.assertIn(news, INPUTS)


def _cell(state: str, news: str) -> Callable[[TableTests], None]:
    done, after = TABLE.get((state, news), ((), state))

    def test(self: TableTests) -> None:
        life, body = self.start(*WAYS[state])
        body.done.clear()
        INPUTS[news](life)
        self.assertEqual(tuple(body.done), done)
        self.check_state(after, *WAYS[state], news)

    test.__doc__ = (
        f"A life that is {state} and hears {news} does {', '.join(done) or 'nothing'}: it is {after}."
    )
    return test


for _state in WAYS:
    for _news in INPUTS:
        setattr(TableTests, f"test_{_state}_{_news}", _cell(_state, _news))


class TimeTests(LifeCase):
    """
    Tests for what a life waits for.
    """

    def test_never_ready(self) -> None:
        """
        A worker that is not ready in time is killed, whether its launcher or the plugin hangs.
        """
        ways = (
            (("begin",), 5, Reason(Trouble.LAUNCH, "it was not launched within 5 s")),
            (("begin", "launched"), 10, Reason(Trouble.START, "it was not ready within 10 s")),
        )
        for way, seconds, late in ways:
            life, body = self.start(*way)
            self.clock.advance(seconds - 0.1)
            self.assertNotIn("destroy", body.done)
            self.clock.advance(0.1)
            self.assertEqual(body.done[-1], "destroy")
            life.exited(KILLED)
            self.assertEqual(body.death, Death(KILLED, late, ready=False, asked=False))

    def test_ready_in_time(self) -> None:
        """
        A worker that is ready may live for ever.
        """
        _, body = self.start("begin", "launched", "greeted")
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(body.done, ["greet", "serve"])

    def test_ladder(self) -> None:
        """
        A worker that does not go has its input ended, then gets a signal, then is killed until it goes.
        """
        life, body = self.start("begin", "launched", "greeted", "stop")
        expected = ["greet", "serve", "close"]
        for step in ("terminate", "destroy", "destroy", "destroy"):
            self.assertEqual(body.done, expected)
            self.clock.advance(2.9)
            self.assertEqual(body.done, expected)
            self.clock.advance(0.1)
            expected.append(step)
        self.assertEqual(body.done, expected)
        life.exited(KILLED)
        self.assertEqual(body.death, Death(KILLED, None, ready=True, asked=True))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_going(self) -> None:
        """
        A worker that goes when it is asked is left in peace.
        """
        life, body = self.start("begin", "launched", "greeted", "stop")
        life.exited(EXIT)
        self.clock.advance(60)
        self.assertEqual(body.done, ["greet", "serve", "close", "bury"])

    def test_stopped_while_greeting(self) -> None:
        """
        Stopping forgets that the worker was to be ready in time: only its ladder counts.
        """
        _, body = self.start("begin", "launched", "stop")
        self.assertEqual([call.getTime() for call in self.clock.getDelayedCalls()], [3])
        self.clock.advance(3)
        self.assertEqual(body.done, ["greet", "close", "terminate"])


class RetiringTests(LifeCase):
    """
    Tests for a worker that is to end once its calls are over.
    """

    def test_rest(self) -> None:
        """
        A retiring worker is left at its calls for as long as they take, and then asked to go.
        """
        life, body = self.start("begin", "launched", "greeted", "retire")
        self.clock.advance(100_000)
        self.assertEqual(body.done, ["greet", "serve", "await"])
        life.rest()
        self.clock.advance(3)
        self.assertEqual(body.done[3:], ["close", "terminate"])
        life.exited(EXIT)
        self.assertEqual(body.death, Death(EXIT, None, ready=True, asked=True))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_at_once(self) -> None:
        """
        A worker without calls goes at once when it is to retire.
        """
        life, body = self.start("begin", "launched", "greeted")
        body.resting = life.rest
        life.retire()
        self.assertEqual(body.done[2:], ["await", "close"])
        self.assertEqual([call.getTime() for call in self.clock.getDelayedCalls()], [3])

    def test_hangs(self) -> None:
        """
        A worker that hangs while it retires is killed, and the operator reads that it did.
        """
        life, body = self.start("begin", "launched", "greeted", "retire", "fail")
        self.assertEqual(body.done[2:], ["await", "destroy"])
        life.rest()
        life.exited(KILLED)
        self.assertEqual(body.death, Death(KILLED, BAD, ready=True, asked=True))

    def test_starting(self) -> None:
        """
        A worker that is to retire before it was ready is not waited for.
        """
        _, body = self.start("begin", "launched", "retire")
        self.assertEqual(body.done, ["greet", "close"])
        self.assertEqual([call.getTime() for call in self.clock.getDelayedCalls()], [3])
        _, body = self.start("begin", "retire")
        self.assertEqual(body.done, ["destroy"])

    def test_never_begun(self) -> None:
        """
        A worker that was stopped or retired before it began never does.
        """
        for order in ("stop", "retire"):
            _, body = self.start(order, "begin", "launched", "greeted", "exited")
            self.assertEqual((body.done, self.clock.getDelayedCalls()), ([], []))


class DeathTests(LifeCase):
    """
    Tests for what is known of a life's end.
    """

    def death(self, *inputs: str) -> Death:
        """
        Live through some inputs to the end.
        """
        life, body = self.start(*inputs)
        life.exited(Exit(1))
        assert body.death is not None
        return body.death

    def test_deaths(self) -> None:
        """
        The operator learns whether a worker was ever ready, was asked to stop, and what it did.
        """
        exit, ready = Exit(1), ("begin", "launched", "greeted")
        cases: dict[tuple[str, ...], Death] = {
            ("begin",): Death(exit, None, ready=False, asked=False),
            ready: Death(exit, None, ready=True, asked=False),
            ("begin", "stop"): Death(exit, None, ready=False, asked=True),
            ("begin", "retire"): Death(exit, None, ready=False, asked=True),
            ("begin", "launched", "stop"): Death(exit, None, ready=False, asked=True),
            ("begin", "launched", "retire"): Death(exit, None, ready=False, asked=True),
            ("begin", "fail"): Death(exit, BAD, ready=False, asked=False),
            (*ready, "fail"): Death(exit, BAD, ready=True, asked=False),
            (*ready, "stop"): Death(exit, None, ready=True, asked=True),
            (*ready, "stop", "fail"): Death(exit, BAD, ready=True, asked=True),
            (*ready, "retire"): Death(exit, None, ready=True, asked=True),
            (*ready, "retire", "fail"): Death(exit, BAD, ready=True, asked=True),
        }
        for inputs, death in cases.items():
            self.assertEqual(self.death(*inputs), death, inputs)

    def test_failed_then_stopped(self) -> None:
        """
        A worker that failed counts as failed, even if it is asked to stop while it is being killed.
        """
        for order in ("stop", "retire"):
            death = self.death("begin", "launched", "greeted", "fail", order)
            self.assertEqual(death, Death(Exit(1), BAD, ready=True, asked=False))

    def test_first_reason(self) -> None:
        """
        What a worker did first is why it ended, whatever it did while it was being killed.
        """
        life, body = self.start("begin", "fail")
        life.fail(Reason(Trouble.HUNG, "it was even worse"))
        life.exited(KILLED)
        assert body.death is not None
        self.assertEqual(body.death.why, BAD)
