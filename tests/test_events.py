# -*- test-case-name: tests.test_events -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.events`.
"""

from __future__ import annotations

from string import Formatter

from attrs import asdict, fields
from attrs.exceptions import FrozenInstanceError
from twisted.trial.unittest import SynchronousTestCase

from mcpd.events import (
    ConfigurationRefused,
    ConfigurationReloaded,
    DaemonStopped,
    Event,
    Incident,
    Level,
    OfferChanged,
    Publisher,
    RefreshFailed,
    WorkerReady,
    WorkerSaid,
)


def named(sentence: str) -> set[str]:
    """
    Tell the names that a sentence has in braces.
    """
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


class EventTests(SynchronousTestCase):
    """
    Tests for what can be told.
    """

    def test_sentences(self) -> None:
        """
        Each event has a sentence of its own, which names nothing that the event does not have.
        """
        kinds = Event.__subclasses__()
        for kind in kinds:
            self.assertTrue(kind.sentence, kind)
            self.assertLessEqual(named(kind.sentence), {one.name for one in fields(kind)}, kind)
        self.assertEqual(len({kind.sentence for kind in kinds}), len(kinds))

    def test_levels(self) -> None:
        """
        What nobody expected is an error, what an operator should look at a warning, and the rest is not.
        """
        self.assertIs(Incident("1", "").level, Level.ERROR)
        self.assertIs(DaemonStopped().level, Level.INFO)
        levels = {kind.__name__: kind.level for kind in Event.__subclasses__()}
        warned = {name for name, level in levels.items() if level is Level.WARN}
        self.assertLess({"WorkerEnded", "LeftoversKilled", "ChangeWaits"}, warned)
        errors = {name for name, level in levels.items() if level is Level.ERROR}
        self.assertLess({"StoreUnwritable", "ConfigurationRefused"}, errors)
        self.assertNotIn("WorkerStopped", warned)

    def test_frozen(self) -> None:
        """
        An event says the same to whoever hears it.
        """
        event = WorkerReady("files", 7, 0.5, "2026-07-28", 3, 1, 2)
        with self.assertRaises(FrozenInstanceError):
            event.pid = 8  # type: ignore[misc]  # what must not work
        self.assertEqual(event, WorkerReady("files", 7, 0.5, "2026-07-28", 3, 1, 2))

    def test_reloaded(self) -> None:
        """
        What became of another configuration reads as one line, and each problem of a wrong one has its own.
        """
        event = ConfigurationReloaded("a, b", "nothing", "c")
        said = "configuration reloaded: added a, b; removed nothing; changed c"
        self.assertEqual(event.sentence.format(**asdict(event)), said)
        refused = ConfigurationRefused("x.toml:1: a\nx.toml:2: b")
        self.assertEqual(refused.sentence.format(**asdict(refused)).count("x.toml:"), 2)

    def test_written(self) -> None:
        """
        A sentence with an event's own fields in it reads as one line.
        """
        event = WorkerSaid("files", 7, "hello")
        said = event.sentence.format(plugin=event.plugin, line=event.line)
        self.assertEqual(said, "files: hello")

    def test_counts(self) -> None:
        """
        The operator reads how much a plugin has, when it is ready and when that changes.
        """
        ready = WorkerReady("files", 7, 0.5, "2026-07-28", 3, 1, 2)
        changed = OfferChanged("files", "tools", 4, 1, 2)
        self.assertTrue(ready.sentence.format(**asdict(ready)).endswith("3 tools, 1 prompts, 2 resources"))
        self.assertEqual(
            changed.sentence.format(**asdict(changed)),
            "files: its tools have changed: it has 4 tools, 1 prompts, 2 resources now",
        )
        self.assertIs(RefreshFailed("files", "tools", "no").level, Level.WARN)


class PublisherTests(SynchronousTestCase):
    """
    Tests for who passes events on.
    """

    def test_order(self) -> None:
        """
        Every observer hears every event, in the order in which they came to listen.
        """
        heard: list[tuple[str, Event]] = []
        publisher = Publisher()
        publisher.tell(DaemonStopped())
        publisher.observe(lambda event: heard.append(("first", event)))
        publisher.observe(lambda event: heard.append(("second", event)))
        event = DaemonStopped()
        publisher.tell(event)
        self.assertEqual(heard, [("first", event), ("second", event)])
