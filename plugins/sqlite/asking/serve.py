# -*- test-case-name: plugins.sqlite.tests.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The program: descriptors, signals and threads.
"""

from __future__ import annotations

import os
import queue
import signal
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial

from .apart import Apart
from .call import Call, Refused
from .guard import bound_memory
from .message import lines
from .server import Server
from .shelf import Shelf
from .tools import Tools

THREADS = 8  # calls that run at once
PATIENCE = 1.0  # seconds that calls have after the end of input


def write(data: bytes) -> None:
    """
    Write all of it to standard output.
    """
    left = memoryview(data)
    while left:
        left = left[os.write(1, left) :]


def log(text: str) -> None:
    """
    Tell the operator something, if anybody listens.
    """
    with suppress(OSError):
        os.write(2, f"sqlite: {text}\n".encode("utf-8", "backslashreplace"))


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


def main(paths: Sequence[str]) -> int:
    """
    Serve until the end of input.

    Args:
        paths: The databases.

    Returns:
        The exit status: 2 if there are none.
    """
    # Nothing is ever half written, so the kernel may end this at any time: when
    # it is told to stop, and when nobody reads its answers any more.
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGPIPE):
        signal.signal(number, signal.SIG_DFL)
    for fd in (0, 1):
        os.set_blocking(fd, True)
    bound_memory()
    try:
        shelf = Shelf.of(paths)
    except Refused as refused:
        log(str(refused))
        return 2
    asking = Apart.start(Tools(shelf).answer)
    for told in asking("tables", {}, Call())[0]["databases"]:
        # It may well be there when it is asked for: no reason to end.
        if "problem" in told:
            log(f"{told['name']}: {told['problem']}")
    server = Server(asking, shelf.sentence(), write, pool(THREADS), log)
    for line in lines(partial(os.read, 0)):
        server.hear(line)
    server.finish(PATIENCE)
    return 0
