# -*- test-case-name: tests.conformance.test_tools -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One call, as a fixture's tool or prompt sees it, whatever era the client speaks.

A tool is written once.  :meth:`Call.ask` is where the eras differ: a legacy
plugin sends requests and waits; a modern one ends the call with
``input_required`` and runs the tool anew when the answers come.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from tests.conformance.machine import Machine, Message, Outlet

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""The log levels, least urgent first (RFC 5424)."""

_T = TypeVar("_T")


class Refused(Exception):
    """
    The request is answered with a JSON-RPC error.
    """

    def __init__(self, code: int, text: str, data: Message | None = None) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.data = data

    def error(self) -> Message:
        """
        Make the ``error`` member.
        """
        error: Message = {"code": self.code, "message": self.text}
        return error if self.data is None else {**error, "data": self.data}


class NoSuchResource(Exception):
    """
    There is no resource at that address.
    """

    def __init__(self, uri: object) -> None:
        super().__init__(uri)
        self.uri = uri


class Failed(Exception):
    """
    The tool fails; its text is for the model.
    """


class Dropped(Exception):
    """
    The call was cancelled: nothing more is said of it.
    """


class Pause(Exception):
    """
    A modern call ends here, with an ``input_required`` result.
    """

    def __init__(self, result: Message) -> None:
        super().__init__()
        self.result = result


class Host(Protocol):
    """
    The plugin around a call.
    """

    machine: Machine
    outlet: Outlet

    def ask(self, call: Call, questions: Mapping[str, Message], sealed: bool) -> Mapping[str, Message]:
        """
        Get the client's answers, by the questions' keys.
        """

    def change(self, kind: str, uri: str | None = None) -> None:
        """
        Change ``tools`` or ``prompts``, or say that a resource changed, and tell who wants to know.
        """

    def reply(self, request_id: object, method: str, result: Message) -> None:
        """
        Send a result.
        """


@dataclass
class Call:
    """
    One ``tools/call`` or ``prompts/get``.

    Attributes:
        host: The plugin.
        id: The request's id.
        method: The request's method.
        name: The tool's or prompt's name.
        arguments: Its arguments; empty where the request has none.
        params: The whole ``params``.
        can: The client's capabilities.
        level: The least urgent level that it wants to hear; None: no log at all.
        cancelled: Set once the call is cancelled.
        heard: What the client answered so far, in an era that runs the tool
            anew for each round.
    """

    host: Host
    id: object
    method: str
    name: str
    arguments: Message
    params: Message
    can: Message
    level: str | None
    cancelled: threading.Event
    heard: Message = field(default_factory=dict)

    def argument(self, name: str, kind: type[_T], default: _T | None = None) -> _T:
        """
        Read one argument.

        Raises:
            Failed: It is missing or of another type: the model can correct
                that (SEP-1303).
        """
        value: Any = self.arguments.get(name, default)
        # In JSON, 2 is as good a number as 2.0, but true is none.
        allowed: Any = (int, float) if kind is float else kind
        if not isinstance(value, allowed) or (isinstance(value, bool) and kind is not bool):
            raise Failed(f"the argument {name} has to be a {kind.__name__}")
        fit: _T = value
        return fit

    def progress(self, progress: float, total: float, message: str) -> None:
        """
        Tell how far the call is, if its client asked to be told.
        """
        token = self.params.get("_meta", {}).get("progressToken")
        if token is None:
            return
        params = {"progressToken": token, "progress": progress, "total": total, "message": message}
        self.host.outlet.send({"method": "notifications/progress", "params": params})

    def log(self, level: str, data: object) -> None:
        """
        Say something in the log, if its client asked for that level.
        """
        if self.level is None or LEVELS.index(level) < LEVELS.index(self.level):
            return
        params = {"level": level, "logger": "conformance", "data": data}
        self.host.outlet.send({"method": "notifications/message", "params": params})

    def rest(self, seconds: float) -> None:
        """
        Take time.

        Raises:
            Dropped: The call was cancelled meanwhile.
        """
        if self.host.machine.wait(self.cancelled, seconds):
            raise Dropped

    def ask(self, questions: Mapping[str, Message], *, sealed: bool = False) -> Mapping[str, Message]:
        """
        Ask the client, all at once, and get its answers by the same keys.

        Args:
            questions: Requests (``method`` and ``params``) by key.
            sealed: Whether a modern client has to bring back a state that we
                sealed, for its answers to count.
        """
        return self.host.ask(self, questions, sealed)

    def reply(self, result: Message, request_id: object = None) -> None:
        """
        Send a result here and now, to this call or under another id.
        """
        self.host.reply(self.id if request_id is None else request_id, self.method, result)
