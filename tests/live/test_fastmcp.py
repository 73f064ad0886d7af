# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A client of FastMCP against a real daemon.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.live import environment
from tests.live.look import CLIENTS, LEGACY, MODERN, LookTests, Program


async def _client() -> Program:
    # What fastmcp itself requires, without its server.
    python = await environment.python(reactor, "fastmcp", "fastmcp-slim[client]", "4.1.6")
    return Program((python, str(CLIENTS / "fast.py")))


class FastMCPTests(LookTests):
    """
    What somebody sees who uses FastMCP with a key.
    """

    def test_auto(self) -> Deferred[None]:
        """
        A program that finds out what the server speaks uses all that plugins of both eras have.
        """
        return self.daemon(reactor, _client, "auto", MODERN)

    def test_legacy(self) -> Deferred[None]:
        """
        A program that insists on the handshake is served as well.
        """
        return self.daemon(reactor, _client, "legacy", LEGACY)

    def test_plugin(self) -> Deferred[None]:
        """
        What it sees through the daemon is what it sees at the plugin itself.
        """
        return self.plugin(reactor, _client, "modern", "auto", MODERN)
