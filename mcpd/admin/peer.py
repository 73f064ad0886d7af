# -*- test-case-name: tests.admin.test_peer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Who is at the other end of a UNIX socket: the kernel says so.
"""

from __future__ import annotations

import pwd
import socket
import struct
from collections.abc import Callable

from attrs import frozen

_UCRED = struct.Struct("3i")


@frozen
class Peer:
    """
    A process as it was when it connected (``SO_PEERCRED``, unix(7)).

    Attributes:
        pid: Its process id.
        uid: Its effective user.
    """

    pid: int
    uid: int

    @classmethod
    def of(cls, connection: socket.socket) -> Peer:
        """
        Ask the kernel.
        """
        option = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
        pid, uid, _gid = _UCRED.unpack(option)
        return cls(pid, uid)

    def may_enter(self, own: int) -> bool:
        """
        Say whether it is root's or the daemon's own user's, whose id is given.
        """
        return self.uid in (0, own)

    def principal(self, name: Callable[[int], str]) -> str:
        """
        Tell the principal's name.

        Args:
            name: Tells a user's name by its id (:func:`user_name`).
        """
        return f"uid:{name(self.uid)}"


def user_name(uid: int) -> str:
    """
    Tell a user's name; its id as a text if it has none.
    """
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
