# -*- test-case-name: tests.access.test_keyfile -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.access.keyfile`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.access.keyfile import UnusableKey, first_key, first_record
from mcpd.policy.apikeys import make

KEY = make(bytes(range(48)))


class FirstKeyTests(SynchronousTestCase):
    """
    Tests for the file with the first key.
    """

    def setUp(self) -> None:
        """
        Have a folder for it.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "key"
        self.asked: list[int] = []

    def entropy(self, count: int) -> bytes:
        """
        Give bytes which are only so random.
        """
        self.asked.append(count)
        return bytes(range(count))

    def write(self, text: str, mode: int = 0o600) -> None:
        """
        Put something into the file.
        """
        self.path.write_text(text)
        self.path.chmod(mode)

    def test_made_once(self) -> None:
        """
        The first start makes a key, and every later one reads the same.
        """
        self.assertEqual(first_key(self.path, self.entropy), KEY)
        self.assertEqual(self.asked, [48])
        self.assertEqual(self.path.read_text(), f"{KEY}\n")
        self.assertEqual(first_key(self.path, bytes), KEY)

    def test_private(self) -> None:
        """
        Nobody else may read the key, whatever the umask.
        """
        for umask in (0, 0o022, 0o077):
            self.path.unlink(missing_ok=True)
            self.addCleanup(os.umask, os.umask(umask))
            first_key(self.path, self.entropy)
            self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)

    def test_exposed(self) -> None:
        """
        A key that others may read is not used; the operator reads what to do.
        """
        for mode in (0o640, 0o620, 0o610, 0o604, 0o602, 0o601):
            self.write(KEY, mode)
            with self.assertRaisesRegex(UnusableKey, "may be read by others: chmod 600 it"):
                first_key(self.path, self.entropy)

    def test_readonly(self) -> None:
        """
        A key that its owner made read-only is as good.
        """
        self.write(f"  {KEY}\r\n", 0o400)
        self.assertEqual(first_key(self.path, self.entropy), KEY)

    def test_link(self) -> None:
        """
        A link is not followed, to be read or to be made.
        """
        real = self.path.with_name("real")
        self.path.symlink_to(real)
        self.assertRaises(OSError, first_key, self.path, self.entropy)
        self.assertFalse(real.exists())
        real.write_text(KEY)
        real.chmod(0o600)
        self.assertRaises(OSError, first_key, self.path, self.entropy)

    def test_no_key(self) -> None:
        """
        A file that holds no key is not replaced; the operator reads what to do, and not what it holds.
        """
        wrong = ("", "\n", "secret", KEY[:-1], KEY + "x", KEY.upper(), f"{KEY}\n{KEY}", " " * 300 + KEY, "é")
        for text in wrong:
            self.write(text)
            with self.assertRaisesRegex(
                UnusableKey, "does not hold a key: remove it for a new one"
            ) as caught:
                first_key(self.path, self.entropy)
            self.assertNotIn("secret", str(caught.exception))
            self.assertEqual(self.path.read_text(), text)

    def test_no_folder(self) -> None:
        """
        A key that can't be kept is not made up.
        """
        self.assertRaises(OSError, first_key, self.path / "deeper", self.entropy)

    def test_record(self) -> None:
        """
        The first key is told of as the others are, with the age and place of its file.
        """
        record = first_record(self.path, self.entropy)
        self.assertTrue(record.key.opens(KEY.encode()))
        self.assertEqual(record.key.principal, "key:default")
        self.assertEqual((record.role, record.revoked, record.file), ("all", None, str(self.path)))
        os.utime(self.path, (5, 7.9))
        self.assertEqual(first_record(self.path, bytes).created, 7)
        self.path.chmod(0o644)
        self.assertRaises(UnusableKey, first_record, self.path, bytes)
