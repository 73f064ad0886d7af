# -*- test-case-name: plugins.files.tests.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The program: descriptors, signals and threads.
"""

from __future__ import annotations

import os
import queue
import select
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import NoReturn

from .apart import Apart, search_here
from .call import Refused
from .message import lines
from .place import Roots
from .server import Server
from .tools import Files
from .watching import watch

THREADS = 4  # calls that run at once
PATIENCE = 1.0  # seconds that calls have after the end of input


class Output:
    """
    A descriptor to write to.
    """

    def __init__(self, fd: int, gone: Callable[[], None]) -> None:
        """
        Take a descriptor.

        Args:
            fd: The descriptor.
            gone: Called when nobody reads it any more.
        """
        self._fd = fd
        self._gone = gone

    def write(self, data: bytes) -> None:
        """
        Write all of it, or give it up.
        """
        left = memoryview(data)
        try:
            while left:
                left = left[os.write(self._fd, left) :]
        except BrokenPipeError:
            self._gone()


class Input:
    """
    A descriptor to read from, which can be made to end.

    Attributes:
        wake: A descriptor: a byte written there ends the input, whoever writes it.
        ended: Whether that happened.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._waking, self.wake = os.pipe()
        os.set_blocking(self.wake, False)
        self.ended = False

    def end(self) -> None:
        """
        End it; any thread may.
        """
        with suppress(BlockingIOError):
            os.write(self.wake, b"\0")

    def read(self, size: int) -> bytes:
        """
        Read at most ``size`` bytes, or none at the end.
        """
        # A signal that came between Python's last look and the read would
        # else be seen only when the client says something.
        ready, _, _ = select.select([self._fd, self._waking], [], [])
        self.ended = self._waking in ready
        return b"" if self.ended else os.read(self._fd, size)


def pool(size: int) -> Callable[[Callable[[], None]], None]:
    """
    Start some threads, which hold up no exit.

    Returns:
        What has one of them run something, as soon as it is free.
    """
    waiting: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()

    def work() -> None:
        while True:
            waiting.get()()

    for _ in range(size):
        threading.Thread(target=work, daemon=True).start()
    return waiting.put


def log(text: str) -> None:
    """
    Tell the operator something, if anybody listens.
    """
    with suppress(OSError):
        os.write(2, f"files: {text}\n".encode("utf-8", "backslashreplace"))


def _end(_number: int, _frame: object) -> NoReturn:
    raise SystemExit(0)


def _serve(roots: Roots, program: str) -> None:
    for fd in (0, 1):
        os.set_blocking(fd, True)
    source = Input(0)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _end)
    signal.set_wakeup_fd(source.wake)
    search = Apart((sys.executable, "-I", "-S", "-W", "ignore", program, "--search"))
    server = Server(Files(roots, search), Output(1, source.end).write, pool(THREADS), log)
    threading.Thread(target=watch, args=(server.watcher, time.sleep), daemon=True).start()
    patience = 0.0
    try:
        for line in lines(source.read):
            server.hear(line)
        patience = 0.0 if source.ended else PATIENCE
    finally:
        server.finish(patience)


def main(argv: Sequence[str]) -> int:
    """
    Serve until the end of input or SIGTERM.

    Args:
        argv: The program and its arguments: the roots.

    Returns:
        The exit status: 2 if the roots are not what they should be.
    """
    program, *roots = argv
    if roots == ["--search"]:
        return search_here()
    try:
        opened = Roots.open(roots)
    except Refused as refused:
        log(str(refused))
        return 2
    _serve(opened, os.path.abspath(program))
    return 0
