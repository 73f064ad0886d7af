# -*- test-case-name: tests.sandbox.test_plan -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the launcher is to do for one worker.

Everything is decided here, in the daemon; :mod:`mcpd.sandbox.child` applies it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from attrs import frozen

from mcpd.sandbox.limits import Limits
from mcpd.sandbox.mark import VARIABLE

CHILD = Path(__file__).parent / "child"
USUAL_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
"""Where programs are looked for, and a worker's ``PATH``."""


class ProgramMissing(Exception):
    """
    A plugin's program can't be found or run; its text says where it was looked for.
    """


def find_program(program: str, path: Sequence[str]) -> str:
    """
    Find a program as a shell would, in ``path`` and the usual folders.

    Raises:
        ProgramMissing: It is not there, or is nothing that we may run.
    """
    if "/" in program:
        if os.access(program, os.X_OK) and Path(program).is_file():
            return program
        raise ProgramMissing(f"there is no program at {program}")
    folders = (*path, *USUAL_PATH)
    for folder in folders:
        candidate = Path(folder, program)
        if os.access(candidate, os.X_OK) and candidate.is_file():
            return str(candidate)
    raise ProgramMissing(f"the program {program} was not found in {':'.join(folders)}")


@frozen
class Launch:
    """
    What to spawn.

    Attributes:
        arguments: The launcher's whole command line; the first is its program.
        environment: The environment of the launcher and of the plugin.
    """

    arguments: tuple[str, ...]
    environment: Mapping[str, str]


@frozen
class Confinement:
    """
    How one plugin's workers are to be confined.

    Attributes:
        python: The interpreter that runs the launcher.
        home: The plugin's own folder: its HOME, and above its TMPDIR.
        cwd: Where it starts.
        path: What its ``PATH`` has before the usual folders.
        limits: What bounds a worker.
    """

    python: str
    home: Path
    cwd: str
    path: tuple[str, ...]
    limits: Limits

    def plan(
        self,
        name: str,
        command: Sequence[str],
        extra: Mapping[str, str],
        *,
        parent: int,
        user: str,
        mark: str,
    ) -> Launch:
        """
        Plan one worker.

        Args:
            name: The plugin's name.
            command: Its program, with its path, and its arguments.
            extra: Variables of its own; they win over the base environment, but not over the mark.
            parent: The daemon's process id.
            user: The name of the user that it runs as.
            mark: What its processes are known by (:mod:`mcpd.sandbox.mark`).
        """
        environment = {
            "PATH": ":".join((*self.path, *USUAL_PATH)),
            "HOME": str(self.home),
            "TMPDIR": str(self.home / "tmp"),
            "LANG": "C.UTF-8",
            "USER": user,
            "LOGNAME": user,
            "MCPD_PLUGIN": name,
            **extra,
            VARIABLE: mark,
        }
        launcher = (self.python, "-I", "-S", str(CHILD))
        limits = ",".join(f"{name}={value}" for name, value in self.limits.rlimits().items())
        return Launch((*launcher, str(parent), limits, self.cwd or str(self.home), *command), environment)

    def prepare(self) -> None:
        """
        Make the plugin's own folders, readable by nobody else.

        Raises:
            OSError: They can't be made.
        """
        # One by one: a mode is not for the parents that mkdir makes.
        for folder in (self.home, self.home / "tmp"):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


class Refused(Exception):
    """
    The launcher could not apply something, so the plugin was not started; its text says what.
    """


def read_status(status: bytes) -> tuple[str, ...]:
    """
    Read what the launcher said once its status descriptor has closed.

    Returns:
        The layers that hold.

    Raises:
        Refused: It stopped before the plugin started.
    """
    applied: tuple[str, ...] | None = None
    for line in status.splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            break
        if "error" in said:
            stage, number = said["error"], said.get("errno", 0)
            raise Refused(f"{stage}: {os.strerror(number)}")
        applied = tuple(said.get("applied", ()))
    if applied is None:
        raise Refused("the launcher ended before it said what holds")
    return applied
