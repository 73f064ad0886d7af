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

from mcpd.wire.offer import Offer
from mcpd.wire.revision import NEWEST_LEGACY
from mcpd.workers.life import Core, Death, Life, live

OFFER = Offer(NEWEST_LEGACY, ())


@define(eq=False)
class Remains:
    """
    A body (:class:`mcpd.workers.life.Body`) that remembers what was done to it.
    """

    done: list[str] = field(factory=list)
    death: Death | None = None

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
    "fail": lambda life: life.fail("it was bad"),
    "stop": lambda life: life.stop(),
    "rung": lambda life: life.rung(),
    "exited": lambda life: life.exited("exit status 0"),
}

WAYS = {
    "idle": (),
    "launching": ("begin",),
    "greeting": ("begin", "launched"),
    "ready": ("begin", "launched", "greeted"),
    "closing": ("begin", "launched", "greeted", "stop"),
    "terminating": ("begin", "launched", "greeted", "stop", "rung"),
    "killing": ("begin", "launched", "greeted", "stop", "rung", "rung"),
    "ended": ("begin", "exited"),
}
"""The inputs that lead into each state."""

# What is done and where it leads; where nothing stands, nothing is done and the state stays.
TABLE = {
    ("idle", "begin"): ((), "launching"),
    ("idle", "stop"): ((), "ended"),
    ("launching", "launched"): (("greet",), "greeting"),
    ("launching", "fail"): (("destroy",), "killing"),
    ("launching", "stop"): (("destroy",), "killing"),
    ("launching", "exited"): (("bury",), "ended"),
    ("greeting", "greeted"): (("serve",), "ready"),
    ("greeting", "fail"): (("destroy",), "killing"),
    ("greeting", "stop"): (("close",), "closing"),
    ("greeting", "exited"): (("bury",), "ended"),
    ("ready", "fail"): (("destroy",), "killing"),
    ("ready", "stop"): (("close",), "closing"),
    ("ready", "exited"): (("bury",), "ended"),
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
MARKS = {
    "idle": (("begin", "launched"), ("greet",)),
    "launching": (("launched",), ("greet",)),
    "greeting": (("greeted",), ("serve",)),
    "ready": (("stop",), ("close",)),
    "closing": (("rung",), ("terminate",)),
    "terminating": (("rung", "exited"), ("destroy", "bury")),
    "killing": (("fail", "stop", "rung"), ("destroy",)),
    "ended": (("begin", "launched", "greeted", "fail", "stop", "rung", "exited"), ()),
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
        life = live(Core(self.clock, body, patience=10, rung=3))
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
        self.assertEqual((len(WAYS), len(INPUTS), len(MARKS)), (8, 7, 8))
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
        for way in (("begin",), ("begin", "launched")):
            life, body = self.start(*way)
            self.clock.advance(9.9)
            self.assertNotIn("destroy", body.done)
            self.clock.advance(0.1)
            self.assertEqual(body.done[-1], "destroy")
            life.exited("killed by signal 9")
            expected = Death("killed by signal 9", "it was not ready within 10 s", ready=False, asked=False)
            self.assertEqual(body.death, expected)

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
        life.exited("killed by signal 9")
        self.assertEqual(body.death, Death("killed by signal 9", "", ready=True, asked=True))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_going(self) -> None:
        """
        A worker that goes when it is asked is left in peace.
        """
        life, body = self.start("begin", "launched", "greeted", "stop")
        life.exited("exit status 0")
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


class DeathTests(LifeCase):
    """
    Tests for what is known of a life's end.
    """

    def death(self, *inputs: str) -> Death:
        """
        Live through some inputs to the end.
        """
        life, body = self.start(*inputs)
        life.exited("exit status 1")
        assert body.death is not None
        return body.death

    def test_deaths(self) -> None:
        """
        The operator learns whether a worker was ever ready, was asked to stop, and what it did.
        """
        how, bad = "exit status 1", "it was bad"
        cases = {
            ("begin",): Death(how, "", ready=False, asked=False),
            ("begin", "launched", "greeted"): Death(how, "", ready=True, asked=False),
            ("begin", "stop"): Death(how, "", ready=False, asked=True),
            ("begin", "launched", "stop"): Death(how, "", ready=False, asked=True),
            ("begin", "fail"): Death(how, bad, ready=False, asked=False),
            ("begin", "launched", "greeted", "fail"): Death(how, bad, ready=True, asked=False),
            ("begin", "launched", "greeted", "stop", "fail"): Death(how, bad, ready=True, asked=True),
        }
        for inputs, death in cases.items():
            self.assertEqual(self.death(*inputs), death)

    def test_first_reason(self) -> None:
        """
        What a worker did first is why it ended, whatever it did while it was being killed.
        """
        life, body = self.start("begin", "fail")
        life.fail("it was even worse")
        life.exited("killed by signal 9")
        assert body.death is not None
        self.assertEqual(body.death.why, "it was bad")
