# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Clients of the official TypeScript SDK, both of its major versions, against a real daemon.
"""

from __future__ import annotations

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.live import node
from tests.live.look import CLIENTS, LEGACY, MODERN, LookTests, Program

_ENVIRONMENT = {"NODE_PATH": str(node.MODULES)}


async def _one() -> Program:
    return Program(await node.program(reactor, str(CLIENTS / "npm1.cjs")), _ENVIRONMENT)


async def _two() -> Program:
    return Program(await node.program(reactor, str(CLIENTS / "npm2.cjs")), _ENVIRONMENT)


async def _one_piped() -> Program:
    command = await node.program(reactor, str(CLIENTS / "npm1.cjs"))
    return Program(command, _ENVIRONMENT, lacks=("version", "progress"))


async def _two_piped() -> Program:
    command = await node.program(reactor, str(CLIENTS / "npm2.cjs"))
    return Program(command, _ENVIRONMENT, lacks=("progress",))


class NPMTests(LookTests):
    """
    What somebody sees who uses the official SDK for TypeScript with a key.
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
        A program with version 2 that shakes hands, as it does if nothing else is said, is served as well.
        """
        return self.daemon(reactor, _two, "legacy", LEGACY)

    def test_2_modern(self) -> Deferred[None]:
        """
        A program with version 2 that is pinned to the modern revision is offered that.
        """
        return self.daemon(reactor, _two, MODERN, MODERN)

    def test_1_plugin(self) -> Deferred[None]:
        """
        What version 1 sees through the daemon is what it sees at the plugin itself, progress aside.
        """
        return self.plugin(reactor, _one_piped, "legacy", "legacy", LEGACY)

    def test_2_plugin(self) -> Deferred[None]:
        """
        What version 2 sees through the daemon is what it sees at the plugin itself, progress aside.
        """
        return self.plugin(reactor, _two_piped, "modern", "auto", MODERN)
