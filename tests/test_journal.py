# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.journal`.
"""

from __future__ import annotations

from attrs import define
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import DaemonStopped, Publisher, WorkerSaid, WorkerStarted
from mcpd.journal import LONGEST, MOST, ROOM, Journal, Line


@define
class Kept:
    """
    A journal, and what tells it.
    """

    clock: Clock
    publisher: Publisher
    journal: Journal

    @classmethod
    def new(cls) -> Kept:
        """
        Make an empty one.
        """
        clock, publisher = Clock(), Publisher()
        journal = Journal(clock.seconds)
        publisher.observe(journal)
        return cls(clock, publisher, journal)


class JournalTests(SynchronousTestCase):
    """
    Tests for the journal.
    """

    def test_lines(self) -> None:
        """
        Each event is kept with its time, its level, its plugin and its sentence, debug ones too.
        """
        kept = Kept.new()
        kept.clock.advance(12.5)
        kept.publisher.tell(WorkerStarted("files", 7))
        kept.publisher.tell(DaemonStopped())
        first = Line(12.5, "debug", "files", "files: worker 7 started")
        self.assertEqual(kept.journal.last(10), [first, Line(12.5, "info", "", "stopped")])

    def test_last(self) -> None:
        """
        The last lines are told, the oldest of them first, of one plugin if it is named.
        """
        kept = Kept.new()
        for number in range(3):
            kept.publisher.tell(WorkerSaid("a", 1, f"a{number}"))
            kept.publisher.tell(WorkerSaid("b", 2, f"b{number}"))
        texts = [line.text for line in kept.journal.last(3)]
        self.assertEqual(texts, ["b: b1", "a: a2", "b: b2"])
        self.assertEqual([line.text for line in kept.journal.last(2, "a")], ["a: a1", "a: a2"])
        self.assertEqual(kept.journal.last(0), [])

    def test_most(self) -> None:
        """
        No more lines are kept than there is room for, however short they are.
        """
        kept = Kept.new()
        for number in range(MOST + 5):
            kept.publisher.tell(WorkerSaid("a", 1, str(number)))
        lines = kept.journal.last(2 * MOST)
        self.assertEqual((len(lines), lines[0].text), (MOST, "a: 5"))

    def test_room(self) -> None:
        """
        Long lines are cut, and give way to later ones before they fill the memory.
        """
        kept = Kept.new()
        for _ in range(ROOM // LONGEST + 5):
            kept.publisher.tell(WorkerSaid("a", 1, "x" * (2 * LONGEST)))
        lines = kept.journal.last(MOST)
        self.assertEqual({len(line.text) for line in lines}, {LONGEST})
        self.assertEqual(len(lines), ROOM // LONGEST)

    def test_follow(self) -> None:
        """
        Who follows a plugin hears its later lines, until that is enough.
        """
        kept = Kept.new()
        everything: list[Line] = []
        own: list[Line] = []
        kept.publisher.tell(WorkerSaid("a", 1, "before"))
        kept.journal.follow(everything.append)
        cancel = kept.journal.follow(own.append, "a")
        kept.publisher.tell(WorkerSaid("a", 1, "one"))
        kept.publisher.tell(WorkerSaid("b", 1, "two"))
        cancel()
        cancel()
        kept.publisher.tell(WorkerSaid("a", 1, "three"))
        self.assertEqual([line.text for line in everything], ["a: one", "b: two", "a: three"])
        self.assertEqual([line.text for line in own], ["a: one"])
