# -*- test-case-name: tests.admin.test_door -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The admin socket: JSON-RPC 2.0, one message a line, for those whom the kernel vouches for.

A request's ``method`` is a verb of :mod:`mcpd.admin.verbs`.  Lines of the log
that a visitor follows come as notifications named ``line``.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from json import dumps
from typing import Any

from attrs import asdict, define, field
from msgspec import DecodeError, Raw, Struct, ValidationError, json
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import (
    IAddress,
    IDelayedCall,
    IListeningPort,
    IPushProducer,
    IReactorTime,
    ITransport,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from mcpd.admin.peer import Peer, user_name
from mcpd.admin.place import MODE, prepare
from mcpd.admin.verbs import Verbs, Visit, about
from mcpd.events import Incident, Publisher
from mcpd.journal import Line
from mcpd.sandbox.proc import PROC
from mcpd.trouble import Reason, Trouble, Troubled
from mcpd.wire.lines import Lines, LineTooLong

LINE = 4 << 20
"""Bytes of one request."""

CONNECTIONS = 32
"""Connections at once."""

RUNNING = 16
"""Requests of one connection at once."""

UNSENT = 4 << 20
"""Bytes of log lines that may wait for a visitor to read them."""

STALL = 30.0
"""Seconds that a visitor may take nothing of what we send."""

_BACKLOG = 32
# JSON-RPC 2.0 section 5.1.
_UNREADABLE, _INVALID, _OURS = -32700, -32600, -32000


class _Request(Struct, frozen=True):
    jsonrpc: str
    method: str
    id: int | str
    params: Raw = Raw(b"{}")


def _ask_kernel(transport: ITransport) -> Peer:
    return Peer.of(transport.getHandle())  # type: ignore[attr-defined]  # Twisted's own connections have it


def _descends(pid: int) -> bool:
    return PROC.descends(pid, os.getpid())


@define(eq=False)
class AdminDoor(Factory):
    """
    Lets visitors in.
    """

    noisy = False
    _verbs: Verbs
    _clock: IReactorTime
    _publisher: Publisher
    _uid: int
    _peer: Callable[[ITransport], Peer] = _ask_kernel
    _is_ours: Callable[[int], bool] = _descends
    _name: Callable[[int], str] = user_name
    _talks: set[Talk] = field(init=False, factory=set)
    _incidents: int = field(init=False, default=0)

    def open(self, reactor: Any, folder: str) -> IListeningPort:
        """
        Listen.

        Args:
            reactor: Provides IReactorUNIX.
            folder: The runtime folder.

        Raises:
            Troubled: LISTEN, the socket can't be there.
            CannotListenError: Likewise.
        """
        port: IListeningPort = reactor.listenUNIX(prepare(folder, self._uid), self, _BACKLOG, MODE)
        return port

    def close(self) -> None:
        """
        Hang up on everybody.
        """
        for talk in list(self._talks):
            talk.close()

    def buildProtocol(self, addr: IAddress | None) -> Talk:
        """
        Make our side of a connection.
        """
        return Talk(self, self._verbs, self._clock)

    def enter(self, talk: Talk, transport: ITransport) -> str:
        """
        Judge who connects, and count it.

        Returns:
            The principal's name.

        Raises:
            Troubled: PEER or CROWDED.
        """
        peer = self._peer(transport)
        who = peer.principal(self._name)
        # A worker has our user; but whatever it starts stays below us, for we
        # adopt its orphans.
        if not peer.may_enter(self._uid) or self._is_ours(peer.pid):
            raise Troubled(Reason(Trouble.PEER, f"{who} may not administer this daemon"))
        if len(self._talks) >= CONNECTIONS:
            raise Troubled(Reason(Trouble.CROWDED, f"{CONNECTIONS} are connected already"))
        self._talks.add(talk)
        return who

    def leave(self, talk: Talk) -> None:
        """
        Count a connection no more.
        """
        self._talks.discard(talk)

    def unexpected(self, failure: Failure) -> Reason:
        """
        Tell an incident, and make the reason that says no more than its number.
        """
        self._incidents += 1
        number = f"admin-{self._incidents}"
        self._publisher.tell(Incident(number, failure.getTraceback()))
        return Reason(Trouble.INCIDENT, f"something unexpected happened; the log has it as {number}")


@implementer(IPushProducer)
@define(eq=False)
class Talk(Protocol):
    """
    One connection.
    """

    transport: Any = field(init=False, default=None)
    _door: AdminDoor
    _verbs: Verbs
    _clock: IReactorTime
    _lines: Lines = field(init=False, factory=lambda: Lines(LINE))
    _visit: Visit | None = field(init=False, default=None)
    _running: dict[Deferred[Any], str] = field(init=False, factory=dict)
    _stalled: IDelayedCall | None = field(init=False, default=None)
    _unsent: int = field(init=False, default=0)
    _waiting: deque[bytes] = field(init=False, factory=deque)
    _soon: IDelayedCall | None = field(init=False, default=None)

    def connectionMade(self) -> None:
        """
        See who it is, before anything is answered.
        """
        try:
            who = self._door.enter(self, self.transport)
        except Troubled as troubled:
            self._refuse(None, _OURS, troubled.reason)
            self.close()
            return
        self._visit = Visit(who, self._tell)
        self.transport.registerProducer(self, True)

    def dataReceived(self, data: bytes) -> None:
        """
        Take requests.
        """
        try:
            lines = self._lines.feed(data)
        except LineTooLong:
            reason = Reason(Trouble.REQUEST, f"a request has more than {LINE} bytes")
            self._refuse(None, _INVALID, reason)
            self.close()
            return
        self._waiting.extend(lines)
        self._proceed()

    def _proceed(self) -> None:
        # Bounded: who sends and does not read has no more done, and nobody has
        # all of a turn.  Whom we hung up on may still send.
        taken = 0
        while self._waiting and self._visit is not None and self._stalled is None and taken < RUNNING:
            taken += 1
            self._take(self._visit, self._waiting.popleft())
        if self._visit is None:
            self._waiting.clear()
        elif not self._waiting:
            self.transport.resumeProducing()
        else:
            self.transport.pauseProducing()
            if self._stalled is None and (self._soon is None or not self._soon.active()):
                self._soon = self._clock.callLater(0, self._proceed)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """
        Let go of what was done for it alone; a change goes on.
        """
        self._door.leave(self)
        self._waiting.clear()
        self.resumeProducing()
        visit, self._visit = self._visit, None
        if visit is not None:
            for leave in visit.leave:
                leave()
        for running, verb in list(self._running.items()):
            if not self._verbs.changes(verb):
                running.cancel()

    def close(self) -> None:
        """
        Hang up, once what was said is sent.
        """
        if self._visit is not None:
            self.transport.unregisterProducer()
        self.transport.loseConnection()
        self.connectionLost()

    # Answering.

    def _take(self, visit: Visit, line: bytes) -> None:
        try:
            request = json.decode(line, type=_Request)
        except (DecodeError, ValidationError, RecursionError) as wrong:
            code = _INVALID if isinstance(wrong, ValidationError) else _UNREADABLE
            self._refuse(None, code, Reason(Trouble.REQUEST, str(wrong)))
            return
        if len(self._running) >= RUNNING:
            self._refuse(request.id, _OURS, Reason(Trouble.REQUEST, f"{RUNNING} requests are running"))
            return
        doing = Deferred.fromCoroutine(self._verbs.ask(visit, request.method, bytes(request.params)))
        self._running[doing] = request.method
        doing.addCallback(self._answer, request.id)
        doing.addErrback(self._fail, request.id)
        doing.addBoth(lambda _: self._running.pop(doing, None))

    def _answer(self, result: Any, id: int | str) -> None:
        self._send({"jsonrpc": "2.0", "id": id, "result": result})

    def _fail(self, failure: Failure, id: int | str) -> None:
        if failure.check(CancelledError):
            return  # Nobody is there to be told.
        why = failure.value
        reason = why.reason if isinstance(why, Troubled) else self._door.unexpected(failure)
        self._refuse(id, _OURS, reason)

    def _refuse(self, id: int | str | None, code: int, reason: Reason) -> None:
        data = about(reason)
        error = {"code": code, "message": data.pop("text"), "data": data}
        self._send({"jsonrpc": "2.0", "id": id, "error": error})

    def _tell(self, line: Line) -> None:
        size = self._send({"jsonrpc": "2.0", "method": "line", "params": asdict(line)})
        # Bounded: who follows may not read.
        if self._stalled is not None:
            self._unsent += size
            if self._unsent > UNSENT:
                self.transport.abortConnection()

    def _send(self, message: dict[str, Any]) -> int:
        try:
            data = json.encode(message)
        except UnicodeEncodeError:
            # A file's name may be no UTF-8, and then its letters are none; JSON can escape them.
            data = dumps(message).encode()
        self.transport.writeSequence((data, b"\n"))
        return len(data)

    # What its transport calls (IPushProducer).

    def pauseProducing(self) -> None:
        """
        See that the visitor reads too slowly.
        """
        if self._stalled is None:
            self._stalled = self._clock.callLater(STALL, self.transport.abortConnection)

    def resumeProducing(self) -> None:
        """
        See that the visitor has read everything.
        """
        stalled, self._stalled, self._unsent = self._stalled, None, 0
        if stalled is not None and stalled.active():
            stalled.cancel()
        if self._waiting:
            self._proceed()

    def stopProducing(self) -> None:
        """
        Stop: the connection goes.
        """
