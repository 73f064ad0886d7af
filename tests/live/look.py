# -*- test-case-name: tests.live.test_look -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What other people's clients are told to do, and what they must have seen.

A client is a program of ours, in :mod:`tests.live.clients`, around somebody
else's library.  It gets one argument, a plan, and writes one line, what it
saw.  Both are JSON objects.  The plan has:

``url`` and ``keyfile``, or ``command``
    The server, and the file with its key; or a plugin's command.
``mode``
    The era to speak, in the library's own words.
``read``
    URIs to read.
``prompt``, ``arguments``, ``argument``
    A prompt to get, with those, and one of its arguments to complete.
``call``, ``progress``, ``log``
    Tools to call: one that says a text, one that reports, one that logs.
``watch``, ``touch``
    A URI to hear of, and the tool that says that it changed.
``change``
    The tool that changes the list of tools.

The client tells:

``version``
    The revision that it speaks.
``tools``, ``resources``, ``templates``, ``prompts``
    What is listed: names, URIs.
``read``, ``prompt``, ``completed``, ``said``, ``progress``, ``log``
    What came of the above: texts, values, pairs of progress and total, words.
``updated``, ``changed``
    Seconds until it heard of the one change and the other.
``added``
    The tools that were not in the list before it changed.

It leaves out what its library can't tell.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import field, frozen
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.process import Ended, finish

CLIENTS = Path(__file__).with_name("clients")
"""Where the programs are."""

LEGACY = "2025-11-25"
"""The newest legacy revision."""

MODERN = "2026-07-28"
"""The modern revision."""

SOON = 1.0
"""Seconds within which a change has to be heard of."""

_PATIENCE = 120.0
_BAD = ("error", "critical")
_TEMPLATED = {"id": "7", "templateTest": True, "data": "Data for ID: 7"}
_SAW: Mapping[str, object] = {
    "resources": ["test://static-text", "test://static-binary", "test://watched-resource"],
    "templates": ["test://template/{id}/data"],
    "read": ["This is the content of the static text resource.", json.dumps(_TEMPLATED)],
    "prompt": "Prompt with arguments: arg1='a', arg2='b'",
    "completed": ["testValue1", "testValue2"],
    "said": "This is a simple text response for testing.",
    "progress": [[0, 100], [50, 100], [100, 100]],
    "log": ["Tool execution started", "Tool processing data", "Tool execution completed"],
}
_LISTED = {
    "tools": ("test_simple_text", "test_x_mcp_header", "misbehave_touch"),
    "prompts": ("test_simple_prompt", "test_prompt_with_arguments"),
}


@frozen
class Place:
    """
    Where a client looks at a daemon that runs both fixtures.

    Attributes:
        path: The path behind ``/mcp``.
        prefix: What the names of the plugin that it looks at begin with there.
        owner: The same of the plugin that the resources are read from there:
            both have them, and the first in the configuration wins.
    """

    path: str
    prefix: str
    owner: str


PLACES = (
    Place("", "modern__", "modern__"),
    Place("", "legacy__", "modern__"),
    Place("/modern", "", ""),
    Place("/legacy", "", ""),
)
"""Both plugins among others, and each alone."""


@frozen
class Program:
    """
    A client's program.

    Attributes:
        command: Its command, but for the plan.
        environment: What it needs in its environment.
        more: What else it has to find in its plan.
        lacks: What it can't tell.
    """

    command: Sequence[str]
    environment: Mapping[str, str] = field(factory=dict)
    more: Mapping[str, object] = field(factory=dict)
    lacks: Collection[str] = ()


def plan(prefix: str, owner: str) -> dict[str, object]:
    """
    Make what is the same of a plan wherever the server is.

    Args:
        prefix: What the plugin's names begin with.
        owner: What those of the plugin that has the resources begin with.
    """
    return {
        "read": ["test://static-text", "test://template/7/data"],
        "prompt": f"{prefix}test_prompt_with_arguments",
        "arguments": {"arg1": "a", "arg2": "b"},
        "argument": {"name": "arg1", "value": "testV"},
        "call": f"{prefix}test_simple_text",
        "progress": f"{prefix}test_tool_with_progress",
        "log": f"{prefix}test_tool_with_logging",
        "watch": "test://watched-resource",
        "touch": f"{owner}misbehave_touch",
        "change": f"{prefix}test_trigger_tool_change",
    }


