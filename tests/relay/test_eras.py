# -*- test-case-name: tests.relay.test_eras -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.eras`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd import __version__
from mcpd.relay.eras import Legacy, Modern, Tongue
from mcpd.relay.subject import Subject
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece, Refusal
from mcpd.wire.revision import LEGACY_NAMES, MODERN, NEWEST_LEGACY, REVISIONS
from tests.relay.goods import members, raw

LEGACY: Tongue = Legacy(NEWEST_LEGACY)
OLDEST: Tongue = Legacy(REVISIONS["2024-11-05"])
NEW: Tongue = Modern()
TONGUES: tuple[Tongue, ...] = (*(Legacy(REVISIONS[name]) for name in LEGACY_NAMES), NEW)
SERVER_INFO = "io.modelcontextprotocol/serverInfo"
OURS = {"name": "mcpd", "title": "mcpd", "version": __version__}
STAMP = {"resultType": "complete", "_meta": {SERVER_INFO: OURS}}
TOOL = Subject("tools/call")
LIST = Subject("tools/call", wrapped=True)
PROMPT = Subject("prompts/get")
COMPLETION = Subject("completion/complete")
RESOURCE = Subject("resources/read", uri="file:///a")
SHARED = Subject("resources/read", uri="file:///a", private=False)
CONTENT = [{"type": "text", "text": "x"}]
AUDIO = {"type": "audio", "mimeType": "audio/wav", "data": "UklGRg=="}
# What plugins say of file:///a when it is not there, and what clients are told.
NOT_FOUND: tuple[tuple[Raw | None, Any], ...] = (
    (None, {"uri": "file:///a"}),
    (raw(None), {"uri": "file:///a"}),
    (raw({"uri": "file:///b"}), {"uri": "file:///b"}),
    (raw({"x": 1}), {"x": 1, "uri": "file:///a"}),
    (raw("gone"), "gone"),
)


def read(parts: Sequence[Piece]) -> Any:
    """
    Read a message that was put together.
    """
    return json.loads(write.join(parts))


def fitted(tongue: Tongue, subject: Subject = TOOL, /, **result: Any) -> Any:
    """
    Give a plugin's result to a client, and read what it is given.
    """
    parts, status = tongue.fitted(b'"7"', members(**result), subject)
    message = read(parts)
    assert status == 200
    assert (message["jsonrpc"], message["id"]) == ("2.0", "7")
    return message["result"]


def refused(
    tongue: Tongue, code: int, data: Raw | None = None, subject: Subject = TOOL, text: str = "no"
) -> tuple[int, Any]:
    """
    Give a plugin's error to a client: the HTTP status, and the error.
    """
    parts, status = tongue.refusal(b"7", Refusal(b"3", code, text, data), subject)
    message = read(parts)
    assert message["id"] == 7
    return status, message["error"]


