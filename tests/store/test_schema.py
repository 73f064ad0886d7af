# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.store.schema`.
"""

from __future__ import annotations

import sqlite3

from twisted.trial.unittest import SynchronousTestCase

from mcpd.store.schema import STEPS, Newer, check_version, migrate

ONE = ("CREATE TABLE one (a)",)
TWO = ("CREATE TABLE two (a)", "INSERT INTO one VALUES (2)")
BAD = ("CREATE TABLE three (a)", "INSERT INTO nowhere VALUES (3)")


class MigrateTests(SynchronousTestCase):
    """
    Tests for bringing tables up to date.
    """

    def setUp(self) -> None:
        """
        Have an empty file, in memory.
        """
        self.connection = sqlite3.connect(":memory:", isolation_level=None)
        self.addCleanup(self.connection.close)

    def tables(self) -> list[str]:
        """
        Tell which tables there are.
        """
        rows = self.connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return [name for (name,) in rows]

    def test_new(self) -> None:
        """
        A new file gets every table.
        """
        migrate(self.connection)
        self.assertEqual(self.tables(), ["keys", "verdicts"])
        self.assertEqual(check_version(self.connection), len(STEPS))

    def test_older(self) -> None:
        """
        A file of an older version takes the steps that it lacks, and keeps what it holds.
        """
        migrate(self.connection, [ONE])
        self.connection.execute("INSERT INTO one VALUES (1)")
        for _ in range(2):
            migrate(self.connection, [ONE, TWO])
        self.assertEqual(self.connection.execute("SELECT a FROM one").fetchall(), [(1,), (2,)])
        self.assertEqual(check_version(self.connection, [ONE, TWO]), 2)

    def test_wholly(self) -> None:
        """
        A step that fails leaves nothing of itself, and can be taken later.
        """
        self.assertRaises(sqlite3.OperationalError, migrate, self.connection, [ONE, BAD])
        self.assertEqual(self.tables(), ["one"])
        self.assertEqual(check_version(self.connection), 1)
        migrate(self.connection, [ONE, TWO])
        self.assertEqual(self.tables(), ["one", "two"])

    def test_newer(self) -> None:
        """
        A file of a newer version is left alone.
        """
        migrate(self.connection, [ONE, TWO])
        with self.assertRaisesRegex(Newer, "its version is 2, and this mcpd knows 1"):
            migrate(self.connection, [ONE])
        self.assertEqual(self.tables(), ["one", "two"])
