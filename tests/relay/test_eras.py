# -*- test-case-name: tests.relay.test_eras -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.eras`.
"""

from __future__ import annotations

from typing import Any

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd import __version__
from mcpd.relay.eras import Legacy, Modern, Tongue
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Refusal
from mcpd.wire.revision import MODERN, NEWEST_LEGACY
from tests.relay.stage import SERVER_INFO, members, raw, read, tool

LEGACY: Tongue = Legacy(NEWEST_LEGACY)
NEW: Tongue = Modern()
OURS = {"name": "mcpd", "title": "mcpd", "version": __version__}
PLAIN = tool()
LIST = tool(outputSchema={"type": "array"})
CONTENT = [{"type": "text", "text": "x"}]


def fitted(tongue: Tongue, tool: Any = PLAIN, **result: Any) -> Any:
    """
    Give a plugin's result to a client, and read what it is given.
    """
    parts, status = tongue.fitted(b'"7"', members(**result), tool)
    message = read(parts)
    assert status == 200
    assert (message["jsonrpc"], message["id"]) == ("2.0", "7")
    return message["result"]


def refused(tongue: Tongue, code: int, data: Raw | None = None) -> tuple[int, Any]:
    """
    Give a plugin's error to a client: the HTTP status, and the error.
    """
    parts, status = tongue.refusal(b"7", Refusal(b"3", code, "no", data))
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
            parts, _ = LEGACY.fitted(b"1", result, PLAIN)
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
                Fault, LEGACY.fitted, b"1", members(resultType=kind, inputRequests={"secret": {}}), PLAIN
            )
            self.assertIs(fault.kind, Kind.INTERNAL)
            self.assertIn(word, fault.text)
            self.assertNotIn("secret", fault.text)

    def test_errors(self) -> None:
        """
        A plugin's error passes with its data and HTTP 200; a code of the modern era never does.
        """
        for code in (-32602, -32603, -32002, -32042, -32000, -1, 5):
            self.assertEqual(refused(LEGACY, code), (200, {"code": code, "message": "no"}))
        for code in (-32020, -32022):
            self.assertEqual(refused(LEGACY, code), (200, {"code": -32602, "message": "no"}))
        self.assertEqual(refused(LEGACY, -32002, raw({"uri": "a:b"}))[1]["data"], {"uri": "a:b"})

    def test_capability(self) -> None:
        """
        A plugin that needs what a legacy client can't give has its say as the tool's result, for the model.
        """
        parts, status = LEGACY.refusal(b"7", Refusal(b"3", -32021, 'needs "sampling"', raw({"x": 1})))
        result = read(parts)["result"]
        self.assertEqual((status, result["isError"]), (200, True))
        (item,) = result["content"]
        self.assertEqual(item["type"], "text")
        self.assertIn('needs "sampling"', item["text"])

    def test_status(self) -> None:
        """
        Whatever goes wrong with a request that was taken, its answer is HTTP 200.
        """
        self.assertEqual({LEGACY.status(Fault(kind, "x")) for kind in Kind}, {200})

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
        stamp = {"resultType": "complete", "_meta": {SERVER_INFO: OURS}}
        self.assertEqual(result, {"content": CONTENT, "isError": False, **stamp})
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
            parts, _ = NEW.fitted(b"1", result, PLAIN)
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
            fault = self.assertRaises(Fault, NEW.fitted, b"1", members(resultType=kind), PLAIN)
            self.assertIs(fault.kind, Kind.INTERNAL)

    def test_errors(self) -> None:
        """
        A plugin's error passes with HTTP 200 and its data, unless its code means something else here.
        """
        for code, given in {
            -32602: (200, -32602),
            -32603: (200, -32603),
            -1: (200, -1),
            -31000: (200, -31000),
            # Not found is an ordinary parameter now, and URL elicitation an answer of another kind.
            -32002: (200, -32602),
            -32042: (200, -32603),
            # Ours to have sent and the plugin's to complain of.
            -32020: (200, -32603),
            -32022: (200, -32603),
            # The client's own.
            -32021: (400, -32021),
        }.items():
            data = raw({"requiredCapabilities": {"sampling": {}}})
            status, error = refused(NEW, code, data)
            self.assertEqual((status, error["code"]), given, code)
            self.assertEqual(error["data"], {"requiredCapabilities": {"sampling": {}}})

    def test_status(self) -> None:
        """
        A fault has the HTTP status of its kind.
        """
        self.assertEqual(NEW.status(Fault(Kind.UNKNOWN_METHOD, "x")), 404)
        self.assertEqual(NEW.status(Fault(Kind.PLUGIN_GONE, "x")), 200)
