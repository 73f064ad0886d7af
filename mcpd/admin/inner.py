# -*- test-case-name: tests.admin.test_inner -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client without a connection: requests of the daemon's own, through the router.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from attrs import define, field
from twisted.internet.defer import Deferred

from mcpd.relay.errand import Post
from mcpd.relay.router import Router
from mcpd.relay.way import Fields
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Piece


def ask(router: Router, path: bytes, message: bytes, caller: str, number: str) -> Deferred[bytes]:
    """
    Put one request, as a client would that sends no header fields.

    Args:
        router: Where it goes.
        path: The path that it would have come to.
        message: A JSON-RPC request of the modern era, which needs no session.
        caller: The principal's name.
        number: The request id, which errors and the log have.

    Returns:
        Fires with the JSON-RPC answer; errors are answers.  Cancelling it is
        what hanging up is to other clients.
    """
    way = InnerWay(number)
    router.take(message, Post(caller, path, None, way))
    return way.answered


@define(eq=False)
class InnerWay:
    """
    A way back (:class:`mcpd.relay.way.Way`) that keeps the answer and drops what comes before it.

    Attributes:
        id: The request id.
        hung_up: Called once if nobody waits for the answer any more.
        answered: Fires with the answer.
    """

    id: str
    hung_up: Callable[[], None] | None = None
    answered: Deferred[bytes] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.answered = Deferred(self._lost)

    def answer(
        self, parts: Sequence[Piece], status: int = 200, fields: Fields = (), mark: bytes = b""
    ) -> None:
        """
        Give the answer; only the message matters here.
        """
        if not self.answered.called:
            self.hung_up = None
            self.answered.callback(write.join(parts))

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        Say that nothing is answered, as to a notice.
        """
        self.end()

    def open(self) -> None:
        """
        Wait on: there is no stream.
        """

    def prime(self, mark: bytes, retry: int) -> None:
        """
        Wait on: nobody can come again.
        """

    def notice(self, parts: Sequence[Piece], mark: bytes = b"") -> None:
        """
        Drop it.
        """

    def end(self) -> None:
        """
        Answer that there is no answer.
        """
        self.fault(Fault(Kind.PLUGIN_UNAVAILABLE, "it ended without an answer"))

    def fault(self, fault: Fault, id: bytes | None = None, status: int | None = None) -> None:
        """
        Give a fault as the answer.
        """
        data = {**fault.data, "requestId": self.id}
        self.answer((write.error(id, fault.kind.code, fault.text, data),))

    def _lost(self, answered: Deferred[bytes]) -> None:
        hung_up, self.hung_up = self.hung_up, None
        if hung_up is not None:
            hung_up()
