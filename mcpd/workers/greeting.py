# -*- test-case-name: tests.workers.test_greeting -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How a conversation with a worker begins, in either era, and what the worker has.

An unknown plugin is asked ``server/discover``; an answer says that it is
modern, and anything else, silence included, that it wants to be initialized
(MCP 2026-07-28, "Versioning", backward compatibility on stdio).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from attrs import define, field, frozen
from msgspec import Raw

from mcpd import __version__
from mcpd.wire import codec, write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Members, Refusal
from mcpd.wire.offer import Offer, Tool, Unusable, read_tool
from mcpd.wire.revision import LEGACY_NAMES, MODERN, NEWEST_LEGACY, REVISIONS, Revision
from mcpd.workers.peer import LegacySpeech, ModernSpeech, Params, Patience, Peer

_OURSELVES = write.encode({"name": "mcpd", "version": __version__})
_MODERN_SPEECH = ModernSpeech(
    (
        ("io.modelcontextprotocol/protocolVersion", write.encode(MODERN.name)),
        ("io.modelcontextprotocol/clientInfo", _OURSELVES),
        ("io.modelcontextprotocol/clientCapabilities", b"{}"),
    )
)
# Errors that only a modern server gives; the last three are what release
# candidates of the revision used.
_MODERN_ERRORS = frozenset(
    (
        Kind.HEADER_MISMATCH.code,
        Kind.MISSING_CAPABILITY.code,
        Kind.UNSUPPORTED_VERSION.code,
        -32001,
        -32003,
        -32004,
    )
)
_PAGES = 100
_TOOLS = 10_000
_SENTENCES = 100

Protocol = Literal["auto", "modern", "legacy"]


class Rude(Exception):
    """
    A worker did not shake hands as the protocol says; its text says what it did.
    """


@frozen(eq=False)
class _Known:
    """
    What a worker said of itself.
    """

    revision: Revision
    capabilities: Members
    instructions: str


@define
class _LeftOut:
    """
    Why things are not served.
    """

    _first: list[str] = field(factory=list)
    _more: int = 0

    def add(self, why: str) -> None:
        # Bounded: a plugin may list any number of tools that are none.
        if len(self._first) < _SENTENCES:
            self._first.append(why)
        else:
            self._more += 1

    def told(self) -> tuple[str, ...]:
        return (*self._first, f"{self._more} more") if self._more else tuple(self._first)


@define(eq=False)
class Greeting:
    """
    One worker's handshake.

    Attributes:
        probing: Whether the worker is being asked which era it is of.  An exit
            while it is says that it is legacy.
    """

    _peer: Peer
    _protocol: Protocol
    _patience: float
    probing: bool = False

    async def shake(self) -> Offer:
        """
        Shake hands, and learn what the worker has.

        Raises:
            Rude: It did not as the protocol says.
            Fault: It is gone, or took too long.
        """
        known = await self._discover() if self._protocol != "legacy" else None
        if known is None:
            if self._protocol == "modern":
                raise Rude("it did not answer server/discover, but its protocol is configured as modern")
            known = await self._initialize()
        left_out = _LeftOut()
        tools = await self._tools(left_out.add) if "tools" in known.capabilities else ()
        return Offer(known.revision, tools, known.instructions, left_out.told())

    async def _discover(self) -> _Known | None:
        self.probing = self._protocol == "auto"
        self._peer.speak(_MODERN_SPEECH)
        # Half of the time is left for a handshake, should there be no answer.
        patience = self._patience / 2 if self._protocol == "auto" else self._patience
        try:
            said = await self._peer.request(b"server/discover", (), Patience(patience, patience))
        except Fault as fault:
            if fault.kind is not Kind.DEADLINE:
                raise
            return None
        finally:
            self.probing = False
        if isinstance(said, Refusal):
            self._check_refusal(said)
            return None
        versions = _names(said.result.get("supportedVersions", Raw()))
        if MODERN.name not in versions:
            return None
        return _Known(MODERN, *_self_description(said))

    def _check_refusal(self, refusal: Refusal) -> None:
        data = codec.members(refusal.data) if refusal.data is not None else None
        versions = _names((data or {}).get("supported", Raw()))
        if refusal.code in _MODERN_ERRORS and versions and not versions & set(LEGACY_NAMES):
            raise Rude(f"it speaks only revisions that are unknown here: {', '.join(sorted(versions))}")

    async def _initialize(self) -> _Known:
        patience = Patience(self._patience, self._patience)
        params = (
            ("protocolVersion", write.encode(NEWEST_LEGACY.name)),
            ("capabilities", b"{}"),
            ("clientInfo", _OURSELVES),
        )
        self._peer.speak(LegacySpeech())
        said = await self._peer.request(b"initialize", params, patience)
        if isinstance(said, Refusal):
            raise Rude(f"it refused initialize with error {said.code}")
        name = codec.text(said.result.get("protocolVersion", Raw()))
        if name not in LEGACY_NAMES:
            raise Rude("it answered initialize with a revision that is unknown here")
        self._peer.notify(b"notifications/initialized", ())
        return _Known(REVISIONS[name], *_self_description(said))

    async def _tools(self, leave_out: Callable[[str], None]) -> tuple[Tool, ...]:
        tools: dict[str, Tool] = {}
        cursors: set[str] = set()
        cursor: str | None = None
        # Bounded: a plugin may have pages without end.
        for _ in range(_PAGES):
            page = await self._page(cursor)
            for piece in codec.pieces(page.result.get("tools", Raw())) or ():
                _add(tools, piece, leave_out)
            raw = page.result.get("nextCursor")
            cursor = codec.text(raw) if raw is not None else None
            if cursor is None or cursor in cursors or len(tools) >= _TOOLS:
                break
            cursors.add(cursor)
        if cursor is not None:
            leave_out("pages of tools beyond the first, since they do not end")
        return tuple(tools.values())

    async def _page(self, cursor: str | None) -> Answer:
        params: Params = () if cursor is None else (("cursor", write.encode(cursor)),)
        patience = Patience(self._patience, self._patience)
        said = await self._peer.request(b"tools/list", params, patience)
        if isinstance(said, Refusal):
            raise Rude(f"it refused tools/list with error {said.code}")
        return said


def _add(tools: dict[str, Tool], piece: Raw, leave_out: Callable[[str], None]) -> None:
    try:
        tool = read_tool(piece)
    except Unusable as unusable:
        leave_out(str(unusable))
        return
    if tool.name in tools:
        leave_out(f"a second tool named {tool.name}")
        return
    tools[tool.name] = tool


def _self_description(answer: Answer) -> tuple[Members, str]:
    capabilities = codec.members(answer.result.get("capabilities", Raw())) or {}
    return capabilities, codec.text(answer.result.get("instructions", Raw())) or ""


def _names(piece: Raw) -> set[str]:
    return {name for item in codec.pieces(piece) or () if (name := codec.text(item)) is not None}
