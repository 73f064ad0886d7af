# -*- test-case-name: tests.config.test_load -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an operator may say of one plugin.
"""

from __future__ import annotations

from typing import Literal

from attrs import Factory, frozen

from mcpd.units import Bytes, Count, Room, Seconds, Tries


@frozen
class Chosen:
    """
    Which of a plugin's tools are served: patterns on its own names.

    Attributes:
        include: A tool that none of these matches is left out.
        exclude: A tool that one of these matches is left out, too.
    """

    include: tuple[str, ...] = ("*",)
    exclude: tuple[str, ...] = ()


@frozen
class Timeouts:
    """
    How long each thing may take.

    Attributes:
        start: From its start to the end of the handshake and the first lists; and
            before that, for the launcher to become it.
        first_start: Likewise, for a program that was never ready here: it may
            have to be fetched first.
        call: For a call; anew at each of its progress notices.
        max: For a call in all.
        stop: For each rung of stopping: end of input, SIGTERM, SIGKILL; and how
            long a worker has to give a sign of life once a call of it is late.
        idle: After which a worker without calls goes, if there are more than ``min``.
        tools: ``call`` for one tool, by the plugin's own name for it.
    """

    start: Seconds = Seconds(10)
    first_start: Seconds = Seconds(600)
    call: Seconds = Seconds(60)
    max: Seconds = Seconds(600)
    stop: Seconds = Seconds(3)
    idle: Seconds = Seconds(600)
    tools: dict[str, Seconds] = Factory(dict)


@frozen
class WorkerLimits:
    """
    Bounds of one worker.

    Attributes:
        memory: Bytes that it may use.  Without a cgroup that is a bound on each
            process's own data: four times this, and 1 GiB at least.
        processes: Processes and threads that it may have.  Only a worker with a
            user of its own can be held to it.
        open_files: Descriptors that it may have open.
        file_size: Bytes of one file that it may write.
        message: Bytes of one line that it may write.
        notices: Messages a second that it may send besides answers; two seconds'
            worth may come at once.
        stderr: Bytes a second of its standard error that are logged.
        unread: Bytes that may wait for it to read its standard input.
    """

    memory: Bytes = Bytes(256 << 20)
    processes: int = 32
    open_files: int = 256
    file_size: Bytes = Bytes(256 << 20)
    message: Bytes = Bytes(16 << 20)
    notices: int = 2000
    stderr: Bytes = Bytes(64 << 10)
    unread: Bytes = Bytes(8 << 20)


@frozen
class Restart:
    """
    When a worker that ended is started again, and when one is replaced.

    Attributes:
        backoff: The first pause and the longest; it doubles from one to the
            other, with jitter, and starts over once a worker lived longer than
            the longest.
        give_up: After how many failures in which time the plugin counts as
            failed; it is tried again after that time.
        max_age: How old a worker may become; it is replaced by a new one.
        max_calls: How many calls it may take; 0: any number.
        max_memory: Bytes of memory that it may have resident; 0: any.
    """

    backoff: tuple[Seconds, Seconds] = (Seconds(0.5), Seconds(60))
    give_up: Tries = Tries(5, Seconds(300))
    max_age: Seconds = Seconds(86400)
    max_calls: Count = Count(0)
    max_memory: Room = Room(0)


@frozen
class Workers:
    """
    How many workers a plugin has.

    Attributes:
        min: That are kept, called or not.
        max: For each of those who don't share a worker (``share``).
        total: In all.
    """

    min: int = 1
    max: int = 4
    total: int = 32


@frozen
class Plugin:
    """
    One plugin, as configured.

    Attributes:
        name: Its name; ``[a-z0-9][a-z0-9-]{0,31}``.
        command: The program and its arguments.
        cwd: Where it starts; empty: its own folder in the state directory.
        path: Folders searched for the program before the usual ones; they
            come first in its ``PATH``, too.
        env: Variables that it gets, besides the base environment.
        inherit: Variables of the daemon's own environment that it gets.
        enabled: Whether it is run at all.
        prefix: Its tools are served as ``prefix__name``; empty: by their own
            names; not said: the plugin's name.
        protocol: Which era it speaks; ``auto`` asks it.
        share: Who may share a worker: ``all``; each ``principal``, ``session``
            or ``call`` has its own; ``auto`` is ``all`` for a modern plugin,
            which keeps nothing of who calls it, and ``principal`` for a legacy one.
        workers: How many workers it has.
        concurrency: Calls at once that one worker is given.
        tools: Which of its tools are served.
    """

    name: str
    command: tuple[str, ...]
    cwd: str = ""
    path: tuple[str, ...] = ()
    env: dict[str, str] = Factory(dict)
    inherit: tuple[str, ...] = ()
    enabled: bool = True
    prefix: str | None = None
    protocol: Literal["auto", "modern", "legacy"] = "auto"
    share: Literal["auto", "all", "principal", "session", "call"] = "auto"
    workers: Workers = Workers()
    concurrency: int = 16
    tools: Chosen = Chosen()
    timeouts: Timeouts = Timeouts()
    limits: WorkerLimits = WorkerLimits()
    restart: Restart = Restart()
