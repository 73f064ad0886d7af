# -*- test-case-name: plugins.sqlite.tests.test_server -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.sqlite.asking.server`: both eras, hostile lines, cancelling.
"""

from __future__ import annotations

import json
import threading
from typing import Any

from plugins.sqlite.asking.call import Call, Cancelled, Json
from plugins.sqlite.asking.eras import LEGACY, META, MODERN
from plugins.sqlite.asking.server import CALLS, Server
from plugins.sqlite.tests.given import MODERN_META, Conversation

CAPABILITIES: Json = {"tools": {}, "resources": {}}


class LegacyTests(Conversation):
    """
    The legacy era.
    """

    def test_handshake(self) -> None:
        """
        A client of each legacy revision is answered in its own; any other in the newest.
        """
        for asked, given in [(version, version) for version in LEGACY] + [
            ("1999-01-01", LEGACY[-1]),
            (MODERN, LEGACY[-1]),
        ]:
            result = self.greet(asked)["result"]
            self.assertEqual(result["protocolVersion"], given)
            self.assertEqual(result["capabilities"], CAPABILITIES)
            self.assertEqual(result["serverInfo"]["name"], "sqlite")
            self.assertIn("The sentence.", result["instructions"])

    def test_no_version(self) -> None:
        """
        An initialize without a version is refused.
        """
        self.assertEqual(self.request("initialize")["error"]["code"], -32602)

    def test_early(self) -> None:
        """
        Before the handshake a ping is answered, and nothing else works.
        """
        self.assertEqual(self.request("ping", "p"), {"jsonrpc": "2.0", "id": "p", "result": {}})
        for method in ("tools/list", "tools/call", "resources/list"):
            self.assertEqual(self.request(method)["error"]["code"], -32602)

    def test_lists(self) -> None:
        """
        Tools and resources are listed without anything of the modern era, in the same order each time.
        """
        self.greet()
        result = self.request("tools/list")["result"]
        self.assertEqual([tool["name"] for tool in result["tools"]], ["tables", "schema", "query"])
        self.assertEqual(list(result), ["tools"])
        self.assertEqual(list(self.request("resources/list")["result"]), ["resources"])
        self.assertEqual(self.request("tools/list")["result"], result)

    def test_cursor(self) -> None:
        """
        A cursor that was never given is refused.
        """
        self.greet()
        for method in ("tools/list", "resources/templates/list", "resources/list"):
            for cursor in ("x", 5, None):
                self.assertEqual(self.request(method, cursor=cursor)["error"]["code"], -32602)

    def test_call(self) -> None:
        """
        A call without arguments is answered with content and structured content.
        """
        self.greet()
        result = self.request("tools/call", 0, name="tables")["result"]
        self.assertEqual(set(result), {"content", "structuredContent", "isError"})

    def test_missing(self) -> None:
        """
        A resource that is not there is -32002, with its URI.
        """
        self.greet()
        error = self.request("resources/read", uri="sqlite://shop/nothing")["error"]
        self.assertEqual((error["code"], error["data"]), (-32002, {"uri": "sqlite://shop/nothing"}))

    def test_unknown_method(self) -> None:
        """
        What is not offered is -32601.
        """
        self.greet()
        for method in ("resources/subscribe", "prompts/list", "subscriptions/listen", "server/x"):
            self.assertEqual(self.request(method)["error"]["code"], -32601)


class ModernTests(Conversation):
    """
    The modern era.
    """

    def test_discover(self) -> None:
        """
        A discover says version, capabilities, name and how long that holds.
        """
        result = self.modern("server/discover")["result"]
        self.assertEqual(result["supportedVersions"], [MODERN])
        self.assertEqual(result["resultType"], "complete")
        self.assertEqual(result["capabilities"], CAPABILITIES)
        self.assertEqual(result["_meta"][META + "serverInfo"]["name"], "sqlite")

    def test_hints(self) -> None:
        """
        Every list and every read says how long it may be kept; a call of a tool does not.
        """
        for method, params in (
            ("server/discover", {}),
            ("tools/list", {}),
            ("resources/list", {}),
            ("resources/templates/list", {}),
            ("resources/read", {"uri": "sqlite://shop/item"}),
        ):
            result = self.modern(method, **params)["result"]
            self.assertGreaterEqual(result["ttlMs"], 0)
            self.assertIn(result["cacheScope"], ("public", "private"))
            self.assertEqual(result["resultType"], "complete")
        self.assertNotIn("ttlMs", self.modern("tools/call", name="tables")["result"])

    def test_missing(self) -> None:
        """
        A resource that is not there is -32602, with its URI, and so is none at all.
        """
        error = self.modern("resources/read", uri="sqlite://shop/nothing")["error"]
        self.assertEqual((error["code"], error["data"]), (-32602, {"uri": "sqlite://shop/nothing"}))
        self.assertEqual(self.modern("resources/read", uri=5)["error"]["code"], -32602)

    def test_envelope(self) -> None:
        """
        A request that lacks a part of its envelope is -32602; a version that is not spoken -32022.
        """
        metas: tuple[Any, ...] = (
            {META + "protocolVersion": MODERN},
            {META + "protocolVersion": 5, META + "clientCapabilities": {}},
            {META + "protocolVersion": MODERN, META + "clientCapabilities": []},
            [],
        )
        for meta in metas:
            self.assertEqual(self.request("tools/list", _meta=meta)["error"]["code"], -32602, meta)
        error = self.request("tools/list", _meta=MODERN_META | {META + "protocolVersion": "x"})["error"]
        self.assertEqual((error["code"], error["data"]), (-32022, {"supported": [MODERN], "requested": "x"}))

    def test_removed(self) -> None:
        """
        Methods of the legacy era are unknown in this one, and both can be spoken in turn.
        """
        for method in ("initialize", "ping", "resources/subscribe", "nothing"):
            self.assertEqual(self.modern(method)["error"]["code"], -32601)
        self.greet()
        self.assertNotIn("resultType", self.request("tools/list")["result"])
        self.assertIn("resultType", self.modern("tools/list")["result"])


class CallTests(Conversation):
    """
    Calls, from the question to the answer.
    """

    def test_unknown_tool(self) -> None:
        """
        A tool that does not exist, or a call that is none, is -32602.
        """
        for params in ({"name": "x"}, {"name": ["query"]}, {}, {"name": "tables", "arguments": []}):
            self.assertEqual(self.modern("tools/call", **params)["error"]["code"], -32602, params)

    def test_failures(self) -> None:
        """
        What a model can mend is a result with a sentence, and no path of the machine is in it.
        """
        for tool, arguments in (
            ("query", {"sql": "DELETE FROM item"}),
            ("query", {}),
            ("schema", {"table": "nothing"}),
            ("tables", {"database": "nothing"}),
        ):
            result = self.modern("tools/call", name=tool, arguments=arguments)["result"]
            self.assertIs(result["isError"], True)
            self.assertNotIn(str(self.base), json.dumps(result))
            self.assertNotIn("structuredContent", result)

    def test_same_id(self) -> None:
        """
        A second request with the id of one that runs is refused; 1 and "1" are two ids.
        """
        self.call("tables", 1)
        self.call("tables", "1")
        (answer,) = self.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": _PARAMS})
        self.assertEqual(answer["error"]["code"], -32600)
        self.assertEqual([answer["id"] for answer in self.run_all()], [1, "1"])

    def test_bound(self) -> None:
        """
        So many calls run or wait and no more, cancelled ones included; then there is room again.
        """
        for number in range(CALLS):
            self.call("tables", 100 + number)
            self.cancel(100 + number)
        (busy,) = self.send({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": _PARAMS})
        self.assertIs(busy["result"]["isError"], True)
        (busy,) = self.send(
            {"jsonrpc": "2.0", "id": 1, "method": "resources/list", "params": {"_meta": MODERN_META}}
        )
        self.assertEqual(busy["error"]["code"], -32603)
        self.assertEqual(self.run_all(), [])
        self.assertIn("result", self.modern("tools/call", name="tables"))

    def test_cancelled(self) -> None:
        """
        A call that is cancelled while it runs is stopped, and not a word of it is said any more.
        """
        stopped: list[bool] = []

        def asking(name: str, arguments: Json, call: Call) -> Any:
            call.stop_with(lambda: stopped.append(True))
            self.cancel(7)
            raise Cancelled

        self.server = self.serve(asking)
        self.call("tables")
        self.assertEqual((self.run_all(), stopped, self.log), ([], [True], []))

    def test_cancel_nonsense(self) -> None:
        """
        A cancel of what does not run, or of nothing, is ignored.
        """
        self.call("tables", 1)
        nonsense: tuple[Any, ...] = ({}, {"requestId": None}, {"requestId": "1"}, {"requestId": True}, [])
        for params in nonsense:
            self.assertEqual(
                self.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}), []
            )
        self.assertEqual(len(self.run_all()), 1)

    def test_broken(self) -> None:
        """
        A tool that fails by our own fault is -32603, the operator learns why, and the client does not.
        """

        def asking(name: str, arguments: Json, call: Call) -> Any:
            raise RuntimeError("a secret of ours")

        self.server = self.serve(asking)
        error = self.modern("tools/call", name="tables")["error"]
        self.assertEqual(error["code"], -32603)
        self.assertNotIn("secret", json.dumps(error))
        self.assertIn("a secret of ours", self.log[0])

    def test_finish(self) -> None:
        """
        At the end calls that still run are cancelled; without any there is nothing to wait for.
        """
        self.server.finish(60)
        self.call("tables")
        self.server.finish(0)
        self.assertEqual(self.run_all(), [])

    def test_finish_patiently(self) -> None:
        """
        At the end of input what was asked before is still answered.
        """
        self.call("tables")
        threading.Thread(target=self.waiting.pop()).start()
        self.server.finish(60)
        self.assertEqual(len(self.flush()), 1)

    def test_finish_unread(self) -> None:
        """
        A client that reads nothing does not hold up the end.
        """
        writing, free = threading.Event(), threading.Event()

        def write(line: bytes) -> None:
            writing.set()
            free.wait(60)

        self.server = Server(self.asking(), "", write, self.waiting.append, self.log.append)
        self.call("tables")
        thread = threading.Thread(target=self.waiting.pop())
        thread.start()
        writing.wait(60)
        self.server.finish(0)
        alive = thread.is_alive()
        free.set()
        thread.join(60)
        self.assertTrue(alive)


class HostileTests(Conversation):
    """
    What is not MCP.
    """

    def test_table(self) -> None:
        """
        Each unreadable or wrong message has its code, with the id where it has one.
        """
        for line, code, identity in (
            (b"{", -32700, None),
            (b"\xff\xfe", -32700, None),
            (b"[" * 200_000, -32700, None),
            (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', -32700, None),
            (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}', -32700, None),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"9" * 5000 + b"}}", -32700, 1),
            (b'{"params":' + b"[" * 200_000 + b"]" * 200_000 + b',"id":"x"}', -32700, "x"),
            (b"[]", -32600, None),
            (b"5", -32600, None),
            (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, None),
            (b'{"jsonrpc":"2.0","id":1}', -32600, 1),
            (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600, 1),
            (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
            (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, None),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602, 1),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":5}}', -32602, 1),
        ):
            (answer,) = self.send(line)
            self.assertEqual((answer["error"]["code"], answer.get("id")), (code, identity), line[:60])

    def test_silence(self) -> None:
        """
        Notices, answers and empty lines are never answered, however wrong they are.
        """
        for line in (
            b"",
            b" \r",
            b'{"jsonrpc":"2.0","method":"tools/list"}',
            b'{"jsonrpc":"2.0","method":"ping","params":[]}',
            b'{"jsonrpc":"2.0","id":1,"result":{}}',
            b'{"jsonrpc":"2.0","id":1,"error":{}}',
        ):
            self.assertEqual(self.send(line), [], line)

    def test_too_long(self) -> None:
        """
        A message that was too long is refused, and the next is taken.
        """
        self.server.hear(None)
        self.assertEqual(self.flush()[0]["error"]["code"], -32600)
        self.assertIn("result", self.request("ping"))


_PARAMS: Json = {"name": "tables", "_meta": MODERN_META}
