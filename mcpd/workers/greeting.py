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
from typing import Literal, TypeVar

from attrs import define, field
from msgspec import Raw
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime
from twisted.python.failure import Failure

from mcpd import __version__
from mcpd.wire import codec, write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.wire.offer import Feature, Offer
from mcpd.wire.revision import LEGACY_NAMES, MODERN, NEWEST_LEGACY, REVISIONS, Revision
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

T = TypeVar("T")
Protocol = Literal["auto", "modern", "legacy"]


class Rude(Exception):
    """
    A worker did not shake hands as the protocol says; its text says what it did.
    """


@define(eq=False)
class Greeting:
    """
    One worker's handshake.

    A worker of unknown era that says nothing to ``server/discover`` is asked
    ``initialize``, too, after a while: what it answers first decides.  So one
    that has to be fetched first may take its time, whichever era it is of.

    Attributes:
        introduced: Called with what the worker says of itself, before its
            lists are read.
        probing: Whether the worker was asked which era it is of, and has
            answered nothing yet.  An exit while it is says that it is legacy.
    """

    _clock: IReactorTime
    _peer: Peer
    _lists: Lists
    _protocol: Protocol
    _patience: float
    _alone: float
    introduced: Callable[[Known], None]
    probing: bool = field(init=False, default=False)
    _known: Deferred[Known] = field(init=False, factory=Deferred)
    _discovering: bool = field(init=False, default=False)
    _initializing: bool = field(init=False, default=False)
    _rude: Rude | None = field(init=False, default=None)

    async def shake(self) -> Offer:
        """
        Shake hands, and learn what the worker has.

        Raises:
            Rude: It did not as the protocol says.
            Fault: It is gone, or took too long.
        """
        if self._protocol == "legacy":
            self._initialize()
        else:
            self._discover()
        known = await self._known
        self.introduced(known)
        try:
            await self._lists.begin(known.features)
        except NotListed as error:
            raise Rude(str(error)) from None
        offer = Offer(known.revision, features=known.features, instructions=known.instructions)
        return self._lists.fill(offer)

    def _discover(self) -> None:
        self._discovering = True
        self._peer.speak(ModernSpeech(_STAMP))
        asked = self._peer.request(b"server/discover", (), Patience(self._patience, self._patience))
        if self._protocol == "auto":
            self.probing = True
            late = self._clock.callLater(self._alone, self._initialize)
            asked.addBoth(_passing, late)
        self._wait(asked, self._discovered)

    def _discovered(self, said: Answer | Refusal | None) -> None:
        self._discovering = self.probing = False
        if isinstance(said, Refusal):
            self._check_refusal(said)
        elif said is not None and MODERN.name in _names(said.result.get("supportedVersions", Raw())):
            known = Known.of(MODERN, said)
            self._peer.speak(ModernSpeech(_STAMP, Feature.LOGGING in known.features))
            self._known.callback(known)
            return
        if self._protocol == "modern":
            raise Rude("it did not answer server/discover, but its protocol is configured as modern")
        if self._rude is not None:
            raise self._rude
        self._initialize()

    def _check_refusal(self, refusal: Refusal) -> None:
        data = codec.members(refusal.data) if refusal.data is not None else None
        versions = _names((data or {}).get("supported", Raw()))
        if refusal.code in _MODERN_ERRORS and versions and not versions & set(LEGACY_NAMES):
            raise Rude(f"it speaks only revisions that are unknown here: {', '.join(sorted(versions))}")

    def _initialize(self) -> None:
        if self._initializing:
            return
        self._initializing = True
        params = (
            ("protocolVersion", write.encode(NEWEST_LEGACY.name)),
            ("capabilities", b"{}"),
            ("clientInfo", _OURSELVES),
        )
        self._peer.speak(LegacySpeech())
        asked = self._peer.request(b"initialize", params, Patience(self._patience, self._patience))
        self._wait(asked, self._initialized)

    def _initialized(self, said: Answer | Refusal | None) -> None:
        self.probing = False
        match said:
            case Answer():
                name = codec.text(said.result.get("protocolVersion", Raw()))
                if name in LEGACY_NAMES:
                    self._agree(REVISIONS[name], said)
                    return
                why = "it answered initialize with a revision that is unknown here"
            case Refusal():
                why = f"it refused initialize with error {said.code}"
            case _:
                why = "its answer to initialize can't be read"
        self._rude = Rude(why)
        # So does a modern plugin; the answer that matters is to come.
        if not self._discovering:
            raise self._rude

    def _agree(self, revision: Revision, said: Answer) -> None:
        self._peer.notify(b"notifications/initialized", ())
        known = Known.of(revision, said)
        self._peer.speak(LegacySpeech(Feature.LOGGING in known.features))
        self._known.callback(known)

    def _wait(
        self, asked: Deferred[Answer | Refusal], heard: Callable[[Answer | Refusal | None], None]
    ) -> None:
        heeded = asked.addErrback(_unreadable)
        # What comes after the decision is not heard.
        heeded.addCallback(lambda said: None if self._known.called else heard(said))
        heeded.addErrback(self._failed)

    def _failed(self, failure: Failure) -> None:
        self.probing = False
        if not self._known.called:
            self._known.errback(failure)


def _passing(outcome: T, late: IDelayedCall) -> T:
    if late.active():
        late.cancel()
    return outcome


def _unreadable(failure: Failure) -> None:
    # Who gives an answer that can't be read has answered all the same.
    fault = failure.value
    if not (isinstance(fault, Fault) and fault.kind is Kind.INTERNAL):
        failure.raiseException()


def _names(piece: Raw) -> set[str]:
    return {name for item in codec.pieces(piece) or () if (name := codec.text(item)) is not None}
