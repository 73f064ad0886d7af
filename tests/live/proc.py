# -*- test-case-name: tests.live.test_process -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the kernel tells of a process (proc(5)).
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

_PROC = Path("/proc")


def children(pid: int) -> dict[int, str]:
    """
    Tell a process's children and their states, by process id; ``Z`` is a zombie.
    """
    found = {}
    for entry in _PROC.glob("[0-9]*"):
        with suppress(OSError):
            # A name may hold anything but the last parenthesis.
            state, parent = (entry / "stat").read_text().rpartition(")")[2].split()[:2]
            if int(parent) == pid:
                found[int(entry.name)] = state
    return found


def is_there(pid: int) -> bool:
    """
    Say whether a process runs; a zombie does not.
    """
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def resident(pid: int) -> int:
    """
    Tell how many bytes of memory a process has.
    """
    return int((_PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid: int) -> int:
    """
    Tell how many descriptors a process has open.
    """
    return len(list((_PROC / str(pid) / "fd").iterdir()))
