# -*- test-case-name: tests.relay.test_calls -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.calls`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import fail, succeed
from twisted.trial.unittest import SynchronousTestCase

from mcpd.testing.client import text
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Refusal
from mcpd.wire.offer import Feature
from tests.relay.goods import prompt, resource, template
from tests.relay.stage import ENVELOPE, TOOLS, House, Plugin, Way, message, stock

CALL = {"name": "p__echo", "arguments": {"x": 1}}
ARGUMENT = {"name": "who", "value": "w"}
GOODS: dict[str, Any] = {
    "prompts": (prompt("greet"),),
    "resources": (resource("x://listed"),),
    "templates": (template("y://{id}"),),
}
ROUTES: tuple[tuple[str, dict[str, Any]], ...] = (
    ("tools/call", CALL),
    ("prompts/get", {"name": "p__greet", "arguments": {"who": "me"}}),
    ("resources/read", {"uri": "x://listed"}),
    ("resources/read", {"uri": "y://7"}),
    ("completion/complete", {"ref": {"type": "ref/prompt", "name": "p__greet"}, "argument": ARGUMENT}),
)
"""Whatever is asked of a plugin."""

ERAS = ("legacy", "modern")


class Against(SynchronousTestCase):
    """
    Tests that ask in either era.
    """

    def setUp(self) -> None:
        """
        Have a plugin that has something of everything, and a session.
        """
        self.house = House()
        self.plugin = self.house.plugin
        self.house.offer(**GOODS)
        self.session = self.house.shake()

    def ask(self, era: str, method: str, params: Any, id: int | str = 1) -> Way:
        """
        Ask something in one of the eras.
        """
        if era == "modern":
            return self.house.modern(method, params, id)
        return self.house.legacy(self.session, method, params, id)

    def given(self) -> dict[str, bytes]:
        """
        Tell what the plugin was given last.
        """
        return {name: bytes(value) for name, value in self.plugin.jobs[-1].call.params.items()}


