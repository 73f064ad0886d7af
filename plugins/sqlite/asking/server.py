# -*- test-case-name: plugins.sqlite.tests.test_server -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
MCP as a server: lines in, lines out, in both eras on the same pipe.
"""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any

from .call import Call, Cancelled, Fault, Json, Refused
from .eras import ABOUT, META, MODERN, Request, chosen
from .message import Unread, identity, parse, render
from .offer import TOOLS, Tool
from .resources import Asking, Missing, Resources

CALLS = 32  # calls that run or wait

# Milliseconds that an answer may be kept.
_FIXED = 300_000  # what is the same as long as this program runs
_LISTED = 10_000  # which tables there are
_BUSY = "Too many calls at once; try again when one has ended."

Work = Callable[[Call], Json]
"""Makes a result, in a thread of its own."""


class Server:
    """
    The conversation with one client.

    It is told lines by one thread; calls run in others.
    """

    def __init__(
        self,
        asking: Asking,
        sentence: str,
        write: Callable[[bytes], None],
        start: Callable[[Callable[[], None]], None],
        log: Callable[[str], None],
    ) -> None:
        """
        Wait for the client's first line.

        Args:
            asking: Has the tools do what they do.
            sentence: Says which databases there are.
            write: Writes a whole line; never called by two threads at once.
            start: Runs something soon, in another thread or not.
            log: Tells the operator something.
        """
        self._asking = asking
        self._sentence = sentence
        self._resources = Resources(asking)
        self._write = write
        self._start = start
        self._log = log
        self._greeted = False
        self._calls: dict[str | int, Call] = {}
        # Guards all writing, too: after a cancel not a word of that call is written.
        self._changed = threading.Condition()
        both = {
            "tools/list": self._list_tools,
            "tools/call": self._call,
            "resources/list": self._list,
            "resources/templates/list": self._list_templates,
            "resources/read": self._read,
        }
        self._legacy = both | {"initialize": self._greet, "ping": self._ping}
        self._modern = both | {"server/discover": self._discover}

    def hear(self, line: bytes | None) -> None:
        """
        Take one line from the client; None is one that was too long.
        """
        if line is not None and not line.strip():
            return
        asked: str | int | None = None
        try:
            message = parse(line)
            asked = identity(message.get("id"))
            if not isinstance(message.get("method"), str):
                if "result" in message or "error" in message:
                    return  # We asked nothing, so nobody's answer matters.
                raise Fault(-32600, "A message needs a method.")
            params = message.get("params", {})
            if "id" not in message:
                self._notice(message["method"], params)
                return
            if asked is None:
                raise Fault(-32600, "An id is a string or an integer.")
            self._request(Request.of(asked, message["method"], params))
        except Unread as unread:
            self._say({"error": unread.body}, unread.about)
        except Fault as fault:
            self._say({"error": fault.body}, asked)

    def finish(self, patience: float) -> None:
        """
        Wait for the calls that run, at most so many seconds, then cancel what still does.
        """
        # A client that reads nothing may hold up a thread which is writing.
        if self._changed.acquire(timeout=patience):
            self._changed.wait_for(lambda: not self._calls, patience)
            self._changed.release()
        for call in list(self._calls.values()):
            call.cancel()

    def _notice(self, method: str, params: Any) -> None:
        if method == "notifications/cancelled" and isinstance(params, dict):
            which = identity(params.get("requestId"))
            with self._changed:
                call = self._calls.get(which) if which is not None else None
                if call is not None:
                    call.cancel()

    def _request(self, request: Request) -> None:
        if not request.modern and not self._greeted and request.method not in ("initialize", "ping"):
            raise Fault(-32602, f"Send initialize first, or _meta with {META}protocolVersion.")
        answer = (self._modern if request.modern else self._legacy).get(request.method)
        if answer is None:
            raise Fault(-32601, "There is no such method.")
        answer(request)

    def _about(self) -> Json:
        instructions = f"Asks SQLite databases, and changes nothing. {self._sentence}"
        return {"capabilities": {"tools": {}, "resources": {}}, "instructions": instructions}

    def _discover(self, request: Request) -> None:
        self._answer(request, request.keep({"supportedVersions": [MODERN], **self._about()}, _FIXED))

    def _greet(self, request: Request) -> None:
        about = {"protocolVersion": chosen(request.params), "serverInfo": ABOUT, **self._about()}
        self._greeted = True
        self._answer(request, about)

    def _ping(self, request: Request) -> None:
        self._answer(request, {})

    def _list_tools(self, request: Request) -> None:
        self._answer(request, _whole(request, {"tools": [tool.told() for tool in TOOLS.values()]}))

    def _list_templates(self, request: Request) -> None:
        self._answer(request, _whole(request, self._resources.templates()))

    def _list(self, request: Request) -> None:
        cursor = request.params.get("cursor")
        if "cursor" in request.params and not isinstance(cursor, str):
            raise Fault(-32602, "A cursor is a string.")
        self._work(request, lambda call: request.keep(self._resources.list(cursor, call), _LISTED))

    def _read(self, request: Request) -> None:
        uri = request.params.get("uri")
        if not isinstance(uri, str):
            raise Fault(-32602, "The params need a uri, a string.")
        self._work(request, lambda call: request.keep(self._look(request, uri, call), 0, "private"))

    def _look(self, request: Request, uri: str, call: Call) -> Json:
        try:
            return self._resources.read(uri, call)
        except Missing:
            # MCP, "Resources", "Error Handling": the number is another one in each era.
            code = -32602 if request.modern else -32002
            raise Fault(code, "There is no such resource.", {"uri": uri}) from None

    def _call(self, request: Request) -> None:
        name = request.params.get("name")
        tool = TOOLS.get(name) if isinstance(name, str) else None
        if tool is None:
            raise Fault(-32602, f"There is no such tool; there are: {', '.join(TOOLS)}.")
        arguments = request.params.get("arguments", {})
        if not isinstance(arguments, dict):
            raise Fault(-32602, "The arguments must be an object.")
        if not self._begin(request, partial(self._try, tool, arguments)):
            self._answer(request, _failure(_BUSY))

    def _work(self, request: Request, work: Work) -> None:
        if not self._begin(request, work):
            raise Fault(-32603, _BUSY)

    def _begin(self, request: Request, work: Work) -> bool:
        call = Call()
        with self._changed:
            if request.id in self._calls:
                raise Fault(-32600, "A request with this id is under way.")
            if len(self._calls) >= CALLS:
                return False
            self._calls[request.id] = call
        self._start(partial(self._run, request, call, work))
        return True

    def _run(self, request: Request, call: Call, work: Work) -> None:
        body: Json = {}
        try:
            call.check()
            body = {"result": request.dress(work(call))}
        except Cancelled:
            pass
        except Fault as fault:
            body = {"error": fault.body}
        except Exception:
            self._log(traceback.format_exc())
            body = {"error": {"code": -32603, "message": "That failed; the server's log says why."}}
        # A cancelled call keeps its place until here: cancelling is no way to
        # have more of them waiting than are allowed.
        with self._changed:
            if not call.cancelled:
                self._say(body, request.id)
            del self._calls[request.id]
            self._changed.notify_all()

    def _try(self, tool: Tool, arguments: Json, call: Call) -> Json:
        try:
            told, text = self._asking(tool.name, tool.judge(arguments), call)
        except Refused as refused:
            return _failure(str(refused))
        return {"content": [{"type": "text", "text": text}], "structuredContent": told, "isError": False}

    def _answer(self, request: Request, result: Json) -> None:
        self._say({"result": request.dress(result)}, request.id)

    def _say(self, body: Json, about: str | int | bytes | None = None) -> None:
        line = render(body, about)
        with self._changed:
            self._write(line)


def _whole(request: Request, result: Json) -> Json:
    if "cursor" in request.params:
        raise Fault(-32602, "There is no such cursor: the list has one page.")
    return request.keep(result, _FIXED)


def _failure(sentence: str) -> Json:
    return {"content": [{"type": "text", "text": sentence}], "isError": True}
