# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.valve`.
"""

from __future__ import annotations

from attrs import define
from twisted.internet.interfaces import IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from mcpd.ctl.bridge.valve import Valve
from tests.ctl.bridge.stage import Flow


@define(eq=False)
class _Flood(Flow):
    valve: Valve | None = None

    def resumeProducing(self) -> None:
        super().resumeProducing()
        if self.valve is not None:
            self.valve.pauseProducing()


class ValveTests(SynchronousTestCase):
    """
    Tests for :class:`Valve`.
    """

    def test_shut(self) -> None:
        """
        While the client does not read, nothing is read for it, and then all of it.
        """
        valve, early, late = Valve(), Flow(), Flow()
        verifyObject(IPushProducer, valve)
        valve.add(early)
        valve.pauseProducing()
        valve.add(late)
        self.assertEqual((early.said, late.said), (["pause"], ["pause"]))
        valve.remove(early)
        valve.resumeProducing()
        self.assertEqual((early.said, late.said), (["pause"], ["pause", "resume"]))
        valve.stopProducing()

    def test_shut_again(self) -> None:
        """
        What the first answer brings may be too much at once: the others wait on.
        """
        valve, other = Valve(), Flow()
        valve.add(_Flood(valve=valve))
        valve.add(other)
        valve.pauseProducing()
        valve.resumeProducing()
        self.assertNotIn("resume", other.said)
