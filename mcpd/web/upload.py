# -*- test-case-name: tests.web.test_http -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A body on its way in, with its bounds: length, time, pace, and what all bodies hold.
"""

from __future__ import annotations

from attrs import define, field

from mcpd.web.chunks import Chunked, Measured
from mcpd.web.head import CHUNKED, Head, Outline
from mcpd.web.ledger import Ledger
from mcpd.web.reply import Reply
from mcpd.web.site import Resource
from mcpd.web.spec import Limits
from mcpd.wire.fault import Fault, Kind

_START = 5.0
"""Seconds before a body's pace is judged, and one second between judgements from then on."""


def unwanted(outline: Outline) -> Fault:
    """
    Tell what is wrong with a body that is encoded or longer than it may be.
    """
    if outline.encoded:
        return Fault(Kind.UNSUPPORTED_TYPE, "a body may have no Content-Encoding")
    return Fault(Kind.TOO_LARGE, "the body is longer than limits.body")


@define(eq=False)
class Upload:
    """
    One body that did not come with its head.

    Attributes:
        outline: What its head says.
        resource: What it is for.
        head: Its request's head.
        caller: The principal's name.
        reply: The way back.
        began: When the head was there, in seconds.
    """

    outline: Outline
    resource: Resource
    head: Head
    caller: str
    reply: Reply
    began: float
    _limits: Limits
    _ledger: Ledger
    _body: Measured | Chunked = field(init=False)
    _counted: int = field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        length = self.outline.length
        self._body = Chunked(self._limits.body) if length == CHUNKED else Measured(length)

    @property
    def body(self) -> bytes:
        """
        What has come.
        """
        return bytes(self._body.kept)

    def feed(self, data: bytes) -> bytes | None:
        """
        Take a piece.

        Returns:
            What follows the body, or None while the body is not whole.

        Raises:
            Fault: It is malformed, too long, or one too many.
        """
        rest = self._body.feed(data)
        kept = len(self._body.kept)
        grown, self._counted = kept - self._counted, kept
        if not self._ledger.keep(grown):
            raise Fault(
                Kind.OVERLOADED,
                "too many bodies are under way; the setting is limits.buffered",
                headers=((b"Retry-After", b"1"),),
            )
        return rest

    def check(self, now: float) -> float:
        """
        Judge the time that it takes.

        Returns:
            When to judge again, in seconds.

        Raises:
            Fault: It takes too long.
        """
        limits = self._limits
        spent = now - self.began
        if spent >= limits.body_timeout:
            raise Fault(Kind.TOO_SLOW, "the body took longer than limits.body_timeout")
        if spent >= _START and self._counted < limits.body_rate * spent:
            raise Fault(Kind.TOO_SLOW, "the body came slower than limits.body_rate")
        return min(max(self.began + _START, now + 1), self.began + limits.body_timeout)

    def end(self) -> None:
        """
        Count it no longer.
        """
        self._ledger.drop(self._counted)
        self._counted = 0
