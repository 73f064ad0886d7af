# -*- test-case-name: tests.ctl.bridge.test_modern -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How a modern request is asked (MCP 2026-07-28, "Streamable HTTP").

It says all itself; header fields repeat what a proxy may want to know, and the
response is its own.
"""

from __future__ import annotations

from collections.abc import Callable

from attrs import define, field
from msgspec import Raw
from twisted.internet.defer import DeferredLock

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.errand import Errand, body_of, repeatable
from mcpd.ctl.bridge.far import Reply
from mcpd.ctl.bridge.fields import standard
from mcpd.ctl.bridge.renewal import answer
from mcpd.ctl.bridge.road import Road
from mcpd.ctl.bridge.tools import Tools
from mcpd.wire import codec, write
from mcpd.wire.fault import Kind
from mcpd.wire.message import Answer, Members, Piece, Refusal, Request

PAGES = 64
"""Pages of a list of tools that the bridge asks for itself."""

_ID = b'"mcpctl-connect"'
_LIST, _CALL = "tools/list", "tools/call"


@define(eq=False)
class Lister:
    """
    Asks for the list of tools where the client has not done it.
    """

    _road: Road
    tools: Tools
    _tell: Callable[[str], None]
    _lock: DeferredLock = field(init=False, factory=DeferredLock)

    async def learn(self, name: str, version: str, params: Members, anew: bool) -> None:
        """
        Know what fields a tool wants, as far as that can be known.

        Args:
            name: The tool.
            version: The revision to ask in.
            params: Those of the call, whose envelope is used.
            anew: Whether what is known is wrong.

        Raises:
            Unreached: The far side is not there.
        """
        await self._lock.acquire()
        try:
            if anew or not self.tools.knows(name):
                await self._road.within(self._list(version, _envelope(params)))
        except Cut as why:
            self._tell(f"the tools could not be listed: {why}")
        finally:
            self._lock.release()
        if not self.tools.knows(name):
            self.tools.remember(name, ())

    async def _list(self, version: str, envelope: Raw) -> None:
        params = {"_meta": envelope}
        # Bounded: the far side says whether there is another page.
        for _ in range(PAGES):
            request = write.request(_ID, b"tools/list", params)
            reply = await self._road.go(b"POST", standard(version, _LIST, params), request, again=True)
            result = await answer(reply, _ID)
            self.tools.learn(result)
            if codec.text(result.get("nextCursor", Raw())) is None:
                return
            params = {**params, "cursor": result["nextCursor"]}


def _envelope(params: Members) -> Raw:
    meta = dict(codec.members(params["_meta"]) or {})
    meta.pop("progressToken", None)
    out: list[Piece] = []
    write.put(out, meta)
    return Raw(write.join(out))


@define(eq=False)
class Modern:
    """
    One modern request (:class:`mcpd.ctl.bridge.errand.Way`).
    """

    _road: Road
    _lister: Lister
    _version: str

    async def send(self, request: Request) -> Reply:
        """
        Post it, with the fields that belong to it.
        """
        fields = standard(self._version, request.method, request.params)
        name = _tool(request)
        if name is not None:
            await self._learn(request, name, anew=False)
            fields += self._lister.tools.fields(name, request.params.get("arguments"))
        return await self._road.go(b"POST", fields, body_of(request), repeatable(request.method))

    async def mend(self, request: Request, status: int, refusal: Refusal) -> bool:
        """
        Look again what fields the tool wants, if those were wrong.
        """
        name = _tool(request)
        if name is None or status != 400 or refusal.code != Kind.HEADER_MISMATCH.code:
            return False
        await self._learn(request, name, anew=True)
        return True

    async def follow(self, reply: Reply, errand: Errand) -> None:
        """
        Hear the stream to its end: it can't be resumed.
        """
        await reply.events(errand.hear, lambda _: None)

    def read(self, request: Request, answer: Answer) -> Answer:
        """
        Learn from a list of tools, and leave out those that are wrong.
        """
        if request.method != _LIST:
            return answer
        result = self._lister.tools.learn(answer.result)
        return answer if result is answer.result else Answer(answer.id, result)

    async def _learn(self, request: Request, name: str, anew: bool) -> None:
        if anew or not self._lister.tools.knows(name):
            await self._lister.learn(name, self._version, request.params, anew)


def _tool(request: Request) -> str | None:
    return codec.text(request.params.get("name", Raw())) if request.method == _CALL else None
