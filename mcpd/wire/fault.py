# -*- test-case-name: tests.wire.test_fault -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What may be told to a peer when something is refused or fails.

A :class:`Fault` is raised anywhere and written by :mod:`mcpd.web.reply`.  Its
text may be read by a stranger, so it never quotes an exception, a path or what
a worker said.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Any

from attrs import define, field

_NOTHING: Mapping[str, Any] = MappingProxyType({})


class Kind(Enum):
    """
    Every kind of fault: its JSON-RPC code and the HTTP status that goes with it.

    The status is used where the request was refused before it was taken, and
    in the modern era; a legacy answer to a request that was taken is always
    HTTP 200.  Codes of ours are outside JSON-RPC's reserved range: -31000 less
    the HTTP status above 400 that says the same.
    """

    # JSON-RPC 2.0 section 5.1 and the MCP schema.
    UNREADABLE = (-32700, 400)
    INVALID = (-32600, 400)
    UNKNOWN_METHOD = (-32601, 404)
    ENVELOPE = (-32602, 400)
    PARAMS = (-32602, 200)
    INTERNAL = (-32603, 200)
    HEADER_MISMATCH = (-32020, 400)
    MISSING_CAPABILITY = (-32021, 400)
    UNSUPPORTED_VERSION = (-32022, 400)
    # Ours, at the door.
    BAD_REQUEST = (-31000, 400)
    UNAUTHORIZED = (-31001, 401)
    FORBIDDEN = (-31003, 403)
    NOT_FOUND = (-31004, 404)
    METHOD_NOT_ALLOWED = (-31005, 405)
    NOT_ACCEPTABLE = (-31006, 406)
    TOO_SLOW = (-31008, 408)
    TOO_LARGE = (-31013, 413)
    UNSUPPORTED_TYPE = (-31015, 415)
    MISDIRECTED = (-31021, 421)
    UPGRADE_REQUIRED = (-31026, 426)
    TOO_OFTEN = (-31029, 429)
    FIELDS_TOO_LARGE = (-31031, 431)
    OVERLOADED = (-31103, 503)
    HTTP_VERSION = (-31105, 505)
    # Ours, about a call that was taken: in band, like any other answer.
    PLUGIN_GONE = (-31102, 200)
    PLUGIN_UNAVAILABLE = (-31103, 200)
    DEADLINE = (-31104, 200)

    @property
    def code(self) -> int:
        """
        The JSON-RPC error code.
        """
        return self.value[0]

    @property
    def status(self) -> int:
        """
        The HTTP status.
        """
        return self.value[1]


@define(frozen=True, slots=True, auto_exc=True, eq=False)
class Fault(Exception):
    """
    A refusal or failure that may be told to the peer as it stands.

    Attributes:
        kind: Which row of the table.
        text: One sentence for the peer.
        data: The error's ``data`` members, of JSON values.
        headers: HTTP fields that belong to it (``Allow``, ``WWW-Authenticate``,
            ``Retry-After``), names as they are written.
    """

    kind: Kind
    text: str
    data: Mapping[str, Any] = field(default=_NOTHING)
    headers: tuple[tuple[bytes, bytes], ...] = ()
