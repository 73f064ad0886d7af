# -*- test-case-name: tests.ctl.bridge.test_valve -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Back-pressure: what comes in waits while what goes out is not read.
"""

from __future__ import annotations

from attrs import define, field
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer


@implementer(IPushProducer)
@define(eq=False)
class Valve:
    """
    Lets many flows in as fast as the one way out is read.

    It is the producer of that way, which shuts and opens it.

    Attributes:
        shut: Whether the flows wait.
    """

    shut: bool = field(init=False, default=False)
    _flows: list[IPushProducer] = field(init=False, factory=list)

    def add(self, flow: IPushProducer) -> None:
        """
        Take care of a flow, which waits at once if the valve is shut.
        """
        self._flows.append(flow)
        if self.shut:
            flow.pauseProducing()

    def remove(self, flow: IPushProducer) -> None:
        """
        Leave a flow alone that is over.
        """
        self._flows.remove(flow)

    def pauseProducing(self) -> None:
        """
        Too much is unread: have all flows wait.
        """
        self.shut = True
        for flow in self._flows:
            flow.pauseProducing()

    def resumeProducing(self) -> None:
        """
        It was read: let them flow.
        """
        self.shut = False
        for flow in tuple(self._flows):
            # What one of them brings at once may shut the valve again.
            if not self.shut:
                flow.resumeProducing()

    def stopProducing(self) -> None:
        """
        Nobody reads any more: whoever closed the way out ends the flows, too.
        """
