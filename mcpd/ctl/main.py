# -*- test-case-name: tests.ctl.test_main -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
``mcpctl`` itself: its verbs put together, and how it ends.
"""

from __future__ import annotations

import errno
from typing import Any

import click

from mcpd import __version__
from mcpd.ctl.complaint import Complaint
from mcpd.ctl.frame import frame_of, output
from mcpd.ctl.lazy import Lazy

_VERBS = {
    "status": "mcpd.ctl.see:status",
    "plugin": "mcpd.ctl.plugin:plugin",
    "logs": "mcpd.ctl.logs:logs",
    "check": "mcpd.ctl.change:check",
    "config": "mcpd.ctl.see:config",
    "call": "mcpd.ctl.call:call",
    "key": "mcpd.ctl.key:key",
    "reload": "mcpd.ctl.change:reload",
    "connect": "mcpd.ctl.connect:connect",
}


class Quiet(Lazy):
    """
    Ends with a sentence where something is wrong, and with none at Ctrl-C.
    """

    def invoke(self, ctx: click.Context) -> Any:
        """
        Run a verb.
        """
        try:
            return super().invoke(ctx)
        except Complaint as complaint:
            frame_of(ctx).complain(complaint)
        except KeyboardInterrupt:
            pass  # Who pressed it knows.
        except RecursionError:
            frame_of(ctx).complain(Complaint("", "what there is to read or show is nested too deeply", ""))
        except OSError as error:
            if error.errno == errno.EPIPE:
                raise  # Nobody is there to be told: click ends.
            where = f"{error.filename}: " if error.filename else ""
            frame_of(ctx).complain(Complaint("", f"{where}{error.strerror or error}", ""))
        raise click.exceptions.Exit(1)


@click.group(
    cls=Quiet, verbs=_VERBS, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 80}
)
@click.version_option(__version__, prog_name="mcpctl", message="%(prog)s %(version)s")
@click.option(
    "--socket", type=click.Path(), help="The daemon's socket; else it is sought where daemons have it."
)
@output
@click.pass_context
def mcpctl(context: click.Context, socket: str | None) -> None:
    """
    Look after mcpd, the daemon for the Model Context Protocol.

    Exits with 0; with 1 if it failed; with 2 if it was used wrongly.
    """
    frame_of(context).socket = socket
