# -*- test-case-name: tests.conformance.test_modern -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A fixture plugin that speaks 2026-07-28, and the legacy revisions to who begins with ``initialize``.

Started as ``python3 -I tests/conformance/modern.py``.
"""

from __future__ import annotations

import hashlib
import json
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

if __name__ == "__main__":
    # As in legacy.py: -I leaves the script's folder out.
    sys.path.append(str(Path(__file__).resolve().parents[2]))

from tests.conformance.call import LEVELS, Call, NoSuchResource, Pause, Refused
from tests.conformance.legacy import Legacy
from tests.conformance.machine import Machine, Message, Outlet
from tests.conformance.plugin import SERVER, Plugin, main
from tests.conformance.seal import Seal

VERSION = "2026-07-28"
"""The revision that it speaks."""

META = "io.modelcontextprotocol/"
"""What the specification's own keys of ``_meta`` begin with."""

_CACHED = frozenset(
    {
        "server/discover",
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
        "resources/read",
    }
)
_OFFERS: Message = {
    "tools": {"listChanged": True},
    "resources": {"subscribe": True, "listChanged": True},
    "prompts": {"listChanged": True},
    "logging": {},
    "completions": {},
}
_NEEDS = {
    "elicitation/create": "elicitation",
    "sampling/createMessage": "sampling",
    "roots/list": "roots",
}
_FLAGS = {"tools": "toolsListChanged", "prompts": "promptsListChanged", "resources": "resourcesListChanged"}


class Modern(Plugin):
    """
    The modern fixture.
    """

    def __init__(self, outlet: Outlet, machine: Machine, moods: frozenset[str] = frozenset()) -> None:
        super().__init__(outlet, machine, moods)
        self._seal = Seal(machine.entropy(32))
        self._listening: dict[object, Message] = {}
        self._legacy = Legacy(outlet, machine, moods)
        self._legacy.offer = self.offer

    def hear(self, line: bytes) -> None:
        """
        Take one line; all that has no envelope is the legacy era's.
        """
        message = json.loads(line)
        legacy = self._legacy.can is not None or message.get("method") in {"initialize", "ping"}
        if legacy and META + "protocolVersion" not in _meta(message):
            self._legacy.hear(line)
        else:
            super().hear(line)

    def answer(self, request: Message, cancelled: threading.Event) -> Message | None:
        """
        Answer a request.
        """
        meta = _meta(request)
        can, level = _envelope(meta)
        method, params = request["method"], request["params"]
        match method:
            case "server/discover":
                return None if "discover-hang" in self.moods else _discovered()
            case "subscriptions/listen":
                self._listen(request["id"], params.get("notifications", {}))
                return None
            case "tools/call" | "prompts/get":
                return self.offer.run(self.call(request, can, level, cancelled))
        try:
            return self.offer.answer(method, params)
        except NoSuchResource as why:
            raise Refused(-32602, "Resource not found", {"uri": why.uri}) from why

    def reply(self, request_id: object, method: str, result: Message) -> None:
        """
        Send a result with what this era wants in it (schema: Result, CacheableResult).
        """
        full = {"resultType": "complete", **result, "_meta": {META + "serverInfo": SERVER}}
        if method in _CACHED:
            full |= {"ttlMs": 60_000, "cacheScope": "public"}
        super().reply(request_id, method, full)

    def answered(self, message: Message) -> None:
        """
        Ignore it: a modern client is asked by results, and has nothing to answer.
        """

    def ask(self, call: Call, questions: Mapping[str, Message], sealed: bool) -> Mapping[str, Message]:
        """
        Find the answers in the request, or end the call with the questions that have none.

        Raises:
            Pause: Answers are missing.
            Refused: The client can't be asked that, or the state is not ours.
        """
        _check_capabilities(call, questions)
        state = call.params.get("requestState")
        if state is not None:
            call.heard.update(self._open(call, state))
        if state is not None or not sealed:
            call.heard.update(_given(call, questions))
        missing = {key: question for key, question in questions.items() if key not in call.heard}
        if not missing:
            return {key: call.heard[key] for key in questions}
        result: Message = {"resultType": "input_required", "inputRequests": missing}
        if sealed:
            result["requestState"] = self._close(call)
        raise Pause(result)

    def _open(self, call: Call, state: object) -> Message:
        opened = self._seal.open(state)
        if opened["of"] != _digest(call):
            raise Refused(-32602, "requestState belongs to another request")
        answers: Message = opened["answers"]
        return answers

    def _close(self, call: Call) -> str:
        # The nonce makes each round's state another one.
        nonce = self.machine.entropy(8).hex()
        return self._seal.close({"of": _digest(call), "answers": call.heard, "nonce": nonce})

    def _listen(self, request_id: object, wanted: Message) -> None:
        honoured = {
            key: value
            for key, value in wanted.items()
            if value and key in {*_FLAGS.values(), "resourceSubscriptions"}
        }
        self._listening[request_id] = honoured
        self._tell(request_id, "notifications/subscriptions/acknowledged", {"notifications": honoured})

    def _tell(self, request_id: object, method: str, params: Message) -> None:
        meta = {META + "subscriptionId": request_id}
        self.outlet.send({"method": method, "params": {**params, "_meta": meta}})

    def announce(self, kind: str, uri: str | None) -> None:
        """
        Tell each subscription that asked for it.
        """
        for request_id, wanted in list(self._listening.items()):
            if kind == "resource" and uri in wanted.get("resourceSubscriptions", ()):
                self._tell(request_id, "notifications/resources/updated", {"uri": uri})
            elif wanted.get(_FLAGS.get(kind, "")):
                self._tell(request_id, f"notifications/{kind}/list_changed", {})

    def notice(self, method: str, params: Message) -> None:
        """
        Take a notice; cancelling a subscription ends it.
        """
        super().notice(method, params)
        if method == "notifications/cancelled":
            self._listening.pop(params.get("requestId"), None)


