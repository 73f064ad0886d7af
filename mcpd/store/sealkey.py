# -*- test-case-name: tests.store.test_sealkey -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The file with the key of what strangers keep for us.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from mcpd.policy import seal
from mcpd.store.secretfile import Unsafe, read_or_make

# Bounded: a key has one short line.
_MOST = 256
_FORM = re.compile(rf"[0-9a-f]{{{2 * seal.KEY}}}\Z")


class UnusableSealKey(Exception):
    """
    The file can't be trusted; its text says why and what to do.
    """


def seal_key(path: Path, entropy: Callable[[int], bytes]) -> bytes:
    """
    Read the key of :class:`mcpd.policy.seal.Seal`, made at the first start.

    Args:
        path: One line of hexadecimal digits, mode 0600; its folder exists.
        entropy: Gives so many random bytes.

    Raises:
        UnusableSealKey: Others may read it, or it holds no key.
        OSError: It can't be read or made.
    """
    try:
        text = read_or_make(path, lambda: entropy(seal.KEY).hex(), _MOST)
    except Unsafe as unsafe:
        raise UnusableSealKey(str(unsafe)) from None
    if not _FORM.match(text):
        raise UnusableSealKey(f"{path} does not hold a seal key: remove it for a new one")
    return bytes.fromhex(text)
