# -*- test-case-name: plugins.files.tests.test_apart -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Searching in a process of its own.

Python cannot stop a regular expression that has lost its way, and neither can a
thread; the kernel can.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from .call import Call, Json, Refused
from .place import Root, Roots
from .search import Search

SECONDS = 20.0  # that a search may take


@dataclass(frozen=True)
class Apart:
    """
    Search in a process of its own, which a cancel or its deadline kills.

    Attributes:
        command: What runs :func:`search_here`.
        seconds: How long a search may take.
    """

    command: tuple[str, ...]
    seconds: float = SECONDS

    def __call__(self, roots: Roots, query: Json, call: Call) -> Iterator[Json]:
        """
        Search; see :data:`Hunting`.
        """
        fds = [root.fd for root in roots.all]
        try:
            child = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=fds
            )
        except OSError:
            raise Refused("No process can be started for the search now; try again later.") from None
        with child:
            call.stop_with(child.kill)
            try:
                yield from self._follow(child, roots, query, call)
            finally:
                child.kill()

    def _follow(
        self, child: subprocess.Popen[bytes], roots: Roots, query: Json, call: Call
    ) -> Iterator[Json]:
        assert child.stdin is not None and child.stdout is not None
        order = [self.seconds, [(root.name, root.path, root.fd) for root in roots.all], query]
        with suppress(BrokenPipeError), child.stdin:
            child.stdin.write(json.dumps(order).encode())
        status: Json = {"files": 0, "skipped": 0, "bytes": 0, "stopped": ""}
        for line in child.stdout:
            if line.endswith(b"\n"):  # else it was killed in the midst of it
                event: Json = json.loads(line)
                status = event.get("status", status)
                yield event
        code = child.wait()
        if code == -signal.SIGALRM:
            yield {"status": {**status, "stopped": "time"}}
        elif code and not call.cancelled:
            raise RuntimeError(f"the search ended with {code}")


def search_here() -> int:
    """
    Be the process that searches: the order comes on standard input, events go to standard output.
    """
    # The kernel's own end of it: no regular expression holds that up, and it
    # comes even if the server that started this process is gone.
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    order = sys.stdin.buffer.read()
    if not order:
        return 0  # The server went away as soon as it had started this process.
    seconds, roots, query = json.loads(order)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    with suppress(BrokenPipeError):
        for event in Search(query, time.monotonic).run(Roots([Root(*root) for root in roots])):
            os.write(1, json.dumps(event).encode() + b"\n")
    return 0
