# -*- test-case-name: tests.config.test_structure -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.structure`.
"""

from __future__ import annotations

from typing import Any, get_type_hints

import attrs
from attrs import frozen
from hypothesis import assume, given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.structure import Flawed, keys, structure
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.units import (
    Bytes,
    Count,
    Rate,
    Room,
    Seconds,
    Tries,
    Wait,
    write_bytes,
    write_rate,
    write_seconds,
    write_tries,
)
from mcpd.web.spec import Limits, Listen, Rates, Tls
from mcpd.workers.spec import Chosen, Plugin, Restart, Timeouts, WorkerLimits, Workers

_WRONG: st.SearchStrategy[Any] = st.one_of(
    st.booleans(), st.floats(), st.integers(max_value=0), st.just({}), st.just([])
)


@frozen
class Odd:
    """
    A specification that cannot be made.
    """

    field: int

    def __attrs_post_init__(self) -> None:
        """
        Fail as a mistake of ours would.
        """
        raise ArithmeticError


def written(kind: Any, value: Any) -> Any:
    """
    Write a value as TOML would have it.
    """
    if kind in (Seconds, Wait):
        return write_seconds(value)
    return write_bytes(value) if kind in (Bytes, Room) else value


@frozen
class Boundless:
    """
    What of a plugin may be without a bound.
    """

    max_calls: Count = Count(0)
    max_memory: Room = Room(0)


TABLES = (Limits, SessionLimits, CatalogLimits, Workers, Boundless)
MAY_BE_NONE = (Wait, Count, Room)
KINDS = get_type_hints(Limits)
DEFAULTS = {key: written(kind, getattr(Limits(), key)) for key, kind in KINDS.items()}


class StructureTests(SynchronousTestCase):
    """
    Tests for making specifications of tables.
    """

    def test_plugin(self) -> None:
        """
        What a table says is in the specification, and nothing else changes.
        """
        table = {
            "command": ["python3", "files.py"],
            "env": {"TZ": "UTC"},
            "enabled": False,
            "prefix": "",
            "share": "call",
            "workers": {"total": 8},
            "tools": {"exclude": ["rm*"]},
            "timeouts": {"call": "250ms", "tools": {"search": "2m"}},
            "limits": {"message": "1M", "open_files": 64},
            "restart": {"backoff": ["1s", "1h"], "give_up": "3/1h", "max_calls": 0, "max_memory": "200M"},
        }
        self.assertEqual(
            structure(table, Plugin, name="files"),
            Plugin(
                name="files",
                command=("python3", "files.py"),
                env={"TZ": "UTC"},
                enabled=False,
                prefix="",
                share="call",
                workers=Workers(total=8),
                tools=Chosen(exclude=("rm*",)),
                timeouts=Timeouts(call=Seconds(0.25), tools={"search": Seconds(120)}),
                limits=WorkerLimits(message=Bytes(1 << 20), open_files=64),
                restart=Restart(
                    backoff=(Seconds(1), Seconds(3600)),
                    give_up=Tries(3, Seconds(3600)),
                    max_memory=Room(200 << 20),
                ),
            ),
        )

    def test_keys(self) -> None:
        """
        The keys of a table are the fields of its specification, less those that are given.
        """
        self.assertEqual(keys(Chosen), ("include", "exclude"))
        self.assertNotIn("name", keys(Plugin, ("name",)))

    @given(st.sampled_from(TABLES), st.data())
    def test_numbers(self, table: type[Any], data: st.DataObject) -> None:
        """
        Every limit takes every value of its kind as it is written; some may be none, too.
        """
        most = {Seconds: 10**7, Wait: 10**7, Bytes: 1 << 39, Room: 1 << 39, Count: 10**9, int: 10**9}
        kinds = get_type_hints(table)
        numbers = {
            key: data.draw(st.integers(0 if kind in MAY_BE_NONE else 1, most[kind]), key)
            for key, kind in kinds.items()
        }
        said = {key: written(kinds[key], number) for key, number in numbers.items()}
        self.assertEqual(attrs.asdict(structure(said, table)), numbers)

    @given(st.sampled_from(TABLES), st.data())
    def test_strict(self, table: type[Any], data: st.DataObject) -> None:
        """
        Nothing of another type passes for a number, a duration, a wait or a size.
        """
        key, value = data.draw(st.sampled_from(keys(table))), data.draw(_WRONG)
        assume(not (get_type_hints(table)[key] is Count and type(value) is int and value == 0))
        flaws = self.assertRaises(Flawed, structure, {key: value}, table).flaws
        self.assertEqual([flaw.path for flaw in flaws], [(key,)])

    @given(st.integers(1, 999_999), st.integers(1, 10**9))
    def test_tries(self, count: int, milliseconds: int) -> None:
        """
        So many times in so long are taken as they are written.
        """
        tries = Tries(count, Seconds(milliseconds * 0.001))
        self.assertEqual(structure({"give_up": write_tries(tries)}, Restart).give_up, tries)

    @given(_WRONG | st.sampled_from(["", "5", "5/0s", "5/8761h", "0/5m"]))
    def test_no_tries(self, value: Any) -> None:
        """
        Nothing else passes for them, no time at all included.
        """
        flaws = self.assertRaises(Flawed, structure, {"give_up": value}, Restart).flaws
        self.assertEqual([flaw.path for flaw in flaws], [("give_up",)])

    @given(st.none() | st.builds(Rate, st.integers(1, 999_999), st.integers(1, 999_999)))
    def test_rates(self, rate: Rate | None) -> None:
        """
        A rate is taken as it is written.
        """
        self.assertEqual(structure({"messages": write_rate(rate)}, Rates), Rates(rate))

    @given(_WRONG | st.sampled_from(["", "5", "5/s", "0/s, 1", "on"]))
    def test_no_rates(self, value: Any) -> None:
        """
        Nothing else passes for one.
        """
        flaws = self.assertRaises(Flawed, structure, {"messages": value}, Rates).flaws
        self.assertEqual([flaw.path for flaw in flaws], [("messages",)])

    def test_optional(self) -> None:
        """
        A table that may be left out is read like any other, with every flaw of it.
        """
        tls = {"certificate": "c", "private_key": "env:K"}
        self.assertEqual(structure({"endpoint": "a", "tls": tls}, Listen).tls, Tls("c", "env:K"))
        self.assertIsNone(structure({"endpoint": "a"}, Listen).tls)
        wrong = {"certificate": 1, "client_auth": "no"}
        flaws = self.assertRaises(Flawed, structure, {"endpoint": "a", "tls": wrong}, Listen).flaws
        told = {flaw.path for flaw in flaws}
        self.assertEqual(told, {("tls", key) for key in ("certificate", "private_key", "client_auth")})

    def test_none_at_all(self) -> None:
        """
        Only where nothing makes sense is a duration of nothing taken.
        """
        self.assertEqual(structure({"poll": "0s", "replay_events": 1}, SessionLimits).poll, 0)
        (flaw,) = self.assertRaises(Flawed, structure, {"idle": "0s"}, SessionLimits).flaws
        self.assertEqual((flaw.path, flaw.wrong), (("idle",), '"0s" is too small'))

    @given(st.sets(st.sampled_from(keys(Limits))))
    def test_every(self, wrong: set[str]) -> None:
        """
        Each flaw of a table is told, and no other.
        """
        table: dict[str, Any] = {key: [] if key in wrong else default for key, default in DEFAULTS.items()}
        try:
            structure(table, Limits)
            told = set()
        except Flawed as error:
            told = {str(flaw.path[0]) for flaw in error.flaws}
        self.assertEqual(told, wrong)

    def test_given(self) -> None:
        """
        What is given cannot be a key, and other flaws are told with it.
        """
        table = {"name": "x", "command": ["a"], "endabled": True}
        flaws = self.assertRaises(Flawed, structure, table, Plugin, name="files").flaws
        self.assertEqual([flaw.path for flaw in flaws], [("name",), ("endabled",)])
        self.assertNotIn("name,", flaws[1].allowed)

    def test_choices(self) -> None:
        """
        A word out of a few is told with them all.
        """
        flaws = self.assertRaises(Flawed, structure, {"endpoint": "a", "auth": "no"}, Listen).flaws
        self.assertEqual(
            [str(flaw) for flaw in flaws], ['is "no"; must be "required" or "none"; did you mean "none"?']
        )

    def test_ours(self) -> None:
        """
        A mistake of ours, not the operator's, is not told as one of theirs.
        """
        self.assertRaises(ArithmeticError, structure, {"field": 1}, Odd)
