# -*- test-case-name: tests.daemon.test_served -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What is served at a listener, path by path, and what it shows of itself.
"""

from __future__ import annotations

from collections.abc import Callable

from mcpd.access.authority import local_pair
from mcpd.access.credentials import KeyCredentials, Keyring, NoCredentials, SocketCredentials
from mcpd.config.again import Loaded
from mcpd.config.identities import identity
from mcpd.daemon.gate import Gate, Identities
from mcpd.daemon.world import World
from mcpd.relay.router import Router
from mcpd.web import ticket
from mcpd.web.health import Health
from mcpd.web.mcp import Mcp
from mcpd.web.site import Resource
from mcpd.web.socket import Sockets


def served(gate: Gate, router: Router, keys: Keyring, is_ready: Callable[[], bool]) -> dict[bytes, Resource]:
    """
    Tell what is served at a listener, by path.

    Args:
        gate: The listener.
        router: Takes messages.
        keys: The keys that open.
        is_ready: Says whether the daemon is ready.
    """
    listen, porch = gate.listen, gate.doors.porch
    judge = KeyCredentials(keys) if listen.auth == "required" else NoCredentials()
    resources: dict[bytes, Resource] = {}
    if "mcp" in listen.serve:
        resources[b"/mcp"] = resources[b"/mcp/"] = Mcp(router, judge)
    if "websocket" in listen.serve:
        opening = SocketCredentials(judge, gate.tickets)
        sockets = Sockets(router, opening, gate.sockets, lambda: porch.mint.mint(porch.clock.seconds()))
        resources[b"/ws"] = resources[b"/ws/"] = sockets
        resources[ticket.PATH.encode()] = ticket.TicketOffice(router, judge, gate.tickets)
    if "health" in listen.serve:
        resources[b"/healthz"] = Health("alive", lambda: True)
        resources[b"/readyz"] = Health("ready", is_ready)
    return resources


def shown(loaded: Loaded, world: World) -> Identities:
    """
    Tell what listeners show of themselves.

    The local authority's certificate is made here, in a state folder that is ours.

    Raises:
        UnsafeFolder: Somebody else could change it there.
        UnusableTls: It can't be used.
        OSError: It can't be written or read.
    """
    tables = [listen.tls for listen in loaded.settings.listen]
    if loaded.local_authority is None:
        pairs = zip(tables, loaded.identities, strict=True)
        return {tls: known for tls, known in pairs if tls is not None and known is not None}
    local_pair(loaded.local_authority, world.now())
    return {tls: identity(tls, world.environ, world.uid, world.now()) for tls in tables if tls is not None}
