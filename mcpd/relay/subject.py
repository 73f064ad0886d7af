# -*- test-case-name: tests.relay.test_eras -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an exchange is about, as far as its answer depends on it.
"""

from __future__ import annotations

from msgspec import Struct


class Subject(Struct, frozen=True, eq=False):
    """
    What an exchange is about.

    Attributes:
        method: The method.
        wrapped: Whether structured results need an object around them for
            legacy clients (:class:`mcpd.wire.offer.Tool`).
        uri: The resource that is read; empty for other methods.
        private: Whether the answer may be kept for this principal only
            (``cacheScope``, for what can be kept at all).
        links: Whether the result may mention resources that can be read: a
            plugin without any has none to mention, and needs no search.
    """

    method: str
    wrapped: bool = False
    uri: str = ""
    private: bool = True
    links: bool = False
