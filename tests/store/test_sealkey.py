# -*- test-case-name: tests.store.test_sealkey -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.store.sealkey`.
"""

from __future__ import annotations

import stat
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.policy.seal import Seal
from mcpd.store.sealkey import UnusableSealKey, seal_key

KEY = bytes(range(32))


class SealKeyTests(SynchronousTestCase):
    """
    Tests for the file with the seal's key.
    """

    def setUp(self) -> None:
        """
        Have a folder for it.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        self.path = folder / "seal"

    def write(self, text: str, mode: int = 0o600) -> None:
        """
        Put something into the file.
        """
        self.path.write_text(text)
        self.path.chmod(mode)

    def test_survives(self) -> None:
        """
        What was sealed before a restart opens after it.
        """
        key = seal_key(self.path, lambda count: bytes(range(count)))
        self.assertEqual(key, KEY)
        self.assertEqual(self.path.read_text(), f"{KEY.hex()}\n")
        self.assertEqual(stat.S_IMODE(self.path.stat().st_mode), 0o600)
        closed = Seal((key,), bytes).close(b"a", b"me")
        self.assertEqual(Seal((seal_key(self.path, bytes),), bytes).open(closed, b"me"), b"a")

    def test_exposed(self) -> None:
        """
        A key that others may read is not used; the operator reads what to do.
        """
        self.write(KEY.hex(), 0o640)
        with self.assertRaisesRegex(UnusableSealKey, f"{self.path} may be read by others: chmod 600 it"):
            seal_key(self.path, bytes)

    def test_no_key(self) -> None:
        """
        A file that holds no key is not replaced; the operator reads what to do, and not what it holds.
        """
        whole = KEY.hex()
        wrong = ("", "\n", whole[:-1], whole[:-2], whole + "00", whole.upper(), "g" * 64, f"{whole}\n{whole}")
        for text in (*wrong, whole[:32] + " " + whole[32:], " " * 300 + whole, "\u0660" * 64):
            self.write(text)
            with self.assertRaisesRegex(
                UnusableSealKey, "does not hold a seal key: remove it for a new one"
            ) as caught:
                seal_key(self.path, bytes)
            self.assertNotIn(whole[:16], str(caught.exception))
            self.assertEqual(self.path.read_text(), text)
