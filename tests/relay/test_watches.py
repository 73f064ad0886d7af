# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.watches`.
"""

from __future__ import annotations

from typing import NoReturn

from attrs import define
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.watches import MOST_WAITING, Index, Watches
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from tests.relay.watched import FakePlugin

A, B, C = "file:///a", "file:///b", "file:///c"


class IndexTests(SynchronousTestCase):
    """
    Tests for who is concerned by what.
    """

    def test_find(self) -> None:
        """
        Who is concerned is found in the order of coming, and once.
        """
        index: Index[str, int] = Index()
        for who in (2, 1, 2):
            index.add("a", who)
        index.add("b", 3)
        self.assertEqual((index.find("a"), index.find("b"), index.find("c")), ((2, 1), (3,), ()))

    def test_drop(self) -> None:
        """
        Who is concerned no more leaves nothing behind.
        """
        index: Index[str, int] = Index()
        index.add("a", 1)
        index.add("a", 2)
        index.drop("a", 1)
        index.drop("b", 1)
        self.assertEqual(index.find("a"), (2,))
        index.drop("a", 2)
        self.assertEqual(len(index), 0)


@define(eq=False)
class Broken(FakePlugin):
    """
    A plugin that breaks when it is asked.
    """

    def watch(self, uri: str) -> NoReturn:
        """
        Break.
        """
        raise ValueError("broken")


class WatchesTests(SynchronousTestCase):
    """
    Tests for who watches which resource.
    """

    def setUp(self) -> None:
        """
        Have nobody watch.
        """
        self.watches: Watches[str] = Watches()
        self.plugin = FakePlugin()
        self.slow = FakePlugin(ready=False)

    def found(self, uri: str, plugin: FakePlugin | None = None) -> list[str]:
        """
        Tell who is to hear of a change.
        """
        return list(self.watches.find(plugin or self.plugin, uri))

    def test_watched(self) -> None:
        """
        Who watches a resource at a plugin is found by both, and nobody else is.
        """
        for watcher, uri in (("x", A), ("y", A), ("x", B)):
            outcome = self.successResultOf(self.watches.add(watcher, uri, self.plugin))
            self.assertIsInstance(outcome, Answer)
        self.assertEqual(self.plugin.said, [f"+{A}", f"+{A}", f"+{B}"])
        self.assertEqual((self.found(A), self.found(B), self.found(C)), (["x", "y"], ["x"], []))
        self.assertEqual(self.found(A, FakePlugin()), [])
        self.assertEqual(self.watches.of("x"), (A, B))

    def test_part(self) -> None:
        """
        Who watches a resource hears of its parts, and not of what is only named alike.
        """
        for watcher, uri in (("dir", "file:///d"), ("slash", "file:///d/"), ("sub", "file:///d/e")):
            self.watches.add(watcher, uri, self.plugin)
        table = {
            "file:///d": ["dir"],
            "file:///d/": ["slash", "dir"],
            "file:///d/e": ["sub", "dir", "slash"],
            "file:///d/e/f": ["dir", "slash", "sub"],
            "file:///d/e?f=g": ["dir", "slash", "sub"],
            "file:///d#e": ["dir"],
            "file:///de": [],
            "file:///": [],
        }
        self.assertEqual({uri: self.found(uri) for uri in table}, table)

    def test_endless_name(self) -> None:
        """
        A name without end costs no more than one of the usual length.
        """
        self.watches.add("near", "a:/", self.plugin)
        self.watches.add("far", "a:/" + "/b" * 70, self.plugin)
        self.watches.add("long", "a:/" + "b" * 3000, self.plugin)
        self.assertEqual(self.found("a:/" + "/b" * 100_000), ["near"])
        self.assertEqual(self.found("a:/" + "b" * 3000 + "/c"), ["near"])
        self.assertEqual(self.found("a:/" + "/b" * 70), ["far", "near"])

    def test_drop(self) -> None:
        """
        What is watched no more is told to nobody, and the plugin hears of it once.
        """
        self.watches.add("x", A, self.plugin)
        self.watches.drop("x", A)
        self.watches.drop("x", A)
        self.assertEqual((self.plugin.said, self.found(A), len(self.watches)), ([f"+{A}", f"-{A}"], [], 0))

    def test_drop_all(self) -> None:
        """
        Who ends watches nothing more; others do.
        """
        for watcher, uri in (("x", A), ("x", B), ("y", A)):
            self.watches.add(watcher, uri, self.plugin)
        self.watches.drop_all("x")
        self.watches.drop_all("z")
        self.assertEqual(self.plugin.said[3:], [f"-{A}", f"-{B}"])
        self.assertEqual((self.found(A), self.found(B)), (["y"], []))

    def test_twice(self) -> None:
        """
        What is watched already is agreed to without asking the plugin again.
        """
        self.watches.add("x", A, self.plugin)
        self.assertIsInstance(self.successResultOf(self.watches.add("x", A, self.plugin)), Answer)
        self.assertEqual(self.plugin.said, [f"+{A}"])

    def test_impatient(self) -> None:
        """
        Who asks again and again for what is not decided is refused, and what he asked first is.
        """
        asked = [self.watches.add("x", A, self.slow) for _ in range(MOST_WAITING)]
        for _ in range(3):
            failure = self.failureResultOf(self.watches.add("x", A, self.slow), Fault)
            self.assertIs(failure.value.kind, Kind.OVERLOADED)
        other = self.watches.add("y", A, self.slow)
        self.slow.agree(A)
        self.slow.agree(A)
        for each in (*asked, other):
            self.assertIsInstance(self.successResultOf(each), Answer)
        self.assertEqual(self.slow.said, [f"+{A}"] * 2)

    def test_shared(self) -> None:
        """
        Who asks twice before the plugin agrees gets both answers.
        """
        first, second = (self.watches.add("x", A, self.slow) for _ in range(2))
        self.assertNoResult(first)
        self.slow.agree(A)
        for outcome in (first, second):
            self.assertIsInstance(self.successResultOf(outcome), Answer)
        self.assertEqual((self.slow.said, self.found(A, self.slow)), ([f"+{A}"], ["x"]))

    def test_cancelled(self) -> None:
        """
        Who waits no more for the plugin watches nevertheless.
        """
        outcome = self.watches.add("x", A, self.slow)
        outcome.addErrback(lambda _: None).cancel()
        self.slow.agree(A)
        self.assertEqual(self.found(A, self.slow), ["x"])

    def test_refused(self) -> None:
        """
        What the plugin refuses is not watched, and need not be undone.
        """
        outcome = self.watches.add("x", A, self.slow)
        self.slow.refuse(A)
        self.assertIsInstance(self.successResultOf(outcome), Refusal)
        self.assertEqual((self.slow.said, len(self.watches)), ([f"+{A}"], 0))

    def test_failed(self) -> None:
        """
        What the plugin can't be asked is not watched, and can be asked again.
        """
        first, second = (self.watches.add("x", A, self.slow) for _ in range(2))
        self.slow.fail(A, Fault(Kind.PLUGIN_GONE, "gone"))
        for outcome in (first, second):
            self.failureResultOf(outcome, Fault)
        self.assertEqual(len(self.watches), 0)
        self.watches.add("x", A, self.slow)
        self.assertEqual(self.slow.said, [f"+{A}"] * 2)

    def test_broken(self) -> None:
        """
        A plugin that breaks when it is asked has failed like any other.
        """
        self.failureResultOf(self.watches.add("x", A, Broken()), ValueError)
        self.assertEqual(len(self.watches), 0)

    def test_dropped_before(self) -> None:
        """
        What is given up before the plugin agrees is undone when it does, and only then.
        """
        outcome = self.watches.add("x", A, self.slow)
        self.watches.drop("x", A)
        self.assertEqual(self.slow.said, [f"+{A}"])
        self.slow.agree(A)
        self.successResultOf(outcome)
        self.assertEqual((self.slow.said, self.found(A, self.slow)), ([f"+{A}", f"-{A}"], []))

    def test_dropped_before_refusal(self) -> None:
        """
        What is given up before the plugin refuses leaves nothing to undo.
        """
        self.watches.add("x", A, self.slow)
        self.watches.drop("x", A)
        self.slow.refuse(A)
        self.assertEqual((self.slow.said, len(self.watches)), ([f"+{A}"], 0))

    def test_changed_mind(self) -> None:
        """
        Who gives up and asks again watches once, however the answers come.
        """
        self.watches.add("x", A, self.slow)
        self.watches.drop("x", A)
        self.watches.add("x", A, self.slow)
        self.slow.agree(A)
        self.assertEqual((self.slow.said[2:], self.found(A, self.slow)), ([f"-{A}"], []))
        self.slow.agree(A)
        self.assertEqual((self.slow.said[2:], self.found(A, self.slow)), ([f"-{A}"], ["x"]))

    def test_moved(self) -> None:
        """
        A resource that is another plugin's now is watched there, and no more where it was.
        """
        self.watches.add("x", A, self.plugin)
        other = FakePlugin()
        self.watches.add("x", A, other)
        self.assertEqual((self.plugin.said, other.said), ([f"+{A}", f"-{A}"], [f"+{A}"]))
        self.assertEqual((self.found(A), self.found(A, other)), ([], ["x"]))

    def test_settle(self) -> None:
        """
        What the plugins have agreed to by a certain time remains, the rest is undone when it is agreed to.
        """
        for uri, plugin in ((C, self.plugin), (A, self.slow), (B, self.plugin)):
            self.watches.add("x", uri, plugin)
        self.assertEqual(self.watches.of("x"), (C, A, B))
        self.assertEqual(self.watches.settle("x"), (C, B))
        self.assertEqual(self.watches.settle("y"), ())
        self.slow.agree(A)
        self.assertEqual(self.slow.said, [f"+{A}", f"-{A}"])
