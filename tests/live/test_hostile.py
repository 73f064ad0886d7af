# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients with bad manners and slow ones, against a real daemon.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.trial.unittest import TestCase

from tests.live import daemon, proc
from tests.live.client import Client, Socket, connect, holds, is_whole, narrow, pause, post
from tests.live.daemon import Daemon
from tests.live.stream import Visitor
from tests.web.hostile import NOTHING, Case, Hostile
from tests.web.stage import read_answers

AT_ONCE = 32
"""Connections that a table of cases has open."""


BOUND = 5.0
"""Seconds that nothing here may take longer than."""


# Seconds after which silence counts as such, and after an answer no other follows.
_SILENCE = 0.3
_PING = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'
_MIB = 1 << 20
MISBEHAVING = {"command": daemon.fixture("legacy"), "env": {"MCPD_FIXTURE": "hostile"}}
"""A plugin that does on demand what no plugin should."""


clock: Any = reactor


class Bench:
    """
    A daemon, and a legacy client's right to use it.
    """

    def __init__(self, running: Daemon) -> None:
        self.running = running
        self.host = f"127.0.0.1:{running.port}"
        self.client = Client.new(clock, running.port, running.key.read_text().strip())

    def ping(self) -> bytes:
        """
        Write a good request.
        """
        return post(self.host, _PING, self.client.fields)

    async def connect(self) -> Socket:
        """
        Connect to the daemon.
        """
        return await connect(clock, self.running.port)

    def visitor(self, path: str = "/mcp") -> Visitor:
        """
        Make a client with the same right, each of whose requests has a connection.
        """
        return Visitor.new(clock, self.running.port, self.running.key.read_text().strip(), path)

    async def good(self) -> float:
        """
        Ask something good on a new connection, and tell how many seconds the answer took.
        """
        began, connection = clock.seconds(), await self.connect()
        connection.send(self.ping())
        whole = await connection.until(lambda: is_whole(connection.taken), BOUND)
        connection.close()
        if not whole or read_answers(bytes(connection.taken))[0].status != 200:
            raise AssertionError(f"A good request got {bytes(connection.taken)!r}")
        return float(clock.seconds() - began)

    async def until_closed(self, connection: Socket, seconds: float) -> float:
        """
        Tell after how many seconds the daemon closed a connection.
        """
        began = clock.seconds()
        if not await connection.until(lambda: connection.closed, seconds):
            raise AssertionError(f"This is open after {seconds} s: {bytes(connection.taken)!r}")
        return float(clock.seconds() - began)


class Against(TestCase):
    """
    A test against one daemon.
    """

    timeout = 60

    def play(
        self,
        what: Callable[[Bench], Awaitable[None]],
        plugins: daemon.Tables | None = None,
        limits: dict[str, object] | None = None,
    ) -> Deferred[None]:
        """
        Do something to a daemon, which must stay as it should.
        """
        return Deferred.fromCoroutine(self._play(what, plugins or {}, limits or {}))

    async def _play(
        self, what: Callable[[Bench], Awaitable[None]], plugins: daemon.Tables, limits: dict[str, object]
    ) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        running = await daemon.begin(clock, folder, "required", plugins, {"limits": limits})
        try:
            bench = Bench(running)
            await bench.client.shake()
            await what(bench)
            await bench.good()
            bench.client.close()
            bad = [line for line in running.logged() if line["level"] in ("error", "critical")]
            self.assertEqual(bad, [])
        finally:
            await running.stop()

    async def all(self, bench: Bench, cases: Sequence[Case]) -> None:
        """
        Send each case on a connection of its own, some at a time.
        """
        room = DeferredSemaphore(AT_ONCE)
        await gatherResults([room.run(self._one, bench, case) for case in cases], consumeErrors=True)

    async def _one(self, bench: Bench, case: Case) -> None:
        connection = await bench.connect()
        try:
            connection.send(case.data)
            bound = _SILENCE if NOTHING in case.statuses else BOUND
            await connection.until(lambda: b"\r\n\r\n" in connection.taken or connection.closed, bound)
            await connection.until(lambda: connection.closed, _SILENCE)
        finally:
            connection.close()
        answers = read_answers(bytes(connection.taken), case.data.startswith(b"HEAD"))
        first = answers[0].status if answers else NOTHING
        self.assertIn(first, case.statuses, case.name)
        self.assertLessEqual(len(answers), case.answers, case.name)


