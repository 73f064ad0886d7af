# -*- test-case-name: tests.ctl.test_key -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
API keys: ``key create``, ``key list`` and ``key revoke``.
"""

from __future__ import annotations

import click

from mcpd.ctl.frame import Frame, dry_run, output, pass_frame
from mcpd.ctl.shown import moment, table


@click.group()
def key() -> None:
    """
    Make API keys, list and revoke them.
    """


@key.command()
@click.argument("name")
@click.option("--role", default="all", show_default=True, help="What its owner may do.")
@dry_run
@output
@pass_frame
def create(frame: Frame, name: str, role: str, dry: bool) -> None:
    """
    Make a key, and print it: this once, for it is kept as a hash.
    """
    told = frame.ask("key create", name=name, role=role, dry=dry)
    if dry:
        frame.show(told, f"the key {name} would be made")
        return
    # Alone on standard output, so that it can be led into a file.
    if frame.as_json:
        frame.show(told)
    else:
        click.echo(told["key"])
    click.echo("This is the only time that the key is shown: keep it now.", err=True)


@key.command("list")
@output
@pass_frame
def list_keys(frame: Frame) -> None:
    """
    List the keys, revoked ones too.
    """
    told = frame.ask("key list")
    rows = [
        (
            each["name"],
            each["role"],
            moment(each["created"]),
            moment(each["revoked"]),
            each["file"] or "hashed",
        )
        for each in told
    ]
    frame.show(told, table(("key", "role", "created", "revoked", "kept"), rows, wide=("key", "kept")))


@key.command()
@click.argument("name")
@dry_run
@output
@pass_frame
def revoke(frame: Frame, name: str, dry: bool) -> None:
    """
    Make a key worthless, at once.
    """
    told = frame.ask("key revoke", name=name, dry=dry)
    frame.show(told, f"the key {name} {'would be' if dry else 'is'} revoked")
