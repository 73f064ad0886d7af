# -*- test-case-name: plugins.files.tests.test_server -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.server`: both eras, hostile lines, cancelling.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from plugins.files.beneath.call import Call, Json
from plugins.files.beneath.eras import LEGACY, META, MODERN
from plugins.files.beneath.place import Roots
from plugins.files.beneath.server import CALLS, Server
from plugins.files.beneath.tools import Files
from plugins.files.tests.given import Folders

MODERN_META: Json = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}


class Conversation(Folders):
    """
    A server, and a client that keeps what it is told.

    Attributes:
        said: What the server wrote, decoded.
        waiting: Calls that were started; they run when the test says so.
        log: What the operator was told.
    """

    def setUp(self) -> None:
        """
        Start a server.
        """
        super().setUp()
        self.said: list[Json] = []
        self.waiting: list[Callable[[], None]] = []
        self.log: list[str] = []
        self.server = self.serve(self.files())

    def serve(self, files: Files) -> Server:
        """
        Start a server for some files.
        """
        return Server(files, self.hear, self.waiting.append, self.log.append)

    def hear(self, line: bytes) -> None:
        """
        Take a line from the server: one line, ASCII, JSON.
        """
        self.assertEqual(line.find(b"\n"), len(line) - 1)
        self.said.append(json.loads(line.decode("ascii")))

    def send(self, message: Any) -> list[Json]:
        """
        Send one message; gives what the server says to it.
        """
        self.server.hear(message if isinstance(message, bytes) else json.dumps(message).encode())
        return self.flush()

    def flush(self) -> list[Json]:
        """
        Forget, and give, what was said.
        """
        said, self.said[:] = list(self.said), []
        return said

    def request(self, method: str, identity: Any = 1, **params: Any) -> Json:
        """
        Send a request that is answered at once.
        """
        (answer,) = self.send({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})
        return answer

    def slow(self, method: str, **params: Any) -> Json:
        """
        Send a request that is answered by another thread.
        """
        self.assertEqual(self.send({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}), [])
        (answer,) = self.run_all()
        return answer

    def modern(self, method: str, **params: Any) -> Json:
        """
        Send a request of the modern era.
        """
        return self.request(method, _meta=MODERN_META, **params)

    def greet(self, version: str = "2025-11-25") -> Json:
        """
        Do the handshake of the legacy era.
        """
        about = {"name": "test", "version": "1"}
        answer = self.request("initialize", protocolVersion=version, capabilities={}, clientInfo=about)
        self.assertEqual(self.send({"jsonrpc": "2.0", "method": "notifications/initialized"}), [])
        return answer

    def call(self, name: str, identity: Any = 7, meta: Json = MODERN_META, **arguments: Any) -> None:
        """
        Send a call, which waits in ``waiting``.
        """
        params = {"name": name, "arguments": arguments, "_meta": meta}
        self.assertEqual(
            self.send({"jsonrpc": "2.0", "id": identity, "method": "tools/call", "params": params}), []
        )

    def run_all(self) -> list[Json]:
        """
        Run the calls that wait.
        """
        while self.waiting:
            self.waiting.pop(0)()
        return self.flush()


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
            self.assertEqual(result["capabilities"], {"tools": {}, "resources": {"subscribe": True}})
            self.assertEqual(result["serverInfo"]["name"], "files")
            self.assertIn("docs", result["instructions"])

    def test_no_version(self) -> None:
        """
        An initialize without a version is refused.
        """
        self.assertEqual(self.request("initialize")["error"]["code"], -32602)

    def test_ping(self) -> None:
        """
        A ping is answered with nothing at all, before the handshake, too.
        """
        self.assertEqual(self.request("ping", "p"), {"jsonrpc": "2.0", "id": "p", "result": {}})

    def test_too_early(self) -> None:
        """
        Before the handshake nothing else works.
        """
        for method in ("tools/list", "tools/call", "resources/list"):
            self.assertEqual(self.request(method)["error"]["code"], -32602)

    def test_list(self) -> None:
        """
        The tools are listed without anything of the modern era, in the same order each time.
        """
        self.greet()
        result = self.request("tools/list")["result"]
        self.assertEqual(list(result), ["tools"])
        self.assertEqual([tool["name"] for tool in result["tools"]], ["list", "read", "search", "stat"])
        self.assertEqual(self.request("tools/list")["result"], result)

    def test_cursor(self) -> None:
        """
        A cursor is refused, since none was ever given.
        """
        self.greet()
        for cursor in ("", "x"):
            self.assertEqual(self.request("tools/list", cursor=cursor)["error"]["code"], -32602)

    def test_call(self) -> None:
        """
        A call without arguments is answered with content and structured content.
        """
        self.greet()
        self.send({"jsonrpc": "2.0", "id": 0, "method": "tools/call", "params": {"name": "list"}})
        (answer,) = self.run_all()
        self.assertEqual(answer["id"], 0)
        self.assertEqual(set(answer["result"]), {"content", "structuredContent", "isError"})
        self.assertIs(answer["result"]["isError"], False)

    def test_resources(self) -> None:
        """
        Resources are listed and read, and one that is not there is -32002 with its URI.
        """
        self.greet()
        self.assertEqual(list(self.slow("resources/list")["result"]), ["resources"])
        (template,) = self.request("resources/templates/list")["result"]["resourceTemplates"]
        uri = template["uriTemplate"].replace("{+path}", "a.txt")
        self.assertEqual(list(self.slow("resources/read", uri=uri)["result"]), ["contents"])
        error = self.slow("resources/read", uri=uri + "x")["error"]
        self.assertEqual((error["code"], error["data"]), (-32002, {"uri": uri + "x"}))

    def test_unknown_method(self) -> None:
        """
        What is not offered is -32601, and so is the modern listen.
        """
        self.greet()
        for method in ("prompts/list", "prompts/get", "logging/setLevel", "subscriptions/listen", "x"):
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
        self.assertEqual(result["capabilities"], {"tools": {}, "resources": {"subscribe": True}})
        self.assertEqual(result["_meta"][META + "serverInfo"]["name"], "files")
        self.assertGreaterEqual(result["ttlMs"], 0)
        self.assertEqual(result["cacheScope"], "public")

    def test_list(self) -> None:
        """
        The list of tools has what every modern result and every list has.
        """
        result = self.modern("tools/list")["result"]
        self.assertEqual(set(result), {"resultType", "tools", "ttlMs", "cacheScope", "_meta"})

    def test_call(self) -> None:
        """
        A call's result is complete, has no caching hints and names the server; a failed one, too.
        """
        self.call("list")
        self.call("read", 8, path="docs/none")
        for answer in self.run_all():
            self.assertEqual(answer["result"]["resultType"], "complete")
            self.assertIn(META + "serverInfo", answer["result"]["_meta"])
            self.assertNotIn("ttlMs", answer["result"])

    def test_resources(self) -> None:
        """
        Lists and reads say how long they may be kept; what is not there is -32602 with its URI.
        """
        (template,) = self.modern("resources/templates/list")["result"]["resourceTemplates"]
        uri = template["uriTemplate"].replace("{+path}", "a.txt")
        for method, params in (("resources/list", {}), ("resources/read", {"uri": uri})):
            result = self.slow(method, _meta=MODERN_META, **params)["result"]
            self.assertLessEqual({"resultType", "ttlMs", "cacheScope", "_meta"}, set(result))
        error = self.slow("resources/read", _meta=MODERN_META, uri=uri + "x")["error"]
        self.assertEqual((error["code"], error["data"]), (-32602, {"uri": uri + "x"}))

    def test_wrong_resources(self) -> None:
        """
        A URI or a cursor that is none is -32602.
        """
        for method, params in (
            ("resources/read", {"uri": 5}),
            ("resources/read", {}),
            ("resources/list", {"cursor": None}),
            ("resources/templates/list", {"cursor": "x"}),
        ):
            self.assertEqual(self.modern(method, **params)["error"]["code"], -32602)
        self.assertEqual(self.slow("resources/list", _meta=MODERN_META, cursor="x")["error"]["code"], -32602)

    def test_envelope(self) -> None:
        """
        A request that lacks a part of its envelope is -32602; the client's name is no such part.
        """
        metas: tuple[Any, ...] = (
            {},
            {META + "clientCapabilities": {}},
            {META + "protocolVersion": MODERN},
            {META + "protocolVersion": 5, META + "clientCapabilities": {}},
            {META + "protocolVersion": MODERN, META + "clientCapabilities": []},
            [],
        )
        for meta in metas:
            for method in ("server/discover", "tools/list"):
                self.assertEqual(self.request(method, _meta=meta)["error"]["code"], -32602, meta)

    def test_version(self) -> None:
        """
        A version that is not spoken is -32022, with those that are; a legacy one is none of these.
        """
        for version in ("2099-01-01", "2025-11-25", ""):
            meta = MODERN_META | {META + "protocolVersion": version}
            error = self.request("tools/list", _meta=meta)["error"]
            self.assertEqual(error["code"], -32022)
            self.assertEqual(error["data"], {"supported": [MODERN], "requested": version})

    def test_removed(self) -> None:
        """
        Methods of the legacy era are unknown in this one.
        """
        for method in ("initialize", "ping", "resources/subscribe", "logging/setLevel", "nothing"):
            self.assertEqual(self.modern(method)["error"]["code"], -32601)

    def test_both(self) -> None:
        """
        A probe, refused or not, does not stop a handshake, and after that both eras are spoken.
        """
        self.request("server/discover")
        self.request("server/discover", _meta=MODERN_META | {META + "protocolVersion": "2099-01-01"})
        self.modern("server/discover")
        self.assertIn("result", self.greet())
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
        for params in (
            {"name": "nothing"},
            {"name": 5},
            {"name": ["list"]},
            {},
            {"name": "list", "arguments": []},
        ):
            answer = self.modern("tools/call", **params)
            self.assertEqual(answer["error"]["code"], -32602, params)

    def test_failures(self) -> None:
        """
        What a model can mend is a result with a sentence, and no path of the machine is in it.
        """
        for tool, arguments in (
            ("read", {"path": "docs/none"}),
            ("read", {}),
            ("list", {"depth": "deep"}),
            ("stat", {"path": "docs/../secret"}),
            ("search", {"query": "(", "regex": True}),
        ):
            self.call(tool, **arguments)
            (answer,) = self.run_all()
            self.assertIs(answer["result"]["isError"], True)
            self.assertNotIn(str(self.base), json.dumps(answer))
            self.assertNotIn("structuredContent", answer["result"])

    def test_ids(self) -> None:
        """
        An id comes back as it was, text or number.
        """
        for identity in (0, 1, "1", "", -5, 2**60, "\u2028"):
            self.call("list", identity)
            (answer,) = self.run_all()
            self.assertEqual((type(answer["id"]), answer["id"]), (type(identity), identity))

    def test_same_id(self) -> None:
        """
        A second request with the id of one that runs is refused; 1 and "1" are two ids.
        """
        self.call("list", 1)
        self.call("list", "1")
        self.assertEqual(self.modern("tools/call", name="list")["error"]["code"], -32600)
        self.assertEqual(len(self.run_all()), 2)

    def test_bound(self) -> None:
        """
        So many calls run or wait and no more, cancelled ones included; then there is room again.
        """
        for number in range(CALLS):
            self.call("list", 100 + number)
            self.cancel(100 + number)
        self.assertIs(self.modern("tools/call", name="list")["result"]["isError"], True)
        self.assertEqual(self.modern("resources/list")["error"]["code"], -32603)
        self.assertEqual(self.run_all(), [])
        self.call("list")
        self.assertEqual(len(self.run_all()), 1)

    def cancel(self, identity: Any) -> None:
        """
        Cancel a call.
        """
        params = {"requestId": identity, "reason": "test"}
        self.assertEqual(
            self.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}), []
        )

    def test_cancelled_early(self) -> None:
        """
        A call that is cancelled before it begins is never answered, and its tool never asked.
        """
        asked: list[Json] = []

        def hunting(roots: Roots, query: Json, call: Call) -> Iterator[Json]:
            asked.append(query)
            return iter(())

        self.server = self.serve(Files(self.roots, hunting))
        self.call("search", query="x")
        self.cancel(7)
        self.assertEqual((self.run_all(), asked), ([], []))

    def test_cancelled_late(self) -> None:
        """
        A call that is cancelled while it runs is stopped, and not a word of it is said any more.
        """
        stopped: list[bool] = []

        def hunting(roots: Roots, query: Json, call: Call) -> Iterator[Json]:
            call.stop_with(lambda: stopped.append(True))
            status = {"files": 1, "skipped": 0, "bytes": 1, "stopped": ""}
            yield {"status": status}
            self.assertEqual(len(self.flush()), 1)
            self.cancel(7)
            call.tell(2, "too late")
            yield {"status": status}

        self.server = self.serve(Files(self.roots, hunting))
        self.call("search", meta=MODERN_META | {"progressToken": "t"}, query="x")
        self.assertEqual((self.run_all(), stopped), ([], [True]))
        self.assertEqual(self.log, [])

    def test_cancelled_meanwhile(self) -> None:
        """
        What is to be stopped by a cancel is stopped, should the cancel have come first.
        """
        stopped: list[bool] = []
        call = Call(lambda *_told: None)
        call.cancel()
        call.stop_with(lambda: stopped.append(True))
        self.assertEqual(stopped, [True])

    def test_cancel_nonsense(self) -> None:
        """
        A cancel of what does not run, or of nothing, is ignored.
        """
        self.call("list", 1)
        nonsense: tuple[Any, ...] = (
            {},
            {"requestId": None},
            {"requestId": "1"},
            {"requestId": True},
            {"requestId": [1]},
            [],
        )
        for params in nonsense:
            self.assertEqual(
                self.send({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}), []
            )
        self.assertEqual(len(self.run_all()), 1)

    def test_progress(self) -> None:
        """
        Progress goes to whoever gave a token, with the token as it was, and before the answer.
        """
        for token in (0, "t"):
            self.call("search", meta=MODERN_META | {"progressToken": token}, query="Hello")
            notice, answer = self.run_all()
            self.assertEqual(notice["method"], "notifications/progress")
            self.assertEqual(notice["params"]["progressToken"], token)
            self.assertEqual(answer["id"], 7)
        for meta in (MODERN_META, MODERN_META | {"progressToken": None}):
            self.call("search", meta=meta, query="Hello")
            self.assertEqual(len(self.run_all()), 1)

    def test_broken(self) -> None:
        """
        A tool that fails by our own fault is -32603, the operator learns why, and the client does not.
        """

        def hunting(roots: Roots, query: Json, call: Call) -> Iterator[Json]:
            raise RuntimeError("a secret of ours")

        self.server = self.serve(Files(self.roots, hunting))
        self.call("search", query="x")
        (answer,) = self.run_all()
        self.assertEqual(answer["error"]["code"], -32603)
        self.assertNotIn("secret", json.dumps(answer))
        self.assertIn("a secret of ours", self.log[0])

    def test_finish(self) -> None:
        """
        At the end calls that still run are cancelled; without any there is nothing to wait for.
        """
        self.server.finish(60)
        self.call("list")
        self.server.finish(0)
        self.assertEqual(self.run_all(), [])

    def test_finish_unread(self) -> None:
        """
        A client that reads nothing does not hold up the end.
        """
        writing, free = threading.Event(), threading.Event()

        def write(line: bytes) -> None:
            writing.set()
            free.wait(60)

        stopped: list[bool] = []
        self.server = Server(self.files(), write, self.waiting.append, self.log.append)
        self.call("list", 1)
        self.call("list", 2)
        thread = threading.Thread(target=self.waiting.pop())
        thread.start()
        writing.wait(60)
        self.server.finish(0)
        stopped.append(thread.is_alive())
        free.set()
        thread.join(60)
        self.assertEqual(stopped, [True])

    def test_finish_patiently(self) -> None:
        """
        At the end of input what was asked before is still answered.
        """
        self.call("list")
        threading.Thread(target=self.waiting.pop()).start()
        self.server.finish(60)
        self.assertEqual(len(self.flush()), 1)


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
            (b"hello", -32700, None),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping"', -32700, None),
            (b"\xff\xfe", -32700, None),
            ('{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"), -32700, None),
            (b"[" * 200_000, -32700, None),
            (b'{"a":' * 100_000, -32700, None),
            (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', -32700, None),
            (b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}', -32700, None),
            (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":' + b"9" * 5000 + b"}}", -32700, 1),
            (b'{"params":' + b"[" * 200_000 + b"]" * 200_000 + b',"id":"x"}', -32700, "x"),
            (b"[]", -32600, None),
            (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, None),
            (b"5", -32600, None),
            (b"null", -32600, None),
            (b"{}", -32600, None),
            (b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, None),
            (b'{"jsonrpc":"2.0","id":1}', -32600, 1),
            (b'{"jsonrpc":"2.0","id":1,"method":5}', -32600, 1),
            (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
            (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600, None),
            (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, None),
            (b'{"jsonrpc":"2.0","id":[1],"method":"ping"}', -32600, None),
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
            b'{"jsonrpc":"2.0","method":"notifications/nothing"}',
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
