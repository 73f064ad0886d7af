# -*- test-case-name: tests.ctl.test_change -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The configuration's file: ``check`` and ``reload``.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import click

from mcpd.config.again import Source
from mcpd.config.load import find_configuration
from mcpd.config.problem import ConfigurationError
from mcpd.ctl.complaint import Complaint
from mcpd.ctl.frame import Frame, dry_run, output, pass_frame
from mcpd.ctl.shown import grid
from mcpd.trouble import Reason, Trouble

INSTALLED = Path("/usr/share/mcpd/plugins")
"""The plugins that came with the daemon."""


@click.command()
@click.argument("file", required=False, type=click.Path())
@output
@pass_frame
def check(frame: Frame, file: str | None) -> None:
    """
    Check a configuration; no daemon is needed.

    Without a FILE it is $MCPD_CONFIG, else /etc/mcpd/mcpd.toml, else the
    development defaults.
    """
    path = find_configuration(file, frame.environ, frame.system)
    here = Path.cwd()
    source = Source(
        None if path is None else str(here / path),
        frame.environ,
        here,
        INSTALLED,
        Path(sys.executable),
        frame.uid,
        time.time,
    )
    try:
        source.load()
    except ConfigurationError as error:
        raise Complaint.of(Reason(Trouble.CONFIG, str(error))) from None
    frame.show({"file": source.file}, "The configuration is good.")


@click.command()
@dry_run
@output
@pass_frame
def reload(frame: Frame, dry: bool) -> None:
    """
    Have the daemon read its configuration again, and do what it says.

    Whatever is wrong with it, the former one stays in force.
    """
    told = frame.ask("reload", None, dry=dry)
    frame.show(told, grid(_rows(told)))


def _rows(told: dict[str, Any]) -> list[tuple[str, str]]:
    would = "would be " if told["dry"] else ""
    rows = [
        (f"{would}{what}", " ".join(told[what])) for what in ("added", "removed", "changed") if told[what]
    ]
    if told["waits"]:
        rows.append(("waits for a new start", " ".join(told["waits"])))
    return rows or [("no plugin is changed", "")]
