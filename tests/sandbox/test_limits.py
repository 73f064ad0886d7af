# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.limits`.
"""

from __future__ import annotations

import resource

from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.limits import Limits


class LimitsTests(SynchronousTestCase):
    """
    Tests for what bounds a worker.
    """

    def test_data(self) -> None:
        """
        Each process of a worker may have four times its memory as data, but 1 GiB at least.
        """
        for memory, data in ((1 << 20, 1 << 30), (256 << 20, 1 << 30), (512 << 20, 2 << 30)):
            self.assertEqual(Limits(memory, 32, 256, 1 << 20).rlimits()["DATA"], data)

    def test_rlimits(self) -> None:
        """
        What is set is known to the system, and nothing of it harms a program that works honestly for long.
        """
        rlimits = Limits(256 << 20, 32, 128, 1 << 20).rlimits()
        for name in rlimits:
            self.assertTrue(hasattr(resource, f"RLIMIT_{name}"), name)
        self.assertFalse(rlimits.keys() & {"AS", "CPU", "NPROC"})
        self.assertEqual((rlimits["NOFILE"], rlimits["FSIZE"]), (128, 1 << 20))
        self.assertEqual([rlimits[name] for name in ("CORE", "MEMLOCK", "MSGQUEUE")], [0, 0, 0])
        self.assertEqual((rlimits["SIGPENDING"], rlimits["STACK"]), (256, 8 << 20))

    def test_held(self) -> None:
        """
        An operator reads how each limit is held, and that one is not.
        """
        expected = (
            ("memory", 512 << 20, "RLIMIT_DATA 2G for each process (weaker)"),
            ("processes", 32, ""),
            ("open_files", 128, "RLIMIT_NOFILE"),
            ("file_size", 1 << 20, "RLIMIT_FSIZE"),
        )
        self.assertEqual(Limits(512 << 20, 32, 128, 1 << 20).held(), expected)
