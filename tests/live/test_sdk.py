# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients of the official Python SDK, both of its major versions, against a real daemon.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.live import environment
from tests.live.look import CLIENTS, LEGACY, MODERN, LookTests, Program


async def _one() -> Program:
    python = await environment.python(reactor, "sdk", "mcp", "1.30.0")
    return Program((python, str(CLIENTS / "sdk1.py")))


async def _two() -> Program:
    python = await environment.python(reactor, "sdk", "mcp", "2.3.0")
    return Program((python, str(CLIENTS / "sdk2.py")))


class SDKTests(LookTests):
    """
    What somebody sees who uses the official SDK for Python with a key.
    """

    def test_1(self) -> Deferred[None]:
        """
        A program with version 1 of the SDK uses all that plugins of both eras have, and hears of changes.
        """
        return self.daemon(reactor, _one, "legacy", LEGACY)

    def test_2_auto(self) -> Deferred[None]:
        """
        A program with version 2 that finds out what the server speaks finds the modern era.
        """
        return self.daemon(reactor, _two, "auto", MODERN)

    def test_2_legacy(self) -> Deferred[None]:
        """
        A program with version 2 that insists on the handshake is served as well.
        """
        return self.daemon(reactor, _two, "legacy", LEGACY)

    def test_2_modern(self) -> Deferred[None]:
        """
        A program with version 2 that is pinned to the modern revision needs no discovery.
        """
        return self.daemon(reactor, _two, MODERN, MODERN)

    def test_1_plugin(self) -> Deferred[None]:
        """
        What version 1 sees through the daemon is what it sees at the plugin itself.
        """
        return self.plugin(reactor, _one, "legacy", "legacy", LEGACY)

    def test_2_plugin(self) -> Deferred[None]:
        """
        What version 2 sees through the daemon is what it sees at the plugin itself.
        """
        return self.plugin(reactor, _two, "modern", "auto", MODERN)
