# -*- test-case-name: tests.test_systemd -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a service manager is told, and what it hands over.

The protocols are systemd's, small and stable: sd_notify(3), sd_watchdog_enabled(3)
and sd_listen_fds(3).  Where nobody manages us nothing is said and nothing was
handed over.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

from attrs import define, field, frozen
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall

FIRST = 3
"""The first descriptor that is handed over: SD_LISTEN_FDS_START."""

MOST = 1024
"""Descriptors that may be handed over."""

PATIENCE = 10.0
"""Seconds after which a daemon is said to be ready, whatever it still waits for."""

_LOOK = 0.1
_UNNAMED = "unknown"  # sd_listen_fds_with_names(3)


def started_with(file: Path = Path("/proc/self/environ")) -> dict[str, str]:
    """
    Tell the environment that this process was started with.

    Twisted takes ``LISTEN_PID`` and ``LISTEN_FDS`` out of ``os.environ`` as soon
    as its endpoints are imported.

    Args:
        file: Where the kernel keeps it (proc(5)).

    Returns:
        It; nothing if the kernel does not show it.
    """
    try:
        entries = file.read_bytes().split(b"\0")
    except OSError:
        return {}
    pairs = (os.fsdecode(entry).partition("=") for entry in entries if entry)
    return {name: value for name, _, value in pairs}


def send_datagram(address: str, data: bytes) -> None:
    """
    Send one datagram to a UNIX socket, without ever waiting.

    Args:
        address: Its path; ``@`` at the beginning: an abstract name (unix(7)).
        data: What is sent.

    Raises:
        OSError: It can't be sent.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as away:
        away.setblocking(False)
        away.sendto(data, "\0" + address[1:] if address.startswith("@") else address)


@define(eq=False)
class Notifier:
    """
    Tells the service manager how the daemon fares.

    What can't be told is lost: a daemon serves on without its manager.

    Attributes:
        watchdog: Seconds within which a sign of life is expected; 0: none is.
    """

    _address: str
    watchdog: float = 0.0
    _send: Callable[[str, bytes], None] = send_datagram
    _loops: list[LoopingCall] = field(init=False, factory=list)

    @classmethod
    def of(
        cls, environ: Mapping[str, str], pid: int, send: Callable[[str, bytes], None] = send_datagram
    ) -> Notifier:
        """
        Make one of what the service manager left in the environment.

        Args:
            environ: The environment: ``NOTIFY_SOCKET``, ``WATCHDOG_USEC``, ``WATCHDOG_PID``.
            pid: Our process id.
            send: Sends a datagram to an address.
        """
        meant = environ.get("WATCHDOG_PID", str(pid)) == str(pid)
        watchdog = _number(environ.get("WATCHDOG_USEC", "")) / 1e6 if meant else 0.0
        return cls(environ.get("NOTIFY_SOCKET", ""), watchdog, send)

    def begin(self, clock: IReactorTime, is_ready: Callable[[], bool], status: Callable[[], str]) -> None:
        """
        Say that the daemon is ready once it is, and show signs of life from now on.

        Args:
            clock: Calls later.  A reactor that is stuck shows no signs of life.
            is_ready: Says whether it is; after :data:`PATIENCE` seconds it is taken for ready.
            status: Says what an operator sees beside it, in a line.
        """
        if not self._address:
            return
        until = clock.seconds() + PATIENCE

        def look() -> None:
            if is_ready() or clock.seconds() >= until:
                looking.stop()
                self.ready(status())

        looking = self._loop(clock, look, _LOOK)
        if self.watchdog:
            # As sd_watchdog_enabled(3) recommends: twice as often as expected.
            self._loop(clock, lambda: self._tell("WATCHDOG=1"), self.watchdog / 2)

    def ready(self, status: str) -> None:
        """
        Say that clients may come: after the start, and after each :meth:`reloading`.
        """
        self._tell("READY=1", f"STATUS={_line(status)}")

    def reloading(self, monotonic: int) -> None:
        """
        Say that the configuration is being read again.

        Args:
            monotonic: CLOCK_MONOTONIC's time, in microseconds.
        """
        self._tell("RELOADING=1", f"MONOTONIC_USEC={monotonic}")

    def stopping(self) -> None:
        """
        Say that the daemon stops; it still shows signs of life.
        """
        for loop in self._loops[:1]:
            if loop.running:
                loop.stop()
        self._tell("STOPPING=1")

    def end(self) -> None:
        """
        Show no more signs of life.
        """
        for loop in self._loops:
            if loop.running:
                loop.stop()

    def _loop(self, clock: IReactorTime, call: Callable[[], None], pause: float) -> LoopingCall:
        loop = LoopingCall(call)
        loop.clock = clock
        self._loops.append(loop)
        loop.start(pause, now=False)
        return loop

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        # Nobody may be there, or nobody who reads: see the class.
        with suppress(OSError):
            self._send(self._address, "\n".join(lines).encode("utf-8", "replace"))


class NotHanded(Exception):
    """
    A descriptor was not handed over; the text says why, for an operator.
    """


@frozen
class Handed:
    """
    The descriptors that were handed over.

    Attributes:
        names: Their names, in order.
        why: Why there are none; empty if there are.
        first: The number of the first.
    """

    names: tuple[str, ...]
    why: str = ""
    first: int = FIRST

    @classmethod
    def of(cls, environ: Mapping[str, str], pid: int) -> Handed:
        """
        Find out what was handed over.

        Args:
            environ: The environment that we were started with
                (:func:`started_with`): ``LISTEN_PID``, ``LISTEN_FDS``, ``LISTEN_FDNAMES``.
            pid: Our process id.
        """
        count, meant = _number(environ.get("LISTEN_FDS", "")), environ.get("LISTEN_PID", "")
        if not count:
            return cls((), "no socket was handed over: start the daemon through its .socket unit")
        if meant != str(pid):
            why = (
                f"the sockets were handed to process {meant or '(none)'}, which is not us: run twistd with -n"
            )
            return cls((), why)
        if count > MOST:
            return cls((), f"LISTEN_FDS is {count}; at most {MOST} are taken")
        named = environ.get("LISTEN_FDNAMES")
        names = (_UNNAMED,) * count if named is None else tuple(named.split(":"))
        if len(names) != count:
            return cls((), f"LISTEN_FDS is {count}, but LISTEN_FDNAMES has {len(names)} names")
        return cls(names)

    def find(self, which: str | int) -> int:
        """
        Tell the number of a descriptor.

        Args:
            which: Its name, or its index from 0 on.

        Raises:
            NotHanded: There is no such one, or more than one has that name.
        """
        if self.why:
            raise NotHanded(self.why)
        if isinstance(which, int):
            if not 0 <= which < len(self.names):
                raise NotHanded(
                    f"there is no socket with the index {which}: {len(self.names)} were handed over"
                )
            return self.first + which
        found = [index for index, name in enumerate(self.names) if name == which]
        if not found:
            raise NotHanded(f'no socket is named "{which}"; there are: {", ".join(self.names)}')
        if len(found) > 1:
            raise NotHanded(f'{len(found)} sockets are named "{which}": say which by index')
        return self.first + found[0]


def _number(text: str) -> int:
    # More digits would be no time and no count.
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def _line(text: str) -> str:
    # A line break would begin another assignment.
    return " ".join(text.split())
