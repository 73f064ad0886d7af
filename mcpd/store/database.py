# -*- test-case-name: tests.store.test_database -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The file with what survives a restart: SQLite.

It is read once, at the start.  After that everything is in memory, and the file
is only written, in a thread of its own: nobody ever waits for the disk, and a
full one takes nothing from those who are served.
"""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from sqlite3 import Connection
from typing import Any, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from mcpd.store.schema import Newer, check_version, migrate
from mcpd.trouble import Reason, Trouble, Troubled

T = TypeVar("T")
Job = Callable[[Connection], object]
"""Writes something, inside a transaction."""

# Seconds to wait for another program that has the file.
_PATIENCE = 5.0
# Seconds until the next try, once the file could not be written.
_PAUSE = 10.0
# FULL: there are few writes, and a key that was revoked stays so if the power fails.
_PRAGMAS = ("PRAGMA foreign_keys = ON", "PRAGMA synchronous = FULL")
# By SQLite's primary result code.
_CURES = {
    sqlite3.SQLITE_BUSY: "close the program that has it open",
    sqlite3.SQLITE_READONLY: "its folder and it must be the daemon's to write",
    sqlite3.SQLITE_CANTOPEN: "its folder and it must be the daemon's to write",
    sqlite3.SQLITE_NOTADB: "move it away for a new one; keys and verdicts go with it",
    sqlite3.SQLITE_CORRUPT: "move it away for a new one; keys and verdicts go with it",
    sqlite3.SQLITE_FULL: "make room on its disk",
    sqlite3.SQLITE_IOERR: "look after its disk",
}


class StoreFailed(Troubled):
    """
    The file can't be used, or something could not be written; the reason says what to do.
    """


class Run(Protocol):
    """
    How a job is done in the one thread that writes.
    """

    def __call__(self, job: Callable[[], T]) -> Deferred[T]:
        """
        Do it after all jobs before it, and tell what it gives or raises.
        """


@define(eq=False)
class Database:
    """
    The file.

    Attributes:
        path: Where it is.
        run: How a job is done in the thread.
        clock: Times the next try.
        failed: Called with a sentence when the file can't be written any more;
            once, until it can be written again.
        patience: Seconds to wait for another program that has it.
    """

    path: Path
    _run: Run
    _clock: IReactorTime
    _failed: Callable[[str], None]
    _patience: float = _PATIENCE
    # The thread's own: nobody else touches it.
    _connection: Connection | None = field(init=False, default=None)
    _again: list[Job] = field(init=False, factory=list)
    _retry: IDelayedCall | None = field(init=False, default=None)

    @property
    def writable(self) -> bool:
        """
        Say whether what was written last could be.
        """
        return self._retry is None

    # At the start, before anything is written.

    def prepare(self) -> None:
        """
        Make the file where there is none, and bring its tables up to date.

        It waits for the disk, and for :attr:`patience` if another program has the file.

        Raises:
            StoreFailed: It can't be used.
        """
        with self._telling("used"):
            _make(self.path)
            with closing(_connect(self.path, self._patience)) as connection:
                # Before anything is changed: a newer file is left alone.
                check_version(connection)
                if connection.execute("PRAGMA quick_check(1)").fetchone() != ("ok",):
                    raise _Unfit("it is damaged", _CURES[sqlite3.SQLITE_CORRUPT])
                connection.execute("PRAGMA journal_mode = WAL")
                migrate(connection)
                # Whether it can be written shows here at the latest.
                with connection:
                    connection.execute("BEGIN IMMEDIATE")

    def load(self, query: str) -> list[tuple[Any, ...]]:
        """
        Read rows.  It waits for the disk.

        Raises:
            StoreFailed: They can't be read.
        """
        with self._telling("read"), closing(_connect(self.path, self._patience)) as connection:
            return connection.execute(query).fetchall()

    # Later.

    def write(self, job: Job, *, again: bool = False) -> Deferred[None]:
        """
        Write something, in a transaction of its own.

        Args:
            job: It is called in the thread.
            again: It is tried again until it could be written.  Whoever writes
                sees to it that only so much can wait, and that the order of
                what waits does not matter.

        Returns:
            Fires when it is on the disk.  It fails with :exc:`StoreFailed` at
            the first try that failed, whether or not there will be another.
        """
        return Deferred.fromCoroutine(self._write(job, again))

    def close(self) -> Deferred[None]:
        """
        Let go of the file; nothing may be written after that.

        Returns:
            Fires when all that could be written is.
        """
        return Deferred.fromCoroutine(self._close())

    async def _write(self, job: Job, again: bool) -> None:
        try:
            await self._run(partial(self._transact, (job,)))
        except sqlite3.Error as error:
            if again:
                self._again.append(job)
            reason = self._reason("written", str(error), _cure(error))
            if self._retry is None:
                self._try_later()
                self._failed(reason.text)
            raise StoreFailed(reason) from None

    async def _close(self) -> None:
        self._rest()
        if self._again:
            with suppress(sqlite3.Error):
                await self._run(partial(self._transact, tuple(self._again)))
        await self._run(self._shut)
        # A try that was under way may have failed.
        self._rest()

    def _rest(self) -> None:
        if self._retry is not None and self._retry.active():
            self._retry.cancel()

    def _try_later(self) -> None:
        self._retry = self._clock.callLater(_PAUSE, lambda: Deferred.fromCoroutine(self._try_again()))

    async def _try_again(self) -> None:
        jobs = tuple(self._again)
        try:
            await self._run(partial(self._transact, (_probe, *jobs)))
        except sqlite3.Error:
            self._try_later()
            return
        del self._again[: len(jobs)]
        self._retry = None
        if self._again:
            self._try_later()

    # In the thread.

    def _transact(self, jobs: Sequence[Job]) -> None:
        if self._connection is None:
            self._connection = _connect(self.path, self._patience)
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            for job in jobs:
                job(self._connection)

    def _shut(self) -> None:
        if self._connection is not None:
            self._connection.close()

    # What went wrong.

    @contextmanager
    def _telling(self, verb: str) -> Iterator[None]:
        try:
            yield
        except Newer as error:
            why = str(error), "install the newer mcpd, or move it away"
        except _Unfit as error:
            why = error.args
        except OSError as error:
            why = error.strerror or str(error), _CURES[sqlite3.SQLITE_CANTOPEN]
        except sqlite3.Error as error:
            why = str(error), _cure(error)
        else:
            return
        raise StoreFailed(self._reason(verb, *why))

    def _reason(self, verb: str, why: str, cure: str) -> Reason:
        return Reason(Trouble.STORE, f"{self.path} can't be {verb}: {why}; {cure}")


class _Unfit(Exception):
    """
    Why the file can't be used, and what to do.
    """


def _cure(error: sqlite3.Error) -> str:
    # Extended result codes have the primary one in their lowest byte.
    return _CURES.get(getattr(error, "sqlite_errorcode", 0) & 0xFF, "see what SQLite says of it")


def _probe(connection: Connection) -> None:
    # It writes what is there already, which takes a place on the disk all the same.
    version = check_version(connection)
    connection.execute(f"PRAGMA user_version = {version}")


def _make(path: Path) -> None:
    # SQLite gives the files beside it the mode that this one has.
    flags = os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(path, flags, 0o600)
    try:
        mode = os.fstat(descriptor).st_mode
    finally:
        os.close(descriptor)
    if not stat.S_ISREG(mode):
        raise _Unfit("it is no file", "move it away")
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise _Unfit("others may read or write it", "chmod 600 it")


def _connect(path: Path, patience: float) -> Connection:
    # Not "rwc": a file that was taken away is not made anew without its tables.
    where = f"{path.absolute().as_uri()}?mode=rw"
    connection = sqlite3.connect(where, timeout=patience, isolation_level=None, uri=True)
    try:
        for pragma in _PRAGMAS:
            connection.execute(pragma)
    except sqlite3.Error:
        connection.close()
        raise
    return connection
