# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The conformance fixtures as real processes.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.machine import real
from tests.live.process import ROOT


class RealTests(SynchronousTestCase):
    """
    The machine that acts on this process.
    """

    def test_beside(self) -> None:
        """
        A call that runs beside others can be waited for.
        """
        machine, done = real(), threading.Event()
        machine.begin(done.set)
        self.assertTrue(machine.wait(done, 10.0))
        self.assertEqual(len(machine.entropy(8)), 8)

    def test_spawn(self) -> None:
        """
        A child is in our session, or in one of its own.
        """
        for away in (False, True):
            child = real().spawn(("/bin/sleep", "30"), away)
            try:
                self.assertEqual(os.getsid(child), child if away else os.getsid(0))
            finally:
                os.kill(child, signal.SIGKILL)

    def test_deaf(self) -> None:
        """
        A deaf fixture ignores SIGTERM.
        """
        before = signal.getsignal(signal.SIGTERM)
        self.addCleanup(signal.signal, signal.SIGTERM, before)
        real().deafen()
        self.assertIs(signal.getsignal(signal.SIGTERM), signal.SIG_IGN)

    def test_complain(self) -> None:
        """
        A complaint is on standard error at once.
        """
        program = "from tests.conformance.machine import real; real().complain(b'Alas.'); real().leave(3)"
        ended = subprocess.run(("python3", "-c", program), capture_output=True, cwd=ROOT, check=False)
        self.assertEqual((ended.stderr, ended.returncode), (b"Alas.", 3))


class ProgramTests(SynchronousTestCase):
    """
    The two programs, as they are started.
    """

    def test_isolated(self) -> None:
        """
        Each runs with the standard library alone, from any folder, and does as its environment says.
        """
        line = b'{"jsonrpc": "2.0", "id": 1, "method": "ping"}\n'
        for name in ("modern.py", "legacy.py"):
            command = ("python3", "-I", str(ROOT / "tests" / "conformance" / name))
            ended = subprocess.run(command, input=line, capture_output=True, cwd="/", timeout=30, check=False)
            self.assertEqual(
                (ended.stdout, ended.returncode), (b'{"jsonrpc": "2.0", "id": 1, "result": {}}\n', 0)
            )
            env = {**os.environ, "MCPD_FIXTURE": "hostile,crash"}
            ended = subprocess.run(command, input=b"", capture_output=True, env=env, timeout=30, check=False)
            self.assertEqual(ended.returncode, 1)
