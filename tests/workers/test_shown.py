# -*- test-case-name: tests.workers.test_shown -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.shown`.
"""

from __future__ import annotations

from attrs import evolve
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import (
    DefinitionLeftOut,
    Event,
    OfferChanged,
    Publisher,
    RefreshFailed,
    WorkerNoise,
    WorkerSaid,
    WorkerSilenced,
)
from mcpd.wire.offer import Item, Offer, Sort, Template
from mcpd.wire.revision import MODERN
from mcpd.wire.template import UriTemplate
from mcpd.workers.shown import Shown, counts
from tests.workers.stage import members


def prompts(*names: str) -> tuple[Item, ...]:
    """
    Make some prompts.
    """
    return tuple(Item(name, members(name=name)) for name in names)


def offer(*names: str) -> Offer:
    """
    Offer some prompts.
    """
    return Offer(MODERN, prompts=prompts(*names))


class ShownCase(SynchronousTestCase):
    """
    A plugin that shows something.
    """

    def setUp(self) -> None:
        """
        Have shown nothing yet.
        """
        self.clock = Clock()
        self.events: list[Event] = []
        self.changes = 0
        publisher = Publisher()
        publisher.observe(self.events.append)
        self.shown = Shown("files", self.clock, publisher, self.change)

    def change(self) -> None:
        """
        Count the changes.
        """
        self.changes += 1


class OfferTests(ShownCase):
    """
    Tests for what a plugin has, by several workers.
    """

    def greet(self, offer: Offer, *, alone: bool = False) -> tuple[Offer | None, int]:
        """
        Greet one more worker; tell what is shown and how often that has changed.
        """
        self.shown.greet(offer, alone=alone)
        return self.shown.offer, self.changes

    def test_first(self) -> None:
        """
        What the first worker has is shown; before it there is nothing.
        """
        self.assertIsNone(self.shown.offer)
        first = offer("a")
        self.assertEqual(self.greet(first, alone=True), (first, 1))
        self.assertEqual(self.events, [])

    def test_same(self) -> None:
        """
        Another worker that has the same changes nothing.
        """
        self.greet(offer("a"), alone=True)
        shown, changes = self.greet(offer("a"))
        assert shown is not None
        self.assertEqual(([each.name for each in shown.prompts], changes), (["a"], 1))

    def test_changed_meanwhile(self) -> None:
        """
        A worker that has what the first one had at its start takes back no change that was told since.
        """
        self.greet(offer("a"), alone=True)
        later = offer("a", "b")
        self.shown.offered(later, (Sort.PROMPTS,))
        self.assertEqual(self.greet(offer("a")), (later, 2))

    def test_alone(self) -> None:
        """
        Where no other worker is ready, what the only one has is what there is.
        """
        self.greet(offer("a"), alone=True)
        self.shown.offered(offer("a", "b"), (Sort.PROMPTS,))
        again = offer("a")
        self.assertEqual(self.greet(again, alone=True), (again, 3))
        self.assertEqual(self.greet(offer("a"), alone=True)[1], 3)

    def test_another(self) -> None:
        """
        A worker that has something else than the last one had is news.
        """
        self.greet(offer("a"), alone=True)
        other = offer("b")
        self.assertEqual(self.greet(other), (other, 2))
        self.assertEqual(self.greet(offer("b"))[1], 2)

    def test_changed_to_the_same(self) -> None:
        """
        A worker that has at its start what another one told before is no news.
        """
        self.greet(offer("a"), alone=True)
        self.shown.offered(offer("a", "b"), (Sort.PROMPTS,))
        self.assertEqual(self.greet(offer("a", "b"))[1], 2)

    def test_offered(self) -> None:
        """
        A changed list is shown, and the operator reads which it is and how much there is now.
        """
        lists = (Sort.PROMPTS, Sort.TEMPLATES)
        self.shown.offered(offer("a", "b"), lists)
        self.assertEqual(self.events, [OfferChanged("files", "prompts, resource templates", 0, 2, 0)])
        self.assertEqual(self.changes, 1)

    def test_left_out(self) -> None:
        """
        What is left out is told once, whichever worker has it, and again after it was right for a while.
        """
        bad = evolve(offer("a"), left_out=("tool x: bad", "tool y: bad"))
        worse = evolve(bad, left_out=("tool y: bad", "tool z: bad"))
        self.greet(bad, alone=True)
        self.greet(bad)
        self.shown.offered(worse, (Sort.TOOLS,))
        self.shown.offered(offer("a"), (Sort.TOOLS,))
        self.greet(bad)
        self.shown.offered(bad, (Sort.TOOLS,))
        told = [event.why for event in self.events if isinstance(event, DefinitionLeftOut)]
        self.assertEqual(told, ["tool x: bad", "tool y: bad", "tool z: bad", "tool x: bad", "tool y: bad"])

    def test_stale(self) -> None:
        """
        A list that could not be read again is told, and stays as it was.
        """
        first = offer("a")
        self.greet(first, alone=True)
        self.shown.stale(Sort.PROMPTS, "it refused")
        self.assertEqual(self.events, [RefreshFailed("files", "prompts", "it refused")])
        self.assertIs(self.shown.offer, first)

    def test_counts(self) -> None:
        """
        Tools, prompts and resources are counted, templates among the resources.
        """
        template = Template("x:{a}", {}, UriTemplate.read("x:{a}"))
        whole = evolve(offer("a", "b"), resources=prompts("x:a"), templates=(template, template))
        self.assertEqual((counts(None), counts(whole)), ((0, 0, 0), (0, 2, 3)))


class TellingTests(ShownCase):
    """
    Tests for what workers tell beside that.
    """

    def setUp(self) -> None:
        """
        Have somebody who hears of resources.
        """
        super().setUp()
        self.updated: list[str] = []

    def wait(self) -> None:
        """
        Let everything that is due happen.
        """
        for _ in range(5):
            self.clock.advance(0.1)

    def test_touched(self) -> None:
        """
        A resource that has changed is told once a moment, to those who watch it; nobody else waited for it.
        """
        self.assertFalse(self.shown.touched("file:///a"))
        self.shown.watches.watch("file:///a")
        self.shown.updated = self.updated.append
        self.assertEqual([self.shown.touched(uri) for uri in ("file:///a", "file:///a", "file:///a/b", "x:")],
                         [True, True, True, False])  # fmt: skip
        self.assertEqual(self.updated, [])
        self.wait()
        self.assertEqual(self.updated, ["file:///a", "file:///a/b"])

    def test_nobody(self) -> None:
        """
        While nobody wants to hear of resources nothing happens.
        """
        self.shown.watches.watch("a")
        self.assertTrue(self.shown.touched("a"))
        self.wait()
        self.assertEqual((self.events, self.clock.getDelayedCalls()), ([], []))

    def test_end(self) -> None:
        """
        A plugin that is stopped tells nothing more, and leaves nothing behind.
        """
        self.shown.updated = self.updated.append
        self.shown.watches.watch("a")
        self.shown.touched("a")
        self.shown.end()
        self.wait()
        self.assertEqual((self.updated, self.clock.getDelayedCalls()), ([], []))

    def test_said(self) -> None:
        """
        The operator reads what a worker says, with its process id, and finds the last line again.
        """
        self.assertEqual(self.shown.last_words, "")
        self.shown.said(7, "starting")
        self.shown.said(8, "failed")
        self.shown.silenced(8, 100)
        self.assertEqual(self.shown.last_words, "failed")
        told = [WorkerSaid("files", 7, "starting"), WorkerSaid("files", 8, "failed")]
        self.assertEqual(self.events, [*told, WorkerSilenced("files", 8, 100)])

    def test_noise(self) -> None:
        """
        The operator reads what a worker wrote that is no message: its beginning, fit for a terminal.
        """
        self.shown.noise(7, b"\x1b[2J" + b"x" * 500, "it is no JSON")
        self.assertEqual(self.events, [WorkerNoise("files", 7, "it is no JSON", "\\x1b[2J" + "x" * 196)])
