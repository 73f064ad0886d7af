# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.change`.
"""

from __future__ import annotations

from pathlib import Path

from twisted.internet.defer import fail
from twisted.trial.unittest import SynchronousTestCase

from mcpd.trouble import Reason, Trouble, Troubled
from tests.ctl.stage import Operator


class ChangeTests(SynchronousTestCase):
    """
    Tests for the verbs of this file.
    """

    def _file(self, text: str) -> str:
        path = Path(self.mktemp()).resolve()
        path.write_text(text)
        return str(path)

    def test_good(self) -> None:
        """
        A good configuration is called so, without a daemon.
        """
        operator = Operator(missing=FileNotFoundError())
        ended = operator.run("check", self._file('[daemon]\nplugin_dir = ""\n'))
        self.assertEqual((ended.exit_code, ended.stdout), (0, "The configuration is good.\n"))

    def test_bad(self) -> None:
        """
        What is wrong is told with its line, and the command fails.
        """
        path = self._file('[daemon]\nplugin_dir = ""\ndrian = "1s"\n')
        ended = Operator().run("check", path)
        self.assertEqual(ended.exit_code, 1)
        self.assertIn(f"{path}:3: daemon.drian: unknown key", ended.stderr)

    def test_system(self) -> None:
        """
        Without a file it is the system's.
        """
        operator = Operator(system=self._file('[daemon]\nplugin_dir = ""\n'))
        self.assertEqual(operator.json("check"), {"file": operator.system})

    def test_reload(self) -> None:
        """
        A reload says what it did, or would do, and what waits.
        """
        operator = Operator()
        text = operator.run("reload", "--dry-run").stdout
        self.assertIn("would be added", text)
        text = operator.run("reload").stdout
        self.assertIn("waits for a new start  listen", text)
        self.assertEqual(operator.daemon.asked, ["reload True", "reload False"])

    def test_reload_refused(self) -> None:
        """
        A configuration that is refused is told line by line, and the command fails.
        """
        operator = Operator()
        operator.daemon.outcome = fail(Troubled(Reason(Trouble.RELOAD, "a:1: wrong\na:2: wrong")))
        ended = operator.run("reload")
        self.assertEqual(ended.exit_code, 1)
        self.assertIn("MCPD-E-RELOAD: a:1: wrong\na:2: wrong\nhint: ", ended.stderr)
