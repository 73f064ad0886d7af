# -*- test-case-name: tests.store.test_secretfile -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Files with one secret each, made at the first start.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path


class Unsafe(Exception):
    """
    Others may read the file; the text says which and what to do.
    """


def read_or_make(path: Path, make: Callable[[], str], most: int) -> str:
    """
    Read a secret, made where there is none.

    Args:
        path: One line, mode 0600; its folder exists.  A link is not followed.
        make: Makes the secret, in ASCII.
        most: How many characters are read at most.

    Returns:
        What the file holds, without the blanks around it.  It may be anything.

    Raises:
        Unsafe: Others may read it.
        OSError: It can't be read or made.
    """
    with suppress(FileExistsError):
        _make(path, make)
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, encoding="ascii", errors="replace") as file:
        if os.fstat(descriptor).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Unsafe(f"{path} may be read by others: chmod 600 it, or remove it for a new one")
        return file.read(most).strip()


def _make(path: Path, make: Callable[[], str]) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "w", encoding="ascii") as file:
        file.write(f"{make()}\n")
