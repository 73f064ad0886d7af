# -*- test-case-name: tests.ctl.bridge.test_tools -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a modern far side's tools want to be repeated in header fields.

It is learned from the lists that pass.  A tool with an annotation that is
wrong is left out of them (MCP 2026-07-28, "Custom Headers from Tool
Parameters").  Nothing that a schema refers to is ever fetched.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from msgspec import Raw

from mcpd.ctl.bridge.far import Fields
from mcpd.ctl.bridge.fields import mirrored
from mcpd.wire import codec, mirror
from mcpd.wire.message import Members
from mcpd.wire.mirror import Mirror

MOST = 8192
"""Tools that are remembered."""

_NAME = 100


@define(eq=False)
class Tools:
    """
    The tools that were listed.
    """

    _tell: Callable[[str], None]
    _mirrors: dict[str, tuple[Mirror, ...]] = field(init=False, factory=dict)

    def knows(self, name: str) -> bool:
        """
        Say whether a tool was ever listed.
        """
        return name in self._mirrors

    def fields(self, name: str, arguments: Raw | None) -> Fields:
        """
        Give the fields that repeat a call's arguments.
        """
        return mirrored(self._mirrors.get(name, ()), arguments)

    def learn(self, result: Members) -> Members:
        """
        Learn from the result of ``tools/list``.

        Returns:
            It for the client: the very same, if no tool has to be left out.
        """
        tools = codec.pieces(result.get("tools", Raw())) or []
        kept = [tool for tool in tools if self._is_right(tool)]
        if len(kept) == len(tools):
            return result
        return {**result, "tools": Raw(b"[" + b",".join(kept) + b"]")}

    def remember(self, name: str, mirrors: tuple[Mirror, ...]) -> None:
        """
        Remember what a tool wants.
        """
        self._mirrors[name] = mirrors
        # Bounded: the far side lists them.
        if len(self._mirrors) > MOST:
            del self._mirrors[next(iter(self._mirrors))]

    def _is_right(self, tool: Raw) -> bool:
        members = codec.members(tool) or {}
        name = codec.text(members.get("name", Raw()))
        if name is None:
            return True  # Nothing that can be called; the client will see.
        found = mirror.read(members.get("inputSchema", Raw()))
        if found.wrong:
            self._mirrors.pop(name, None)
            self._tell(f"the tool {name[:_NAME]} is left out: {found.wrong[0]}")
            return False
        self.remember(name, found.mirrors)
        return True
