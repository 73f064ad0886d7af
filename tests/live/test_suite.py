# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How the suite's output is read and judged.
"""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.live.suite import Excuses, Verdict, Wrong, complaints, count, excuses, read, scored, table

_GOOD = Verdict(2, ())
_BAD = Verdict(1, (Wrong("some-check", "why"),))
_EMPTY = Verdict(0, ())


class ReadTests(SynchronousTestCase):
    """
    The suite's files.
    """

    def verdict(self, *checks: tuple[str, str]) -> Verdict:
        """
        Write one scenario's checks (id and status) and read the verdict.
        """
        folder = Path(self.mktemp())
        scenario = folder / "server-tools-list-2026-11-22T17-21-30-022Z"
        scenario.mkdir(parents=True)
        told = [{"id": name, "status": status, "errorMessage": "why"} for name, status in checks]
        (scenario / "checks.json").write_text(json.dumps(told))
        return read(folder)["tools-list"]

    def test_good(self) -> None:
        """
        A scenario passes when something was checked and nothing was wrong.
        """
        self.assertEqual(
            self.verdict(("a", "SUCCESS"), ("b", "INFO"), ("wire-schema-valid", "SUCCESS")), Verdict(1, ())
        )

    def test_vacuous(self) -> None:
        """
        A scenario that checked nothing but the messages' shape does not pass.
        """
        for checks in ((("wire-schema-valid", "SUCCESS"),), (("a", "SKIPPED"),), ()):
            self.assertFalse(self.verdict(*checks).good)

    def test_wrong(self) -> None:
        """
        A failure, a warning and a check that was left out are wrong, and say why.
        """
        verdict = self.verdict(("a", "SUCCESS"), ("b", "FAILURE"), ("c", "WARNING"), ("d", "SKIPPED"))
        self.assertEqual((verdict.good, verdict.told()), (False, "b: why; c: why; d: why"))

    def test_threw(self) -> None:
        """
        A scenario without checks threw; a folder that is no scenario's is left out.
        """
        folder = Path(self.mktemp())
        (folder / "server-a-b-2026-11-22T17-21-30-022Z").mkdir(parents=True)
        (folder / "other").mkdir()
        self.assertEqual(read(folder), {"a-b": Verdict(0, (Wrong("all", "the scenario threw"),))})


class JudgeTests(SynchronousTestCase):
    """
    The list that only shrinks.
    """

    def test_excuses(self) -> None:
        """
        A line excuses one scenario, or one check, of one fixture at one revision.
        """
        text = (
            "# why\n\nmodern 2025-11-25 a\nmodern 2026-07-28 b\nlegacy 2025-11-25 c\n"
            "modern 2025-11-25 d one\nmodern 2025-11-25 d two\nlegacy 2025-11-25 d three\n"
            "vacuous modern 2025-11-25 e\nvacuous legacy 2025-11-25 f\n"
        )
        self.assertEqual(
            excuses(text, "modern", "2025-11-25"),
            Excuses(frozenset("a"), {"d": frozenset({"one", "two"})}, frozenset("e")),
        )

    def test_no_excuse(self) -> None:
        """
        A line that is misspelt excuses nobody.
        """
        for line in (
            "modern a",
            "vacuous modern a",
            "vacuous modern 2025-11-25 a b",
            "modern 2025-11-25 a b c",
            "moderm 2025-11-25 a",
            "modern 2025-11 a",
        ):
            self.assertRaises(ValueError, excuses, f"{line}\n", "modern", "2025-11-25")

    def test_content(self) -> None:
        """
        What passes without excuse and what fails with one are as they should be.
        """
        excused = Excuses(frozenset("bc"), {"d": frozenset({"some-check"})}, frozenset("ef"))
        found = {"a": _GOOD, "b": _BAD, "c": _EMPTY, "d": _BAD, "e": _GOOD, "f": _BAD}
        self.assertEqual(complaints(found, excused, {"a"}, {"d"}), [])

    def test_complaints(self) -> None:
        """
        Told is what fails unexcused, passes excused, never ran, or may never be excused.
        """
        excused = Excuses(frozenset("bdef"), {"g": frozenset("x")}, frozenset("hi"))
        found = {"a": _BAD, "b": _GOOD, "c": _EMPTY, "e": _BAD, "f": _BAD, "g": _GOOD, "h": _GOOD, "i": _GOOD}
        said = complaints(found, excused, {"e", "g", "h"}, {"f", "i", "j"})
        self.assertEqual(
            said,
            [
                "d did not run",
                "j did not run",
                "e may not be excused: remove it from may_fail.txt",
                "f may not be excused: remove it from may_fail.txt",
                "g may not be excused: remove it from may_fail.txt",
                "h may not be excused: remove it from may_fail.txt",
                "i may not be excused: remove it from may_fail.txt",
                "a fails: some-check: why",
                "b passes: remove it from may_fail.txt",
                "c fails: nothing was checked",
                "g x passes: remove it from may_fail.txt",
            ],
        )

    def test_checks(self) -> None:
        """
        Where a check is excused, every other has to pass, and something has to.
        """
        excused = Excuses(checks={"a": frozenset({"one"})})
        one, two = Wrong("one", "why"), Wrong("two", "so")
        for verdict, said in (
            (Verdict(1, (one, one)), []),
            (Verdict(1, (one, two)), ["a fails: one: why; two: so"]),
            (Verdict(1, (two,)), ["a one passes: remove it from may_fail.txt", "a fails: two: so"]),
            (Verdict(0, (one,)), ["a fails: one: why"]),
        ):
            self.assertEqual(complaints({"a": verdict}, excused, ()), said)

    def test_scored(self) -> None:
        """
        The suite's own list of what a server has to pass is the one that counts.
        """
        text = "# why\n\nserver:\n  - a\n  - b-c\n\nclient:\n  - d\n\nnot_scored:\n  - scenario: e\n"
        self.assertEqual(scored(text), {"a", "b-c"})
        self.assertRaises(ValueError, scored, "client:\n  - d\n")

    def test_count(self) -> None:
        """
        Counted is what is scored and passes, unless its pass means nothing.
        """
        found = {"a": _GOOD, "b": _GOOD, "c": _GOOD, "d": _BAD, "e": _EMPTY}
        self.assertEqual(count(found, {"a", "b", "d", "e", "f"}, {"b"}), 1)

    def test_table(self) -> None:
        """
        The table says of each scenario what became of it.
        """
        excused = Excuses(frozenset("a"), {"c": frozenset({"some-check"})}, frozenset("d"))
        found = {"long-name": _GOOD, "a": _BAD, "b": _BAD, "c": _BAD, "d": _GOOD}
        self.assertEqual(
            table(found, excused).splitlines(),
            [
                "a          may fail  some-check: why",
                "b          FAIL      some-check: why",
                "c          may fail  some-check: why",
                "d          vacuous   2 passed",
                "long-name  pass      2 passed",
            ],
        )
        self.assertEqual(table({}, Excuses()), "")
