# -*- test-case-name: tests.ctl.bridge.test_fields -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The header fields that repeat what a modern message says (MCP 2026-07-28, "Request Metadata").
"""

from __future__ import annotations

from msgspec import Raw

from mcpd.ctl.bridge.far import Fields
from mcpd.wire import codec, headers
from mcpd.wire.message import Members
from mcpd.wire.mirror import Mirror
from mcpd.wire.revision import METHODS

_VERSION = "io.modelcontextprotocol/protocolVersion"
_SAFE = 2**53 - 1
# What begins an object, an array and null; and what is not there.
_UNFIT = (b"{", b"[", b"n", b"")
# Of the tasks extension, which the table of the core's methods does not have.
_TASKS = ("tasks/get", "tasks/update", "tasks/cancel")


def version_of(params: Members) -> str | None:
    """
    Tell which revision a message says that it is of; None: it is of the legacy era.
    """
    meta = codec.members(params.get("_meta", Raw())) or {}
    return codec.text(meta.get(_VERSION, Raw()))


def standard(version: str, method: str, params: Members) -> Fields:
    """
    Give what every modern message has: the revision, the method, and what it is about.
    """
    fields = [(b"MCP-Protocol-Version", headers.encode(version)), (b"Mcp-Method", headers.encode(method))]
    about = codec.text(params.get(_routed_by(method) or "", Raw()))
    if about is not None:
        fields.append((b"Mcp-Name", headers.encode(about)))
    return tuple(fields)


def _routed_by(method: str) -> str | None:
    known = METHODS.get(method)
    return known.routed_by if known else "taskId" if method in _TASKS else None


def mirrored(mirrors: tuple[Mirror, ...], arguments: Raw | None) -> Fields:
    """
    Give the arguments that fields repeat: one for each that is there and not null.

    What is no string, number or truth value no field can hold, whatever the
    schema says: whoever judges the arguments will refuse it.

    Args:
        mirrors: What the tool's fields repeat.
        arguments: The call's; None if it has none.
    """
    found = ((mirror, _reach(arguments, mirror.path)) for mirror in mirrors)
    return tuple((mirror.field, _value(mirror, value)) for mirror, value in found if value[:1] not in _UNFIT)


def _reach(piece: Raw | None, path: tuple[str, ...]) -> bytes:
    for name in path:
        piece = (codec.members(piece) or {}).get(name) if piece is not None else None
    return b"" if piece is None else bytes(piece)


def _value(mirror: Mirror, value: bytes) -> bytes:
    text = codec.text(value)
    if text is not None:
        return headers.encode(text)
    return _decimal(value) if mirror.kind == "integer" else value


def _decimal(digits: bytes) -> bytes:
    # JSON has many ways to write a whole number (RFC 8259, section 6), the field has one.
    if digits.lstrip(b"-").isdigit() or digits in (b"true", b"false"):
        return digits
    number = float(digits)
    return b"%d" % number if number.is_integer() and abs(number) <= _SAFE else digits
