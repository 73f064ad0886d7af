# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.sandbox.reaper`.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from attrs import define, field
from twisted.internet.process import reapProcessHandlers
from twisted.trial.unittest import SynchronousTestCase

from mcpd.sandbox.reaper import Reaper, attend
from mcpd.sandbox.usage import Usage

# Beyond the kernel's largest.
PID = 1 << 24


@define(eq=False)
class Story:
    """
    A process as Twisted has it, its heir, and the kernel.

    Attributes:
        pid: Its process id.
        dead: Whether it has ended.
        told: What happened, in order.
    """

    pid: int = PID
    dead: bool = False
    told: list[Any] = field(factory=list)

    def waitid(self, kind: int, pid: int, options: int) -> object:
        """
        Look whether it has ended.
        """
        return (kind, pid, options) if self.dead else None

    def wait4(self, pid: int, options: int) -> tuple[int, int, Any]:
        """
        Wait for it.
        """
        self.told.append("waited")
        return pid, 9, SimpleNamespace(ru_maxrss=2048, ru_utime=1.5, ru_stime=0.25)

    def ending(self) -> None:
        """
        Hear that it has ended.
        """
        self.told.append("ending")

    def used(self, usage: Usage) -> None:
        """
        Hear what it used.
        """
        self.told.append(usage)

    def processEnded(self, status: int) -> None:
        """
        Hear it as Twisted does.
        """
        self.told.append(status)


class ReaperTests(SynchronousTestCase):
    """
    Tests for waiting for a process.
    """

    def setUp(self) -> None:
        """
        Have a process that Twisted waits for.
        """
        handlers: Any = reapProcessHandlers
        self.handlers: dict[int, Any] = handlers
        self.story = Story()
        self.handlers[PID] = self.story
        self.addCleanup(self.handlers.pop, PID, None)

    def test_living(self) -> None:
        """
        A process that lives is not waited for.
        """
        reaper = Reaper(self.story, self.story, self.story.waitid, self.story.wait4)
        reaper.reapProcess()
        self.assertEqual(self.story.told, [])

    def test_ended(self) -> None:
        """
        The last word is had while the number is taken; then the account is told, and then the end.
        """
        reaper = Reaper(self.story, self.story, self.story.waitid, self.story.wait4)
        self.handlers[PID] = reaper
        self.story.dead = True
        reaper.reapProcess()
        self.assertEqual(self.story.told, ["ending", "waited", Usage(2 << 20, 1.75), 9])
        self.assertNotIn(PID, self.handlers)

    def test_attend(self) -> None:
        """
        A process is waited for by us instead of Twisted, once.
        """
        attend(self.story, self.story)
        self.assertIsInstance(self.handlers[PID], Reaper)
        reaper = self.handlers[PID]
        attend(self.story, self.story)
        self.assertIs(self.handlers[PID], reaper)

    def test_not_twisted(self) -> None:
        """
        What is no process of Twisted's, as in memory, is not waited for at all.
        """
        attend(Story(PID + 1), self.story)
        self.assertNotIn(PID + 1, self.handlers)
        attend(Story(), self.story)
        self.assertIs(self.handlers[PID], self.story)