class LegacyTests(SynchronousTestCase):
    """
    Tests for clients that shook hands.
    """

    def test_own(self) -> None:
        """
        A result of ours is given as it is: a ping's is exactly an empty object.
        """
        parts, status = LEGACY.result(b"1", {})
        self.assertEqual((read(parts), status), ({"jsonrpc": "2.0", "id": 1, "result": {}}, 200))

    def test_legacy_plugin(self) -> None:
        """
        A legacy plugin's result passes, whatever it has.
        """
        result = {"content": CONTENT, "isError": True, "_meta": {"x": 1}, "more": None}
        self.assertEqual(fitted(LEGACY, **result), result)

    def test_modern_plugin(self) -> None:
        """
        What only modern results have is taken out of a modern plugin's.
        """
        meta = {SERVER_INFO: {"name": "secret", "version": "0"}}
        result = {"resultType": "complete", "ttlMs": 1, "cacheScope": "public", "content": CONTENT}
        self.assertEqual(fitted(LEGACY, **result, _meta=meta), {"content": CONTENT})
        self.assertEqual(
            fitted(LEGACY, content=CONTENT, _meta=meta | {"example.org/x": [1]}),
            {"content": CONTENT, "_meta": {"example.org/x": [1]}},
        )

    def test_bytes(self) -> None:
        """
        Values pass byte by byte: no number is read and written again.
        """
        for result in (
            {"content": Raw(b"[1.50, 1E400]")},
            {"content": Raw(b"[1.50, 1E400]"), "resultType": raw("complete")},
        ):
            parts, _ = LEGACY.fitted(b"1", result, TOOL)
            self.assertIn(b'"content":[1.50, 1E400]', b"".join(parts))

    def test_strange_meta(self) -> None:
        """
        A ``_meta`` that is no object is the plugin's affair.
        """
        self.assertEqual(fitted(LEGACY, content=[], _meta=5), {"content": [], "_meta": 5})

    def test_wrapped(self) -> None:
        """
        A structured result is put into the object that the list of tools promised.
        """
        result = fitted(LEGACY, LIST, resultType="complete", content=CONTENT, structuredContent=[1])
        self.assertEqual(result, {"content": CONTENT, "structuredContent": {"result": [1]}})

    def test_input(self) -> None:
        """
        A plugin that asks for input, which can't be given, is an error and not an odd result.
        """
        for kind, word in (("input_required", "input"), ("task", "unknown"), (5, "unknown")):
            fault = self.assertRaises(
                Fault, LEGACY.fitted, b"1", members(resultType=kind, inputRequests={"secret": {}}), TOOL
            )
            self.assertIs(fault.kind, Kind.INTERNAL)
            self.assertIn(word, fault.text)
            self.assertNotIn("secret", fault.text)

    def test_poor(self) -> None:
        """
        A tool's result without content, which no client could read, has some.
        """
        self.assertEqual(fitted(LEGACY, isError=True), {"content": [], "isError": True})
        for client in (LEGACY, NEW):
            self.assertEqual(fitted(client, content="x")["content"], [{"type": "text", "text": "x"}])
        text = [{"type": "text", "text": "[1]"}]
        result = fitted(LEGACY, LIST, structuredContent=[1])
        self.assertEqual(result, {"content": text, "structuredContent": {"result": [1]}})

    def test_other_results(self) -> None:
        """
        A prompt, a resource and a completion pass without what only modern results have.
        """
        meta = {SERVER_INFO: {"name": "secret", "version": "0"}}
        modern = {"resultType": "complete", "ttlMs": 5, "cacheScope": "public", "_meta": meta}
        results: dict[Subject, dict[str, Any]] = {
            PROMPT: {"messages": [{"role": "user", "content": CONTENT[0]}], "description": "d"},
            RESOURCE: {"contents": [{"uri": "file:///a", "text": "x"}]},
            COMPLETION: {"completion": {"values": []}},
        }
        for subject, result in results.items():
            for tongue in TONGUES[:-1]:
                self.assertEqual(fitted(tongue, subject, **result), result)
                self.assertEqual(fitted(tongue, subject, **result, **modern), result)

    def test_older(self) -> None:
        """
        What is newer than a client's revision is a text to it, in a tool's result and in a prompt.
        """
        newer = {"resultType": "complete", "content": [AUDIO, *CONTENT]}
        first, second = fitted(OLDEST, **newer)["content"]
        self.assertEqual((first["type"], [second]), ("text", CONTENT))
        self.assertIn("audio/wav", first["text"])
        (message,) = fitted(OLDEST, PROMPT, messages=[{"role": "user", "content": AUDIO}])["messages"]
        self.assertEqual((message["role"], message["content"]["type"]), ("user", "text"))
        for tongue in TONGUES[1:]:
            self.assertEqual(fitted(tongue, **newer)["content"], newer["content"])

    def test_errors(self) -> None:
        """
        A plugin's error passes with its data and HTTP 200; a code of the modern era never does.
        """
        for code in (-32602, -32603, -32002, -32042, -32000, -1, 5):
            self.assertEqual(refused(LEGACY, code), (200, {"code": code, "message": "no"}))
        for code in (-32020, -32022):
            for subject in (TOOL, RESOURCE):
                error = {"code": -32602, "message": "no"}
                self.assertEqual(refused(LEGACY, code, subject=subject), (200, error))
        self.assertEqual(refused(LEGACY, -32002, raw({"uri": "a:b"}))[1]["data"], {"uri": "a:b"})

    def test_not_found(self) -> None:
        """
        A resource that is not there is told of as the legacy era does, with its URI.
        """
        for code in (-32002, -32602):
            for data, told in NOT_FOUND:
                status, error = refused(LEGACY, code, data, RESOURCE)
                self.assertEqual((status, error["code"], error["data"]), (200, -32002, told))
        self.assertEqual(refused(LEGACY, -32603, subject=RESOURCE)[1], {"code": -32603, "message": "no"})

    def test_capability(self) -> None:
        """
        A plugin that needs what a legacy client can't give has its say as the tool's result, for the model.
        """
        refusal = Refusal(b"3", -32021, 'needs "sampling"' + 5000 * "!", raw({"x": 1}))
        parts, status = LEGACY.refusal(b"7", refusal, TOOL)
        result = read(parts)["result"]
        self.assertEqual((status, result["isError"]), (200, True))
        (item,) = result["content"]
        self.assertEqual((item["type"], len(item["text"])), ("text", 4096))
        self.assertIn('needs "sampling"', item["text"])

    def test_other_capability(self) -> None:
        """
        A prompt or a resource that needs what a legacy client can't give is an error.
        """
        for subject in (PROMPT, RESOURCE, COMPLETION):
            error = {"code": -32603, "message": "no"}
            self.assertEqual(refused(LEGACY, -32021, subject=subject), (200, error))

    def test_status(self) -> None:
        """
        Whatever goes wrong with a request that was taken, its answer is HTTP 200; too much is not taken.
        """
        others = {LEGACY.status(Fault(kind, "x")) for kind in Kind if kind is not Kind.OVERLOADED}
        self.assertEqual((others, LEGACY.status(Fault(Kind.OVERLOADED, "x"))), ({200}, 503))

    def test_hang_up(self) -> None:
        """
        A legacy client's disconnect is no cancellation, a modern one's is.
        """
        self.assertFalse(LEGACY.hang_up_cancels)
        self.assertTrue(NEW.hang_up_cancels)
        self.assertIs(NEW.revision, MODERN)


