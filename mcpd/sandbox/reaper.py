# -*- test-case-name: tests.sandbox.test_reaper -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Waiting for a process in Twisted's stead.

Twisted forgets what a process used, and its number is free again before anybody
hears of its end.  A :class:`Reaper` has the last word while the number is still
taken, and keeps the account.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, Protocol

from attrs import define
from twisted.internet.process import reapProcessHandlers, unregisterReapProcessHandler

from mcpd.sandbox.usage import Usage

_KIB = 1 << 10
_LOOK = os.WEXITED | os.WNOHANG | os.WNOWAIT


class Heir(Protocol):
    """
    Who is told of a process's end, before :meth:`IProcessProtocol.processExited`.
    """

    def ending(self) -> None:
        """
        Hear that the process has ended; its number, and its group's, is still its own.
        """

    def used(self, usage: Usage) -> None:
        """
        Hear what it used.
        """


@define(eq=False)
class Reaper:
    """
    Waits for one process.

    Attributes:
        process: Twisted's own, which is told once it has ended.
        heir: Who is told first.
        waitid: Looks whether it has ended (waitid(2)).
        wait4: Takes its account (wait4(2)).
    """

    process: Any
    heir: Heir
    waitid: Callable[[int, int, int], object] = os.waitid
    wait4: Callable[[int, int], tuple[int, int, Any]] = os.wait4

    def reapProcess(self) -> None:
        """
        See whether it has ended, whenever a child of ours has.
        """
        pid = self.process.pid
        if self.waitid(os.P_PID, pid, _LOOK) is None:
            return
        self.heir.ending()
        _, status, account = self.wait4(pid, 0)
        unregisterReapProcessHandler(pid, self)
        self.heir.used(Usage(account.ru_maxrss * _KIB, account.ru_utime + account.ru_stime))
        self.process.processEnded(status)


def attend(process: Any, heir: Heir) -> None:
    """
    Wait for a process that Twisted has just started, if it is one and has not ended yet.
    """
    pid: int = process.pid
    handlers: dict[int, Any] = reapProcessHandlers
    if handlers.get(pid) is process:
        handlers[pid] = Reaper(process, heir)
