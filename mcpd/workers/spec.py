# -*- test-case-name: tests.config.test_load -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What an operator may say of one plugin.
"""

from __future__ import annotations

from typing import Literal

from attrs import Factory, frozen

from mcpd.units import Bytes, Seconds


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
        start: From the spawn to the end of the handshake and the first lists.
        call: For a call; anew at each of its progress notices.
        max: For a call in all.
        stop: For each rung of stopping: end of input, SIGTERM, SIGKILL.
        tools: ``call`` for one tool, by the plugin's own name for it.
    """

    start: Seconds = Seconds(10)
    call: Seconds = Seconds(60)
    max: Seconds = Seconds(600)
    stop: Seconds = Seconds(3)
    tools: dict[str, Seconds] = Factory(dict)


@frozen
class WorkerLimits:
    """
    Bounds of one worker.

    Attributes:
        open_files: Descriptors that it may have open.
        message: Bytes of one line that it may write.
        stderr: Bytes a second of its standard error that are logged.
        unread: Bytes that may wait for it to read its standard input.
    """

    open_files: int = 256
    message: Bytes = Bytes(16 << 20)
    stderr: Bytes = Bytes(64 << 10)
    unread: Bytes = Bytes(8 << 20)


@frozen
class Restart:
    """
    When a worker that ended is started again.

    Attributes:
        backoff: The first pause and the longest; it doubles from one to the
            other, with jitter, and starts over once a worker lived longer than
            the longest.
    """

    backoff: tuple[Seconds, Seconds] = (Seconds(0.5), Seconds(60))


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
    tools: Chosen = Chosen()
    timeouts: Timeouts = Timeouts()
    limits: WorkerLimits = WorkerLimits()
    restart: Restart = Restart()
