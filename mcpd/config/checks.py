# -*- test-case-name: tests.config.test_refusals -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a specification may not say, although each value is of the right type.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from attrs import evolve

from mcpd.config.addresses import check_url
from mcpd.config.problem import Flaw, Path, quoted
from mcpd.config.settings import DaemonSettings
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.units import Seconds, write_bytes, write_seconds
from mcpd.web.spec import Limits
from mcpd.workers.spec import Plugin

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}\Z", re.ASCII)
_PREFIX = re.compile(r"(?!.*__)[A-Za-z0-9_.-]{0,32}\Z", re.ASCII)
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z", re.ASCII)

# More would be a mistake: each worker is a process, and each call holds memory.
_MOST_WORKERS, _MOST_CALLS = 1000, 10_000
# A shutdown takes three times as long; and a worker that is younger is not yet of use.
_LONGEST_STOP, _YOUNGEST = 300.0, 1.0
# unix(7): a socket's path has up to 107 bytes, and ours ends with /admin.sock.
_LONGEST_FOLDER = 96
# A name that is cut needs room for its tail; the protocol has none longer than the second.
_SHORTEST, _LONGEST = 16, 128

URL = 'must be as "https://tools.example.org", without query and fragment'
VARIABLE = "a variable's name has letters, digits and _ and starts with no digit"


def check_daemon(daemon: DaemonSettings) -> Iterator[Flaw]:
    """
    Check the ``[daemon]`` table.
    """
    if not daemon.state_dir:
        yield Flaw(("state_dir",), "is empty", "must be a folder")
    if (size := len(daemon.runtime_dir.encode(errors="replace"))) > _LONGEST_FOLDER:
        wrong = f"has {size} bytes as a whole path"
        yield Flaw(("runtime_dir",), wrong, f"a socket's folder may have {_LONGEST_FOLDER}")
    if not daemon.log.file:
        yield Flaw(("log", "file"), "is empty", 'must be a file, or "-" for standard output')
    if daemon.public_url:
        yield from read_flaws(check_url, daemon.public_url, ("public_url",), URL)
    folders = ("state_dir", "runtime_dir", "plugin_dir")
    yield from without_nul((key, getattr(daemon, key)) for key in folders)


def check_limits(limits: Limits) -> Iterator[Flaw]:
    """
    Check the ``[limits]`` table.
    """
    yield from _fits(limits, "body", "buffered")
    yield from _fits(limits, "request_line", "head")


def check_sessions(sessions: SessionLimits) -> Iterator[Flaw]:
    """
    Check the ``[sessions]`` table.
    """
    yield from _fits(sessions, "replay_bytes", "replay_total")


def _fits(table: object, key: str, larger: str) -> Iterator[Flaw]:
    value, bound = getattr(table, key), getattr(table, larger)
    if value > bound:
        allowed = f"must be at most {larger}, which is {write_bytes(bound)}"
        yield Flaw((key,), f"is {write_bytes(value)}", allowed)


def check_catalog(catalog: CatalogLimits) -> Iterator[Flaw]:
    """
    Check the ``[catalog]`` table.
    """
    if not _SHORTEST <= catalog.name_limit <= _LONGEST:
        yield Flaw(("name_limit",), f"is {catalog.name_limit}", f"must be from {_SHORTEST} to {_LONGEST}")


def check_nothing(_: object) -> Iterator[Flaw]:
    """
    Check a table in which all is right whose types are.
    """
    return iter(())


def check_plugin(plugin: Plugin) -> Iterator[Flaw]:
    """
    Check one plugin.
    """
    if not _NAME.match(plugin.name):
        allowed = "has 1 to 32 lower-case letters, digits and -, and does not start with -"
        yield Flaw((), f"{quoted(plugin.name)} is no plugin's name", f"one {allowed}")
    if plugin.prefix is not None and not _PREFIX.match(plugin.prefix):
        allowed = 'must have up to 32 letters, digits and _ . - without "__"'
        yield Flaw(("prefix",), f"is {quoted(plugin.prefix)}", allowed)
    if not plugin.command or not plugin.command[0]:
        yield Flaw(("command",), "has no program", 'must be as ["/usr/bin/program", "argument"]')
    yield from _variables(plugin)
    yield from _times(plugin)
    yield from _restarts(plugin)
    yield from _numbers(plugin)
    yield from without_nul((("cwd", plugin.cwd),))
    for key, words in (("command", plugin.command), ("path", plugin.path)):
        for flaw in without_nul(enumerate(words)):
            yield evolve(flaw, path=(key, *flaw.path))


