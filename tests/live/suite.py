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
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from attrs import Factory, frozen

_FOLDER = re.compile(r"server-(.+)-\d{4}-\d\d-\d\dT[\d-]+Z\Z")
_SCORED = re.compile(r"^server:\n((?:  - .+\n)+)", re.MULTILINE)
_EXCUSE = re.compile(
    r"(?P<vacuous>vacuous )?(?P<fixture>modern|legacy) (?P<revision>\d{4}-\d\d-\d\d) (?P<scenario>\S+)"
    r"(?(vacuous)|(?: (?P<check>\S+))?)"
)
_WIRE = "wire-schema-valid"
_WRONG = ("FAILURE", "WARNING", "SKIPPED")


@frozen
class Wrong:
    """
    A check that did not pass.

    Attributes:
        check: Its id.
        why: What the suite says of it.
    """

    check: str
    why: str

    def __str__(self) -> str:
        return f"{self.check}: {self.why}"


@frozen
class Verdict:
    """
    What became of one scenario.

    Attributes:
        passed: Checks that passed, besides the one of each message's shape.
        wrong: The checks that failed, warned, or were left out by the suite itself.
    """

    passed: int
    wrong: tuple[Wrong, ...]

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
            return "; ".join(map(str, self.wrong))
        return f"{self.passed} passed" if self.passed else "nothing was checked"


@frozen
class Excuses:
    """
    What one fixture may get wrong at one revision.

    Attributes:
        whole: Scenarios that may fail, and therefore have to: the list only shrinks.
        checks: Scenarios of which some checks may fail, and therefore have to, with those.
        vacuous: Scenarios that pass for a reason that is not theirs: they are
            not counted, and nobody minds if they fail.
    """

    whole: frozenset[str] = frozenset()
    checks: Mapping[str, frozenset[str]] = Factory(dict)
    vacuous: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """
        All scenarios that are excused in some way.
        """
        return self.whole | self.checks.keys() | self.vacuous


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
        return Verdict(0, (Wrong("all", "the scenario threw"),))
    wrong = [
        Wrong(check["id"], check.get("errorMessage") or check["status"].lower())
        for check in checks
        if check["status"] in _WRONG
    ]
    good = [check for check in checks if check["status"] == "SUCCESS" and check["id"] != _WIRE]
    return Verdict(len(good), tuple(wrong))


def excuses(text: str, fixture: str, revision: str) -> Excuses:
    """
    Read what one fixture may get wrong at one revision.

    Args:
        text: Comments, and lines of ``fixture revision scenario`` (it may fail),
            ``fixture revision scenario check`` (this check of it may), or
            ``vacuous fixture revision scenario`` (its pass means nothing).
        fixture: The fixture.
        revision: The revision.

    Raises:
        ValueError: A line is none of these.
    """
    whole, checks, vacuous = set[str](), dict[str, frozenset[str]](), set[str]()
    for line in text.splitlines():
        if not line or line.startswith("#"):
            continue
        match = _EXCUSE.fullmatch(line)
        if match is None:
            raise ValueError(f"no excuse: {line}")
        if (match["fixture"], match["revision"]) != (fixture, revision):
            continue
        scenario, check = match["scenario"], match["check"]
        if match["vacuous"]:
            vacuous.add(scenario)
        elif check:
            checks[scenario] = checks.get(scenario, frozenset()) | {check}
        else:
            whole.add(scenario)
    return Excuses(frozenset(whole), checks, frozenset(vacuous))


def scored(text: str) -> frozenset[str]:
    """
    Read which scenarios the suite itself requires of a server, out of its ``REVISION.yaml``.

    Raises:
        ValueError: There is no such list.
    """
    found = _SCORED.search(text)
    if found is None:
        raise ValueError("no list of what is required of a server")
    return frozenset(line.removeprefix("  - ") for line in found[1].splitlines())


def count(found: Mapping[str, Verdict], wanted: Collection[str], vacuous: Collection[str]) -> int:
    """
    Count the scenarios that are wanted and pass, and whose pass means something.
    """
    return sum(name in wanted and name not in vacuous and found[name].good for name in found)


def complaints(
    found: Mapping[str, Verdict], excused: Excuses, must: Collection[str], partly: Collection[str] = ()
) -> list[str]:
    """
    Compare what was found with what may be.

    Args:
        found: The verdicts by scenario.
        excused: What may fail.
        must: Scenarios that have to be among those found, and may never be excused.
        partly: Scenarios likewise of which single checks may be excused.
    """
    said = [f"{name} did not run" for name in sorted({*must, *partly, *excused.names} - found.keys())]
    barred = ({*must} & excused.names) | ({*partly} & (excused.whole | excused.vacuous))
    said += [f"{name} may not be excused: remove it from may_fail.txt" for name in sorted(barred)]
    for name, verdict in sorted(found.items()):
        said += _judged(name, verdict, excused)
    return said


def _judged(name: str, verdict: Verdict, excused: Excuses) -> Iterator[str]:
    may_fail = excused.checks.get(name, frozenset())
    failed = {wrong.check for wrong in verdict.wrong}
    if name in excused.vacuous:
        return
    if name in excused.whole:
        if verdict.good:
            yield f"{name} passes: remove it from may_fail.txt"
        return
    for check in sorted(may_fail - failed):
        yield f"{name} {check} passes: remove it from may_fail.txt"
    if not verdict.passed or failed - may_fail:
        yield f"{name} fails: {verdict.told()}"


def table(found: Mapping[str, Verdict], excused: Excuses) -> str:
    """
    Write the verdicts as a table for people.
    """
    width = max(map(len, found), default=0)
    return "\n".join(f"{name:{width}}  {_mark(name, found[name], excused)}" for name in sorted(found))


def _mark(name: str, verdict: Verdict, excused: Excuses) -> str:
    if name in excused.vacuous:
        word = "vacuous"
    elif verdict.good:
        word = "pass"
    else:
        word = "FAIL" if any(_judged(name, verdict, excused)) else "may fail"
    return f"{word:8}  {verdict.told()[:120]}"
