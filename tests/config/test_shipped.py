# -*- test-case-name: tests.config.test_shipped -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for the configuration that is shipped in ``etc``, and for the page that documents it.
"""

from __future__ import annotations

import json
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

from mcpd.config.draft import Draft
from mcpd.config.origins import effective
from mcpd.config.settings import LISTEN, DaemonSettings, Settings
from mcpd.config.structure import keys
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.units import Rate, Tries
from mcpd.web.spec import Limits, Listen, Rates, SocketSettings, Tls
from mcpd.workers.spec import Plugin
from tests.config.configured import load

ETC = Path(__file__).parents[2] / "etc"
PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"
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
        (listen,) = settings.listen
        self.assertEqual(evolve(listen, tls=None), LISTEN)
        assert listen.tls is not None
        self.assertEqual(listen.tls, Tls(listen.tls.certificate, listen.tls.private_key))
        self.assertEqual(settings.limits, Limits())
        self.assertEqual(settings.rate, Rates())
        self.assertEqual(settings.sessions, SessionLimits())
        self.assertEqual(settings.websocket, SocketSettings())
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
            (listen["tls"], Tls),
            (said["limits"], Limits),
            (said["rate"], Rates),
            (said["sessions"], SessionLimits),
            (said["websocket"], SocketSettings),
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
            if attrs.has(type(field.default)) and not isinstance(field.default, Tries | Rate):
                self.check_keys(table[field.name], type(field.default))

    def test_samples(self) -> None:
        """
        The plugins' samples can be used with everything in them, too.
        """
        for file in (self.folder / "plugins.d").glob("*.toml"):
            self.assertGreater(len(self.uncomment(file)), 2)
        self.assertEqual([plugin.name for plugin in self.load().plugins], ["files"])


class PageTests(SynchronousTestCase):
    """
    Tests for the documents' page ``configuration``.
    """

    def setUp(self) -> None:
        """
        Read the page.
        """
        self.page = PAGE.read_text()
        self.file = Path(self.mktemp())

    def load(self, text: str) -> Settings:
        """
        Load a configuration without a plugin folder.
        """
        self.file.write_text(text)
        return load(str(self.file), {"MCPD_DAEMON__PLUGIN_DIR": ""}, os.geteuid())

    def test_examples(self) -> None:
        """
        Each example is a good configuration as it stands.
        """
        examples = re.findall(r"^```toml\n(.*?)^```", self.page, re.MULTILINE | re.DOTALL)
        self.assertGreater(len(examples), 5)
        for example in examples:
            self.assertTrue(self.load(example).listen, example)

    def test_tables(self) -> None:
        """
        The tables have every key, each with its default, and no other.
        """
        needed = {"endpoint": LISTEN.endpoint, "certificate": "c", "private_key": "env:K", "command": ["c"]}
        lines, rows = [], 0
        for line in self.page.split("\n"):
            if re.match(r"### `\[", line):
                lines.append(line.removeprefix("### `").removesuffix("`"))
            elif row := re.match(r"\| `([a-z_.]+)` \| (?:`(.*?)`|\*needed\*) \| .+ \|\Z", line):
                rows += 1
                lines.append(f"{row[1]} = {row[2] or json.dumps(needed[row[1]])}")
        settings = self.load("\n".join(lines))
        plugin = Plugin(name="example", command=("c",), prefix="example")
        wanted = Settings(
            daemon=DaemonSettings(plugin_dir=""),
            listen=(evolve(LISTEN, tls=Tls("c", "env:K")),),
            plugins=(plugin,),
        )
        certificate = str(self.file.absolute().parent / "c")
        (listen,) = settings.listen
        assert listen.tls is not None
        self.assertEqual(listen.tls.certificate, certificate)
        shown = evolve(settings, listen=(evolve(listen, tls=evolve(listen.tls, certificate="c")),))
        self.assertEqual(shown, wanted)
        self.assertEqual(rows, len(effective(wanted, Draft.of_nothing("page"))))
