# -*- test-case-name: tests.workers.test_subscribing -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How a worker is made to tell what changes: the seam of both eras, and the legacy way.
"""

from __future__ import annotations

from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred

from mcpd.wire import write
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Notice, Refusal
from mcpd.workers.peer import Patience, Peer


class Subscription(Protocol):
    """
    What a worker is asked to tell; each resource once.
    """

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Have it tell when a resource changes.

        Returns:
            As :meth:`mcpd.wire.call.Answerer.watch` says.
        """

    def unwatch(self, uri: str) -> None:
        """
        Have it tell that no longer.
        """

    def owns(self, notice: Notice) -> bool:
        """
        Say whether a notice of a change is one that it was asked for.
        """

    def acknowledged(self, notice: Notice) -> bool:
        """
        Hear what the worker agrees to tell; say whether it was asked to.
        """

    def end(self, fault: Fault) -> None:
        """
        End: the worker is gone.
        """


def untold() -> Fault:
    """
    Make the fault for a resource whose changes a plugin does not tell.
    """
    return Fault(Kind.PARAMS, "the plugin does not tell when this resource changes")


@frozen
class Subscribing:
    """
    The legacy way: one request for each resource; all else is told unasked (MCP 2025-11-25, "Resources").
    """

    _peer: Peer
    _patience: Patience

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        """
        Subscribe to a resource.
        """
        return self._peer.request(b"resources/subscribe", {"uri": write.encode(uri)}, self._patience)

    def unwatch(self, uri: str) -> None:
        """
        End the subscription; what the worker answers changes nothing.
        """
        ending = self._peer.request(b"resources/unsubscribe", {"uri": write.encode(uri)}, self._patience)
        ending.addErrback(lambda failure: None)

    def owns(self, notice: Notice) -> bool:
        """
        Say yes: nothing in a notice says what it belongs to.
        """
        return True

    def acknowledged(self, notice: Notice) -> bool:
        """
        Say no: it was asked for nothing that is agreed to.
        """
        return False

    def end(self, fault: Fault) -> None:
        """
        End; what waits is the peer's to fail.
        """
