# -*- test-case-name: tests.test_quadrants -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests of a whole daemon for each era of clients and each era of plugins.

There are four quadrants, and the first test case's promises hold in each; the
other test case is about plugins that are dead, slow or lie.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any, ClassVar

from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.asked import Asked
from mcpd.testing.client import Legacy, Modern
from mcpd.testing.daemon import MemoryDaemon, settings
from mcpd.testing.worker import (
    Answers,
    FakeChannel,
    Result,
    Stock,
    echo,
    legacy,
    modern,
    prompts,
    resources,
    templates,
    tools,
)
from mcpd.wire.message import Notice, Request
from mcpd.wire.offer import Feature, Sort
from mcpd.wire.revision import Era
from mcpd.workers.spec import Chosen, Plugin

SOON = 0.5
"""Seconds within which a client hears what its plugin has told."""

LISTS = {"tools": "tools", "prompts": "prompts", "resources": "resources", "templates": "resources"}
"""The lists of a stock, and who is said to have changed with each."""

Client = Legacy | Modern


class DaemonCase(SynchronousTestCase):
    """
    What is common to all: a daemon, and clients of any era.
    """

    memory: MemoryDaemon

    def begin(self, plugins: list[Plugin], answers: dict[str, Answers]) -> None:
        """
        Start a daemon, which is stopped after the test.
        """
        self.memory = MemoryDaemon(settings(Path(self.mktemp()), *plugins), answers)
        self.memory.start()
        self.addCleanup(self.end, self.memory)

    def end(self, memory: MemoryDaemon) -> None:
        """
        Stop it.
        """
        stopped = memory.stop()
        memory.reactor.advance(60)
        self.successResultOf(stopped)

    def pass_time(self, seconds: float = 0) -> None:
        """
        Let time pass, and everybody do what is due.
        """
        self.memory.reactor.advance(seconds)

    def client(self, era: Era, path: bytes = b"/mcp") -> Client:
        """
        Make a client; a legacy one has shaken hands.
        """
        if era is Era.MODERN:
            return self.memory.modern(path=path)
        old = self.memory.legacy(path=path)
        old.shake()
        return old

    def ask(self, client: Client, method: str, **params: Any) -> Asked:
        """
        Ask something, and let everybody do at once what can be done.
        """
        asked = client.ask(method, params)
        self.pass_time()
        return asked

    def names(self, client: Client, sort: str = "tools") -> list[str]:
        """
        List, and tell the names; the answer is there before any plugin could be asked.
        """
        return [each["name"] for each in client.ask(f"{sort}/list").result[sort]]


