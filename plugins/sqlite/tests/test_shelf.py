# -*- test-case-name: plugins.sqlite.tests.test_shelf -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.sqlite.asking.shelf`: names, files that are none, and files of SQL.
"""

from __future__ import annotations

import os

from plugins.sqlite.asking import shelf
from plugins.sqlite.asking.call import Refused
from plugins.sqlite.asking.shelf import SCRIPT, Database, Shelf
from plugins.sqlite.tests.given import ENDLESS, Databases


class ShelfTests(Databases):
    """
    Names.
    """

    def test_names(self) -> None:
        """
        A database is called like its file; two of one name are told apart, and odd letters replaced.
        """
        paths = ("/a/shop.db", "/b/shop.sqlite3", "/c/two words?.db", "/d/.db", "/e/\udcff.db", "/")
        names = [database.name for database in Shelf.of(paths).all]
        self.assertEqual(names, ["shop", "shop-2", "two-words-", "db", "-", "database"])

    def test_none(self) -> None:
        """
        Without a database there is nothing to serve.
        """
        self.assertRaises(Refused, Shelf.of, [])

    def test_find(self) -> None:
        """
        A name may be left out if there is only one database, and a wrong one is told which there are.
        """
        one, two = Shelf.of(["/a/shop.db"]), Shelf.of(["/a/shop.db", "/b/shop.db"])
        self.assertEqual(one.find(None).name, "shop")
        self.assertEqual(two.find("shop-2").path, "/b/shop.db")
        for name in (None, "nothing", "SHOP"):
            self.assertIn("shop, shop-2", str(self.assertRaises(Refused, two.find, name)))


class DatabaseTests(Databases):
    """
    What is opened.
    """

    def refuse(self, database: Database) -> str:
        """
        Ask a database that can't be asked; gives the sentence.
        """
        with self.assertRaises(Refused) as caught, database.ask() as connection:
            connection.execute("SELECT 1 FROM sqlite_schema")
        self.assertNotIn(str(self.base), str(caught.exception))
        return str(caught.exception)

    def test_bad_files(self) -> None:
        """
        What is missing, a folder, a FIFO or noise is told in a sentence without a path, and nobody waits.
        """
        os.mkfifo(self.base / "fifo.db")
        self.put("noise.db", b"noise" * 1000)
        for name, part in (
            ("none.db", "No such file"),
            ("fifo.db", "is no file"),
            ("noise.db", "not a database"),
            ("", "is no file"),
        ):
            self.assertIn(part, self.refuse(self.shelf(self.base / name).all[0]))

    def test_later(self) -> None:
        """
        A file that comes later is found then.
        """
        database = self.shelf(self.base / "later.db").all[0]
        self.refuse(database)
        self.make("later.db", "CREATE TABLE t (a)")
        with database.ask() as connection:
            self.assertEqual(connection.execute("SELECT name FROM sqlite_schema").fetchall(), [("t",)])

    def test_odd_path(self) -> None:
        """
        A path can't say how it is opened, whatever is in it.
        """
        path = self.make("a?mode=rwc&x#y%41 .db", "CREATE TABLE t (a)")
        with self.shelf(path).all[0].ask() as connection:
            self.assertEqual(connection.execute("SELECT name FROM sqlite_schema").fetchall(), [("t",)])

    def test_script(self) -> None:
        """
        A file of SQL is a database, too, which can't be changed either, and leaves nothing on the disk.
        """
        path = self.put("made.sql", "CREATE TABLE t (a); INSERT INTO t VALUES ('\u00e9'), (2);")
        database, other = self.shelf(path, path).all
        for each in (database, other):
            with each.ask() as connection:
                self.assertEqual(connection.execute("SELECT a FROM t").fetchall(), [("\u00e9",), (2,)])
        with self.assertRaises(Refused), database.ask() as connection:
            connection.execute("DELETE FROM t")
        self.assertEqual(sorted(path.name for path in self.base.iterdir()), ["made.sql", "shop.db"])

    def test_bad_scripts(self) -> None:
        """
        A file of SQL that can't be run is told in a sentence, and must not reach for other files.
        """
        self.patch(shelf, "PATIENCE", 0.1)
        for content, part in (
            (b"CREATE TABLE", "incomplete input"),
            (b"SELECT 1; \xff", "utf-8"),
            (b"-" * (SCRIPT + 1), "16 MiB"),
            (f"ATTACH '{self.base}/x.db' AS x;".encode(), "authoriz"),
            (f"VACUUM INTO '{self.base}/x.db';".encode(), "authoriz"),
            (f"{ENDLESS};".encode(), "interrupted"),
            (b"CREATE TABLE t (a); INSERT INTO t VALUES (zeroblob(200000000));", "full"),
        ):
            self.assertIn(part, self.refuse(self.shelf(self.put("bad.sql", content)).all[0]))
        self.assertIn("No such file", self.refuse(self.shelf(self.base / "none.sql").all[0]))
        self.assertEqual(sorted(path.name for path in self.base.iterdir()), ["bad.sql", "shop.db"])
