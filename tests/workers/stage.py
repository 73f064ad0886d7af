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

from mcpd.wire import write
from mcpd.wire.call import Call
from mcpd.wire.message import Members, Notice


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

    def exited(self, how: str) -> None:
        """
        Remember it.
        """
        self.heard.append(("exited", how))


@define(eq=False)
class Audience:
    """
    Hears what belongs to a call (:class:`mcpd.wire.call.Listener`), and remembers.
    """

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


def call(tool: str = "add", *, progress: bool = False, meta: Members | None = None) -> Call:
    """
    Make a call of a tool.
    """
    return Call("tools/call", members(name=tool, arguments={"a": 1}), meta or {}, progress)


def shown(piece: Any) -> Any:
    """
    Read raw members, or one raw value, for a comparison.
    """
    if isinstance(piece, dict):
        return {name: shown(value) for name, value in piece.items()}
    return json.loads(bytes(piece))
