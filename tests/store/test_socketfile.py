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
        Folders that are not there are made, each with the mode that was asked for, whatever the umask.
        """
        for umask in (0, 0o77):
            self.addCleanup(os.umask, os.umask(umask))
            made = [self.folder / f"{umask}", self.folder / f"{umask}" / "run"]
            self.prepare(made[1] / "mcp.sock")
            self.assertEqual([stat.S_IMODE(folder.stat().st_mode) for folder in made], [0o755, 0o755])

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

    def test_above(self) -> None:
        """
        So is a folder in which others could put another in the place of one above the socket.
        """
        above = self.folder / "above"
        for mode in (0o777, 0o707):
            above.mkdir()
            above.chmod(mode)
            self.assertIn(f"{above} can be written by others", self.refused(above / "run" / "mcp.sock"))
            self.assertEqual(list(above.iterdir()), [])
            above.rmdir()

    def test_group(self) -> None:
        """
        A group may write above the socket's folder, as it may in many homes, and not in that.
        """
        self.folder.chmod(0o770)
        self.prepare(self.folder / "run" / "mcp.sock")
        self.assertIn("can be written by others", self.refused(self.path))

    def test_sticky(self) -> None:
        """
        Where nobody can rename what is others', as in /tmp, folders for sockets may be; sockets may not.
        """
        self.folder.chmod(0o1777)
        self.prepare(self.folder / "run" / "mcp.sock")
        self.assertIn("can be written by others", self.refused(self.path))

    def test_links(self) -> None:
        """
        A link is followed: the folders that it leads through are looked at, too.
        """
        (self.folder / "open" / "run").mkdir(parents=True)
        (self.folder / "link").symlink_to(self.folder / "open" / "run")
        self.prepare(self.folder / "link" / "mcp.sock")
        (self.folder / "open").chmod(0o777)
        self.assertIn("open can be written by others", self.refused(self.folder / "link" / "mcp.sock"))

    def test_stranger(self) -> None:
        """
        A folder that belongs to another user is refused, wherever it stands above the socket.
        """
        uid = os.getuid()
        if uid == 0:
            os.chown(self.folder, 1, -1)
        else:
            uid += 1
        for path in (self.path, self.folder / "run" / "mcp.sock"):
            troubled = self.assertRaises(Troubled, prepare, str(path), uid, "endpoint", 0o755)
            self.assertIn(f"{self.folder} belongs to another user", troubled.reason.text)
        self.assertEqual(list(self.folder.iterdir()), [])

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
