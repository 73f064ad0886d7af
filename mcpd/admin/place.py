# -*- test-case-name: tests.admin.test_place -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Where the admin socket is, and what may be there already.
"""

from __future__ import annotations

import os
import socket
import stat

from mcpd.trouble import Reason, Trouble, Troubled

NAME = "admin.sock"
"""The socket's name in ``runtime_dir``."""

MODE = 0o660
"""Its mode.  Who may connect is judged by the peer's user besides."""

_LONGEST = 107  # unix(7): sun_path has 108 bytes, the last one zero


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
    if len(os.fsencode(path)) > _LONGEST:
        raise _trouble(f"{path} is longer than the {_LONGEST} bytes that the kernel allows a socket")
    try:
        # Root's daemon may be reached by others, whom the socket's mode lets in.
        os.makedirs(folder, 0o755 if uid == 0 else 0o700, exist_ok=True)
        _judge(folder, uid)
        _clear(path)
    except OSError as error:
        raise _trouble(f"{error.filename or path}: {error.strerror}") from error
    return path


def _judge(folder: str, uid: int) -> None:
    # Who could rename our socket could put another in its place.
    status = os.stat(folder)
    if status.st_uid not in (0, uid) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _trouble(f"{folder} can be written by others: chmod go-w it, or set another runtime_dir")


def _clear(path: str) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise _trouble(f"{path} is not a socket: move it away")
    if _answers(path):
        raise _trouble(f"another daemon answers at {path}: give each its own runtime_dir")
    os.unlink(path)


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as there:
        there.setblocking(False)
        try:
            there.connect(path)
        except ConnectionRefusedError:
            return False
        except BlockingIOError:
            return True  # Somebody listens, whose queue is full.
        return True


def _trouble(text: str) -> Troubled:
    return Troubled(Reason(Trouble.LISTEN, text))
