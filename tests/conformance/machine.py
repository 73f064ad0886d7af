# -*- test-case-name: tests.conformance.test_machine -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a fixture plugin does to the machine that it runs on, and how it writes.

The fixtures need nothing but the standard library: they are started as
``python3 -I``, where no installed package may be assumed.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol

Message = dict[str, Any]
"""A JSON object: a JSON-RPC message, or a part of one."""


class Sink(Protocol):
    """
    Where lines are written; a raw file is one.
    """

    def write(self, data: bytes, /) -> int | None:
        """
        Write some of ``data`` and tell how many bytes that was.
        """


class Outlet:
    """
    A fixture's standard output, for all of its threads.
    """

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        # Reentrant: a client in memory answers while it is written to.
        self._lock = threading.RLock()

    def write(self, data: bytes) -> None:
        """
        Write bytes as they are; two threads' writes never interleave.
        """
        with self._lock:
            left = memoryview(data)
            while left:
                left = left[self._sink.write(left.tobytes()) or 0 :]

    def send(self, message: Message) -> None:
        """
        Write one message as one line.
        """
        self.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")


@dataclass(frozen=True)
class Machine:
    """
    The machine, as a fixture uses it; a test gives its own.

    Attributes:
        begin: Runs something beside everything else.
        wait: Waits for an event, at most so many seconds (None: for ever);
            tells whether it came.
        leave: Ends the process at once with an exit code.
        spawn: Starts a program that shares our standard files, in a session
            of its own or not; tells its process id.
        complain: Writes to standard error.
        deafen: Makes the process ignore SIGTERM.
        entropy: Makes so many random bytes.
    """

    begin: Callable[[Callable[[], None]], None]
    wait: Callable[[threading.Event, float | None], bool]
    leave: Callable[[int], NoReturn]
    spawn: Callable[[Sequence[str], bool], int]
    complain: Callable[[bytes], None]
    deafen: Callable[[], None]
    entropy: Callable[[int], bytes]


def real() -> Machine:
    """
    Make the one that acts on this very process.
    """
    return Machine(
        begin=_begin,
        wait=threading.Event.wait,
        leave=os._exit,
        spawn=_spawn,
        complain=_complain,
        deafen=_deafen,
        entropy=secrets.token_bytes,
    )


def _begin(work: Callable[[], None]) -> None:
    # A daemon: a call that hangs must not keep a fixture alive after its end of input.
    threading.Thread(target=work, daemon=True).start()


def _spawn(command: Sequence[str], away: bool) -> int:
    return subprocess.Popen(command, start_new_session=away).pid


def _complain(data: bytes) -> None:
    sys.stderr.buffer.write(data)
    sys.stderr.buffer.flush()


def _deafen() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