class LegacyAtLegacyTests(DaemonCase):
    """
    Tests for a legacy client and a legacy plugin, ``p``; next to it is another, ``q``.
    """

    era: ClassVar = Era.LEGACY
    plugin_era: ClassVar = Era.LEGACY

    def setUp(self) -> None:
        """
        Have a daemon with both, and a client.
        """
        self.held = False
        self.stock = Stock(
            [{**tools("say")[0], "title": "Say", "_meta": {"a/b": [1]}}, *tools("hidden")],
            [{"name": "greet", "arguments": [{"name": "who"}]}],
            resources("x:one", "x:two"),
            templates("y:{id}"),
            frozenset({Feature.SUBSCRIBE, Feature.COMPLETIONS, Feature.LOGGING}),
            telling=True,
        )
        answers = {"p": self.answers(self.stock), "q": modern(Stock(tools("say"), telling=True))}
        chosen = Chosen(exclude=("hidden*",))
        self.begin([Plugin("p", ("x",), tools=chosen), Plugin("q", ("x",))], answers)
        self.me = self.client(self.era)

    def answers(self, stock: Stock) -> Answers:
        """
        Answer as a plugin of this quadrant.
        """
        speak = modern if self.plugin_era is Era.MODERN else legacy
        return speak(stock, self.call)

    def call(self, request: Request) -> Result:
        """
        Answer calls, unless they are held.
        """
        return None if self.held else echo(request)

    @property
    def worker(self) -> FakeChannel:
        """
        The plugin's process.
        """
        return self.memory.plugins["p"].workers[-1]

    def said(self, method: str) -> list[Any]:
        """
        Tell what parameters the plugin was given with a method.
        """
        return [
            {name: json.loads(bytes(value)) for name, value in message.params.items()}
            for message in self.worker.said
            if isinstance(message, Request | Notice) and message.method == method
        ]

    def hold(self, client: Client, **params: Any) -> tuple[Asked, Request]:
        """
        Call the tool, which does not answer yet.

        Returns:
            What the client asked, and what the plugin was.
        """
        self.held = True
        asked = self.ask(client, "tools/call", name="p__say", **params)
        request = self.worker.said[-1]
        assert isinstance(request, Request)
        self.assertEqual(request.method, "tools/call")
        return asked, request

    def write(self, **message: Any) -> None:
        """
        Have the plugin write a message.
        """
        self.worker.write(json.dumps({"jsonrpc": "2.0", **message}).encode())
        self.pass_time()

    def answer(self, request: Request) -> None:
        """
        Have the plugin answer what was held.
        """
        stamp = {"resultType": "complete"} if self.plugin_era is Era.MODERN else {}
        self.write(id=json.loads(request.id), result={**stamp, "content": []})

    def ear(self, client: Client, *uris: str) -> Asked:
        """
        Have a client hear all that changes, of resources only these.
        """
        if isinstance(client, Modern):
            flags = dict.fromkeys((f"{name}ListChanged" for name in ("tools", "prompts", "resources")), True)
            ear = client.listen({**flags, "resourceSubscriptions": list(uris)})
        else:
            for uri in uris:
                self.assertEqual(self.ask(client, "resources/subscribe", uri=uri).result, {})
            ear = client.listen()
        self.pass_time()
        return ear

    def heard(self, ear: Asked) -> list[tuple[str, Any]]:
        """
        Tell what a client has heard of changes: methods and URIs.
        """
        told = [(notice["method"], notice.get("params", {}).get("uri")) for notice in ear.notices]
        return [each for each in told if not each[0].endswith("/acknowledged")]

    def wait(self, ear: Asked, known: int = 0) -> None:
        """
        Let time pass until a client has heard more than it knows; fail if that takes too long.
        """
        for _ in range(round(SOON * 100)):
            if len(self.heard(ear)) > known:
                return
            self.pass_time(0.01)
        self.fail(f"nothing came within {SOON} seconds")

    # What there is.

    def test_declared(self) -> None:
        """
        What a client is told first declares all that the plugins do.
        """
        if isinstance(self.me, Modern):
            result = self.me.ask("server/discover").result
        else:
            result = self.memory.legacy().shake().result
        told = {"listChanged": True}
        expected = {
            "tools": told,
            "prompts": told,
            "resources": {**told, "subscribe": True},
            "completions": {},
            "logging": {},
        }
        self.assertEqual(result["capabilities"], expected)

    def test_lists(self) -> None:
        """
        A client has all four lists, under public names, and at the plugin's own path under its own names.
        """
        alone = self.client(self.era, b"/mcp/p")
        say, greet = self.stock.tools[0], self.stock.prompts[0]  # type: ignore[index]
        others = tools("q__say")
        for client, prefix, more in ((self.me, "p__", others), (alone, "", [])):
            expected = {
                Sort.TOOLS: [{**say, "name": f"{prefix}say"}, *more],
                Sort.PROMPTS: [{**greet, "name": f"{prefix}greet"}],
                Sort.RESOURCES: self.stock.resources,
                Sort.TEMPLATES: self.stock.templates,
            }
            for sort, listed in expected.items():
                self.assertEqual(client.ask(sort.method).result[sort.member], listed)

    def test_calls(self) -> None:
        """
        Tools, prompts, resources and completions are answered by the plugin, which hears its own names.
        """
        ref = {"type": "ref/prompt", "name": "p__greet"}
        argument = {"name": "who", "value": "wo"}
        text = {"type": "text", "text": '{"a": "b"}'}
        for method, params, member, result in (
            ("tools/call", {"name": "p__say", "arguments": {"a": "b"}}, "content", [text]),
            ("prompts/get", {"name": "p__greet", "arguments": {"a": "b"}}, "messages", None),
            ("resources/read", {"uri": "x:two"}, "contents", None),
            ("resources/read", {"uri": "y:7"}, "contents", None),
            ("completion/complete", {"ref": ref, "argument": argument}, "completion", {"values": ["wo"]}),
        ):
            asked = self.ask(self.me, method, **params)
            expected: Any = result
            if member == "messages":
                expected = [{"role": "user", "content": text}]
            elif member == "contents":
                uri = params["uri"]
                expected = [{"uri": uri, "mimeType": "text/plain", "text": uri}]
            self.assertEqual(asked.result[member], expected)
            self.assertEqual(asked.result.get("resultType"), "complete" if self.era is Era.MODERN else None)
        self.assertEqual(self.said("tools/call")[0]["name"], "say")
        self.assertEqual(self.said("prompts/get")[0]["name"], "greet")
        self.assertEqual(self.said("completion/complete")[0]["ref"], {**ref, "name": "greet"})

    def test_not_found(self) -> None:
        """
        What is not there is refused with the code that the client's era has for it, whoever says so.
        """
        missing, own = (-32602 if era is Era.MODERN else -32002 for era in (self.era, self.plugin_era))
        alone = self.client(self.era, b"/mcp/p")
        self.assertEqual(self.ask(self.me, "tools/call", name="say").error["code"], -32602)
        self.assertEqual(self.ask(self.me, "prompts/get", name="p__other").error["code"], -32602)
        ours = self.ask(self.me, "resources/read", uri="z:1").error
        self.assertEqual((ours["code"], ours["data"]["uri"]), (missing, "z:1"))
        self.held = True
        asked = self.ask(alone, "resources/read", uri="z:1")
        request = self.worker.said[-1]
        assert isinstance(request, Request)
        self.write(id=json.loads(request.id), error={"code": own, "message": "not here"})
        self.assertEqual((asked.error["code"], asked.error["data"]["uri"]), (missing, "z:1"))
        self.assertEqual(asked.error["message"], "not here")

    # While a call runs.

    def test_progress(self) -> None:
        """
        A call's progress comes with the client's own token, before the answer; without one none comes.
        """
        asked, request = self.hold(self.me, _meta={"progressToken": "mine"})
        token = json.loads(bytes(request.params["_meta"]))["progressToken"]
        for step in (1, 2):
            params = {"progressToken": token, "progress": step, "total": 2, "message": "on"}
            self.write(method="notifications/progress", params=params)
            self.assertEqual(len(asked.notices), step)
        self.answer(request)
        told = [notice["params"] for notice in asked.notices]
        about = {"progressToken": "mine", "total": 2, "message": "on"}
        self.assertEqual(told, [{**about, "progress": 1}, {**about, "progress": 2}])
        self.assertEqual(asked.messages[-1]["result"]["content"], [])
        asked, request = self.hold(self.me)
        self.assertNotIn("progressToken", str(self.said("tools/call")[-1]))
        self.answer(request)
        self.assertEqual(asked.notices, [])

    def level(self, client: Client, level: str | None) -> dict[str, Any]:
        """
        Want log messages from a level on.

        Returns:
            What a call has to say for that.
        """
        if isinstance(client, Modern):
            return {} if level is None else {"_meta": {"io.modelcontextprotocol/logLevel": level}}
        if level is not None:
            self.assertEqual(self.ask(client, "logging/setLevel", level=level).result, {})
        return {}

    def test_log(self) -> None:
        """
        A call's log messages come from the level on that the client wants; unasked a modern one has none.
        """
        usual = [] if self.era is Era.MODERN else ["info", "error"]
        for wanted, expected in ((None, usual), ("error", ["error"]), ("debug", ["debug", "info", "error"])):
            asked, request = self.hold(self.me, **self.level(self.me, wanted))
            for level in ("debug", "info", "error"):
                self.write(method="notifications/message", params={"level": level, "data": {"x": level}})
            self.answer(request)
            self.assertEqual([each["params"]["level"] for each in asked.notices], expected)
            self.assertEqual([each["params"]["data"]["x"] for each in asked.notices], expected)
        if self.plugin_era is Era.MODERN:
            self.assertIn("debug", str(self.said("tools/call")[-1]["_meta"]))
        else:
            self.assertEqual(self.said("logging/setLevel")[-1], {"level": "debug"})

    def test_log_of_another(self) -> None:
        """
        A log message that may belong to another's call reaches nobody.
        """
        other = self.client(self.era)
        params = self.level(self.me, "debug")
        self.level(other, "debug")
        mine, first = self.hold(self.me, **params)
        theirs, second = self.hold(other, **params)
        self.write(method="notifications/message", params={"level": "error", "data": "secret"})
        self.answer(first)
        self.answer(second)
        self.assertEqual(mine.notices + theirs.notices, [])

    def test_cancel(self) -> None:
        """
        A client that cancels its call, as its era does, cancels it at the plugin, and hears no more of it.
        """
        asked, request = self.hold(self.me, _meta={"progressToken": 1})
        if isinstance(self.me, Modern):
            asked.hang_up()
        else:
            self.me.tell("notifications/cancelled", {"requestId": 1})
        self.pass_time()
        (cancelled,) = self.said("notifications/cancelled")
        self.assertEqual(cancelled["requestId"], json.loads(request.id))
        self.answer(request)
        self.assertEqual(asked.messages, [])
        self.held = False
        self.assertEqual(self.ask(self.me, "tools/call", name="p__say").result["content"][0]["text"], "{}")

    def test_gone(self) -> None:
        """
        A client that is cut off has cancelled its call if it is modern; a legacy one has not.
        """
        asked, request = self.hold(self.me)
        asked.hang_up()
        self.pass_time()
        cancelled = [request.id] if self.era is Era.MODERN else []
        ids = [str(each["requestId"]).encode() for each in self.said("notifications/cancelled")]
        self.assertEqual(ids, cancelled)
        # A modern client has no right to cancel in words: an id is any client's guess.
        if self.era is Era.MODERN:
            another, request = self.hold(self.me)
            self.me.post(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}')
            self.pass_time()
            self.assertEqual(len(self.said("notifications/cancelled")), 1)
            self.answer(request)
            self.assertEqual(another.result["content"], [])

    # What changes.

    def change(self, sort: str, number: int = 1) -> None:
        """
        Have one of the plugin's lists changed, without a word.
        """
        name = f"new{number}"
        made = {"tools": tools, "prompts": prompts, "resources": resources, "templates": templates}
        setattr(self.stock, sort, made[sort](name if sort != "resources" else f"x:{name}"))

    def test_list_changed(self) -> None:
        """
        Who lists a plugin's things hears soon that they changed, and finds the new ones; nobody else does.
        """
        alone, other = self.client(self.era, b"/mcp/p"), self.client(self.era, b"/mcp/q")
        ears = [self.ear(client) for client in (self.me, alone)]
        elsewhere = self.ear(other)
        for known, (sort, told) in enumerate(LISTS.items()):
            self.change(sort)
            method = f"notifications/{told}/list_changed"
            self.worker.tell(method)
            for ear in ears:
                self.wait(ear, known)
                self.assertEqual(self.heard(ear)[known:], [(method, None)])
            listed = str(alone.ask(f"{sort}/list" if sort != "templates" else Sort.TEMPLATES.method).result)
            self.assertIn("new1", listed)
        self.pass_time(5)
        self.assertEqual([len(self.heard(ear)) for ear in ears], [len(LISTS)] * 2)
        self.assertEqual(self.heard(elsewhere), [])

    def test_changed_for_nobody(self) -> None:
        """
        A change that no client could see is not told, whatever the plugin says.
        """
        ear = self.ear(self.me)
        self.worker.tell("notifications/tools/list_changed")
        self.pass_time(5)
        self.stock.tools = [self.stock.tools[0], *tools("hidden2")]  # type: ignore[index]
        self.worker.tell("notifications/tools/list_changed")
        self.pass_time(5)
        self.assertEqual(self.heard(ear), [])

    def test_burst(self) -> None:
        """
        A plugin that tells a hundred changes at once is heard soon, and what is listed then is the last.
        """
        ear = self.ear(self.me)
        for number in range(100):
            self.change("tools", number)
            self.worker.tell("notifications/tools/list_changed")
        self.wait(ear)
        self.assertEqual(self.names(self.me), ["p__new99", "q__say"])
        self.pass_time(5)
        self.assertLess(len(self.heard(ear)), 4)

    def test_series(self) -> None:
        """
        Ten changes in one second are each heard soon.
        """
        ear = self.ear(self.me)
        for number in range(10):
            self.change("tools", number)
            self.worker.tell("notifications/tools/list_changed")
            self.wait(ear, number)
            self.assertEqual(self.names(self.me)[0], f"p__new{number}")
            self.pass_time(0.1)
        self.assertEqual(len(self.heard(ear)), 10)

    def updated(self, uri: str) -> None:
        """
        Have the plugin tell that a resource has changed.
        """
        self.worker.tell("notifications/resources/updated", uri=uri)

    def test_updated(self) -> None:
        """
        That a resource changed is soon told to those who subscribed to it, and to nobody else.
        """
        other, idle = self.client(self.era), self.client(self.era)
        ears = [self.ear(self.me, "x:one", "x:two"), self.ear(other, "x:two"), self.ear(idle)]
        self.updated("x:one")
        self.wait(ears[0])
        self.updated("x:two")
        self.wait(ears[1])
        self.updated("x:three")
        self.pass_time(5)
        one, two = (("notifications/resources/updated", uri) for uri in ("x:one", "x:two"))
        self.assertEqual([self.heard(ear) for ear in ears], [[one, two], [two], []])

    def test_updated_often(self) -> None:
        """
        A resource that changes a thousand times in one second is told soon, and not a thousand times.
        """
        ear = self.ear(self.me, "x:one")
        for _ in range(100):
            for _ in range(10):
                self.updated("x:one")
            self.pass_time(0.01)
        told = len(self.heard(ear))
        self.assertTrue(1 < told < 50, told)
        self.updated("x:one")
        self.wait(ear, told)

    def test_unsubscribed(self) -> None:
        """
        Once nobody is interested in a resource any more the plugin need not tell it.
        """
        ear = self.ear(self.me, "x:one")
        if isinstance(self.me, Modern):
            ear.hang_up()
        else:
            self.ask(self.me, "resources/unsubscribe", uri="x:one")
        self.pass_time()
        if self.plugin_era is Era.MODERN:
            self.assertNotIn("x:one", str(self.said("subscriptions/listen")[-1]))
        else:
            self.assertEqual(self.said("resources/unsubscribe"), [{"uri": "x:one"}])
        self.updated("x:one")
        self.pass_time(5)
        self.assertEqual(self.heard(ear), [])

    def test_restarted(self) -> None:
        """
        A client hears of resources and of lists after the plugin was started anew, without asking again.
        """
        ear = self.ear(self.me, "x:one")
        first = self.worker
        first.exit("killed by signal 9")
        self.pass_time(5)
        self.assertIsNot(self.worker, first)
        self.assertEqual(self.heard(ear), [])
        self.updated("x:one")
        self.wait(ear)
        self.change("tools")
        self.worker.tell("notifications/tools/list_changed")
        self.wait(ear, 1)
        expected = [
            ("notifications/resources/updated", "x:one"),
            ("notifications/tools/list_changed", None),
        ]
        self.assertEqual(self.heard(ear), expected)

    def test_restarted_different(self) -> None:
        """
        A plugin that has other things after it was started anew is told as a change.
        """
        ear = self.ear(self.me)
        self.change("prompts")
        self.worker.exit()
        self.pass_time(5)
        self.assertEqual(self.heard(ear), [("notifications/prompts/list_changed", None)])
        self.assertEqual(self.names(self.me, "prompts"), ["p__new1"])


