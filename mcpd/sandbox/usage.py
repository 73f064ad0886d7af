# -*- test-case-name: tests.sandbox.test_usage -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a process uses.
"""

from __future__ import annotations

import os

from attrs import frozen

from mcpd.sandbox.proc import PROC, Proc

# Where the four times stand in proc(5)'s stat, behind the name: its own in user
# and kernel mode, and those of its children that it waited for.
_TIMES = (11, 12, 13, 14)
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@frozen
class Usage:
    """
    What a process uses, or has used.

    Attributes:
        memory: Bytes of memory that it has resident; of one that has ended, at the most.
        cpu: Seconds of processor time that it used, it and those of its
            children that it waited for.
    """

    memory: int
    cpu: float


def usage(pid: int, proc: Proc = PROC) -> Usage | None:
    """
    Tell what a process uses now; None if the kernel does not tell.
    """
    try:
        resident = int((proc.path / str(pid) / "statm").read_bytes().split()[1])
        said = proc.stat(pid)
        ticks = sum(int(said[place]) for place in _TIMES)
    except (OSError, ValueError, IndexError):
        return None
    return Usage(resident * _PAGE, ticks / _TICKS)
