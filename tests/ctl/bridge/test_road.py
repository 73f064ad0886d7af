# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.road`.
"""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseNeverReceived

from mcpd.ctl.bridge.body import Cut
from mcpd.ctl.bridge.far import Reply, Unreached
from mcpd.ctl.bridge.road import PATIENCE
from tests.ctl.bridge.stage import Scene


class RoadTests(SynchronousTestCase):
    """
    Tests for :class:`Road`.
    """

    def setUp(self) -> None:
        """
        Have a far side.
        """
        self.scene = Scene()

    def _go(self, again: bool = False) -> Deferred[Reply]:
        return Deferred.fromCoroutine(self.scene.road.go(b"POST", (), b"{}", again))

    def test_restart(self) -> None:
        """
        A request waits for a daemon that is just starting anew.
        """
        going = self._go()
        for _ in range(3):
            self.scene.far.last.fail()
            self.scene.wait(2)
        self.scene.far.last.answer({})
        self.assertEqual(self.successResultOf(going).status, 200)
        self.assertEqual(len(self.scene.far.asked), 4)

    def test_gone(self) -> None:
        """
        A far side that does not come back is given up in the end.
        """
        going = self._go()
        while not going.called:
            if not self.scene.far.last.waiting.called:
                self.scene.far.last.fail()
            self.scene.wait(0.1)
        self.failureResultOf(going, Unreached)
        self.assertLessEqual(self.scene.clock.seconds(), PATIENCE)
        self.assertGreater(self.scene.clock.seconds(), PATIENCE / 2)

    def test_cut(self) -> None:
        """
        What may be done twice is sent once more after a break, what may not is not.
        """
        going = self._go()
        self.scene.far.last.fail(ResponseNeverReceived([]))
        self.failureResultOf(going, Cut)
        going = self._go(again=True)
        self.scene.far.last.fail(ResponseNeverReceived([]))
        self.scene.wait(0.1)
        self.scene.far.last.fail(ResponseNeverReceived([]))
        self.failureResultOf(going, Cut)
        self.assertEqual(len(self.scene.far.asked), 3)

    def test_cancel(self) -> None:
        """
        Who gives up is not sent later.
        """
        going = self._go()
        self.scene.far.last.fail()
        going.cancel()
        self.failureResultOf(going, CancelledError)
        self.assertEqual(self.scene.clock.getDelayedCalls(), [])

    def test_within(self) -> None:
        """
        What the bridge itself asks has a deadline.
        """
        within = Deferred.fromCoroutine(self.scene.road.within(self.scene.road.go(b"GET", ()), 3.0))
        self.scene.wait(3.1)
        self.assertIn("within 3 s", self.failureResultOf(within, Cut).getErrorMessage())
        self.assertTrue(self.scene.far.last.gone)
