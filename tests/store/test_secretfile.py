# -*- test-case-name: tests.store.test_secretfile -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.store.secretfile`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.store.secretfile import Unsafe, read_or_make


class ReadOrMakeTests(SynchronousTestCase):
    """
    Tests for files with a secret.
    """

    def setUp(self) -> None:
        """
        Have a folder for one.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "secret"
        self.made = 0

    def make(self) -> str:
        """
        Make a secret.
        """
        self.made += 1
        return f"secret {self.made}"

    def read(self, most: int = 64) -> str:
        """
        Read it.
        """
        return read_or_make(self.path, self.make, most)

    def test_made_once(self) -> None:
        """
        A secret is made where there is none, and never again.
        """
        self.assertEqual((self.read(), self.read(), self.made), ("secret 1", "secret 1", 1))
        self.assertEqual(self.path.read_text(), "secret 1\n")

    def test_private(self) -> None:
        """
        Nobody else may read a secret, whatever the umask.
        """
        for umask in (0, 0o022, 0o077):
            self.path.unlink(missing_ok=True)
            self.addCleanup(os.umask, os.umask(umask))
            self.read()
            self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_exposed(self) -> None:
        """
        A secret that others may read is not used; the operator reads what to do, and not what it is.
        """
        for mode in (0o640, 0o620, 0o610, 0o604, 0o602, 0o601):
            self.path.write_text("hush")
            self.path.chmod(mode)
            with self.assertRaisesRegex(Unsafe, f"{self.path} may be read by others: chmod 600 it") as caught:
                self.read()
            self.assertNotIn("hush", str(caught.exception))

    def test_most(self) -> None:
        """
        A file that is no secret is not read to its end.
        """
        self.path.write_text("x" * 100)
        self.path.chmod(0o600)
        self.assertEqual(self.read(10), "x" * 10)

    def test_bytes(self) -> None:
        """
        A file that is no text is read as something that is no secret.
        """
        self.path.write_bytes(b" \xff\xfe \r\n")
        self.path.chmod(0o600)
        self.assertEqual(self.read(), "\ufffd\ufffd")

    def test_link(self) -> None:
        """
        A link is not followed, to be read or to be made.
        """
        real = self.path.with_name("real")
        self.path.symlink_to(real)
        self.assertRaises(OSError, self.read)
        self.assertFalse(real.exists())
        real.write_text("secret")
        real.chmod(0o600)
        self.assertRaises(OSError, self.read)

    def test_no_folder(self) -> None:
        """
        A secret that can't be kept is not made up.
        """
        self.assertRaises(OSError, read_or_make, self.path / "deeper", self.make, 64)
        self.assertEqual(self.made, 0)

    def test_nothing_left_open(self) -> None:
        """
        A secret's file is closed, whether it was good or not.
        """
        before = set(os.listdir("/dev/fd"))
        self.read()
        self.path.chmod(0o644)
        self.assertRaises(Unsafe, self.read)
        self.assertEqual(set(os.listdir("/dev/fd")), before)
