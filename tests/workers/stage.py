# -*- test-case-name: tests.workers -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests of workers share: who listens, and what is said.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import define, field
from msgspec import Raw
from twisted.internet.task import Clock

from mcpd.wire import write
from mcpd.wire.call import Call
from mcpd.wire.message import Members, Notice
from mcpd.workers.peer import Peer
from mcpd.workers.pipe import Exit


@define(eq=False)
class Hearer:
    """
    Hears a worker's process (:class:`mcpd.workers.pipe.Ears`), and remembers.

    Attributes:
        heard: What came, in order: the method's name, and what it was given.
    """

    heard: list[tuple[str, Any]] = field(factory=list)

    def launched(self) -> None:
        """
        Remember it.
        """
        self.heard.append(("launched", None))

    def refused(self, why: str) -> None:
        """
        Remember it.
        """
        self.heard.append(("refused", why))

    def lines(self, lines: list[bytes]) -> None:
        """
        Remember them.
        """
        self.heard.append(("lines", lines))

    def overflow(self) -> None:
        """
        Remember it.
        """
        self.heard.append(("overflow", None))

    def said(self, data: bytes) -> None:
        """
        Remember it.
        """
        self.heard.append(("said", data))

    def exited(self, exit: Exit) -> None:
        """
        Remember it.
        """
        self.heard.append(("exited", exit))


@define(eq=False)
class Audience:
    """
    Hears what belongs to a call (:class:`mcpd.wire.call.Listener`), and remembers.
    """

    caller: str = "key:a"
    place: str = ""
    notices: list[Notice] = field(factory=list)

    def notice(self, notice: Notice) -> None:
        """
        Remember it.
        """
        self.notices.append(notice)


def members(**values: Any) -> Members:
    """
    Make raw members of values.
    """
    return {name: Raw(write.encode(value)) for name, value in values.items()}


def call(
    tool: str = "add", *, progress: bool = False, meta: Members | None = None, level: str | None = None
) -> Call:
    """
    Make a call of a tool.
    """
    return Call("tools/call", members(name=tool, arguments={"a": 1}), meta or {}, progress, level)


def shown(piece: Any) -> Any:
    """
    Read raw members, or one raw value, for a comparison.
    """
    if isinstance(piece, dict):
        return {name: shown(value) for name, value in piece.items()}
    return json.loads(bytes(piece))


@define(eq=False)
class Partner:
    """
    A worker's part of a conversation, played by a test.

    Attributes:
        clock: What time it is.
        peer: Our part.
        sent: What was said to it, read.
    """

    clock: Clock = field(factory=Clock)
    sent: list[Any] = field(factory=list)
    peer: Peer = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.peer = Peer(self.clock, self._take, lambda line, why: None, lambda: False)

    def _take(self, data: bytes) -> int:
        self.sent += map(json.loads, data.splitlines())
        return 0

    def said(self) -> list[tuple[str, Any]]:
        """
        Tell what was said since the last time: methods and params.
        """
        sent, self.sent = self.sent, []
        return [(each["method"], each["params"]) for each in sent]

    def number(self, method: str) -> int:
        """
        Tell the number of the last request of a kind that was said since the last time.
        """
        return int([each["id"] for each in self.sent if each["method"] == method][-1])

    def hear(self, **members: Any) -> None:
        """
        Say something to us.
        """
        self.peer.heard((json.dumps({"jsonrpc": "2.0", **members}).encode(),))

    def answer(self, method: str, **result: Any) -> None:
        """
        Answer the last request of a kind.
        """
        self.hear(id=self.number(method), result=result)

    def refuse(self, method: str, code: int) -> None:
        """
        Answer the last request of a kind with an error.
        """
        self.hear(id=self.number(method), error={"code": code, "message": "no"})

    def wait(self, seconds: float) -> None:
        """
        Let time pass.
        """
        self.clock.advance(seconds)
        self.peer.expire()
