# -*- test-case-name: tests.ctl.test_logs -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What was told of late: ``logs``.
"""

from __future__ import annotations

import json
from typing import Any

import click

from mcpd.ctl.frame import Frame, output, pass_frame
from mcpd.ctl.shown import clean, moment
from mcpd.journal import MOST


@click.command()
@click.argument("plugin", default="")
@click.option("-f", "--follow", is_flag=True, help="Wait for more, until Ctrl-C.")
@click.option("-n", "--lines", default=50, type=click.IntRange(0, MOST), help="How many of the last lines.")
@output
@pass_frame
def logs(frame: Frame, plugin: str, follow: bool, lines: int) -> None:
    """
    Show the last lines of the log, of all levels.

    With a PLUGIN only those that are about it.
    """
    for line in frame.ask("logs", plugin=plugin, count=lines, follow=follow):
        _show(frame, line)
    if follow:
        try:
            for line in frame.connection.lines():
                _show(frame, line)
        except KeyboardInterrupt:
            return  # Nobody has to be told that.


def _show(frame: Frame, line: dict[str, Any]) -> None:
    click.echo(json.dumps(line) if frame.as_json else written(line))


def written(line: dict[str, Any]) -> str:
    """
    Write a line for people.
    """
    return f"{moment(line['time'], 'milliseconds')} {line['level']:5} {clean(line['text'])}"
