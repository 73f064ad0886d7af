# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.leftovers`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.leftovers import strike, sweep_leftovers
from tests.sandbox.machine import Machine

OURS = b"A=1\0MCPD_MARK=ours:01\0"


class SweepTests(SynchronousTestCase):
    """
    Tests for what is found at a start.
    """

    def setUp(self) -> None:
        """
        Have a machine.
        """
        path = Path(self.mktemp())
        path.mkdir()
        self.machine = Machine(path)
        self.struck: list[int] = []

    def strike(self, pid: int, holds: Callable[[], bool]) -> bool:
        """
        Kill a process.
        """
        self.assertTrue(holds())
        self.struck.append(pid)
        self.machine.gone(pid)
        return True

    def sweep(self) -> int:
        """
        Sweep, and tell how many there were.
        """
        return sweep_leftovers("ours", self.machine.proc, self.strike)

    def test_found(self) -> None:
        """
        What a killed daemon with this state left is killed; what another's has, or nobody's, is not.
        """
        for pid in (11, 12):
            self.machine.has(pid, 1, environment=OURS)
        self.machine.has(13, 1, environment=b"MCPD_MARK=theirs:01\0")
        self.machine.has(14, 1, environment=b"A=1\0")
        self.assertEqual(self.sweep(), 2)
        self.assertCountEqual(self.struck, [11, 12])
        self.assertEqual(self.sweep(), 0)

    def test_ourselves(self) -> None:
        """
        A daemon that was started from what it finds does not kill itself.
        """
        self.machine.has(os.getpid(), 1, environment=OURS)
        self.assertEqual((self.sweep(), self.struck), (0, []))

    def test_forking(self) -> None:
        """
        What was forked while we looked is found, too.
        """
        self.machine.has(11, 1, environment=OURS)

        def fork(pid: int, holds: Callable[[], bool]) -> bool:
            if pid < 14:
                self.machine.has(pid + 1, 1, environment=OURS)
            return self.strike(pid, holds)

        self.assertEqual(sweep_leftovers("ours", self.machine.proc, fork), 4)

    def test_immortal(self) -> None:
        """
        What can't be killed does not keep the daemon from starting.
        """
        self.machine.has(11, 1, environment=OURS)
        self.assertEqual(sweep_leftovers("ours", self.machine.proc, lambda pid, holds: False), 0)

        def in_vain(pid: int, holds: Callable[[], bool]) -> bool:
            self.struck.append(pid)
            return True

        self.assertEqual(sweep_leftovers("ours", self.machine.proc, in_vain), 1)
        self.assertEqual(len(self.struck), 10)


class StrikeTests(SynchronousTestCase):
    """
    Tests for killing what is not our child.
    """

    def setUp(self) -> None:
        """
        Have somebody who takes the signals, and descriptors to hold.
        """
        self.machine = Machine(Path(self.mktemp()))
        self.held: list[int] = []

    def hold(self, pid: int) -> int:
        """
        Get a descriptor of a process.
        """
        self.held.append(os.open(os.devnull, os.O_RDONLY))
        return self.held[-1]

    def assertReleased(self) -> None:
        """
        The descriptor that was held is closed.
        """
        [held] = self.held
        self.assertRaises(OSError, os.fstat, held)

    def test_held(self) -> None:
        """
        A process is held before it is looked at and killed, and let go of afterwards.
        """
        struck = strike(17, lambda: bool(self.held), self.hold, self.machine.kill, self.machine.kill)
        self.assertEqual((struck, self.machine.sent), (True, [(self.held[0], 9)]))
        self.assertReleased()

    def test_another(self) -> None:
        """
        A process that is another one by now is not killed.
        """
        struck = strike(17, lambda: False, self.hold, self.machine.kill, self.machine.kill)
        self.assertEqual((struck, self.machine.sent), (False, []))
        self.assertReleased()

    def test_gone(self) -> None:
        """
        A process that is gone is not killed, whenever it went.
        """

        def gone(pid: int) -> int:
            raise ProcessLookupError

        self.assertFalse(strike(17, lambda: True, gone, self.machine.kill, self.machine.kill))

        def went(held: int, number: int) -> None:
            raise ProcessLookupError

        self.assertFalse(strike(17, lambda: True, self.hold, went, self.machine.kill))
        self.assertEqual(self.machine.sent, [])
        self.assertReleased()

    def test_old_kernel(self) -> None:
        """
        Where a process can't be held it is killed all the same, if it is the one.
        """

        def unknown(pid: int) -> int:
            raise OSError(38, "Function not implemented")

        for holds, sent in ((bool, 0), (lambda: True, 1)):
            struck = strike(17, holds, unknown, self.machine.kill, self.machine.kill)
            self.assertEqual((struck, self.machine.sent), (bool(sent), [(17, 9)] * sent))

    def test_kernel(self) -> None:
        """
        This machine's kernel knows that there is no such process.
        """
        self.assertFalse(strike(1 << 24, lambda: True))
