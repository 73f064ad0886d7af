# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients of the official SDKs over WebSocket; they can bring nothing but a ticket.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.live import environment, node
from tests.live.look import CLIENTS, LEGACY, LookTests, Program

_DOOR = {"door": "websocket"}


async def _python() -> Program:
    python = await environment.python(reactor, "sdk-ws", "mcp[ws]", "1.30.0")
    # It says of itself that it will be removed.
    return Program((python, "-W", "ignore", str(CLIENTS / "sdk1.py")), more=_DOOR)


async def _npm() -> Program:
    command = await node.program(reactor, str(CLIENTS / "npm1.cjs"))
    environ = {"NODE_PATH": str(node.MODULES)}
    return Program(command, environ, more=_DOOR, lacks=("version", "progress"))


class TicketTests(LookTests):
    """
    What somebody sees who uses an official SDK's WebSocket client with a ticket.
    """

    def test_python(self) -> Deferred[None]:
        """
        A program with version 1 of the SDK for Python uses all that plugins of both eras have.
        """
        return self.daemon(reactor, _python, "legacy", LEGACY)

    def test_npm(self) -> Deferred[None]:
        """
        A program with version 1 of the SDK for TypeScript does so, too, progress aside.
        """
        return self.daemon(reactor, _npm, "legacy", LEGACY)
