# -*- test-case-name: tests.conformance.test_legacy -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A fixture plugin that speaks 2025-11-25 and older, and nothing newer.

Started as ``python3 -I tests/conformance/legacy.py``.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

if __name__ == "__main__":
    # With -I neither the script's folder nor the current one is searched.  The root of the checkout
    # goes last, so that nothing in it hides the standard library, and so that modules have the
    # names by which the tests know them.
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.conformance.call import LEVELS, Call, Dropped, Failed, NoSuchResource, Refused
from tests.conformance.machine import Machine, Message, Outlet
from tests.conformance.plugin import SERVER, Plugin, main

VERSIONS = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25")
"""The revisions that it speaks, the newest last."""

_OFFERS: Message = {
    "tools": {"listChanged": True},
    "resources": {"subscribe": True, "listChanged": True},
    "prompts": {"listChanged": True},
    "logging": {},
    "completions": {},
}


@dataclass
class _Question:
    # What we asked the client, on whose behalf, and its answer once it is there.
    call: Call
    done: threading.Event = field(default_factory=threading.Event)
    answer: Message | None = None


class Legacy(Plugin):
    """
    The legacy fixture.
    """

    def __init__(self, outlet: Outlet, machine: Machine, moods: frozenset[str] = frozenset()) -> None:
        super().__init__(outlet, machine, moods)
        self.can: Message | None = None
        self._level = "info"
        self._subscribed: set[object] = set()
        self._asked: dict[object, _Question] = {}
        # From 0, as both official SDKs do: an id that is false to a careless reader.
        self._next = 0
        self._lock = threading.Lock()

    def answer(self, request: Message, cancelled: threading.Event) -> Message | None:
        """
        Answer a request.
        """
        method, params = request["method"], request.get("params", {})
        if method == "server/discover":
            if "discover-hang" in self.moods:
                return None
            raise Refused(-32601, f"Method not found: {method}")
        if method == "initialize":
            return self._initialize(params)
        if method == "ping":
            return {}
        if self.can is None:
            raise Refused(-32602, "Not initialized")
        if method in {"tools/call", "prompts/get"}:
            return self.offer.run(self.call(request, self.can, self._level, cancelled))
        return self._simple(method, params)

    def _initialize(self, params: Message) -> Message:
        self.can = params.get("capabilities", {})
        wanted = params.get("protocolVersion")
        version = wanted if wanted in VERSIONS else VERSIONS[-1]
        if "unknown-version" in self.moods:
            version = "1999-12-31"
        return {
            "protocolVersion": version,
            "capabilities": _OFFERS,
            "serverInfo": SERVER,
            "instructions": "A fixture for tests.",
        }

    def _simple(self, method: str, params: Message) -> Message:
        match method:
            case "logging/setLevel":
                if params.get("level") not in LEVELS:
                    raise Refused(-32602, "There is no such level")
                self._level = params["level"]
            case "resources/subscribe":
                self._subscribed.add(params.get("uri"))
            case "resources/unsubscribe":
                self._subscribed.discard(params.get("uri"))
            case _:
                return self._offered(method, params)
        return {}

    def _offered(self, method: str, params: Message) -> Message:
        try:
            return self.offer.answer(method, params)
        except NoSuchResource as why:
            raise Refused(-32002, "Resource not found", {"uri": why.uri}) from why

    def announce(self, kind: str, uri: str | None) -> None:
        """
        Tell the client of a change; of a resource's only if it subscribed.
        """
        if kind != "resource":
            self.outlet.send({"method": f"notifications/{kind}/list_changed"})
        elif uri in self._subscribed:
            self.outlet.send({"method": "notifications/resources/updated", "params": {"uri": uri}})

    def ask(self, call: Call, questions: Mapping[str, Message], sealed: bool) -> Mapping[str, Message]:
        """
        Send all questions as requests and wait for the answers.

        It asks whether the client declared the capability or not: refusing
        what was not declared is the client's part, and tested.

        Raises:
            Failed: The client answered with an error.
            Dropped: The call was cancelled meanwhile.
        """
        asked = {key: self._send(call, key, question) for key, question in questions.items()}
        return {key: self._await(call, number) for key, number in asked.items()}

    def _send(self, call: Call, key: str, question: Message) -> int:
        with self._lock:
            number, self._next = self._next, self._next + 1
        self._asked[number] = _Question(call)
        # The key by which a modern client will see it, for a gateway that takes the hint.
        params = {**question["params"], "_meta": {"mcpd/inputKey": key}}
        self.outlet.send({"id": number, "method": question["method"], "params": params})
        return number

    def _await(self, call: Call, number: int) -> Message:
        question = self._asked[number]
        self.machine.wait(question.done, None)
        del self._asked[number]
        if call.cancelled.is_set():
            self.outlet.send({"method": "notifications/cancelled", "params": {"requestId": number}})
            raise Dropped
        answer = question.answer or {}
        if "error" in answer:
            raise Failed(f"The client could not be asked: {answer['error'].get('message')}")
        result: Message = answer["result"]
        return result

    def answered(self, message: Message) -> None:
        """
        Take the client's answer.
        """
        question = self._asked.get(message.get("id"))
        if question is not None:
            question.answer = message
            question.done.set()

    def notice(self, method: str, params: Message) -> None:
        """
        Take a notice; a cancelled call waits for its questions no longer.
        """
        super().notice(method, params)
        for question in list(self._asked.values()):
            if question.call.cancelled.is_set():
                question.done.set()


if __name__ == "__main__":
    sys.exit(main(Legacy))
