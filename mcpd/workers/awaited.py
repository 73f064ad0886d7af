# -*- test-case-name: tests.workers.test_awaited -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The outcome of a call, for which nearly always one party waits.

Twisted walks a chain of callbacks, and of Deferreds that wait for each other.
Where there is one callback and nothing else, that costs as much as reading and
writing the answer.
"""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, passthru
from twisted.python.failure import Failure

from mcpd.wire.message import Answer, Refusal

PRIVATE = ("_callbacks", "_canceller", "_runningCallbacks", "_runCallbacks", "_debugInfo")
"""Twisted's names, of a Deferred."""

_PASS: Any = (passthru, (), {})


class Awaited(Deferred[Answer | Refusal]):
    """
    A Deferred that calls its only callback without ceremony; all else is Twisted's affair.
    """

    def callback(self, result: Answer | Refusal | Failure) -> None:
        """
        Tell the outcome, as any Deferred does.

        Raises:
            AlreadyCalledError: It was told.
        """
        waiting = self._callbacks
        if len(waiting) != 1 or self.called or self.paused or self.debug or isinstance(result, Failure):
            super().callback(result)
            return
        call: Any
        (call, args, kwargs), _ = waiting[0]
        # What another Deferred waits with can't be called.
        if not callable(call):
            super().callback(result)
            return
        waiting.clear()
        self.called = self._runningCallbacks = True
        self._canceller = None
        self.result = result
        came: Any
        try:
            came = call(result, *args, **kwargs)
        except BaseException:
            came = Failure()
        self._runningCallbacks = False
        self.result = came
        if came is not None or waiting:
            # Twisted takes a Deferred only from a callback.
            waiting.insert(0, (_PASS, _PASS))
            self._runCallbacks()
