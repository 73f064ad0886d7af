# -*- test-case-name: tests.workers.test_greeting -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.workers.greeting`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd import __version__
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.offer import Offer
from mcpd.workers.greeting import Greeting, Protocol, Rude
from mcpd.workers.known import Known
from mcpd.workers.lists import Lists
from mcpd.workers.peer import Peer

US = {"name": "mcpd", "version": __version__}
STAMP = {
    "_meta": {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": US,
        "io.modelcontextprotocol/clientCapabilities": {},
    }
}
DISCOVERED = {
    "resultType": "complete",
    "supportedVersions": ["2026-07-28"],
    "capabilities": {"tools": {"listChanged": True}},
    "instructions": "Use it well.",
}
HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {}},
    "serverInfo": {"name": "x", "version": "1"},
    "instructions": "Be kind.",
}
SCHEMA = {"type": "object"}


class GreetingCase(SynchronousTestCase):
    """
    A handshake with a worker whose part the test plays.
    """

    def setUp(self) -> None:
        """
        Have nobody to greet yet.
        """
        self.clock = Clock()
        self.sent: list[Any] = []
        self.last = 0

    def shake(self, protocol: Protocol = "auto", patience: float = 10) -> Deferred[Offer]:
        """
        Begin; of a worker that says nothing more is asked after five seconds.
        """
        self.peer = Peer(self.clock, self.send, lambda line, why: None, lambda: False)
        self.known: list[Known] = []
        lists = Lists(self.clock, self.peer, 10)
        self.greeting = Greeting(self.clock, self.peer, lists, protocol, patience, 5, self.known.append)
        return Deferred.fromCoroutine(self.greeting.shake())

    def send(self, data: bytes) -> int:
        """
        Remember what was said; nothing ever waits.
        """
        message = json.loads(data)
        self.sent.append(message)
        self.last = message.get("id", self.last)
        return 0

    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.clock.advance(seconds)
        self.peer.expire()

    def methods(self) -> list[str]:
        """
        Tell what was said since the last time, without params.
        """
        return [method for method, _ in self.said()]

    def said(self) -> list[Any]:
        """
        Tell what was said since the last time: methods and params.
        """
        sent, self.sent = self.sent, []
        return [(each["method"], each["params"]) for each in sent]

    def answer(self, **result: Any) -> None:
        """
        Answer the last request.
        """
        self.say(result=result)

    def refuse(self, code: int, **data: Any) -> None:
        """
        Answer the last request with an error.
        """
        self.say(error={"code": code, "message": "no", **({"data": data} if data else {})})

    def say(self, **members: Any) -> None:
        """
        Say something with the number of the last request.
        """
        self.peer.heard((json.dumps({"jsonrpc": "2.0", "id": self.last, **members}).encode(),))

    def rude(self, shaking: Deferred[Offer]) -> str:
        """
        Tell what the worker did.
        """
        return str(self.failureResultOf(shaking, Rude).value)

    def names(self, shaking: Deferred[Offer]) -> list[str]:
        """
        Tell the names of the tools that the worker has.
        """
        return [tool.name for tool in self.successResultOf(shaking).tools]


