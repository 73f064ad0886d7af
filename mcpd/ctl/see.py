# -*- test-case-name: tests.ctl.test_see -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How the daemon fares: ``status`` and ``config``.
"""

from __future__ import annotations

from typing import Any

import click
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from mcpd.ctl.frame import Frame, output, pass_frame
from mcpd.ctl.shown import clean, grid, size, span, table
from mcpd.wire.revision import REVISIONS

_TROUBLED = ("starting", "pausing", "failed")


@click.command()
@output
@pass_frame
def status(frame: Frame) -> None:
    """
    Show how the daemon and its plugins fare.
    """
    told = frame.ask("status")
    parts: list[RenderableType] = [Text(clean(_daemon(told))), Text(), plugins(told["plugins"])]
    rows = [(plugin["name"], why(plugin)) for plugin in told["plugins"] if why(plugin)]
    if rows:
        parts += [Text(), grid(rows)]
    frame.show(told, *parts)


@click.command()
@output
@pass_frame
def config(frame: Frame) -> None:
    """
    Show the configuration in force, and where each value comes from.
    """
    told = frame.ask("config")
    heads = ("key", "value", "origin")
    rows = [[setting[head] for head in heads] for setting in told]
    frame.show(told, table(heads, rows, wide=heads))


def plugins(states: list[dict[str, Any]]) -> Table:
    """
    Make the table of plugins.
    """
    heads = ("plugin", "state", "speaks", "workers", "calls", "restarts", "memory")
    return table(heads, map(_row, states), wide=("plugin",))


def why(plugin: dict[str, Any]) -> str:
    """
    Tell in a line what ails a plugin; empty: nothing.
    """
    reason = plugin["reason"]
    is_old = plugin["outdated"] > 0
    if reason is None or not (is_old or plugin["phase"] in _TROUBLED):
        return ""
    told = f"{reason['code']} {reason['text']}"
    if is_old:
        told = f"its new configuration does not start: {told}"
    if plugin["said"]:
        told += f'; it said "{plugin["said"]}"'
    if plugin["retry"] is not None:
        told += f"; next try in {span(plugin['retry'])}"
    return told


def speaks(plugin: dict[str, Any]) -> str:
    """
    Tell a plugin's era and revision.
    """
    revision = plugin["revision"]
    return f"{REVISIONS[revision].era.value} {revision}" if revision in REVISIONS else revision or "-"


def memory(plugin: dict[str, Any]) -> str:
    """
    Tell what its workers have resident together, as far as it is known.
    """
    known = [worker["memory"] for worker in plugin["workers"] if worker["memory"] is not None]
    return size(sum(known) if known else None)


def _row(plugin: dict[str, Any]) -> tuple[object, ...]:
    workers = plugin["workers"]
    ready = sum(worker["phase"] == "ready" for worker in workers)
    return (
        plugin["name"],
        plugin["phase"],
        speaks(plugin),
        f"{ready}/{len(workers)}",
        plugin["calls"],
        plugin["restarts"],
        memory(plugin),
    )


def _daemon(told: dict[str, Any]) -> str:
    ready = "ready" if told["ready"] else "not ready"
    counts = f"{told['sessions']} sessions, {told['streams']} streams, {told['exchanges']} exchanges"
    where = " ".join(told["addresses"])
    return f"mcpd {told['version']} (pid {told['pid']}) up {span(told['uptime'])}, {ready}; {counts}; {where}"
