# -*- test-case-name: tests.relay.test_ladder -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.relay.ladder`.
"""

from __future__ import annotations

import base64
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.relay import ladder
from mcpd.relay.ladder import Claims
from mcpd.testing.client import text
from mcpd.wire import headers
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Notice, Request
from mcpd.wire.revision import LEGACY_NAMES, METHODS, MODERN, Era, Side
from tests.relay.stage import CAPABILITIES, ENVELOPE, VERSION, House, answering, members, raw

NEW = MODERN.name.encode()
OLD = b"2025-11-25"
VERSION_FIELD, METHOD_FIELD, NAME_FIELD = b"mcp-protocol-version", b"mcp-method", b"mcp-name"
GOOD = {VERSION_FIELD: NEW, METHOD_FIELD: b"tools/list"}
OK, ENVELOPED, MISMATCH, UNSUPPORTED, UNKNOWN = (
    "OK",
    "ENVELOPE",
    "HEADER_MISMATCH",
    "UNSUPPORTED_VERSION",
    "UNKNOWN_METHOD",
)


def outcome(
    method: str = "tools/list",
    meta: Any = ENVELOPE,
    fields: dict[bytes, bytes] | None = GOOD,
    repeated: tuple[bytes, ...] = (),
    **params: Any,
) -> str:
    """
    Let a modern request climb: the fault's kind, or that there is none.
    """
    request = Request(b"1", method, members(_meta=meta, **params))
    claims = None if fields is None else Claims(fields, frozenset(repeated))
    try:
        ladder.check(request, ladder.read_meta(request.params, 1000), claims)
    except Fault as fault:
        return fault.kind.name
    return OK


def without(mapping: Any, *names: Any) -> Any:
    """
    Leave members out.
    """
    return {name: value for name, value in mapping.items() if name not in names}


def named(name: bytes | None, said: Any = "p__echo") -> str:
    """
    Let a call climb, whose ``Mcp-Name`` and ``params.name`` say this.
    """
    fields = GOOD | {METHOD_FIELD: b"tools/call"} | ({} if name is None else {NAME_FIELD: name})
    return outcome("tools/call", ENVELOPE, fields, name=said)


class EnvelopeTests(SynchronousTestCase):
    """
    Tests for ``_meta``, which every modern request has.
    """

    def test_good(self) -> None:
        """
        A request with version and capabilities is fine; who the client is need not be said.
        """
        self.assertEqual(outcome(), OK)
        self.assertEqual(outcome(fields=None), OK)
        self.assertEqual(outcome(meta=ENVELOPE | {CAPABILITIES: {"sampling": {}}, "x": 1}), OK)

    def test_version(self) -> None:
        """
        A version that is missing or no string is an error of the envelope, whatever the fields say.
        """
        self.assertEqual(outcome(meta=without(ENVELOPE, VERSION)), ENVELOPED)
        values: tuple[Any, ...] = (None, 20260728, ["2026-07-28"], {}, True)
        for value in values:
            self.assertEqual(outcome(meta=ENVELOPE | {VERSION: value}), ENVELOPED, value)

    def test_capabilities(self) -> None:
        """
        Capabilities that are missing or no object are an error of the envelope.
        """
        self.assertEqual(outcome(meta=without(ENVELOPE, CAPABILITIES)), ENVELOPED)
        values: tuple[Any, ...] = (None, 1, "{}", [], False)
        for value in values:
            self.assertEqual(outcome(meta=ENVELOPE | {CAPABILITIES: value}), ENVELOPED, value)

    def test_meta(self) -> None:
        """
        A ``_meta`` that is no object is refused, and one that is not there is an empty one.
        """
        values: tuple[Any, ...] = (None, 1, "x", [], [["a", 1]])
        for value in values:
            self.assertEqual(outcome(meta=value), ENVELOPED, value)
        self.assertEqual(ladder.read_meta({}, 1), {})

    def test_size(self) -> None:
        """
        A ``_meta`` may be as long as its bound, and not a byte longer.
        """
        params = members(_meta={"x": "y" * 92})
        self.assertEqual(len(params["_meta"]), 100)
        self.assertEqual(set(ladder.read_meta(params, 100)), {"x"})
        fault = self.assertRaises(Fault, ladder.read_meta, params, 99)
        self.assertIs(fault.kind, Kind.ENVELOPE)

    def test_for_plugin(self) -> None:
        """
        What this hop's protocol put into ``_meta`` ends here; trace context and what we don't know goes on.
        """
        trace = {"traceparent": "00-1", "tracestate": "a=b", "baggage": "c", "example.org/x": 1}
        mine = {"progressToken": 1, "io.modelcontextprotocol/logLevel": "debug"}
        meta = {name: raw(value) for name, value in (ENVELOPE | mine | trace).items()}
        self.assertEqual(set(ladder.for_plugin(meta)), set(trace))


class HeaderTests(SynchronousTestCase):
    """
    Tests for the header fields, which have to say what the body says.
    """

    def test_version(self) -> None:
        """
        A version field that is missing, legacy, or not exactly the body's is a mismatch.
        """
        for value in (
            OLD,
            b"2026-07-29",
            b"2026-07-2",
            b"",
            NEW + b"x",
            b'"2026-07-28"',
            b"2026-07-28, 2026-07-28",
        ):
            self.assertEqual(outcome(fields=GOOD | {VERSION_FIELD: value}), MISMATCH, value)
        self.assertEqual(outcome(fields=without(GOOD, VERSION_FIELD)), MISMATCH)

    def test_method(self) -> None:
        """
        A method field that is missing or differs, be it in letter case, is a mismatch.
        """
        for value in (
            b"tools/call",
            b"Tools/List",
            b"TOOLS/LIST",
            b"",
            b"tools/list/",
            b"=?base64?dG9vbHMvbGlzdA==?=",
        ):
            self.assertEqual(outcome(fields=GOOD | {METHOD_FIELD: value}), MISMATCH, value)
        self.assertEqual(outcome(fields=without(GOOD, METHOD_FIELD)), MISMATCH)

    def test_name(self) -> None:
        """
        A name field that is missing or differs, be it in letter case, is a mismatch.
        """
        self.assertEqual(named(b"p__echo"), OK)
        for value in (None, b"", b"p__Echo", b"P__ECHO", b"p__add", b"p__echo,p__echo", b"echo"):
            self.assertEqual(named(value), MISMATCH, value)

    def test_name_encoded(self) -> None:
        """
        A name may come in base64, and has to where a field can't hold it.
        """
        for name in ("p__echo", "grüße", "日本語", " blank ", "", "=?base64?eA==?=", "a\nb"):
            encoded = b"=?base64?" + base64.b64encode(name.encode()) + b"?="
            self.assertEqual(named(encoded, name), OK, name)
            self.assertEqual(named(headers.encode(name), name), OK, name)
            self.assertEqual(named(encoded, name + "x"), MISMATCH, name)

    def test_name_badly_encoded(self) -> None:
        """
        Base64 that no encoder would have written is a mismatch, even where one could guess.
        """
        for inner in (
            b"SGVsbG8",
            b"SGVs!!!bG8=",
            b"SGVsbG8==",
            b"SGVsbG9=",
            b"=",
            b"SGVs bG8=",
            b"/w==",
            b"SGVsbG8==",
        ):
            self.assertEqual(named(b"=?base64?%b?=" % inner, "Hello"), MISMATCH, inner)
        self.assertEqual(named(b"=?base64?SGVsbG8=?=", "Hello"), OK)

    def test_name_literal(self) -> None:
        """
        What only begins or ends like base64, or has the mark in capitals, is the name itself.
        """
        for value in (b"=?base64?SGVsbG8=", b"SGVsbG8=?=", b"=?BASE64?SGVsbG8=?=", b"=?base64?="):
            self.assertEqual(named(value, value.decode()), OK, value)
            self.assertEqual(named(value, "Hello"), MISMATCH, value)

    def test_name_bytes(self) -> None:
        """
        Bytes that no such value may have are a mismatch, even if the body has the same.
        """
        self.assertEqual(named("grüße".encode(), "grüße"), MISMATCH)
        self.assertEqual(named(b"a\x7fb", "a\x7fb"), MISMATCH)

    def test_name_of_nothing(self) -> None:
        """
        A name field for a body that names nothing, or no string, is a mismatch.
        """
        values: tuple[Any, ...] = (None, 5, ["p__echo"], {"name": "p__echo"})
        for value in values:
            self.assertEqual(named(b"p__echo", value), MISMATCH, value)
        fields = GOOD | {METHOD_FIELD: b"tools/call", NAME_FIELD: b"p__echo"}
        self.assertEqual(outcome("tools/call", fields=fields), MISMATCH)

    def test_routed_by(self) -> None:
        """
        Each method that a proxy may route by name has its name checked, and no other.
        """
        for method in METHODS.values():
            if method.sender is not Side.CLIENT or Era.MODERN not in method.eras or not method.request:
                continue
            fields = GOOD | {METHOD_FIELD: method.name.encode()}
            expected = OK if method.routed_by is None else MISMATCH
            self.assertEqual(outcome(method.name, fields=fields), expected, method.name)
            if method.routed_by is not None:
                fields[NAME_FIELD] = b"x:y"
                said: Any = {method.routed_by: "x:y"}
                self.assertEqual(outcome(method.name, fields=fields, **said), OK)
        self.assertEqual(outcome(fields=GOOD | {NAME_FIELD: b"whatever"}), OK)

    def test_repeated(self) -> None:
        """
        A field that stands twice is a mismatch even if both say the same: a proxy may have read the other.
        """
        for field in (VERSION_FIELD, METHOD_FIELD, NAME_FIELD):
            self.assertEqual(outcome(repeated=(field,)), MISMATCH, field)
        self.assertEqual(outcome(repeated=(b"x-whatever",)), OK)

    def test_no_fields(self) -> None:
        """
        Where the door has no header fields, nothing has to be repeated there.
        """
        self.assertEqual(outcome("tools/call", fields=None, name="p__echo"), OK)
        self.assertEqual(outcome(fields=None, meta=ENVELOPE | {VERSION: "2099-01-01"}), UNSUPPORTED)


class VersionTests(SynchronousTestCase):
    """
    Tests for versions and methods, once the envelope is fine.
    """

    def test_unsupported(self) -> None:
        """
        An unknown version, or a legacy one in a modern envelope, is refused with those that are served.
        """
        for version in ("2099-01-01", "v999.0.0", "", "2026-07-28 ", *LEGACY_NAMES):
            request = Request(b"1", "tools/list", {})
            meta = {name: raw(value) for name, value in (ENVELOPE | {VERSION: version}).items()}
            claims = Claims(GOOD | {VERSION_FIELD: version.encode()})
            fault = self.assertRaises(Fault, ladder.check, request, meta, claims)
            self.assertIs(fault.kind, Kind.UNSUPPORTED_VERSION)
            self.assertEqual(fault.data, {"supported": ["2026-07-28"], "requested": version})

    def test_methods(self) -> None:
        """
        Only what modern clients may ask is known: no method of the legacy era, of servers, and no notice.
        """
        for name, method in METHODS.items():
            asked = outcome(name, fields=None)
            modern = Era.MODERN in method.eras and method.request
            self.assertEqual(asked, OK if modern else UNKNOWN, name)
        for name in ("", "tools", "TOOLS/LIST", "rpc.discover", "tools/list "):
            self.assertEqual(outcome(name, fields=GOOD | {METHOD_FIELD: name.encode()}), UNKNOWN, name)

    def test_removed(self) -> None:
        """
        What the modern era has removed is an unknown method, even with a modern envelope and fields.
        """
        for name in ("initialize", "ping", "logging/setLevel", "resources/subscribe"):
            self.assertEqual(outcome(name, fields=GOOD | {METHOD_FIELD: name.encode()}), UNKNOWN)


class OrderTests(SynchronousTestCase):
    """
    Tests for requests with several faults: the earlier rung's is told.
    """

    def test_order(self) -> None:
        """
        Envelope, then fields, then version, then method.
        """
        wrong_version = ENVELOPE | {VERSION: "2099-01-01"}
        both = {VERSION_FIELD: b"2099-01-01", METHOD_FIELD: b"no/such"}
        for name, found, expected in (
            ("all", outcome("no/such", {}, {}), ENVELOPED),
            ("capabilities before fields", outcome(meta={VERSION: "2099-01-01"}, fields={}), ENVELOPED),
            ("repeated before envelope", outcome(meta={}, repeated=(VERSION_FIELD,)), ENVELOPED),
            ("fields before version", outcome("no/such", wrong_version, GOOD), MISMATCH),
            (
                "method field before version",
                outcome("no/such", wrong_version, both | {METHOD_FIELD: b"x"}),
                MISMATCH,
            ),
            ("version before method", outcome("no/such", wrong_version, both), UNSUPPORTED),
            ("fields before method", outcome("no/such"), MISMATCH),
            ("method at last", outcome("no/such", fields=GOOD | {METHOD_FIELD: b"no/such"}), UNKNOWN),
        ):
            self.assertEqual(found, expected, name)


class NoticeTests(SynchronousTestCase):
    """
    Tests for modern notices, whose fields count only where they are there.
    """

    def check(self, fields: dict[bytes, bytes] | None, meta: Any = ENVELOPE) -> str:
        """
        Let a notice climb.
        """
        notice = Notice("notifications/cancelled", {})
        claims = None if fields is None else Claims(fields)
        try:
            ladder.check_notice(notice, {name: raw(value) for name, value in meta.items()}, claims)
        except Fault as fault:
            return fault.kind.name
        return OK

    def test_fields(self) -> None:
        """
        A field that contradicts the body is a mismatch, one that is missing is not.
        """
        for fields, expected in (
            (None, OK),
            ({}, OK),
            ({VERSION_FIELD: NEW}, OK),
            ({METHOD_FIELD: b"notifications/cancelled"}, OK),
            ({METHOD_FIELD: b"notifications/Cancelled"}, MISMATCH),
            ({METHOD_FIELD: b""}, MISMATCH),
            ({VERSION_FIELD: OLD}, MISMATCH),
        ):
            self.assertEqual(self.check(fields), expected, fields)
        self.assertEqual(self.check({VERSION_FIELD: NEW}, {}), OK)


class EraTests(SynchronousTestCase):
    """
    Tests for telling the eras apart on one endpoint: the body decides, the fields are checked.
    """

    def setUp(self) -> None:
        """
        Have a plugin that answers.
        """
        self.house = House(answering(content=[]))

    def given(self, fields: dict[bytes, bytes], method: str = "tools/list", meta: Any = None) -> Any:
        """
        Post a request; its HTTP status and code, 0 for a result.
        """
        params = {"protocolVersion": "2025-11-25"} | ({} if meta is None else {"_meta": meta})
        given = self.house.take(text(method, params, "x"), fields).given
        self.assertEqual(given.message["id"], "x")
        return given.status, given.message.get("error", {}).get("code", 0)

    def test_table(self) -> None:
        """
        Every combination of body and fields has the outcome that clients of both eras rely on.
        """
        new, old = {VERSION_FIELD: NEW, METHOD_FIELD: b"tools/list"}, {VERSION_FIELD: OLD}
        future = {VERSION_FIELD: b"v999.0.0", METHOD_FIELD: b"tools/list"}
        init = {VERSION_FIELD: NEW, METHOD_FIELD: b"initialize"}
        session = {b"mcp-session-id": self.house.shake()}
        for name, found, expected in (
            ("fields and envelope", self.given(new, meta=ENVELOPE), (200, 0)),
            ("modern fields, no envelope", self.given(new), (400, -32602)),
            ("modern fields, foreign envelope", self.given(new, meta={"x": 1}), (400, -32602)),
            ("no fields, envelope", self.given({}, meta=ENVELOPE), (400, -32020)),
            ("legacy fields, envelope", self.given(old, meta=ENVELOPE), (400, -32020)),
            (
                "unknown version in both",
                self.given(future, meta=ENVELOPE | {VERSION: "v999.0.0"}),
                (400, -32022),
            ),
            (
                "legacy version in both",
                self.given(new | old, meta=ENVELOPE | {VERSION: "2025-11-25"}),
                (400, -32022),
            ),
            ("unknown version, no envelope", self.given(future), (400, -32600)),
            ("initialize", self.given({}, "initialize"), (200, 0)),
            ("initialize, legacy field", self.given(old, "initialize"), (200, 0)),
            ("initialize, unknown field", self.given(future, "initialize"), (400, -32600)),
            ("initialize, modern field", self.given(init, "initialize"), (400, -32602)),
            ("initialize, modern in both", self.given(init, "initialize", ENVELOPE), (404, -32601)),
            ("nothing at all", self.given({}), (400, -32600)),
            ("legacy field, no session", self.given(old), (400, -32600)),
            ("session", self.given(session), (200, 0)),
            ("session and legacy field", self.given(session | old), (200, 0)),
            (
                "session and unknown field",
                self.given(session | {VERSION_FIELD: b"2099-01-01"}),
                (400, -32600),
            ),
            ("session and envelope", self.given(session | new, meta=ENVELOPE), (200, 0)),
            ("session and envelope, no field", self.given(session, meta=ENVELOPE), (400, -32020)),
            ("two legacy versions", self.given(session | {VERSION_FIELD: OLD + b", " + OLD}), (400, -32600)),
        ):
            self.assertEqual(found, expected, name)

    def test_ids(self) -> None:
        """
        Every error has the request's id, with its JSON type.
        """
        bad = text("tools/list", {"_meta": {}}, 0)
        for id in (0, -1, 1, 2**63, "", "1", "0", "é", "a b"):
            body = text("tools/list", {"_meta": {}}, id)
            for fields in ({}, {VERSION_FIELD: NEW}, {b"mcp-session-id": b"x"}, {VERSION_FIELD: b"?"}):
                message = self.house.take(body, fields).given.message
                self.assertIn("error", message)
                self.assertEqual((message["id"], type(message["id"])), (id, type(id)))
        self.assertEqual(self.house.take(bad, {}).given.message["id"], 0)

    def test_missing_session(self) -> None:
        """
        A client without a session is told what it may do instead.
        """
        message = self.house.take(text("tools/list", {}, 1), {}).given.message["error"]["message"]
        self.assertIn("initialize", message)
        self.assertIn("2026-07-28", message)
