# -*- test-case-name: tests.workers.test_crew -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How a plugin and its workers fare, for an operator to see.
"""

from __future__ import annotations

from typing import Literal

from attrs import frozen

from mcpd.trouble import Reason


@frozen
class WorkerState:
    """
    One worker.

    Attributes:
        pid: Its process id; 0 if it waits for its process.
        phase: What it is about.
        key: Whose it is: a principal, a session or a call; empty if everybody's
            or nobody's yet.
        running: Calls that it works on.
        stuck: Calls that it never answered, though their time is over.
        calls: Calls that it was given so far.
        age: Seconds since it was started.
        idle: Seconds since it was called last, or became ready.
        memory: Bytes that it has resident; None if nobody knows.
        cpu: Seconds of processor time that it has used; None likewise.
        noise: Lines on its standard output that are no messages.
        strays: Messages of it that nobody waited for: late, repeated and foreign
            answers, notices of what is over, and questions left unanswered.
    """

    pid: int
    phase: Literal["starting", "ready", "retiring", "stopping"]
    key: str
    running: int
    stuck: int
    calls: int
    age: float
    idle: float
    memory: int | None
    cpu: float | None
    noise: int
    strays: int


@frozen
class Layer:
    """
    One limit of a plugin, and how it is held.

    Attributes:
        name: The key in the plugin's ``limits``.
        value: What it is set to.
        held: How it is enforced; empty if it is not.
    """

    name: str
    value: int
    held: str


@frozen
class PluginState:
    """
    One plugin.

    Attributes:
        name: Its name.
        phase: ``waiting``: it has not been tried yet; ``starting``: nothing is
            ready yet; ``ready``; ``pausing``: its last worker ended and the next
            one waits; ``failed``: it was given up for a while; ``stopping``.
        reason: Why it failed, or its last worker ended; None if nothing did.
        said: The last line that it wrote to its standard error.
        retry: Seconds until the next start; None if none is due.
        revision: The newest revision that it speaks; empty before it was ready.
        share: Who shares a worker, as it was decided.
        tools: How many it has.
        prompts: Likewise.
        resources: Likewise, with templates.
        waiting: Calls that wait for a worker.
        calls: Calls that its workers were given so far.
        outdated: Workers that are still of a former configuration.
        restarts: Workers that ended without being asked to.
        workers: Its workers, the oldest first.
        limits: Its limits.
    """

    name: str
    phase: Literal["waiting", "starting", "ready", "pausing", "failed", "stopping"]
    reason: Reason | None
    said: str
    retry: float | None
    revision: str
    share: str
    tools: int
    prompts: int
    resources: int
    waiting: int
    calls: int
    outdated: int
    restarts: int
    workers: tuple[WorkerState, ...]
    limits: tuple[Layer, ...]
