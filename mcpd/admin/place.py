# -*- test-case-name: tests.admin.test_place -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where the admin socket is.
"""

from __future__ import annotations

import os

from mcpd.store import socketfile

NAME = "admin.sock"
"""The socket's name in ``runtime_dir``."""

MODE = 0o660
"""Its mode.  Who may connect is judged by the peer's user besides."""


def prepare(folder: str, uid: int) -> str:
    """
    Make room for the socket: its folder, and not the file that a killed daemon left.

    Args:
        folder: The runtime folder.
        uid: Who we are.

    Returns:
        The socket's path.

    Raises:
        Troubled: LISTEN, it can't be there.
    """
    path = os.path.join(folder, NAME)
    # Root's daemon may be reached by others, whom the socket's mode lets in.
    socketfile.prepare(path, uid, "runtime_dir", 0o755 if uid == 0 else 0o700)
    return path
