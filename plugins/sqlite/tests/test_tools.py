# -*- test-case-name: plugins.sqlite.tests.test_tools -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.sqlite.asking.tools`: what each tool tells, and what no argument can do.
"""

from __future__ import annotations

import sqlite3

from plugins.sqlite.asking.call import Call, Refused
from plugins.sqlite.asking.tools import ANSWER, TABLES
from plugins.sqlite.tests.given import Databases

ODD = 'odd "name"; DROP TABLE item'


class TablesTests(Databases):
    """
    Databases and their tables.
    """

    def test_tables(self) -> None:
        """
        Each database is told with its tables and views.
        """
        structured, text = self.ask("tables", self.shop, self.make("empty.db", "VACUUM"))
        shop, empty = structured["databases"]
        self.assertEqual([table["name"] for table in shop["tables"]], ["cheap", "item", ODD, "sale"])
        self.assertEqual((shop["tables"][0]["type"], empty["tables"]), ("view", []))
        self.assertIn("shop: item (table)", text)
        self.assertIn("empty: no tables", text)

    def test_one(self) -> None:
        """
        One database can be asked for; one that is broken is told with its problem, and hides no other.
        """
        paths = (self.base / "none.db", self.shop)
        (shop,) = self.ask("tables", *paths, database="shop")[0]["databases"]
        self.assertEqual(shop["name"], "shop")
        none, shop = self.ask("tables", *paths)[0]["databases"]
        self.assertIn("No such file", none["problem"])
        self.assertTrue(shop["tables"])
        self.assertRaises(Refused, self.ask, "tables", database="nothing")

    def test_many(self) -> None:
        """
        Of very many tables, or of very long names, only some are told, and that there are more.
        """
        many = self.make("many.db", "".join(f"CREATE TABLE t{n} (a);" for n in range(TABLES + 1)))
        (told,) = self.ask("tables", many)[0]["databases"]
        self.assertEqual((len(told["tables"]), told["truncated"]), (TABLES, True))
        long = self.make("long.db", "".join(f"CREATE TABLE {letter * 90_000} (a);" for letter in "abc"))
        structured, text = self.ask("tables", long)
        self.assertEqual([table["name"][0] for table in structured["databases"][0]["tables"]], ["a", "b"])
        self.assertIn("there are more", text)


class SchemaTests(Databases):
    """
    What a table is made of.
    """

    def test_table(self) -> None:
        """
        Columns, indexes and foreign keys are told.
        """
        told, text = self.ask("schema", table="item")
        self.assertEqual([column["name"] for column in told["columns"]], ["id", "name", "price", "photo"])
        self.assertEqual(
            told["columns"][1],
            {"name": "name", "type": "TEXT", "not_null": True, "primary_key": False, "default": "'x'"},
        )
        self.assertEqual(told["indexes"], [{"name": "item_name", "unique": True, "columns": ["name"]}])
        self.assertIn("CREATE TABLE item", text)
        sale = self.ask("schema", table="sale")[0]
        keys = [
            {"column": "tag", "table": "item"},
            {"column": "item_id", "table": "item", "references": "id"},
        ]
        self.assertEqual(sale["foreign_keys"], keys)
        self.assertIs(sale["columns"][2]["generated"], True)

    def test_own(self) -> None:
        """
        A table that SQLite made for itself has columns, and no statement.
        """
        path = self.make("own.db", "CREATE TABLE t (a INTEGER PRIMARY KEY AUTOINCREMENT, b UNIQUE)")
        told, _ = self.ask("schema", path, table="t")
        self.assertIs(told["indexes"][0]["unique"], True)
        self.assertIn("sqlite_sequence", self.ask("schema", path, table="sqlite_sequence")[1])

    def test_names(self) -> None:
        """
        A name is compared and never run, whatever is in it; one that is not there is refused.
        """
        self.assertEqual(self.ask("schema", table=ODD)[0]["columns"][0]["name"], "a")
        for name in ("nothing", "ITEM", "item; DROP TABLE item", "item'--", '"item"', "item_name", "%", ""):
            self.assertRaises(Refused, self.ask, "schema", table=name)
        self.assertEqual(self.rows("SELECT count(*) FROM item"), [[2]])

    def test_too_much(self) -> None:
        """
        What a table is made of is bounded, too.
        """
        columns = ", ".join(f"column{number}" for number in range(1500))
        indexes = "".join(f"CREATE INDEX i{number} ON t ({columns});" for number in range(70))
        path = self.make("wide.db", f"CREATE TABLE t ({columns}); {indexes}")
        self.assertIn("too much", str(self.assertRaises(Refused, self.ask, "schema", path, table="t")))
        many = {"database": "wide", "table": "t"}
        self.assertRaises(Refused, self.asking(path), "statements", many, Call())


class QueryTests(Databases):
    """
    Queries.
    """

    def test_rows(self) -> None:
        """
        Rows come with their columns, as arrays and as text; two columns may have one name.
        """
        told, text = self.ask("query", sql="SELECT id, name, id FROM item ORDER BY id")
        self.assertEqual(told["columns"], ["id", "name", "id"])
        self.assertEqual(told["rows"], [[1, "apple", 1], [2, "pear", 2]])
        self.assertIs(told["truncated"], False)
        self.assertEqual(text, "id | name | id\n1 | apple | 1\n2 | pear | 2\n2 rows.")

    def test_parameters(self) -> None:
        """
        Values are bound by place and by name, and are never a part of the statement.
        """
        evil = "apple' OR 1=1; DROP TABLE item --"
        self.assertEqual(self.rows("SELECT id FROM item WHERE name = ?", evil), [])
        self.assertEqual(
            self.rows("SELECT typeof(?), typeof(?), ?", 5, 1.5, evil), [["integer", "real", evil]]
        )
        told, _ = self.ask("query", sql="SELECT :a + $b", parameters={"a": 1, "$b": 2})
        self.assertEqual(told["rows"], [[3]])
        blob = [[{"base64": "AP8=", "length": 2, "truncated": False}]]
        self.assertEqual(self.rows("SELECT photo FROM item WHERE photo = ?", {"base64": "AP8="}), blob)

    def test_wrong_parameters(self) -> None:
        """
        Too few, too many, a wrong name and a number that is too large are refused with a sentence.
        """
        for sql, parameters in (
            ("SELECT ?", []),
            ("SELECT ?", [1, 2]),
            ("SELECT :a", {"b": 1}),
            ("SELECT ?", [2**63]),
            ("SELECT ?", ["x" * 1_000_001]),
        ):
            self.assertRaises(Refused, self.ask, "query", sql=sql, parameters=parameters)

    def test_bounds(self) -> None:
        """
        Rows end at the limit, or where they are too much to show, and the answer says which.
        """
        counting = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n+1 FROM c LIMIT 50) "
        told, text = self.ask("query", sql=counting + "SELECT n FROM c", limit=49)
        self.assertEqual((len(told["rows"]), told["stopped_by"]), (49, "rows"))
        self.assertIn("stopped by the bound on rows", text)
        self.assertNotIn("stopped_by", self.ask("query", sql=counting + "SELECT n FROM c", limit=50)[0])
        told, _ = self.ask("query", sql=counting + "SELECT hex(zeroblob(9000)) FROM c")
        self.assertEqual(told["stopped_by"], "size")
        self.assertLess(sum(len(row[0]) for row in told["rows"]), ANSWER)
        wide = "SELECT " + ", ".join(["zeroblob(40000)"] * 10)
        self.assertRaises(Refused, self.ask, "query", sql=wide)

    def test_nothing(self) -> None:
        """
        What selects nothing is refused; no rows are an answer.
        """
        for sql in ("", " ", "-- only a comment", ";"):
            self.assertRaises(Refused, self.ask, "query", sql=sql)
        self.assertEqual(self.rows("SELECT 1 WHERE 0"), [])

    def test_locked(self) -> None:
        """
        What a writer has not committed is not seen, and a writer is not held up.
        """
        writer = sqlite3.connect(self.shop, isolation_level=None)
        self.addCleanup(writer.close)
        writer.execute("BEGIN")
        writer.execute("DELETE FROM item")
        self.assertEqual(self.rows("SELECT count(*) FROM item"), [[2]])
        writer.execute("COMMIT")
        self.assertEqual(self.rows("SELECT count(*) FROM item"), [[0]])

    def test_statements(self) -> None:
        """
        The SQL of a table comes with that of its indexes.
        """
        text = self.asking()("statements", {"database": "shop", "table": "item"}, Call())
        self.assertIn("CREATE UNIQUE INDEX item_name", text)
