# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.systemd`.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.systemd import MOST, PATIENCE, Handed, NotHanded, Notifier, send_datagram, started_with

PID = 4711
MANAGED = {"NOTIFY_SOCKET": "/run/notify", "WATCHDOG_USEC": "20000000", "WATCHDOG_PID": str(PID)}


class NotifierTests(SynchronousTestCase):
    """
    Tests for what a service manager is told.
    """

    def setUp(self) -> None:
        """
        Be managed.
        """
        self.clock = Clock()
        self.said: list[tuple[str, str]] = []
        self.ready = False
        self.notifier = self.make(MANAGED)

    def make(self, environ: dict[str, str]) -> Notifier:
        """
        Make what tells the manager.
        """
        return Notifier.of(environ, PID, lambda address, data: self.said.append((address, data.decode())))

    def begin(self, notifier: Notifier) -> None:
        """
        Begin to tell it.
        """
        notifier.begin(self.clock, lambda: self.ready, lambda: "two plugins")

    def told(self) -> list[str]:
        """
        Tell what was said since the last time.
        """
        said, self.said = self.said, []
        self.assertLessEqual({address for address, _ in said}, {"/run/notify"})
        return [text for _, text in said]

    def test_unmanaged(self) -> None:
        """
        A daemon that nobody manages tells nobody anything and has no timer for it.
        """
        notifier = self.make({"WATCHDOG_USEC": "20000000"})
        self.begin(notifier)
        notifier.ready("ready")
        notifier.stopping()
        notifier.end()
        self.assertEqual((self.said, self.clock.getDelayedCalls()), ([], []))

    def test_ready(self) -> None:
        """
        The manager hears once that the daemon is ready, soon after it is.
        """
        self.begin(self.notifier)
        self.clock.pump([0.1] * 20)
        self.assertEqual(self.told(), [])
        self.ready = True
        self.clock.advance(0.1)
        self.assertEqual(self.told(), ["READY=1\nSTATUS=two plugins"])
        self.clock.advance(1.0)
        self.assertEqual(self.told(), [])

    def test_late(self) -> None:
        """
        A daemon that something keeps from being ready is taken for ready after ten seconds.
        """
        self.begin(self.notifier)
        self.clock.advance(PATIENCE - 0.1)
        self.assertEqual(self.told(), [])
        self.clock.advance(0.1)
        self.assertEqual([text[:7] for text in self.told() if text != "WATCHDOG=1"], ["READY=1"])

    def test_watchdog(self) -> None:
        """
        Signs of life come twice as often as they are expected, until the very end.
        """
        self.assertEqual(self.notifier.watchdog, 20.0)
        self.ready = True
        self.begin(self.notifier)
        self.clock.advance(0.1)
        self.told()
        self.clock.pump([10.0] * 3)
        self.assertEqual(self.told(), ["WATCHDOG=1"] * 3)
        self.notifier.stopping()
        self.clock.advance(10.0)
        self.assertEqual(self.told(), ["STOPPING=1", "WATCHDOG=1"])
        self.notifier.end()
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_stopped_early(self) -> None:
        """
        A daemon that is stopped before it was ready never says that it is.
        """
        self.begin(self.notifier)
        self.notifier.stopping()
        self.ready = True
        self.clock.advance(1.0)
        self.assertEqual(self.told(), ["STOPPING=1"])
        self.notifier.end()

    def test_no_watchdog(self) -> None:
        """
        No signs of life are shown where none are expected: not asked, not of us, or not a number.
        """
        for more in ({}, {"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}):
            notifier = self.make({"NOTIFY_SOCKET": "/run/notify", **more})
            self.assertEqual(notifier.watchdog, 0.0)
            self.ready = True
            self.begin(notifier)
            self.clock.advance(0.1)
            self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.make({"NOTIFY_SOCKET": "x", "WATCHDOG_USEC": "1500000"}).watchdog, 1.5)

    def test_reload(self) -> None:
        """
        A manager hears when a reload begins, with the time that it asks for, and when it ends.
        """
        self.notifier.reloading(1234567)
        self.notifier.ready("three plugins")
        self.assertEqual(
            self.told(), ["RELOADING=1\nMONOTONIC_USEC=1234567", "READY=1\nSTATUS=three plugins"]
        )

    def test_one_line(self) -> None:
        """
        What is said of a status can't say anything else.
        """
        self.notifier.ready("fine\nSTOPPING=1\r\n or \ud800 not")
        self.assertEqual(self.told(), ["READY=1\nSTATUS=fine STOPPING=1 or ? not"])

    def test_nobody(self) -> None:
        """
        A manager that is gone is no reason to stop serving.
        """
        folder = Path(self.mktemp()).absolute()
        Notifier.of({"NOTIFY_SOCKET": str(folder / "none")}, PID).ready("ready")


class DatagramTests(SynchronousTestCase):
    """
    Tests for the datagrams, with sockets of our own.
    """

    def receive(self, bound: str | bytes, address: str) -> bytes:
        """
        Send to an address, and see what comes where it is bound.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as there:
            there.bind(bound)
            there.setblocking(False)
            send_datagram(address, b"READY=1")
            return there.recv(100)

    def test_path(self) -> None:
        """
        A manager's socket may be a file.
        """
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = os.path.join(folder, "notify")
        self.assertEqual(self.receive(path, path), b"READY=1")

    def test_abstract(self) -> None:
        """
        A manager's socket may have an abstract name.
        """
        name = f"mcpd-test-{os.getpid()}"
        self.assertEqual(self.receive(b"\0" + name.encode(), f"@{name}"), b"READY=1")


class StartedTests(SynchronousTestCase):
    """
    Tests for the environment that the process began with.
    """

    def test_read(self) -> None:
        """
        What others have taken out of the environment since is still known, whatever it is written in.
        """
        file = Path(self.mktemp())
        file.write_bytes(b"LISTEN_FDS=1\0EMPTY=\0SUM=1=2\0ODD=\xff\0")
        expected = {"LISTEN_FDS": "1", "EMPTY": "", "SUM": "1=2", "ODD": "\udcff"}
        self.assertEqual(started_with(file), expected)

    def test_own(self) -> None:
        """
        The kernel tells us our own.
        """
        self.assertIn("PATH", started_with())

    def test_hidden(self) -> None:
        """
        Where the kernel does not show it nothing is known.
        """
        self.assertEqual(started_with(Path(self.mktemp())), {})


class HandedTests(SynchronousTestCase):
    """
    Tests for what a service manager hands over.
    """

    def handed(self, **environ: str) -> Handed:
        """
        See what is handed over to us.
        """
        return Handed.of({"LISTEN_PID": str(PID), **environ}, PID)

    def refused(self, handed: Handed, which: str | int) -> str:
        """
        Ask for one that is not there.
        """
        return str(self.assertRaises(NotHanded, handed.find, which))

    def test_found(self) -> None:
        """
        A socket is found by its name and by its index; the first one has the number 3.
        """
        handed = self.handed(LISTEN_FDS="3", LISTEN_FDNAMES="mcp:health:mcp.unix")
        self.assertEqual([handed.find(name) for name in ("mcp", "health", "mcp.unix")], [3, 4, 5])
        self.assertEqual([handed.find(index) for index in range(3)], [3, 4, 5])

    def test_unnamed(self) -> None:
        """
        Sockets without names are found by their index.
        """
        self.assertEqual(self.handed(LISTEN_FDS="2").find(1), 4)

    def test_missing(self) -> None:
        """
        A name or an index that nobody handed over is told with what there is.
        """
        handed = self.handed(LISTEN_FDS="2", LISTEN_FDNAMES="mcp:health")
        self.assertEqual(self.refused(handed, "mpc"), 'no socket is named "mpc"; there are: mcp, health')
        self.assertIn("the index 2: 2 were handed over", self.refused(handed, 2))
        self.assertIn("the index -1", self.refused(handed, -1))

    def test_twice(self) -> None:
        """
        A name that two sockets have is refused, since nobody can say which is meant.
        """
        handed = self.handed(LISTEN_FDS="2", LISTEN_FDNAMES="mcp:mcp")
        self.assertEqual(self.refused(handed, "mcp"), '2 sockets are named "mcp": say which by index')

    def test_none(self) -> None:
        """
        Where nothing was handed over a sentence says how it would be.
        """
        for environ in ({}, {"LISTEN_FDS": "0"}, {"LISTEN_FDS": "many"}, {"LISTEN_FDS": "9" * 5000}):
            self.assertIn("through its .socket unit", self.refused(self.handed(**environ), "mcp"))

    def test_another(self) -> None:
        """
        What was handed to another process is not taken, and it is told that twistd has to stay in front.
        """
        for handed in (self.handed(LISTEN_FDS="1", LISTEN_PID="1"), Handed.of({"LISTEN_FDS": "1"}, PID)):
            self.assertIn("run twistd with -n", self.refused(handed, 0))

    def test_contradictory(self) -> None:
        """
        More sockets than are taken, and names that are not as many, are refused.
        """
        self.assertIn(f"at most {MOST}", self.refused(self.handed(LISTEN_FDS=str(MOST + 1)), 0))
        self.assertIn("has 1 names", self.refused(self.handed(LISTEN_FDS="2", LISTEN_FDNAMES="mcp"), 0))
