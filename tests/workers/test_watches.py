# -*- test-case-name: tests.workers.test_watches -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.watches`.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred, fail
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.workers.watches import Watches

GONE = Fault(Kind.PLUGIN_GONE, "gone")


@define(eq=False)
class Plugin:
    """
    A worker that tells what changes (:class:`mcpd.workers.watches.Teller`).

    Attributes:
        said: What it was asked, in order.
        asked: The answers that are due.
        refusing: Whether it refuses at once.
    """

    said: list[str] = field(factory=list)
    asked: dict[str, Deferred[Answer | Refusal]] = field(factory=dict)
    refusing: bool = False

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Remember it.
        """
        self.said.append(f"+{uri}")
        self.asked[uri] = fail(GONE) if self.refusing else Deferred()
        return self.asked[uri]

    def unwatch(self, uri: str) -> None:
        """
        Remember it.
        """
        self.said.append(f"-{uri}")

    def agree(self, uri: str) -> None:
        """
        Answer.
        """
        self.asked.pop(uri).callback(Answer(b"1", {}))


class WatchesTests(SynchronousTestCase):
    """
    Tests for what is watched.
    """

    def setUp(self) -> None:
        """
        Have a worker, and nothing watched.
        """
        self.plugin = Plugin()
        self.watches = Watches()
        self.watches.begin(self.plugin)

    def test_shared(self) -> None:
        """
        Whoever watches the same resource shares one subscription, from the first to the last.
        """
        first, second = self.watches.watch("a"), self.watches.watch("a")
        self.assertNoResult(first)
        self.plugin.agree("a")
        self.successResultOf(first)
        self.successResultOf(second)
        self.successResultOf(self.watches.watch("a"))
        for _ in range(3):
            self.assertEqual(self.plugin.said, ["+a"])
            self.watches.unwatch("a")
        self.assertEqual(self.plugin.said, ["+a", "-a"])
        self.assertFalse(self.watches.covers("a"))

    def test_refused(self) -> None:
        """
        All who wait share a refusal, and the next one asks again.
        """
        first, second = self.watches.watch("a"), self.watches.watch("a")
        refusal = Refusal(b"1", -32002, "no", None)
        self.plugin.asked["a"].callback(refusal)
        self.assertEqual((self.successResultOf(first), self.successResultOf(second)), (refusal, refusal))
        self.assertFalse(self.watches.covers("a"))
        third = self.watches.watch("a")
        self.plugin.asked["a"].errback(GONE)
        self.assertIs(self.failureResultOf(third).value, GONE)
        self.assertEqual(self.plugin.said, ["+a", "+a"])

    def test_at_once(self) -> None:
        """
        A worker may refuse at once.
        """
        self.plugin.refusing = True
        self.failureResultOf(self.watches.watch("a"), Fault)

    def test_next(self) -> None:
        """
        The next worker tells what is watched and what was asked meanwhile; its refusal ends no watch.
        """
        watched = self.watches.watch("a")
        self.plugin.agree("a")
        self.successResultOf(watched)
        self.watches.end(self.plugin)
        waiting = self.watches.watch("b")
        later = Plugin()
        self.watches.begin(later)
        self.assertEqual(later.said, ["+a", "+b"])
        later.asked["a"].errback(GONE)
        later.agree("b")
        self.successResultOf(waiting)
        self.assertTrue(self.watches.covers("a"))
        self.watches.end(later)
        self.watches.unwatch("a")
        self.assertEqual((self.plugin.said, later.said), (["+a"], ["+a", "+b"]))
        last = Plugin()
        self.watches.begin(last)
        self.assertEqual(last.said, ["+b"])

    def test_given_up(self) -> None:
        """
        A watch that ends while the next worker is asked for it is not taken for another's.
        """
        self.watches.watch("a")
        self.plugin.agree("a")
        self.watches.end(self.plugin)
        later = Plugin()
        self.watches.begin(later)
        first = later.asked["a"]
        self.watches.unwatch("a")
        again = self.watches.watch("a")
        self.assertEqual(later.said, ["+a", "-a", "+a"])
        first.callback(Answer(b"1", {}))
        self.assertNoResult(again)
        later.agree("a")
        self.successResultOf(again)

    def test_hopeless(self) -> None:
        """
        Who waits for a worker that does not come is told so; who watches already may hear of it later.
        """
        self.watches.watch("a")
        self.plugin.agree("a")
        self.watches.end(self.plugin)
        waiting = self.watches.watch("b")
        self.watches.refuse(GONE)
        self.failureResultOf(waiting, Fault)
        self.assertEqual((self.watches.covers("a"), self.watches.covers("b")), (True, False))

    def test_foreign_end(self) -> None:
        """
        The end of a worker that was never asked changes nothing.
        """
        self.watches.end(Plugin())
        self.watches.watch("a")
        self.assertEqual(self.plugin.said, ["+a"])

    def test_covers(self) -> None:
        """
        What begins with what is watched is told, too.
        """
        for uri in ("file:///a", "x:1"):
            self.watches.watch(uri)
        cases = {"file:///a": True, "file:///a/b": True, "file:///b": False, "file://": False, "x:12": True}
        for uri, covered in cases.items():
            self.assertEqual(self.watches.covers(uri), covered, uri)
        self.assertFalse(self.watches.covers("file:///a" + "/" * 2048))

    def test_bounded(self) -> None:
        """
        Neither many nor long URIs fill the memory.
        """
        self.failureResultOf(self.watches.watch("a" * 2049), Fault)
        for number in range(10_000):
            self.watches.watch(str(number))
        refused = self.failureResultOf(self.watches.watch("one more"), Fault).value
        assert isinstance(refused, Fault)
        self.assertIs(refused.kind, Kind.PLUGIN_UNAVAILABLE)
        self.assertNoResult(self.watches.watch("1"))

    def test_bytes(self) -> None:
        """
        What is watched has no more than a mebibyte of names, and there is room again for what is given up.
        """
        long = [f"x:{number:04}" + "x" * 2042 for number in range(513)]
        for uri in long[:512]:
            self.watches.watch(uri)
            self.plugin.agree(uri)
        fault = self.failureResultOf(self.watches.watch("x:"), Fault).value
        assert isinstance(fault, Fault)
        self.assertIs(fault.kind, Kind.PLUGIN_UNAVAILABLE)
        self.watches.unwatch(long[0])
        self.assertNoResult(self.watches.watch(long[512]))


class SeveralTests(SynchronousTestCase):
    """
    Tests for plugins that have several workers at the same time.
    """

    def setUp(self) -> None:
        """
        Have two workers.
        """
        self.first, self.second = Plugin(), Plugin()
        self.watches = Watches()
        self.watches.begin(self.first)
        self.watches.begin(self.second)

    def test_all_tell(self) -> None:
        """
        Every worker is told what is watched, and when it is not any more.
        """
        watching = self.watches.watch("a")
        self.assertEqual((self.first.said, self.second.said), (["+a"], ["+a"]))
        self.second.agree("a")
        self.assertNoResult(watching)
        self.first.agree("a")
        self.successResultOf(watching)
        self.watches.unwatch("a")
        self.assertEqual((self.first.said, self.second.said), (["+a", "-a"], ["+a", "-a"]))

    def test_other_refuses(self) -> None:
        """
        A worker that does not tell does no harm where the first one does.
        """
        watching = self.watches.watch("a")
        self.second.asked["a"].errback(GONE)
        self.first.agree("a")
        self.successResultOf(watching)
        self.assertTrue(self.watches.covers("a"))

    def test_first_refuses(self) -> None:
        """
        What the first worker refuses is not watched, and no other worker is left telling it.
        """
        watching = self.watches.watch("a")
        self.second.agree("a")
        self.first.asked["a"].callback(Refusal(b"1", -32002, "no", None))
        self.assertIsInstance(self.successResultOf(watching), Refusal)
        self.assertFalse(self.watches.covers("a"))
        self.assertEqual((self.first.said, self.second.said), (["+a"], ["+a", "-a"]))

    def test_first_refuses_at_once(self) -> None:
        """
        Nor is one if it refuses at once.
        """
        self.first.refusing = True
        self.failureResultOf(self.watches.watch("a"), Fault)
        self.assertEqual((self.first.said, self.second.said), (["+a"], ["+a", "-a"]))

    def test_first_ends(self) -> None:
        """
        When the first worker ends its watches go on, and the next one is asked what is watched from now on.
        """
        self.watches.watch("a")
        self.first.agree("a")
        self.watches.end(self.first)
        watching = self.watches.watch("b")
        self.assertEqual((self.first.said, self.second.said), (["+a"], ["+a", "+b"]))
        self.second.agree("b")
        self.successResultOf(watching)
        self.assertTrue(self.watches.covers("a"))

    def test_later(self) -> None:
        """
        One more worker is told what is watched already; its answer decides nothing.
        """
        watching = self.watches.watch("a")
        third = Plugin()
        self.watches.begin(third)
        self.assertEqual((third.said, self.first.said, self.second.said), (["+a"], ["+a"], ["+a"]))
        third.asked["a"].errback(GONE)
        self.first.agree("a")
        self.successResultOf(watching)
