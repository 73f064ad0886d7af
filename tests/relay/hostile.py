# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Messages that a client with bad manners posts, in both eras, and what may be answered.

An outcome is an HTTP status and a JSON-RPC code: 0 for a result, None where
nothing is said.  The table needs a session, and a plugin that has a tool
``p__echo`` and answers whatever it is given.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable, Iterator, Set
from typing import Any

from attrs import frozen

from mcpd.wire import headers
from tests.relay.stage import CAPABILITIES, ENVELOPE, VERSION

Fields = tuple[tuple[bytes, bytes], ...]
Outcome = tuple[int, int | None]

UNREADABLE, INVALID, ENVELOPED, MISMATCH = (400, -32700), (400, -32600), (400, -32602), (400, -32020)
UNSUPPORTED, PARAMS, FINE, TAKEN, LOST = (400, -32022), (200, -32602), (200, 0), (202, None), (404, -31004)
BAD_TYPE, BAD_ACCEPT, REFUSED = (415, -31015), (406, -31006), (400, -31000)
UNKNOWN = {"legacy": (200, -32601), "modern": (404, -32601)}

_TYPES: Fields = (
    (b"Content-Type", b"application/json"),
    (b"Accept", b"application/json, text/event-stream"),
)
_META = json.dumps(ENVELOPE).encode()
_DEEP = 100_000

