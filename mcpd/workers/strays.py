# -*- test-case-name: tests.workers.test_peer -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a worker says that nobody waits for.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define


@define
class Strays:
    """
    What a worker said that nobody waited for, counted.

    Attributes:
        answers: Late, repeated and foreign answers.
        notices: Notices of calls that are over, and of kinds that nobody hears.
        questions: Questions left unanswered, since it did not read.
        noise: Lines that are no messages.
    """

    answers: int = 0
    notices: int = 0
    questions: int = 0
    noise: int = 0

    @property
    def messages(self) -> int:
        """
        How many of all that were messages.
        """
        return self.answers + self.notices + self.questions


class Noise(Protocol):
    """
    Who is told of a line that is no message.
    """

    def __call__(self, line: bytes, why: str) -> None:
        """
        Hear the line, and what is wrong with it.
        """
