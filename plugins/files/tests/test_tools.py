# -*- test-case-name: plugins.files.tests.test_tools -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`plugins.files.beneath.tools` and :mod:`plugins.files.beneath.offer`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

from plugins.files.beneath.call import ANSWER, Call, Cancelled, Json, Refused
from plugins.files.beneath.offer import TOOLS
from plugins.files.beneath.place import PIECE, Root, Roots
from plugins.files.beneath.tools import ENTRIES, SCAN, Files, describe
from plugins.files.tests.given import Folders, quiet

_TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def fits(schema: Json, value: Any) -> bool:
    """
    Tell whether a value fits a schema, of the keywords that the tools use.
    """
    if "enum" in schema:
        return value in schema["enum"]
    if not isinstance(value, _TYPES[schema["type"]]):
        return False
    if isinstance(value, dict):
        known = schema["properties"]
        return (
            set(schema["required"]) <= set(value) <= set(known)
            and schema["additionalProperties"] is False
            and all(fits(known[name], member) for name, member in value.items())
        )
    if isinstance(value, list):
        return all(fits(schema["items"], item) for item in value)
    return not isinstance(value, int) or value >= schema.get("minimum", 0)


class Tools(Folders):
    """
    Calls of tools.
    """

    def call(self, tool: str, files: Files | None = None, **arguments: Any) -> tuple[Json, str]:
        """
        Call a tool as a client would; what it gives fits its schema and is not too large for a line.
        """
        offered = TOOLS[tool]
        told, text = offered.run(files or self.files(), offered.judge(arguments), quiet())
        self.assertTrue(fits(offered.gives, told), told)
        self.assertLess(len(json.dumps([told, text])), 16 << 20)
        return told, text

    def refused(self, tool: str, **arguments: Any) -> str:
        """
        Call a tool in vain; gives the sentence.
        """
        return str(self.assertRaises(Refused, self.call, tool, **arguments))


class ListTests(Tools):
    """
    The tool ``list``.
    """

    def test_nothing_said(self) -> None:
        """
        Without arguments the roots are listed, so that a model learns where paths begin.
        """
        told, text = self.call("list")
        self.assertEqual([entry["path"] for entry in told["entries"]], ["docs"])
        self.assertEqual(text, "docs  (folder)")

    def test_folder(self) -> None:
        """
        A folder's entries are listed with type, size and time; a link is shown as one.
        """
        os.utime(self.docs / "a.txt", (0, 1e9))
        os.symlink("/etc/passwd", self.docs / "link")
        told, text = self.call("list", path="docs")
        self.assertEqual(
            told["entries"][0],
            {"path": "docs/a.txt", "type": "file", "size": 14, "modified": "2001-09-09T01:46:40+00:00"},
        )
        self.assertEqual(text, "docs/a.txt  (file, 14 bytes)\ndocs/guide  (folder)\ndocs/link  (symlink)")

    def test_glob(self) -> None:
        """
        Files are found by their names, some folders deep.
        """
        told, _ = self.call("list", glob="*.md", depth=4)
        self.assertEqual(
            [entry["path"] for entry in told["entries"]], ["docs/guide/intro.md", "docs/guide/more/deep.md"]
        )

    def test_odd_names(self) -> None:
        """
        Names with line ends or bytes that are not UTF-8 are listed, and no name passes for two.
        """
        self.put("b\nc", b"")
        with open(os.path.join(os.fsencode(self.docs), b"caf\xe9"), "wb"):
            pass
        told, text = self.call("list", path="docs")
        self.assertIn("docs/b\nc", [entry["path"] for entry in told["entries"]])
        self.assertIn("docs/b\\x0ac  (file", text)
        self.assertIn("docs/caf\\xe9  (file", text)
        json.dumps(told).encode("utf-8").decode("utf-8")

    def test_odd_times(self) -> None:
        """
        A time before or beyond the calendar is shown as its first or last.
        """
        place = self.roots.find("docs/a.txt")
        assert place is not None
        for seconds, year in ((-(1 << 62), "1970"), (1 << 62, "9999")):
            facts = os.stat_result((0o100644, 0, 0, 1, 0, 0, 0, 0, seconds, 0))
            self.assertEqual(describe(place, facts)["modified"][:4], year)

    def test_bounds(self) -> None:
        """
        A list that is too long, in entries or in letters, is cut and says so.
        """
        for number in range(ENTRIES + 1):
            self.put(f"many/{number:04}", b"")
        told, text = self.call("list", path="docs/many")
        self.assertEqual((len(told["entries"]), told["truncated"]), (ENTRIES, True))
        self.assertTrue(text.endswith("[there is more]"))
        root = self.roots.all[0]
        files = Files(Roots([Root("x" * 3000, root.path, root.fd)]), _none)
        told, _ = self.call("list", files, path="x" * 3000 + "/many")
        self.assertLess(len(told["entries"]), ENTRIES)
        self.assertTrue(told["truncated"])

    def test_empty(self) -> None:
        """
        An empty folder is said to be empty.
        """
        (self.docs / "empty").mkdir()
        self.assertEqual(self.call("list", path="docs/empty")[1], "Nothing is there.")

    def test_cancelled(self) -> None:
        """
        A list that nobody waits for any more ends.
        """
        call = quiet()
        call.cancel()
        for tool, arguments in (("list", {}), ("stat", {"path": "docs"}), ("read", {"path": "docs/a.txt"})):
            offered = TOOLS[tool]
            self.assertRaises(Cancelled, offered.run, self.files(), offered.judge(arguments), call)


