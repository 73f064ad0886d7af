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

from attrs import frozen
from msgspec import Raw

from mcpd import __version__
from mcpd.relay.catalog import wrap
from mcpd.wire import codec, write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Members, Piece, Refusal
from mcpd.wire.offer import Tool
from mcpd.wire.revision import MODERN, Revision

Body = tuple[list[Piece], int]
"""An answer: pieces to be joined, and the HTTP status."""

SERVER = write.encode({"name": "mcpd", "title": "mcpd", "version": __version__})
"""Who we are (MCP schema, ``Implementation``)."""

_SERVER_INFO = "io.modelcontextprotocol/serverInfo"
_META = write.encode({_SERVER_INFO: Raw(SERVER)})
_COMPLETE = b'"complete"'
# What only modern results have.
_MODERN_MEMBERS = frozenset(("resultType", "ttlMs", "cacheScope"))
_MODERN_CODES = frozenset(
    (Kind.HEADER_MISMATCH.code, Kind.MISSING_CAPABILITY.code, Kind.UNSUPPORTED_VERSION.code)
)
_LEGACY_NOT_FOUND, _LEGACY_URL_NEEDED = -32002, -32042
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

    def fitted(self, id: bytes, result: Members, tool: Tool) -> Body:
        """
        Put a plugin's result for a tool.

        Raises:
            Fault: It is none that this client could be given.
        """

    def refusal(self, id: bytes, refusal: Refusal) -> Body:
        """
        Put a plugin's error.
        """

    def status(self, fault: Fault) -> int:
        """
        Tell the HTTP status for a fault in answering a request that was taken.
        """


def _checked(result: Members) -> None:
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
    hang_up_cancels = False

    def result(self, id: bytes, members: Mapping[str, Piece]) -> Body:
        """
        Put a result of our own, as it is.
        """
        return write.answer(id, members), 200

    def fitted(self, id: bytes, result: Members, tool: Tool) -> Body:
        """
        Put a plugin's result, without what only the modern era has.

        Raises:
            Fault: The plugin asks for input.
        """
        if tool.wrapped or not _MODERN_MEMBERS.isdisjoint(result) or "_meta" in result:
            _checked(result)
            return write.answer(id, self._fit(result, tool)), 200
        return write.answer(id, result), 200

    def _fit(self, result: Members, tool: Tool) -> dict[str, Piece]:
        fitted: dict[str, Piece] = wrap(result) if tool.wrapped else {**result}
        for name in _MODERN_MEMBERS:
            fitted.pop(name, None)
        meta = codec.members(fitted["_meta"]) if "_meta" in fitted else None
        if meta is not None and meta.pop(_SERVER_INFO, None) is not None:
            del fitted["_meta"]
            if meta:
                out: list[Piece] = []
                write.put(out, meta.items())
                fitted["_meta"] = b"".join(out)
        return fitted

    def refusal(self, id: bytes, refusal: Refusal) -> Body:
        """
        Put a plugin's error; what only the modern era has becomes an ordinary one.
        """
        if refusal.code == Kind.MISSING_CAPABILITY.code:
            text = write.encode(
                f"This tool needs something of the client that can't be given: {refusal.message}"
            )
            content = b'[{"type":"text","text":%b}]' % text
            return write.answer(id, (("content", content), ("isError", b"true"))), 200
        code = Kind.PARAMS.code if refusal.code in _MODERN_CODES else refusal.code
        return write.refusal(id, code, refusal.message, refusal.data), 200

    def status(self, fault: Fault) -> int:
        """
        Tell 200: an answer to a request that was taken is one, whatever it says.
        """
        return 200


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

    def fitted(self, id: bytes, result: Members, tool: Tool) -> Body:
        """
        Put a plugin's result, with what every modern result has.

        Raises:
            Fault: The plugin asks for input, or gave what has no meaning here.
        """
        _checked(result)
        if "resultType" in result or "_meta" in result:
            meta = codec.members(result.get("_meta", Raw())) or {}
            out: list[Piece] = []
            write.put(out, {**meta, _SERVER_INFO: Raw(SERVER)}.items())
            members = {**result, "resultType": _COMPLETE, "_meta": b"".join(out)}
            return write.answer(id, members), 200
        return write.answer(id, {"resultType": _COMPLETE, **result, "_meta": _META}), 200

    def refusal(self, id: bytes, refusal: Refusal) -> Body:
        """
        Put a plugin's error; what only the legacy era has becomes an ordinary one.
        """
        code, status = refusal.code, 200
        if code == _LEGACY_NOT_FOUND:
            code = Kind.PARAMS.code
        elif code == _LEGACY_URL_NEEDED:
            code = Kind.INTERNAL.code
        elif code == Kind.MISSING_CAPABILITY.code:
            status = Kind.MISSING_CAPABILITY.status
        elif code in _MODERN_CODES:
            # About our own request to the plugin, so none of the client's business.
            code = Kind.INTERNAL.code
        return write.refusal(id, code, refusal.message, refusal.data), status

    def status(self, fault: Fault) -> int:
        """
        Tell the fault's own status.
        """
        return fault.kind.status
