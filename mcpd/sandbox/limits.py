# -*- test-case-name: tests.sandbox.test_limits -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What bounds a worker without a cgroup: the kernel's resource limits (setrlimit(2)), by what they really mean.

Never ``RLIMIT_AS``: Node, Go and the JVM reserve far more than they use.  Never
``RLIMIT_CPU``: it counts over the whole life of a process, and so kills a worker
for honest work.  ``RLIMIT_NPROC`` counts a user's processes, not a worker's, so
it can only bound one that has a user of its own.
"""

from __future__ import annotations

from attrs import frozen

from mcpd.units import write_bytes

# RLIMIT_DATA counts what is private and writable, the stacks of threads among
# it, and of each process for itself: below 1 GiB the JVM does not start.
_TIMES, _LEAST = 4, 1 << 30
# The usual one.  Its own bound, for the first thread's stack is no "data".
_STACK = 8 << 20
_SIGNALS = 256


@frozen
class Limits:
    """
    The bounds of one worker.

    Attributes:
        memory: Bytes that it may use.
        processes: Processes and threads that it may have.
        open_files: Descriptors that it may have open.
        file_size: Bytes of one file that it may write.
    """

    memory: int
    processes: int
    open_files: int
    file_size: int

    @property
    def data(self) -> int:
        """
        Bytes of its own data that each of its processes may have.
        """
        return max(_TIMES * self.memory, _LEAST)

    def rlimits(self) -> dict[str, int]:
        """
        Tell what the launcher sets, by the limits' names without ``RLIMIT_``.
        """
        return {
            "DATA": self.data,
            "FSIZE": self.file_size,
            "NOFILE": self.open_files,
            "STACK": _STACK,
            "CORE": 0,
            "MEMLOCK": 0,
            "MSGQUEUE": 0,
            "SIGPENDING": _SIGNALS,
        }

    def held(self) -> tuple[tuple[str, int, str], ...]:
        """
        Tell for each bound its key, its value, and how it is held; empty if it is not.
        """
        memory = f"RLIMIT_DATA {write_bytes(self.data)} for each process (weaker)"
        return (
            ("memory", self.memory, memory),
            ("processes", self.processes, ""),
            ("open_files", self.open_files, "RLIMIT_NOFILE"),
            ("file_size", self.file_size, "RLIMIT_FSIZE"),
        )
