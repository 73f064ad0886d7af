# -*- test-case-name: plugins.sqlite.tests.test_guard -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.sqlite.asking.guard`: what can't be done, however it is written.
"""

from __future__ import annotations

import hashlib
import sqlite3
from typing import Any

from plugins.sqlite.asking.call import Refused
from plugins.sqlite.asking.guard import LONGEST, _allow, reading
from plugins.sqlite.tests.given import Databases

# Each of these changes something, reaches for another file, or sets something.
WRITING = (
    "INSERT INTO item (name) VALUES ('x')",
    "INSERT INTO item (name) VALUES ('x') RETURNING id",
    "INSERT OR REPLACE INTO item (id, name) VALUES (1, 'x')",
    "REPLACE INTO item (id, name) VALUES (1, 'x')",
    "WITH a AS (SELECT 'x' AS n) INSERT INTO item (name) SELECT n FROM a",
    "UPDATE item SET name = 'x'",
    "UPDATE item SET name = 'x' RETURNING *",
    "DELETE FROM item",
    "DELETE FROM sqlite_schema",
    "CREATE TABLE t (a)",
    "CREATE TABLE t AS SELECT 1",
    "CREATE TEMP TABLE t (a)",
    "CREATE TEMP VIEW v AS SELECT 1",
    "CREATE TEMP TRIGGER g AFTER INSERT ON item BEGIN SELECT 1; END",
    "CREATE VIEW v AS SELECT 1",
    "CREATE INDEX i ON item (price)",
    "CREATE TRIGGER g AFTER INSERT ON item BEGIN SELECT 1; END",
    "CREATE VIRTUAL TABLE t USING fts5 (a)",
    "CREATE VIRTUAL TABLE t USING rtree (a, b, c)",
    "DROP TABLE item",
    "DROP VIEW cheap",
    "DROP INDEX item_name",
    "ALTER TABLE item RENAME TO x",
    "ALTER TABLE item ADD COLUMN x",
    "ALTER TABLE item DROP COLUMN photo",
    "ANALYZE",
    "REINDEX",
    "VACUUM",
    "VACUUM INTO '{base}/copy.db'",
    "VACUUM INTO 'file:{base}/copy.db?mode=rwc'",
    "ATTACH '{base}/other.db' AS o",
    "ATTACH 'file:{base}/other.db?mode=rwc' AS o",
    "ATTACH ':memory:' AS o",
    "ATTACH ? AS o",
    "DETACH main",
    "BEGIN",
    "BEGIN EXCLUSIVE",
    "COMMIT",
    "END",
    "ROLLBACK",
    "SAVEPOINT s",
    "RELEASE s",
    "PRAGMA query_only = OFF",
    "PRAGMA query_only",
    "PRAGMA writable_schema = ON",
    "PRAGMA writable_schema",
    "PRAGMA trusted_schema = ON",
    "PRAGMA user_version = 5",
    "PRAGMA application_id = 5",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA journal_mode = WAL",
    "PRAGMA journal_mode",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA temp_store_directory = '/'",
    "PRAGMA data_store_directory = '/'",
    "PRAGMA temp_store = FILE",
    "PRAGMA mmap_size = 1000000000",
    "PRAGMA cache_size = -100000000",
    "PRAGMA hard_heap_limit = 0",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA schema_version = 9",
    "PRAGMA optimize",
    "PRAGMA incremental_vacuum",
    "PRAGMA foreign_keys = ON",
    "PRAGMA main.query_only(0)",
    "PRAGMA database_list",
    "SELECT * FROM pragma_database_list",
    "SELECT * FROM pragma_user_version",
    "SELECT * FROM pragma_query_only",
    "EXPLAIN INSERT INTO item (name) VALUES ('x')",
    "EXPLAIN QUERY PLAN DELETE FROM item",
    "SELECT load_extension('{base}/evil')",
    "SELECT LOAD_EXTENSION('{base}/evil', 'go')",
    "SELECT fts3_tokenizer('simple')",
    "SELECT fts3_tokenizer('simple', x'4141414141414141')",
    "SELECT writefile('{base}/evil', 'x')",
    "SELECT readfile('/etc/passwd')",
    "SELECT edit('x')",
    "SELECT 1; DROP TABLE item",
    "SELECT 1; SELECT 2",
    "SELECT 1\0; DROP TABLE item",
)

# Each of these would be too much of something.
HUGE = (
    "SELECT zeroblob(1000000000)",
    "SELECT randomblob(1000000000)",
    "SELECT length(zeroblob(999999)||zeroblob(999999))",
    "SELECT hex(zeroblob(900000))",
    "SELECT replace(hex(zeroblob(1000)), '0', hex(zeroblob(1000)))",
    "WITH RECURSIVE c(x) AS (SELECT 'x' UNION ALL SELECT x || x FROM c) SELECT max(length(x)) FROM c",
    "SELECT " + ", ".join(["1"] * 10_000),
    "SELECT " + "(" * 2000 + "1" + ")" * 2000,
    "SELECT " + "-" * 50_000 + "1",
    "SELECT " + "+".join(["1"] * 5000),
    " UNION ALL ".join(["SELECT 1"] * 1000),
    "SELECT 'x' LIKE '" + "%" * 5000 + "'",
    "SELECT 'x' GLOB '" + "*" * 5000 + "'",
    "SELECT max(" + ",".join(["1"] * 1000) + ")",
    "SELECT ?99999",
    "SELECT " + ",".join(["?"] * 1500),
    "SELECT '" + "x" * 200_000 + "'",
    "SELECT * FROM " + ",".join(f"item a{number}" for number in range(100)),
)


class GuardTests(Databases):
    """
    One database, and what is tried on it.
    """

    def ask_it(self, sql: str) -> list[Any]:
        """
        Run a statement to its end.
        """
        with reading(f"file:{self.shop}?mode=ro") as connection:
            return connection.execute(sql).fetchall()

    def refuse(self, sql: str) -> str:
        """
        Run a statement that is refused; gives the sentence.
        """
        try:
            self.ask_it(sql)
        except Refused as refused:
            return str(refused)
        raise self.failureException(f"not refused: {sql[:80]}")

    def test_writing(self) -> None:
        """
        Nothing but reading is possible: the file stays as it is, byte for byte, and none comes beside it.
        """
        before = hashlib.sha256(self.shop.read_bytes()).digest()
        for sql in WRITING:
            self.refuse(sql.replace("{base}", str(self.base)))
        self.assertEqual(hashlib.sha256(self.shop.read_bytes()).digest(), before)
        self.assertEqual([path.name for path in self.base.iterdir()], ["shop.db"])

    def test_fences(self) -> None:
        """
        With any two of the three fences gone, the third still lets nobody write.
        """
        uri = f"file:{self.shop}?mode="
        for mode, setting, authorizer in (
            ("ro", "OFF", None),
            ("rw", "ON", None),
            ("rw", "OFF", _allow),
        ):
            with reading(uri + mode) as connection:
                connection.set_authorizer(None)
                connection.execute(f"PRAGMA query_only = {setting}")
                connection.set_authorizer(authorizer)
                with self.assertRaises(sqlite3.DatabaseError):
                    connection.execute("DELETE FROM item")
        self.assertEqual(len(self.rows("SELECT * FROM item")), 2)

    def test_huge(self) -> None:
        """
        What is too much is refused with a sentence, soon, and a small question is answered after it.
        """
        for sql in HUGE:
            self.assertLess(len(self.refuse(sql)), 700)
        self.assertEqual(self.ask_it("SELECT 1"), [(1,)])

    def test_reading(self) -> None:
        """
        All that only reads is possible.
        """
        for sql, first in (
            ("SELECT count(*) FROM item", 2),
            ("select name from cheap", "apple"),
            ("VALUES (5), (6)", 5),
            ("WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c LIMIT 9) SELECT max(n) FROM c", 9),
            ("SELECT upper(name) || '!' FROM item ORDER BY id", "APPLE!"),
            ("SELECT json_extract('[1,2]', '$[1]')", 2),
            ("SELECT row_number() OVER (ORDER BY id) FROM item", 1),
            ("SELECT value FROM json_each('[7]')", 7),
            ("PRAGMA table_info(item)", 0),
            ("SELECT name FROM pragma_table_info('item')", "id"),
            ("SELECT name FROM sqlite_schema", "item"),
            ("EXPLAIN SELECT 1", 0),
        ):
            self.assertEqual(self.ask_it(sql)[0][0], first, sql)

    def test_view(self) -> None:
        """
        A view can't do what a statement may not.
        """
        path = self.make("trap.db", "CREATE VIEW v AS SELECT load_extension('x'); CREATE TABLE t (a);")
        with self.assertRaises(Refused), reading(f"file:{path}?mode=ro") as connection:
            connection.execute("SELECT * FROM v")

    def test_text(self) -> None:
        """
        Text that is not UTF-8 is shown with U+FFFD.
        """
        self.assertEqual(self.ask_it("SELECT CAST(x'61ff' AS TEXT)"), [("a\ufffd",)])

    def test_other_trouble(self) -> None:
        """
        Too little memory, and names that are not UTF-8, are refused with a sentence, too.
        """
        for trouble, part in (
            (MemoryError(), "memory"),
            (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "no"), "not UTF-8"),
        ):
            with self.assertRaises(Refused) as caught, reading(f"file:{self.shop}?mode=ro"):
                raise trouble
            self.assertIn(part, str(caught.exception))

    def test_sentences(self) -> None:
        """
        Each mistake has a sentence of its own.
        """
        for sql, part in (
            ("SELEC 1", "syntax error"),
            ("SELECT x FROM item", "no such column"),
            ("SELECT", "incomplete input"),
            ("DELETE FROM item", "only be read"),
            ("SELECT zeroblob(2000000)", f"{LONGEST:,}"),
            ("SELECT ?", "binding"),
        ):
            self.assertIn(part, self.refuse(sql))

    def test_no_database(self) -> None:
        """
        What is no database, or is not there, is refused with a sentence that has no path in it.
        """
        self.put("noise.db", b"this is no database at all, but it is long enough" * 100)
        for name in ("noise.db", "none.db"):
            with (
                self.assertRaises(Refused) as caught,
                reading(f"file:{self.base}/{name}?mode=ro") as connection,
            ):
                connection.execute("SELECT * FROM sqlite_schema")
            self.assertNotIn(str(self.base), str(caught.exception))
