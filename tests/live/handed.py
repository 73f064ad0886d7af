# -*- test-case-name: tests.live.test_activation -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A service manager in small: it holds sockets, hands them to a daemon, and hears how the daemon fares.
"""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet.protocol import DatagramProtocol

from tests.live import daemon
from tests.live.client import holds
from tests.live.process import ROOT, Run

_FIRST = 3  # sd_listen_fds(3)
_PATIENCE = 30.0
# The variable has to have the number of the program, which is only known in its process.
_SHELL = ("/bin/sh", "-c", 'LISTEN_PID=$$ exec "$@"', "sh")


@define(eq=False)
class Manager(DatagramProtocol):
    """
    Who is told how a daemon fares.

    Attributes:
        path: Where.
        said: What it was told, assignment by assignment.
    """

    _reactor: Any
    path: str
    said: list[str] = field(factory=list)
    _port: Any = None

    @classmethod
    def begin(cls, reactor: Any) -> Manager:
        """
        Listen, where the path is short enough for a socket.
        """
        made = cls(reactor, str(Path(tempfile.mkdtemp()) / "notify"))
        made._port = reactor.listenUNIXDatagram(made.path, made)
        return made

    def datagramReceived(self, datagram: bytes, addr: object) -> None:
        """
        Keep what it is told.
        """
        self.said += datagram.decode().split("\n")

    async def hears(self, what: str, seconds: float = _PATIENCE) -> bool:
        """
        Wait for an assignment, and say whether it came.
        """
        return await holds(self._reactor, lambda: what in self.said, seconds)

    async def end(self) -> None:
        """
        Stop listening.
        """
        await self._port.stopListening()
        shutil.rmtree(os.path.dirname(self.path))


def hold(port: int = 0) -> socket.socket:
    """
    Make a socket in which clients wait, daemon or not.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", port))
    held.listen(1024)
    return held


def hand_over(
    reactor: Any,
    command: Sequence[str],
    sockets: Mapping[str, socket.socket],
    environment: Mapping[str, str] | None = None,
) -> Run:
    """
    Start a program as a service with sockets, in the root of the checkout.

    Args:
        reactor: The reactor.
        command: The program and its arguments.
        sockets: Them, by name.
        environment: What stands in its environment besides.
    """
    run = Run()
    env = {**os.environ, **(environment or {})}
    env |= {"LISTEN_FDS": str(len(sockets)), "LISTEN_FDNAMES": ":".join(sockets)}
    numbers: dict[int, Any] = {0: "w", 1: "r", 2: "r"}
    numbers |= {_FIRST + index: held.fileno() for index, held in enumerate(sockets.values())}
    reactor.spawnProcess(run, _SHELL[0], [*_SHELL, *command], env=env, path=str(ROOT), childFDs=numbers)
    return run


def configure(folder: Path, port: int, plugins: daemon.Tables, listen: str) -> Path:
    """
    Write a configuration.

    Args:
        folder: Where to, and for the daemon's state.
        port: A number by which its admin socket is named.
        plugins: What it runs.
        listen: The lines of its one listener; it needs keys.
    """
    text = daemon.configuration(folder, port, "required", plugins, {})
    config = folder / "mcpd.toml"
    config.write_text(text.replace(f'endpoint = "tcp:{port}:interface=127.0.0.1"', listen))
    return config
