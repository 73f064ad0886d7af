# -*- test-case-name: tests.workers.test_listening -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.listening`.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Notice, Refusal
from mcpd.workers.listening import Listening
from tests.workers.stage import Partner, members

LISTEN = "subscriptions/listen"
CANCELLED = "notifications/cancelled"


def on(number: object, **params: Any) -> Notice:
    """
    Make a notice that a listen carries.
    """
    meta = {"io.modelcontextprotocol/subscriptionId": number}
    return Notice("notifications/x", members(_meta=meta, **params))


class ListeningCase(SynchronousTestCase):
    """
    A modern worker whose part the test plays.
    """

    def setUp(self) -> None:
        """
        Listen to nothing yet.
        """
        self.partner = Partner()
        self.missed = 0
        self.listening = self.listen()

    def listen(self, *lists: str) -> Listening:
        """
        Make what listens.
        """
        return Listening(self.partner.clock, self.partner.peer, lists, 10, self.miss)

    def miss(self) -> None:
        """
        Count how often something may have been missed.
        """
        self.missed += 1

    def filters(self) -> list[Any]:
        """
        Tell the filters of the listens since the last time.
        """
        return [params["notifications"] for method, params in self.partner.said() if method == LISTEN]

    def agree(self, *uris: str) -> int:
        """
        Acknowledge the last listen.
        """
        number = self.partner.number(LISTEN)
        acknowledged = on(number, notifications={"resourceSubscriptions": uris})
        self.assertTrue(self.listening.acknowledged(acknowledged))
        return number

    def watched(self, *uris: str) -> int:
        """
        Watch these.
        """
        watching = [self.listening.watch(uri) for uri in uris]
        self.partner.wait(0)
        number = self.agree(*uris)
        for each in watching:
            self.successResultOf(each)
        self.partner.said()
        return number

    def fault(self, watching: Deferred[Answer | Refusal]) -> Fault:
        """
        Tell how a watch failed.
        """
        value = self.failureResultOf(watching, Fault).value
        assert isinstance(value, Fault)
        return value


class FilterTests(ListeningCase):
    """
    Tests for what is listened to.
    """

    def test_nothing(self) -> None:
        """
        Where nothing is told nothing is listened to.
        """
        self.listening.begin()
        self.assertEqual(self.partner.said(), [])

    def test_lists(self) -> None:
        """
        The lists whose changes are told are listened to from the start.
        """
        self.listening = self.listen("toolsListChanged", "promptsListChanged")
        self.listening.begin()
        self.assertEqual(self.filters(), [{"toolsListChanged": True, "promptsListChanged": True}])

    def test_union(self) -> None:
        """
        What is watched in one turn is listened to at once, with the rest; the old listen ends after that.
        """
        self.listening = self.listen("toolsListChanged")
        self.listening.begin()
        first = self.agree()
        self.partner.said()
        watching = [self.listening.watch(uri) for uri in ("b", "a")]
        self.partner.wait(0)
        self.assertEqual(
            [each["params"]["notifications"] for each in self.partner.sent],
            [{"toolsListChanged": True, "resourceSubscriptions": ["a", "b"]}],
        )
        self.assertTrue(self.listening.owns(on(first)))
        second = self.agree("a", "b")
        self.assertEqual(self.partner.said()[-1][1]["requestId"], first)
        self.assertTrue(self.listening.owns(on(second)))
        self.assertFalse(self.listening.owns(on(first)))
        for each in watching:
            self.assertIsInstance(self.successResultOf(each), Answer)

    def test_unwatched(self) -> None:
        """
        What is watched no longer is left out of the next listen; the last one ends it.
        """
        number = self.watched("a", "b")
        self.listening.unwatch("a")
        self.partner.wait(0)
        self.assertEqual(self.partner.sent[0]["params"]["notifications"], {"resourceSubscriptions": ["b"]})
        last = self.agree("b")
        self.assertEqual(self.partner.said()[-1][1]["requestId"], number)
        self.listening.unwatch("b")
        self.partner.wait(0)
        [(method, params)] = self.partner.said()
        self.assertEqual((method, params["requestId"]), (CANCELLED, last))

    def test_back(self) -> None:
        """
        What is unwatched and watched in one turn changes nothing.
        """
        self.watched("a")
        self.listening.unwatch("a")
        self.successResultOf(self.listening.watch("a"))
        self.partner.wait(0)
        self.assertEqual(self.partner.said(), [])

    def test_meanwhile(self) -> None:
        """
        While one listen is not acknowledged there is no second; what changed then is said after it.
        """
        first = self.listening.watch("a")
        self.partner.wait(0)
        second = self.listening.watch("b")
        self.partner.wait(0)
        self.assertEqual(len(self.partner.sent), 1)
        self.agree("a")
        self.successResultOf(first)
        self.assertNoResult(second)
        self.partner.wait(0)
        self.agree("a", "b")
        self.successResultOf(second)

    def test_refused(self) -> None:
        """
        A resource that the worker does not agree to tell is refused; the others are told.
        """
        first, second = self.listening.watch("a"), self.listening.watch("b")
        self.partner.wait(0)
        self.agree("b")
        self.assertIs(self.fault(first).kind, Kind.PARAMS)
        self.successResultOf(second)
        self.partner.said()
        self.partner.wait(0)
        self.assertEqual(self.partner.said(), [])


