# -*- test-case-name: tests.sandbox.test_kill -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.kill`.
"""

from __future__ import annotations

import signal
from pathlib import Path

from attrs import define, field
from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.kill import Tree

TERM, KILL = signal.SIGTERM, signal.SIGKILL


@define
class Kernel:
    """
    Who takes signals, and has only some processes.
    """

    missing: tuple[int, ...] = ()
    forbidden: tuple[int, ...] = ()
    sent: list[tuple[int, int]] = field(factory=list)

    def kill(self, pid: int, number: int) -> None:
        """
        Signal a process, or a group.
        """
        if pid in self.missing:
            raise ProcessLookupError
        if pid in self.forbidden:
            raise PermissionError
        self.sent.append((pid, number))


class TreeTests(SynchronousTestCase):
    """
    Tests for ending a tree of processes.
    """

    def setUp(self) -> None:
        """
        Have a folder in which the kernel tells about processes.
        """
        self.proc = Path(self.mktemp())
        self.proc.mkdir()

    def has(self, pid: int, parent: int, name: str = "plugin", start: int = 5) -> None:
        """
        Let there be a process.
        """
        (self.proc / str(pid)).mkdir(exist_ok=True)
        rest = b"1 " * 17
        (self.proc / str(pid) / "stat").write_bytes(
            b"%d (%b) S %d %b%d 0 0" % (pid, name.encode(), parent, rest, start)
        )

    def destroyed(self, kernel: Kernel) -> list[int]:
        """
        Destroy the tree of process 10, and tell what was killed.
        """
        Tree(10, self.proc, kernel.kill).destroy()
        self.assertEqual({number for _, number in kernel.sent}, {KILL})
        return [pid for pid, _ in kernel.sent]

    def test_terminate(self) -> None:
        """
        A worker is asked to end together with its group, once.
        """
        kernel = Kernel()
        Tree(10, self.proc, kernel.kill).terminate()
        self.assertEqual(kernel.sent, [(-10, TERM)])

    def test_terminate_launcher(self) -> None:
        """
        A launcher that has no group yet is asked itself.
        """
        kernel = Kernel(missing=(-10,))
        Tree(10, self.proc, kernel.kill).terminate()
        self.assertEqual(kernel.sent, [(10, TERM)])

    def test_destroy(self) -> None:
        """
        A worker is killed with its group, and with every descendant that left the group.
        """
        for pid, parent in ((1, 0), (10, 1), (11, 10), (12, 11), (13, 11), (20, 1), (21, 20)):
            self.has(pid, parent)
        self.assertCountEqual(self.destroyed(Kernel()), [-10, 10, 11, 12, 13])

    def test_names(self) -> None:
        """
        A descendant is found whatever it calls itself.
        """
        self.has(11, 10, "evil) S 1 (")
        self.has(12, 10, "a b\n)")
        self.assertCountEqual(self.destroyed(Kernel()), [-10, 10, 11, 12])

    def test_vanishing(self) -> None:
        """
        A process that ends while we look, and what is no process, keep nobody else alive.
        """
        self.has(11, 10)
        (self.proc / "12").mkdir()
        for pid, text in (("13", b""), ("14", b"14 (x)"), ("15", b"15 (x) S what")):
            (self.proc / pid).mkdir()
            (self.proc / pid / "stat").write_bytes(text)
        (self.proc / "meminfo").write_text("")
        self.assertEqual(self.destroyed(Kernel()), [-10, 10, 11])

    def test_some_gone(self) -> None:
        """
        A process that is gone already, or is not ours to signal, keeps nobody else alive.
        """
        self.has(11, 10)
        self.has(12, 10)
        self.has(13, 10)
        kernel = Kernel(missing=(-10, 10), forbidden=(12,))
        self.assertCountEqual(self.destroyed(kernel), [11, 13])

    def test_no_proc(self) -> None:
        """
        Where the kernel tells nothing of processes, the worker and its group are killed all the same.
        """
        self.proc.rmdir()
        self.assertEqual(self.destroyed(Kernel()), [-10, 10])

    def test_destroy_rest(self) -> None:
        """
        What is left of an ended worker's group is killed; the number of the worker is not used again.
        """
        kernel = Kernel()
        Tree(10, self.proc, kernel.kill).destroy_rest()
        self.assertEqual(kernel.sent, [(-10, KILL)])
        Tree(10, self.proc, Kernel(missing=(-10,)).kill).destroy_rest()

    def test_remembered(self) -> None:
        """
        A child that left the group is killed after its parent's end if it was noted before.
        """
        kernel = Kernel()
        tree = Tree(10, self.proc, kernel.kill)
        for pid, parent in ((11, 10), (12, 11), (13, 10), (20, 1)):
            self.has(pid, parent)
        tree.remember()
        # The first two have a new parent now, and the number of the third is somebody else's.
        self.has(11, 1)
        self.has(12, 1)
        self.has(13, 1, start=99)
        tree.destroy_rest()
        self.assertCountEqual(kernel.sent, [(-10, KILL), (11, KILL), (12, KILL)])