NOT_JSON = {
    "nothing": b"",
    "blanks": b" \r\n\t ",
    "half": b'{"jsonrpc":"2.0","id":1,"meth',
    "two": b'{"jsonrpc":"2.0","id":1,"method":"ping"}{}',
    "a comma too much": b'{"jsonrpc":"2.0","id":1,"method":"ping",}',
    "single quotes": b"{'jsonrpc':'2.0','id':1,'method':'ping'}",
    "a comment": b'{"jsonrpc":"2.0",/**/"id":1,"method":"ping"}',
    "no quotes": b"{jsonrpc:2.0}",
    "a BOM": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"ping"}',
    "UTF-16": '{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-16"),
    "UTF-32": '{"jsonrpc":"2.0","id":1,"method":"ping"}'.encode("utf-32-le"),
    "latin-1": b'{"jsonrpc":"2.0","id":1,"method":"p\xefng"}',
    "a surrogate": b'{"jsonrpc":"2.0","id":1,"method":"\xed\xa0\x80"}',
    "half a surrogate pair": b'{"jsonrpc":"2.0","id":1,"method":"\\ud800"}',
    "overlong": b'{"jsonrpc":"2.0","id":1,"method":"\xc0\xaf"}',
    "NUL bytes": b"\0" * 100,
    "a NUL in a string": b'{"jsonrpc":"2.0","id":1,"method":"a\0b"}',
    "a line end in a string": b'{"jsonrpc":"2.0","id":1,"method":"a\nb"}',
    "NaN": b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}',
    "infinity": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":-Infinity}}',
    "a leading zero": b'{"jsonrpc":"2.0","id":01,"method":"ping"}',
    "a form": b"a=b&c=d",
    "XML": b"<?xml version='1.0'?><!DOCTYPE x SYSTEM 'file:///etc/passwd'><x/>",
    "HTTP": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
    "SSE": b'data: {"jsonrpc":"2.0"}\n\n',
    "binary": bytes(range(256)),
    "deep arrays": b"[" * _DEEP,
    "deep objects": b'{"a":' * _DEEP,
}
NO_MESSAGE = {
    "null": b"null",
    "a number": b"5",
    "a string": b'"ping"',
    "an empty object": b"{}",
    "no version": b'{"id":1,"method":"ping"}',
    "version 1": b'{"jsonrpc":"1.0","id":1,"method":"ping"}',
    "a number for a version": b'{"jsonrpc":2.0,"id":1,"method":"ping"}',
    "no method": b'{"jsonrpc":"2.0","id":1}',
    "a number for a method": b'{"jsonrpc":"2.0","id":1,"method":5}',
    "null for a method": b'{"jsonrpc":"2.0","id":1,"method":null}',
    "an empty batch": b"[]",
    "a batch": b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
    "a batch of nothings": b"[1,null,[]]",
    "an endless batch": b"[%b1]" % (b"1," * 100_000),
    "an answer": b'{"jsonrpc":"2.0","id":1,"result":{}}',
    "an error": b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}',
    "an error of nothing": b'{"jsonrpc":"2.0","error":{"code":1,"message":"x"}}',
    "request and answer": b'{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}',
    "two ids": b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
    "two methods": b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}',
    "two params": b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"params":{"a":1}}',
    "an escaped name": b'{"jsonrpc":"2.0","id":1,"meth\\u006fd":"ping"}',
    "an escaped method": b'{"jsonrpc":"2.0","id":1,"method":"p\\u0069ng"}',
    "an endless method": b'{"jsonrpc":"2.0","id":1,"method":"%b"}' % (b"x" * 129),
}
IDS = (
    b"null",
    b"1.5",
    b"1e3",
    b"1.0",
    b"-0.0",
    b"true",
    b"false",
    b"[]",
    b'["x"]',
    b"{}",
    b'"%b"' % (b"x" * 127),
)
GOOD_IDS = (
    b"0",
    b"-1",
    b'""',
    b'"0"',
    '"é"'.encode(),
    b'"\\u0000"',
    b"9" * 40,
    b'"</script>"',
    b'"\\ud83d\\ude00"',
)
METHODS = (
    "",
    " ",
    "tools",
    "tools/",
    "/tools/list",
    "Tools/list",
    "../tools/list",
    "tools/list?x",
    "__class__",
    "x" * 128,
)
STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1.5,
    "",
    "x",
    [],
    [[]],
    {},
    {"": {}},
    [None],
    "\0",
    "\U0001f600" * 20,
    "x/../y",
)
# Those of them that may be the URI of a resource.
URIS = ("x", "\U0001f600" * 20)
VALUES = {
    "null": (b"null", {FINE}),
    "a long number": (b"9" * 10_000, {FINE, UNREADABLE}),
    "a huge number": (b"1E999999", {FINE, UNREADABLE}),
    "a tiny number": (b"1E-999999", {FINE, UNREADABLE}),
    "minus zero": (b"-0.0", {FINE}),
    "a long string": (b'"%b"' % (b"x" * 1_000_000), {FINE}),
    "NUL": (b'"\\u0000"', {FINE}),
    "line ends": (b'"\\r\\n\\u2028\\u2029"', {FINE}),
    "HTML": (b'"</script><script>alert(1)</script>"', {FINE}),
    "an event": (b'"\\n\\ndata: x\\n\\n"', {FINE}),
    "the same member": (b'{"a":1,"a":2}', {FINE, INVALID}),
    "a prototype": (b'{"__proto__":{"x":1},"constructor":1}', {FINE}),
    "half a surrogate pair": (b'"\\udc00"', {FINE, UNREADABLE}),
    "a deep array": (b"[" * _DEEP + b"]" * _DEEP, {FINE, UNREADABLE}),
    "a deep object": (b'{"a":' * _DEEP + b"1" + b"}" * _DEEP, {FINE, UNREADABLE}),
    "many members": (b"{%b}" % b",".join(b'"%d":0' % number for number in range(20_000)), {FINE}),
    "blanks": (b" " * 100_000 + b"1", {FINE}),
    "not UTF-8": (b'"\xff"', {UNREADABLE}),
    "a surrogate": (b'"\xed\xa0\x80"', {UNREADABLE}),
    "a bare NUL": (b'"\0"', {UNREADABLE}),
    "NaN": (b"NaN", {UNREADABLE}),
    "an open string": (b'"x', {UNREADABLE}),
    "a closing brace": (b"1}", {UNREADABLE}),
}
ODD_FIELDS = (
    b"",
    b"x",
    b"null",
    b"\xff\xfe",
    "é".encode(),
    b"a,b",
    b"../../etc/passwd",
    b"%0d%0a",
    b"x" * 5000,
    b"{}",
)


