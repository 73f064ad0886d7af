# -*- test-case-name: tests.relay.test_eras -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How answers are put to clients of the two eras.

What goes down is read by :mod:`mcpd.relay.router`; here is what comes up: a
plugin's results and errors, fitted to what the client's revision knows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from attrs import field, frozen
from msgspec import Raw

from mcpd import __version__
from mcpd.relay import content
from mcpd.relay.subject import Subject
from mcpd.wire import codec, write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Members, Piece, Refusal
from mcpd.wire.revision import MODERN, Revision

Body = tuple[list[Piece], int]
"""An answer: pieces to be joined, and the HTTP status."""

SERVER = write.encode({"name": "mcpd", "title": "mcpd", "version": __version__})
"""Who we are (MCP schema, ``Implementation``)."""

_SERVER_INFO = "io.modelcontextprotocol/serverInfo"
_META = write.encode({_SERVER_INFO: Raw(SERVER)})
_COMPLETE = b'"complete"'
_CACHED = ("ttlMs", "cacheScope")
# What only modern results have.
_MODERN_MEMBERS = frozenset(("resultType", *_CACHED))
# What a modern result has that is not as it comes from a plugin.
_STAMPED = _MODERN_MEMBERS | {"_meta"}
_MODERN_CODES = frozenset(
    (Kind.HEADER_MISMATCH.code, Kind.MISSING_CAPABILITY.code, Kind.UNSUPPORTED_VERSION.code)
)
_LEGACY_NOT_FOUND, _LEGACY_URL_NEEDED = -32002, -32042
# Milliseconds: nobody should rely for longer on what a plugin once said.
_LONGEST_LIFE = 24 * 60 * 60 * 1000
# Bounded: characters of an error's message, which is one sentence (JSON-RPC 2.0, section 5.1).
_LONGEST_MESSAGE = 4096
# JSON-RPC has integers of any size, and some clients keep a code in 32 bits.
_LEAST_CODE, _GREATEST_CODE = -(2**31), 2**31 - 1
_ASKS = "the plugin asked for input, which can't be given through this server"
_STRANGE = "the plugin gave a kind of result that is unknown here"


class Tongue(Protocol):
    """
    How one client is answered.

    Attributes:
        revision: The client's revision.
        hang_up_cancels: Whether a client that hangs up has cancelled its
            request: so in the modern era; for a legacy client a disconnect is
            no cancellation (MCP 2025-11-25, "Streamable HTTP").
    """

    @property
    def revision(self) -> Revision: ...  # noqa: D102  described above, like the next
    @property
    def hang_up_cancels(self) -> bool: ...  # noqa: D102

    def result(self, id: bytes, members: Mapping[str, Piece]) -> Body:
        """
        Put a result of our own.
        """

    def fitted(self, id: bytes, result: Members, subject: Subject) -> Body:
        """
        Put a plugin's result.

        Raises:
            Fault: It is none that this client could be given.
        """

    def refusal(self, id: bytes, refusal: Refusal, subject: Subject) -> Body:
        """
        Put a plugin's error.
        """

    def status(self, fault: Fault) -> int:
        """
        Tell the HTTP status for a fault in answering a request that was taken.
        """


def _check(result: Members) -> None:
    kind = result.get("resultType")
    if kind is None or bytes(kind) == _COMPLETE:
        return
    raise Fault(Kind.INTERNAL, _ASKS if bytes(kind) == b'"input_required"' else _STRANGE)


@frozen
class Legacy:
    """
    The tongue of clients that shook hands.
    """

    revision: Revision
    _unknown: frozenset[str] = field(init=False)
    hang_up_cancels = False

    @_unknown.default
    def _name_unknown(self) -> frozenset[str]:
        return content.unknown_kinds(self.revision)

    def result(self, id: bytes, members: Mapping[str, Piece]) -> Body:
        """
        Put a result of our own, as it is.
        """
        return write.answer(id, members), 200

    def fitted(self, id: bytes, result: Members, subject: Subject) -> Body:
        """
        Put a plugin's result, without what only the modern era or a newer revision has.

        Raises:
            Fault: The plugin asks for input, or gave what has no meaning here.
        """
        # Nearly every result is one of a tool that a new client can be given as it is.
        if (
            subject.wrapped
            or self._unknown
            or ("content" not in result or not content.is_list(result["content"]))
            or "_meta" in result
            or not _MODERN_MEMBERS.isdisjoint(result)
        ):
            _check(result)
            return write.answer(id, self._fit(result, subject)), 200
        return write.answer(id, result), 200

    def _fit(self, result: Members, subject: Subject) -> dict[str, Piece]:
        known: Mapping[str, Piece] = result
        if subject.method == "tools/call":
            known = content.filled(known, self.revision)
        if self._unknown:
            known = content.downgraded(known, self._unknown)
        fitted = content.wrap(known) if subject.wrapped else {**known}
        for name in _MODERN_MEMBERS:
            fitted.pop(name, None)
        meta = codec.members(fitted["_meta"]) if "_meta" in fitted else None
        if meta is not None and meta.pop(_SERVER_INFO, None) is not None:
            del fitted["_meta"]
            if meta:
                fitted["_meta"] = content.composed(meta)
        return fitted

    def refusal(self, id: bytes, refusal: Refusal, subject: Subject) -> Body:
        """
        Put a plugin's error; what only the modern era has becomes an ordinary one.
        """
        code = refusal.code
        data: Piece | None = refusal.data
        if code == Kind.MISSING_CAPABILITY.code:
            if subject.method == "tools/call":
                return write.answer(id, _own_error(refusal)), 200
            return _error(id, Kind.INTERNAL.code, refusal, data), 200
        if code in _MODERN_CODES:
            return _error(id, Kind.PARAMS.code, refusal, data), 200
        if code == Kind.PARAMS.code and subject.method == "resources/read":
            # A read has no other parameter than its URI.
            code = _LEGACY_NOT_FOUND
        if code == _LEGACY_NOT_FOUND:
            data = _with_uri(data, subject)
        return _error(id, code, refusal, data), 200

    def status(self, fault: Fault) -> int:
        """
        Tell 200: an answer to a request that was taken is one, whatever it says; too much was not taken.
        """
        return fault.kind.status if fault.kind is Kind.OVERLOADED else 200


