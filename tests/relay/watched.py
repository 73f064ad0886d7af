# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A plugin whose resources are watched, a session that hears of them, and a clock that has turns.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from attrs import Factory, define
from msgspec import Raw
from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import Clock

from mcpd.wire import write
from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Piece, Refusal

TURN = 1 / 1024


class Turns(Clock):
    """
    A clock whose calls are made in a reactor's next turn at the soonest, as a reactor's are.
    """

    def callLater(
        self, delay: float, callable: Callable[..., object], *args: object, **kw: object
    ) -> IDelayedCall:
        """
        Call something in the next turn, or later.
        """
        return super().callLater(max(delay, TURN), callable, *args, **kw)

    def turn(self, number: int = 1) -> None:
        """
        Let turns of the reactor pass.
        """
        self.pump([TURN] * number)


@define(eq=False)
class FakePlugin:
    """
    A :class:`mcpd.wire.call.Answerer` that agrees when it is told to.

    Attributes:
        said: What it was asked, in order: ``+URI`` and ``-URI``.
        pending: What is not answered yet, by URI, the oldest first.
        ready: Whether it agrees at once.
    """

    said: list[str] = Factory(list)
    pending: dict[str, list[Deferred[Answer | Refusal]]] = Factory(dict)
    ready: bool = True

    def ask(self, call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
        """
        Take no call: there are none here.
        """
        return fail(Fault(Kind.PLUGIN_UNAVAILABLE, "no calls"))

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Agree, or remember that somebody waits.
        """
        self.said.append(f"+{uri}")
        outcome: Deferred[Answer | Refusal] = Deferred()
        self.pending.setdefault(uri, []).append(outcome)
        if self.ready:
            self.agree(uri)
        return outcome

    def unwatch(self, uri: str) -> None:
        """
        Remember it.
        """
        self.said.append(f"-{uri}")

    def agree(self, uri: str) -> None:
        """
        Answer the oldest watch, with a member that nobody wants.
        """
        self.pending[uri].pop(0).callback(Answer(b"7", {"extra": Raw(b"1")}))

    def refuse(self, uri: str) -> None:
        """
        Refuse the oldest watch.
        """
        self.pending[uri].pop(0).callback(Refusal(b"7", -32601, "no such method", None))

    def fail(self, uri: str, error: Exception) -> None:
        """
        Fail the oldest watch.
        """
        self.pending[uri].pop(0).errback(error)


@define(eq=False)
class FakeSession:
    """
    A :class:`mcpd.relay.subscriptions.Session` that remembers.

    Attributes:
        said: What it was told, read.
    """

    said: list[Any] = Factory(list)

    def tell(self, parts: Sequence[Piece]) -> None:
        """
        Remember a message.
        """
        self.said.append(json.loads(write.join(parts)))

    @property
    def methods(self) -> list[str]:
        """
        The methods of what it was told.
        """
        return [message["method"] for message in self.said]

    @property
    def uris(self) -> list[str]:
        """
        The resources that it was told of.
        """
        return [message["params"]["uri"] for message in self.said]