class ModernAtLegacyTests(LegacyAtLegacyTests):
    """
    Tests for a modern client and a legacy plugin.
    """

    era: ClassVar = Era.MODERN


class LegacyAtModernTests(LegacyAtLegacyTests):
    """
    Tests for a legacy client and a modern plugin.
    """

    plugin_era: ClassVar = Era.MODERN


class ModernAtModernTests(LegacyAtLegacyTests):
    """
    Tests for a modern client and a modern plugin.
    """

    era: ClassVar = Era.MODERN
    plugin_era: ClassVar = Era.MODERN


def mute(speak: Answers, method: str) -> Answers:
    """
    Answer everything but one method.
    """
    return lambda request: None if request.method == method else speak(request)


def endless(speak: Answers) -> Answers:
    """
    List tools page by page, and never the last.
    """
    numbers: Iterator[int] = count()

    def answer(request: Request) -> Result:
        result = speak(request)
        if request.method != "tools/list" or not isinstance(result, dict):
            return result
        number = next(numbers)
        return {**result, "tools": tools(f"t{number}"), "nextCursor": str(number)}

    return answer


class BadNeighbourTests(DaemonCase):
    """
    Tests for plugins that are dead, slow or lie, next to one that is well: ``well``, of either era.
    """

    def check(self, bad: Answers) -> None:
        """
        Check that every list, and the calls of the plugin that is well, are there at once, at any time.
        """
        for well in (legacy, modern):
            answers = {"bad": bad, "well": well(tools("say"))}
            self.begin([Plugin(name, ("x",)) for name in answers], answers)
            clients = [self.client(era) for era in Era]
            for seconds in (0, 1, 5, 30, 300):
                self.pass_time(seconds)
                for client in clients:
                    self.check_well(client)

    def check_well(self, client: Client) -> None:
        """
        Check that a client has the good tool's name and answer at once.
        """
        self.assertEqual(self.names(client)[-1:], ["well__say"])
        asked = self.ask(client, "tools/call", name="well__say", arguments={})
        self.assertEqual(asked.result["content"][0]["text"], "{}")

    def test_never_lists(self) -> None:
        """
        A plugin that never answers its lists delays nobody else's.
        """
        for speak in (legacy(tools("x")), modern(tools("x"))):
            self.check(mute(speak, "tools/list"))

    def test_never_greets(self) -> None:
        """
        A plugin that says nothing at all delays nobody else.
        """
        self.check(lambda request: None)

    def test_endless_pages(self) -> None:
        """
        A plugin whose list has no end is cut short, and delays nobody else.
        """
        for speak in (legacy(tools("x")), modern(tools("x"))):
            self.check(endless(speak))

    def test_slow(self) -> None:
        """
        Calls that a plugin does not answer delay no list and no other plugin's calls.
        """
        self.begin(
            [Plugin("bad", ("x",)), Plugin("well", ("x",))],
            {"bad": legacy(tools("wait"), lambda request: None), "well": legacy(tools("say"))},
        )
        client = self.client(Era.MODERN)
        waiting = [client.ask("tools/call", {"name": "bad__wait"}, number) for number in range(100)]
        self.pass_time(30)
        self.check_well(client)
        self.assertFalse(any(asked.is_over for asked in waiting))
        self.pass_time(30.2)
        # Those that waited for their turn have their time, too, and no more.
        self.pass_time(0.1)
        self.assertTrue(all(asked.is_over for asked in waiting))

    def test_restless(self) -> None:
        """
        A plugin that changes its list without end is read ever more seldom, and delays nobody else.
        """
        numbers = count()

        def answer(request: Request) -> Result:
            if request.method != "tools/list":
                return speak(request)
            worker = self.memory.plugins["bad"].workers[-1]
            self.memory.reactor.callLater(0, worker.tell, "notifications/tools/list_changed")
            return {"tools": tools(f"t{next(numbers)}")}

        speak = legacy(Stock([], telling=True))
        answers = {"bad": answer, "well": legacy(tools("say"))}
        self.begin([Plugin(name, ("x",)) for name in answers], answers)
        client = self.client(Era.LEGACY)
        for _ in range(60):
            self.pass_time(1)
            self.check_well(client)
        read = [m for m in self.memory.plugins["bad"].workers[-1].said if isinstance(m, Request)]
        self.assertLess(len(read), 100)

    def test_changed_and_never_lists(self) -> None:
        """
        A list that can't be read again stays as it was.
        """
        silent = False

        def answer(request: Request) -> Result:
            return None if silent and request.method == "tools/list" else speak(request)

        speak = modern(Stock(tools("old"), telling=True))
        answers = {"bad": answer, "well": legacy(tools("say"))}
        self.begin([Plugin(name, ("x",)) for name in answers], answers)
        silent = True
        self.memory.plugins["bad"].workers[-1].tell("notifications/tools/list_changed")
        client = self.client(Era.LEGACY)
        for seconds in (0, 1, 60):
            self.pass_time(seconds)
            self.assertEqual(self.names(client), ["bad__old", "well__say"])
            self.check_well(client)

    def test_twenty(self) -> None:
        """
        Of twenty plugins three are down, each in its way: the others' tools are listed at once and in order.
        """
        names = [f"p{number:02}" for number in range(20)]
        answers = {name: (legacy, modern)[number % 2](tools("t")) for number, name in enumerate(names)}
        answers["p05"] = lambda request: None
        plugins = [Plugin(name, ("x",)) for name in names]
        self.memory = MemoryDaemon(settings(Path(self.mktemp()), *plugins), answers)
        self.memory.plugins["p11"].refusal = OSError("no such program")
        self.memory.plugins["p17"].launching = False
        self.memory.start()
        self.addCleanup(self.end, self.memory)
        expected = [f"{name}__t" for name in names if name not in {"p05", "p11", "p17"}]
        clients = [self.client(era) for era in Era]
        for seconds in (0, 3, 60, 600):
            self.pass_time(seconds)
            for client in clients:
                self.assertEqual(self.names(client), expected)
        for worker in self.memory.plugins["p02"].workers:
            worker.exit("killed by signal 11")
        self.assertEqual(self.names(clients[0]), expected)
