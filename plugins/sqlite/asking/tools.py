# -*- test-case-name: plugins.sqlite.tests.test_tools -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The three tools, and what resources need: what they do.  How tools are described is in :mod:`.offer`.

No argument ever becomes a part of a statement: names are compared with those
that are there, and values are bound.
"""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from .call import Json, Refused
from .shelf import Database, Shelf
from .value import plain, size, taken, told

ANSWER = 256 << 10  # characters of one answer
TABLES = 1000  # of a database that are told

_TABLES = """
    SELECT type, name FROM sqlite_schema
    WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY name LIMIT ?
"""
_FIND = "SELECT type, name, sql FROM sqlite_schema WHERE type IN ('table', 'view') AND name = ?"
_COLUMNS = """
    SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?) WHERE hidden <> 1
"""
_INDEXES = 'SELECT name, "unique" FROM pragma_index_list(?) ORDER BY seq'
_INDEXED = "SELECT name FROM pragma_index_info(?) ORDER BY seqno"
_KEYS = 'SELECT "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq'
_STATEMENTS = "SELECT sql FROM sqlite_schema WHERE tbl_name = ? AND sql IS NOT NULL ORDER BY rowid"

Told = tuple[Json, str]
"""Structured content, and the same as text."""


class Tools:
    """
    The tools.

    Attributes:
        shelf: The databases.
    """

    def __init__(self, shelf: Shelf) -> None:
        self.shelf = shelf

    def answer(self, name: str, arguments: Json) -> Any:
        """
        Answer one call; see :data:`.apart.Answering`.

        Args:
            name: The tool, or ``names``, or ``statements``.
            arguments: Judged ones.

        Raises:
            Refused: What went wrong, in a sentence.
        """
        return _ANSWERS[name](self, arguments)

    def tables(self, arguments: Json) -> Told:
        """
        Tell the databases and their tables.
        """
        name = arguments.get("database")
        chosen = self.shelf.all if name is None else (self.shelf.find(name),)
        databases = [_tables(database) for database in chosen]
        return {"databases": databases}, "\n".join(line for each in databases for line in _listing(each))

    def schema(self, arguments: Json) -> Told:
        """
        Tell what a table is made of.
        """
        database = self.shelf.find(arguments.get("database"))
        with database.ask() as connection:
            found = _describe(connection, arguments["table"])
        _check(len(json.dumps(found)))
        return {"database": database.name, **found}, _description(found)

    def query(self, arguments: Json) -> Told:
        """
        Tell what a statement selects.
        """
        parameters = taken(arguments.get("parameters", []))
        with self.shelf.find(arguments.get("database")).ask() as connection:
            cursor = connection.execute(arguments["sql"], parameters)
            if cursor.description is None:
                raise Refused("That selects nothing: send one SELECT, VALUES, WITH or EXPLAIN.")
            columns = [column[0] for column in cursor.description]
            rows, stopped = _gather(cursor, arguments["limit"])
        result: Json = {
            "columns": columns,
            "rows": [[told(value) for value in row] for row in rows],
            "truncated": bool(stopped),
        }
        if stopped:
            result["stopped_by"] = stopped
        return result, _table(columns, rows, stopped)

    def names(self, _arguments: Json) -> list[tuple[str, str]]:
        """
        Tell all tables of the databases that can be asked: each with its database first.
        """
        return [
            (database.name, table["name"])
            for database in self.shelf.all
            for table in _tables(database)["tables"]
        ]

    def statements(self, arguments: Json) -> str:
        """
        Tell the SQL that made a table and what belongs to it.
        """
        with self.shelf.find(arguments["database"]).ask() as connection:
            _, name, _ = _find(connection, arguments["table"])
            text = "".join(f"{sql};\n" for (sql,) in connection.execute(_STATEMENTS, (name,)))
        _check(len(text))
        return text


_ANSWERS: dict[str, Callable[[Tools, Json], Any]] = {
    "tables": Tools.tables,
    "schema": Tools.schema,
    "query": Tools.query,
    "names": Tools.names,
    "statements": Tools.statements,
}


def _tables(database: Database) -> Json:
    answer: Json = {"name": database.name, "tables": [], "truncated": False}
    try:
        with database.ask() as connection:
            found = connection.execute(_TABLES, (TABLES + 1,)).fetchall()
    except Refused as refused:
        return answer | {"problem": str(refused)}
    # Bounded: in a file made by an enemy a name may have a million letters.
    sizes = itertools.accumulate(len(name) for _, name in found)
    fit = sum(size <= ANSWER for size in sizes)
    tables = [{"name": name, "type": kind} for kind, name in found[: min(fit, TABLES)]]
    return answer | {"tables": tables, "truncated": len(found) > len(tables)}


def _check(length: int) -> None:
    if length > 4 * ANSWER:
        raise Refused("What this table is made of is too much to be shown.")


def _find(connection: sqlite3.Connection, table: str) -> tuple[str, str, str]:
    found: tuple[str, str, str] | None = connection.execute(_FIND, (table,)).fetchone()
    if found is None:
        raise Refused(f"There is no table {table[:80]!r}; the tool tables tells which there are.")
    return found


def _describe(connection: sqlite3.Connection, table: str) -> Json:
    kind, name, sql = _find(connection, table)
    return {
        "table": name,
        "type": kind,
        "sql": sql or "",
        "columns": [_column(row) for row in connection.execute(_COLUMNS, (name,))],
        "indexes": [
            {
                "name": index,
                "unique": bool(unique),
                "columns": [column for (column,) in connection.execute(_INDEXED, (index,)) if column],
            }
            for index, unique in connection.execute(_INDEXES, (name,)).fetchall()
        ],
        "foreign_keys": [
            {"column": column, "table": other, **({"references": to} if to else {})}
            for other, column, to in connection.execute(_KEYS, (name,))
        ],
    }


def _column(row: tuple[str, str, int, str | None, int, int]) -> Json:
    name, kind, needed, default, key, hidden = row
    column: Json = {"name": name, "type": kind, "not_null": bool(needed), "primary_key": bool(key)}
    if default is not None:
        column["default"] = default
    return column | ({"generated": True} if hidden else {})


def _gather(cursor: sqlite3.Cursor, limit: int) -> tuple[list[tuple[Any, ...]], str]:
    """
    Take rows until there are enough.

    Returns:
        The rows, and why there are no more: ``rows``, ``size``, or nothing if that is all.
    """
    rows: list[tuple[Any, ...]] = []
    left = ANSWER
    for row in cursor:
        if len(rows) == limit:
            return rows, "rows"
        left -= sum(map(size, row))
        if left < 0 and rows:
            return rows, "size"
        if left < 0:
            raise Refused("One row is too large to be shown; select fewer columns, or parts by substr().")
        rows.append(row)
    return rows, ""


def _listing(database: Json) -> Iterator[str]:
    name = database["name"]
    if "problem" in database:
        yield f"{name}: {database['problem']}"
    for table in database["tables"]:
        yield f"{name}: {plain(table['name'])} ({table['type']})"
    if not database["tables"] and "problem" not in database:
        yield f"{name}: no tables"
    if database["truncated"]:
        yield f"{name}: [there are more]"


def _description(found: Json) -> str:
    # The statement has it all, as models know it best; hidden tables have none.
    lines = [found["sql"]] if found["sql"] else [f"{plain(found['table'])}:"]
    lines += [f"  {plain(column['name'])} {column['type']}" for column in found["columns"]]
    lines += [f"  index {index['name']}({', '.join(index['columns'])})" for index in found["indexes"]]
    return "\n".join(lines)


def _table(columns: Sequence[str], rows: Sequence[tuple[Any, ...]], stopped: str) -> str:
    lines = [" | ".join(map(plain, columns))]
    lines += [" | ".join(map(plain, row)) for row in rows]
    end = f" [stopped by the bound on {stopped}]" if stopped else ""
    return "\n".join([*lines, f"{len(rows)} rows.{end}"])
