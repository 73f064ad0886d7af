# -*- test-case-name: tests.workers.test_worker -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A worker's surroundings: its process, and who hears what it tells.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from mcpd.sandbox.usage import Usage
from mcpd.wire.offer import Offer, Sort
from mcpd.workers.pipe import Ears


class Channel(Protocol):
    """
    A worker's process as the worker sees it; :class:`mcpd.workers.pipe.Pipe` is the real one.
    """

    @property
    def pid(self) -> int:
        """
        Its process id.
        """

    @property
    def waiting(self) -> int:
        """
        How many bytes wait for it to read.
        """

    def send(self, data: bytes) -> int:
        """
        Write to its standard input.

        Returns:
            How many bytes wait now.
        """

    def close_input(self) -> None:
        """
        End its standard input.
        """

    def terminate(self) -> None:
        """
        Ask it and its group to end.
        """

    def destroy(self) -> None:
        """
        Kill it and everything below it.
        """

    def usage(self) -> Usage | None:
        """
        Tell what it uses; None if nobody knows.
        """


Spawn = Callable[[Ears], Channel]
"""Starts a process, which these ears hear; raises if it can't."""


class Witness(Protocol):
    """
    Who wants to know what workers tell.
    """

    def offered(self, offer: Offer, sorts: tuple[Sort, ...]) -> None:
        """
        Hear that some of its lists are others now.
        """

    def stale(self, sort: Sort, why: str) -> None:
        """
        Hear that one of its lists should be another, and could not be read.
        """

    def touched(self, uri: str) -> bool:
        """
        Hear that a resource has changed; say whether anyone waited for that.
        """

    def said(self, pid: int, line: str) -> None:
        """
        Hear a line of a standard error, or a log message that is for no client.
        """

    def silenced(self, pid: int, dropped: int) -> None:
        """
        Hear that so many bytes of that were dropped.
        """

    def noise(self, pid: int, line: bytes, why: str) -> None:
        """
        Hear the first line of a standard output that is no message.
        """
