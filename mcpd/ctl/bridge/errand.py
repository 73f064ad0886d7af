# -*- test-case-name: tests.ctl.bridge.test_errand -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One request of the client, from its line to its one answer.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from attrs import define, field
from twisted.internet.defer import Deferred, succeed

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.far import EVENTS, Reply, Unreached
from mcpd.ctl.bridge.reading import messages, refused
from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Message, Refusal, Request
from mcpd.wire.revision import METHODS
from mcpd.wire.sse import Event


class Way(Protocol):
    """
    How a far side of one era is asked one request.
    """

    async def send(self, request: Request) -> Reply:
        """
        Send the request.

        Raises:
            Unreached: It was not sent.
            Cut: Nobody knows what became of it.
        """

    async def mend(self, request: Request, status: int, refusal: Refusal) -> bool:
        """
        Do what helps against a refusal, and say whether to send the request once more.

        Raises:
            Unreached: The far side is not there any more.
            Cut: It can't be done.
        """

    async def follow(self, reply: Reply, errand: Errand) -> None:
        """
        Hear a response that is a stream, until the request is answered.

        Raises:
            Unreached: The far side is not there any more.
            Cut: It never will be.
        """

    def read(self, request: Request, answer: Answer) -> Answer:
        """
        Learn from the answer, and give it as the client shall have it.
        """


@define(eq=False)
class Errand:
    """
    A request that is on its way.

    Attributes:
        request: It.
        way: How it is asked.
        answered: Whether the client has its answer, or wants none any more.
        running: The asking, once it has begun; cancelling it hangs up.
    """

    request: Request
    way: Way
    _hear: Callable[[Message, Errand], None]
    answered: bool = field(init=False, default=False)
    running: Deferred[None] = field(init=False, factory=lambda: succeed(None))

    async def run(self) -> None:
        """
        Ask, and hear all that comes: at its end there is an answer.
        """
        try:
            await self._ask()
            why, kind = "the far side gave no answer", Kind.PLUGIN_GONE
        except Unreached as unreached:
            why, kind = str(unreached), Kind.PLUGIN_UNAVAILABLE
        except Cut as cut:
            why, kind = str(cut), Kind.PLUGIN_GONE
        except Fault:
            why, kind = "the far side's answer can't be read", Kind.PLUGIN_GONE
        self.fail(kind, why)

    def fail(self, kind: Kind, why: str) -> None:
        """
        Answer with an error of our own, unless there is an answer.
        """
        if not self.answered:
            self._hear(Refusal(self.request.id, kind.code, why, None), self)

    def hear(self, event: Event) -> None:
        """
        Hear one event; one without data, or that can't be read, is none.
        """
        with suppress(Fault):
            for message in messages(event.data) if event.data else ():
                self._heard(message, stranger=False)

    async def _ask(self, first: bool = True) -> None:
        reply = await self.way.send(self.request)
        if reply.status == 200 and reply.kind == EVENTS:
            await self.way.follow(reply, self)
            return
        body = await reply.whole()
        if reply.status == 200:
            for message in messages(body):
                self._heard(message)
            return
        refusal = refused(reply.status, body)
        if first and await self.way.mend(self.request, reply.status, refusal):
            await self._ask(first=False)
        else:
            self._heard(refusal)

    def _heard(self, message: Message, stranger: bool = True) -> None:
        # An error need not say whose it is, and in a response of its own may say it wrongly.
        if isinstance(message, Refusal) and (stranger or not message.id):
            message = Refusal(self.request.id, message.code, message.message, message.data)
        self._hear(message, self)


def repeatable(method: str) -> bool:
    """
    Say whether a request does no harm if the far side does it twice.
    """
    return method in METHODS and method != "tools/call"


def body_of(request: Request) -> bytes:
    """
    Write a request, its values as they came.
    """
    return write.request(request.id, write.encode(request.method)[1:-1], request.params)[:-1]
