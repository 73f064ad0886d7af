# -*- test-case-name: tests.testing.test_worker -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.testing.worker`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.usage import Usage
from mcpd.testing.worker import (
    Answers,
    Error,
    FakeChannel,
    FakePlugin,
    Stock,
    legacy,
    modern,
    prompts,
    resources,
    templates,
    tools,
)
from mcpd.wire.message import Notice, Request
from mcpd.wire.offer import Feature
from mcpd.workers.pipe import Exit
from tests.workers.stage import Hearer


class FakeCase(SynchronousTestCase):
    """
    A plugin that has no process.
    """

    def setUp(self) -> None:
        """
        Have a clock, and somebody who hears.
        """
        self.clock = Clock()
        self.ears = Hearer()

    def spawn(self, answers: Answers, stubborn: frozenset[str] = frozenset()) -> FakeChannel:
        """
        Start a worker.
        """
        return FakePlugin(self.clock, answers, stubborn).spawn(self.ears)

    def lines(self) -> list[list[bytes]]:
        """
        Tell what came on its standard output.
        """
        return [given for name, given in self.ears.heard if name == "lines"]

    def ask(self, channel: FakeChannel, method: str, **params: Any) -> Any:
        """
        Ask something, and tell what came on the next turn.
        """
        request = {"jsonrpc": "2.0", "id": 7, "method": method, "params": params}
        self.ears.heard.clear()
        channel.send(json.dumps(request, separators=(",", ":")).encode() + b"\n")
        self.assertEqual(self.ears.heard, [])
        self.clock.advance(0)
        [[line]] = self.lines()
        answer = json.loads(line)
        self.assertEqual(answer.pop("id"), 7)
        return answer.get("result", answer.get("error"))


class AnswersTests(FakeCase):
    """
    Tests for how the two kinds of plugins answer.
    """

    def test_legacy(self) -> None:
        """
        A legacy plugin can be initialized, and does not know what it is to be discovered.
        """
        channel = self.spawn(legacy(tools("add")))
        self.assertEqual(self.ask(channel, "server/discover")["code"], -32601)
        self.assertEqual(self.ask(channel, "initialize")["protocolVersion"], "2025-11-25")
        self.assertEqual(self.ask(channel, "tools/list")["tools"][0]["name"], "add")
        result = self.ask(channel, "tools/call", name="add", arguments={"a": 1})
        self.assertEqual(result, {"content": [{"type": "text", "text": '{"a":1}'}]})

    def test_modern(self) -> None:
        """
        A modern plugin can be discovered, and refuses to be initialized.
        """
        channel = self.spawn(modern(tools("add")))
        self.assertEqual(self.ask(channel, "server/discover")["supportedVersions"], ["2026-07-28"])
        refusal = {
            "code": -32022,
            "message": "Unsupported protocol version",
            "data": {"supported": ["2026-07-28"]},
        }
        self.assertEqual(self.ask(channel, "initialize"), refusal)
        self.assertEqual(self.ask(channel, "tools/list")["tools"][0]["name"], "add")
        result = self.ask(channel, "tools/call", name="add", arguments={})
        self.assertEqual(result, {"resultType": "complete", "content": [{"type": "text", "text": "{}"}]})

    def test_stock(self) -> None:
        """
        A plugin of either era declares and lists what it has, and only that.
        """
        empty: dict[str, Any] = {"tools": {}, "prompts": {}, "logging": {}}
        stock = Stock([], prompts("hi"), features=frozenset({Feature.LOGGING}))
        for answers, hello in ((legacy, "initialize"), (modern, "server/discover")):
            channel = self.spawn(answers(stock))
            self.assertEqual(self.ask(channel, hello)["capabilities"], empty)
            self.assertEqual(self.ask(channel, "prompts/list")["prompts"], [{"name": "hi"}])
            for method in ("resources/list", "resources/templates/list", "nonsense"):
                self.assertEqual(self.ask(channel, method)["code"], -32601)
        channel = self.spawn(legacy(stock))
        self.assertEqual(self.ask(channel, "logging/setLevel", level="info"), {})
        self.assertEqual(self.ask(channel, "resources/subscribe", uri="a")["code"], -32601)
        self.assertEqual(self.ask(self.spawn(legacy()), "logging/setLevel", level="info")["code"], -32601)

    def test_resources(self) -> None:
        """
        A plugin has resources, templates of them, and tells which it may be asked to tell.
        """
        features = frozenset({Feature.SUBSCRIBE})
        stock = Stock(
            resources=resources("a"),
            templates=templates("{x}"),
            features=features,
            telling=True,
            refused=frozenset("b"),
        )
        channel = self.spawn(legacy(stock))
        declared = {"resources": {"subscribe": True, "listChanged": True}}
        self.assertEqual(self.ask(channel, "initialize")["capabilities"], declared)
        self.assertEqual(self.ask(channel, "resources/list")["resources"], [{"uri": "a", "name": "a"}])
        listed = self.ask(channel, "resources/templates/list")["resourceTemplates"]
        self.assertEqual(listed, [{"uriTemplate": "{x}", "name": "{x}"}])
        self.assertEqual(self.ask(channel, "resources/subscribe", uri="a"), {})
        self.assertEqual(self.ask(channel, "resources/unsubscribe", uri="b")["code"], -32602)

    def test_echo(self) -> None:
        """
        Every kind of call is answered with what it was given.
        """
        channel = self.spawn(legacy())
        got = self.ask(channel, "prompts/get", name="hi", arguments={"a": "b"})
        self.assertEqual(
            got["messages"], [{"role": "user", "content": {"type": "text", "text": '{"a":"b"}'}}]
        )
        read = self.ask(channel, "resources/read", uri="x:y")
        self.assertEqual(read["contents"], [{"uri": "x:y", "mimeType": "text/plain", "text": "x:y"}])
        completed = self.ask(channel, "completion/complete", argument={"name": "a", "value": "v"})
        self.assertEqual(completed, {"completion": {"values": ["v"]}})

    def test_listen(self) -> None:
        """
        A modern plugin acknowledges a listen, tells on the newest, and ends it when either side does.
        """
        stock = Stock(resources=[], features=frozenset({Feature.SUBSCRIBE}), refused=frozenset("b"))
        channel = self.spawn(modern(stock))
        for number, asked in ((3, {"resourceSubscriptions": ["a", "b"]}), (4, {"toolsListChanged": True})):
            params = {"notifications": asked}
            request = {"jsonrpc": "2.0", "id": number, "method": "subscriptions/listen", "params": params}
            channel.send(json.dumps(request, separators=(",", ":")).encode())
        self.clock.advance(0)
        agreed = [json.loads(line)["params"]["notifications"] for [line] in self.lines()]
        self.assertEqual(agreed, [{"resourceSubscriptions": ["a"]}, {"toolsListChanged": True}])
        cancel = b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":4}}'
        channel.send(cancel)
        channel.send(cancel)
        channel.tell("notifications/x", a=1)
        channel.unlisten()
        channel.tell("notifications/x")
        last = [json.loads(line) for [line] in self.lines()[2:]]
        meta = {"io.modelcontextprotocol/subscriptionId": 3}
        self.assertEqual(last[0]["params"], {"a": 1, "_meta": meta})
        self.assertEqual((last[1]["id"], last[1]["result"]), (3, {"_meta": meta}))
        self.assertEqual(last[2]["params"], {})

    def test_own_answers(self) -> None:
        """
        A test says how calls are answered: with an error, or not at all.
        """
        channel = self.spawn(modern(call=lambda request: Error(-1, "no")))
        self.assertEqual(self.ask(channel, "tools/call", name="x"), {"code": -1, "message": "no"})
        channel = self.spawn(legacy(call=lambda request: None))
        self.ears.heard.clear()
        channel.send(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{}}\n')
        self.clock.advance(60)
        self.assertEqual(self.lines(), [])