class ModernTests(SynchronousTestCase):
    """
    Tests for clients that say everything in each request.
    """

    def test_own(self) -> None:
        """
        A result of ours says that it is complete and who gave it.
        """
        parts, status = NEW.result(b"1", {"ttlMs": b"0"})
        expected = {"resultType": "complete", "ttlMs": 0, "_meta": {SERVER_INFO: OURS}}
        self.assertEqual((read(parts)["result"], status), (expected, 200))

    def test_legacy_plugin(self) -> None:
        """
        A legacy plugin's result is given what every modern result has.
        """
        result = fitted(NEW, content=CONTENT, isError=False)
        self.assertEqual(result, {"content": CONTENT, "isError": False, **STAMP})
        theirs = fitted(NEW, content=CONTENT, _meta={"example.org/x": 1})["_meta"]
        self.assertEqual(theirs, {"example.org/x": 1, SERVER_INFO: OURS})

    def test_modern_plugin(self) -> None:
        """
        A modern plugin's result passes, but the server that the client knows is we.
        """
        theirs = {SERVER_INFO: {"name": "secret", "version": "0"}, "example.org/x": [1]}
        result = fitted(NEW, resultType="complete", content=CONTENT, _meta=theirs, more=1)
        ours = {SERVER_INFO: OURS, "example.org/x": [1]}
        self.assertEqual(result, {"resultType": "complete", "content": CONTENT, "_meta": ours, "more": 1})

    def test_strange_meta(self) -> None:
        """
        A ``_meta`` that is no object gives way to ours.
        """
        self.assertEqual(fitted(NEW, content=[], _meta=5)["_meta"], {SERVER_INFO: OURS})

    def test_once(self) -> None:
        """
        No member of a result stands twice, whatever the plugin gave.
        """
        for result in (
            members(_meta={}),
            members(resultType="complete"),
            members(_meta={}, resultType="complete"),
        ):
            parts, _ = NEW.fitted(b"1", result, TOOL)
            joined = b"".join(parts)
            self.assertEqual((joined.count(b'"_meta"'), joined.count(b'"resultType"')), (1, 1))

    def test_not_wrapped(self) -> None:
        """
        Any structured result is good for a modern client.
        """
        result = fitted(NEW, LIST, resultType="complete", content=[], structuredContent=[1])
        self.assertEqual(result["structuredContent"], [1])

    def test_input(self) -> None:
        """
        A plugin that asks for input, or answers in a way that has no meaning here, is an error.
        """
        kinds: tuple[Any, ...] = ("input_required", "task", None, {})
        for kind in kinds:
            fault = self.assertRaises(Fault, NEW.fitted, b"1", members(resultType=kind), TOOL)
            self.assertIs(fault.kind, Kind.INTERNAL)

    def test_poor(self) -> None:
        """
        A tool's result without content, which no client could read, has some.
        """
        self.assertEqual(fitted(NEW, isError=True), {"content": [], "isError": True, **STAMP})
        text = [{"type": "text", "text": "[1]"}]
        result = fitted(NEW, LIST, resultType="complete", structuredContent=[1])
        self.assertEqual(result, {"content": text, "structuredContent": [1], **STAMP})

    def test_other_results(self) -> None:
        """
        A prompt and a completion pass, and say nothing of how long they may be kept.
        """
        results: dict[Subject, dict[str, Any]] = {
            PROMPT: {"messages": [{"role": "user", "content": AUDIO}], "content": []},
            COMPLETION: {"completion": {"values": []}},
            TOOL: {"content": CONTENT},
        }
        for subject, result in results.items():
            self.assertEqual(fitted(NEW, subject, **result), {**result, **STAMP})
            cached = fitted(NEW, subject, **result, ttlMs=5, cacheScope="public")
            self.assertEqual(cached, {**result, **STAMP})

    def test_resource(self) -> None:
        """
        A resource says how long it may be kept and for whom: as its plugin says, or not at all.
        """
        contents = [{"uri": "file:///a", "text": "x"}]
        for given, told in (
            ({}, (0, "private")),
            ({"ttlMs": 5, "cacheScope": "public"}, (5, "public")),
            ({"ttlMs": 0, "cacheScope": "private"}, (0, "private")),
            ({"ttlMs": 86_400_000}, (86_400_000, "private")),
            ({"ttlMs": 86_400_001}, (86_400_000, "private")),
            ({"ttlMs": 10**5000}, (86_400_000, "private")),
            ({"ttlMs": -1, "cacheScope": "all"}, (0, "private")),
            ({"ttlMs": 1.5, "cacheScope": 5}, (0, "private")),
            ({"ttlMs": "5", "cacheScope": None}, (0, "private")),
        ):
            result = members(contents=contents)
            for name, value in given.items():
                result[name] = Raw(b"1%b" % (5000 * b"0")) if value == 10**5000 else raw(value)
            said = read(NEW.fitted(b"1", result, SHARED)[0])["result"]
            self.assertEqual((said.pop("ttlMs"), said.pop("cacheScope")), told, given.keys())
            self.assertEqual(said, {"contents": contents, **STAMP})

    def test_private(self) -> None:
        """
        A resource that is read with credentials is never for all, whatever its plugin says.
        """
        result = fitted(NEW, RESOURCE, contents=[], ttlMs=5, cacheScope="public", resultType="complete")
        self.assertEqual((result["ttlMs"], result["cacheScope"]), (5, "private"))

    def test_errors(self) -> None:
        """
        A plugin's error passes with HTTP 200 and its data, unless its code means something else here.
        """
        data: dict[str, Any] = {"requiredCapabilities": {"sampling": {}}}
        for code, given in {
            -32602: (200, -32602),
            -32603: (200, -32603),
            -1: (200, -1),
            -31000: (200, -31000),
            # Not found is an ordinary parameter now.
            -32002: (200, -32602),
            # Ours to have sent and the plugin's to complain of.
            -32020: (200, -32603),
            -32022: (200, -32603),
            # The client's own.
            -32021: (400, -32021),
        }.items():
            for subject in (TOOL, PROMPT, COMPLETION):
                status, error = refused(NEW, code, raw(data), subject)
                self.assertEqual((status, error["code"]), given, code)
                self.assertEqual(error["data"], data)

    def test_url(self) -> None:
        """
        A legacy plugin that wants its user at a web address is an error, and the address is not told.
        """
        data = raw({"elicitations": [{"url": "https://example.org/secret"}]})
        self.assertEqual(refused(NEW, -32042, data), (200, {"code": -32603, "message": "no"}))

    def test_not_found(self) -> None:
        """
        A resource that is not there is told of as the modern era does, with its URI.
        """
        for code in (-32002, -32602):
            for data, told in NOT_FOUND:
                status, error = refused(NEW, code, data, RESOURCE)
                self.assertEqual((status, error["code"], error["data"]), (200, -32602, told))

    def test_bounds(self) -> None:
        """
        An error that is out of all bounds is one that every client can read.
        """
        for tongue in TONGUES:
            for code in (2**31, -(2**31) - 1, 2**62):
                self.assertEqual(refused(tongue, code)[1]["code"], -32603)
            for code in (2**31 - 1, -(2**31), 0):
                self.assertEqual(refused(tongue, code)[1]["code"], code)
            self.assertEqual(refused(tongue, 1, text=4096 * "é")[1]["message"], 4096 * "é")
            self.assertEqual(refused(tongue, 1, text=5000 * "é")[1]["message"], 4096 * "é")

    def test_status(self) -> None:
        """
        A fault has the HTTP status of its kind.
        """
        self.assertEqual(NEW.status(Fault(Kind.UNKNOWN_METHOD, "x")), 404)
        self.assertEqual(NEW.status(Fault(Kind.PLUGIN_GONE, "x")), 200)
