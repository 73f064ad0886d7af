# -*- test-case-name: plugins.sqlite.tests.test_shelf -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The databases, by name.

A file of SQL is one, too: it is run once, into memory, where it stays.
"""

from __future__ import annotations

import itertools
import os
import re
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import quote

from .call import Refused
from .guard import reading

SCRIPT = 16 << 20  # bytes of a file of SQL
PATIENCE = 30.0  # seconds that it may take
_PAGES = 32_768  # of 4 KiB each, that it may fill
_STEPS = 10_000  # of SQLite's machine between two looks at the clock

_UNFIT = re.compile(r"[^A-Za-z0-9_.-]+")
_numbers = itertools.count()


@dataclass(frozen=True)
class Database:
    """
    A database.

    Attributes:
        name: By which it is asked.
        path: Where its file is; empty if it is in memory.
        uri: What SQLite opens.
        flaw: Why it can't be asked, a sentence; empty if it may be tried.
    """

    name: str
    path: str
    uri: str
    flaw: str = ""
    _keeper: sqlite3.Connection | None = field(default=None, repr=False, compare=False)

    @classmethod
    def of_file(cls, name: str, path: str) -> Database:
        """
        Mean a database file, which need not be there yet.
        """
        return cls(name, path, f"file:{quote(os.fsencode(path))}?mode=ro&immutable=0")

    @classmethod
    def of_script(cls, name: str, path: str) -> Database:
        """
        Run a file of SQL, which must not reach for other files; what it makes stays in memory.
        """
        # Connections of one process, and of those forked from it, share what has the same name.
        uri = f"file:/{os.getpid()}-{next(_numbers)}?vfs=memdb"
        keeper = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
        flaw = ""
        try:
            _run(keeper, path)
        except (OSError, UnicodeError, sqlite3.Error, sqlite3.Warning, MemoryError, Refused) as error:
            why = error.strerror if isinstance(error, OSError) else error
            flaw = f"The file of SQL could not be run: {str(why)[:500].rstrip('.')}."
        return cls(name, "", uri, flaw, keeper)

    @contextmanager
    def ask(self) -> Iterator[sqlite3.Connection]:
        """
        Open it.

        Raises:
            Refused: What went wrong, in a sentence.
        """
        if self.flaw:
            raise Refused(self.flaw)
        self._look()
        with reading(self.uri) as connection:
            yield connection

    def close(self) -> None:
        """
        Let go of what is in memory.
        """
        if self._keeper is not None:
            self._keeper.close()

    def _look(self) -> None:
        # SQLite would wait for ever on a FIFO, and says little of what is not there.
        try:
            if self.path and not stat.S_ISREG(os.stat(self.path).st_mode):
                raise Refused(f"The database {self.name!r} is no file.")
        except OSError as error:
            raise Refused(
                f"The file of the database {self.name!r} can't be opened: {error.strerror}."
            ) from None


class Shelf:
    """
    All the databases.
    """

    def __init__(self, databases: Sequence[Database]) -> None:
        self.all = tuple(databases)

    @classmethod
    def of(cls, paths: Sequence[str]) -> Shelf:
        """
        Name what stands at ``paths``; two of the same name are told apart by a number.

        Raises:
            Refused: There is none.
        """
        if not paths:
            raise Refused("give one database or more: sqlite.py DATABASE...")
        databases: dict[str, Database] = {}
        for path in map(os.path.abspath, paths):
            stem, ending = os.path.splitext(os.path.basename(path))
            plain = _UNFIT.sub("-", stem).strip(".") or "database"
            names = itertools.chain([plain], (f"{plain}-{number}" for number in itertools.count(2)))
            name = next(name for name in names if name not in databases)
            make = Database.of_script if ending.lower() == ".sql" else Database.of_file
            databases[name] = make(name, path)
        return cls(list(databases.values()))

    def find(self, name: str | None) -> Database:
        """
        Find a database by its name; None is the only one.

        Raises:
            Refused: There is no such, or it must be said which.
        """
        if name is None and len(self.all) == 1:
            return self.all[0]
        for database in self.all:
            if database.name == name:
                return database
        raise Refused(f"Say which database. {self.sentence()}")

    def sentence(self) -> str:
        """
        Say which databases there are.
        """
        return f"The databases are: {', '.join(database.name for database in self.all)}."

    def close(self) -> None:
        """
        Let go of what is in memory.
        """
        for database in self.all:
            database.close()


def _run(connection: sqlite3.Connection, path: str) -> None:
    with open(path, "rb") as file:
        text = file.read(SCRIPT + 1)
    if len(text) > SCRIPT:
        raise Refused(f"it has more than {SCRIPT >> 20} MiB")
    deadline = time.monotonic() + PATIENCE
    connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
    connection.execute(f"PRAGMA max_page_count = {_PAGES}")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.set_progress_handler(lambda: time.monotonic() > deadline, _STEPS)
    connection.set_authorizer(_stay)
    try:
        connection.executescript(text.decode())
    finally:
        connection.set_authorizer(None)
        connection.set_progress_handler(None, 0)


def _stay(action: int, *_about: str | None) -> int:
    # Also what VACUUM INTO does, which would write a file.
    leaving = action in (sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH)
    return sqlite3.SQLITE_DENY if leaving else sqlite3.SQLITE_OK
