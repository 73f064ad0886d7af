# -*- test-case-name: tests.access.test_keyfile -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The file with the first key.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from mcpd.policy import apikeys


class UnusableKey(Exception):
    """
    The file can't be trusted; its text says why and what to do.
    """


def first_key(path: Path, entropy: Callable[[int], bytes]) -> str:
    """
    Read the key, made at the first start.

    Args:
        path: One line, mode 0600; its folder exists.
        entropy: Gives so many random bytes.

    Raises:
        UnusableKey: Others may read it, or it holds no key.
        OSError: It can't be read or made.
    """
    with suppress(FileExistsError):
        _make(path, apikeys.make(entropy(apikeys.ENTROPY)))
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with open(descriptor, encoding="ascii", errors="replace") as file:
        if os.fstat(descriptor).st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise UnusableKey(f"{path} may be read by others: chmod 600 it, or remove it for a new one")
        # Bounded: a key has one short line.
        key = file.read(256).strip()
    if not apikeys.is_well_formed(key):
        raise UnusableKey(f"{path} does not hold a key: remove it for a new one")
    return key


def _make(path: Path, key: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w", encoding="ascii") as file:
        file.write(f"{key}\n")
