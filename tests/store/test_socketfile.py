# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.store.socketfile`.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
import tempfile
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.store.socketfile import prepare
from mcpd.trouble import Trouble, Troubled


class SocketFileTests(SynchronousTestCase):
    """
    Tests for a socket's place.
    """

    def setUp(self) -> None:
        """
        Make a folder with a short name, as sockets need it.
        """
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.path = self.folder / "mcp.sock"

    def prepare(self, path: Path) -> None:
        """
        Prepare a place that a key called endpoint names.
        """
        prepare(str(path), os.getuid(), "endpoint", 0o755)

    def refused(self, path: Path) -> str:
        """
        See that a place is refused, and tell why.
        """
        troubled: Troubled = self.assertRaises(Troubled, self.prepare, path)
        self.assertIs(troubled.reason.trouble, Trouble.LISTEN)
        return troubled.reason.text

    def bind(self) -> socket.socket:
        """
        Bind a socket there.
        """
        there = socket.socket(socket.AF_UNIX)
        self.addCleanup(there.close)
        there.bind(str(self.path))
        return there

    def test_made(self) -> None:
        """
        A folder that is not there is made, with the mode that was asked for.
        """
        self.prepare(self.folder / "run" / "mcp.sock")
        self.assertEqual(stat.S_IMODE((self.folder / "run").stat().st_mode), 0o755)

    def test_too_long(self) -> None:
        """
        A path that is too long for a socket is refused with a sentence that says so.
        """
        self.assertIn("longer than the 107 bytes", self.refused(self.folder / ("x" * 100)))

    def test_writable(self) -> None:
        """
        A folder in which others could put another socket in our place is refused.
        """
        self.folder.chmod(0o777)
        self.assertIn(
            "can be written by others: chmod go-w it, or set another endpoint", self.refused(self.path)
        )

    def test_stale(self) -> None:
        """
        The socket of a daemon that was killed is removed.
        """
        self.bind().close()
        self.prepare(self.path)
        self.assertFalse(self.path.exists())

    def test_answered(self) -> None:
        """
        The socket of a daemon that lives is left alone, even if its queue is full.
        """
        there = self.bind()
        there.listen(0)
        self.assertIn("another daemon answers", self.refused(self.path))
        # What the first look left is in the queue, which has no more room.
        self.assertIn("give each its own endpoint", self.refused(self.path))
        self.assertTrue(self.path.exists())

    def test_no_socket(self) -> None:
        """
        A file that is no socket is not ours to remove.
        """
        self.path.write_text("mine")
        self.assertIn("is not a socket", self.refused(self.path))
        self.assertEqual(self.path.read_text(), "mine")

    def test_impossible(self) -> None:
        """
        Where no folder can be made the sentence has the kernel's reason.
        """
        (self.folder / "file").write_text("")
        self.assertIn("Not a directory", self.refused(self.folder / "file" / "run" / "mcp.sock"))
