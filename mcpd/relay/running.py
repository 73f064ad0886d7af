# -*- test-case-name: tests.relay.test_running -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The exchanges that plugins work on.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from mcpd.events import Incident, Publisher
from mcpd.relay.exchange import Exchange
from mcpd.relay.links import Links
from mcpd.wire.call import Answerer
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Members


@define(eq=False)
class Running:
    """
    All exchanges between their call and its outcome (:class:`mcpd.relay.exchange.Books`).

    Attributes:
        clock: Tells the time.
    """

    clock: IReactorTime
    _publisher: Publisher
    _links: Links
    _most: int
    _most_of_one: int
    _running: dict[Exchange, None] = field(init=False, factory=dict)
    _counts: dict[str, int] = field(init=False, factory=dict)
    _idle: Deferred[None] | None = field(init=False, default=None)

    def __len__(self) -> int:
        return len(self._running)

    def limit(self, most: int, most_of_one: int) -> None:
        """
        Take no more than so many from now on, of all and of one caller; what runs goes on.
        """
        self._most, self._most_of_one = most, most_of_one

    def enter(self, exchange: Exchange) -> None:
        """
        Take an exchange into the books.

        Raises:
            Fault: OVERLOADED, there are too many, of all or of its caller.
        """
        running, counts, caller = self._running, self._counts, exchange.caller
        mine = counts.get(caller, 0)
        if len(running) >= self._most or mine >= self._most_of_one:
            raise Fault(Kind.OVERLOADED, "too many calls are running", headers=((b"Retry-After", b"1"),))
        counts[caller] = mine + 1
        running[exchange] = None
        if exchange.session is not None:
            exchange.session.running[exchange.id] = exchange

    def over(self, exchange: Exchange) -> None:
        """
        Take an exchange out of the books.
        """
        running, counts, caller = self._running, self._counts, exchange.caller
        del running[exchange]
        session = exchange.session
        if session is not None and session.running.get(exchange.id) is exchange:
            del session.running[exchange.id]
            session.rest()
        left = counts[caller] - 1
        if left:
            counts[caller] = left
        else:
            del counts[caller]
        if not running and self._idle is not None:
            idle, self._idle = self._idle, None
            # Not before the last one's answer was given: who waits ends the sessions.
            self.clock.callLater(0, idle.callback, None)

    def learn(self, answerer: Answerer, result: Members) -> None:
        """
        Remember whose the resources are that a result mentions.
        """
        self._links.learn(answerer, result)

    def unexpected(self, failure: Failure, number: str) -> Fault:
        """
        Tell an incident, and make the fault that says no more than its number.
        """
        self._publisher.tell(Incident(number, failure.getTraceback()))
        return Fault(
            Kind.INTERNAL, "something unexpected happened here; the log has it under this request id"
        )

    def drain(self) -> Deferred[None]:
        """
        Wait for the running exchanges.

        Returns:
            Fires when none is left and the last one was answered; may be called once.
        """
        idle: Deferred[None] = Deferred()
        if self._running:
            self._idle = idle
        else:
            idle.callback(None)
        return idle

    def abandon(self) -> None:
        """
        End every running exchange with an error: the server stops.
        """
        for exchange in list(self._running):
            exchange.abandon(Fault(Kind.PLUGIN_UNAVAILABLE, "the server is stopping"))

    def expel(self, caller: str) -> None:
        """
        End every running exchange of one principal with an error.
        """
        for exchange in list(self._running):
            if exchange.caller == caller:
                exchange.abandon(Fault(Kind.UNAUTHORIZED, "these credentials are not accepted any more"))
