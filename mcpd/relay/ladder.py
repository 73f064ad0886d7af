# -*- test-case-name: tests.relay.test_ladder -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Which era a message is of, and the rungs that a modern request has to climb.

The body decides and the header fields are checked against it: a proxy in front
of us may route by the fields, so they have to say the same (MCP 2026-07-28,
"Streamable HTTP").
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw, Struct

from mcpd.wire import codec, headers
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.level import LEVELS
from mcpd.wire.message import Members, Notice, Request
from mcpd.wire.revision import LEGACY_NAMES, METHODS, MODERN, MODERN_NAMES, Era

_VERSION_FIELD, _METHOD_FIELD, _NAME_FIELD = b"mcp-protocol-version", b"mcp-method", b"mcp-name"
SESSION_FIELD = b"mcp-session-id"
_TOKEN_STARTS = frozenset(bytes((byte,)) for byte in b'"-0123456789')
_OURS = "io.modelcontextprotocol/"
_VERSION = _OURS + "protocolVersion"
_CAPABILITIES = _OURS + "clientCapabilities"
_LEVEL = _OURS + "logLevel"
_MODERN_FIELDS = frozenset(name.encode() for name in MODERN_NAMES)
_LEGACY_FIELDS = frozenset((None, *(name.encode() for name in LEGACY_NAMES)))


class Claims(Struct, frozen=True, eq=False):
    """
    What a request's header fields claim of its body.

    Attributes:
        fields: Lower-case names and values without the blanks around them.
        repeated: Names that came more than once.
    """

    fields: Mapping[bytes, bytes]
    repeated: frozenset[bytes] = frozenset()

    @property
    def version(self) -> bytes | None:
        """
        The revision that they claim; None if none.
        """
        return self.fields.get(_VERSION_FIELD)


def read_meta(params: Members, most: int) -> Members:
    """
    Read a request's ``_meta``.

    Args:
        params: The request's ``params``.
        most: Bytes that it may have.

    Raises:
        Fault: ENVELOPE, it is no object or too large.
    """
    raw = params.get("_meta")
    if raw is None:
        return {}
    if len(raw) > most:
        raise Fault(Kind.ENVELOPE, f"_meta has more than {most} bytes")
    meta = codec.members(raw)
    if meta is None:
        raise Fault(Kind.ENVELOPE, "_meta must be an object")
    return meta


def read_token(meta: Members) -> Raw | None:
    """
    Read the token that a client gave for progress; None if it wants none.

    Raises:
        Fault: ENVELOPE, it is no string and no number (MCP schema, ``ProgressToken``).
    """
    token = meta.get("progressToken")
    if token is not None and bytes(memoryview(token)[:1]) not in _TOKEN_STARTS:
        raise Fault(Kind.ENVELOPE, "progressToken must be a string or a number")
    return token


def read_level(meta: Members) -> str | None:
    """
    Read the least level of log messages that a modern client wants; None if it wants none.

    Raises:
        Fault: ENVELOPE, it is no level (MCP 2026-07-28, "Logging", error handling).
    """
    piece = meta.get(_LEVEL)
    if piece is None:
        return None
    level = codec.text(piece)
    if level not in LEVELS:
        raise Fault(Kind.ENVELOPE, f'_meta["{_LEVEL}"] is not one of {", ".join(LEVELS)}')
    return level


def for_plugin(meta: Members) -> Members:
    """
    Leave of ``_meta`` what is meant for the plugin: not what this hop's protocol put there.
    """
    return {
        name: value for name, value in meta.items() if not name.startswith(_OURS) and name != "progressToken"
    }


def is_modern(meta: Members, claims: Claims | None) -> bool:
    """
    Say whether a message claims to be of the modern era, rightly or not.

    Raises:
        Fault: INVALID, it does not, and its version field, which may be
            missing, names no legacy revision.
    """
    version = None if claims is None else claims.fields.get(_VERSION_FIELD)
    if _VERSION in meta or version in _MODERN_FIELDS:
        return True
    if version not in _LEGACY_FIELDS:
        known = ", ".join(LEGACY_NAMES + MODERN_NAMES)
        raise Fault(Kind.INVALID, f"MCP-Protocol-Version is not one of {known}")
    return False


def check(request: Request, meta: Members, claims: Claims | None) -> None:
    """
    Check a modern request, rung by rung in the order that clients rely on.

    Args:
        request: What came.
        meta: Its ``_meta``.
        claims: Its header fields; None where the door has none.

    Raises:
        Fault: ENVELOPE, HEADER_MISMATCH, UNSUPPORTED_VERSION or UNKNOWN_METHOD.
    """
    version = codec.text(meta.get(_VERSION, Raw()))
    if version is None:
        raise Fault(Kind.ENVELOPE, f'_meta["{_VERSION}"] must be a string')
    if bytes(meta.get(_CAPABILITIES, Raw()))[:1] != b"{":
        raise Fault(Kind.ENVELOPE, f'_meta["{_CAPABILITIES}"] must be an object')
    if claims is not None:
        _check_claims(request, version, claims)
    if version != MODERN.name:
        data = {"supported": MODERN_NAMES, "requested": version}
        raise Fault(Kind.UNSUPPORTED_VERSION, "this revision of the protocol is not supported", data)
    method = METHODS.get(request.method)
    if method is None or Era.MODERN not in method.eras or not method.request:
        raise unknown_method()


def unknown_method() -> Fault:
    """
    Make the fault for a method that nobody serves.
    """
    return Fault(Kind.UNKNOWN_METHOD, "there is no such method")


def check_notice(notice: Notice, meta: Members, claims: Claims | None) -> None:
    """
    Check a modern notice: its fields only where they are there.

    Raises:
        Fault: HEADER_MISMATCH, they say something else than the body.
    """
    if claims is None:
        return
    method = claims.fields.get(_METHOD_FIELD)
    if method is not None and method != notice.method.encode():
        raise _mismatch("Mcp-Method")
    version = codec.text(meta.get(_VERSION, Raw()))
    if version is not None and claims.version is not None and claims.version != version.encode():
        raise _mismatch("MCP-Protocol-Version")


def _check_claims(request: Request, version: str, claims: Claims) -> None:
    fields = claims.fields
    if not claims.repeated.isdisjoint((_VERSION_FIELD, _METHOD_FIELD, _NAME_FIELD)):
        # A proxy may have chosen the other one.
        raise Fault(Kind.HEADER_MISMATCH, "an Mcp- header field stands twice")
    if fields.get(_VERSION_FIELD) != version.encode("utf-8", "surrogatepass"):
        raise _mismatch("MCP-Protocol-Version")
    if fields.get(_METHOD_FIELD) != request.method.encode("utf-8", "surrogatepass"):
        raise _mismatch("Mcp-Method")
    method = METHODS.get(request.method)
    if method is not None and method.routed_by is not None:
        _check_name(request.params.get(method.routed_by), fields.get(_NAME_FIELD))


def _check_name(member: Raw | None, field: bytes | None) -> None:
    if field is None:
        raise _mismatch("Mcp-Name")
    try:
        claimed = headers.decode(field)
    except headers.Undecodable:
        raise _mismatch("Mcp-Name") from None
    if member is None or codec.text(member) != claimed:
        raise _mismatch("Mcp-Name")


def _mismatch(name: str) -> Fault:
    return Fault(Kind.HEADER_MISMATCH, f"the header field {name} and the body do not say the same")
