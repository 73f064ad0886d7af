# -*- test-case-name: tests.web.test_health -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Whether the daemon is alive and ready, for whoever asks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from attrs import frozen

from mcpd.web.head import Head
from mcpd.web.reply import Reply
from mcpd.web.site import Request


@frozen
class Health:
    """
    One yes or no.  It needs no credentials, and says nothing else.

    Attributes:
        word: What is told, ``alive`` or ``ready``.
        tell: Tells whether it is so.
    """

    methods: ClassVar[tuple[bytes, ...]] = (b"GET", b"HEAD")

    word: str
    tell: Callable[[], bool]

    def admit(self, head: Head) -> str:
        """
        Let anyone ask.
        """
        return "anonymous"

    def serve(self, request: Request, reply: Reply) -> None:
        """
        Answer 200 and true, or 503 and false.
        """
        well = self.tell()
        body = b'{"%b":%b}' % (self.word.encode(), b"true" if well else b"false")
        reply.answer((body,), 200 if well else 503)
