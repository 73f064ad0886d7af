# -*- test-case-name: tests.config.test_document -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.document`.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.document import LARGEST, Trust, read_document
from mcpd.config.problem import ConfigurationError


class ReadTests(SynchronousTestCase):
    """
    Tests for reading one file.
    """

    def setUp(self) -> None:
        """
        Choose a name.
        """
        self.file = Path(self.mktemp()).absolute()

    def refused(self) -> str:
        """
        Tell why the file is refused, less its name.
        """
        error = self.assertRaises(ConfigurationError, read_document, str(self.file))
        return str(error).removeprefix(str(self.file))

    def test_good(self) -> None:
        """
        A good file is known by its absolute name, by what it says and where.
        """
        self.file.write_text("\na = 1\n")
        document = read_document(os.path.relpath(self.file))
        self.assertEqual(document.name, str(self.file))
        self.assertEqual((document.table, document.lines), ({"a": 1}, {("a",): 2}))

    def test_missing(self) -> None:
        """
        A file that is not there is a problem of its own.
        """
        self.assertEqual(self.refused(), ": cannot be read: No such file or directory; it must be readable")

    def test_folder(self) -> None:
        """
        A folder is not read as a file.
        """
        self.file.mkdir()
        self.assertIn("; it must be", self.refused())

    def test_pipe(self) -> None:
        """
        A pipe does not keep the daemon waiting for its writer.
        """
        os.mkfifo(self.file)
        self.assertEqual(self.refused(), ": is not a regular file; it must be one")

    def test_large(self) -> None:
        """
        A file that nobody can have written by hand is not understood, and not kept.
        """
        self.file.write_bytes(b"#" * LARGEST)
        self.assertEqual(read_document(str(self.file)).table, {})
        self.file.write_bytes(b"#" * (LARGEST + 1))
        self.assertEqual(self.refused(), ": is too large; a file may have 1048576 bytes")

    def test_letters(self) -> None:
        """
        A letter that is not UTF-8 is told with its line.
        """
        self.file.write_bytes("ü = 1\n".encode("latin-1"))
        self.assertEqual(self.refused(), ":1: is not UTF-8; TOML is written in UTF-8")
        self.file.write_bytes(b"a = 1\nb = '\xff'\n")
        self.assertEqual(self.refused(), ":2: is not UTF-8; TOML is written in UTF-8")

    def test_syntax(self) -> None:
        """
        What is not TOML is told with its line, at the end of the file, too.
        """
        self.file.write_text("a = 1\nb = \nc = 3\n")
        self.assertEqual(self.refused(), ":2: is not TOML: Invalid value; see https://toml.io/en/v1.0.0")
        self.file.write_text("a = 1\n\nb =")
        self.assertEqual(self.refused(), ":3: is not TOML: Invalid value; see https://toml.io/en/v1.0.0")

    def test_deep(self) -> None:
        """
        Brackets without end do not end the daemon.
        """
        self.file.write_text("a = " + "[" * 100_000)
        self.assertTrue(self.refused())

    def test_digits(self) -> None:
        """
        A number without end does not end the daemon.
        """
        self.file.write_text("a = " + "1" * 5000)
        self.assertEqual(self.refused(), ": has a number with too many digits; 64 bits are enough")


class TrustTests(SynchronousTestCase):
    """
    Tests for whom to trust.
    """

    def status(self, mode: int, uid: int) -> os.stat_result:
        """
        Make a file's status.
        """
        return os.stat_result((0o100000 | mode, 0, 0, 1, uid, 0, 0, 0, 0, 0))

    def test_trusted(self) -> None:
        """
        What belongs to one of the owners, and only they can write, is trusted.
        """
        for mode, uid in ((0o644, 0), (0o600, 7), (0o755, 7)):
            self.assertIsNone(Trust((0, 7)).doubt(self.status(mode, uid)))

    def test_foreign(self) -> None:
        """
        What belongs to somebody else is not.
        """
        flaw = Trust((0, 7)).doubt(self.status(0o600, 8))
        self.assertEqual(str(flaw), "belongs to uid 8; it must be root's or the daemon's own")

    def test_writable(self) -> None:
        """
        What a group or everybody can write is not, and the right mode is told.
        """
        for mode, said in ((0o664, "0644"), (0o646, "0644"), (0o777, "0755")):
            flaw = Trust((0, 7)).doubt(self.status(mode, 7))
            self.assertEqual(
                str(flaw), f"can be written by others (mode {mode:04o}); its mode must be {said}"
            )

    def test_group(self) -> None:
        """
        Where a group may write, only everybody's bit is looked at.
        """
        trust = Trust((0, 7), 0o002)
        self.assertIsNone(trust.doubt(self.status(0o664, 7)))
        self.assertIsNotNone(trust.doubt(self.status(0o666, 7)))
