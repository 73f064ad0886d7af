# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.admin.place`.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.admin.place import NAME, prepare
from mcpd.trouble import Trouble, Troubled


class PlaceTests(SynchronousTestCase):
    """
    Tests for the socket's place.
    """

    def setUp(self) -> None:
        """
        Make a folder with a short name, as sockets need it.
        """
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.uid = os.getuid()

    def _refused(self, folder: Path) -> str:
        troubled: Troubled = self.assertRaises(Troubled, prepare, str(folder), self.uid)
        self.assertIs(troubled.reason.trouble, Trouble.LISTEN)
        return troubled.reason.text

    def _socket(self) -> socket.socket:
        there = socket.socket(socket.AF_UNIX)
        self.addCleanup(there.close)
        there.bind(str(self.folder / NAME))
        return there

    def test_made(self) -> None:
        """
        The folder is made where there is none: a user's for nobody else, root's for all to enter.
        """
        for uid, mode in ((self.uid or 500, 0o700), (0, 0o755)):
            folder = self.folder / str(uid)
            self.assertEqual(prepare(str(folder), uid), str(folder / NAME))
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), mode)

    def test_too_long(self) -> None:
        """
        A path that is too long for a socket is refused with a sentence that says so.
        """
        self.assertIn("longer than the 107 bytes", self._refused(self.folder / ("x" * 100)))

    def test_writable(self) -> None:
        """
        A folder in which others could put another socket in our place is refused.
        """
        self.folder.chmod(0o777)
        self.assertIn("can be written by others", self._refused(self.folder))

    def test_stale(self) -> None:
        """
        The socket of a daemon that was killed is removed.
        """
        self._socket().close()
        prepare(str(self.folder), self.uid)
        self.assertFalse((self.folder / NAME).exists())

    def test_answered(self) -> None:
        """
        The socket of a daemon that lives is left alone, even if its queue is full.
        """
        there = self._socket()
        there.listen(0)
        self.assertIn("another daemon answers", self._refused(self.folder))
        # What the first look left is in the queue, which has no more room.
        self.assertIn("another daemon answers", self._refused(self.folder))
        self.assertTrue((self.folder / NAME).exists())

    def test_no_socket(self) -> None:
        """
        A file that is no socket is not ours to remove.
        """
        (self.folder / NAME).write_text("mine")
        self.assertIn("is not a socket", self._refused(self.folder))
        self.assertEqual((self.folder / NAME).read_text(), "mine")

    def test_impossible(self) -> None:
        """
        Where no folder can be made the sentence has the kernel's reason.
        """
        (self.folder / "file").write_text("")
        self.assertIn("Not a directory", self._refused(self.folder / "file" / "run"))
