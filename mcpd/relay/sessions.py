# -*- test-case-name: tests.relay.test_sessions -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Legacy clients' sessions.

A session's id is no credential: it is found only for the principal, and at the
path, that it was made for, and otherwise there is no such session (MCP
2025-11-25, "Session Management").
"""

from __future__ import annotations

import base64
from collections import OrderedDict
from collections.abc import Callable

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from mcpd.relay.eras import Legacy
from mcpd.relay.exchange import Exchange
from mcpd.relay.spec import SessionLimits
from mcpd.wire.revision import Revision

_ENTROPY = 32


@define(eq=False)
class Session:
    """
    One legacy client's session.

    Attributes:
        id: Its id: 256 random bits in URL-safe base64.
        caller: The principal that it belongs to.
        path: The path that made it.
        tongue: How it is answered, by the revision that was agreed.
        born: When it was made.
        used: When it was last used.
        running: Its running exchanges, by the raw id of their requests.
    """

    id: bytes
    caller: str
    path: bytes
    tongue: Legacy
    born: float
    used: float
    running: dict[bytes, Exchange] = field(factory=dict)

    def close(self) -> None:
        """
        Cancel what runs.
        """
        for exchange in list(self.running.values()):
            exchange.cancel()


@define(eq=False)
class Sessions:
    """
    All sessions, the least recently used first.
    """

    _clock: IReactorTime
    _entropy: Callable[[int], bytes]
    _limits: SessionLimits
    _sessions: OrderedDict[bytes, Session] = field(init=False, factory=OrderedDict)
    _counts: dict[str, int] = field(init=False, factory=dict)

    def __len__(self) -> int:
        return len(self._sessions)

    def make(self, caller: str, path: bytes, revision: Revision) -> Session:
        """
        Make a session; where there are too many, the longest unused one gives way.
        """
        if self._counts.get(caller, 0) >= self._limits.per_principal:
            self._evict(lambda session: session.caller == caller)
        elif len(self._sessions) >= self._limits.total:
            self._evict(lambda session: True)
        now = self._clock.seconds()
        id = base64.urlsafe_b64encode(self._entropy(_ENTROPY)).rstrip(b"=")
        session = Session(id, caller, path, Legacy(revision), now, now)
        self._sessions[id] = session
        self._counts[caller] = self._counts.get(caller, 0) + 1
        return session

    def find(self, id: bytes | None, caller: str, path: bytes) -> Session | None:
        """
        Find a session that is alive, and note that it is used.
        """
        session = None if id is None else self._sessions.get(id)
        if session is None or session.caller != caller or session.path != path:
            return None
        now, limits = self._clock.seconds(), self._limits
        if (now - session.used > limits.idle or now - session.born > limits.life) and (
            self._is_over(session, now)
        ):
            self.end(session)
            return None
        session.used = now
        self._sessions.move_to_end(session.id)
        return session

    def end(self, session: Session) -> None:
        """
        Forget a session, and cancel what runs in it.
        """
        if self._sessions.pop(session.id, None) is None:
            return
        left = self._counts[session.caller] - 1
        if left:
            self._counts[session.caller] = left
        else:
            del self._counts[session.caller]
        session.close()

    def sweep(self) -> None:
        """
        End what has been silent or alive for too long; to be called now and then.
        """
        now = self._clock.seconds()
        for session in [session for session in self._sessions.values() if self._is_over(session, now)]:
            self.end(session)

    def _is_over(self, session: Session, now: float) -> bool:
        if now - session.born > self._limits.life:
            return True
        return now - session.used > self._limits.idle and not session.running

    def _evict(self, concerns: Callable[[Session], bool]) -> None:
        # The oldest come first; one with work in hand is the last to go.
        idle = (session for session in self._sessions.values() if concerns(session) and not session.running)
        busy = (session for session in self._sessions.values() if concerns(session))
        self.end(next(idle, None) or next(busy))
