# -*- test-case-name: tests.store.test_socketfile -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A place for a UNIX socket: its folder, and what may be there already.
"""

from __future__ import annotations

import os
import socket
import stat

from mcpd.trouble import Reason, Trouble, Troubled

_LONGEST = 107  # unix(7): sun_path has 108 bytes, the last one zero


def prepare(path: str, uid: int, setting: str, mode: int) -> None:
    """
    Make room for a socket: its folder, and not the file that a killed daemon left.

    Args:
        path: Where the socket will be.
        uid: Who we are.
        setting: The key that says where, for the operator.
        mode: The folder's, if it has to be made.

    Raises:
        Troubled: LISTEN, it can't be there.
    """
    if len(os.fsencode(path)) > _LONGEST:
        raise _trouble(f"{path} is longer than the {_LONGEST} bytes that the kernel allows a socket")
    folder = os.path.dirname(path)
    try:
        os.makedirs(folder, mode, exist_ok=True)
        _judge(folder, uid, setting)
        _clear(path, setting)
    except OSError as error:
        raise _trouble(f"{error.filename or path}: {error.strerror}") from error


def _judge(folder: str, uid: int, setting: str) -> None:
    # Who could rename our socket could put another in its place.
    status = os.stat(folder)
    if status.st_uid not in (0, uid) or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _trouble(f"{folder} can be written by others: chmod go-w it, or set another {setting}")


def _clear(path: str, setting: str) -> None:
    try:
        status = os.lstat(path)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise _trouble(f"{path} is not a socket: move it away")
    if _answers(path):
        raise _trouble(f"another daemon answers at {path}: give each its own {setting}")
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
