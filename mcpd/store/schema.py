# -*- test-case-name: tests.store.test_schema -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How the tables came to be, step by step.

A step that was released is never changed: what is to be different is another
step.  The number of steps that a file has taken is its ``user_version``.
"""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection

Step = tuple[str, ...]

STEPS: tuple[Step, ...] = (
    (
        # A row that is written anew gets the highest number.
        """
        CREATE TABLE verdicts (
            number INTEGER PRIMARY KEY,
            artefact BLOB NOT NULL UNIQUE,
            era TEXT NOT NULL CHECK (era IN ('modern', 'legacy'))
        )
        """,
        # Times are seconds since 1970, UTC.
        """
        CREATE TABLE keys (
            id TEXT PRIMARY KEY,
            name TEXT NOT NULL,
            role TEXT NOT NULL,
            digest BLOB NOT NULL,
            created INTEGER NOT NULL,
            revoked INTEGER
        )
        """,
        "CREATE UNIQUE INDEX living_keys ON keys (name) WHERE revoked IS NULL",
    ),
)
"""The statements of each step."""


class Newer(Exception):
    """
    The file has taken steps that are unknown here; its text says how many.
    """


def check_version(connection: Connection, steps: Sequence[Step] = STEPS) -> int:
    """
    Tell how many steps a file has taken.

    Raises:
        Newer: More than there are.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(steps):
        raise Newer(f"its version is {version}, and this mcpd knows {len(steps)}")
    return version


def migrate(connection: Connection, steps: Sequence[Step] = STEPS) -> None:
    """
    Take the steps that are left, each wholly or not at all.

    Args:
        connection: It begins no transactions by itself.
        steps: All steps, the first one first.

    Raises:
        Newer: The file has taken more.
        sqlite3.Error: A step could not be taken.
    """
    version = check_version(connection, steps)
    for number, step in enumerate(steps[version:], version + 1):
        with connection:
            connection.execute("BEGIN IMMEDIATE")
            for statement in step:
                connection.execute(statement)
            # It takes no parameters, and the number is ours.
            connection.execute(f"PRAGMA user_version = {number}")
