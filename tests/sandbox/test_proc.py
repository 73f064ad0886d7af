# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.proc`.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.proc import PROC, Proc
from tests.sandbox.machine import Machine


class ProcTests(SynchronousTestCase):
    """
    Tests for what is told about processes.
    """

    def setUp(self) -> None:
        """
        Have a machine.
        """
        path = Path(self.mktemp())
        path.mkdir()
        self.machine = Machine(path)
        self.proc = self.machine.proc

    def below(self, *pids: int) -> list[int]:
        """
        Tell who is below some.
        """
        return sorted(process.pid for process in self.proc.descendants(pids))

    def test_descendants(self) -> None:
        """
        Whoever is below a process is found, however deep, and nobody else.
        """
        for pid, parent in ((1, 0), (10, 1), (11, 10), (12, 11), (13, 11), (20, 1), (21, 20)):
            self.machine.has(pid, parent)
        self.assertEqual(self.below(10), [11, 12, 13])
        self.assertEqual(self.below(20, 11), [12, 13, 21])
        self.assertEqual(self.below(99), [])

    def test_descends(self) -> None:
        """
        Whoever is below a process is known, however deep; so is who is gone, of whom nobody knows better.
        """
        for pid, parent in ((1, 0), (10, 1), (11, 10), (12, 11), (20, 1)):
            self.machine.has(pid, parent)
        below = [pid for pid in (0, 1, 10, 11, 12, 20, 99) if self.proc.descends(pid, 10)]
        self.assertEqual(below, [11, 12, 99])

    def test_names(self) -> None:
        """
        A process is understood whatever it calls itself.
        """
        self.machine.has(11, 10, "evil) S 1 (")
        self.machine.has(12, 10, "a b\n)")
        self.assertEqual(self.below(10), [11, 12])

    def test_vanishing(self) -> None:
        """
        A process that ends while we look, and what is no process, hide nobody.
        """
        self.machine.has(11, 10)
        (self.machine.path / "12").mkdir()
        for pid, text in (("13", b""), ("14", b"14 (x)"), ("15", b"15 (x) S what")):
            (self.machine.path / pid).mkdir()
            (self.machine.path / pid / "stat").write_bytes(text)
        (self.machine.path / "meminfo").write_text("")
        self.assertEqual(self.below(10), [11])

    def test_no_proc(self) -> None:
        """
        Where the kernel tells nothing, nothing is known.
        """
        self.machine.path.rmdir()
        self.assertEqual((self.below(10), self.proc.children(10)), ([], []))
        self.assertEqual((self.proc.environment(10), self.proc.gains_nothing(10)), ([b""], False))

    def test_children_listed(self) -> None:
        """
        A process's children are those of each of its threads.
        """
        for thread, children in (("10", "11 12 "), ("15", "13 ")):
            folder = self.machine.path / "10" / "task" / thread
            folder.mkdir(parents=True)
            (folder / "children").write_text(children)
        self.assertEqual(sorted(self.proc.children(10)), [11, 12, 13])

    def test_children_unlisted(self) -> None:
        """
        A kernel without such lists still tells everybody's parent.
        """
        for pid, parent in ((10, 1), (11, 10), (12, 11), (13, 10)):
            self.machine.has(pid, parent)
        self.assertEqual(sorted(self.proc.children(10)), [11, 13])
        (self.machine.path / "10" / "task" / "10").mkdir(parents=True)
        self.assertEqual(sorted(self.proc.children(10)), [11, 13])

    def test_environment(self) -> None:
        """
        An environment is told variable by variable, and not without end.
        """
        self.machine.has(11, 1, environment=b"A=1\0B=x y\0")
        self.assertEqual(self.proc.environment(11), [b"A=1", b"B=x y", b""])
        self.machine.has(12, 1, environment=b"x" * (2 << 20))
        self.assertEqual([len(variable) for variable in self.proc.environment(12)], [1 << 20])

    def test_gains_nothing(self) -> None:
        """
        Whether a process can gain privileges is told.
        """
        self.machine.has(11, 1, locked=True)
        self.machine.has(12, 1, locked=False)
        self.assertEqual([self.proc.gains_nothing(pid) for pid in (11, 12)], [True, False])

    def test_machine(self) -> None:
        """
        This machine's kernel tells of this process, if it tells anything.
        """
        self.assertEqual(PROC, Proc(Path("/proc")))
        if PROC.path.joinpath("self").exists():
            self.assertIn(os.getpid(), [process.pid for process in PROC.processes()])
            self.assertEqual(PROC.children(os.getpid()), PROC.children(os.getpid()))
            self.assertGreater(len(PROC.environment(os.getpid())), 1)
