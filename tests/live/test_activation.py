# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Sockets that outlive a daemon: started by the first client, and restarted without losing any.
"""

from __future__ import annotations

import signal
import socket
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.error import ConnectError
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.client import Unanswered, connect, holds, is_whole, pause
from tests.live.handed import configure, hand_over, hold
from tests.live.process import Run, start
from tests.live.program import program
from tests.live.stream import Visitor

_LISTEN = 'endpoint = "systemd:domain=INET:name=mcp"'
_PATIENCE = 30.0
_ALIVE = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
_RESTARTS, _CLIENTS = 4, 8
# New connections that have to be answered between two restarts.
_SOME = 40

clock: Any = reactor


def plugins() -> daemon.Tables:
    """
    Configure a fixture that can sleep.
    """
    return {"echo": {"command": daemon.fixture("modern"), "env": {"MCPD_FIXTURE": "hostile"}}}


class ActivationTests(TestCase):
    """
    Tests for sockets that are handed over.
    """

    timeout = 120

    def play(self, what: Callable[[Path, int], Awaitable[None]]) -> Deferred[None]:
        """
        Do something in an empty folder and with a port; no daemon is left afterwards.
        """
        return Deferred.fromCoroutine(self._play(what))

    async def _play(self, what: Callable[[Path, int], Awaitable[None]]) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        await what(folder, daemon.free_port())
        self.assertTrue(await holds(clock, lambda: not daemon.left_behind(folder), 2.0), folder)

    async def stop(self, run: Run) -> None:
        """
        End a daemon, in order.
        """
        run.signal("TERM")
        late = clock.callLater(_PATIENCE, run.signal, "KILL")
        ended = await run.ended
        if late.active():
            late.cancel()
        self.assertIn(ended.signal, (None, signal.SIGTERM), ended.said)

    async def _first(self, folder: Path, port: int) -> None:
        config = configure(folder, port, plugins(), _LISTEN)
        command = daemon.command("-c", str(config))
        place = f"127.0.0.1:{port}"
        run = start(
            clock,
            (program("systemd-socket-activate"), "--fdname=mcp", "-l", place, *command),
        )
        try:
            # It says so once it listens, and starts nothing before somebody connects.
            self.assertTrue(await holds(clock, lambda: "Listening on" in run.said(), _PATIENCE), run.said())
            self.assertFalse((folder / "state").exists())
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.setblocking(False)
                client.send(_ALIVE)
                answer = bytearray()
                await holds(clock, lambda: _takes(client, answer), _PATIENCE)
            self.assertTrue(answer.startswith(b"HTTP/1.1 200 OK\r\n"), (answer, run.said()))
        finally:
            await self.stop(run)

    def test_first(self) -> Deferred[None]:
        """
        The client whose connection starts the daemon has its answer.
        """
        return self.play(self._first)

    async def _restarts(self, folder: Path, port: int) -> None:
        command = daemon.command("-c", str(configure(folder, port, plugins(), _LISTEN)))
        outcomes: Counter[str] = Counter()
        kept: Counter[str] = Counter()
        with hold(port) as held:
            run = hand_over(clock, command, {"mcp": held})
            going = [True]
            try:
                await self._ready(run, folder, port)
                key = (folder / "state" / "key").read_text().strip()
                loads = [self._load(port, key, number, going, outcomes) for number in range(_CLIENTS)]
                loads.append(self._keep(port, going, kept))
                loading = [Deferred.fromCoroutine(load) for load in loads]
                for _ in range(_RESTARTS):
                    await self._more(outcomes, run)
                    await self.stop(run)
                    run = hand_over(clock, command, {"mcp": held})
                await self._more(outcomes, run)
            finally:
                going.clear()
                await gatherResults(loading, consumeErrors=True)
                await self.stop(run)
        print(f"new connections: {dict(outcomes)}; a kept one: {dict(kept)}")  # noqa: T201  what was measured
        self.assertEqual(set(outcomes), {"answered"}, outcomes)
        self.assertGreater(outcomes["answered"], _RESTARTS * _SOME)
        # One for each restart may have been idle just then.
        self.assertLessEqual(kept["lost"], _RESTARTS)

    async def _more(self, outcomes: Counter[str], run: Run) -> None:
        enough = outcomes["answered"] + _SOME
        came = await holds(clock, lambda: outcomes["answered"] >= enough, _PATIENCE)
        self.assertTrue(came, (outcomes, run.said()))

    async def _ready(self, run: Run, folder: Path, port: int) -> None:
        there = await holds(clock, (folder / "state" / "key").exists, _PATIENCE)
        self.assertTrue(there, run.said())

    async def _load(
        self, port: int, key: str, number: int, going: list[bool], outcomes: Counter[str]
    ) -> None:
        visitor = Visitor.new(clock, port, key)
        # Some of them take so long that a restart finds them running.
        tool, arguments = (
            ("echo__echo", {"text": "x"}) if number % 2 else ("echo__misbehave_sleep", {"seconds": 0.2})
        )
        while going:
            try:
                (answer,) = (await (await visitor.call(tool, arguments)).end()).answers
                outcomes["answered" if "result" in answer else answer["error"]["message"]] += 1
            except (Unanswered, ConnectError) as error:
                outcomes[f"{type(error).__name__}: {error}"] += 1
            await pause(clock, 0.01)

    async def _keep(self, port: int, going: list[bool], kept: Counter[str]) -> None:
        connection = await connect(clock, port)
        while going:
            connection.send(_ALIVE)
            await connection.until(lambda: is_whole(connection.taken) or connection.closed, _PATIENCE)  # noqa: B023
            kept["answered" if is_whole(connection.taken) else "lost"] += 1
            connection.taken.clear()
            if connection.closed:
                connection = await connect(clock, port)
            await pause(clock, 0.01)
        connection.close()

    def test_restarts(self) -> Deferred[None]:
        """
        Four restarts under load lose no new connection and no running call: who comes meanwhile waits.
        """
        return self.play(self._restarts)

    async def _late(self, folder: Path, port: int) -> None:
        command = daemon.command("-c", str(configure(folder, port, plugins(), _LISTEN)))
        with hold(port) as held:
            run = hand_over(clock, command, {"mcp": held})
            try:
                first = await connect(clock, port)
                first.send(_ALIVE)
                self.assertTrue(await first.until(lambda: is_whole(first.taken), _PATIENCE), run.said())
                taken = await connect(clock, port)
                # Time enough to be taken from the socket.
                await pause(clock, 0.3)
                run.signal("TERM")
                self.assertTrue(await first.until(lambda: first.closed, _PATIENCE))
                waiting = await connect(clock, port)
                waiting.send(_ALIVE)
                taken.send(_ALIVE)
                self.assertTrue(await taken.until(lambda: taken.closed, _PATIENCE))
                self.assertIn(b"200 OK", taken.taken)
                self.assertIn(b"Connection: close", taken.taken)
                await run.ended
                self.assertEqual((bytes(waiting.taken), waiting.closed), (b"", False))
                run = hand_over(clock, command, {"mcp": held})
                self.assertTrue(await waiting.until(lambda: is_whole(waiting.taken), _PATIENCE), run.said())
                waiting.close()
            finally:
                await self.stop(run)

    def test_late(self) -> Deferred[None]:
        """
        At a stop, who has just been let in may still ask; who comes later is answered by the next daemon.
        """
        return self.play(self._late)


def _takes(client: socket.socket, answer: bytearray) -> bool:
    try:
        data = client.recv(4096)
    except BlockingIOError:
        return False
    answer += data
    return b"alive" in answer or not data