@frozen
class Case:
    """
    One case.

    Attributes:
        name: What is wrong with it.
        body: What is posted.
        fields: Every header field beside Host and the length.
        outcomes: What may come of it.
        method: The HTTP method.
    """

    name: str
    body: bytes
    fields: Fields
    outcomes: Set[Outcome]
    method: bytes = b"POST"


@frozen
class Hostile:
    """
    Makes the table.

    Attributes:
        session: A session that is there.
    """

    session: bytes

    def cases(self) -> Iterator[Case]:
        """
        Make all cases; the names are unique.
        """
        for era in ("legacy", "modern"):
            yield from self._texts(era)
            yield from self._requests(era)
            yield from self._calls(era)
            yield from self._types(era)
            yield from self._asked(era)
        yield from self._in_session()
        yield from self._listening()
        yield from self._streams()
        yield from self._meta()
        yield from self._modern_fields()
        yield from self._legacy_fields()
        yield from self._notices()

    def _fields(self, era: str, method: bytes = b"tools/list", name: bytes | None = None) -> Fields:
        if era == "legacy":
            return (*_TYPES, (b"Mcp-Session-Id", self.session))
        fields = ((b"MCP-Protocol-Version", b"2026-07-28"), (b"Mcp-Method", method))
        return (*_TYPES, *fields) if name is None else (*_TYPES, *fields, (b"Mcp-Name", name))

    def _texts(self, era: str) -> Iterator[Case]:
        for texts, outcome in ((NOT_JSON, UNREADABLE), (NO_MESSAGE, INVALID)):
            for name, text in texts.items():
                yield Case(f"{era} text: {name}", text, self._fields(era), {outcome})

    def _requests(self, era: str) -> Iterator[Case]:
        for ids, outcome in ((IDS, INVALID), (GOOD_IDS, FINE)):
            for id in ids:
                yield Case(
                    f"{era} id: {id!r}", request(b"tools/list", era, id=id), self._fields(era), {outcome}
                )
        for method in METHODS:
            name = method.encode()
            allowed = {UNKNOWN[era], MISMATCH} if method == " " else {UNKNOWN[era]}
            yield Case(f"{era} method: {method}", request(name, era), self._fields(era, name), allowed)
        for value in (b"null", b"[]", b"1", b'"x"', b"true"):
            body = b'{"jsonrpc":"2.0","id":1,"method":"tools/list","params":%b}' % value
            yield Case(f"{era} params: {value!r}", body, self._fields(era), {INVALID})
        for index, value in enumerate(STRANGE):
            body = request(b"tools/list", era, cursor=value)
            yield Case(f"{era} cursor: {index}", body, self._fields(era), {PARAMS})

    def _calls(self, era: str) -> Iterator[Case]:
        for index, value in enumerate(STRANGE):
            body, fields = self._call(era, name=value)
            allowed = {PARAMS} if era == "legacy" or isinstance(value, str) else {MISMATCH}
            yield Case(f"{era} name: {index}", body, fields, allowed)
            body, fields = self._call(era, name="p__echo", arguments=value)
            allowed = {FINE} if isinstance(value, dict) else {PARAMS}
            yield Case(f"{era} arguments: {index}", body, fields, allowed)
        for name in (
            "p__Echo",
            "echo",
            "p__echo ",
            " p__echo",
            "p__echo\0",
            "p__",
            "__echo",
            "p__echo/..",
            "x" * 10_000,
        ):
            body, fields = self._call(era, name=name)
            yield Case(f"{era} unknown: {name[:20]!r}", body, fields, {PARAMS})
        for name, (value, allowed) in VALUES.items():
            for place, text in (("value", b'{"x":%b}'), ("item", b'{"x":[1,%b]}')):
                body, fields = self._call(era, name="p__echo")
                body = body[:-2] + b', "arguments": ' + text % value + b"}}"
                yield Case(f"{era} {place}: {name}", body, fields, allowed)

    def _call(self, era: str, **params: Any) -> tuple[bytes, Fields]:
        said = params["name"] if isinstance(params["name"], str) else "p__echo"
        encoded = b"=?base64?%b?=" % base64.b64encode(said.encode())
        return request(b"tools/call", era, **params), self._fields(era, b"tools/call", encoded)

    def _asked(self, era: str) -> Iterator[Case]:
        missing = {"legacy": (200, -32002), "modern": PARAMS}[era]
        for index, value in enumerate(STRANGE):
            text = isinstance(value, str)
            known = {"name": value, "uri": value in URIS}
            said = headers.encode(value) if isinstance(value, str) else b"x"
            for method, member, unknown in (
                (b"prompts/get", "name", PARAMS),
                (b"resources/read", "uri", missing),
            ):
                allowed = {unknown if known[member] else PARAMS} if text or era == "legacy" else {MISMATCH}
                if era == "legacy" and not text:
                    allowed = {PARAMS}
                body = request(method, era, **{member: value})
                yield Case(f"{era} {member} asked: {index}", body, self._fields(era, method, said), allowed)
            method = b"completion/complete"
            for name, params in (
                ("ref", {"ref": value, "argument": {}}),
                ("type", {"ref": {"type": value, "name": "p__echo"}}),
                ("name", {"ref": {"type": "ref/prompt", "name": value}}),
                ("uri", {"ref": {"type": "ref/resource", "uri": value}}),
            ):
                body = request(method, era, **params)
                yield Case(f"{era} completed {name}: {index}", body, self._fields(era, method), {PARAMS})
            body = request(b"resources/templates/list", era, cursor=value)
            fields = self._fields(era, b"resources/templates/list")
            yield Case(f"{era} cursor of templates: {index}", body, fields, {PARAMS})
        long = "x://" + "y" * 10_000
        fields = self._fields(era, b"resources/read", long.encode())
        yield Case(f"{era} uri: long", request(b"resources/read", era, uri=long), fields, {PARAMS})

    def _in_session(self) -> Iterator[Case]:
        fields = self._fields("legacy")
        for index, value in enumerate(STRANGE):
            level = request(b"logging/setLevel", "legacy", level=value)
            yield Case(f"level: {index}", level, fields, {PARAMS})
            missing = value in URIS
            subscribe = request(b"resources/subscribe", "legacy", uri=value)
            yield Case(f"subscribe: {index}", subscribe, fields, {(200, -32002) if missing else PARAMS})
            unsubscribe = request(b"resources/unsubscribe", "legacy", uri=value)
            yield Case(f"unsubscribe: {index}", unsubscribe, fields, {FINE if missing else PARAMS})

    def _listening(self) -> Iterator[Case]:
        method = b"subscriptions/listen"
        fields = self._fields("modern", method)
        for index, value in enumerate(STRANGE):
            if not isinstance(value, dict):
                body = request(method, "modern", notifications=value)
                yield Case(f"listen: {index}", body, fields, {PARAMS})
            if value is not True:
                body = request(method, "modern", notifications={"toolsListChanged": value})
                yield Case(f"listen to tools: {index}", body, fields, {PARAMS})
            if value != []:
                body = request(method, "modern", notifications={"resourceSubscriptions": value})
                yield Case(f"listen to resources: {index}", body, fields, {PARAMS})
        for name, uris in (("many", ["x://y"] * 101), ("a long one", ["x://" + "y" * 10_000])):
            body = request(method, "modern", notifications={"resourceSubscriptions": uris})
            yield Case(f"listen to resources: {name}", body, fields, {PARAMS})

    def _streams(self) -> Iterator[Case]:
        session = (b"Mcp-Session-Id", self.session)
        for value in (b"x", b"0", b"-", b"0-", b"0-99", b"9-0", b"9" * 15 + b"-" + b"9" * 15, b"0-0-0"):
            yield Case(f"last: {value!r}", b"", (session, (b"Last-Event-ID", value)), {REFUSED}, b"GET")
        for value in (b"x" * 129, b"a b", b"\xff", b"9" * 5000):
            name = f"no last: {value[:20]!r}"
            yield Case(name, b"", (session, (b"Last-Event-ID", value)), {REFUSED}, b"GET")
        for value in ODD_FIELDS:
            name = f"get: {value[:20]!r}"
            yield Case(name, b"", ((b"Mcp-Session-Id", value),), {LOST}, b"GET")
            for method in (b"GET", b"DELETE"):
                name = f"{method.decode()} version: {value[:20]!r}"
                yield Case(name, b"", (session, (b"MCP-Protocol-Version", value)), {INVALID}, method)
        yield Case("get: no session", b"", (), {INVALID}, b"GET")
        yield Case("get: no stream", b"", (session, (b"Accept", b"application/json")), {BAD_ACCEPT}, b"GET")

    def _types(self, era: str) -> Iterator[Case]:
        body, rest = request(b"tools/list", era), self._fields(era)[2:]
        for value in (
            b"",
            b"text/plain",
            b"application/jsonx",
            b"application/json; charset=utf-16",
            b"*/*",
            b"a/b, c/d",
        ):
            fields = ((b"Content-Type", value), _TYPES[1], *rest)
            yield Case(f"{era} type: {value!r}", body, fields, {BAD_TYPE})
        yield Case(f"{era} type: none", body, (_TYPES[1], *rest), {BAD_TYPE})
        yield Case(f"{era} type: two", body, (*_TYPES, _TYPES[0], *rest), {BAD_TYPE})
        for value in (
            b"",
            b"text/html",
            b"application/json",
            b"text/event-stream",
            b"application/jsonx, text/x",
            b"*",
        ):
            fields = (_TYPES[0], (b"Accept", value), *rest)
            yield Case(f"{era} accept: {value!r}", body, fields, {BAD_ACCEPT})

    def _meta(self) -> Iterator[Case]:
        fields = self._fields("modern")
        for index, value in enumerate(STRANGE):
            whole = request(b"tools/list", "legacy", _meta=value)
            yield Case(f"meta: {index}", whole, fields, {ENVELOPED})
            in_session = self._fields("legacy")
            allowed = {FINE} if isinstance(value, dict) else {ENVELOPED, PARAMS}
            yield Case(f"legacy meta: {index}", whole, in_session, allowed)
            body = request(b"tools/list", "legacy", _meta=ENVELOPE | {VERSION: value})
            allowed = {MISMATCH} if isinstance(value, str) else {ENVELOPED}
            yield Case(f"meta version: {index}", body, fields, allowed)
            body = request(b"tools/list", "legacy", _meta=ENVELOPE | {CAPABILITIES: value})
            allowed = {FINE} if isinstance(value, dict) else {ENVELOPED}
            yield Case(f"meta capabilities: {index}", body, fields, allowed)
            call = self._call("legacy", name="p__echo", _meta={**ENVELOPE, "progressToken": value})[0]
            allowed = {FINE, ENVELOPED, PARAMS}
            yield Case(f"token: {index}", call, self._fields("modern", b"tools/call", b"p__echo"), allowed)
        long = request(b"tools/list", "legacy", _meta=ENVELOPE | {"x": "y" * 20_000})
        yield Case("meta: too long", long, fields, {ENVELOPED})
        twice = request(b"tools/list", "modern").replace(b'"_meta"', b'"_meta":{},"_meta"', 1)
        yield Case("meta: twice", twice, fields, {INVALID})

    def _modern_fields(self) -> Iterator[Case]:
        body, good = request(b"tools/list", "modern"), self._fields("modern")
        call, named = self._call("modern", name="p__echo")
        for value in ODD_FIELDS:
            for index, place in ((2, "version"), (3, "method")):
                yield Case(f"{place}: {value[:20]!r}", body, replaced(good, index, value), {MISMATCH})
            yield Case(f"routed name: {value[:20]!r}", call, replaced(named, 4, value), {MISMATCH})
            encoded = b"=?base64?%b?=" % value
            yield Case(f"encoded name: {value[:20]!r}", call, replaced(named, 4, encoded), {MISMATCH})
        for index in (2, 3):
            yield Case(f"missing: {good[index]}", body, good[:index] + good[index + 1 :], {MISMATCH})
            yield Case(f"twice: {good[index]}", body, (*good, good[index]), {MISMATCH})
        yield Case("missing: name", call, named[:4], {MISMATCH})
        yield Case("twice: name", call, (*named, named[4]), {MISMATCH})
        for version in ("2025-11-25", "2099-01-01", "2026-07-28-draft", "0"):
            said = request(b"tools/list", "legacy", _meta=ENVELOPE | {VERSION: version})
            yield Case(f"unsupported: {version}", said, replaced(good, 2, version.encode()), {UNSUPPORTED})

    def _legacy_fields(self) -> Iterator[Case]:
        body = request(b"ping", "legacy")
        for value in ODD_FIELDS:
            fields = (*_TYPES, (b"Mcp-Session-Id", value))
            yield Case(f"session: {value[:20]!r}", body, fields, {LOST})
            yield Case(f"delete: {value[:20]!r}", b"", fields, {LOST}, b"DELETE")
            fields = (*self._fields("legacy"), (b"MCP-Protocol-Version", value))
            yield Case(f"legacy version: {value[:20]!r}", body, fields, {INVALID})
        twice = (*self._fields("legacy"), (b"Mcp-Session-Id", self.session))
        yield Case("session: twice", body, twice, {LOST})
        yield Case("session: none", body, _TYPES, {INVALID})
        yield Case("delete: none", b"", _TYPES, {INVALID}, b"DELETE")
        yield Case("delete: modern", b"", self._fields("modern"), {(405, -31005)}, b"DELETE")
        yield Case("get: modern", b"", self._fields("modern"), {(405, -31005)}, b"GET")
        for index, value in enumerate(STRANGE):
            hello = request(b"initialize", "legacy", protocolVersion=value)
            allowed = {FINE} if isinstance(value, str) else {PARAMS}
            yield Case(f"initialize: {index}", hello, _TYPES, allowed)

    def _notices(self) -> Iterator[Case]:
        for index, value in enumerate(STRANGE):
            body = json.dumps(
                {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": value}}
            ).encode()
            yield Case(f"legacy notice: {index}", body, self._fields("legacy"), {TAKEN})
            fields = self._fields("modern", b"notifications/cancelled")
            yield Case(f"modern notice: {index}", body, fields, {TAKEN})
            yield Case(f"notice of another method: {index}", body, self._fields("modern"), {MISMATCH})
            lost = (*_TYPES, (b"Mcp-Session-Id", b"x"))
            yield Case(f"notice of no session: {index}", body, lost, {LOST})


def request(method: bytes, era: str, id: bytes = b"1", **params: Any) -> bytes:
    """
    Write a request; one of the modern era has its envelope.
    """
    pairs: Iterable[tuple[str, Any]] = params.items()
    members = [b"%b:%b" % (json.dumps(name).encode(), json.dumps(value).encode()) for name, value in pairs]
    if era == "modern":
        members.insert(0, b'"_meta":' + _META)
    inner = b",".join(members)
    return b'{"jsonrpc":"2.0","id":%b,"method":"%b","params":{%b}}' % (id, method, inner)


def replaced(fields: Fields, index: int, value: bytes) -> Fields:
    """
    Put another value for one of the fields.
    """
    return (*fields[:index], (fields[index][0], value), *fields[index + 1 :])
