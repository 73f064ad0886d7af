# -*- test-case-name: tests.relay.test_router -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What meets in the middle of the house, of no era.

A :class:`Call` goes down to the workers; a :class:`Listener` is told what
comes up while it runs.  :meth:`Answerer.ask` is all that the relay knows of
the workers, and the other way round.
"""

from __future__ import annotations

from typing import Protocol

from msgspec import Struct
from twisted.internet.defer import Deferred

from mcpd.wire.message import Answer, Members, Notice, Refusal


class Call(Struct, frozen=True, eq=False):
    """
    One request given to a plugin.

    Attributes:
        method: The method.
        params: Its members by the plugin's own names, without ``_meta``.
        meta: What of the client's ``_meta`` is meant for the plugin: trace
            context and members that only the two ends know.
        progress: Whether the caller asked for progress.
        level: The least level of log messages that the caller asked for; None
            if it did not ask.
    """

    method: str
    params: Members
    meta: Members
    progress: bool = False
    level: str | None = None


class Listener(Protocol):
    """
    Who hears what a plugin says while it works on a call.

    Attributes:
        caller: Whose call it is: what may be another's is not said to it.
        place: Of which session it is, by a name that no other has; empty where
            there is none.
    """

    @property
    def caller(self) -> str: ...  # noqa: D102  described above

    @property
    def place(self) -> str: ...  # noqa: D102  described above

    def notice(self, notice: Notice) -> None:
        """
        Hear a notice that belongs to the call.

        Args:
            notice: Its progress, without the call's token, or a log message.
        """


class Answerer(Protocol):
    """
    Who answers calls: a plugin, seen from above.
    """

    def ask(self, call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
        """
        Give a call to the plugin.

        Returns:
            Fires with what the plugin answered.  Fails with a Fault if it
            could not.  Cancelling it cancels the call at the plugin; then it
            fails with CancelledError and whatever still comes is dropped.
        """

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Have it told when a resource changes; as many ``unwatch`` end it.

        It lasts over the end of a worker: the next one is told, too.

        Args:
            uri: The resource, as the plugin names it.

        Returns:
            Fires with an answer once updates will be told, or with the
            plugin's refusal; then it is not watched, and need not be
            unwatched.  Fails with a Fault if the plugin could not be asked.
            It can't be cancelled.
        """

    def unwatch(self, uri: str) -> None:
        """
        End one ``watch`` that was answered.
        """
