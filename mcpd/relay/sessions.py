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
from itertools import takewhile

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

from mcpd.relay.eras import Legacy
from mcpd.relay.replay import Account
from mcpd.relay.session import Session
from mcpd.relay.spec import SessionLimits
from mcpd.wire.revision import Revision

_ENTROPY = 32


@define(eq=False)
class Sessions:
    """
    All sessions, the least recently used first.

    Attributes:
        on_end: Called with each session that has ended, however that came.
        account: What all of them keep for clients that were cut off.
    """

    _clock: IReactorTime
    _entropy: Callable[[int], bytes]
    _limits: SessionLimits
    on_end: Callable[[Session], None] | None = None
    account: Account = field(init=False)
    _sessions: OrderedDict[bytes, Session] = field(init=False, factory=OrderedDict)
    # All may live equally long, so who was born first ends first.
    _births: dict[bytes, Session] = field(init=False, factory=dict)
    _counts: dict[str, int] = field(init=False, factory=dict)

    def __attrs_post_init__(self) -> None:
        self.account = Account(self._limits.replay_total)

    def __len__(self) -> int:
        return len(self._sessions)

    def limit(self, limits: SessionLimits) -> None:
        """
        Judge by other limits from now on; what a session keeps for replay stays as it began.

        Where there are more sessions than may be now, those go that are
        silent, and one for each that is made.
        """
        self._limits = limits
        self.account.most = limits.replay_total

    def of(self, path: bytes) -> list[Session]:
        """
        Give the sessions that were made at a path.
        """
        return [session for session in self._sessions.values() if session.path == path]

    def make(self, caller: str, path: bytes, revision: Revision, *, resumes: bool = True) -> Session:
        """
        Make a session; where there are too many, the longest unused one gives way.

        Args:
            caller: The principal's name.
            path: The path that it is made at.
            revision: What was agreed.
            resumes: Whether its client can come again when it was cut off.
        """
        if self._counts.get(caller, 0) >= self._limits.per_principal:
            self._evict(lambda session: session.caller == caller)
        elif len(self._sessions) >= self._limits.total:
            self._evict(lambda session: True)
        now = self._clock.seconds()
        id = base64.urlsafe_b64encode(self._entropy(_ENTROPY)).rstrip(b"=")
        tongue = Legacy(revision)
        session = Session(
            id, caller, path, tongue, now, now, self._limits, self.account, self._touch, resumes=resumes
        )
        self._sessions[id] = self._births[id] = session
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
        if now - session.born > limits.life or (now - session.used > limits.idle and not session.is_busy):
            self.end(session)
            return None
        session.used = now
        self._sessions.move_to_end(session.id)
        return session

    def end(self, session: Session) -> None:
        """
        Forget a session, cancel what runs in it, and end its streams.
        """
        if self._sessions.pop(session.id, None) is None:
            return
        del self._births[session.id]
        left = self._counts[session.caller] - 1
        if left:
            self._counts[session.caller] = left
        else:
            del self._counts[session.caller]
        session.end()
        if self.on_end is not None:
            self.on_end(session)

    def end_all(self, caller: str | None = None) -> None:
        """
        End every session, or every one of one principal.
        """
        for session in list(self._births.values()):
            if caller in (None, session.caller):
                self.end(session)

    def sweep(self) -> None:
        """
        End what has been silent or alive for too long; to be called now and then.

        Only those are looked at that have been: they come first.
        """
        now, limits = self._clock.seconds(), self._limits
        for session in list(takewhile(lambda old: now - old.born > limits.life, self._births.values())):
            self.end(session)
        for session in list(takewhile(lambda old: now - old.used > limits.idle, self._sessions.values())):
            if session.is_busy:
                session.rest()
            else:
                self.end(session)

    def _touch(self, session: Session) -> None:
        # What ends with a session ends after it has left the books.
        if session.id in self._sessions:
            session.used = self._clock.seconds()
            self._sessions.move_to_end(session.id)

    def _evict(self, concerns: Callable[[Session], bool]) -> None:
        # The oldest come first; one that is in use is the last to go.
        idle = (session for session in self._sessions.values() if concerns(session) and not session.is_busy)
        busy = (session for session in self._sessions.values() if concerns(session))
        self.end(next(idle, None) or next(busy))
