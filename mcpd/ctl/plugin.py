# -*- test-case-name: tests.ctl.test_plugin -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Plugins: ``plugin list``, ``plugin show``, ``plugin restart``, and trying one.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mcpd.ctl import see
from mcpd.ctl.frame import Frame, dry_run, output, pass_frame
from mcpd.ctl.lazy import Lazy
from mcpd.ctl.logs import written
from mcpd.ctl.shown import clean, grid, size, span, table

_LAST = 10


@click.group(cls=Lazy, verbs={"check": "mcpd.ctl.tryout:check_plugin"})
def plugin() -> None:
    """
    Look at plugins, restart them, try them.
    """


@plugin.command("list")
@output
@pass_frame
def list_plugins(frame: Frame) -> None:
    """
    List the plugins.
    """
    states = frame.ask("status")["plugins"]
    frame.show(states, see.plugins(states))


@plugin.command()
@click.argument("name")
@output
@pass_frame
def show(frame: Frame, name: str) -> None:
    """
    Show all that is known of a plugin.
    """
    state = frame.ask("plugin", name=name)
    lines = frame.ask("logs", plugin=name, count=_LAST)
    parts: list[RenderableType] = [_about(state)]
    for shown in (_workers(state), _limits(state)):
        if shown.rows:
            parts += [Text(), shown]
    if lines:
        parts += [Text(), *(written(line) for line in lines)]
    frame.show({**state, "lines": lines}, *parts)


@plugin.command()
@click.argument("name")
@dry_run
@output
@pass_frame
def restart(frame: Frame, name: str, dry: bool) -> None:
    """
    Replace a plugin's workers, and wait for the first new one.
    """
    told = frame.ask("restart", None, name=name, dry=dry)
    frame.show(told, f"{name} would be restarted" if dry else f"{name} has a new worker")


def _about(state: dict[str, Any]) -> Table:
    counts = f"{state['tools']} tools, {state['prompts']} prompts, {state['resources']} resources"
    rows: list[tuple[str, object]] = [
        ("plugin", state["name"]),
        ("state", state["phase"]),
        ("why", see.why(state)),
        ("speaks", see.speaks(state)),
        ("shared by", state["share"]),
        ("has", counts),
        ("tools", " ".join(state["tool_names"])),
        ("calls", f"{state['calls']}, {state['waiting']} waiting"),
        ("restarts", state["restarts"]),
        ("said last", state["said"]),
    ]
    return grid(row for row in rows if row[1] != "")


def _workers(state: dict[str, Any]) -> Table:
    heads = ("pid", "worker", "of", "running", "stuck", "calls", "age", "memory", "cpu", "noise")
    rows = [
        (
            worker["pid"] or "-",
            worker["phase"],
            worker["key"] or "-",
            worker["running"],
            worker["stuck"],
            worker["calls"],
            span(worker["age"]),
            size(worker["memory"]),
            "-" if worker["cpu"] is None else f"{worker['cpu']:.1f} s",
            worker["noise"],
        )
        for worker in state["workers"]
    ]
    return table(heads, rows, wide=("of",))


def _limits(state: dict[str, Any]) -> Table:
    heads = ("limit", "value", "held")
    rows = [
        (limit["name"], limit["value"], clean(limit["held"]) or "not enforced") for limit in state["limits"]
    ]
    return table(heads, rows, wide=("held",))