class RouteTests(Against):
    """
    Tests for everything that a plugin can be asked.
    """

    def test_meta(self) -> None:
        """
        Trace context and what only the two ends know reach the plugin, our hop's own members do not.
        """
        for era in ERAS:
            for method, params in ROUTES:
                meta = {"traceparent": "00-1", "progressToken": 5, "example.org/x": [1]}
                self.ask(era, method, {**params, "_meta": meta}, len(self.plugin.jobs))
                call = self.plugin.jobs[-1].call
                self.assertEqual(call.method, method)
                self.assertEqual(set(call.meta), {"traceparent", "example.org/x"})
                self.assertTrue(call.progress)
                self.assertNotIn("_meta", call.params)

    def test_up(self) -> None:
        """
        What the plugin answers reaches clients of both eras under the ids that they gave.
        """
        for era in ERAS:
            for method, params in ROUTES:
                for id in (0, "0", -5, "é"):
                    way = self.ask(era, method, params, id)
                    self.plugin.jobs[-1].answer(content=[id])
                    self.assertEqual((way.given.message["id"], way.result["content"]), (id, [id]), method)
                    self.assertEqual("resultType" in way.result, era == "modern")
        self.assertEqual(self.house.running, 0)

    def test_progress(self) -> None:
        """
        Progress comes before the answer, with the token that the client gave in its JSON type.
        """
        for era in ERAS:
            for method, params in ROUTES:
                for token in (0, "0", 7, "t"):
                    way = self.ask(era, method, {**params, "_meta": {"progressToken": token}})
                    job = self.plugin.jobs[-1]
                    job.notice(progress=1, total=2)
                    self.assertEqual(way.answers, [])
                    job.answer(content=[])
                    told = {"progressToken": token, "progress": 1, "total": 2}
                    self.assertEqual([notice["params"] for notice in way.notices], [told])
                    self.assertIs(type(way.notices[0]["params"]["progressToken"]), type(token))

    def test_no_progress(self) -> None:
        """
        Who gave no token hears of no progress.
        """
        for era in ERAS:
            way = self.ask(era, "tools/call", CALL)
            self.plugin.jobs[-1].notice(progress=1)
            self.assertEqual(way.notices, [])
            self.assertFalse(self.plugin.jobs[-1].call.progress)

    def test_cancel(self) -> None:
        """
        Whatever is asked is cancelled at the plugin by a legacy client's notice or a modern one's hang-up.
        """
        for method, params in ROUTES:
            way = self.ask("legacy", method, params)
            self.house.legacy(self.session, "notifications/cancelled", {"requestId": 1}, None)
            self.assertEqual((way.answers, way.ends), ([], 1))
            way = self.ask("modern", method, params)
            way.hang_up()
            self.assertEqual(way.answers, [])
        self.assertEqual(self.plugin.cancelled, self.plugin.jobs)
        self.assertEqual((len(self.plugin.jobs), self.house.running), (2 * len(ROUTES), 0))

    def test_bad_meta(self) -> None:
        """
        A token that is none is refused before a plugin hears of it, and so is a modern client's level.
        """
        tokens: tuple[Any, ...] = (None, True, {}, [])
        levels: tuple[Any, ...] = (None, "", "loud", "INFO", 3, ["info"])
        for method, params in ROUTES:
            for token in tokens:
                meta = {"_meta": {"progressToken": token}}
                self.assertEqual(self.ask("legacy", method, {**params, **meta}).error, (200, -32602), token)
                self.assertEqual(self.ask("modern", method, {**params, **meta}).error, (400, -32602), token)
            for level in levels:
                meta = {"_meta": {"io.modelcontextprotocol/logLevel": level}}
                self.assertEqual(self.ask("modern", method, {**params, **meta}).error, (400, -32602), level)
        self.assertEqual((self.plugin.jobs, self.house.running), ([], 0))

    def test_errors(self) -> None:
        """
        A plugin's error reaches each client as one of its era, with the client's id.
        """
        self.plugin.plan = lambda call: succeed(Refusal(b"1", -32002, "not found", None))
        for method, params in ROUTES:
            self.assertEqual(self.ask("legacy", method, params).error, (200, -32002), method)
            self.assertEqual(self.ask("modern", method, params).error, (200, -32602), method)

    def test_faults(self) -> None:
        """
        A plugin that is gone or too slow is an error in band in both eras.
        """
        for kind in (Kind.PLUGIN_GONE, Kind.PLUGIN_UNAVAILABLE, Kind.DEADLINE):
            fault = Fault(kind, "x", {"retryAfterMs": 5})
            self.plugin.plan = lambda call, fault=fault: fail(fault)
            for era in ERAS:
                for method, params in ROUTES:
                    way = self.ask(era, method, params)
                    self.assertEqual(way.error, (200, kind.code))
                    self.assertEqual(
                        way.given.message["error"]["data"], {"retryAfterMs": 5, "requestId": "REQUEST"}
                    )


