# -*- test-case-name: tests.live.test_misuse -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a client with bad manners asks of lists, resources, streams, batches and subscriptions.

What each may get is an HTTP status and a JSON-RPC code, 0 for a result.  The
table needs a session of the newest legacy revision, one of a revision with
batches, and a plugin ``echo`` that lists ``test://static-text``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from attrs import frozen

from tests.live.client import MODERN, modern

UNREADABLE, INVALID, MISMATCH = (400, -32700), (400, -32600), (400, -32020)
PARAMS, NOT_FOUND, FINE, LOST, STRAY = (200, -32602), (200, -32002), (200, 0), (404, -31004), (400, -31000)
WRONG_METHOD, WRONG_TYPE, UNKNOWN = (405, -31005), (406, -31006), (404, -32601)

Fields = Mapping[str, str]

_LONG = "x" * 3000
_NO_CURSORS: tuple[object, ...] = (1, [], {}, "", "x", "A" * 200, _LONG)
_NO_TEXTS: tuple[object, ...] = (None, 1, [], {}, True)
# Nothing that a session ever sent ends so.
_NO_MARKS = ("0-999", "1-0", "99-1", "x", "-1", "0--1", "1-", "1-1-1", "0-99999999999999999", "é", "9" * 500)
_NO_FILTERS: tuple[object, ...] = (
    None, [], "all", {"toolsListChanged": "yes"}, {"toolsListChanged": 1}, {"resourceSubscriptions": "x"},
    {"resourceSubscriptions": [1]}, {"resourceSubscriptions": [_LONG]},
    {"resourceSubscriptions": ["x"] * 101},
)  # fmt: skip
_NO_REFERENCES: tuple[object, ...] = (
    *_NO_TEXTS, {"type": "ref/tool"}, {"type": "ref/prompt"}, {"type": "ref/prompt", "name": 5},
    {"type": "ref/resource", "uri": []}, {"type": "ref/resource", "uri": "no://where"},
)  # fmt: skip


@frozen
class Ask:
    """
    One case.

    Attributes:
        name: What is wrong with it.
        verb: The HTTP method.
        body: What is sent.
        fields: Fields besides those that every client sends.
        outcome: What it gets.
    """

    name: str
    verb: str
    body: bytes
    fields: Fields
    outcome: tuple[int, int]


