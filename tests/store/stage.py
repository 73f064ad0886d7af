# -*- test-case-name: tests.store.test_database -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the tests of the store stand on: a file whose thread is the test.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from attrs import define, field
from twisted.internet.task import Clock

from mcpd.store.database import Database
from mcpd.testing.thread import FakeThread


@define
class Stage:
    """
    A folder with a database.

    Attributes:
        path: Where the file is.
        told: What an operator heard.
    """

    path: Path
    clock: Clock = field(factory=Clock)
    thread: FakeThread = field(factory=FakeThread)
    told: list[str] = field(factory=list)

    @classmethod
    def new(cls, folder: str) -> Stage:
        """
        Make the folder.
        """
        Path(folder).mkdir(mode=0o755)
        return cls(Path(folder).absolute() / "store.db")

    def database(self) -> Database:
        """
        Tell of the file as a daemon does that starts.
        """
        # Nobody waits for a lock: it would be a real wait.
        return Database(self.path, self.thread.run, self.clock, self.told.append, 0)

    def prepared(self) -> Database:
        """
        Prepare it, too.
        """
        database = self.database()
        database.prepare()
        return database

    def other(self) -> sqlite3.Connection:
        """
        Open the file as another program does.
        """
        return sqlite3.connect(self.path, timeout=0, isolation_level=None)

    def locked(self) -> sqlite3.Connection:
        """
        Let another program have it to itself.
        """
        connection = self.other()
        connection.execute("BEGIN IMMEDIATE")
        return connection
