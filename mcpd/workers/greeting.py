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

from attrs import define, field
from msgspec import Raw

from mcpd import __version__
from mcpd.wire import codec, write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Refusal
from mcpd.wire.offer import Feature, Offer
from mcpd.wire.revision import LEGACY_NAMES, MODERN, NEWEST_LEGACY, REVISIONS
from mcpd.workers.known import Known
from mcpd.workers.lists import Lists, NotListed
from mcpd.workers.peer import Patience, Peer
from mcpd.workers.speech import LegacySpeech, ModernSpeech

_OURSELVES = write.encode({"name": "mcpd", "version": __version__})
_STAMP = (
    ("io.modelcontextprotocol/protocolVersion", write.encode(MODERN.name)),
    ("io.modelcontextprotocol/clientInfo", _OURSELVES),
    ("io.modelcontextprotocol/clientCapabilities", b"{}"),
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

Protocol = Literal["auto", "modern", "legacy"]


class Rude(Exception):
    """
    A worker did not shake hands as the protocol says; its text says what it did.
    """


@define(eq=False)
class Greeting:
    """
    One worker's handshake.

    Attributes:
        introduced: Called with what the worker says of itself, before its
            lists are read.
        probing: Whether the worker is being asked which era it is of.  An exit
            while it is says that it is legacy.
    """

    _peer: Peer
    _lists: Lists
    _protocol: Protocol
    _patience: float
    introduced: Callable[[Known], None]
    probing: bool = field(init=False, default=False)

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
        self.introduced(known)
        try:
            await self._lists.begin(known.features)
        except NotListed as error:
            raise Rude(str(error)) from None
        offer = Offer(known.revision, features=known.features, instructions=known.instructions)
        return self._lists.fill(offer)

    async def _discover(self) -> Known | None:
        self.probing = self._protocol == "auto"
        self._peer.speak(ModernSpeech(_STAMP))
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
        known = Known.of(MODERN, said)
        self._peer.speak(ModernSpeech(_STAMP, Feature.LOGGING in known.features))
        return known

    def _check_refusal(self, refusal: Refusal) -> None:
        data = codec.members(refusal.data) if refusal.data is not None else None
        versions = _names((data or {}).get("supported", Raw()))
        if refusal.code in _MODERN_ERRORS and versions and not versions & set(LEGACY_NAMES):
            raise Rude(f"it speaks only revisions that are unknown here: {', '.join(sorted(versions))}")

    async def _initialize(self) -> Known:
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
        known = Known.of(REVISIONS[name], said)
        self._peer.speak(LegacySpeech(Feature.LOGGING in known.features))
        return known


def _names(piece: Raw) -> set[str]:
    return {name for item in codec.pieces(piece) or () if (name := codec.text(item)) is not None}