class ToolTests(Against):
    """
    Tests for calls of tools.
    """

    def test_down(self) -> None:
        """
        The plugin is given its own name for the tool and the arguments as they came, without ``_meta``.
        """
        body = text("tools/call", {"_meta": ENVELOPE, "name": "p__add"}, 1)
        body = body[:-2] + b', "arguments": {"x": 1.50, "y":[ ]}, "more": 1}}'
        fields = {
            b"mcp-protocol-version": b"2026-07-28",
            b"mcp-method": b"tools/call",
            b"mcp-name": b"p__add",
        }
        self.house.take(body, fields)
        call = self.plugin.job.call
        self.assertEqual(self.given(), {"name": b'"add"', "arguments": b'{"x": 1.50, "y":[ ]}', "more": b"1"})
        self.assertEqual((dict(call.meta), call.progress, call.level), ({}, False, None))

    def test_no_arguments(self) -> None:
        """
        A call needs no arguments.
        """
        for era in ERAS:
            self.ask(era, "tools/call", {"name": "p__echo"})
            self.assertNotIn("arguments", self.given())

    def test_written(self) -> None:
        """
        A tool is found however the JSON of its name is written.
        """
        for name in (b'"p__echo"', b'"p__\\u0065cho"', b'"\\u0070__echo"'):
            body = text("tools/call", {"name": "NAME"}, 1).replace(b'"NAME"', name)
            way = self.house.take(body, {b"mcp-session-id": self.session})
            self.plugin.jobs[-1].answer(content=[])
            self.assertEqual(way.result["content"], [])

    def test_own_names(self) -> None:
        """
        At its own path a plugin has its own names.
        """
        self.house.modern("tools/call", {"name": "echo"}, path=b"/mcp/p")
        self.assertEqual(self.given(), {"name": b'"echo"'})
        self.assertEqual(self.house.modern("tools/call", CALL, path=b"/mcp/p").error, (200, -32602))

    def test_long_name(self) -> None:
        """
        The longest name that is listed can be called, however a client writes it.
        """
        name = "\N{GRINNING FACE}" * 128
        self.house.offer({"name": name})
        session = self.house.shake(path=b"/mcp/p")
        self.house.legacy(session, "tools/call", {"name": name}, path=b"/mcp/p")
        self.assertEqual(json.loads(self.given()["name"]), name)

    def test_bad_params(self) -> None:
        """
        An unknown name, and arguments that are no object, are refused in band before a plugin hears of them.
        """
        bad: tuple[Any, ...] = (
            {"name": "echo"},
            {"name": "p__Echo"},
            {"name": ""},
            {"name": "x" * 129},
            {"name": "p__greet"},
            {"name": "p__echo", "arguments": None},
            {"name": "p__echo", "arguments": []},
            {"name": "p__echo", "arguments": "{}"},
            {"name": "p__echo", "arguments": 0},
        )
        for params in bad:
            for era in ERAS:
                self.assertEqual(self.ask(era, "tools/call", params).error, (200, -32602), params)
        for params in ({}, {"name": 5}, {"name": None}):
            self.assertEqual(self.ask("legacy", "tools/call", params).error, (200, -32602), params)
        said = self.ask("modern", "tools/call", {"name": "x" * 2047}).given.message
        self.assertIn("at most 2048", said["error"]["message"])
        self.assertEqual((self.plugin.jobs, self.house.running), ([], 0))

    def test_mirrors(self) -> None:
        """
        A modern client's fields have to repeat the arguments that the tool says, where the door has fields.
        """
        region = {"type": "string", "x-mcp-header": "Region"}
        self.house.offer({"inputSchema": {"type": "object", "properties": {"region": region}}})
        params = {"name": "p__echo", "arguments": {"region": "eu"}}
        for value in (None, b"us", b"", b"EU"):
            more = {} if value is None else {b"mcp-param-region": value}
            way = self.house.modern("tools/call", params, more=more)
            self.assertEqual(way.error, (400, Kind.HEADER_MISMATCH.code), value)
        stray = self.house.modern("tools/call", {"name": "p__echo"}, more={b"mcp-param-region": b"eu"})
        self.assertEqual(stray.error, (400, Kind.HEADER_MISMATCH.code))
        self.assertEqual((self.plugin.jobs, self.house.running), ([], 0))
        self.house.modern("tools/call", params, more={b"mcp-param-region": b"eu"})
        self.house.take(text("tools/call", {**params, "_meta": ENVELOPE}, 1))
        self.ask("legacy", "tools/call", params)
        self.assertEqual(len(self.plugin.jobs), 3)

    def test_new_catalog(self) -> None:
        """
        A call that runs is answered even if its tool is gone meanwhile; the next one is refused.
        """
        way = self.ask("modern", "tools/call", CALL)
        self.house.offer(TOOLS[1])
        self.assertEqual(self.ask("modern", "tools/call", CALL).error, (200, -32602))
        self.plugin.job.answer(content=[])
        self.assertEqual(way.result["content"], [])


