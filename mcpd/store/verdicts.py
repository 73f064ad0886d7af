# -*- test-case-name: tests.store.test_verdicts -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What is known of a plugin's program from earlier starts.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Literal

from attrs import define, field, frozen

from mcpd.store.database import Database, Job, StoreFailed

MOST = 1000
"""Artefacts of which something is known; what was not used for longest goes first."""


@frozen
class Verdict:
    """
    What is known of an artefact.

    Attributes:
        era: Which one it speaks.
    """

    era: Literal["modern", "legacy"]


def artefact(
    command: Sequence[str],
    cwd: str,
    environment: Mapping[str, str],
    look: Callable[[Path], os.stat_result] = os.stat,
) -> bytes:
    """
    Tell one program from another, and from what it was before it was changed.

    A file that the command names counts with its size, time and inode, so that
    a script that was edited or a package that was upgraded is another artefact.

    Args:
        command: The program, with its path, and its arguments.
        cwd: Where it starts, and where relative arguments lead from.
        environment: What it gets besides the base environment.
        look: Follows links and tells of a file.

    Returns:
        A digest.  The values in the environment can't be read out of it.
    """
    files = [_trace(Path(cwd, word), look) for word in command]
    said = json.dumps([list(command), cwd, sorted(environment.items()), files])
    return hashlib.sha256(said.encode()).digest()


def _trace(path: Path, look: Callable[[Path], os.stat_result]) -> list[int] | None:
    # An argument may be anything: too long for a path, or with a zero byte.
    with suppress(OSError, ValueError):
        found = look(path)
        # A folder changes with all that is put into it.
        if stat.S_ISREG(found.st_mode):
            return [found.st_size, found.st_mtime_ns, found.st_ino]
    return None


@define(eq=False)
class Verdicts:
    """
    What is known of all of them: in memory at once, on the disk soon after.

    What could not be written is found out again after the next start, so that
    nobody has to hear of it but the database.
    """

    _database: Database
    _known: dict[bytes, Verdict] = field(init=False, factory=dict)

    @classmethod
    def load(cls, database: Database) -> Verdicts:
        """
        Read what is known.  It waits for the disk.

        Raises:
            StoreFailed: It can't be read.
        """
        verdicts = cls(database)
        for name, era in database.load("SELECT artefact, era FROM verdicts ORDER BY number"):
            verdicts._known[name] = Verdict(era)
        verdicts._bound()
        return verdicts

    def get(self, artefact: bytes) -> Verdict | None:
        """
        Tell what is known of an artefact.
        """
        verdict = self._known.pop(artefact, None)
        if verdict is not None:
            self._known[artefact] = verdict
        return verdict

    def put(self, artefact: bytes, verdict: Verdict) -> None:
        """
        Keep what was found out.
        """
        if self.get(artefact) == verdict:
            return
        self._known[artefact] = verdict
        self._write(_inserting(artefact, verdict))
        self._bound()

    def forget(self, artefact: bytes) -> None:
        """
        Drop what turned out to be wrong.
        """
        if self._known.pop(artefact, None) is not None:
            self._write(_deleting(artefact))

    def _bound(self) -> None:
        while len(self._known) > MOST:
            self.forget(next(iter(self._known)))

    def _write(self, job: Job) -> None:
        self._database.write(job).addErrback(lambda failure: failure.trap(StoreFailed))


def _inserting(artefact: bytes, verdict: Verdict) -> Job:
    def insert(connection: Connection) -> None:
        statement = "INSERT OR REPLACE INTO verdicts (artefact, era) VALUES (?, ?)"
        connection.execute(statement, (artefact, verdict.era))

    return insert


def _deleting(artefact: bytes) -> Job:
    def delete(connection: Connection) -> None:
        connection.execute("DELETE FROM verdicts WHERE artefact = ?", (artefact,))

    return delete