def _meta(message: Message) -> Message:
    params = message.get("params")
    meta = params.get("_meta") if isinstance(params, dict) else None
    return meta if isinstance(meta, dict) else {}


def _envelope(meta: Message) -> tuple[Message, str | None]:
    # The client's capabilities and its log level (basic, "_meta").
    version, can = meta.get(META + "protocolVersion"), meta.get(META + "clientCapabilities")
    if not isinstance(version, str) or not isinstance(can, dict):
        raise Refused(-32602, "A request says its protocol version and its client's capabilities")
    if version != VERSION:
        raise Refused(-32022, "Unsupported protocol version", {"supported": [VERSION], "requested": version})
    level = meta.get(META + "logLevel")
    if level is not None and level not in LEVELS:
        raise Refused(-32602, "There is no such level")
    return can, level


def _discovered() -> Message:
    return {
        "supportedVersions": [VERSION],
        "capabilities": _OFFERS,
        "instructions": "A fixture for tests.",
    }


def _check_capabilities(call: Call, questions: Mapping[str, Message]) -> None:
    lacking = {_NEEDS[question["method"]] for question in questions.values()} - call.can.keys()
    if lacking:
        needed: Message = {name: {} for name in sorted(lacking)}
        raise Refused(-32021, "The client can't be asked for that", {"requiredCapabilities": needed})


def _given(call: Call, questions: Mapping[str, Message]) -> Message:
    given = call.params.get("inputResponses")
    if not isinstance(given, dict):
        return {}
    return {key: given[key] for key, question in questions.items() if _fits(question, given.get(key))}


def _fits(question: Message, answer: object) -> bool:
    # Attacker-controlled: what does not fit counts as not there, and is asked for again.
    if not isinstance(answer, dict):
        return False
    match question["method"]:
        case "sampling/createMessage":
            return "content" in answer
        case "roots/list":
            return isinstance(answer.get("roots"), list)
    if answer.get("action") != "accept":
        return answer.get("action") in {"decline", "cancel"}
    content = answer.get("content")
    required = question["params"]["requestedSchema"]["required"]
    return isinstance(content, dict) and all(name in content for name in required)


def _digest(call: Call) -> str:
    told = json.dumps([call.method, call.name, call.arguments], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(Modern))