@frozen
class Modern:
    """
    The tongue of clients that say everything in each request.
    """

    revision: Revision = MODERN
    hang_up_cancels = True

    def result(self, id: bytes, members: Mapping[str, Piece]) -> Body:
        """
        Put a result of our own, stamped.
        """
        stamped = {"resultType": _COMPLETE, **members, "_meta": _META}
        return write.answer(id, stamped), 200

    def fitted(self, id: bytes, result: Members, subject: Subject) -> Body:
        """
        Put a plugin's result, with what every modern result has.

        Raises:
            Fault: The plugin asks for input, or gave what has no meaning here.
        """
        usual = subject.method == "tools/call" and "content" in result
        if usual and _STAMPED.isdisjoint(result) and content.is_list(result["content"]):
            # What nearly every result is: a legacy plugin's, of a tool.
            return write.answer(id, {"resultType": _COMPLETE, **result, "_meta": _META}), 200
        _check(result)
        return write.answer(id, self._fit(result, subject)), 200

    def _fit(self, result: Members, subject: Subject) -> Mapping[str, Piece]:
        meta = codec.members(result["_meta"]) if "_meta" in result else None
        stamp = content.composed({**meta, _SERVER_INFO: Raw(SERVER)}) if meta else _META
        fitted: dict[str, Piece] = {**result, "resultType": _COMPLETE, "_meta": stamp}
        for name in _CACHED:
            fitted.pop(name, None)
        if subject.method == "resources/read":
            return fitted | _cache_hints(result, subject)
        if subject.method == "tools/call":
            return content.filled(fitted, self.revision)
        return fitted

    def refusal(self, id: bytes, refusal: Refusal, subject: Subject) -> Body:
        """
        Put a plugin's error; what only the legacy era has becomes an ordinary one.
        """
        code, status = refusal.code, 200
        data: Piece | None = refusal.data
        if code == _LEGACY_NOT_FOUND or (code == Kind.PARAMS.code and subject.method == "resources/read"):
            code, data = Kind.PARAMS.code, _with_uri(data, subject)
        elif code == _LEGACY_URL_NEEDED:
            # The addresses in it are for a client that knows what to do with them.
            code, data = Kind.INTERNAL.code, None
        elif code == Kind.MISSING_CAPABILITY.code:
            status = Kind.MISSING_CAPABILITY.status
        elif code in _MODERN_CODES:
            # About our own request to the plugin, so none of the client's business.
            code = Kind.INTERNAL.code
        return _error(id, code, refusal, data), status

    def status(self, fault: Fault) -> int:
        """
        Tell the fault's own status.
        """
        return fault.kind.status


def _cache_hints(result: Members, subject: Subject) -> dict[str, Piece]:
    life, scope = (bytes(result.get(name, Raw())) for name in _CACHED)
    if not life.isdigit():
        life = b"0"
    elif len(life) > len(str(_LONGEST_LIFE)) or int(life) > _LONGEST_LIFE:
        life = b"%d" % _LONGEST_LIFE
    shared = scope == b'"public"' and not subject.private
    return {"ttlMs": life, "cacheScope": b'"public"' if shared else b'"private"'}


def _with_uri(data: Piece | None, subject: Subject) -> Piece | None:
    # MCP, "Resources", on errors: the URI that was not found stands in data.
    known = {} if data is None or bytes(data) == b"null" else codec.members(data)
    if not subject.uri or known is None or "uri" in known:
        return data
    return content.composed({**known, "uri": write.encode(subject.uri)})


def _own_error(refusal: Refusal) -> dict[str, Piece]:
    # For the model: no client could do better.
    text = f"This tool needs something of the client that can't be given: {refusal.message}"
    item = content.composed({"type": b'"text"', "text": write.encode(text[:_LONGEST_MESSAGE])})
    return {"content": b"[%b]" % item, "isError": b"true"}


def _error(id: bytes, code: int, refusal: Refusal, data: Piece | None) -> list[Piece]:
    if not _LEAST_CODE <= code <= _GREATEST_CODE:
        code = Kind.INTERNAL.code
    return write.refusal(id, code, refusal.message[:_LONGEST_MESSAGE], data)