class NoticeTests(ListeningCase):
    """
    Tests for what a worker tells.
    """

    def test_foreign(self) -> None:
        """
        A notice that carries no number, or another one, is not ours.
        """
        self.assertFalse(self.listening.owns(on(1)))
        number = self.watched("a")
        self.assertTrue(self.listening.owns(on(str(number))))
        for notice in (on(number + 1), on(None), Notice("x", {}), Notice("x", members(_meta=1))):
            self.assertFalse(self.listening.owns(notice))
            self.assertFalse(self.listening.acknowledged(notice))

    def test_acknowledged_twice(self) -> None:
        """
        An acknowledgement that comes twice, or for another listen, changes nothing.
        """
        number = self.watched("a")
        self.assertFalse(self.listening.acknowledged(on(number)))
        self.listening.watch("b")
        self.partner.wait(0)
        self.assertFalse(self.listening.acknowledged(on(number)))

    def test_nonsense(self) -> None:
        """
        An acknowledgement that says nothing agrees to nothing.
        """
        nonsense: tuple[Any, ...] = (None, [], {"resourceSubscriptions": 1}, {"resourceSubscriptions": [1]})
        for agreed in nonsense:
            watching = self.listening.watch("a")
            self.partner.wait(0)
            number = self.partner.number(LISTEN)
            self.assertTrue(self.listening.acknowledged(on(number, notifications=agreed)))
            self.fault(watching)
            self.listening.unwatch("a")


class EndTests(ListeningCase):
    """
    Tests for listens that end.
    """

    def end(self) -> None:
        """
        Let the worker end the last listen.
        """
        self.partner.answer(LISTEN)

    def test_again(self) -> None:
        """
        A listen that the worker ends, in whatever way, is opened again after a pause that doubles.
        """
        self.listening = self.listen("toolsListChanged")
        self.listening.begin()
        pause = 1.0
        for turn in range(9):
            self.agree()
            self.assertEqual(self.missed, turn)
            match turn % 3:
                case 0:
                    self.end()
                case 1:
                    self.partner.refuse(LISTEN, -32000)
                case _:
                    self.partner.hear(method=CANCELLED, params={"requestId": self.partner.number(LISTEN)})
            self.partner.said()
            self.partner.wait(pause - 0.1)
            self.assertEqual(self.partner.sent, [])
            self.partner.wait(0.2)
            self.assertEqual(len(self.partner.sent), 1)
            pause = min(pause * 2, 60)

    def test_forgiven(self) -> None:
        """
        A listen that lasted for more than a minute is soon opened again.
        """
        self.listening = self.listen("toolsListChanged")
        self.listening.begin()
        for lived in (0, 61):
            self.agree()
            self.partner.wait(lived)
            self.end()
            self.partner.said()
            self.partner.wait(1)
            self.assertEqual([each["method"] for each in self.partner.sent], [LISTEN])

    def test_watched(self) -> None:
        """
        What is watched is watched again with the next listen.
        """
        self.watched("a")
        self.listening.watch("b")
        self.partner.wait(0)
        self.agree("a", "b")
        self.end()
        self.partner.said()
        self.partner.wait(1)
        self.assertEqual(self.filters(), [{"resourceSubscriptions": ["a", "b"]}])

    def test_unknown(self) -> None:
        """
        A worker that knows no listens tells no changes, and is not asked again.
        """
        watching = self.listening.watch("a")
        self.partner.wait(0)
        self.partner.refuse(LISTEN, -32601)
        self.assertIs(self.fault(watching).kind, Kind.PARAMS)
        self.assertIs(self.fault(self.listening.watch("b")).kind, Kind.PARAMS)
        self.partner.said()
        self.partner.wait(100)
        self.assertEqual(self.partner.said(), [])

    def test_not_opened(self) -> None:
        """
        A watch whose listen is refused has the worker's reason, and what was watched before stays.
        """
        number = self.watched("a")
        watching = self.listening.watch("b")
        self.partner.wait(0)
        self.partner.refuse(LISTEN, -32000)
        refusal = self.successResultOf(watching)
        assert isinstance(refusal, Refusal)
        self.assertEqual(refusal.code, -32000)
        self.assertTrue(self.listening.owns(on(number)))
        self.partner.said()
        self.partner.wait(100)
        self.assertEqual((self.partner.said(), self.missed), ([], 0))

    def test_cancelled_unopened(self) -> None:
        """
        A watch whose listen ends before it began fails.
        """
        watching = self.listening.watch("a")
        self.partner.wait(0)
        self.end()
        self.assertIs(self.fault(watching).kind, Kind.PLUGIN_UNAVAILABLE)

    def test_silence(self) -> None:
        """
        A listen that is not acknowledged in time is given up.
        """
        watching = self.listening.watch("a")
        self.partner.wait(0)
        self.partner.wait(9.9)
        self.assertNoResult(watching)
        self.partner.wait(0.1)
        self.assertIs(self.fault(watching).kind, Kind.PLUGIN_UNAVAILABLE)
        self.assertEqual([method for method, _ in self.partner.said()], [LISTEN, CANCELLED])

    def test_gone(self) -> None:
        """
        When the worker is gone who waits is told so, and nothing is opened any more.
        """
        gone = Fault(Kind.PLUGIN_GONE, "gone")
        self.watched("a")
        waiting = self.listening.watch("b")
        self.listening.end(gone)
        self.assertIs(self.fault(waiting), gone)
        self.listening.unwatch("a")
        self.assertEqual(self.partner.clock.getDelayedCalls(), [])

    def test_gone_unopened(self) -> None:
        """
        So it is while a listen is not acknowledged.
        """
        waiting = self.listening.watch("b")
        self.partner.wait(0)
        self.listening.end(Fault(Kind.PLUGIN_GONE, "gone"))
        self.fault(waiting)
        self.assertEqual(self.partner.clock.getDelayedCalls(), [])
