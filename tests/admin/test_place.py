# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.admin.place`.
"""

from __future__ import annotations

import os
import shutil
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

    def test_made(self) -> None:
        """
        The folder is made where there is none: a user's for nobody else, root's for all to enter.
        """
        for uid, mode in ((self.uid or 500, 0o700), (0, 0o755)):
            folder = self.folder / str(uid)
            self.assertEqual(prepare(str(folder), uid), str(folder / NAME))
            self.assertEqual(stat.S_IMODE(folder.stat().st_mode), mode)

    def test_refused(self) -> None:
        """
        A folder in which others could put another socket is refused, and the key that names it is told.
        """
        self.folder.chmod(0o777)
        troubled: Troubled = self.assertRaises(Troubled, prepare, str(self.folder), self.uid)
        self.assertIs(troubled.reason.trouble, Trouble.LISTEN)
        self.assertIn("set another runtime_dir", troubled.reason.text)
