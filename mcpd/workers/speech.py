# -*- test-case-name: tests.workers.test_speech -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The two ways of putting things to plugins: one for each era.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Protocol

from attrs import field, frozen

from mcpd.wire import write
from mcpd.wire.call import Call
from mcpd.wire.message import Piece
from mcpd.wire.write import Items

Params = Items

_LEVEL = "io.modelcontextprotocol/logLevel"


class Speech(Protocol):
    """
    How calls are put to plugins of one era.

    Attributes:
        sets_level: Whether a plugin has to be asked, by a request of its own,
            for log messages of the level that a call wants.
        alive: The method by which it is asked whether it lives.
    """

    @property
    def sets_level(self) -> bool: ...  # noqa: D102  described above

    @property
    def alive(self) -> bytes: ...  # noqa: D102  described above

    def params(self, call: Call, number: bytes) -> Params:
        """
        Say the members of ``params`` for a call; its number is its progress token.
        """

    def own(self, params: Params) -> Params:
        """
        Say the members of ``params`` for a request of our own.
        """


@frozen
class LegacySpeech:
    """
    To plugins that shook hands: a request says nothing about itself.

    Attributes:
        sets_level: Whether the plugin declared that it logs.
    """

    alive: ClassVar[bytes] = b"ping"
    sets_level: bool = False

    def params(self, call: Call, number: bytes) -> Params:
        """
        Say the call's own members, and ``_meta`` only if there is something to say.
        """
        if not (call.progress or call.meta):
            return call.params
        return {**call.params, "_meta": _meta(call, number, ())}

    def own(self, params: Params) -> Params:
        """
        Say them as they are.
        """
        return params


@frozen
class ModernSpeech:
    """
    To plugins that are told everything in each request (MCP 2026-07-28, "Per-request metadata").

    Attributes:
        stamp: The members of ``_meta`` that say who we are and what we can be
            asked.
        logs: Whether the plugin declared that it logs; then each request says
            which messages are wanted.
    """

    sets_level: ClassVar[bool] = False
    alive: ClassVar[bytes] = b"server/discover"
    stamp: tuple[tuple[str, Piece], ...]
    logs: bool = False
    _bare: bytes = field(init=False)

    @_bare.default
    def _written(self) -> bytes:
        out: list[Piece] = []
        write.put(out, self.stamp)
        return b"".join(out)

    def params(self, call: Call, number: bytes) -> Params:
        """
        Say the call's own members, and the stamp.
        """
        if call.level is not None and self.logs:
            level = (_LEVEL, write.encode(call.level))
            return {**call.params, "_meta": _meta(call, number, (*self.stamp, level))}
        meta = _meta(call, number, self.stamp) if call.progress or call.meta else self._bare
        return {**call.params, "_meta": meta}

    def own(self, params: Params) -> Params:
        """
        Say them, and the stamp.
        """
        return {**dict(params), "_meta": self._bare}


def _meta(call: Call, number: bytes, stamp: Iterable[tuple[str, Piece]]) -> bytes:
    out: list[Piece] = []
    token = (("progressToken", number),) if call.progress else ()
    write.put(out, (*stamp, *call.meta.items(), *token))
    return b"".join(out)
