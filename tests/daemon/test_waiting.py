# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.waiting`.
"""

from __future__ import annotations

from typing import Any

from attrs import define
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.daemon.waiting import Waiting
from mcpd.systemd import PATIENCE


@define
class Port:
    """
    A port that takes connections, or not.
    """

    open: bool = True

    def stopReading(self) -> None:
        """
        Take none.
        """
        self.open = False

    def startReading(self) -> None:
        """
        Take some.
        """
        self.open = True


class WaitingTests(SynchronousTestCase):
    """
    Tests for clients that wait.
    """

    def setUp(self) -> None:
        """
        Have a port that is held.
        """
        self.clock = Clock()
        self.port = Port()
        self.ready = False
        self.waiting = Waiting(self.clock)
        held: Any = self.port
        self.waiting.hold(held)

    def begin(self) -> None:
        """
        Begin to wait for the daemon.
        """
        self.waiting.begin(lambda: self.ready)

    def test_ready(self) -> None:
        """
        Clients are let in as soon as the daemon is ready, and not before.
        """
        self.assertFalse(self.port.open)
        self.begin()
        self.clock.pump([0.1] * 10)
        self.assertFalse(self.port.open)
        self.ready = True
        self.clock.advance(0.1)
        self.assertTrue(self.port.open)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_late(self) -> None:
        """
        A daemon that does not get ready lets them in after ten seconds.
        """
        self.begin()
        self.clock.pump([0.1] * 98)
        self.assertFalse(self.port.open)
        self.clock.advance(PATIENCE)
        self.assertTrue(self.port.open)

    def test_stopped(self) -> None:
        """
        A daemon that is stopped before that leaves them to the next one.
        """
        self.begin()
        self.waiting.end()
        self.ready = True
        self.clock.advance(PATIENCE)
        self.assertFalse(self.port.open)
        self.waiting.end()

    def test_nobody(self) -> None:
        """
        Where no socket was handed over nothing waits.
        """
        Waiting(self.clock).begin(lambda: False)
        self.assertEqual(self.clock.getDelayedCalls(), [])
