# -*- test-case-name: tests.live.test_slow -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Two hundred clients that are slow, or want too much, at once; and one that is not.
"""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, gatherResults

from tests.live import proc
from tests.live.client import Socket, connect, holds, pause
from tests.live.daemon import Daemon
from tests.live.process import Run, start
from tests.live.pulse import WARM

CROWD = 200
"""How many there are."""

QUIET = 2.0
"""Seconds for which the other client is alone."""

_BOUND = 60.0
_LOOK = 0.05


@frozen
class Kind:
    """
    What the clients of a crowd do.

    Attributes:
        first: What each sends at once, told the daemon's host and port and its key.
        drip: What it goes on to send.
        pace: Seconds between two of those.
        deaf: Whether it takes nothing of what it is sent.
        ends: What has to be in what it got; anything, for one that is deaf.
        least: Seconds for which it is put up with.
        most: Seconds after which it must be gone, on a machine that is busy.
    """

    first: Callable[[str, str], bytes]
    drip: bytes = b""
    pace: float = 1.0
    deaf: bool = False
    ends: re.Pattern[bytes] = re.compile(b"")
    least: float = 0.0
    most: float = 20.0


@frozen
class Figures:
    """
    What came of it.  All times are seconds.

    Attributes:
        quiet: What the other client told while it was alone.
        busy: What it told while the crowd was there.
        ends: After how many seconds each was gone.
        grown: Bytes by which the daemon's memory had grown at the most.
        kept: Bytes by which it was still larger at the end.
    """

    quiet: Mapping[str, float]
    busy: Mapping[str, float]
    ends: tuple[float, ...]
    grown: int
    kept: int

    @property
    def factor(self) -> float:
        """
        How much worse the other client fared.
        """
        return self.busy["p99"] / self.quiet["p99"]

    def line(self, name: str) -> str:
        """
        Tell it in a line.
        """
        alone, beside = (
            f"p50 {told['p50'] * 1000:.1f}, p99 {told['p99'] * 1000:.1f} ms"
            for told in (self.quiet, self.busy)
        )
        return (
            f"{name}: gone after {min(self.ends):.1f} to {max(self.ends):.1f} s; {alone} alone, {beside} "
            f"with {CROWD} of them ({self.factor:.1f} times, {self.busy['calls']:.0f} calls); "
            f"memory +{self.grown / 2**20:.1f} MiB meanwhile, +{self.kept / 2**20:.1f} MiB at the end"
        )


@define(eq=False)
class Crowd:
    """
    The clients.

    Args:
        files: How many descriptors the daemon has without them.

    Attributes:
        most: The most bytes of memory that the daemon was seen to have meanwhile.
    """

    _reactor: Any
    _running: Daemon
    _kind: Kind
    _files: int
    most: int = field(init=False, default=0)
    _sockets: list[Socket] = field(factory=list)
    _deaf: list[socket.socket] = field(factory=list)
    _ends: list[float] = field(factory=list)

    async def gather(self) -> None:
        """
        Connect all of them, and have each begin.
        """
        port, kind = self._running.port, self._kind
        first = kind.first(f"127.0.0.1:{port}", self._running.key.read_text().strip())
        if kind.deaf:
            self._deaf = [_deaf(port, first) for _ in range(CROWD)]
            await holds(self._reactor, lambda: self._gone() == 0, _BOUND)
            return
        connecting = [Deferred.fromCoroutine(connect(self._reactor, port)) for _ in range(CROWD)]
        self._sockets = await gatherResults(connecting, consumeErrors=True)
        for each in self._sockets:
            each.send(first)

    async def last(self) -> tuple[float, ...]:
        """
        Go on until the daemon has thrown all out, and tell after how many seconds it did each.

        Raises:
            AssertionError: It did not.
        """
        began = dripped = self._reactor.seconds()
        while len(self._ends) < CROWD:
            now = self._reactor.seconds()
            self.most = max(self.most, proc.resident(self._running.pid))
            if now - began >= _BOUND:
                raise AssertionError(f"{CROWD - len(self._ends)} are still there")
            gone = self._gone() - len(self._ends)
            self._ends += gone * [now - began]
            if self._kind.drip and now - dripped >= self._kind.pace:
                dripped = now
                for each in self._sockets:
                    if not each.closed:
                        each.send(self._kind.drip)
            await pause(self._reactor, _LOOK)
        return tuple(self._ends)

    def _gone(self) -> int:
        if self._deaf:
            # They do not see their end; the daemon's side tells how many have met it.
            return CROWD - max(0, proc.descriptors(self._running.pid) - self._files)
        return sum(each.closed for each in self._sockets)

    def strange(self) -> list[bytes]:
        """
        Tell what those got that did not get what they should.
        """
        ends = self._kind.ends
        return [bytes(each.taken[-200:]) for each in self._sockets if not ends.search(each.taken)]

    def leave(self) -> None:
        """
        Close what is left.
        """
        for each in self._sockets:
            each.close()
        for deaf in self._deaf:
            deaf.close()


def _deaf(port: int, first: bytes) -> socket.socket:
    # Small segments and a small window: on loopback the kernel would take megabytes on its behalf.
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 536)
    made.connect(("127.0.0.1", port))
    made.sendall(first)
    return made


@define
class Pulse:
    """
    The other client (:mod:`tests.live.pulse`).
    """

    _run: Run

    @classmethod
    async def begin(cls, reactor: Any, running: Daemon, tool: str, authority: Path | None) -> Pulse:
        """
        Start it, and wait until it counts.
        """
        more = (str(authority),) if authority is not None else ()
        told = (running.url, str(running.key), tool, *more)
        run = start(reactor, (sys.executable, "-m", "tests.live.pulse", *told))
        await holds(reactor, lambda: WARM in run.said() or run.ended.called, _BOUND)
        return cls(run)

    async def end(self) -> Mapping[str, float]:
        """
        Have it tell what it saw.
        """
        self._run.transport.closeStdin()  # type: ignore[union-attr]  # set once spawned
        ended = await self._run.ended
        if ended.code != 0:
            raise AssertionError(f"The other client failed: {ended.said}")
        told: dict[str, float] = json.loads(ended.said.removeprefix(WARM))
        return told

    async def kill(self) -> None:
        """
        End it, if it still runs.
        """
        self._run.signal("KILL")
        await self._run.ended


async def withstand(
    reactor: Any, running: Daemon, tool: str, kind: Kind, authority: Path | None = None
) -> Figures:
    """
    Let a crowd loose on a daemon.

    Args:
        reactor: The reactor.
        running: The daemon.
        tool: A tool that echoes its argument ``text``, for the other client.
        kind: What the crowd does.
        authority: Whom the other client trusts, where the listener has a certificate.

    Raises:
        AssertionError: Something of the crowd is left, or got what it should not.
    """
    alone = await Pulse.begin(reactor, running, tool, authority)
    await pause(reactor, QUIET)
    quiet = await alone.end()
    # What a first crowd leaves is room that the allocator keeps; a second one adds nothing to it.
    await _one(reactor, running, kind)
    memory = proc.resident(running.pid)
    beside = await Pulse.begin(reactor, running, tool, authority)
    try:
        ends, most = await _one(reactor, running, kind)
        busy = await beside.end()
    finally:
        await beside.kill()
    return Figures(quiet, busy, ends, most - memory, proc.resident(running.pid) - memory)


async def _one(reactor: Any, running: Daemon, kind: Kind) -> tuple[tuple[float, ...], int]:
    pid = running.pid
    files = proc.descriptors(pid)
    crowd = Crowd(reactor, running, kind, files)
    try:
        await crowd.gather()
        ends = await crowd.last()
        strange = crowd.strange()
    finally:
        crowd.leave()
    if strange:
        raise AssertionError(f"{len(strange)} got, among others, {strange[0]!r}")
    if not await holds(reactor, lambda: proc.descriptors(pid) <= files, _BOUND):
        raise AssertionError(f"{files} descriptors were open, now {proc.descriptors(pid)} are")
    return ends, crowd.most