def _variables(plugin: Plugin) -> Iterator[Flaw]:
    for name in plugin.env:
        if not _VARIABLE.match(name):
            yield Flaw(("env", name), "is no variable's name", VARIABLE)
    for flaw in without_nul(plugin.env.items()):
        yield evolve(flaw, path=("env", *flaw.path))
    for index, name in enumerate(plugin.inherit):
        if not _VARIABLE.match(name):
            yield Flaw(("inherit", index), f"{quoted(name)} is no variable's name", VARIABLE)
        elif name in plugin.env:
            yield Flaw(("inherit", index), f"{name} is in env, too", "say it in one of the two")


def _times(plugin: Plugin) -> Iterator[Flaw]:
    times = plugin.timeouts
    calls: dict[Path, Seconds] = {("timeouts", "call"): times.call}
    calls |= {("timeouts", "tools", tool): patience for tool, patience in times.tools.items()}
    for path, patience in calls.items():
        if patience > times.max:
            allowed = f"must be at most timeouts.max, which is {write_seconds(times.max)}"
            yield Flaw(path, f"is {write_seconds(patience)}", allowed)
    if times.first_start < times.start:
        allowed = f"must be at least timeouts.start, which is {write_seconds(times.start)}"
        yield Flaw(("timeouts", "first_start"), f"is {write_seconds(times.first_start)}", allowed)
    if times.stop > _LONGEST_STOP:
        allowed = f"must be at most {write_seconds(_LONGEST_STOP)}"
        yield Flaw(("timeouts", "stop"), f"is {write_seconds(times.stop)}", allowed)


def _restarts(plugin: Plugin) -> Iterator[Flaw]:
    restart = plugin.restart
    first, longest = restart.backoff
    if first > longest:
        wrong = f"goes from {write_seconds(first)} to {write_seconds(longest)}"
        yield Flaw(("restart", "backoff"), wrong, "the first pause must be at most the longest")
    if restart.max_age < _YOUNGEST:
        allowed = f"must be at least {write_seconds(_YOUNGEST)}"
        yield Flaw(("restart", "max_age"), f"is {write_seconds(restart.max_age)}", allowed)


def _numbers(plugin: Plugin) -> Iterator[Flaw]:
    workers = plugin.workers
    yield from _at_most(("concurrency",), plugin.concurrency, _MOST_CALLS)
    yield from _at_most(("workers", "total"), workers.total, _MOST_WORKERS)
    total = f"workers.total, which is {workers.total}"
    yield from _at_most(("workers", "min"), workers.min, workers.total, total)
    # Elsewhere those that are kept wait for whoever comes, each for another one.
    if plugin.share == "all" and workers.min <= workers.total:
        most = f'workers.max, which is {workers.max}, where share = "all"'
        yield from _at_most(("workers", "min"), workers.min, workers.max, most)


def _at_most(path: Path, value: int, most: int, named: str = "") -> Iterator[Flaw]:
    if value > most:
        yield Flaw(path, f"is {value}", f"must be at most {named or most}")


def read_flaws(read: Callable[[str], object], text: str, path: Path, allowed: str) -> Iterator[Flaw]:
    """
    Tell why a text cannot be read, if it cannot.

    Args:
        read: Raises ValueError with the reason.
        text: What was written; it is shown, and so no secret.
        path: Where it is.
        allowed: What would be right.
    """
    try:
        read(text)
    except ValueError as error:
        yield Flaw(path, f"{quoted(text)} is refused: {error}", allowed)


def without_nul(texts: Iterable[tuple[str | int, str]]) -> Iterator[Flaw]:
    """
    Tell which texts have a NUL letter.

    Args:
        texts: Each with its key.
    """
    # The kernel ends a path, an argument and a variable at the first one.
    for key, text in texts:
        if "\0" in text:
            yield Flaw((key,), "has a NUL letter", "must be without")
