# -*- test-case-name: tests.sandbox.test_mark -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Whose a process is: a mark in the environment of each worker, which whatever it starts inherits.

What leaves its group and its parents is still known by its mark, and so is what
a killed daemon left behind.  Two things it does not do: a process that wipes its
environment has no mark any more, and as long as workers share a user one may
read the mark of another, and give it to what it starts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

VARIABLE = "MCPD_MARK"
"""The environment variable that has the mark."""

_PREFIX = VARIABLE.encode() + b"="
_TOKEN = 8


def state_id(folder: Path) -> str:
    """
    Name a state folder, the same for each daemon that has it, and no other's.

    Raises:
        OSError: It is not there.
    """
    stat = folder.stat()
    named = f"{stat.st_dev}:{stat.st_ino}:{folder.resolve()}"
    return hashlib.sha256(named.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def new_mark(state: str, entropy: Callable[[int], bytes]) -> str:
    """
    Make the mark of one worker.

    Args:
        state: The state folder (:func:`state_id`).
        entropy: Gives so many random bytes: nobody can guess another's mark.
    """
    return f"{state}:{entropy(_TOKEN).hex()}"


def read_mark(environment: list[bytes]) -> str:
    """
    Tell the mark in an environment; empty if there is none.
    """
    for variable in environment:
        if variable.startswith(_PREFIX):
            return variable.removeprefix(_PREFIX).decode("utf-8", "replace")
    return ""


def is_of(mark: str, state: str) -> bool:
    """
    Say whether a mark is of a daemon with this state folder.
    """
    return mark.startswith(f"{state}:")
