# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.resources`.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay.resources import IMPATIENCE, InTurn, Resources, ranked
from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Notice, Refusal
from mcpd.wire.template import UriTemplate
from tests.relay.goods import FakePlugin, members


class ResourcesTests(SynchronousTestCase):
    """
    Tests for who has which resource.
    """

    def setUp(self) -> None:
        """
        Make three plugins with resources and templates.
        """
        self.a, self.b, self.c = FakePlugin(), FakePlugin(), FakePlugin()
        self.resources = Resources(
            {"x://1": self.c, "x://{id}": self.a},
            [
                (UriTemplate.read("x://{id}"), self.a),
                (UriTemplate.read("{+any}"), self.b),
                (UriTemplate.read("x://{+path}"), self.a),
                (UriTemplate.read("x://{id}"), self.c),
            ],
        )

    def test_listed(self) -> None:
        """
        A listed resource is read at the plugin that lists it, whatever templates others have.
        """
        self.assertEqual(self.resources.readers("x://1"), (self.c,))

    def test_templates(self) -> None:
        """
        Any other is looked for at each plugin with a template for it, once, in the configuration's order.
        """
        self.assertEqual(self.resources.readers("x://2"), (self.a, self.b, self.c))
        self.assertEqual(self.resources.readers("x://2/3"), (self.b, self.a))
        self.assertEqual(self.resources.readers("y://2"), (self.b,))

    def test_template_text(self) -> None:
        """
        A template is found by its text.
        """
        self.assertEqual(self.resources.readers("x://{id}"), (self.a,))

    def test_nobody(self) -> None:
        """
        What fits no template is nobody's, unless there is somebody for everything else.
        """
        self.assertEqual(Resources().readers("x://1"), ())
        self.assertEqual(Resources(others=(self.a,)).readers("x://1"), (self.a,))

    def test_long(self) -> None:
        """
        A URI of more than 2,048 characters is compared with no template, but found where it is listed.
        """
        long = "x://" + "y" * 2045
        self.assertEqual(self.resources.readers(long), ())
        self.assertEqual(self.resources.readers(long[:-1]), (self.a, self.b, self.c))
        self.assertEqual(Resources({long: self.a}).readers(long), (self.a,))

    def test_ranked(self) -> None:
        """
        Who means just this is asked before who has something for everything; else the order stays.
        """
        texts = ("{+any}", "x://{a}", "x://y/{b}", "z://{c}")
        templates = [(UriTemplate.read(text), self.a) for text in texts]
        found = [template.text for template, _ in ranked(templates)]
        self.assertEqual(found, ["x://y/{b}", "x://{a}", "z://{c}", "{+any}"])


