# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.kill`.
"""

from __future__ import annotations

import signal
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.kill import Tree, send
from tests.sandbox.machine import Machine

TERM, KILL = signal.SIGTERM, signal.SIGKILL


class SendTests(SynchronousTestCase):
    """
    Tests for sending a signal.
    """

    def test_send(self) -> None:
        """
        Who is gone, or is not ours to signal, is no error.
        """
        machine = Machine(Path(self.mktemp()), missing=(11,), forbidden=(12,))
        self.assertEqual([send(machine.kill, pid, TERM) for pid in (10, 11, 12)], [True, False, False])
        self.assertEqual(machine.sent, [(10, TERM)])


class TreeTests(SynchronousTestCase):
    """
    Tests for ending a tree of processes.
    """

    def setUp(self) -> None:
        """
        Have a machine.
        """
        path = Path(self.mktemp())
        path.mkdir()
        self.machine = Machine(path)

    def tree(self) -> Tree:
        """
        Make the tree of process 10.
        """
        return Tree(10, self.machine.proc, self.machine.kill)

    def destroyed(self) -> list[int]:
        """
        Destroy the tree of process 10, and tell what was killed.
        """
        self.tree().destroy()
        self.assertEqual({number for _, number in self.machine.sent}, {KILL})
        return self.machine.killed

    def test_terminate(self) -> None:
        """
        A worker is asked to end together with its group, once.
        """
        self.tree().terminate()
        self.assertEqual(self.machine.sent, [(-10, TERM)])

    def test_terminate_launcher(self) -> None:
        """
        A launcher that has no group yet is asked itself.
        """
        self.machine.missing = (-10,)
        self.tree().terminate()
        self.assertEqual(self.machine.sent, [(10, TERM)])

    def test_destroy(self) -> None:
        """
        A worker is killed with its group, and with every descendant that left the group.
        """
        for pid, parent in ((1, 0), (10, 1), (11, 10), (12, 11), (13, 11), (20, 1), (21, 20)):
            self.machine.has(pid, parent)
        self.assertCountEqual(self.destroyed(), [-10, 10, 11, 12, 13])

    def test_some_gone(self) -> None:
        """
        A process that is gone already, or is not ours to signal, keeps nobody else alive.
        """
        for pid in (11, 12, 13):
            self.machine.has(pid, 10)
        self.machine.missing, self.machine.forbidden = (-10, 10), (12,)
        self.assertCountEqual(self.destroyed(), [11, 13])

    def test_no_proc(self) -> None:
        """
        Where the kernel tells nothing of processes, the worker and its group are killed all the same.
        """
        self.machine.path.rmdir()
        self.assertEqual(self.destroyed(), [-10, 10])

    def test_destroy_rest(self) -> None:
        """
        What is left of an ended worker's group is killed; the number of the worker is not used again.
        """
        self.tree().destroy_rest()
        self.assertEqual(self.machine.sent, [(-10, KILL)])
        self.machine.missing = (-10,)
        self.tree().destroy_rest()

    def test_bereaved(self) -> None:
        """
        Who wants to know is told of a worker's end after its tree was killed, and not before it has ended.
        """
        told: list[list[int]] = []
        tree = Tree(10, self.machine.proc, self.machine.kill, lambda: told.append(list(self.machine.killed)))
        tree.terminate()
        tree.destroy()
        self.assertEqual(told, [])
        tree.destroy_rest()
        self.assertEqual(told, [[-10, 10, -10]])

    def test_remembered(self) -> None:
        """
        A child that left the group is killed after its parent's end if it was noted before.
        """
        tree = self.tree()
        for pid, parent in ((11, 10), (12, 11), (13, 10), (20, 1)):
            self.machine.has(pid, parent)
        tree.remember()
        # The first two have a new parent now, and the number of the third is somebody else's.
        self.machine.has(11, 1)
        self.machine.has(12, 1)
        self.machine.has(13, 1, start=99)
        tree.destroy_rest()
        self.assertCountEqual(self.machine.killed, [-10, 11, 12])
