# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.usage`.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.usage import Usage, usage
from tests.sandbox.machine import Machine


class UsageTests(SynchronousTestCase):
    """
    Tests for what a process uses.
    """

    def setUp(self) -> None:
        """
        Have a machine with a process.
        """
        path = Path(self.mktemp())
        path.mkdir()
        self.machine = Machine(path)
        self.machine.has(10, 1, name="a ) b")

    def test_usage(self) -> None:
        """
        A process's memory is told in bytes, and its time in seconds, with that of children that ended.
        """
        page, ticks = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")
        self.assertEqual(usage(10, self.machine.proc), Usage(25 * page, 200 / ticks))

    def test_unknown(self) -> None:
        """
        Of a process that is gone, or of which the kernel tells something else, nothing is known.
        """
        self.assertEqual(usage(11, self.machine.proc), None)
        for name, text in (("statm", b""), ("statm", b"1 x"), ("stat", b"10 (x"), ("stat", b"10 (x) S 1")):
            self.machine.has(10, 1)
            (self.machine.path / "10" / name).write_bytes(text)
            self.assertEqual(usage(10, self.machine.proc), None, (name, text))
