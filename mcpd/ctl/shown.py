# -*- test-case-name: tests.ctl.test_shown -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
How things are shown to people: in 80 columns, and plain where no terminal is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table
from rich.text import Text

from mcpd.wire.visible import visible

WIDTH = 80
"""Columns where nobody knows how many there are."""

_STEPS = (("d", 86400), ("h", 3600), ("m", 60), ("s", 1))


def console(environ: Mapping[str, str]) -> Console:
    """
    Make what writes to standard output.

    Args:
        environ: The environment; with ``NO_COLOR`` (no-color.org) no terminal
            gets more than plain text.
    """
    # Nobody may have left us a standard output.
    is_terminal = sys.stdout is not None and sys.stdout.isatty()
    return Console(
        file=sys.stdout,
        color_system="auto" if is_terminal and not environ.get("NO_COLOR") else None,
        width=None if is_terminal else WIDTH,
        markup=False,
        emoji=False,
        highlight=False,
    )


def clean(text: str) -> str:
    """
    Make of what a plugin said what no terminal obeys, on its lines as it was.
    """
    # A lone return would have a line overwritten.
    return visible(text).replace("\r", "")


def cell(value: object) -> Text:
    """
    Make a cell of a table: one line, whatever it says.
    """
    return Text(" ".join(clean(str(value)).split("\n")))


def table(heads: Sequence[str], rows: Iterable[Sequence[object]], *, wide: Sequence[str] = ()) -> Table:
    """
    Make a table.

    Args:
        heads: The columns' heads.
        rows: What stands below them.
        wide: Heads of columns that may take several lines.
    """
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for head in heads:
        made.add_column(head, no_wrap=head not in wide, overflow="fold")
    for row in rows:
        made.add_row(*map(cell, row))
    return made


def grid(rows: Iterable[Sequence[object]]) -> Table:
    """
    Make a table without heads, whose last column may take several lines.
    """
    made = Table.grid(padding=(0, 2, 0, 0))
    made.add_column(overflow="fold", no_wrap=True)
    made.add_column(overflow="fold")
    for row in rows:
        made.add_row(*map(cell, row))
    return made


def span(seconds: float) -> str:
    """
    Write a duration in its two largest units.
    """
    left = max(0, int(seconds))
    parts: list[str] = []
    for unit, size in _STEPS:
        count, left = divmod(left, size)
        if count or parts or unit == "s":
            parts.append(f"{count} {unit}")
    return " ".join(parts[:2])


def size(count: int | None) -> str:
    """
    Write a number of bytes; ``-`` if nobody knows it.
    """
    if count is None:
        return "-"
    for unit, bytes in (("G", 1 << 30), ("M", 1 << 20), ("K", 1 << 10)):
        if count >= bytes:
            return f"{count / bytes:.1f}{unit}"
    return str(count)


def moment(seconds: float | None, timespec: str = "seconds") -> str:
    """
    Write a moment in UTC (RFC 3339); ``-`` if nobody knows it.

    Args:
        seconds: Since 1970.
        timespec: How exactly: ``seconds`` or ``milliseconds``.
    """
    if seconds is None:
        return "-"
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
