# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests of a daemon have in common.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from socket import socket, socketpair
from typing import Any

from attrs import evolve
from twisted.internet.address import UNIXAddress
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from mcpd.admin.verbs import Verbs, Visit
from mcpd.config.settings import Settings
from mcpd.events import Event, Publisher
from mcpd.testing.asked import Asked
from mcpd.testing.daemon import ADMIN, MemoryDaemon, settings
from mcpd.testing.worker import Answers, FakeChannel, legacy, modern, tools
from mcpd.wire.message import Request
from mcpd.workers.spec import Plugin
from mcpd.workers.state import PluginState

SILENT: Answers = legacy(tools("wait"), lambda request: None)
WAITING: Answers = modern(tools("wait"), lambda request: None)
PLUGIN = Plugin("p", ("x",))


def descriptors() -> int:
    """
    Count the descriptors that are open.
    """
    return len(os.listdir("/proc/self/fd"))


def answer(worker: FakeChannel) -> None:
    """
    Have a worker answer the call that it was given last.
    """
    last = [said for said in worker.said if isinstance(said, Request)][-1]
    result = {"resultType": "complete", "content": []}
    line = {"jsonrpc": "2.0", "id": json.loads(last.id), "result": result}
    worker.write(json.dumps(line).encode())


class Wire(StringTransport):
    """
    An operator's connection: the kernel vouches for who it is, which is who runs the tests.
    """

    def __init__(self, handle: socket) -> None:
        super().__init__()
        self._handle = handle

    def getHandle(self) -> socket:
        """
        Give the socket.
        """
        return self._handle


class Operator:
    """
    Somebody who is connected to the admin socket.
    """

    def __init__(self, memory: MemoryDaemon) -> None:
        ours, theirs = socketpair()
        with ours, theirs:
            talk = memory.reactor.ports[ADMIN].factory.buildProtocol(UNIXAddress(""))
            assert talk is not None
            self._talk, self._wire = talk, Wire(ours)
            talk.makeConnection(self._wire)

    def ask(self, verb: str) -> Any:
        """
        Ask for something; what is answered at once.
        """
        self._wire.clear()
        self._talk.dataReceived(b'{"jsonrpc":"2.0","id":1,"method":"%b"}\n' % verb.encode())
        return json.loads(self._wire.value())

    @property
    def is_connected(self) -> bool:
        """
        Whether nobody has hung up.
        """
        return not self._wire.disconnecting


class DaemonCase(SynchronousTestCase):
    """
    Has a place for a state folder, and daemons that are stopped after a test.
    """

    def setUp(self) -> None:
        """
        Have a place for a state folder.
        """
        self.folder = Path(self.mktemp())

    def settings(self, *plugins: Plugin, **listen: Any) -> Settings:
        """
        Make settings.
        """
        return settings(self.folder, *plugins, **listen)

    def started(self, configured: Settings, **answers: Answers) -> MemoryDaemon:
        """
        Start a daemon, which is stopped after the test if it still runs.
        """
        return self.running(MemoryDaemon(configured, answers))

    def running(self, memory: MemoryDaemon) -> MemoryDaemon:
        """
        Start one that is made already, likewise.
        """
        memory.start()
        self.addCleanup(self.stopped, memory)
        return memory

    def stopped(self, memory: MemoryDaemon) -> None:
        """
        Stop a daemon, if it runs.
        """
        if memory.daemon.running:
            stopped = memory.stop()
            # Its doors close, what runs has its time, and so have the workers.
            memory.reactor.pump([0, 30, 10])
            self.successResultOf(stopped)

    def ask(self, memory: MemoryDaemon, verb: str, **params: Any) -> Deferred[Any]:
        """
        Ask for something as ``mcpctl`` does.
        """
        world, publisher = memory.world, Publisher()
        publisher.observe(memory.events.append)
        verbs = Verbs(memory.daemon, publisher, world.now, world.entropy)
        asked = Deferred.fromCoroutine(
            verbs.ask(Visit("uid:root", lambda line: None), verb, json.dumps(params).encode())
        )
        memory.reactor.advance(0)
        return asked

    def reload(self, memory: MemoryDaemon, *plugins: Plugin, **sections: Any) -> list[Event]:
        """
        Configure other plugins, and other sections, and reload; what was told.
        """
        memory.settings = evolve(memory.settings, plugins=plugins, **sections)
        before = len(memory.events)
        for call in memory.world.hangups:
            call()
        memory.reactor.advance(0)
        return memory.events[before:]

    def names(self, memory: MemoryDaemon) -> list[str]:
        """
        List the tools.
        """
        return [tool["name"] for tool in memory.modern().ask("tools/list").result["tools"]]

    def call(self, memory: MemoryDaemon, tool: str) -> Asked:
        """
        Call a tool.
        """
        asked = memory.modern().ask("tools/call", {"name": tool, "arguments": {}})
        memory.reactor.advance(0)
        return asked

    def state(self, memory: MemoryDaemon, name: str = "p") -> PluginState:
        """
        Tell how a plugin fares.
        """
        (state,) = (each for each in memory.daemon.status().plugins if each.name == name)
        return state

    def pids(self, memory: MemoryDaemon, name: str = "p") -> list[int]:
        """
        Tell the process ids of a plugin's workers.
        """
        return [worker.pid for worker in self.state(memory, name).workers]
