# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.lazy`.
"""

from __future__ import annotations

import subprocess
import sys

import click
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.lazy import Lazy
from mcpd.ctl.main import mcpctl


class LazyTests(SynchronousTestCase):
    """
    Tests for groups of verbs.
    """

    def test_verbs(self) -> None:
        """
        A verb is found where it is, and one that nobody has is none.
        """
        group = Lazy(name="group", verbs={"late": "mcpd.ctl.see:status"})
        group.add_command(click.Command("early"))
        context = click.Context(group)
        self.assertEqual(group.list_commands(context), ["early", "late"])
        found = [group.get_command(context, name) for name in ("early", "late", "never")]
        self.assertEqual([verb and verb.name for verb in found], ["early", "status", None])

    def test_all_there(self) -> None:
        """
        Every verb that the help lists can be loaded.
        """
        context = click.Context(mcpctl)
        for name in mcpctl.list_commands(context):
            verb = mcpctl.get_command(context, name)
            assert verb is not None
            self.assertEqual(verb.name, name)

    def test_lean(self) -> None:
        """
        To ask a daemon how it fares takes neither Twisted nor what reads configurations strictly.
        """
        heavy = "'twisted.internet.endpoints', 'mcpd.workers.worker', 'cattrs', 'OpenSSL'"
        code = f"import sys, mcpd.ctl.main, mcpd.ctl.see; print([m for m in ({heavy}) if m in sys.modules])"
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        self.assertEqual(ran.stdout, "[]\n")
