# -*- test-case-name: plugins.files.tests.test_server -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
MCP as a server: lines in, lines out, in both eras on the same pipe.

A request with a protocol version in its ``_meta`` is of the modern era
(2026-07-28) and stands alone; others are of the legacy era and need an
``initialize`` before them.
"""

from __future__ import annotations

import json
import threading
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NoReturn

from .call import Call, Cancelled, Fault, Json, Refused
from .offer import TOOLS, Tool
from .place import trouble
from .tools import Files

LEGACY = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
MODERN = "2026-07-28"
ABOUT = {"name": "files", "title": "Files", "version": "1.0.0"}
META = "io.modelcontextprotocol/"
CACHE = {"ttlMs": 300_000, "cacheScope": "public"}  # the same for everybody

LINE = 4 << 20  # bytes of a message
CALLS = 32  # calls that run or wait


def lines(read: Callable[[int], bytes]) -> Iterator[bytes | None]:
    """
    Take lines out of a stream; None stands for one that was longer than ``LINE``.

    Args:
        read: Gives at most so many bytes, or none at the end.
    """
    kept = bytearray()
    skipping = False
    while chunk := read(64 << 10):
        *ended, rest = chunk.split(b"\n")
        for part in ended:
            kept += part
            yield None if skipping or len(kept) > LINE else bytes(kept)
            kept.clear()
            skipping = False
        kept += rest
        if len(kept) > LINE:
            # Bounded: whoever never sends a newline fills no memory.
            kept.clear()
            skipping = True


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _identity(message: Json) -> str | int | None:
    # MCP: a string or an integer, never null; JSON's true is Python's 1.
    identity = message.get("id")
    return identity if isinstance(identity, str | int) and not isinstance(identity, bool) else None


class Server:
    """
    The conversation with one client.

    It is told lines by one thread; calls may run in others.
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
        self._write = write
        self._start = start
        self._log = log
        self._greeted = False
        self._calls: dict[str | int, Call] = {}
        # Guards all writing, too: after a cancel not a word of that call is written.
        self._changed = threading.Condition()

    def hear(self, line: bytes | None) -> None:
        """
        Take one line from the client; None is one that was too long.
        """
        if line is not None and not line.strip():
            return
        identity: str | int | None = None
        try:
            message = self._read(line)
            identity = _identity(message)
            if not isinstance(message.get("method"), str):
                if "result" in message or "error" in message:
                    return  # We asked nothing, so nobody's answer matters.
                raise Fault(-32600, "A message needs a method.")
            params = message.get("params", {})
            if "id" not in message:
                self._notice(message["method"], params)
                return
            if identity is None:
                raise Fault(-32600, "An id is a string or an integer.")
            if not isinstance(params, dict):
                raise Fault(-32602, "The params must be an object.")
            self._request(identity, message["method"], params)
        except Fault as fault:
            self._say({"error": fault.body}, identity)

    def finish(self, patience: float) -> None:
        """
        Wait for the calls that run, then cancel what still does.

        Args:
            patience: Seconds to wait.
        """
        # A client that reads nothing may hold up a thread which is writing.
        free = self._changed.acquire(timeout=patience)
        try:
            if free:
                self._changed.wait_for(lambda: not self._calls, patience)
            for call in list(self._calls.values()):
                call.cancel()
        finally:
            if free:
                self._changed.release()

    def _read(self, line: bytes | None) -> Json:
        if line is None:
            raise Fault(-32600, f"A message may have at most {LINE >> 20} MiB.")
        try:
            message = json.loads(line.decode(), parse_constant=_no_number)
        except (ValueError, RecursionError):
            raise Fault(-32700, "That is not JSON.") from None
        if isinstance(message, list):
            raise Fault(-32600, "Batches are not taken; send one message a line.")
        if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
            raise Fault(-32600, "That is no JSON-RPC 2.0 message.")
        return message

    def _notice(self, method: str, params: Any) -> None:
        if method == "notifications/cancelled" and isinstance(params, dict):
            identity = _identity({"id": params.get("requestId")})
            with self._changed:
                call = self._calls.get(identity) if identity is not None else None
                if call is not None:
                    call.cancel()

    def _request(self, identity: str | int, method: str, params: Json) -> None:
        meta = params.get("_meta", {})
        if not isinstance(meta, dict):
            raise Fault(-32602, "The _meta must be an object.")
        modern = method == "server/discover" or META + "protocolVersion" in meta
        if modern:
            self._check(meta)
        elif not self._greeted and method not in ("initialize", "ping"):
            raise Fault(-32602, f"Send initialize first, or _meta with {META}protocolVersion.")
        match method, modern:
            case "tools/call", _:
                self._call(identity, params, meta, modern)
            case "tools/list", _:
                if "cursor" in params:
                    raise Fault(-32602, "There is no such cursor: the list has one page.")
                self._answer(identity, {"tools": [tool.told() for tool in TOOLS.values()]}, modern, CACHE)
            case "server/discover", True:
                about = {"supportedVersions": [MODERN], **self._about()}
                self._answer(identity, about, modern, CACHE)
            case "initialize", False:
                self._answer(identity, self._greet(params), modern)
            case "ping", False:
                self._answer(identity, {}, modern)
            case _:
                raise Fault(-32601, "There is no such method.")

    def _check(self, meta: Json) -> None:
        version = meta.get(META + "protocolVersion")
        if not isinstance(version, str):
            raise Fault(-32602, f"The _meta needs {META}protocolVersion, a string.")
        if not isinstance(meta.get(META + "clientCapabilities"), dict):
            raise Fault(-32602, f"The _meta needs {META}clientCapabilities, an object.")
        if version != MODERN:
            data = {"supported": [MODERN], "requested": version}
            raise Fault(-32022, "That protocol version is not spoken here.", data)

    def _about(self) -> Json:
        instructions = (
            f"Reads files beneath some folders, and changes nothing. {self._files.roots.sentence()}"
        )
        return {"capabilities": {"tools": {}}, "instructions": instructions}

    def _greet(self, params: Json) -> Json:
        version = params.get("protocolVersion")
        if not isinstance(version, str):
            raise Fault(-32602, "The params need a protocolVersion, a string.")
        self._greeted = True
        chosen = version if version in LEGACY else LEGACY[-1]
        return {"protocolVersion": chosen, "serverInfo": ABOUT, **self._about()}

    def _call(self, identity: str | int, params: Json, meta: Json, modern: bool) -> None:
        name = params.get("name")
        tool = TOOLS.get(name) if isinstance(name, str) else None
        if tool is None:
            raise Fault(-32602, f"There is no such tool; there are: {', '.join(TOOLS)}.")
        arguments = params.get("arguments", {})
        if not isinstance(arguments, dict):
            raise Fault(-32602, "The arguments must be an object.")
        call = Call(partial(self._tell, meta.get("progressToken")))
        with self._changed:
            if identity in self._calls:
                raise Fault(-32600, "A request with this id is under way.")
            if len(self._calls) < CALLS:
                self._calls[identity] = call
        if self._calls.get(identity) is call:
            self._start(partial(self._run, identity, call, tool, arguments, modern))
        else:
            self._answer(identity, _failure("Too many calls at once; try again when one has ended."), modern)

    def _run(self, identity: str | int, call: Call, tool: Tool, arguments: Json, modern: bool) -> None:
        body: Json = {}
        try:
            call.check()
            body = {"result": self._dress(self._try(tool, arguments, call), modern)}
        except Cancelled:
            pass
        except Exception:
            self._log(traceback.format_exc())
            body = {"error": {"code": -32603, "message": "The tool failed; its log says why."}}
        # A cancelled call keeps its place until here: cancelling is no way to
        # have more of them waiting than are allowed.
        with self._changed:
            if not call.cancelled:
                self._say(body, identity)
            del self._calls[identity]
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
        if isinstance(token, str | int) and not isinstance(token, bool):
            with self._changed:
                if not call.cancelled:
                    params = {"progressToken": token, "progress": progress, "message": message}
                    self._say({"method": "notifications/progress", "params": params})

    def _answer(self, identity: str | int, result: Json, modern: bool, hints: Json | None = None) -> None:
        self._say({"result": self._dress(result, modern, hints)}, identity)

    def _dress(self, result: Json, modern: bool, hints: Json | None = None) -> Json:
        if not modern:
            return result
        return {"resultType": "complete", **result, **(hints or {}), "_meta": {META + "serverInfo": ABOUT}}

    def _say(self, body: Json, identity: str | int | None = None) -> None:
        about: Json = {"jsonrpc": "2.0"} if identity is None else {"jsonrpc": "2.0", "id": identity}
        # ASCII only: no line separator and no lone surrogate is left to a reader's mercy.
        line = json.dumps(about | body, separators=(",", ":"), allow_nan=False).encode("ascii") + b"\n"
        with self._changed:
            self._write(line)


def _failure(sentence: str) -> Json:
    return {"content": [{"type": "text", "text": sentence}], "isError": True}