class PromptTests(Against):
    """
    Tests for prompts.
    """

    def test_down(self) -> None:
        """
        The plugin is given its own name for the prompt and the arguments as they came.
        """
        for era in ERAS:
            self.ask(era, "prompts/get", {"name": "p__greet", "arguments": {"who": "me"}})
            self.assertEqual(self.given(), {"name": b'"greet"', "arguments": b'{"who": "me"}'})
        self.house.modern("prompts/get", {"name": "greet"}, path=b"/mcp/p")
        self.assertEqual(self.given(), {"name": b'"greet"'})

    def test_unknown(self) -> None:
        """
        A prompt that nobody has is refused in band.
        """
        for era in ERAS:
            for name in ("greet", "p__echo", "", "p__greet ", "x" * 300):
                self.assertEqual(self.ask(era, "prompts/get", {"name": name}).error, (200, -32602), name)
        for params in ({}, {"name": 5}, {"name": None}):
            self.assertEqual(self.ask("legacy", "prompts/get", params).error, (200, -32602), params)
        self.assertEqual(self.plugin.jobs, [])


class ReadTests(Against):
    """
    Tests for resources.
    """

    def read(self, uri: str, **rest: Any) -> Way:
        """
        Read in the modern era.
        """
        return self.house.modern("resources/read", {"uri": uri}, **rest)

    def test_down(self) -> None:
        """
        A resource is read under the URI that the plugin gave it, whether listed or by a template.
        """
        for era in ERAS:
            for uri in ("x://listed", "y://7", "y://grüße"):
                way = self.ask(era, "resources/read", {"uri": uri, "more": [1]})
                self.assertEqual(set(self.given()), {"uri", "more"})
                self.assertEqual(message([self.given()["uri"]]), uri)
                self.plugin.jobs[-1].answer(contents=[{"uri": uri, "text": "t"}])
                self.assertEqual(way.result["contents"], [{"uri": uri, "text": "t"}])

    def test_not_found(self) -> None:
        """
        What nobody has is not found, in each era by its own code, with the URI.
        """
        for uri in ("x://other", "y://a/b", "p__x://listed", "listed"):
            for era, code in (("legacy", -32002), ("modern", -32602)):
                way = self.ask(era, "resources/read", {"uri": uri})
                self.assertEqual(way.error, (200, code), uri)
                self.assertEqual(way.given.message["error"]["data"], {"uri": uri})
                self.assertEqual(way.given.message["id"], 1)
        self.assertEqual((self.plugin.jobs, self.house.running), ([], 0))

    def test_climbing(self) -> None:
        """
        A URI that climbs out of what it seems to be in is refused unseen, and cannot be watched.
        """
        for uri in ("y://a/../b", "y://%2e%2E/b", "y://a\\b"):
            for path in (b"/mcp", b"/mcp/p"):
                way = self.read(uri, path=path)
                self.assertEqual(way.error, (200, -32602), uri)
            wanted = {"notifications": {"resourceSubscriptions": [uri]}}
            listening = self.house.modern("subscriptions/listen", wanted)
            self.assertEqual(listening.notices[0]["params"]["notifications"], {})
        self.assertEqual((self.plugin.jobs, self.plugin.watched), ([], []))

    def test_not_found_there(self) -> None:
        """
        What its plugin does not find is not found, with the URI though the plugin did not tell it.
        """
        for code in (-32002, -32602):
            refusal = Refusal(b"1", code, "no", None)
            self.plugin.plan = lambda call, refusal=refusal: succeed(refusal)
            for era, expected in (("legacy", -32002), ("modern", -32602)):
                way = self.ask(era, "resources/read", {"uri": "y://8"})
                self.assertEqual(way.error, (200, expected))
                self.assertEqual(way.given.message["error"]["data"], {"uri": "y://8"})

    def test_bad_uri(self) -> None:
        """
        A URI that is missing, empty, no string or too long is refused in band.
        """
        for params in ({}, {"uri": None}, {"uri": 5}, {"uri": ["x://listed"]}, {"uri": ""}):
            self.assertEqual(self.ask("legacy", "resources/read", params).error, (200, -32602), params)
        for era in ERAS:
            self.assertEqual(self.ask(era, "resources/read", {"uri": ""}).error, (200, -32602))
            way = self.ask(era, "resources/read", {"uri": "y://" + "x" * 2048})
            self.assertEqual(way.error, (200, -32602))
            self.assertIn("at most 2048", way.given.message["error"]["message"])
        self.assertEqual(self.plugin.jobs, [])

    def test_candidates(self) -> None:
        """
        Where several plugins may have it, they are asked in turn until one has.
        """
        other = Plugin()
        self.house.serve(stock("p", self.plugin, **GOODS), stock("q", other, **GOODS))
        way = self.read("y://7")
        self.assertEqual(other.jobs, [])
        self.plugin.job.outcome.callback(Refusal(b"1", -32002, "no", None))
        self.assertEqual((way.answers, other.job.call.method), ([], "resources/read"))
        other.job.answer(contents=["q"])
        self.assertEqual((way.result["contents"], self.house.running), (["q"], 0))

    def test_no_candidate(self) -> None:
        """
        Where none of them has it, it is not found; and the listed owner of a URI is asked alone.
        """
        other = Plugin()
        self.house.serve(stock("p", self.plugin, **GOODS), stock("q", other, **GOODS))
        way = self.read("y://7")
        for plugin in (self.plugin, other):
            plugin.job.outcome.callback(Refusal(b"1", -32002, "no", None))
        self.assertEqual(way.error, (200, -32602))
        self.assertEqual(way.given.message["error"]["data"], {"uri": "y://7"})
        way = self.read("x://listed")
        self.plugin.jobs[1].outcome.callback(Refusal(b"1", -32002, "no", None))
        self.assertEqual((way.error, len(other.jobs)), ((200, -32602), 1))

    def test_cancel_second(self) -> None:
        """
        A read that is cancelled while the second of them is asked is cancelled there.
        """
        other = Plugin()
        self.house.serve(stock("p", self.plugin, **GOODS), stock("q", other, **GOODS))
        way = self.read("y://7")
        self.plugin.job.outcome.callback(Refusal(b"1", -32002, "no", None))
        way.hang_up()
        self.assertEqual((self.plugin.cancelled, other.cancelled), ([], other.jobs))
        self.assertEqual((way.answers, self.house.running), ([], 0))

    def test_own_path(self) -> None:
        """
        At its own path every URI is the plugin's to find, listed or not.
        """
        self.read("z://hidden", path=b"/mcp/p")
        self.assertEqual(message([self.given()["uri"]]), "z://hidden")

    def test_links(self) -> None:
        """
        What a plugin told of in a result can be read, of whatever route; what only a client said can't be.
        """
        link = {"type": "resource_link", "uri": "z://hidden", "name": "h"}
        for number, (method, params) in enumerate(ROUTES[:4]):
            uri = f"z://hidden/{number}"
            self.assertEqual(self.read(uri).error, (200, -32602))
            self.ask("modern", method, params)
            member = {"tools/call": "content", "prompts/get": "messages"}.get(method, "contents")
            self.plugin.jobs[-1].answer(**{member: [{**link, "uri": uri}]})
            jobs = len(self.plugin.jobs)
            for era in ERAS:
                self.ask(era, "resources/read", {"uri": uri}, f"read{number}")
            self.assertEqual(len(self.plugin.jobs), jobs + 2, method)

    def test_links_elsewhere(self) -> None:
        """
        What was told of by a plugin that is served no longer, or not here, is not found.
        """
        self.ask("modern", "tools/call", CALL)
        self.plugin.job.answer(content=[{"type": "resource_link", "uri": "z://hidden", "name": "h"}])
        other = Plugin()
        self.house.serve(stock("p", self.plugin), stock("q", other, features=frozenset({Feature.RESOURCES})))
        self.read("z://hidden", path=b"/mcp/q")
        self.assertEqual((len(self.plugin.jobs), len(other.jobs)), (1, 1))
        self.house.serve(stock("q", other))
        self.assertEqual(self.read("z://hidden").error, (200, -32602))
        self.assertEqual((len(self.plugin.jobs), len(other.jobs)), (1, 1))

    def test_kept(self) -> None:
        """
        A plugin may let everybody keep a resource only where nobody needs credentials.
        """
        for private, scope in ((True, "private"), (False, "public")):
            house = House(private=private)
            house.offer(**GOODS)
            way = house.modern("resources/read", {"uri": "x://listed"})
            house.plugin.job.answer(contents=[], ttlMs=5000, cacheScope="public")
            self.assertEqual((way.result["ttlMs"], way.result["cacheScope"]), (5000, scope))


