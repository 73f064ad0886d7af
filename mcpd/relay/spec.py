# -*- test-case-name: tests.config.test_load -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an operator may say of legacy clients' sessions, and of the catalog.
"""

from __future__ import annotations

from attrs import frozen

from mcpd.units import Bytes, Seconds, Wait


@frozen
class SessionLimits:
    """
    The ``[sessions]`` table.

    Attributes:
        idle: How long a session may be silent.
        life: How long it may live, used or not.
        per_principal: Sessions of one principal; its oldest idle one gives way.
        total: Sessions of all; the oldest idle one gives way.
        replay_events: Events of a session's streams that are kept for a client
            which was cut off; the oldest give way.
        replay_bytes: Bytes of them together.
        replay_total: Bytes of all sessions' events together, and what it takes
            to keep them; beyond it an event is not kept, unless older ones of
            its own session make room.
        replay_streams: Streams of a session that can be resumed; the oldest one
            that is over gives way.
        poll: Seconds after which a client that knows how to come back for an
            answer is sent away; 0: never.
    """

    idle: Seconds = Seconds(1800)
    life: Seconds = Seconds(43200)
    per_principal: int = 512
    total: int = 4096
    replay_events: int = 256
    replay_bytes: Bytes = Bytes(1 << 20)
    replay_total: Bytes = Bytes(64 << 20)
    replay_streams: int = 64
    poll: Wait = Wait(0)


@frozen
class CatalogLimits:
    """
    The ``[catalog]`` table.

    Attributes:
        name_limit: Characters of a public name of a tool or prompt; many hosts
            take no more than 64.
        page: Items of a list that a client is given at once.
        instructions: Bytes of what plugins tell models about themselves, of all
            together.
        links: How many URIs are remembered that plugins have told in results.
        ttl: How long modern clients may keep a list without asking again.
    """

    name_limit: int = 64
    page: int = 1000
    instructions: Bytes = Bytes(16 << 10)
    links: int = 10000
    ttl: Wait = Wait(0)
