# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How the suite's output is read and judged.
"""

from __future__ import annotations

import json
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from tests.live.suite import Verdict, allowed, complaints, read, table

_GOOD = Verdict(2, ())
_BAD = Verdict(1, ("some-check: why",))
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
        A failure and a warning are wrong, and say why.
        """
        verdict = self.verdict(("a", "SUCCESS"), ("b", "FAILURE"), ("c", "WARNING"))
        self.assertEqual((verdict.good, verdict.wrong), (False, ("b: why", "c: why")))

    def test_threw(self) -> None:
        """
        A scenario without checks threw; a folder that is no scenario's is left out.
        """
        folder = Path(self.mktemp())
        (folder / "server-a-b-2026-11-22T17-21-30-022Z").mkdir(parents=True)
        (folder / "other").mkdir()
        self.assertEqual(read(folder), {"a-b": Verdict(0, ("the scenario threw",))})


class JudgeTests(SynchronousTestCase):
    """
    The list that only shrinks.
    """

    def test_allowed(self) -> None:
        """
        A line excuses one scenario of one fixture at one revision.
        """
        text = "# why\n\nmodern 2025-11-25 a\nmodern 2026-07-28 b\nlegacy 2025-11-25 c\n"
        self.assertEqual(allowed(text, "modern", "2025-11-25"), {"a"})

    def test_content(self) -> None:
        """
        What passes without excuse and what fails with one are as they should be.
        """
        self.assertEqual(complaints({"a": _GOOD, "b": _BAD, "c": _EMPTY}, {"b", "c"}, {"a"}), [])

    def test_complaints(self) -> None:
        """
        Told is what fails unexcused, passes excused, never ran, or may never be excused.
        """
        said = complaints({"a": _BAD, "b": _GOOD, "c": _EMPTY, "e": _BAD}, {"b", "d", "e"}, {"e"})
        self.assertEqual(
            said,
            [
                "d did not run",
                "e may not be excused: remove it from may_fail.txt",
                "a fails: some-check: why",
                "b passes: remove it from may_fail.txt",
                "c fails: nothing was checked",
            ],
        )

    def test_table(self) -> None:
        """
        The table says of each scenario what became of it.
        """
        lines = table({"long-name": _GOOD, "a": _BAD, "b": _BAD}, {"a"}).splitlines()
        self.assertEqual(
            lines,
            [
                "a          may fail  some-check: why",
                "b          FAIL      some-check: why",
                "long-name  pass      2 passed",
            ],
        )
        self.assertEqual(table({}, ()), "")
