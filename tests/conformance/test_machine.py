# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a fixture does to its machine.
"""

from __future__ import annotations

import io
import os
import signal
import subprocess
import threading

from twisted.trial.unittest import SynchronousTestCase

from tests.conformance.machine import Outlet, real


class _Slow:
    # A sink that takes three bytes at a time.
    def __init__(self) -> None:
        self.taken = b""

    def write(self, data: bytes) -> int:
        self.taken += data[:3]
        return len(data[:3])


class OutletTests(SynchronousTestCase):
    """
    A fixture's standard output.
    """

    def test_whole(self) -> None:
        """
        A message is written whole, however little the pipe takes at once.
        """
        sink = _Slow()
        Outlet(sink).send({"id": 1, "result": {}})
        self.assertEqual(sink.taken, b'{"jsonrpc": "2.0", "id": 1, "result": {}}\n')

    def test_raw(self) -> None:
        """
        Bytes that are no message are written as they are.
        """
        sink = io.BytesIO()
        Outlet(sink).write(b"no JSON")
        self.assertEqual(sink.getvalue(), b"no JSON")


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
        ended = subprocess.run(("python3", "-c", program), capture_output=True, cwd=_root(), check=False)
        self.assertEqual((ended.stderr, ended.returncode), (b"Alas.", 3))


def _root() -> str:
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
