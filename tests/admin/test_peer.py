# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.admin.peer`.
"""

from __future__ import annotations

import os
import socket

from twisted.trial.unittest import SynchronousTestCase

from mcpd.admin.peer import Peer, user_name


class PeerTests(SynchronousTestCase):
    """
    Tests for who is at the other end.
    """

    def test_kernel(self) -> None:
        """
        The kernel tells which process of which user has connected.
        """
        here, there = socket.socketpair(socket.AF_UNIX)
        with here, there:
            self.assertEqual(Peer.of(here), Peer(os.getpid(), os.geteuid()))

    def test_may_enter(self) -> None:
        """
        Root and the daemon's own user may enter, nobody else.
        """
        self.assertEqual([Peer(1, uid).may_enter(500) for uid in (0, 500, 501)], [True, True, False])

    def test_principal(self) -> None:
        """
        A principal has the user's name, or the number of a user without one.
        """
        self.assertEqual(Peer(1, 0).principal(user_name), "uid:root")
        self.assertEqual(Peer(1, 4_000_000_000).principal(user_name), "uid:4000000000")
