# -*- test-case-name: tests.wire.test_level -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How grave a log message is (MCP, "Logging", "Log Levels"; RFC 5424, section 6.2.1).
"""

from __future__ import annotations

LEVELS = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""Every level, from the least to the gravest."""

_RANKS = {level: rank for rank, level in enumerate(LEVELS)}


def reaches(level: str, least: str) -> bool:
    """
    Say whether a message of a level is for somebody who wants no lesser ones than ``least``.

    What is no level reaches nobody, and nothing reaches who asks for what is none.
    """
    return level in _RANKS and least in _RANKS and _RANKS[level] >= _RANKS[least]
