# -*- test-case-name: tests.wire.test_revision -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The one table of the protocol's revisions, their methods and their headers.

Revision names are dates, but they are only ever looked up: a name that is not
in the table is an unknown revision, whatever its date.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen


class Era(Enum):
    """
    The two ways in which a conversation is held.

    Legacy begins with a handshake and keeps a session; modern says everything
    in each request.
    """

    LEGACY = "legacy"
    MODERN = "modern"


@frozen
class Revision:
    """
    One revision of the protocol, and what of a result its clients know.

    Attributes:
        name: The date that is its name on the wire.
        era: How its conversations are held.
        header: Whether its clients send ``MCP-Protocol-Version`` over HTTP.
        batches: Whether it has JSON-RPC batches.
        annotations: Whether tools have annotations.
        icons: Whether things have icons.
        execution: Whether tools say how they run as tasks.
        audio: Whether content may be audio.
        links: Whether content may be a link to a resource.
        structured: Whether a tool's result may be structured.
        resumes: Whether events have ids, from which a client may go on.
        primes: Whether a stream may begin with an event that is only an id.
    """

    name: str
    era: Era
    header: bool
    batches: bool
    annotations: bool
    icons: bool
    execution: bool
    audio: bool
    links: bool
    structured: bool
    resumes: bool
    primes: bool


_L, _M = Era.LEGACY, Era.MODERN
REVISIONS = {
    revision.name: revision
    for revision in (
        # name, era; header, batches, annotations, icons, execution; audio, links, structured;
        # resumes, primes
        Revision("2024-11-05", _L, False, False, False, False, False, False, False, False, False, False),
        Revision("2025-03-26", _L, False, True, True, False, False, True, False, False, True, False),
        Revision("2025-06-18", _L, True, False, True, False, False, True, True, True, True, False),
        Revision("2025-11-25", _L, True, False, True, True, True, True, True, True, True, True),
        Revision("2026-07-28", _M, True, False, True, True, False, True, True, True, False, False),
    )
}
"""Every revision that we speak, oldest first, by name."""

NEWEST_LEGACY = REVISIONS["2025-11-25"]
"""What an ``initialize`` with an unknown version is answered with."""

MODERN = REVISIONS["2026-07-28"]
"""The modern revision."""

MODERN_NAMES = [name for name, revision in REVISIONS.items() if revision.era is Era.MODERN]
LEGACY_NAMES = [name for name, revision in REVISIONS.items() if revision.era is Era.LEGACY]


class Side(Enum):
    """
    Who sends a message.
    """

    CLIENT = "client"
    SERVER = "server"


@frozen
class Method:
    """
    One method.

    Attributes:
        name: The method.
        sender: Who sends it.
        eras: The eras that have it as a message of its own.
        request: Whether it wants an answer.
        routed_by: The member of ``params`` that the header ``Mcp-Name``
            repeats (modern Streamable HTTP); None where there is none.
        cached: Whether modern results carry ``ttlMs`` and ``cacheScope``.
    """

    name: str
    sender: Side
    eras: frozenset[Era]
    request: bool = True
    routed_by: str | None = None
    cached: bool = False


_LEGACY, _MODERN, _BOTH = frozenset({_L}), frozenset({_M}), frozenset({_L, _M})
_C, _S = Side.CLIENT, Side.SERVER
_TABLE = (
    Method("initialize", _C, _LEGACY),
    Method("ping", _C, _LEGACY),
    Method("server/discover", _C, _MODERN, cached=True),
    Method("subscriptions/listen", _C, _MODERN),
    Method("tools/list", _C, _BOTH, cached=True),
    Method("tools/call", _C, _BOTH, routed_by="name"),
    Method("resources/list", _C, _BOTH, cached=True),
    Method("resources/templates/list", _C, _BOTH, cached=True),
    Method("resources/read", _C, _BOTH, routed_by="uri", cached=True),
    Method("resources/subscribe", _C, _LEGACY),
    Method("resources/unsubscribe", _C, _LEGACY),
    Method("prompts/list", _C, _BOTH, cached=True),
    Method("prompts/get", _C, _BOTH, routed_by="name"),
    Method("completion/complete", _C, _BOTH),
    Method("logging/setLevel", _C, _LEGACY),
    Method("notifications/initialized", _C, _LEGACY, request=False),
    Method("notifications/cancelled", _C, _BOTH, request=False),
    Method("notifications/roots/list_changed", _C, _LEGACY, request=False),
    Method("notifications/progress", _S, _BOTH, request=False),
    Method("notifications/message", _S, _BOTH, request=False),
    Method("notifications/tools/list_changed", _S, _BOTH, request=False),
    Method("notifications/prompts/list_changed", _S, _BOTH, request=False),
    Method("notifications/resources/list_changed", _S, _BOTH, request=False),
    Method("notifications/resources/updated", _S, _BOTH, request=False),
    Method("notifications/subscriptions/acknowledged", _S, _MODERN, request=False),
    Method("sampling/createMessage", _S, _LEGACY),
    Method("elicitation/create", _S, _LEGACY),
    Method("roots/list", _S, _LEGACY),
)

METHODS = {method.name: method for method in _TABLE}
"""Every method, by name.  (``ping`` may be sent by both sides; a client's is the one listed.)"""
