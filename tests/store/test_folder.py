# -*- test-case-name: tests.store.test_folder -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.store.folder`.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.store.folder import FolderTaken, StateFolder


def leads_to(number: int, inode: int) -> bool:
    """
    Say whether a descriptor is open on this file.
    """
    with contextlib.suppress(OSError):
        return os.fstat(number).st_ino == inode
    return False


class StateFolderTests(SynchronousTestCase):
    """
    Tests for the state folder.
    """

    def setUp(self) -> None:
        """
        Have a place for it.
        """
        self.path = Path(self.mktemp()) / "state"

    def claim(self) -> StateFolder:
        """
        Claim it, to be released in the end.
        """
        folder = StateFolder.claim(self.path)
        self.addCleanup(folder.release)
        return folder

    def test_made(self) -> None:
        """
        A state folder that does not exist is made, and nobody else may look into it.
        """
        self.addCleanup(os.umask, os.umask(0))
        self.claim()
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((self.path / "lock").stat().st_mode), 0o600)

    def test_taken(self) -> None:
        """
        Two daemons never share a state folder; the second one says which it is.
        """
        self.claim()
        with self.assertRaisesRegex(FolderTaken, f"another daemon uses the state folder {self.path}"):
            StateFolder.claim(self.path)

    def test_released(self) -> None:
        """
        A state folder that was let go can be claimed again.
        """
        StateFolder.claim(self.path).release()
        self.claim()

    def test_nothing_left_open(self) -> None:
        """
        A daemon that could not have the folder holds nothing of it.
        """
        folder = StateFolder.claim(self.path)
        before = set(os.listdir("/dev/fd"))
        self.assertRaises(FolderTaken, StateFolder.claim, self.path)
        self.assertEqual(set(os.listdir("/dev/fd")), before)
        folder.release()

    def test_not_inherited(self) -> None:
        """
        No worker inherits the lock, so the next daemon need not wait for it.
        """
        self.claim()
        inode = (self.path / "lock").stat().st_ino
        held = [number for number in map(int, os.listdir("/dev/fd")) if leads_to(number, inode)]
        flags = [fcntl.fcntl(number, fcntl.F_GETFD) for number in held]
        self.assertEqual(flags, [fcntl.FD_CLOEXEC])

    def test_link(self) -> None:
        """
        A lock that is a link to somewhere else is not followed.
        """
        self.path.mkdir(parents=True)
        (self.path / "lock").symlink_to(self.path / "elsewhere")
        self.assertRaises(OSError, StateFolder.claim, self.path)
        self.assertFalse((self.path / "elsewhere").exists())

    def test_places(self) -> None:
        """
        The first key, the seal's key, the database and each plugin's own folder have their places in it.
        """
        folder = self.claim()
        self.assertEqual(folder.key, self.path / "key")
        self.assertEqual(folder.seal, self.path / "seal")
        self.assertEqual(folder.database, self.path / "store.db")
        self.assertEqual(folder.plugin("files"), self.path / "plugins" / "files")
