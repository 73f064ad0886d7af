# -*- test-case-name: tests.sandbox.test_leftovers -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a killed daemon left behind, found by its mark when the next one starts.

Workers die with their daemon, but what detached itself from one lives on.  It is
known by the mark in its environment (:mod:`mcpd.sandbox.mark`): what has wiped
that, and what is another user's, is not found.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable

from mcpd.sandbox.kill import Kill, send
from mcpd.sandbox.mark import is_of, read_mark
from mcpd.sandbox.proc import PROC, Proc

# What is killed may have forked just before: so often is looked again at the most.
_TURNS = 10

Strike = Callable[[int, Callable[[], bool]], bool]
"""Kills a process of which something holds, and says whether it did."""


def strike(
    pid: int,
    holds: Callable[[], bool],
    hold: Callable[[int], int] = os.pidfd_open,
    signal_held: Kill = signal.pidfd_send_signal,
    kill: Kill = os.kill,
) -> bool:
    """
    Kill a process that is not our child, so that no other process with its number is hit.

    Args:
        pid: Its process id.
        holds: Says whether it is the one that is meant.
        hold: Gets a descriptor of it (pidfd_open(2)).
        signal_held: Signals what a descriptor holds (pidfd_send_signal(2)).
        kill: Signals a process where there are no such descriptors.

    Returns:
        Whether it was killed.
    """
    try:
        held = hold(pid)
    except ProcessLookupError:
        return False
    except OSError:
        # An old kernel, or a filter that does not know the call.
        return holds() and send(kill, pid, signal.SIGKILL)
    try:
        # Looked at only now: what we hold can't become another process.
        return holds() and send(signal_held, held, signal.SIGKILL)
    finally:
        os.close(held)


def sweep_leftovers(state: str, proc: Proc = PROC, strike: Strike = strike) -> int:
    """
    Kill whatever has the mark of this state folder; called before any worker is started.

    Args:
        state: The state folder (:func:`mcpd.sandbox.mark.state_id`).
        proc: Where the kernel tells about processes.
        strike: Kills one.

    Returns:
        How many there were.
    """
    killed: set[int] = set()

    def is_marked(pid: int) -> bool:
        return is_of(read_mark(proc.environment(pid)), state)

    for _ in range(_TURNS):
        found = {process.pid for process in proc.processes() if is_marked(process.pid)}
        # One of them may be ourselves, if a worker's terminal started us.
        found.discard(os.getpid())
        if not found:
            break
        killed |= {pid for pid in found if strike(pid, lambda pid=pid: is_marked(pid))}  # type: ignore[misc]
    return len(killed)
