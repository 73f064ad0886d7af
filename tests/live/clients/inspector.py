# -*- test-case-name: tests.live.test_inspector -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The inspector's two command lines: does with them what a plan says, prints what it saw.

Run as ``python inspector.py PLAN``; :mod:`tests.live.look` writes the plan and
judges.  The eras are ``legacy``, ``auto`` and ``modern``.  ``--cli`` connects
for one request; ``mcpdo`` keeps a connection, in a process of its own, and so
can complete, subscribe and follow the log.  Neither shows progress, nor that
a list changed: what a changed list is then is seen.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

_PATIENCE = 10.0
_WHOLE = 90
_TRIES = 5
_PAUSE = 0.02


class _Inspector:
    # Both command lines, with a home of their own.

    def __init__(self, plan: Any, home: Path) -> None:
        self._plan = plan
        # So short, because the name of a socket is made of it.
        own = {
            "HOME": str(home),
            "MCP_INSPECTOR_DAEMON_DIR": str(home),
            "MCP_INSPECTOR_DAEMON_TOKEN": "t" * 32,
        }
        self._environment = {**os.environ, **own}

    def once(self, method: str, *options: str) -> Any:
        command = (*self._plan["cli"], "--cli", *self._target(), "--protocol-era", self._plan["mode"])
        return json.loads(self._run(*command, "--format", "json", "--method", method, *options))["result"]

    def connect(self) -> None:
        target = self._target()
        if "command" in self._plan:
            target = ("--", *target)
        self.kept("connect", "--era", self._plan["mode"], *target)

    def kept(self, method: str, *options: str) -> Any:
        return json.loads(self._run(*self._kept(), method, *options))

    def follow(self, home: Path, method: str, *options: str) -> _Stream:
        return _Stream((*self._kept(), method, *options), home / "said", self._environment)

    def end(self) -> None:
        pid = self.kept("daemon", "status").get("pid")
        self.kept("daemon", "stop")
        _until(lambda: pid is None or _is_over(pid), f"the end of process {pid}")

    def _kept(self) -> Sequence[str]:
        return (*self._plan["mcpdo"], "--format", "json", "--connection", "test")

    def _target(self) -> Sequence[str]:
        if "command" in self._plan:
            command: Sequence[str] = self._plan["command"]
            return command
        key = Path(self._plan["keyfile"]).read_text().strip()
        header = f"Authorization: Bearer {key}"
        return ("--transport", "http", "--server-url", self._plan["url"], "--header", header)

    def _run(self, *command: str) -> str:
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=_PATIENCE, env=self._environment, check=False
        )
        if ended.returncode != 0:
            raise RuntimeError(f"{' '.join(command)}\n{ended.stdout}{ended.stderr}")
        return ended.stdout


class _Stream:
    # A command that goes on, and what it said so far.

    def __init__(self, command: Sequence[str], said: Path, environment: Any) -> None:
        self._said = said
        with said.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, env=environment)

    def said(self) -> str:
        return self._said.read_text()

    def wait(self, what: str) -> None:
        _until(lambda: what in self.said(), what, self.said)

    def end(self) -> None:
        self._process.terminate()
        self._process.wait(_PATIENCE)


def _until(holds: Callable[[], bool], what: str, said: Callable[[], str] = str) -> None:
    late = time.monotonic() + _PATIENCE
    while not holds():
        if time.monotonic() > late:
            raise RuntimeError(f"Waited in vain for {what}: {said()}")
        time.sleep(_PAUSE)


def _is_over(pid: int) -> bool:
    # One that nobody waits for any more stays as a zombie.
    try:
        return ") Z " in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return True


def _ask(inspector: _Inspector, plan: Any) -> dict[str, Any]:
    pairs = [f"{name}={value}" for name, value in plan["arguments"].items()]
    prompt = inspector.once("prompts/get", "--prompt-name", plan["prompt"], "--prompt-args", *pairs)
    read = [inspector.once("resources/read", "--uri", uri) for uri in plan["read"]]
    listed = inspector.once("resources/templates/list")["resourceTemplates"]
    said = inspector.once("tools/call", "--tool-name", plan["call"])
    return {
        "version": inspector.once("initialize")["protocolVersion"],
        "tools": [tool["name"] for tool in inspector.once("tools/list")["tools"]],
        "resources": [resource["uri"] for resource in inspector.once("resources/list")["resources"]],
        "templates": [template["uriTemplate"] for template in listed],
        "prompts": [prompt["name"] for prompt in inspector.once("prompts/list")["prompts"]],
        "read": [result["contents"][0]["text"] for result in read],
        "prompt": prompt["messages"][0]["content"]["text"],
        "said": said["content"][0]["text"],
    }


def _complete(inspector: _Inspector, plan: Any) -> Any:
    reference = ("--complete-ref-type", "ref/prompt", "--complete-ref", plan["prompt"])
    name, typed = plan["argument"]["name"], plan["argument"]["value"]
    argument = ("--complete-arg-name", name, "--complete-arg-value", typed)
    return inspector.kept("prompts/complete", *reference, *argument)["values"]


def _log(inspector: _Inspector, plan: Any, home: Path) -> list[str]:
    following = inspector.follow(home, "logging/tail")
    found: list[str] = []
    try:
        # It does not say when it has begun to follow.
        for _ in range(_TRIES):
            inspector.kept("tools/call", plan["log"])
            found = re.findall(r'"data": "(.*)"', following.said())
            if len(found) >= 3:
                break
    finally:
        following.end()
    return found[-3:]


def _update(inspector: _Inspector, plan: Any, home: Path) -> float:
    following = inspector.follow(home, "resources/subscribe", plan["watch"])
    try:
        following.wait('"subscribed"')
        inspector.kept("tools/call", plan["touch"])
        # From the end of the call, because the command itself takes half a second to begin.
        began = time.monotonic()
        following.wait('"resources/updated"')
        return time.monotonic() - began
    finally:
        following.end()


def _change(inspector: _Inspector, plan: Any) -> list[str]:
    before, after = set[str](), set[str]()
    before.update(tool["name"] for tool in inspector.kept("tools/list")["tools"])
    inspector.kept("tools/call", plan["change"])
    after.update(tool["name"] for tool in inspector.kept("tools/list")["tools"])
    inspector.kept("tools/call", plan["change"])
    return sorted(after - before)


def _main(plan: Any, home: Path) -> None:
    inspector = _Inspector(plan, home)
    saw = _ask(inspector, plan)
    try:
        inspector.connect()
        saw |= {
            "completed": _complete(inspector, plan),
            "log": _log(inspector, plan, home),
            "updated": _update(inspector, plan, home),
            "added": _change(inspector, plan),
        }
        inspector.kept("disconnect")
    finally:
        inspector.end()
    print(json.dumps(saw))  # noqa: T201  what the test reads


def _give_up(number: int, frame: object) -> None:
    raise TimeoutError(f"This took more than {_WHOLE} seconds.")


# Sooner than who started this ends it, and could not end the process that keeps the connection.
signal.signal(signal.SIGALRM, _give_up)
signal.alarm(_WHOLE)
with TemporaryDirectory() as folder:
    _main(json.loads(sys.argv[1]), Path(folder))
