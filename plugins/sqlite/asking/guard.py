# -*- test-case-name: plugins.sqlite.tests.test_guard -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Connections on which, whatever anybody writes, there is only reading.

There are three fences, each of which would do alone: the file is opened
read-only, the connection refuses to write, and SQLite asks :func:`_allow`
about all that a statement does, before it does it.  That it ends in time is
seen to by :mod:`.apart`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

from .call import Refused

BUSY = 2.0  # seconds that it waits while somebody writes
HEAP = 128 << 20  # bytes that SQLite has in one process
LONGEST = 1_000_000  # bytes of a value and of a row
SQL = 100_000  # bytes of a statement
PARAMETERS = 1000  # of a statement

# SQLite, "Run-Time Limits"; tables as they really are fit in.
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: LONGEST,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: SQL,
    sqlite3.SQLITE_LIMIT_COLUMN: 2000,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 200,
    sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 100,
    sqlite3.SQLITE_LIMIT_VDBE_OP: 100_000,
    sqlite3.SQLITE_LIMIT_FUNCTION_ARG: 100,
    sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH: 1000,
    sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER: PARAMETERS,
    sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}
_SETTINGS = (
    "PRAGMA query_only = ON",
    # Functions that do more than compute can't be called by views (SQLite, "Security").
    "PRAGMA trusted_schema = OFF",
    # A file made by an enemy.
    "PRAGMA cell_size_check = ON",
    "PRAGMA mmap_size = 0",
    # What is sorted stays in memory, which is bounded: nothing is written anywhere.
    "PRAGMA temp_store = MEMORY",
)
_READING = (sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_RECURSIVE)
# These tell what a table is made of, and have no form that sets anything.
_TELLING = frozenset(
    ("table_info", "table_xinfo", "table_list", "index_list", "index_info", "index_xinfo", "foreign_key_list")
)
_BUILT_IN = ("json_each", "json_tree", *sorted(f"pragma_{name}" for name in _TELLING))
# The second takes addresses of memory; the rest are a shell's, and can be built in.
_ARMED = frozenset(("load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"))


def bound_memory() -> None:
    """
    Bound the memory of all connections of this process, for good.
    """
    connection = sqlite3.connect(":memory:")
    connection.execute(f"PRAGMA hard_heap_limit = {HEAP}")
    connection.close()


@contextmanager
def reading(uri: str) -> Iterator[sqlite3.Connection]:
    """
    Open a database.

    Args:
        uri: A ``file:`` URI of ours, with its mode.

    Raises:
        Refused: What went wrong, in a sentence.
    """
    try:
        with closing(sqlite3.connect(uri, timeout=BUSY, isolation_level=None, uri=True)) as connection:
            _fence(connection)
            yield connection
    except (sqlite3.Error, sqlite3.Warning, MemoryError, UnicodeError, OverflowError) as error:
        raise Refused(_sentence(error)) from None


def _fence(connection: sqlite3.Connection) -> None:
    for limit, most in _LIMITS.items():
        connection.setlimit(limit, most)
    for setting in _SETTINGS:
        connection.execute(setting)
    for table in _BUILT_IN:
        # Where it is first used it is made, which looks like writing; and some
        # an SQLite may not have.
        with suppress(sqlite3.OperationalError):
            connection.execute(f"SELECT 1 FROM {table} LIMIT 0")
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    connection.set_authorizer(_allow)


def _allow(
    action: int, first: str | None, second: str | None, _schema: str | None, _inner: str | None
) -> int:
    """
    Say what a statement may do: all that is not named here, and may come with another SQLite, it may not.
    """
    function = action == sqlite3.SQLITE_FUNCTION and (second or "").lower() not in _ARMED
    telling = action == sqlite3.SQLITE_PRAGMA and (first or "").lower() in _TELLING
    return sqlite3.SQLITE_OK if action in _READING or function or telling else sqlite3.SQLITE_DENY


def _sentence(error: Exception) -> str:
    said = str(error)[:500]
    match error:
        case MemoryError():
            return "That needs more memory than it may have; ask for less."
        case UnicodeError():
            return "There is a name in the result that is not UTF-8."
        case OverflowError():
            return "An integer must fit into 64 bits; give a larger one as text."
    if "not authorized" in said or "prohibited" in said:
        return f"This can only be read: send one SELECT, VALUES, WITH or EXPLAIN. SQLite says: {said}."
    if "too big" in said:
        return (
            f"A value, or a row, of more than {LONGEST:,} bytes can't be handled; use substr() or length()."
        )
    return f"SQLite says: {said.rstrip('.')}."