@frozen
class Table:
    """
    Makes the table.

    Attributes:
        session: Fields of a session of the newest legacy revision.
        batching: Fields of one whose revision has batches.
    """

    session: Fields
    batching: Fields

    def cases(self) -> list[Ask]:
        """
        Make all cases.
        """
        return [*self._messages(), *self._listens(), *self._batches(), *self._streams()]

    def _legacy(self, name: str, method: str, params: object, outcome: tuple[int, int] = PARAMS) -> Ask:
        body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        return Ask(f"{method}: {name}", "POST", json.dumps(body).encode(), self.session, outcome)

    def _messages(self) -> Iterator[Ask]:
        for method in ("tools/list", "prompts/list", "resources/list", "resources/templates/list"):
            for cursor in _NO_CURSORS:
                yield self._legacy(f"cursor {cursor!r:.20}", method, {"cursor": cursor})
        for method in ("resources/read", "resources/subscribe", "resources/unsubscribe"):
            for uri in (*_NO_TEXTS, "", _LONG, "test://static-text/../x", "test://a/%2e%2E", "\0"):
                yield self._legacy(f"uri {uri!r:.20}", method, {"uri": uri})
        for method in ("resources/read", "resources/subscribe"):
            for uri in ("no://where", "test://static-text/./x", "test://STATIC-TEXT", "\u202e"):
                yield self._legacy(f"uri {uri!r}", method, {"uri": uri}, NOT_FOUND)
        for name in (*_NO_TEXTS, "", "nothing", _LONG):
            yield self._legacy(f"name {name!r:.20}", "prompts/get", {"name": name})
        for ref in _NO_REFERENCES:
            yield self._legacy(f"ref {ref!r:.50}", "completion/complete", {"ref": ref})
        for level in (*_NO_TEXTS, "", "INFO", "all"):
            yield self._legacy(f"level {level!r}", "logging/setLevel", {"level": level})
        for method in ("resources/read", "resources/list", "prompts/get", "logging/setLevel"):
            half = {name: "\ud800" for name in ("uri", "cursor", "name", "level")}
            yield self._legacy("half a surrogate pair", method, half, UNREADABLE)
        yield self._legacy("a modern method", "subscriptions/listen", {"notifications": {}}, (200, -32601))

    def _listens(self) -> Iterator[Ask]:
        fields = {"MCP-Protocol-Version": MODERN, "Mcp-Method": "subscriptions/listen"}
        for wanted in _NO_FILTERS:
            body = json.dumps(modern(1, "subscriptions/listen", {"notifications": wanted})).encode()
            yield Ask(f"listen: {wanted!r:.50}", "POST", body, fields, PARAMS)
        body = json.dumps(modern(1, "subscriptions/listen", {"notifications": {}})).encode()
        other = {**fields, "Mcp-Method": "tools/list"}
        yield Ask("listen: another method in the field", "POST", body, other, MISMATCH)
        other = {"Mcp-Method": "subscriptions/listen"}
        yield Ask("listen: another version in the field", "POST", body, other, MISMATCH)
        yield Ask("listen: a batch", "POST", b"[%b]" % body, fields, INVALID)
        within = {**self.batching, **fields}
        yield Ask("listen: a batch in a session", "POST", b"[%b,%b]" % (body, body), within, INVALID)
        for method in ("resources/subscribe", "resources/unsubscribe", "logging/setLevel", "ping"):
            body = json.dumps(modern(1, method, {"uri": "test://static-text"})).encode()
            yield Ask(f"modern: {method}", "POST", body, {**fields, "Mcp-Method": method}, UNKNOWN)

    def _batches(self) -> Iterator[Ask]:
        ping = b'{"jsonrpc":"2.0","id":%d,"method":"ping"}'
        yield Ask("batch: where there are none", "POST", b"[%b]" % (ping % 1), self.session, INVALID)
        yield Ask("batch: no session", "POST", b"[%b]" % (ping % 1), {}, INVALID)
        yield Ask("batch: empty", "POST", b"[]", self.batching, INVALID)
        many = b",".join(ping % number for number in range(101))
        yield Ask("batch: too many", "POST", b"[%b]" % many, self.batching, INVALID)
        for item in (b"1", b"null", b"[]", b'"x"', b"[%b]" % (ping % 1), b'{"jsonrpc":"2.0","id":1}'):
            yield Ask(f"batch: {item!r}", "POST", b"[%b]" % item, self.batching, (200, -32600))
        shake = b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-03-26"}}'
        yield Ask("batch: initialize", "POST", b"[%b]" % shake, self.batching, (200, -32600))

    def _streams(self) -> Iterator[Ask]:
        lost = {**self.session, "Mcp-Session-Id": "nobody"}
        yield Ask("GET: no session", "GET", b"", {}, INVALID)
        yield Ask("GET: a session that is none", "GET", b"", lost, LOST)
        yield Ask("GET: of the modern era", "GET", b"", {"MCP-Protocol-Version": MODERN}, WRONG_METHOD)
        unwanted = {**self.session, "Accept": "application/json"}
        yield Ask("GET: no stream wanted", "GET", b"", unwanted, WRONG_TYPE)
        for mark in _NO_MARKS:
            yield Ask(f"GET: after {mark:.20}", "GET", b"", {**self.session, "Last-Event-ID": mark}, STRAY)
        yield Ask("DELETE: no session", "DELETE", b"", {}, INVALID)
        yield Ask("DELETE: a session that is none", "DELETE", b"", lost, LOST)
        yield Ask("DELETE: of the modern era", "DELETE", b"", {"MCP-Protocol-Version": MODERN}, WRONG_METHOD)