class Broken(FakePlugin):
    """
    A plugin at which asking fails as a mistake of ours would.
    """

    def ask(self, call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
        """
        Fail.
        """
        raise ArithmeticError


class Ears:
    """
    A :class:`mcpd.wire.call.Listener` of what nobody says.
    """

    caller = "key:a"
    place = ""

    def notice(self, notice: Notice) -> None:
        """
        Hear it.
        """


class InTurnTests(SynchronousTestCase):
    """
    Tests for asking several plugins for one resource.
    """

    def setUp(self) -> None:
        """
        Make three plugins and a call.
        """
        self.clock = Clock()
        self.plugins = [FakePlugin(), FakePlugin(), FakePlugin()]
        self.call = Call("resources/read", members(uri="x://1"), {})

    def ask(self, count: int = 3) -> Deferred[Answer | Refusal]:
        """
        Ask the first of them.
        """
        return InTurn.ask(self.clock, self.plugins[:count], self.call, Ears())

    def say(self, place: int, outcome: Answer | Refusal | Fault | None = None) -> Answer | Refusal | Fault:
        """
        Let the plugin at a place answer; unless told, that it does not have the resource.
        """
        said = Refusal(b"1", -32002, f"not at {place}", None) if outcome is None else outcome
        if isinstance(said, Fault):
            self.plugins[place].outcomes[0].errback(said)
        else:
            self.plugins[place].outcomes[0].callback(said)
        return said

    def asked(self) -> list[int]:
        """
        Tell how often each was asked.
        """
        return [len(plugin.asked) for plugin in self.plugins]

    def test_first(self) -> None:
        """
        Where the first plugin has the resource, no other hears of it.
        """
        outcome = self.ask()
        self.assertNoResult(outcome)
        answer = self.say(0, Answer(b"1", members(contents=[])))
        self.assertIs(self.successResultOf(outcome), answer)
        self.assertEqual(self.asked(), [1, 0, 0])

    def test_next(self) -> None:
        """
        Where it says in the words of either era that it has not, the next one is asked the same.
        """
        outcome = self.ask()
        self.say(0)
        self.say(1, Refusal(b"1", -32602, "unknown resource", None))
        self.assertNoResult(outcome)
        self.assertIs(self.plugins[2].asked[0], self.call)
        answer = self.say(2, Answer(b"1", members(contents=[])))
        self.assertIs(self.successResultOf(outcome), answer)

    def test_nobody(self) -> None:
        """
        Where no plugin has it, the client is told what the last one said.
        """
        for count in (1, 2, 3):
            self.setUp()
            outcome = self.ask(count)
            said = [self.say(place) for place in range(count)]
            self.assertIs(self.successResultOf(outcome), said[-1])

    def test_other_refusal(self) -> None:
        """
        A plugin that has the resource but can't give it is not passed over.
        """
        outcome = self.ask()
        refusal = self.say(0, Refusal(b"1", -32603, "the disk is gone", None))
        self.assertIs(self.successResultOf(outcome), refusal)
        self.assertEqual(self.asked(), [1, 0, 0])

    def test_down(self) -> None:
        """
        A plugin that is down does not keep a client from what another one has, or has not.
        """
        for kind in (Kind.PLUGIN_GONE, Kind.PLUGIN_UNAVAILABLE):
            self.setUp()
            outcome = self.ask()
            self.say(0, Fault(kind, "down"))
            refusal = self.say(1)
            self.say(2, Fault(kind, "down, too"))
            self.assertIs(self.successResultOf(outcome), refusal)

    def test_all_down(self) -> None:
        """
        Where all are down the client is told that.
        """
        for count in (1, 2, 3):
            self.setUp()
            outcome = self.ask(count)
            for place in range(count):
                fault = self.say(place, Fault(Kind.PLUGIN_UNAVAILABLE, f"down: {place}"))
            self.assertIs(self.failureResultOf(outcome, Fault).value, fault)

    def test_late(self) -> None:
        """
        A plugin that takes too long does not fail what another one has.
        """
        outcome = self.ask()
        self.say(0, Fault(Kind.DEADLINE, "too long"))
        answer = self.say(1, Answer(b"1", members(contents=[])))
        self.assertIs(self.successResultOf(outcome), answer)
        self.assertEqual(self.asked(), [1, 1, 0])

    def test_slow(self) -> None:
        """
        While a plugin takes its time the next ones are asked, too; the first answer counts.
        """
        outcome = self.ask()
        self.clock.advance(IMPATIENCE - 0.1)
        self.assertEqual(self.asked(), [1, 0, 0])
        self.clock.advance(0.1)
        self.assertEqual(self.asked(), [1, 1, 0])
        self.clock.advance(IMPATIENCE)
        self.say(1)
        self.clock.advance(IMPATIENCE)
        self.assertEqual(self.asked(), [1, 1, 1])
        self.assertNoResult(outcome)
        answer = self.say(2, Answer(b"1", members(contents=[])))
        self.assertIs(self.successResultOf(outcome), answer)
        self.assertEqual([plugin.cancelled for plugin in self.plugins], [1, 0, 0])
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_slow_but_right(self) -> None:
        """
        A plugin that takes its time may still be the one that has it.
        """
        outcome = self.ask(2)
        self.clock.advance(IMPATIENCE)
        self.say(1)
        self.assertNoResult(outcome)
        answer = self.say(0, Answer(b"1", members(contents=[])))
        self.assertIs(self.successResultOf(outcome), answer)
        self.assertEqual([plugin.cancelled for plugin in self.plugins], [0, 0, 0])

    def test_unexpected(self) -> None:
        """
        What nobody foresaw is the outcome, and nothing stays behind.
        """
        outcome = InTurn.ask(self.clock, [Broken(), self.plugins[0]], self.call, Ears())
        self.failureResultOf(outcome, ArithmeticError)
        self.assertEqual((self.asked(), self.clock.getDelayedCalls()), ([0, 0, 0], []))

    def test_cancel(self) -> None:
        """
        A client that gives up cancels the call that runs, and nobody else is asked.
        """
        for count in (1, 2, 3):
            self.setUp()
            outcome = self.ask(count)
            if count > 1:
                self.say(0)
            outcome.cancel()
            self.failureResultOf(outcome, CancelledError)
            cancelled = [plugin.cancelled for plugin in self.plugins]
            running = min(count - 1, 1)
            self.assertEqual(cancelled, [int(place == running) for place in range(3)])
            self.assertEqual(sum(self.asked()), running + 1)
            self.assertEqual(self.clock.getDelayedCalls(), [])
