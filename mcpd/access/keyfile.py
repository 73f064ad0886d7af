# -*- test-case-name: tests.access.test_keyfile -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The file with the first key.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mcpd.policy import apikeys
from mcpd.policy.apikeys import ApiKey
from mcpd.store.keys import FIRST, KeyRecord
from mcpd.store.secretfile import Unsafe, read_or_make

# Bounded: a key has one short line.
_MOST = 256


class UnusableKey(Exception):
    """
    The file can't be trusted; its text says why and what to do.
    """


def first_record(path: Path, entropy: Callable[[int], bytes]) -> KeyRecord:
    """
    Tell of the key, made at the first start.

    Its file tells since when there is one.  The arguments and what is raised
    are those of :func:`first_key`.
    """
    key = ApiKey.of(FIRST, first_key(path, entropy))
    return KeyRecord(key, "all", int(path.stat().st_mtime), file=str(path))


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
    try:
        key = read_or_make(path, lambda: apikeys.make(entropy(apikeys.ENTROPY)), _MOST)
    except Unsafe as unsafe:
        raise UnusableKey(str(unsafe)) from None
    if not apikeys.is_well_formed(key):
        raise UnusableKey(f"{path} does not hold a key: remove it for a new one")
    return key
