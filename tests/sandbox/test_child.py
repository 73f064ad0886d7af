# -*- test-case-name: tests.sandbox.test_child -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for the launcher, as far as it can be tried inside another process.

The rest is in :mod:`tests.live.test_launcher`, where it confines a process of
its own.
"""

from __future__ import annotations

import ast
import os
import signal
import sys
from importlib.util import module_from_spec, spec_from_file_location
from types import ModuleType

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
        self.child.prctl(4, 1)
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
        for name in ("session", "signals", "umask", "descriptors", "no_new_privs"):
            self.child.__dict__[name] = lambda name=name: self.done.append(name)
        for name in ("rlimits", "pdeathsig"):
            self.child.__dict__[name] = lambda given, name=name: self.done.append(f"{name} {given}")

    def run_launcher(self, cwd: str, program: str) -> bytes:
        """
        Run it to where it gives up, and tell what it said.
        """
        here = os.getcwd()
        try:
            self.assertEqual(self.child.main(["17", "256", cwd, program, "-v"]), 126)
        finally:
            os.chdir(here)
        return os.read(self.status, 4096)

    def test_no_program(self) -> None:
        """
        A program that can't be executed is told after everything holds.
        """
        said = self.run_launcher("/", "/no/such/program")
        expected = (
            b'{"applied": ["session", "signals", "umask", "descriptors", "rlimits", "pdeathsig", '
            b'"no_new_privs", "chdir"]}\n{"error": "exec", "errno": 2}\n'
        )
        self.assertEqual(said, expected)
        done = ["session", "signals", "umask", "descriptors", "rlimits 256", "pdeathsig 17", "no_new_privs"]
        self.assertEqual(self.done, done)

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