class ProbeTests(GreetingCase):
    """
    Tests for finding out which era a plugin is of (what real servers do with a probe).
    """

    def be_legacy(self, shaking: Deferred[Offer]) -> None:
        """
        Go on as a legacy plugin does, from initialize to the end.
        """
        method, params = self.said()[-1]
        self.assertEqual(method, "initialize")
        self.assertEqual(params, {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": US})
        self.answer(**HELLO)
        self.assertFalse(self.greeting.probing)
        self.assertEqual(self.said(), [("notifications/initialized", {}), ("tools/list", {})])
        self.answer(tools=[{"name": "add", "inputSchema": SCHEMA}])
        offer = self.successResultOf(shaking)
        self.assertEqual((offer.revision.name, offer.instructions), ("2025-11-25", "Be kind."))

    def test_modern(self) -> None:
        """
        A plugin that can be discovered is modern: it is never initialized, and told everything each time.
        """
        shaking = self.shake()
        self.assertTrue(self.greeting.probing)
        self.assertEqual(self.said(), [("server/discover", STAMP)])
        self.answer(**DISCOVERED)
        self.assertFalse(self.greeting.probing)
        self.assertEqual(self.said(), [("tools/list", STAMP)])
        self.answer(tools=[{"name": "add", "inputSchema": SCHEMA}])
        offer = self.successResultOf(shaking)
        self.assertEqual((offer.revision.name, offer.instructions), ("2026-07-28", "Use it well."))
        self.assertEqual(([tool.name for tool in offer.tools], offer.left_out), (["add"], ()))

    def test_refusals(self) -> None:
        """
        A plugin that refuses the question in any of the ways that legacy servers have is initialized.
        """
        for code in (-32601, -32602, -32600, -32603, -32000, -32002, 0, 1):
            shaking = self.shake()
            self.refuse(code)
            self.be_legacy(shaking)

    def test_modern_refusals(self) -> None:
        """
        A plugin that refuses the question and names legacy revisions, or none at all, is initialized.
        """
        for data in (
            {"supported": ["2025-11-25"]},
            {"supported": ["2027-01-01", "2025-06-18"]},
            {},
            {"supported": 1},
        ):
            for code in (-32022, -32020, -32021, -32001, -32004):
                shaking = self.shake()
                self.refuse(code, **data)
                self.be_legacy(shaking)

    def test_unknown_only(self) -> None:
        """
        A plugin that refuses with revisions of which we speak none is given up, and the operator reads them.
        """
        for code in (-32022, -32020, -32021, -32001, -32003, -32004):
            shaking = self.shake()
            self.refuse(code, supported=["2027-12-01", "2027-01-01"], requested="2026-07-28")
            text = "it speaks only revisions that are unknown here: 2027-01-01, 2027-12-01"
            self.assertEqual(self.rude(shaking), text)

    def test_unknown_only_elsewhere(self) -> None:
        """
        Data of an error that only looks like it says nothing about revisions.
        """
        shaking = self.shake()
        self.refuse(-32601, supported=["2027-01-01"])
        self.be_legacy(shaking)

    def test_no_common_revision(self) -> None:
        """
        A plugin that answers the question without a revision of ours, or with nonsense, is initialized.
        """
        for versions in (["2027-01-01"], [], "2026-07-28", None, [1, None], {"2026-07-28": 1}):
            shaking = self.shake()
            self.answer(supportedVersions=versions)
            self.be_legacy(shaking)
        shaking = self.shake()
        self.answer()
        self.be_legacy(shaking)

    def test_silence(self) -> None:
        """
        A plugin that says nothing for half of its time is initialized in the other half.
        """
        shaking = self.shake()
        self.wait(4.9)
        self.assertEqual(self.methods(), ["server/discover"])
        self.wait(0.1)
        self.be_legacy(shaking)

    def test_unreadable(self) -> None:
        """
        A plugin that answers the question with what can't be read is initialized, and not waited for.
        """
        for outcome in ({"error": "Method not found"}, {"result": None}, {"error": {"code": None}}):
            shaking = self.shake()
            self.say(**outcome)
            self.assertFalse(self.greeting.probing)
            self.be_legacy(shaking)

    def test_silence_for_ever(self) -> None:
        """
        A plugin that never says anything is given up.
        """
        shaking = self.shake()
        self.wait(5)
        self.wait(10)
        self.assertFalse(self.greeting.probing)
        fault = self.failureResultOf(shaking, Fault).value
        assert isinstance(fault, Fault)
        self.assertIs(fault.kind, Kind.DEADLINE)

    def test_exit(self) -> None:
        """
        A plugin that ends over the question is known to have been asked, until the handshake knows it.
        """
        shaking = self.shake()
        self.assertTrue(self.greeting.probing)
        self.peer.lose(Fault(Kind.PLUGIN_GONE, "gone"))
        self.failureResultOf(shaking, Fault)
        self.assertFalse(self.greeting.probing)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class SlowTests(GreetingCase):
    """
    Tests for plugins that say nothing at first, since they have to be fetched or built.
    """

    def begin(self) -> Deferred[Offer]:
        """
        Ask a plugin that has ten minutes, and wait until it was asked both ways.
        """
        shaking = self.shake(patience=600)
        self.wait(4.9)
        self.assertEqual(self.methods(), ["server/discover"])
        self.wait(0.1)
        self.assertEqual(self.methods(), ["initialize"])
        self.wait(300)
        self.assertNoResult(shaking)
        return shaking

    def reply(self, number: int, **members: Any) -> None:
        """
        Answer one of the two: server/discover is the first, initialize the second.
        """
        self.last = number
        self.say(**members)

    def refusal(self, code: int = -32601, **data: Any) -> dict[str, Any]:
        """
        Make an error.
        """
        return {"code": code, "message": "no", "data": data}

    def finish(self, shaking: Deferred[Offer]) -> str:
        """
        Show the tools, and tell which revision was agreed.
        """
        self.assertEqual(self.methods()[-1], "tools/list")
        self.answer(tools=[])
        self.assertFalse(self.greeting.probing)
        return self.successResultOf(shaking).revision.name

    def test_modern(self) -> None:
        """
        A slow modern plugin answers the first question and refuses the second, or never answers it.
        """
        for refusing in (True, False):
            shaking = self.begin()
            self.reply(1, result=DISCOVERED)
            self.assertEqual(self.said(), [("tools/list", STAMP)])
            if refusing:
                self.reply(2, error=self.refusal(-32022, supported=["2026-07-28"]))
            self.wait(1)
            self.reply(3, result={"tools": []})
            self.assertEqual(self.successResultOf(shaking).revision.name, "2026-07-28")
            self.assertEqual(len(self.known), 1)

    def test_modern_other_way(self) -> None:
        """
        A slow modern plugin may refuse or misread the second question before it answers the first.
        """
        for outcome in (
            {"error": self.refusal(-32022, supported=["2026-07-28"])},
            {"result": {"protocolVersion": "2026-07-28"}},
            {"result": None},
        ):
            shaking = self.begin()
            self.reply(2, **outcome)
            self.assertNoResult(shaking)
            self.reply(1, result=DISCOVERED)
            self.assertEqual(self.finish(shaking), "2026-07-28")

    def test_legacy(self) -> None:
        """
        A slow legacy plugin refuses the first question and answers the second, in any order, or only that.
        """
        for order in ((1, 2), (2, 1), (2,)):
            shaking = self.begin()
            for number in order:
                self.reply(number, **({"error": self.refusal()} if number == 1 else {"result": HELLO}))
            self.assertEqual(self.methods()[:2], ["notifications/initialized", "tools/list"])
            self.last = 3
            self.answer(tools=[])
            self.assertEqual(self.successResultOf(shaking).revision.name, "2025-11-25")

    def test_first_decides(self) -> None:
        """
        A plugin that answers both questions is spoken to in the way that it answered first.
        """
        for order, revision in (((1, 2), "2026-07-28"), ((2, 1), "2025-11-25")):
            shaking = self.begin()
            for number in order:
                self.reply(number, result=DISCOVERED if number == 1 else HELLO)
            self.wait(1)
            sent = self.said()
            self.assertEqual([method for method, _ in sent].count("tools/list"), 1)
            self.assertEqual(sent[-1][1], STAMP if revision == "2026-07-28" else {})
            self.reply(3, result={"tools": []})
            self.assertEqual(self.successResultOf(shaking).revision.name, revision)
            self.assertEqual([known.revision.name for known in self.known], [revision])

    def test_neither(self) -> None:
        """
        A plugin that refuses both is given up at once, by what it said to initialize.
        """
        for order in ((1, 2), (2, 1)):
            shaking = self.begin()
            for number in order:
                self.assertNoResult(shaking)
                self.reply(number, error=self.refusal(-32000 - number))
            self.assertEqual(self.rude(shaking), "it refused initialize with error -32002")

    def test_unknown_only(self) -> None:
        """
        A plugin that knows only other revisions is given up as soon as it says so.
        """
        shaking = self.begin()
        self.reply(1, error=self.refusal(-32022, supported=["2027-01-01"]))
        self.assertEqual(self.rude(shaking), "it speaks only revisions that are unknown here: 2027-01-01")
        self.reply(2, result=HELLO)
        self.assertEqual(self.known, [])

    def test_exit(self) -> None:
        """
        A plugin that ends before it has answered anything may have ended over the question, however late.
        """
        self.begin()
        self.assertTrue(self.greeting.probing)
        self.reply(2, error=self.refusal())
        self.assertFalse(self.greeting.probing)

    def test_gone(self) -> None:
        """
        A plugin that ends while both questions are open fails the handshake once, and leaves nothing behind.
        """
        shaking = self.begin()
        self.peer.lose(Fault(Kind.PLUGIN_GONE, "gone"))
        self.failureResultOf(shaking, Fault)
        self.assertEqual(self.clock.getDelayedCalls(), [])


class ConfiguredTests(GreetingCase):
    """
    Tests for plugins whose era is configured.
    """

    def test_legacy(self) -> None:
        """
        A plugin that is configured as legacy is asked no question that it may not know.
        """
        self.shake("legacy")
        self.assertEqual(self.methods(), ["initialize"])
        self.assertFalse(self.greeting.probing)

    def test_modern(self) -> None:
        """
        A plugin that is configured as modern may take its whole time, and an exit says nothing of its era.
        """
        shaking = self.shake("modern")
        self.assertFalse(self.greeting.probing)
        self.wait(9.9)
        self.answer(**DISCOVERED)
        self.answer(tools=[])
        self.assertEqual(self.successResultOf(shaking).revision.name, "2026-07-28")

    def test_not_modern(self) -> None:
        """
        A plugin that is configured as modern and is not is never initialized.
        """
        text = "it did not answer server/discover, but its protocol is configured as modern"
        shaking = self.shake("modern")
        self.refuse(-32601)
        self.assertEqual(self.rude(shaking), text)
        shaking = self.shake("modern")
        self.wait(10)
        self.failureResultOf(shaking, Fault)
        self.assertNotIn("initialize", self.methods())


class InitializeTests(GreetingCase):
    """
    Tests for the legacy handshake.
    """

    def test_revisions(self) -> None:
        """
        A plugin may choose any legacy revision.
        """
        for name in ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"):
            shaking = self.shake("legacy")
            self.answer(protocolVersion=name, capabilities={})
            offer = self.successResultOf(shaking)
            self.assertEqual((offer.revision.name, offer.tools, offer.instructions), (name, (), ""))

    def test_unknown_revisions(self) -> None:
        """
        A plugin that chooses anything else is not spoken to any more.
        """
        for name in ("2026-07-28", "2023-01-01", "", None, 1, ["2025-11-25"]):
            shaking = self.shake("legacy")
            self.said()
            self.answer(protocolVersion=name, capabilities={"tools": {}})
            self.assertEqual(
                self.rude(shaking), "it answered initialize with a revision that is unknown here"
            )
            self.assertEqual(self.said(), [])
        shaking = self.shake("legacy")
        self.answer()
        self.rude(shaking)

    def test_refused(self) -> None:
        """
        A plugin that refuses to be initialized is given up, with its own reason's number.
        """
        shaking = self.shake("legacy")
        self.refuse(-32022, supported=["2026-07-28"])
        self.assertEqual(self.rude(shaking), "it refused initialize with error -32022")

    def test_unreadable(self) -> None:
        """
        A plugin whose answer to that can't be read is given up at once.
        """
        shaking = self.shake("legacy")
        self.say(result=None)
        self.assertEqual(self.rude(shaking), "its answer to initialize can't be read")

    def test_nonsense(self) -> None:
        """
        What a plugin says of itself beyond its revision may be missing or nonsense.
        """
        nonsense: tuple[Any, ...] = (None, [], "tools", 1)
        for capabilities in nonsense:
            shaking = self.shake("legacy")
            self.answer(protocolVersion="2025-11-25", capabilities=capabilities, instructions=5)
            offer = self.successResultOf(shaking)
            self.assertEqual((offer.tools, offer.instructions), ((), ""))

    def test_no_tools(self) -> None:
        """
        A plugin that does not say that it has tools is not asked for them.
        """
        self.shake("legacy")
        self.answer(protocolVersion="2025-11-25", capabilities={"logging": {}, "tools": None})
        self.assertEqual(self.said()[-1], ("notifications/initialized", {}))


class ToolsTests(GreetingCase):
    """
    Tests for a plugin's list of tools.
    """

    def begin(self) -> Deferred[Offer]:
        """
        Shake hands up to the list.
        """
        shaking = self.shake("legacy")
        self.answer(**HELLO)
        self.said()
        return shaking

    def page(self, *names: str, **more: Any) -> None:
        """
        Answer with a page.
        """
        self.answer(tools=[{"name": name, "inputSchema": SCHEMA} for name in names], **more)

    def test_pages(self) -> None:
        """
        All pages are read, with the plugin's own cursors.
        """
        shaking = self.begin()
        self.page("a", "b", nextCursor="2")
        self.page("c", nextCursor="")
        self.assertEqual(self.said(), [("tools/list", {"cursor": "2"}), ("tools/list", {"cursor": ""})])
        self.page("d", nextCursor=None)
        self.assertEqual(self.names(shaking), ["a", "b", "c", "d"])

    def test_modern_pages(self) -> None:
        """
        A modern plugin is told who asks for each page.
        """
        shaking = self.shake()
        self.answer(**DISCOVERED)
        self.page("a", nextCursor="2")
        self.assertEqual(self.said()[-1], ("tools/list", {"cursor": "2", **STAMP}))
        self.page("b")
        self.assertEqual(self.names(shaking), ["a", "b"])

    def test_no_cursor(self) -> None:
        """
        A cursor that is no text ends the list.
        """
        nonsense: tuple[Any, ...] = (0, 7, False, {}, [])
        for cursor in nonsense:
            shaking = self.begin()
            self.page("a", nextCursor=cursor)
            self.assertEqual(self.successResultOf(shaking).left_out, ())

    def test_repeated_cursor(self) -> None:
        """
        A plugin that turns in a circle is left, with what it has shown.
        """
        shaking = self.begin()
        self.page("a", nextCursor="1")
        self.page("b", nextCursor="2")
        self.page("a", nextCursor="1")
        offer = self.successResultOf(shaking)
        self.assertEqual([tool.name for tool in offer.tools], ["a", "b"])
        pages = "pages of tools beyond the first, since they do not end"
        self.assertEqual(offer.left_out, ("a second tool named a", pages))

    def test_endless_pages(self) -> None:
        """
        A plugin whose pages do not end is left after a hundred.
        """
        shaking = self.begin()
        for number in range(100):
            self.assertNoResult(shaking)
            self.page(f"tool{number}", nextCursor=str(number))
        offer = self.successResultOf(shaking)
        self.assertEqual((len(offer.tools), len(offer.left_out)), (100, 1))

    def test_too_many(self) -> None:
        """
        A plugin with more than ten thousand tools shows no further page.
        """
        shaking = self.begin()
        self.page(*(f"tool{number}" for number in range(10_000)), nextCursor="2")
        offer = self.successResultOf(shaking)
        self.assertEqual((len(offer.tools), len(offer.left_out)), (10_000, 1))

    def test_left_out(self) -> None:
        """
        What can't be served is left out with a reason, and the rest is served.
        """
        shaking = self.begin()
        self.answer(
            tools=[
                {"name": "good", "inputSchema": SCHEMA},
                7,
                {"name": "no schema"},
                {"name": "odd", "inputSchema": {"type": "array"}},
                {"name": "good", "inputSchema": SCHEMA, "title": "another"},
            ]
        )
        offer = self.successResultOf(shaking)
        self.assertEqual([tool.name for tool in offer.tools], ["good"])
        self.assertNotIn("title", offer.tools[0].definition)
        self.assertEqual(len(offer.left_out), 4)
        self.assertEqual(offer.left_out[3], "a second tool named good")

    def test_left_out_bounded(self) -> None:
        """
        A plugin with any number of tools that are none does not fill the log.
        """
        shaking = self.begin()
        self.answer(tools=[1] * 5000)
        left_out = self.successResultOf(shaking).left_out
        self.assertEqual((len(left_out), left_out[-1]), (101, "4900 more"))

    def test_no_list(self) -> None:
        """
        A plugin whose list is no list has no tools.
        """
        nonsense: tuple[dict[str, Any], ...] = ({}, {"tools": None}, {"tools": {}}, {"tools": "a"})
        for result in nonsense:
            shaking = self.begin()
            self.answer(**result)
            self.assertEqual(self.names(shaking), [])

    def test_refused(self) -> None:
        """
        A plugin that says it has tools and does not show them is given up.
        """
        shaking = self.begin()
        self.refuse(-32603)
        self.assertEqual(self.rude(shaking), "it refused tools/list with error -32603")

    def test_late(self) -> None:
        """
        A plugin that does not show its tools in time is given up.
        """
        shaking = self.begin()
        self.wait(10)
        self.failureResultOf(shaking, Fault)

    def test_gone(self) -> None:
        """
        A plugin that ends in the middle is given up.
        """
        shaking = self.begin()
        self.peer.lose(Fault(Kind.PLUGIN_GONE, "gone"))
        self.failureResultOf(shaking, Fault)
