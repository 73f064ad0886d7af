# -*- test-case-name: tests.relay.test_listening -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One modern client's stream of changes (MCP 2026-07-28, "Subscriptions").
"""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, field, frozen
from msgspec import Raw
from twisted.internet.interfaces import IDelayedCall

from mcpd.relay.eras import SERVER
from mcpd.relay.way import Way
from mcpd.wire import codec, write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Members, Piece
from mcpd.wire.offer import Sort

_LISTS = {
    "toolsListChanged": Sort.TOOLS,
    "promptsListChanged": Sort.PROMPTS,
    "resourcesListChanged": Sort.RESOURCES,
}
_RESOURCES = "resourceSubscriptions"
_ACKNOWLEDGED = b"notifications/subscriptions/acknowledged"
_SUBSCRIPTION_ID = "io.modelcontextprotocol/subscriptionId"
_SERVER_INFO = "io.modelcontextprotocol/serverInfo"
_MISSING = Raw()


@frozen
class Wanted:
    """
    What a client wants to hear of, or may (MCP schema, ``SubscriptionFilter``).

    Attributes:
        lists: The lists; resources stand for their templates, too.
        uris: The resources, each once.
    """

    lists: tuple[Sort, ...] = ()
    uris: tuple[str, ...] = ()

    def written(self) -> bytes:
        """
        Write it as the protocol does; what is not wanted is not there.
        """
        members: dict[str, object] = {name: True for name, sort in _LISTS.items() if sort in self.lists}
        if self.uris:
            members[_RESOURCES] = self.uris
        return write.encode(members)


def read_wanted(params: Members, most: int, longest: int) -> Wanted:
    """
    Read what a client wants to hear of; members that are unknown say nothing.

    Args:
        params: The request's.
        most: How many resources it may name.
        longest: Bytes of a URI as the client wrote it.

    Raises:
        Fault: PARAMS, it can't be read, or there are too many resources.
    """
    members = codec.members(params.get("notifications", _MISSING))
    if members is None:
        raise Fault(Kind.PARAMS, "notifications must be an object that says what to listen to")
    lists = tuple(sort for name, sort in _LISTS.items() if _is_true(members, name))
    pieces = codec.pieces(members.get(_RESOURCES, Raw(b"[]")))
    if pieces is None:
        raise Fault(Kind.PARAMS, f"{_RESOURCES} must be an array of URIs")
    if len(pieces) > most:
        raise Fault(Kind.PARAMS, f"{_RESOURCES} has at most {most} URIs")
    return Wanted(lists, tuple(dict.fromkeys(_uri(piece, longest) for piece in pieces)))


def _is_true(members: Members, name: str) -> bool:
    text = bytes(members.get(name, b"false"))
    if text not in (b"true", b"false"):
        raise Fault(Kind.PARAMS, f"{name} must be true or false")
    return text == b"true"


def _uri(piece: Raw, longest: int) -> str:
    if len(piece) > longest:
        raise Fault(Kind.PARAMS, f"a URI has at most {longest} bytes")
    uri = codec.text(piece)
    if uri is None:
        raise Fault(Kind.PARAMS, f"{_RESOURCES} must be an array of URIs")
    return uri


@define(eq=False)
class Listening:
    """
    One stream, from its request to its end.

    Attributes:
        id: The request's id, raw: each message repeats it as it came.
        caller: The principal's name.
        path: The path that it came to.
        lists: The lists that it is told of.
        way: The way back.
        patience: Runs while it is not settled what the client is told of, and
            nothing may be said therefore; None from then on.
    """

    id: bytes
    caller: str
    path: bytes
    lists: tuple[Sort, ...]
    way: Way
    patience: IDelayedCall | None = field(init=False, default=None)

    def acknowledge(self, uris: tuple[str, ...]) -> None:
        """
        Say what it will be told of: that must be its first message.
        """
        self._notice(_ACKNOWLEDGED, (("notifications", Wanted(self.lists, uris).written()),))

    def tell(self, method: bytes, params: Sequence[tuple[str, Piece]] = ()) -> None:
        """
        Tell of a change; before the acknowledgement that is too early, and dropped.
        """
        if self.patience is None:
            self._notice(method, params)

    def finish(self) -> None:
        """
        End it as a server does that can go on no longer: by its result.
        """
        meta: list[Piece] = []
        write.put(meta, {_SUBSCRIPTION_ID: self.id, _SERVER_INFO: SERVER})
        result = {"resultType": b'"complete"', "_meta": write.join(meta)}
        self.way.answer(write.answer(self.id, result))

    def _notice(self, method: bytes, params: Sequence[tuple[str, Piece]]) -> None:
        meta: list[Piece] = []
        write.put(meta, {_SUBSCRIPTION_ID: self.id})
        self.way.notice(write.notice(method, (("_meta", write.join(meta)), *params)))
