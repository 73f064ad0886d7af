# -*- test-case-name: tests.live.test_suite -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What the official suite found, and what it was allowed to find.

The suite writes a folder ``server-SCENARIO-TIMESTAMP`` for each scenario, with
the checks in ``checks.json``; where a scenario threw, that file is missing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from attrs import frozen

_FOLDER = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z\Z")
_WIRE = "wire-schema-valid"


@frozen
class Verdict:
    """
    What became of one scenario.

    Attributes:
        passed: Checks that passed, besides the one of each message's shape.
        wrong: The checks that failed or warned, with why.
    """

    passed: int
    wrong: tuple[str, ...]

    @property
    def good(self) -> bool:
        """
        Whether something was checked at all, and nothing was wrong.
        """
        return self.passed > 0 and not self.wrong

    def told(self) -> str:
        """
        Say it in one line.
        """
        if self.wrong:
            return "; ".join(self.wrong)
        return f"{self.passed} passed" if self.passed else "nothing was checked"


def read(folder: Path) -> dict[str, Verdict]:
    """
    Read the suite's output: the verdicts by scenario.
    """
    found = {}
    for each in sorted(folder.iterdir()):
        named = _FOLDER.match(each.name)
        if named is not None:
            found[named[1]] = _verdict(each / "checks.json")
    return found


def _verdict(file: Path) -> Verdict:
    try:
        checks = json.loads(file.read_text())
    except FileNotFoundError:
        return Verdict(0, ("the scenario threw",))
    wrong = [check for check in checks if check["status"] in {"FAILURE", "WARNING"}]
    good = [check for check in checks if check["status"] == "SUCCESS" and check["id"] != _WIRE]
    return Verdict(len(good), tuple(f"{check['id']}: {check.get('errorMessage')}" for check in wrong))


def allowed(text: str, fixture: str, revision: str) -> frozenset[str]:
    """
    Read which scenarios may fail: lines of ``fixture revision scenario``, and comments.
    """
    lines = (line.split() for line in text.splitlines() if line and not line.startswith("#"))
    return frozenset(scenario for one, two, scenario in lines if (one, two) == (fixture, revision))


def complaints(found: Mapping[str, Verdict], may_fail: Collection[str], must: Collection[str]) -> list[str]:
    """
    Compare what was found with what may be.

    Args:
        found: The verdicts by scenario.
        may_fail: Scenarios that may fail, and therefore have to: the list only shrinks.
        must: Scenarios that have to be among those found, and may never be excused.
    """
    said = [f"{name} did not run" for name in sorted({*must, *may_fail} - found.keys())]
    said += [
        f"{name} may not be excused: remove it from may_fail.txt" for name in sorted({*must} & {*may_fail})
    ]
    for name, verdict in sorted(found.items()):
        if verdict.good and name in may_fail:
            said.append(f"{name} passes: remove it from may_fail.txt")
        elif not verdict.good and name not in may_fail:
            said.append(f"{name} fails: {verdict.told()}")
    return said


def table(found: Mapping[str, Verdict], may_fail: Collection[str]) -> str:
    """
    Write the verdicts as a table for people.
    """
    width = max(map(len, found), default=0)
    return "\n".join(f"{name:{width}}  {_mark(found[name], name in may_fail)}" for name in sorted(found))


def _mark(verdict: Verdict, excused: bool) -> str:
    if verdict.good:
        return f"pass      {verdict.told()}"
    return f"{'may fail' if excused else 'FAIL':8}  {verdict.told()[:120]}"