class CompletionTests(Against):
    """
    Tests for completion.
    """

    def complete(self, era: str, ref: Any) -> Way:
        """
        Ask for a completion.
        """
        return self.ask(era, "completion/complete", {"ref": ref, "argument": ARGUMENT, "context": {}})

    def test_down(self) -> None:
        """
        The plugin is asked by its own name for the prompt, or by its template.
        """
        for era in ERAS:
            for name, value, own in (
                ("name", "p__greet", "greet"),
                ("uri", "y://{id}", "y://{id}"),
                ("uri", "x://listed", "x://listed"),
            ):
                type = "ref/prompt" if name == "name" else "ref/resource"
                way = self.complete(era, {"type": type, name: value, "title": "t"})
                given = {member: message([piece]) for member, piece in self.given().items()}
                ref = {"type": type, name: own, "title": "t"}
                self.assertEqual(given, {"ref": ref, "argument": ARGUMENT, "context": {}})
                self.plugin.jobs[-1].answer(completion={"values": ["w1"], "hasMore": True})
                self.assertEqual(way.result["completion"], {"values": ["w1"], "hasMore": True})

    def test_unknown(self) -> None:
        """
        A reference to nothing that there is is refused in band.
        """
        bad: tuple[Any, ...] = (
            None,
            5,
            "p__greet",
            [],
            {},
            {"type": "ref/tool", "name": "p__echo"},
            {"type": 5},
            {"type": "ref/prompt"},
            {"type": "ref/prompt", "name": 5},
            {"type": "ref/prompt", "name": "greet"},
            {"type": "ref/prompt", "name": "p__echo"},
            {"type": "ref/resource"},
            {"type": "ref/resource", "uri": None},
            {"type": "ref/resource", "uri": "z://{id}"},
        )
        for era in ERAS:
            for ref in bad:
                self.assertEqual(self.complete(era, ref).error, (200, -32602), ref)
            self.assertEqual(self.ask(era, "completion/complete", {}).error, (200, -32602))
        self.assertEqual((self.plugin.jobs, self.house.running), ([], 0))

    def test_no_completion(self) -> None:
        """
        What belongs to a plugin that completes nothing has no completions, and the plugin is not asked.
        """
        features = frozenset(Feature) - {Feature.COMPLETIONS}
        self.house.serve(stock("p", self.plugin, features=features, **GOODS), stock("q", Plugin()))
        for era in ERAS:
            for ref in (
                {"type": "ref/prompt", "name": "p__greet"},
                {"type": "ref/resource", "uri": "y://{id}"},
            ):
                self.assertEqual(self.complete(era, ref).result["completion"], {"values": []})
        self.assertEqual(self.plugin.jobs, [])
