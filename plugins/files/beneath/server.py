# -*- test-case-name: plugins.files.tests.test_server -*-
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
from .place import trouble
from .resources import Missing, Resources
from .subscriptions import Subscriptions
from .tools import Files
from .watching import Watcher

CALLS = 32  # calls that run or wait

# Milliseconds that an answer may be kept.
_FIXED = 300_000  # what is the same as long as this program runs
_LISTED = 10_000  # which files there are
_BUSY = "Too many calls at once; try again when one has ended."

Work = Callable[[Call], Json]
"""Makes a result, in a thread of its own."""


class Server:
    """
    The conversation with one client.

    It is told lines by one thread; calls may run in others.

    Attributes:
        watcher: Looks at the files that the client has subscribed to, if
            somebody makes it.
    """

    def __init__(
        self,
        files: Files,
        write: Callable[[bytes], None],
        start: Callable[[Callable[[], None]], None],
        log: Callable[[str], None],
    ) -> None:
        """
        Wait for the client's first line.

        Args:
            files: What the tools look at.
            write: Writes a whole line; never called by two threads at once.
            start: Runs something soon, in another thread or not.
            log: Tells the operator something.
        """
        self._files = files
        self._resources = Resources(files.roots)
        self._write = write
        self._start = start
        self._log = log
        self._greeted = False
        self._calls: dict[str | int, Call] = {}
        # Guards all writing, too: after a cancel not a word of that call is written.
        self._changed = threading.Condition()
        self.watcher = Watcher(self._resources.facts, self._tell_change)
        self._subscriptions = Subscriptions(self.watcher, self._say)
        both = {
            "tools/list": self._list_tools,
            "tools/call": self._call,
            "resources/list": self._list,
            "resources/templates/list": self._list_templates,
            "resources/read": self._read,
        }
        self._legacy = both | {
            "initialize": self._greet,
            "ping": self._ping,
            "resources/subscribe": self._subscribe,
            "resources/unsubscribe": self._unsubscribe,
        }
        self._modern = both | {"server/discover": self._discover, "subscriptions/listen": self._listen}

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
        End the streams and wait for the calls that run, then cancel what still does.

        Args:
            patience: Seconds to wait.
        """
        # Not by this thread: a client that reads nothing would hold it up.
        self._start(self._part)
        free = self._changed.acquire(timeout=patience)
        try:
            if free:
                self._changed.wait_for(
                    lambda: not self._calls and not self._subscriptions.streams(), patience
                )
            for call in list(self._calls.values()):
                call.cancel()
        finally:
            if free:
                self._changed.release()

    def _notice(self, method: str, params: Any) -> None:
        if method == "notifications/cancelled" and isinstance(params, dict):
            which = identity(params.get("requestId"))
            with self._changed:
                call = self._calls.get(which) if which is not None else None
                if call is not None:
                    call.cancel()
                elif which is not None and which in self._subscriptions:
                    self._subscriptions.end(which)

    def _request(self, request: Request) -> None:
        if not request.modern and not self._greeted and request.method not in ("initialize", "ping"):
            raise Fault(-32602, f"Send initialize first, or _meta with {META}protocolVersion.")
        answer = (self._modern if request.modern else self._legacy).get(request.method)
        if answer is None:
            raise Fault(-32601, "There is no such method.")
        answer(request)

    def _about(self) -> Json:
        instructions = (
            f"Reads files beneath some folders, and changes nothing. {self._files.roots.sentence()}"
        )
        return {"capabilities": {"tools": {}, "resources": {"subscribe": True}}, "instructions": instructions}

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
        uri = _uri(request)
        self._work(request, lambda call: request.keep(self._look(request, uri, call), 0, "private"))

    def _look(self, request: Request, uri: str, call: Call) -> Json:
        try:
            return self._resources.read(uri, call)
        except Missing:
            raise _missing(request, uri) from None

    def _subscribe(self, request: Request) -> None:
        uri = _uri(request)
        with self._changed:
            if not self._subscriptions.subscribe(uri):
                raise _missing(request, uri, "There is no such resource, or too many are watched.")
        self._answer(request, {})

    def _unsubscribe(self, request: Request) -> None:
        with self._changed:
            self._subscriptions.unsubscribe(_uri(request))
        self._answer(request, {})

    def _listen(self, request: Request) -> None:
        with self._changed:
            self._check_free(request)
            self._subscriptions.listen(request.id, request.params.get("notifications"))

    def _tell_change(self, uri: str) -> None:
        with self._changed:
            self._subscriptions.changed(uri)

    def _part(self) -> None:
        with self._changed:
            for stream in self._subscriptions.streams():
                self._subscriptions.end(stream)
                meta = {META + "serverInfo": ABOUT, META + "subscriptionId": stream}
                self._say({"result": {"resultType": "complete", "_meta": meta}}, stream)
            self._changed.notify_all()

    def _check_free(self, request: Request) -> None:
        if request.id in self._calls or request.id in self._subscriptions:
            raise Fault(-32600, "A request with this id is under way.")

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
        call = Call(partial(self._tell, request.meta.get("progressToken")))
        with self._changed:
            self._check_free(request)
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
            told, text = tool.run(self._files, tool.judge(arguments), call)
        except Refused as refused:
            return _failure(str(refused))
        except OSError as error:
            return _failure(trouble(error))
        return {"content": [{"type": "text", "text": text}], "structuredContent": told, "isError": False}

    def _tell(self, token: Any, call: Call, progress: int, message: str) -> None:
        if identity(token) is not None:
            with self._changed:
                if not call.cancelled:
                    params = {"progressToken": token, "progress": progress, "message": message}
                    self._say({"method": "notifications/progress", "params": params})

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


def _uri(request: Request) -> str:
    uri = request.params.get("uri")
    if not isinstance(uri, str):
        raise Fault(-32602, "The params need a uri, a string.")
    return uri


def _missing(request: Request, uri: str, sentence: str = "There is no such resource.") -> Fault:
    # MCP, "Resources", "Error Handling": the number is another one in each era.
    return Fault(-32602 if request.modern else -32002, sentence, {"uri": uri})


def _failure(sentence: str) -> Json:
    return {"content": [{"type": "text", "text": sentence}], "isError": True}
