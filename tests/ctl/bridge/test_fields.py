# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.fields`.
"""

from __future__ import annotations

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.fields import mirrored, standard, version_of
from mcpd.wire import codec, headers, mirror, write
from mcpd.wire.message import Members
from tests.ctl.bridge.stage import META


def _members(value: object) -> Members:
    found = codec.members(write.encode(value))
    assert found is not None
    return found


class FieldsTests(SynchronousTestCase):
    """
    Tests for what header fields repeat.
    """

    def test_version(self) -> None:
        """
        A message says by itself whether it is modern.
        """
        self.assertEqual(version_of(_members({"_meta": META})), "2026-07-28")
        cases: tuple[object, ...] = ({}, {"_meta": {}}, {"_meta": 1}, {"_meta": {"progressToken": 1}})
        for legacy in cases:
            self.assertIsNone(version_of(_members(legacy)))

    def test_standard(self) -> None:
        """
        A proxy learns from a request's fields what it is about.
        """
        for method, params, name in (
            ("tools/call", {"name": "a"}, b"a"),
            ("resources/read", {"uri": "file:///\u4e16"}, headers.encode("file:///\u4e16")),
            ("tasks/get", {"taskId": "t"}, b"t"),
            ("tools/list", {"name": "a"}, None),
            ("tools/call", {"name": 1}, None),
            ("else/where", {}, None),
        ):
            fields = dict(standard("2026-07-28", method, _members(params)))
            self.assertEqual(fields[b"Mcp-Method"], method.encode())
            self.assertEqual(fields[b"MCP-Protocol-Version"], b"2026-07-28")
            self.assertEqual(fields.get(b"Mcp-Name"), name)

    def test_mirrored(self) -> None:
        """
        Annotated arguments are repeated as the server will compare them, if they are there.
        """
        kinds = {"s": "string", "i": "integer", "b": "boolean"}
        schema = {
            "type": "object",
            "properties": {
                **{name: {"type": kind, "x-mcp-header": name} for name, kind in kinds.items()},
                "in": {"properties": {"side": {"type": "string", "x-mcp-header": "Side"}}},
            },
        }
        mirrors = mirror.read(Raw(write.encode(schema))).mirrors
        for arguments, fields in (
            ('{"s": "x", "i": 42, "b": false}', {b"s": b"x", b"i": b"42", b"b": b"false"}),
            ('{"s": " x", "i": -7}', {b"s": b"=?base64?IHg=?=", b"i": b"-7"}),
            ('{"s": "", "i": 4.20e1, "b": true}', {b"s": b"", b"i": b"42", b"b": b"true"}),
            ('{"i": 1.5, "s": 3, "b": 2}', {b"i": b"1.5", b"s": b"3", b"b": b"2"}),
            ('{"i": 1e300}', {b"i": b"1e300"}),
            ('{"i": true}', {b"i": b"true"}),
            ('{"s": null, "i": {}, "b": [1]}', {}),
            ('{"in": {"side": "l"}}', {b"side": b"l"}),
            ('{"in": 3}', {}),
            ("[]", {}),
        ):
            found = dict(mirrored(mirrors, Raw(arguments.encode())))
            self.assertEqual(
                found, {b"mcp-param-" + name: value for name, value in fields.items()}, arguments
            )
        self.assertEqual(mirrored(mirrors, None), ())
