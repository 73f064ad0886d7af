# -*- test-case-name: tests.sandbox.test_child -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for the launcher, as far as it can be tried inside another process.

The rest is in :mod:`tests.live.test_launcher`, where it confines a process of
its own.
"""

from __future__ import annotations

import ast
import errno
import os
import resource
import signal
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType, SimpleNamespace
from typing import Any

from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.plan import CHILD

PROGRAM = CHILD / "__main__.py"


def load() -> ModuleType:
    """
    Load the launcher as what it is not: a module.
    """
    spec = spec_from_file_location("launcher", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class LauncherTests(SynchronousTestCase):
    """
    Tests for the parts of the launcher.
    """

    def setUp(self) -> None:
        """
        Have the launcher.
        """
        self.child = load()

    def test_alone(self) -> None:
        """
        The launcher needs nothing but the standard library: it runs before any plugin, and with any of them.
        """
        tree = ast.parse(PROGRAM.read_text())
        imported = {
            name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names
        }
        imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        self.assertLessEqual(imported - {"__future__"}, sys.stdlib_module_names)

    def test_umask(self) -> None:
        """
        A plugin's files are its own.
        """
        before = os.umask(0)
        self.addCleanup(os.umask, before)
        self.child.umask()
        self.assertEqual(os.umask(0), 0o077)

    def test_signals(self) -> None:
        """
        A plugin begins with the signals that Python ignores and none blocked.
        """
        kept = {number: signal.getsignal(number) for number in (signal.SIGPIPE, signal.SIGXFSZ)}
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGUSR2})
        try:
            self.child.signals()
            after = [signal.getsignal(number) for number in kept]
            blocked = signal.pthread_sigmask(signal.SIG_BLOCK, ())
        finally:
            for number, handler in kept.items():
                signal.signal(number, handler)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self.assertEqual((after, blocked), ([signal.SIG_DFL, signal.SIG_DFL], set()))

    def test_prctl(self) -> None:
        """
        What the kernel refuses is an error with the kernel's number.
        """
        self.assertEqual(self.child.prctl(3, 0), 1)
        with self.assertRaises(OSError) as caught:
            self.child.prctl(0x7FFFFFFF, 0)
        self.assertEqual(caught.exception.errno, 22)

    def test_orphaned(self) -> None:
        """
        A launcher whose daemon is gone already does not start the plugin: nobody would end it.
        """
        kept: list[tuple[int, int]] = []
        self.child.__dict__["prctl"] = lambda option, argument: kept.append((option, argument))
        self.assertRaises(self.child.Orphaned, self.child.pdeathsig, os.getppid() + 1)
        self.child.pdeathsig(os.getppid())
        self.child.no_new_privs()
        self.assertEqual(kept, [(1, signal.SIGKILL), (1, signal.SIGKILL), (38, 1)])

    def test_rlimits(self) -> None:
        """
        A plugin is bounded as it was planned, and never less tightly than the daemon is.
        """
        hard = {resource.RLIMIT_DATA: -1, resource.RLIMIT_FSIZE: 5, resource.RLIMIT_CORE: 5}
        kept: dict[int, tuple[int, int]] = {}
        self.child.__dict__["resource"] = SimpleNamespace(
            RLIM_INFINITY=-1,
            RLIMIT_DATA=resource.RLIMIT_DATA,
            RLIMIT_FSIZE=resource.RLIMIT_FSIZE,
            RLIMIT_CORE=resource.RLIMIT_CORE,
            getrlimit=lambda number: (1, hard[number]),
            setrlimit=kept.__setitem__,
        )
        self.child.rlimits("DATA=1000,FSIZE=7,CORE=0")
        expected = {
            resource.RLIMIT_DATA: (1000, 1000),
            resource.RLIMIT_FSIZE: (5, 5),
            resource.RLIMIT_CORE: (0, 0),
        }
        self.assertEqual(kept, expected)


class CapabilityTests(SynchronousTestCase):
    """
    Tests for giving up capabilities, at a kernel that is none.
    """

    def setUp(self) -> None:
        """
        Have a launcher, and a kernel that knows five capabilities.
        """
        self.child = load()
        self.called: list[tuple[Any, ...]] = []
        self.held = {0, 1, 3}
        self.allowed = True
        self.sets = (0,) * 6
        self.child.__dict__["prctl"] = self.prctl
        self.child.__dict__["libc"] = self.libc

    def prctl(self, option: int, argument: int) -> int:
        """
        Tell of the bounding set, and take from it.
        """
        if option == 47:
            self.called.append(("ambient", argument))
            return 0
        if argument >= 5:
            raise OSError(errno.EINVAL, "prctl")
        if option == 24:
            if not self.allowed:
                raise OSError(errno.EPERM, "prctl")
            self.held.remove(argument)
            return 0
        self.assertEqual(option, 23)
        return int(argument in self.held)

    def libc(self, name: str, header: Any, sets: Any) -> int:
        """
        Tell and take the other sets.
        """
        self.assertEqual(list(header), [0x20080522, 0])
        if name == "capget":
            sets[:] = self.sets
        self.called.append((name, tuple(sets)))
        return 0

    def test_bounding(self) -> None:
        """
        A privileged daemon's plugin has an empty bounding set.
        """
        self.assertTrue(self.child.bounding())
        self.assertEqual(self.held, set())

    def test_unprivileged(self) -> None:
        """
        Who can't change the bounding set says so, unless it is empty.
        """
        self.allowed = False
        self.assertFalse(self.child.bounding())
        self.held = set()
        self.assertTrue(self.child.bounding())

    def test_as_many(self) -> None:
        """
        A kernel that knows as many capabilities as there may be is understood, too.
        """
        self.child.__dict__["_CAPABILITIES"] = 5
        self.assertTrue(self.child.bounding())
        self.assertEqual(self.held, set())

    def test_sets(self) -> None:
        """
        Every other set is emptied, and nothing is asked of the kernel where they are empty.
        """
        nothing = (0,) * 6
        self.child.capabilities()
        self.assertEqual(self.called, [("ambient", 4), ("capget", nothing)])
        self.called.clear()
        self.sets = (0xFFFF, 0xFFFF, 0, 0x1FF, 0x1FF, 0)
        self.child.capabilities()
        self.assertEqual(self.called, [("ambient", 4), ("capget", self.sets), ("capset", nothing)])


class MainTests(SynchronousTestCase):
    """
    Tests for the order in which the launcher works, with all that it would do to us taken out.
    """

    def setUp(self) -> None:
        """
        Have a launcher that only says what it does, and a pipe for its status.
        """
        self.child = load()
        self.done: list[str] = []
        reading, writing = os.pipe()
        self.addCleanup(os.close, reading)
        self.addCleanup(os.close, writing)
        self.status = reading
        self.child.__dict__["STATUS"] = writing
        names = ("session", "signals", "umask", "descriptors", "bounding", "capabilities", "no_new_privs")
        for name in names:
            self.child.__dict__[name] = lambda name=name: self.done.append(name)
        for name in ("rlimits", "pdeathsig"):
            self.child.__dict__[name] = lambda given, name=name: self.done.append(f"{name} {given}")

    def run_launcher(self, cwd: str, program: str) -> bytes:
        """
        Run it to where it gives up, and tell what it said.
        """
        here = os.getcwd()
        try:
            self.assertEqual(self.child.main(["17", "CORE=0", cwd, program, "-v"]), 126)
        finally:
            os.chdir(here)
        return os.read(self.status, 4096)

    def test_no_program(self) -> None:
        """
        A program that can't be executed is told after everything holds.
        """
        said = self.run_launcher("/", "/no/such/program")
        expected = (
            b'{"applied": ["session", "signals", "umask", "descriptors", "rlimits", "bounding", '
            b'"capabilities", "pdeathsig", "no_new_privs", "chdir"]}\n{"error": "exec", "errno": 2}\n'
        )
        self.assertEqual(said, expected)
        done = ["session", "signals", "umask", "descriptors", "rlimits CORE=0", "bounding", "capabilities"]
        self.assertEqual(self.done, [*done, "pdeathsig 17", "no_new_privs"])

    def test_unprivileged(self) -> None:
        """
        What an ordinary user can't have does not hold, and keeps no plugin from starting.
        """
        self.child.__dict__["bounding"] = lambda: False
        said = self.run_launcher("/", "/no/such/program")
        self.assertIn(b'"rlimits", "capabilities"', said)
        self.assertIn(b'"error": "exec"', said)

    def test_no_folder(self) -> None:
        """
        A folder that is not there is told, and the program is not executed.
        """
        self.assertEqual(
            self.run_launcher("/no/such/folder", "/bin/true"), b'{"error": "chdir", "errno": 2}\n'
        )

    def test_orphaned(self) -> None:
        """
        An error without a number is told, too, and ends the launcher.
        """

        def orphaned(parent: int) -> None:
            raise self.child.Orphaned

        self.child.__dict__["pdeathsig"] = orphaned
        self.assertEqual(self.run_launcher("/", "/bin/true"), b'{"error": "pdeathsig", "errno": 0}\n')
        self.assertNotIn("no_new_privs", self.done)
