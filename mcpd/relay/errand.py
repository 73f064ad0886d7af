# -*- test-case-name: tests.relay.test_router -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One request on its way through the relay, with all that is known of it.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from mcpd.relay.catalog import Catalog
from mcpd.relay.eras import Tongue
from mcpd.relay.ladder import SESSION_FIELD, Claims
from mcpd.relay.line import Line
from mcpd.relay.session import Session
from mcpd.relay.subject import Subject
from mcpd.relay.way import Way
from mcpd.wire import write
from mcpd.wire.message import Members, Piece, Refusal, Request

# A legacy code: the modern tongue puts its own (MCP, "Resources", error handling).
_NOT_FOUND = -32002


class Post(Struct, frozen=True, eq=False):
    """
    How a message came, and the way back.

    Attributes:
        caller: The principal's name.
        path: The path that it came to.
        claims: Its header fields; None where the door has none.
        way: The way back.
        batched: Whether others share the way, so that it is nobody's to stream on.
        line: The conversation that it is of; None where each message comes alone, as by HTTP.
    """

    caller: str
    path: bytes
    claims: Claims | None
    way: Way
    batched: bool = False
    line: Line | None = None

    @property
    def session(self) -> bytes | None:
        """
        The id of the session that it names or, on a line, belongs to.
        """
        if self.line is not None:
            session = self.line.session
            return None if session is None else session.id
        return None if self.claims is None else self.claims.fields.get(SESSION_FIELD)


class Errand(Struct, frozen=True, eq=False):
    """
    What a client wants.

    Attributes:
        request: What it sent.
        meta: The request's ``_meta``.
        session: Its session; None in the modern era.
        tongue: How it is answered.
        post: How it came.
        catalog: What there is to be had at the path that it came to.
    """

    request: Request
    meta: Members
    session: Session | None
    tongue: Tongue
    post: Post
    catalog: Catalog

    def answer(self, members: dict[str, Piece]) -> None:
        """
        Answer with a result of our own.
        """
        self.post.way.answer(*self.tongue.result(self.request.id, members))

    def refuse(self, refusal: Refusal, subject: Subject) -> None:
        """
        Answer with an error, as if a plugin had given it.
        """
        self.post.way.answer(*self.tongue.refusal(self.request.id, refusal, subject))


def not_found(uri: str) -> Refusal:
    """
    Say that nobody has a resource.
    """
    return Refusal(b"", _NOT_FOUND, "Resource not found", Raw(write.encode({"uri": uri})))
