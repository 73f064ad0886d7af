# -*- test-case-name: tests.daemon.test_world -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a daemon is given of the machine.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

from attrs import frozen
from twisted.internet.interfaces import IListeningPort, IProtocolFactory

from mcpd.admin.door import AdminDoor
from mcpd.daemon.sockets import Sockets
from mcpd.sandbox.kill import Tree
from mcpd.sandbox.leftovers import sweep_leftovers
from mcpd.sandbox.limits import Limits
from mcpd.sandbox.orphans import Orphans, adopt
from mcpd.sandbox.plan import Confinement, ProgramMissing, find_program
from mcpd.sandbox.proc import PROC, Proc
from mcpd.store.database import Run
from mcpd.store.thread import Thread
from mcpd.store.verdicts import artefact
from mcpd.systemd import Handed, Notifier, started_with
from mcpd.web.spec import Listen
from mcpd.workers.channel import Channel, Spawn
from mcpd.workers.pipe import Ears, Pipe
from mcpd.workers.spec import Plugin
from mcpd.workers.state import Layer

Handler = Callable[[int, FrameType | None], object] | signal.Handlers


def _has_terminal() -> bool:
    return os.isatty(0)


class Nursery(Protocol):
    """
    Who looks after what workers leave behind (:class:`mcpd.sandbox.orphans.Orphans`).
    """

    def begin(self) -> None: ...  # noqa: D102  described there

    def mark(self) -> str: ...  # noqa: D102

    def tree(self, mark: str, pid: int) -> Tree: ...  # noqa: D102

    async def stop(self) -> None: ...  # noqa: D102


@frozen(eq=False)
class World:
    """
    What a daemon is given of the machine.

    Attributes:
        reactor: Runs it; provides the interfaces of Twisted's own.
        entropy: Gives so many random bytes.
        chance: Gives a number from 0 to 1, for jitter.
        now: Tells the time: seconds since 1970, UTC.
        environ: The environment, from which plugins may inherit.
        uid: The number of the user that it runs as.
        user: That user's name.
        python: The interpreter for the launcher.
        proc: Where the kernel tells about processes.
        adopt: Makes what descendants leave behind children of the daemon.
        has_terminal: Tells whether the standard input is a terminal.
        heed: Has something called at a signal (``signal.signal``).
        monotonic: Tells the time of CLOCK_MONOTONIC, in seconds.
    """

    reactor: Any
    entropy: Callable[[int], bytes]
    chance: Callable[[], float]
    now: Callable[[], float]
    environ: Mapping[str, str]
    uid: int
    user: str
    python: str
    proc: Proc = PROC
    adopt: Callable[[], None] = adopt
    has_terminal: Callable[[], bool] = _has_terminal
    heed: Callable[[int, Handler], object] = signal.signal
    monotonic: Callable[[], float] = time.monotonic

    def thread(self) -> Run:
        """
        Make the thread that may wait for a disk.
        """
        return Thread(self.reactor).run

    def nursery(self, state: str) -> Nursery:
        """
        Make what looks after the orphans of workers.

        Args:
            state: The name of the state folder (:func:`mcpd.sandbox.mark.state_id`).
        """
        return Orphans(self.reactor, state, self.entropy, self.proc, adopt=self.adopt)

    def sweep(self, state: str) -> int:
        """
        Kill what a killed daemon left behind.

        Args:
            state: As for :meth:`nursery`.

        Returns:
            How many processes there were.
        """
        return sweep_leftovers(state, self.proc)

    def open(self, listen: Listen, factory: IProtocolFactory, backlog: int) -> IListeningPort:
        """
        Listen to clients (:meth:`mcpd.daemon.sockets.Sockets.open`).
        """
        handed = Handed.of(started_with(), os.getpid())
        return Sockets(self.reactor, self.uid, handed).open(listen, factory, backlog)

    def manager(self) -> Notifier:
        """
        Make what tells the service manager how the daemon fares.
        """
        return Notifier.of(self.environ, os.getpid())

    def open_admin(self, door: AdminDoor, folder: str) -> IListeningPort:
        """
        Listen to operators.

        Args:
            door: Lets them in.
            folder: The runtime folder.

        Raises:
            Troubled: LISTEN, the socket can't be there.
            CannotListenError: Likewise.
        """
        return door.open(self.reactor, folder)

    def on_hangup(self, call: Callable[[], None]) -> None:
        """
        Have something called at each SIGHUP.

        With a terminal on standard input that signal says that the terminal is
        gone: then the daemon stops, in order.
        """
        # A handler runs between any two instructions: it only leaves word.
        if self.has_terminal():
            self.heed(signal.SIGHUP, lambda number, frame: self._hang_up())
        else:
            self.heed(signal.SIGHUP, lambda number, frame: self.reactor.callFromThread(call))

    def _hang_up(self) -> None:
        # The kernel says it, and the shell may say it again.
        self.heed(signal.SIGHUP, signal.SIG_IGN)
        self.reactor.callFromThread(self.reactor.stop)

    def spawner(self, plugin: Plugin, home: Path, nursery: Nursery) -> Spawn:
        """
        Make what starts a plugin's workers.

        Args:
            plugin: What was configured.
            home: The plugin's own folder.
            nursery: Looks after what they leave behind.
        """
        confinement = Confinement(self.python, home, plugin.cwd, plugin.path, _limits(plugin))

        def spawn(ears: Ears) -> Channel:
            confinement.prepare()
            command = (find_program(plugin.command[0], plugin.path), *plugin.command[1:])
            mark = nursery.mark()
            launch = confinement.plan(
                plugin.name, command, self._extra(plugin), parent=os.getpid(), user=self.user, mark=mark
            )
            tree = partial(nursery.tree, mark)
            return Pipe.spawn(self.reactor, launch, plugin.limits.message, ears, tree)

        return spawn

    def artefact(self, plugin: Plugin, home: Path) -> bytes:
        """
        Tell a plugin's program, as it is now, from any other.

        Args:
            plugin: What was configured.
            home: The plugin's own folder.
        """
        program, *arguments = plugin.command
        try:
            program = find_program(program, plugin.path)
        except ProgramMissing:
            # It will be another one once it is there.
            arguments.append("missing")
        return artefact((program, *arguments), plugin.cwd or str(home), self._extra(plugin))

    def layers(self, plugin: Plugin) -> tuple[Layer, ...]:
        """
        Tell how a plugin's limits are held.
        """
        return tuple(Layer(*held) for held in _limits(plugin).held())

    def _extra(self, plugin: Plugin) -> dict[str, str]:
        inherited = {name: self.environ[name] for name in plugin.inherit if name in self.environ}
        return {**inherited, **plugin.env}


def _limits(plugin: Plugin) -> Limits:
    limits = plugin.limits
    return Limits(limits.memory, limits.processes, limits.open_files, limits.file_size)
