# -*- test-case-name: tests.live.test_faults -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where unruly plugins play: a daemon, its clients, and an operator who looks on.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThread
from twisted.trial.unittest import TestCase

from mcpd.ctl.connection import SocketConnection
from tests.live import daemon, proc
from tests.live.client import Client, holds
from tests.live.daemon import Daemon
from tests.live.process import ROOT

ERAS = ("modern", "legacy")
"""Those of plugins and of clients."""

AT_ONCE = {"backoff": ["20ms", "200ms"]}
"""A ``restart`` that nobody has to wait for."""

PATIENCE = 15.0
"""Seconds that whatever has to happen may take on a machine that is busy."""

_LOOK = 0.02

clock: Any = reactor


def plugin(era: str, *moods: str, **more: object) -> dict[str, object]:
    """
    Configure an unruly plugin (:mod:`tests.live.unruly`).
    """
    program = str(ROOT / "tests" / "live" / "unruly.py")
    command = ("/usr/bin/env", "python3", "-I", program, era, *moods)
    return {"command": command, "restart": AT_ONCE, **more}


def text(answer: dict[str, Any]) -> str:
    """
    Tell what a tool said.

    Raises:
        AssertionError: It said nothing, or more than one thing.
    """
    contents = answer.get("result", {}).get("content", ())
    if len(contents) != 1:
        raise AssertionError(f"This is no answer of a tool: {answer}")
    said: str = contents[0]["text"]
    return said


@define(eq=False)
class Scene:
    """
    One daemon.
    """

    running: Daemon

    async def ask(self, verb: str, **params: object) -> Any:
        """
        Ask the daemon for something as its operator.
        """
        # In a thread: while we wait the daemon's log has to be read.
        return await deferToThread(self._ask, verb, params)

    def _ask(self, verb: str, params: dict[str, Any]) -> Any:
        connection = SocketConnection.open(str(self.running.runtime / "admin.sock"))
        try:
            return connection.ask(verb, params, PATIENCE)
        finally:
            connection.close()

    async def plugin(self, name: str) -> Any:
        """
        Tell how a plugin fares.
        """
        return await self.ask("plugin", name=name)

    async def until_running(self, name: str, calls: Callable[[], int]) -> None:
        """
        Wait until a plugin's workers have so many calls.

        Raises:
            AssertionError: They never have.
        """
        due, running = clock.seconds() + PATIENCE, -1
        while running < calls():
            if clock.seconds() >= due:
                raise AssertionError(f"{name} has {running} calls, not {calls()}")
            running = sum(each["running"] for each in (await self.plugin(name))["workers"])

    async def client(self, era: str = "modern", key: str = "") -> Client:
        """
        Make a client, by default of the principal that has the first key.
        """
        client = Client.new(clock, self.running.port, key or self.running.key.read_text().strip())
        if era == "legacy":
            await client.shake()
        return client

    async def call(self, tool: str, era: str = "modern", key: str = "", **arguments: object) -> Any:
        """
        Call a tool by a client of its own, and give the one answer.
        """
        client = await self.client(era, key)
        answer = await client.call(tool, arguments)
        client.close()
        return answer

    def begin(self, tool: str, era: str = "modern", key: str = "", **arguments: object) -> Deferred[Any]:
        """
        Call a tool without waiting; fires with the answer and how many seconds it took.
        """

        async def timed() -> tuple[Any, float]:
            began = clock.seconds()
            return await self.call(tool, era, key, **arguments), clock.seconds() - began

        return Deferred.fromCoroutine(timed())

    async def who(self, name: str, key: str = "") -> dict[str, int]:
        """
        Have a worker say who it is.
        """
        told: dict[str, int] = json.loads(text(await self.call(f"{name}__who", key=key)))
        return told

    def told(self, event: str, **fields: object) -> list[dict[str, Any]]:
        """
        Tell what the log has of one kind of event.
        """
        lines = (line for line in self.running.logged() if line.get("event") == event)
        return [line for line in lines if fields.items() <= line.items()]

    async def only(self, event: str, **fields: object) -> dict[str, Any]:
        """
        Wait for the one line of a kind that the log has.
        """
        await self.until(lambda: self.told(event, **fields))
        (line,) = self.told(event, **fields)
        return line

    async def until(self, what: Callable[[], object]) -> None:
        """
        Wait until something holds.

        Raises:
            AssertionError: It never does.
        """
        if not await holds(clock, what, PATIENCE):
            raise AssertionError(f"This does not come to hold; the log:\n{self.running.logged()[-20:]}")

    async def growth(self, what: Awaitable[object]) -> int:
        """
        Tell by how many bytes the daemon's memory grows at the most while something happens.
        """
        sizes = list[int]()

        def look() -> None:
            sizes.append(proc.resident(self.running.pid))

        looking = LoopingCall(look)
        looking.clock = clock
        ended = looking.start(_LOOK)
        try:
            await what
        finally:
            looking.stop()
            await ended
        look()
        return max(sizes) - sizes[0]


class Play(TestCase):
    """
    A test of one daemon and some plugins.
    """

    timeout = 60

    def play(
        self,
        what: Callable[[Scene], Coroutine[Any, Any, None]],
        plugins: daemon.Tables,
        auth: str = "required",
    ) -> Deferred[None]:
        """
        Do something, after which the daemon has no zombie and no error to tell, ends, and leaves nothing.
        """
        return Deferred.fromCoroutine(self._play(what, plugins, auth))

    async def _play(
        self, what: Callable[[Scene], Coroutine[Any, Any, None]], plugins: daemon.Tables, auth: str
    ) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        scene = await self.enter(folder, plugins, auth)
        await what(scene)
        pid = scene.running.pid
        await scene.until(lambda: "Z" not in proc.children(pid).values())
        bad = [line for line in scene.running.logged() if line["level"] in ("error", "critical")]
        self.assertEqual(bad, [])
        await scene.running.stop()

    async def enter(self, folder: Path, plugins: daemon.Tables, auth: str = "required") -> Scene:
        """
        Start a daemon, which does not stay whatever fails.
        """
        running = await daemon.begin(clock, folder, auth, plugins)
        self.addCleanup(running.kill)
        return Scene(running)