class ReadTests(Tools):
    """
    The tool ``read``.
    """

    def test_whole(self) -> None:
        """
        A file is read whole, and its text is the answer's text.
        """
        told, text = self.call("read", path="docs/a.txt")
        self.assertEqual(text, "one\ntwo\nthree\n")
        self.assertEqual((told["first_line"], told["last_line"], told["truncated"]), (1, 3, False))
        self.assertNotIn("next_line", told)

    def test_lines(self) -> None:
        """
        Some lines are read, and it is said where the file goes on.
        """
        told, text = self.call("read", path="docs/a.txt", first_line=2, last_line=2)
        self.assertEqual((told["text"], told["last_line"], told["next_line"]), ("two\n", 2, 3))
        self.assertFalse(told["truncated"])
        self.assertTrue(text.endswith("[more from line 3]"))

    def test_empty(self) -> None:
        """
        An empty file is read, too.
        """
        self.put("empty", b"")
        told, _ = self.call("read", path="docs/empty")
        self.assertEqual((told["text"], told["last_line"]), ("", 0))

    def test_bound(self) -> None:
        """
        A file that is too large is read in several calls, and nothing is lost between them.
        """
        content = b"".join(b"%07d\n" % number for number in range(2 * ANSWER // 8))
        self.put("large", content)
        first, _ = self.call("read", path="docs/large")
        self.assertTrue(first["truncated"])
        second, _ = self.call("read", path="docs/large", first_line=first["next_line"])
        self.assertEqual((first["text"] + second["text"]).encode(), content)

    def test_one_long_line(self) -> None:
        """
        A line that is longer than an answer is cut, and reading goes on after it.
        """
        self.put("large", b"x" * (ANSWER + PIECE) + b"\nend\n")
        told, _ = self.call("read", path="docs/large")
        self.assertEqual((len(told["text"]), told["next_line"], told["truncated"]), (ANSWER, 2, True))
        self.assertEqual(self.call("read", path="docs/large", first_line=2)[0]["text"], "end\n")

    def test_not_text(self) -> None:
        """
        What is not text is refused with its size; single bytes that are not UTF-8 are replaced.
        """
        self.put("b.bin", b"\x89PNG\0\0")
        self.put("c.txt", b"caf\xe9")
        self.assertIn("not text; it has 6 bytes", self.refused("read", path="docs/b.bin"))
        self.assertEqual(self.call("read", path="docs/c.txt")[1], "caf\ufffd")

    def test_worst(self) -> None:
        """
        An answer of nothing but control characters still fits a line.
        """
        self.put("worst", b"\x01" * ANSWER * 2)
        self.assertEqual(len(self.call("read", path="docs/worst")[1].split("\n")[0]), ANSWER)

    def test_beyond(self) -> None:
        """
        Lines that are not there, too far away or the wrong way round are refused with the reason.
        """
        self.assertIn("only 3 lines", self.refused("read", path="docs/a.txt", first_line=4))
        self.assertIn("before", self.refused("read", path="docs/a.txt", first_line=2, last_line=1))
        with open(self.docs / "sparse", "wb") as file:
            file.truncate(SCAN + 2 * PIECE)
        self.assertIn("64 MiB", self.refused("read", path="docs/sparse", first_line=2))

    def test_no_file(self) -> None:
        """
        A path that names no file is refused with what could be named instead.
        """
        self.assertIn("The roots are: docs.", self.refused("read", path="/"))
        self.assertIn("folder", self.refused("read", path="docs/guide"))
        self.assertIn("The roots are: docs.", self.refused("read", path="etc/passwd"))


class StatTests(Tools):
    """
    The tool ``stat``.
    """

    def test_file(self) -> None:
        """
        Type, size and mode are told without reading.
        """
        os.chmod(self.docs / "a.txt", 0o640)
        told, text = self.call("stat", path="docs/a.txt")
        self.assertEqual((told["type"], told["size"], told["mode"]), ("file", 14, "0640"))
        self.assertIn("mode: 0640", text)

    def test_link(self) -> None:
        """
        A link is described itself, and nothing of where it leads.
        """
        os.symlink("../secret/key.txt", self.docs / "link")
        self.assertEqual(self.call("stat", path="docs/link")[0]["type"], "symlink")

    def test_root(self) -> None:
        """
        A root is a folder like any other.
        """
        self.assertEqual(self.call("stat", path="docs")[0]["type"], "folder")


class SearchTests(Tools):
    """
    The tool ``search``.
    """

    def test_text(self) -> None:
        """
        The text reads as grep's does, context included.
        """
        _, text = self.call("search", query="two", context=1)
        self.assertEqual(
            text,
            "docs/a.txt-1- one\ndocs/a.txt:2: two\ndocs/a.txt-3- three\n1 matches in 3 files.",
        )

    def test_stopped(self) -> None:
        """
        A search that ended early says why.
        """
        told, text = self.call("search", query="o", limit=1)
        self.assertEqual((told["truncated"], told["stopped_by"]), (True, "matches"))
        self.assertIn("[stopped by the bound on matches]", text)

    def test_refused(self) -> None:
        """
        A bad pattern is refused with a sentence.
        """
        self.assertIn("no regular expression", self.refused("search", query="(", regex=True))

    def test_progress(self) -> None:
        """
        Progress is told only when there is some, so that it always increases.
        """
        told: list[int] = []

        def hunting(roots: Roots, query: Json, call: Call) -> Iterator[Json]:
            for seen in (0, 5, 5, 9, 9):
                yield {"status": {"files": 1, "skipped": 0, "bytes": seen, "stopped": ""}}

        call = Call(lambda _call, progress, _message: told.append(progress))
        Files(self.roots, hunting).search({}, call)
        self.assertEqual(told, [5, 9])

    def test_cancelled(self) -> None:
        """
        A search that was killed by a cancel is no result.
        """
        call = quiet()
        call.cancel()
        self.assertRaises(Cancelled, Files(self.roots, _none).search, {}, call)


class JudgeTests(Tools):
    """
    What the tools accept.
    """

    def test_table(self) -> None:
        """
        Arguments that do not fit are refused with a sentence that names them.
        """
        for tool, arguments, sentence in (
            ("read", {}, "'path' is missing"),
            ("read", {"path": 5}, "'path' must be a string"),
            ("read", {"path": None}, "'path' must be a string"),
            ("read", {"path": ""}, "from 1 to 4096 characters"),
            ("read", {"path": "x" * 5000}, "from 1 to 4096 characters"),
            ("read", {"path": "docs/\ud800"}, "surrogate"),
            ("read", {"path": "docs/caf\udce9"}, "surrogate"),
            ("read", {"path": "docs", "first_line": 0}, "from 1 to"),
            ("read", {"path": "docs", "first_line": "1"}, "whole number"),
            ("read", {"path": "docs", "first_line": True}, "whole number"),
            ("read", {"path": "docs", "first_line": 1.5}, "whole number"),
            ("read", {"path": "docs", "first_line": float("inf")}, "whole number"),
            ("read", {"path": "docs", "first_line": float("nan")}, "whole number"),
            ("search", {"query": "x", "regex": 1}, "true or false"),
            ("search", {"query": ""}, "from 1 to 1000 characters"),
            ("list", {"pth": "docs"}, "no argument 'pth'; there are: path, glob, depth"),
            ("list", {"\ud800": 1}, "no argument '\\ud800'"),
        ):
            refused = self.assertRaises(Refused, TOOLS[tool].judge, arguments)
            self.assertIn(sentence, str(refused))
            str(refused).encode("utf-8")

    def test_integer(self) -> None:
        """
        3.0 is an integer, as JSON Schema has it.
        """
        self.assertEqual(repr(TOOLS["list"].judge({"depth": 3.0})["depth"]), "3")


class OfferTests(Tools):
    """
    How the tools are described.
    """

    def test_complete(self) -> None:
        """
        Each tool, argument and flag has what a model needs to choose well.
        """
        self.assertEqual(list(TOOLS), ["list", "read", "search", "stat"])
        for tool in TOOLS.values():
            told = tool.told()
            self.assertRegex(told["name"], r"\A[a-z]{1,64}\Z")
            self.assertTrue(told["title"] and len(told["description"]) > 50)
            self.assertIs(told["annotations"]["readOnlyHint"], True)
            for schema in (told["inputSchema"], told["outputSchema"]):
                self.assertEqual((schema["type"], schema["additionalProperties"]), ("object", False))
            for argument in told["inputSchema"]["properties"].values():
                self.assertGreater(len(argument["description"]), 10)


def _none(roots: Roots, query: Json, call: Call) -> Iterator[Json]:
    return iter(())
