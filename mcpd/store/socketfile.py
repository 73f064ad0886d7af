# -*- test-case-name: tests.store.test_socketfile -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A place for a UNIX socket: its folder, and what may be there already.
"""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

from mcpd.trouble import Reason, Trouble, Troubled

_LONGEST = 107  # unix(7): sun_path has 108 bytes, the last one zero
# user_namespaces(7): whose number has no meaning here, as root's own outside of a container.
_UNMAPPED = 65534


def prepare(path: str, uid: int, setting: str, mode: int) -> None:
    """
    Make room for a socket: its folder, and not the file that a killed daemon left.

    Nobody else may write in its folder, nor everybody in one above that, unless
    that is sticky; and all of them have to be root's or ours.

    Args:
        path: Where the socket will be.
        uid: Who we are.
        setting: The key that says where, for the operator.
        mode: Of each folder that has to be made.

    Raises:
        Troubled: LISTEN, it can't be there.
    """
    if len(os.fsencode(path)) > _LONGEST:
        raise _trouble(f"{path} is longer than the {_LONGEST} bytes that the kernel allows a socket")
    folder = Path(os.path.abspath(path)).parent
    try:
        for above in reversed(folder.parents):
            _make(above, mode)
            _judge_above(above, uid, setting)
        _make(folder, mode)
        _judge(folder, uid, setting)
        # Where links lead.
        for above in folder.resolve().parents:
            _judge_above(above, uid, setting)
        _clear(path, setting)
    except OSError as error:
        raise _trouble(f"{error.filename or path}: {error.strerror}") from error


def _make(folder: Path, mode: int) -> None:
    # One after another, so that each was judged before something is made in it.
    if not folder.exists():
        folder.mkdir(mode)
        # Whatever the umask leaves of it.
        folder.chmod(mode)


def _judge(folder: Path, uid: int, setting: str) -> None:
    # Who could rename our socket could put another in its place.
    status = folder.stat()
    if status.st_uid not in (0, uid):
        raise _foreign(folder, setting)
    if status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise _writable(folder, setting)


def _judge_above(folder: Path, uid: int, setting: str) -> None:
    # Likewise with a folder that it is in; but homes are often their group's,
    # too, and that group has nobody else in it.  In a sticky folder only the
    # owner of an entry renames it.
    status = folder.stat()
    if status.st_uid not in (0, uid, _UNMAPPED):
        raise _foreign(folder, setting)
    if status.st_mode & stat.S_IWOTH and not status.st_mode & stat.S_ISVTX:
        raise _writable(folder, setting)


def _foreign(folder: Path, setting: str) -> Troubled:
    return _trouble(f"{folder} belongs to another user: set another {setting}")


def _writable(folder: Path, setting: str) -> Troubled:
    return _trouble(f"{folder} can be written by others: chmod go-w it, or set another {setting}")


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
