# -*- test-case-name: tests.config.test_shipped -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for the configuration that is shipped in ``etc``.
"""

from __future__ import annotations

import os
import re
import shutil
import tomllib
from itertools import pairwise
from pathlib import Path
from typing import Any

import attrs
from attrs import evolve
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.settings import LISTEN, DaemonSettings, Settings
from mcpd.config.structure import keys
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.units import Tries
from mcpd.web.spec import Limits, Listen
from mcpd.workers.spec import Plugin
from tests.config.configured import load

ETC = Path(__file__).parents[2] / "etc"
_COMMENTED = re.compile(r"^#(?=[^\s#])", re.MULTILINE)


class ShippedTests(SynchronousTestCase):
    """
    Tests for ``etc/mcpd.toml`` and its plugin folder.
    """

    def setUp(self) -> None:
        """
        Copy what is shipped, with the modes that an installation gives it.
        """
        self.folder = Path(self.mktemp()).absolute()
        shutil.copytree(ETC, self.folder)
        for path in (self.folder, *self.folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        self.main = self.folder / "mcpd.toml"

    def load(self) -> Settings:
        """
        Load it from where it was copied to.
        """
        environ = {
            "MCPD_DAEMON__STATE_DIR": str(self.folder / "state"),
            "MCPD_DAEMON__PLUGIN_DIR": str(self.folder / "plugins.d"),
        }
        return load(str(self.main), environ, os.geteuid())

    def uncomment(self, file: Path) -> dict[str, Any]:
        """
        Take the signs before all keys away; tell what the file says then.
        """
        text = _COMMENTED.sub("", file.read_text())
        file.write_text(text)
        return tomllib.loads(text)

    def test_as_it_is(self) -> None:
        """
        What is shipped can be used as it is, listens on loopback with credentials and runs nothing.
        """
        settings = self.load()
        self.assertEqual(settings.listen, (LISTEN,))
        self.assertEqual([plugin.name for plugin in settings.plugins if plugin.enabled], [])

    def test_defaults(self) -> None:
        """
        Each key is shown with its default.
        """
        self.uncomment(self.main)
        settings = self.load()
        example = settings.plugins[0]
        daemon = evolve(
            settings.daemon, state_dir=DaemonSettings().state_dir, plugin_dir="/etc/mcpd/plugins.d"
        )
        self.assertEqual(daemon, DaemonSettings())
        self.assertEqual(settings.listen, (LISTEN,))
        self.assertEqual(settings.limits, Limits())
        self.assertEqual(settings.sessions, SessionLimits())
        self.assertEqual(settings.catalog, CatalogLimits())
        self.assertEqual(evolve(example, prefix=None), Plugin(name="example", command=example.command))
        self.assertEqual(example.prefix, example.name)

    def test_complete(self) -> None:
        """
        Each key is there, and with a comment before it.
        """
        said = self.uncomment(self.main)
        self.assertEqual(said["daemon"]["state_dir"], DaemonSettings().state_dir)
        self.assertEqual(said["daemon"]["plugin_dir"], DaemonSettings().plugin_dir)
        (listen,), (example,) = said["listen"], said["plugins"].values()
        for table, kind in (
            (said["daemon"], DaemonSettings),
            (listen, Listen),
            (said["limits"], Limits),
            (said["sessions"], SessionLimits),
            (said["catalog"], CatalogLimits),
            (said["defaults"] | example, Plugin),
        ):
            self.check_keys(table, kind)
        for before, line in pairwise((ETC / "mcpd.toml").read_text().split("\n")):
            if re.match(r"#?[a-z_]+ = ", line):
                self.assertTrue(before.startswith("# "), line)

    def check_keys(self, table: dict[str, Any], kind: type[Any]) -> None:
        """
        Compare a table's keys, and its tables' keys, with a specification.
        """
        wanted = keys(kind, ("name",)) if kind is Plugin else keys(kind)
        self.assertEqual(set(table), set(wanted))
        for field in attrs.fields(kind):
            if attrs.has(type(field.default)) and not isinstance(field.default, Tries):
                self.check_keys(table[field.name], type(field.default))

    def test_samples(self) -> None:
        """
        The plugins' samples can be used with everything in them, too.
        """
        for file in (self.folder / "plugins.d").glob("*.toml"):
            self.assertGreater(len(self.uncomment(file)), 2)
        self.assertEqual([plugin.name for plugin in self.load().plugins], ["files"])
