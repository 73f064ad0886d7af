# -*- test-case-name: tests.ctl.test_lazy -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Verbs that are loaded when they are wanted: a command should answer at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class Lazy(click.Group):
    """
    A group whose verbs may be in modules of their own.

    Args:
        verbs: Where each is: module and name, as ``mcpd.ctl.see:status``.
        about: What else a group takes.
    """

    def __init__(self, *, verbs: Mapping[str, str], **about: Any) -> None:
        super().__init__(**about)
        self._verbs = verbs

    def list_commands(self, ctx: click.Context) -> list[str]:
        """
        Tell the verbs, those first that are there already.
        """
        return [*super().list_commands(ctx), *self._verbs]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """
        Find a verb.
        """
        if cmd_name not in self._verbs:
            return super().get_command(ctx, cmd_name)
        module, _, name = self._verbs[cmd_name].partition(":")
        verb: click.Command = getattr(import_module(module), name)
        return verb
