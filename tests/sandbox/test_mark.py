# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.mark`.
"""

from __future__ import annotations

from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.mark import VARIABLE, is_of, new_mark, read_mark, state_id


class MarkTests(SynchronousTestCase):
    """
    Tests for the mark of a worker.
    """

    def test_state(self) -> None:
        """
        A state folder is named the same by each daemon that has it, and no two folders are.
        """
        folder = Path(self.mktemp())
        self.assertRaises(OSError, state_id, folder)
        (folder / "inner").mkdir(parents=True)
        self.assertEqual(state_id(folder), state_id(folder / "inner" / ".."))
        self.assertNotEqual(state_id(folder), state_id(folder / "inner"))
        self.assertRegex(state_id(folder), "^[0-9a-f]{16}$")

    def test_moved(self) -> None:
        """
        A folder at the place of another is not taken for it.
        """
        folder = Path(self.mktemp())
        folder.mkdir()
        first = state_id(folder)
        folder.rename(f"{folder}-away")
        folder.mkdir()
        self.assertNotEqual(state_id(folder), first)
        self.assertNotEqual(state_id(Path(f"{folder}-away")), first)

    def test_new(self) -> None:
        """
        A worker's mark says whose state it is of, and nobody can guess it.
        """
        mark = new_mark("aa", lambda size: b"\x01" * size)
        self.assertEqual(mark, "aa:" + "01" * 8)
        self.assertEqual([is_of(mark, state) for state in ("aa", "a", "ab", "")], [True, False, False, False])

    def test_read(self) -> None:
        """
        A mark is read from an environment; where there is none, or only what looks like one, there is none.
        """
        self.assertEqual(read_mark([b"A=1", f"{VARIABLE}=aa:01".encode(), b""]), "aa:01")
        self.assertEqual(read_mark([b"A=1", f"X{VARIABLE}=aa:01".encode(), VARIABLE.encode()]), "")
        self.assertEqual(read_mark([]), "")
        self.assertEqual(is_of(read_mark([VARIABLE.encode() + b"=\xff"]), "aa"), False)
