# -*- test-case-name: tests.relay.test_naming -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Public names: a plugin's own names, told apart by its prefix.

A public name is only ever looked up, never taken apart, so a prefix and an own
name may have the joint in them.
"""

from __future__ import annotations

import re
from hashlib import sha256

_JOINT = "__"
# What a tool's name may have (MCP 2025-11-25, "Tool Names").
_ILLEGAL = re.compile(r"[^A-Za-z0-9_.-]", re.ASCII)
_DIGITS = 8


def public(prefix: str, own: str, limit: int) -> str:
    """
    Make the public name of something.

    What does not fit is made to: illegal characters become ``_``, what is too
    long is cut, and a tail that depends on nothing but ``prefix`` and ``own``
    tells it from other names that would look the same then.

    Args:
        prefix: What stands before the plugin's names; empty: nothing.
        own: The plugin's own name.
        limit: Most characters of the public name, at least 1.
    """
    name = f"{prefix}{_JOINT}{own}" if prefix else own
    fitted = _ILLEGAL.sub("_", name)
    if fitted == name and 0 < len(name) <= limit:
        return name
    # A zero, which no name has in it, parts the two.
    tail = "_" + sha256(f"{prefix}\0{own}".encode()).hexdigest()[:_DIGITS]
    return (fitted[: max(limit - len(tail), 0)] + tail)[-limit:]
