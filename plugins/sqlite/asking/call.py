# -*- test-case-name: plugins.sqlite.tests.test_server -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
One call, and how it may fail.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]


class Fault(Exception):
    """
    A request that is answered with a JSON-RPC error.
    """

    def __init__(self, code: int, text: str, data: Json | None = None) -> None:
        super().__init__(text)
        self.body: Json = {"code": code, "message": text}
        if data is not None:
            self.body["data"] = data


class Refused(Exception):
    """
    A call that fails with a sentence which tells the model what to do instead.
    """


class Cancelled(Exception):
    """
    Nobody waits for the answer any more.
    """


class Call:
    """
    One call, while it runs or waits to.

    Attributes:
        cancelled: Whether its answer is not wanted any more.
    """

    def __init__(self) -> None:
        self.cancelled = False
        self._stop: Callable[[], None] | None = None

    def check(self) -> None:
        """
        Go on only if the answer is still wanted.

        Raises:
            Cancelled: It is not.
        """
        if self.cancelled:
            raise Cancelled

    def stop_with(self, stop: Callable[[], None] | None) -> None:
        """
        Have ``stop`` called, in whatever thread, when the call is cancelled.
        """
        # First this, then the question; cancel() does it the other way round,
        # so one of the two sees the other whenever they meet.
        self._stop = stop
        if self.cancelled and stop is not None:
            stop()

    def cancel(self) -> None:
        """
        Want no answer any more.
        """
        self.cancelled = True
        stop = self._stop
        if stop is not None:
            stop()