class FakeChannelTests(FakeCase):
    """
    Tests for a worker without a process.
    """

    def test_said(self) -> None:
        """
        It remembers every message that was said to it.
        """
        channel = self.spawn(lambda request: None)
        channel.send(b'{"jsonrpc":"2.0","id":1,"method":"a","params":{}}\n{"jsonrpc":"2.0","method":"b"}\n')
        request, notice = channel.said
        assert isinstance(request, Request)
        assert isinstance(notice, Notice)
        self.assertEqual((request.method, notice.method), ("a", "b"))

    def test_launched(self) -> None:
        """
        It becomes the plugin on the next turn, unless its launcher is to hang.
        """
        plugin = FakePlugin(self.clock, legacy())
        plugin.spawn(self.ears)
        self.assertEqual(self.ears.heard, [])
        self.clock.advance(0)
        plugin.launching = False
        plugin.spawn(self.ears)
        self.clock.advance(0)
        self.assertEqual(self.ears.heard, [("launched", None)])
        self.assertEqual([worker.pid for worker in plugin.workers], [1000, 1001])

    def test_refusal(self) -> None:
        """
        A plugin that can't be started is not.
        """
        plugin = FakePlugin(self.clock, legacy(), refusal=OSError("no"))
        self.assertRaises(OSError, plugin.spawn, self.ears)
        self.assertEqual(plugin.workers, [])

    def test_orders(self) -> None:
        """
        It ends at the first order that it is not stubborn about, once, and then says nothing more.
        """
        channel = self.spawn(legacy(), frozenset(("close_input", "destroy")))
        channel.close_input()
        self.clock.advance(1)
        channel.terminate()
        channel.destroy()
        self.clock.advance(1)
        channel.write(b"late")
        channel.exit()
        self.assertEqual(self.ears.heard, [("launched", None), ("exited", Exit(None, 15))])
        self.assertEqual(channel.orders, ["close_input", "terminate", "destroy"])

    def test_exit(self) -> None:
        """
        It ends as it is told to, and when its input ends.
        """
        for how, end in (("exit status 3", Exit(3)), ("killed by signal 11", Exit(None, 11))):
            self.spawn(legacy()).exit(how)
            self.assertEqual((self.ears.heard[-1], how), (("exited", end), str(end)))
        self.spawn(legacy()).close_input()
        self.clock.advance(0)
        self.assertEqual(self.ears.heard[-1], ("exited", Exit(0)))

    def test_usage(self) -> None:
        """
        It uses what a test says.
        """
        channel = self.spawn(legacy())
        self.assertEqual(channel.usage(), None)
        channel.using = Usage(1 << 20, 0.5)
        self.assertEqual(channel.usage(), Usage(1 << 20, 0.5))