def complaints(saw: Mapping[str, Any], version: str, prefix: str, lacks: Collection[str]) -> Sequence[str]:
    """
    Judge what a client saw.

    Args:
        saw: What it told.
        version: The revision that it has to speak.
        prefix: What the names of the plugin that it looked at begin with.
        lacks: What it can't tell, and must not, or it would be judged.
    """
    wanted = {"version": version, **_SAW, "added": [f"{prefix}test_added_tool"]}
    expected = {name: value for name, value in wanted.items() if name not in lacks}
    said = [
        f"{name} is {saw.get(name)!r} and has to be {value!r}"
        for name, value in expected.items()
        if saw.get(name) != value
    ]
    for name, known in _LISTED.items():
        missing = {f"{prefix}{own}" for own in known}.difference(saw.get(name, ()))
        said += [f"{name} lacks {one}" for one in sorted(missing)]
    late = [name for name in ("updated", "changed") if name not in lacks and not saw.get(name, SOON) < SOON]
    said += [f"{name} was heard of after {saw.get(name)} seconds" for name in late]
    return [*said, *(f"{name} can be told" for name in lacks if name in saw)]


class LookTests(TestCase):
    """
    What the tests of all clients have in common.
    """

    timeout = 1500

    def daemon(
        self, reactor: Any, make: Callable[[], Awaitable[Program]], mode: str, spoken: str
    ) -> Deferred[None]:
        """
        Look at a daemon from every place, with a key.

        Args:
            reactor: The reactor.
            make: Makes the program, and installs what it needs.
            mode: The era to speak, in the client's words.
            spoken: The revision that this comes to.
        """
        return Deferred.fromCoroutine(self._look_through(reactor, make, mode, spoken))

    def plugin(
        self, reactor: Any, make: Callable[[], Awaitable[Program]], era: str, mode: str, spoken: str
    ) -> Deferred[None]:
        """
        Look at a plugin itself: what it shows there is what it has to show through the daemon.

        Args:
            reactor: The reactor.
            make: As above.
            era: Which fixture it is.
            mode: As above.
            spoken: As above.
        """
        return Deferred.fromCoroutine(self._look_at(reactor, make, era, mode, spoken))

    async def _look_through(self, reactor: Any, make: Any, mode: str, spoken: str) -> None:
        program = await make()
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        plugins = {era: {"command": _fixture(era)} for era in ("modern", "legacy")}
        running = await daemon.begin(reactor, folder, "required", plugins)
        try:
            for place in PLACES:
                server = {"url": running.url + place.path, "keyfile": str(running.key), "mode": mode}
                ended = await _run(reactor, program, {**server, **plan(place.prefix, place.owner)})
                self.assertEqual([line for line in running.logged() if line["level"] in _BAD], [])
                self._judge(ended, spoken, place.prefix, program.lacks)
        finally:
            await running.stop()

    async def _look_at(self, reactor: Any, make: Any, era: str, mode: str, spoken: str) -> None:
        program = await make()
        ended = await _run(reactor, program, {"command": _fixture(era), "mode": mode, **plan("", "")})
        self._judge(ended, spoken, "", program.lacks)

    def _judge(self, ended: Ended, spoken: str, prefix: str, lacks: Collection[str]) -> None:
        self.assertEqual(ended.code, 0, ended.said)
        said = complaints(json.loads(ended.said), spoken, prefix, lacks)
        self.assertEqual(said, [])


def _fixture(era: str) -> tuple[str, ...]:
    # Hostile, because it has the tool then that says that a resource changed.
    env, *command = daemon.fixture(era)
    return env, "MCPD_FIXTURE=hostile", *command


async def _run(reactor: Any, program: Program, told: Mapping[str, object]) -> Ended:
    command = (*program.command, json.dumps({**told, **program.more}))
    return await finish(reactor, command, _PATIENCE, program.environment)
