# -*- test-case-name: tests.live.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Other programs, run to their end, which comes in time or is made to come.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.error import ProcessExitedAlready
from twisted.internet.protocol import ProcessProtocol
from twisted.python.failure import Failure

ROOT = Path(__file__).resolve().parents[2]
"""The root of the checkout."""

VENV = ROOT / ".venv"
"""Where other people's programs are installed."""


@frozen
class Ended:
    """
    How a program ended.

    Attributes:
        code: Its exit code; None if a signal ended it.
        signal: The number of that signal; None if it exited.
        said: What it wrote, standard error included.
    """

    code: int | None
    signal: int | None
    said: str


@define(eq=False)
class Run(ProcessProtocol):
    """
    One program that runs.

    Attributes:
        ended: Fires with :class:`Ended` once it has and its output is read.
    """

    ended: Deferred[Ended] = field(factory=Deferred)
    _said: bytearray = field(factory=bytearray)

    def childDataReceived(self, childFD: int, data: bytes) -> None:
        """
        Keep what it writes.
        """
        self._said += data

    def processEnded(self, reason: Failure) -> None:
        """
        It is over.
        """
        how: Any = reason.value
        self.ended.callback(Ended(how.exitCode, how.signal, self.said()))

    def said(self) -> str:
        """
        Tell what it wrote so far.
        """
        return self._said.decode("utf-8", "replace")

    def signal(self, name: str) -> None:
        """
        Send it a signal, if it still runs.
        """
        with suppress(ProcessExitedAlready):
            self.transport.signalProcess(name)  # type: ignore[union-attr]  # set once spawned


def start(reactor: Any, command: Sequence[str], environment: Mapping[str, str] | None = None) -> Run:
    """
    Start a program in the root of the checkout, with our environment and more.
    """
    run = Run()
    env = {**os.environ, **(environment or {})}
    reactor.spawnProcess(run, command[0], list(command), env=env, path=str(ROOT))
    return run


async def finish(
    reactor: Any, command: Sequence[str], seconds: float, environment: Mapping[str, str] | None = None
) -> Ended:
    """
    Run a program to its end, as above; it is killed if that takes longer than ``seconds``.
    """
    run = start(reactor, command, environment)
    watch = reactor.callLater(seconds, run.signal, "KILL")
    ended = await run.ended
    if watch.active():
        watch.cancel()
    return ended