class HostileTests(Against):
    """
    The whole table of malformed requests.
    """

    async def _table(self, bench: Bench) -> None:
        fields = "".join(f"{name}: {value}\r\n" for name, value in bench.client.fields.items())
        table = Hostile(bench.host.encode(), fields=fields.encode())
        cases = table.cases()
        self.assertGreater(len(cases), 250)
        pid = bench.running.pid
        # Once for what a daemon keeps for good, as parsers' tables and the allocator's arenas.
        await self.all(bench, cases[::4])
        memory, files = proc.resident(pid), proc.descriptors(pid)
        for _, group in groupby(cases, lambda case: case.name.partition(":")[0]):
            await self.all(bench, list(group))
            await bench.good()
        back = await holds(clock, lambda: proc.descriptors(pid) <= files, BOUND)
        self.assertTrue(back, f"{files} descriptors were open, now {proc.descriptors(pid)} are")
        self.assertLess(proc.resident(pid) - memory, 8 * _MIB)

    def test_table(self) -> Deferred[None]:
        """
        Whatever is sent, it is refused as it should be, costs nothing that stays, and others are served.
        """
        return self.play(self._table)


class SlowTests(Against):
    """
    Clients that take their time.
    """

    # The daemon looks at its deadlines twice a second, and a client has a second to take its refusal.
    late = 2.5

    async def _trickle(self, bench: Bench, start: bytes) -> None:
        connection = await bench.connect()
        connection.send(start)
        began = clock.seconds()
        while not connection.closed and clock.seconds() - began < BOUND:
            connection.send(b"x")
            await pause(clock, 0.05)
        took = clock.seconds() - began
        self.assertEqual(read_answers(bytes(connection.taken))[0].status, 408)
        self.assertTrue(1.0 <= took <= 1.0 + self.late, took)

    async def _head(self, bench: Bench) -> None:
        await self._trickle(bench, b"POST /mcp HTTP/1.1\r\nHost: " + bench.host.encode() + b"\r\nX-A: ")

    def test_head(self) -> Deferred[None]:
        """
        Header fields that come byte by byte are cut off at header_timeout.
        """
        return self.play(self._head, limits={"header_timeout": "1s"})

    async def _body(self, bench: Bench) -> None:
        request = post(bench.host, b"", {**bench.client.fields, "X-A": ""})
        await self._trickle(bench, request.replace(b"Content-Length: 0", b"Content-Length: 5000"))

    def test_body(self) -> Deferred[None]:
        """
        A body that comes byte by byte is cut off at body_timeout.
        """
        return self.play(self._body, limits={"body_timeout": "1s"})

    async def _idle(self, bench: Bench) -> None:
        connection = await bench.connect()
        connection.send(bench.ping())
        await connection.until(lambda: is_whole(connection.taken), BOUND)
        took = await bench.until_closed(connection, BOUND)
        self.assertTrue(0.9 <= took <= 1.0 + self.late, took)
        self.assertEqual(len(read_answers(bytes(connection.taken))), 1)

    def test_idle(self) -> Deferred[None]:
        """
        A connection that waits for no next request is closed at idle_timeout, without a word.
        """
        return self.play(self._idle, limits={"idle_timeout": "1s"})

    async def _deaf(self, bench: Bench) -> None:
        pid = bench.running.pid
        files = proc.descriptors(pid)
        connection = await bench.connect()
        narrow(connection)
        arguments = {"name": "echo__echo", "arguments": {"text": "x" * (3 * _MIB)}}
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": arguments}
        connection.send(3 * post(bench.host, json.dumps(call).encode(), bench.client.fields))
        self.assertTrue(await holds(clock, lambda: proc.descriptors(pid) > files, BOUND))
        began = clock.seconds()
        # It takes nothing, so it does not see the end either; the daemon's side tells.
        self.assertTrue(await holds(clock, lambda: proc.descriptors(pid) <= files, 4 * BOUND))
        self.assertGreaterEqual(clock.seconds() - began, 0.9)
        connection.close()

    def test_deaf(self) -> Deferred[None]:
        """
        A client that never takes its large answers is dropped after the time that limits.stall says.
        """
        return self.play(self._deaf, {"echo": MISBEHAVING}, {"stall": "1s", "unsent": "64M"})


class FloodTests(Against):
    """
    Clients that want everything at once.
    """

    connections = 60
    requests = 500

    async def _flood(self, bench: Bench) -> None:
        flood = [await bench.connect() for _ in range(self.connections)]
        for connection in flood:
            connection.send(bench.ping() * self.requests)
        took = []
        while not all(self._answered(connection) for connection in flood):
            took.append(await bench.good())
            self.assertLess(sum(took), 30.0)
        for connection in flood:
            connection.close()
        # In turn with the others, so after about one request of each connection, not after all of them.
        self.assertGreater(len(took), 10)
        self.assertLess(max(took), 1.0)

    def _answered(self, connection: Socket) -> bool:
        if connection.closed:
            raise AssertionError("It was cut off.")
        return connection.taken.count(b"HTTP/1.1 200 OK\r\n") == self.requests

    def test_flood(self) -> Deferred[None]:
        """
        60 clients with 500 requests each get all their answers, and another one is served meanwhile.
        """
        return self.play(self._flood)
