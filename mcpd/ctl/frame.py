# -*- test-case-name: tests.ctl.test_frame -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What every command has: the daemon to ask, and the way in which results are shown.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import click
from attrs import define, field
from rich.console import RenderableType

from mcpd.admin.place import NAME
from mcpd.config.load import SYSTEM
from mcpd.config.runtime import likely_folders
from mcpd.ctl.complaint import Complaint
from mcpd.ctl.connection import PATIENCE, Connect, Connection, SocketConnection
from mcpd.ctl.shown import clean, console
from mcpd.trouble import Reason, Trouble

C = TypeVar("C", bound=Callable[..., Any])


@define(eq=False)
class Frame:
    """
    One run of the command.

    Attributes:
        environ: The environment.
        uid: Who runs it.
        system: The main configuration file if nobody names another.
        socket: The daemon's socket, if it was named.
        as_json: Whether results are for programs.
    """

    environ: Mapping[str, str] = field(factory=lambda: os.environ)
    uid: int = field(factory=os.getuid)
    system: str = SYSTEM
    _connect: Connect = SocketConnection.open
    socket: str | None = field(init=False, default=None)
    as_json: bool = field(init=False, default=False)
    _connection: Connection | None = field(init=False, default=None)

    def ask(self, verb: str, patience: float | None = PATIENCE, **params: Any) -> Any:
        """
        Ask the daemon (:meth:`mcpd.ctl.connection.Connection.ask`).

        Raises:
            Complaint: There is none, or it refuses.
        """
        return self.connection.ask(verb, params, patience)

    @property
    def connection(self) -> Connection:
        """
        The connection to the daemon, which is sought first.

        Raises:
            Complaint: SOCKET, nobody answers; PEER, it is not for us.
        """
        if self._connection is None:
            self._connection = self._seek()
        return self._connection

    def _seek(self) -> Connection:
        paths = (self.socket,) if self.socket else self._places()
        tried, trouble = [], Trouble.SOCKET
        for path in paths:
            try:
                return self._connect(path)
            except OSError as error:
                tried.append(f"{path} ({error.strerror or error})")
                if isinstance(error, PermissionError):
                    trouble = Trouble.PEER
        raise Complaint.of(Reason(trouble, f"no daemon answers at {', '.join(tried)}"))

    def _places(self) -> tuple[str, ...]:
        folders = likely_folders(self.environ, self.uid, self.system)
        return tuple(os.path.join(folder, NAME) for folder in folders)

    def show(self, value: Any, *shown: RenderableType) -> None:
        """
        Show a result.

        Args:
            value: It, for programs.
            shown: What people see instead: texts as they are, the rest within the width.
        """
        if self.as_json:
            click.echo(json.dumps(value, indent=2))
            return
        out = console(self.environ)
        for each in shown:
            click.echo(each) if isinstance(each, str) else out.print(each)

    def complain(self, complaint: Complaint) -> None:
        """
        Tell on standard error what went wrong.
        """
        if self.as_json:
            said = {"code": complaint.code, "text": complaint.text, "hint": complaint.hint}
            click.echo(json.dumps({"error": said}), err=True)
            return
        head = f"{complaint.code}: " if complaint.code else ""
        click.echo(f"{head}{clean(complaint.text)}", err=True)
        if complaint.hint:
            click.echo(f"hint: {clean(complaint.hint)}", err=True)


def output(command: C) -> C:
    """
    Give a command the option ``-o``.
    """

    def choose(context: click.Context, option: click.Parameter, value: str | None) -> None:
        if value is not None:
            frame_of(context).as_json = value == "json"

    return click.option(
        "-o",
        "--output",
        type=click.Choice(["text", "json"]),
        callback=choose,
        expose_value=False,
        help="For people (text) or for programs (json).",
    )(command)


def dry_run(command: C) -> C:
    """
    Give a command the option ``--dry-run``.
    """
    return click.option("--dry-run", "dry", is_flag=True, help="Only say what would be done.")(command)


def frame_of(context: click.Context) -> Frame:
    """
    Find the frame of a run, which is made if nobody gave one.
    """
    frame: Frame = context.ensure_object(Frame)
    return frame


pass_frame = click.make_pass_decorator(Frame)
"""Gives a command its frame as the first argument."""
