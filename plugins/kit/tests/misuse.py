# -*- test-case-name: plugins.kit.tests.test_kit -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What every plugin of the kit has to bear, whatever its tools are.
"""

from __future__ import annotations

import json
from typing import Any

from plugins.kit.tests.program import LEGACY, LINE, META, MODERN, MODERN_META, Conversation, Json

_NOTHING: Json = {"jsonrpc": "2.0", "id": 1}


class Bearing(Conversation):
    """
    Tests for any plugin, to be subclassed once with its folder and name.
    """

    def refusal(self, line: object) -> tuple[object, int]:
        """
        Send a line and tell the id and the code of its refusal.
        """
        self.send(line if isinstance(line, bytes) else json.dumps(line).encode())
        answer = self.hear()
        self.assertTrue(answer["error"]["message"])
        return answer.get("id"), answer["error"]["code"]

    def test_legacy(self) -> None:
        """
        A client of each legacy revision is answered in its own, and any other in the newest.
        """
        for version in (*LEGACY, "1999-12-31", MODERN):
            result = self.greet(version)["result"]
            self.assertEqual(result["protocolVersion"], version if version in LEGACY else LEGACY[-1])
            self.assertEqual(result["serverInfo"]["name"], self.name)
            self.assertEqual(result["capabilities"], {"tools": {}})
        self.assertEqual(self.ask("ping"), {**_NOTHING, "result": {}})
        listed = self.ask("tools/list")["result"]
        self.assertEqual(list(listed), ["tools"])
        self.close()

    def test_modern(self) -> None:
        """
        A modern client needs no handshake, and may keep what it learns for a while.
        """
        known = self.ask("server/discover", _meta=MODERN_META)["result"]
        self.assertEqual(known["supportedVersions"], [MODERN])
        self.assertEqual(known["_meta"][META + "serverInfo"]["name"], self.name)
        listed = self.ask("tools/list", "one", _meta=MODERN_META)
        self.assertEqual(listed["id"], "one")
        for result in (known, listed["result"]):
            self.assertEqual(
                (result["resultType"], result["ttlMs"], result["cacheScope"]), ("complete", 300_000, "public")
            )
        self.close()

    def test_eras(self) -> None:
        """
        A handshake takes nothing from modern requests, nor a probe anything from the handshake.
        """
        self.ask("server/discover", _meta=MODERN_META)
        self.greet()
        self.assertIn("resultType", self.ask("tools/list", _meta=MODERN_META)["result"])
        self.assertNotIn("resultType", self.ask("tools/list")["result"])

    def test_versions(self) -> None:
        """
        A modern request of another revision learns which one is spoken; one without its envelope, what lacks.
        """
        wrong = {**MODERN_META, META + "protocolVersion": "2027-01-01"}
        error = self.ask("tools/list", _meta=wrong)["error"]
        self.assertEqual(
            (error["code"], error["data"]), (-32022, {"supported": [MODERN], "requested": "2027-01-01"})
        )
        lacking: tuple[Any, ...] = (
            {},
            {META + "protocolVersion": 1},
            {META + "protocolVersion": "x" * 5000},
            {META + "protocolVersion": MODERN},
            [],
        )
        for meta in lacking:
            self.assertEqual(self.ask("server/discover", _meta=meta)["error"]["code"], -32602)

    def test_methods(self) -> None:
        """
        Methods that are not there are refused, in either era, and so are those of the other one.
        """
        for method in ("initialize", "ping", "resources/list", "", "tools/list "):
            self.assertEqual(self.ask(method, _meta=MODERN_META)["error"]["code"], -32601)
        self.greet()
        self.assertEqual(self.ask("prompts/list")["error"]["code"], -32601)

    def test_early(self) -> None:
        """
        A legacy client that does not shake hands may do no more than ping.
        """
        self.assertEqual(self.ask("ping"), {**_NOTHING, "result": {}})
        self.assertEqual(self.ask("tools/list")["error"]["code"], -32602)
        self.assertEqual(self.ask("initialize")["error"]["code"], -32602)
        self.assertEqual(self.ask("initialize", protocolVersion=1)["error"]["code"], -32602)

    def test_broken(self) -> None:
        """
        What is no JSON is answered as such, and the next line is read as if nothing had been.
        """
        for line in (
            b"{",
            b"\x00",
            b"\xff\xfe",
            b'{"jsonrpc":"2.0","id":1,"method":"ping"}}',
            b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
            b'{"jsonrpc":"2.0","id":1e999,"method":"ping"}',
            b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
            b"[" * 1_000_000,
            b'{"a":' * 500_000,
        ):
            self.assertEqual(self.refusal(line), (None, -32700), line[:60])
        self.send(b"", b" \t\r", b"")
        self.assertEqual(self.ask("ping", "2"), {**_NOTHING, "id": "2", "result": {}})
        self.close()

    def test_torn(self) -> None:
        """
        A request with something in it that cannot be held is refused with its id, wherever that stands.
        """
        for bad in (
            b'"\\u0000"',
            b"1e999",
            b"99999999999999999999",
            b'{"a":1,"a":2}',
            b'\xff"\\ud800"',
            b"[" * 5000 + b"]" * 5000,
        ):
            for line in (
                b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":%b}}' % bad,
                b' { "method" : "ping" , "params" : [ %b ] , "id" : 7 , "jsonrpc" : "2.0" } \r' % bad,
                b'{"params":{"id":8,"a":[{"id":9}]},"a":"\\",\\"id\\":5","id":7,"b":%b}' % bad,
                b'{"id":7,"b":"id","c":["id"],"Id":1,"idd":2,"x":%b}' % bad,
            ):
                self.assertEqual(self.refusal(line), (7, -32700), line[:80])
        self.close()

    def test_torn_ids(self) -> None:
        """
        The id of such a request comes back as it is written.
        """
        for identity in (
            b"0",
            b"-12",
            b"99999999999999999999",
            b'""',
            b'"a \\"\\\\\\/\\n\\u00e4{["',
            b'"\\u0000"',
            b"9" * 128,
            b'"%b"' % (b"x" * 126),
        ):
            self.send(b'{"id": %b ,"method":"\\u0000"}' % identity)
            self.assertIn(b'"id":%b,' % identity, self.stdout.readline())
        self.close()

    def test_torn_none(self) -> None:
        """
        An id that is too long, none, one of two or in half a line is nobody's.
        """
        for identity in (
            b"9" * 129,
            b'"%b"' % (b"x" * 127),
            b'"\xc3\xa4"',
            b'"\x01"',
            b'"\x7f"',
            b'"\\x"',
            b'"\\u00g0"',
            b"1.5",
            b"01",
            b"1e999",
            b"-",
            b"+1",
            b"null",
            b"true",
            b"[1]",
            b'{"id":1}',
            b"",
            b"1 2",
            b'1,"id":2',
            b'1,"id":1',
            b'1,"id":null',
            b'null,"id":1',
        ):
            line = b'{"jsonrpc":"2.0","id":%b,"method":"\\u0000"}' % identity
            self.assertEqual(self.refusal(line), (None, -32700), line)
        whole = b'{"id":1,"a":["\\\\"],"method":"\\u0000"}'
        self.assertEqual(self.refusal(whole), (1, -32700))
        for length in range(1, len(whole)):
            self.assertEqual(self.refusal(whole[:length]), (None, -32700), whole[:length])
        for line in (whole + b"}", whole + b"x", whole * 2, b"x" + whole, b"[%b]" % whole, b'"%b' % whole):
            self.assertEqual(self.refusal(line), (None, -32700), line)
        self.close()

    def test_torn_long(self) -> None:
        """
        The id is found in a long line, too, and in one that does not end there is none.
        """
        half = LINE // 2 - 20
        for filler in (b"[" * half + b"]" * half, b'"' + b'\\"' * half + b'"'):
            line = b'{"a":1e999,"b":%b,"id":7}' % filler
            self.assertEqual(self.refusal(line), (7, -32700))
            self.assertEqual(self.refusal(line[:-10]), (None, -32700))
        self.close()

    def test_odd(self) -> None:
        """
        JSON that is no message is refused, with its id where it has one.
        """
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        for message, identity, code in (
            ([ping, ping], None, -32600),
            ([], None, -32600),
            (1, None, -32600),
            (None, None, -32600),
            ({"id": 1, "method": "ping"}, None, -32600),
            ({**ping, "jsonrpc": 2.0}, None, -32600),
            ({**ping, "jsonrpc": "1.0"}, None, -32600),
            ({**ping, "method": 1}, 1, -32600),
            ({"jsonrpc": "2.0", "id": 1}, 1, -32600),
            ({**ping, "id": None}, None, -32600),
            ({**ping, "id": True}, None, -32600),
            ({**ping, "id": 1.5}, None, -32600),
            ({**ping, "id": "x" * 5000}, None, -32600),
            ({**ping, "params": []}, 1, -32602),
            ({**ping, "params": {"_meta": 1}}, 1, -32602),
        ):
            self.assertEqual(self.refusal(message), (identity, code), message)
        self.close()

    def test_unasked(self) -> None:
        """
        Notices, and answers to what was never asked, are never answered.
        """
        self.say("notifications/cancelled", requestId=5)
        self.say("notifications/cancelled", requestId=None)
        self.say("notifications/cancelled")
        self.say("notifications/unheard-of")
        self.send(b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":[5]}')
        self.send(b'{"jsonrpc":"2.0","id":5,"result":{}}', b'{"jsonrpc":"2.0","error":{}}')
        self.assertEqual(self.ask("ping")["id"], 1)
        self.close()

    def test_calls(self) -> None:
        """
        A call of no tool, or with arguments that are no object, is refused; so is a cursor.
        """
        for params in ({"name": "unheard-of"}, {"name": 1}, {}):
            self.assertEqual(self.ask("tools/call", _meta=MODERN_META, **params)["error"]["code"], -32602)
        name = self.tools()[0]["name"]
        answer = self.ask("tools/call", name=name, arguments=[], _meta=MODERN_META)
        self.assertEqual(answer["error"]["code"], -32602)
        self.assertEqual(self.ask("tools/list", cursor="", _meta=MODERN_META)["error"]["code"], -32602)

    def test_long(self) -> None:
        """
        A line of at most 4 MiB is read, whatever comes after it in the same breath; a longer one is refused.
        """
        ping = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
        self.send(ping + b" " * (LINE - len(ping)), ping)
        for _ in range(2):
            self.assertEqual(self.hear(), {**_NOTHING, "result": {}})
        self.send(ping + b" " * (LINE - len(ping) + 1), b"x" * (3 * LINE), ping)
        for _ in range(2):
            self.assertEqual(self.hear()["error"]["code"], -32600)
        self.assertEqual(self.hear(), {**_NOTHING, "result": {}})
        self.close()

    def test_end(self) -> None:
        """
        At the end of input, in the middle of a line too, it ends quietly and leaks nothing.
        """
        self.send(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        self.stdin.write(b'{"jsonrpc":"2.0","id":2,"method":"ping"}')
        self.assertEqual(json.loads(self.close())["id"], 1)

    def test_nobody(self) -> None:
        """
        When nobody reads its answers any more it ends quietly.
        """
        self.stdout.close()
        self.say("ping", 1)
        self.assertEqual((self.process.wait(20), self.stderr.read()), (0, b""))
