# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The official inspector's command lines against a real daemon.
"""

from __future__ import annotations

import sys

from twisted.internet import reactor
from twisted.internet.defer import Deferred

from tests.live import node
from tests.live.look import CLIENTS, LEGACY, MODERN, LookTests, Program


async def _inspector() -> Program:
    more = {"cli": await node.inspector(reactor), "mcpdo": await node.mcpdo(reactor)}
    command = (sys.executable, str(CLIENTS / "inspector.py"))
    return Program(command, more=more, lacks=("progress", "changed"))


class InspectorTests(LookTests):
    """
    What somebody sees who types the inspector's commands, with a key.
    """

    def test_legacy(self) -> Deferred[None]:
        """
        The inspector's commands, as they are typed, show all that plugins of both eras have.
        """
        return self.daemon(reactor, _inspector, "legacy", LEGACY)

    def test_modern(self) -> Deferred[None]:
        """
        Told to speak the modern era alone, they do.
        """
        return self.daemon(reactor, _inspector, "modern", MODERN)

    def test_plugin(self) -> Deferred[None]:
        """
        What they show through the daemon is what they show of the plugin itself.
        """
        return self.plugin(reactor, _inspector, "legacy", "legacy", LEGACY)
