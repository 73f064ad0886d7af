# -*- test-case-name: tests.config.test_load -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an operator may say of legacy clients' sessions.
"""

from __future__ import annotations

from attrs import frozen

from mcpd.units import Seconds


@frozen
class SessionLimits:
    """
    The ``[sessions]`` table.

    Attributes:
        idle: How long a session may be silent.
        life: How long it may live, used or not.
        per_principal: Sessions of one principal; its oldest idle one gives way.
        total: Sessions of all; the oldest idle one gives way.
    """

    idle: Seconds = Seconds(1800)
    life: Seconds = Seconds(43200)
    per_principal: int = 512
    total: int = 4096
