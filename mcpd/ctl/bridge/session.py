# -*- test-case-name: tests.ctl.bridge.test_session -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the client and a legacy far side agreed on, and what it takes to agree on it again.
"""

from __future__ import annotations

from attrs import define, field
from msgspec import Raw

from mcpd.ctl.bridge.far import Fields
from mcpd.wire import codec
from mcpd.wire.message import Members, Request

MOST = 1024
"""Subscriptions that are made again in a new session."""

_LEVEL, _SUBSCRIBE, _UNSUBSCRIBE = "logging/setLevel", "resources/subscribe", "resources/unsubscribe"


@define(eq=False)
class Session:
    """
    The session of the legacy era (MCP 2025-11-25, "Session Management").

    Attributes:
        id: The far side's id for it; None: there is none, or it needs none.
        version: The revision that was agreed on; empty: none yet.
        greeting: What the client said to ``initialize``; None: nothing yet.
    """

    id: bytes | None = field(init=False, default=None, repr=False)
    version: bytes = field(init=False, default=b"")
    greeting: Members | None = field(init=False, default=None)
    _kept: dict[tuple[str, bytes], Request] = field(init=False, factory=dict)

    def open(self, id: bytes | None, greeting: Members, result: Members) -> None:
        """
        Hands were shaken.

        Args:
            id: The field ``Mcp-Session-Id``.
            greeting: The members of the request.
            result: Those of the answer.
        """
        self.id, self.greeting = id, greeting
        self.version = (codec.text(result.get("protocolVersion", Raw())) or "").encode("ascii", "replace")

    def fields(self) -> Fields:
        """
        Give the header fields of all requests that follow.
        """
        found = ((b"Mcp-Session-Id", self.id), (b"MCP-Protocol-Version", self.version))
        return tuple((name, value) for name, value in found if value)

    def keep(self, request: Request) -> None:
        """
        Remember a request that was granted, if a new session should know of it.
        """
        about = bytes(request.params.get("uri", Raw()))
        match request.method:
            case "logging/setLevel":
                self._kept[_LEVEL, b""] = request
            case "resources/subscribe" if len(self._kept) < MOST:
                self._kept[_SUBSCRIBE, about] = request
            case "resources/unsubscribe":
                self._kept.pop((_SUBSCRIBE, about), None)

    @property
    def kept(self) -> tuple[Request, ...]:
        """
        What a new session has to be told.
        """
        return tuple(self._kept.values())
