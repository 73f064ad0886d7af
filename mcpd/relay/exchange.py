# -*- test-case-name: tests.relay.test_exchange -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The client's side of a call: one request, its way back, and how it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from msgspec import Struct
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from mcpd.relay.eras import Tongue
from mcpd.wire import write
from mcpd.wire.fault import Fault
from mcpd.wire.message import Answer, Notice, Piece, Refusal
from mcpd.wire.offer import Tool

Fields = tuple[tuple[bytes, bytes], ...]


class Way(Protocol):
    """
    The way back to a client, whatever door it came through.

    Attributes:
        id: The request id, which the client is told and the log has.
        hung_up: Called once if the client goes before it was answered.
    """

    hung_up: Callable[[], None] | None

    @property
    def id(self) -> str: ...  # noqa: D102  described above

    def answer(self, parts: Sequence[Piece], status: int = 200, fields: Fields = ()) -> None:
        """
        Give the answer.
        """

    def empty(self, status: int, fields: Fields = ()) -> None:
        """
        Give an answer that says nothing.
        """

    def notice(self, parts: Sequence[Piece]) -> None:
        """
        Send a message before the answer.
        """

    def end(self) -> None:
        """
        End without an answer.
        """

    def fault(self, fault: Fault, id: bytes | None = None, status: int | None = None) -> None:
        """
        Give a fault as the answer.
        """


class Books(Protocol):
    """
    Who keeps account of exchanges; :class:`mcpd.relay.router.Router` is the real one.
    """

    def over(self, exchange: Exchange) -> None:
        """
        Hear that it has its outcome.
        """

    def unexpected(self, failure: Failure, number: str) -> Fault:
        """
        Hear of a failure that nobody foresaw, under a request id, and say what the client is told.
        """


class Exchange(Struct, eq=False):
    """
    One request of a client that a plugin works on; the :class:`mcpd.wire.call.Listener` of its call.

    One is made for each call, so it is a struct, as messages are.

    Attributes:
        id: The request's id, raw.
        caller: The principal's name.
        siblings: The running exchanges of its session; None without one.
    """

    id: bytes
    caller: str
    siblings: dict[bytes, Exchange] | None
    _tongue: Tongue
    _way: Way
    _tool: Tool
    _token: Piece | None
    _books: Books
    _call: Deferred[Answer | Refusal] | None = None
    _mute: bool = False

    def follow(self, call: Deferred[Answer | Refusal]) -> None:
        """
        Wait for the call's outcome, and for the client to lose patience.
        """
        self._call = call
        self._way.hung_up = self._hung_up
        call.addCallbacks(self._answered, self._failed)

    def notice(self, notice: Notice) -> None:
        """
        Pass a notice on, with the client's own token.
        """
        if self._token is not None:
            params = (("progressToken", self._token), *notice.params.items())
            self._way.notice(write.notice(notice.method.encode(), params))

    def cancel(self) -> None:
        """
        Cancel the call, since the client said so: there is no answer then.
        """
        self._mute = True
        self._stop()
        self._way.end()

    def abandon(self, fault: Fault) -> None:
        """
        Cancel the call, and tell the client why.
        """
        self._mute = True
        self._stop()
        self._tell(fault)

    def _hung_up(self) -> None:
        self._mute = True
        if self._tongue.hang_up_cancels:
            self._stop()

    def _stop(self) -> None:
        if self._call is not None:
            self._call.cancel()

    def _answered(self, outcome: Answer | Refusal) -> None:
        self._close()
        if self._mute:
            return
        try:
            if isinstance(outcome, Answer):
                parts, status = self._tongue.fitted(self.id, outcome.result, self._tool)
            else:
                parts, status = self._tongue.refusal(self.id, outcome)
            self._way.answer(parts, status)
        except Exception:
            self._explain(Failure())

    def _close(self) -> None:
        self._books.over(self)
        # Else each call would leave a circle of objects to the garbage collector.
        self._way.hung_up = None

    def _failed(self, failure: Failure) -> None:
        self._close()
        if self._mute and failure.check(CancelledError, Fault):
            return
        self._explain(failure)

    def _explain(self, failure: Failure) -> None:
        fault = failure.value
        self._tell(fault if isinstance(fault, Fault) else self._books.unexpected(failure, self._way.id))

    def _tell(self, fault: Fault) -> None:
        self._way.fault(fault, self.id, self._tongue.status(fault))
