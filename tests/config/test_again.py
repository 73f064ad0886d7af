# -*- test-case-name: tests.config.test_again -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.again`.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.again import Loaded, Source
from mcpd.config.problem import ConfigurationError
from tests.web.pki import END, NOW, key_pem, root

OURS = os.geteuid()


class SourceTests(SynchronousTestCase):
    """
    Tests for loading again.
    """

    def setUp(self) -> None:
        """
        Make a folder to start in, with a main file.
        """
        self.cwd = Path(self.mktemp()).absolute()
        self.installed = self.cwd / "installed"
        self.installed.mkdir(parents=True)
        self.python = self.cwd / "bin" / "python3"
        self.main = self.cwd / "mcpd.toml"
        self.main.write_text("daemon = { plugin_dir = '', drain = '1s', state_dir = 'state' }\n")
        self.environ = {"HOME": "/home/dev", "PATH": ""}
        self.now = NOW

    def find(self, option: str | None) -> Source:
        """
        Decide on the file.
        """
        return Source.find(
            option, self.environ, self.cwd, self.installed, self.python, OURS, lambda: self.now
        )

    def origins(self, loaded: Loaded) -> dict[str, str]:
        """
        Tell who said each key, less the folder's name.
        """
        return {setting.key: setting.origin.removeprefix(f"{self.cwd}/") for setting in loaded.effective}

    def test_file(self) -> None:
        """
        A relative file is the same one after the daemon has left its folder, and is read as it is now.
        """
        source = self.find("mcpd.toml")
        self.assertEqual(source.file, str(self.main))
        first = source.load()
        self.assertEqual((first.settings.daemon.drain, first.left_out), (1, ()))
        self.assertEqual((first.identities, first.local_authority), ((None,), None))
        self.assertEqual(self.origins(first)["daemon.drain"], "mcpd.toml:1")
        self.main.write_text("\n\n[daemon]\nplugin_dir = ''\ndrain = '2s'\n")
        again = source.load()
        self.assertEqual(again.settings.daemon.drain, 2)
        self.assertEqual(self.origins(again)["daemon.drain"], "mcpd.toml:5")

    def test_environment(self) -> None:
        """
        The environment has the last word each time, as it was at the start.
        """
        self.environ |= {
            "MCPD_CONFIG": "mcpd.toml",
            "MCPD_DAEMON__DRAIN": "9s",
            "MCPD_DAEMON__STATE_DIR": "s",
        }
        source = self.find(None)
        self.environ.clear()
        for _ in range(2):
            daemon = source.load().settings.daemon
            self.assertEqual((daemon.drain, daemon.state_dir), (9, f"{self.cwd}/s"))
        self.assertEqual(self.origins(source.load())["daemon.drain"], "environment MCPD_DAEMON__DRAIN")

    def test_refused(self) -> None:
        """
        A file that has become wrong, or is gone, is refused; the development defaults don't replace it.
        """
        source = self.find("mcpd.toml")
        self.main.write_text("drain = 1\nstarts = 2\n")
        self.assertEqual(len(self.assertRaises(ConfigurationError, source.load).problems), 2)
        self.main.unlink()
        self.assertIn("cannot be read", str(self.assertRaises(ConfigurationError, source.load)))

    def test_certificates(self) -> None:
        """
        A listener's certificate is read anew each time; one that has expired is refused, with its line.
        """
        authority = root()
        paper = authority.issue("a", hosts=["a.example"])
        (self.cwd / "cert.pem").write_bytes(paper.pem)
        self.environ["KEY"] = key_pem(paper.key).decode()
        self.main.write_text(
            "daemon = { plugin_dir = '' }\n"
            "[[listen]]\nendpoint = 'tcp:1:interface=127.0.0.1'\n"
            "[[listen]]\nendpoint = 'tcp:2'\n"
            "tls = { certificate = 'cert.pem', private_key = 'env:KEY' }\n"
        )
        source = self.find("mcpd.toml")
        plain, identity = source.load().identities
        self.assertIsNone(plain)
        self.assertEqual(identity and identity.names, ("a.example",))
        (self.cwd / "cert.pem").write_bytes(authority.issue("b", hosts=["b.example"], key=paper.key).pem)
        identity = source.load().identities[1]
        self.assertEqual(identity and identity.names, ("b.example",))
        self.now = END.timestamp() + 1
        told = str(self.assertRaises(ConfigurationError, source.load))
        self.assertTrue(told.startswith(f"{self.main}:6: listen[1].tls.certificate: "), told)

    def test_development(self) -> None:
        """
        Without a file the plugins are looked for anew, and what nobody wrote is told to be a default.
        """
        # Another machine's file would be found where nobody names one.
        source = Source(None, self.environ, self.cwd, self.installed, self.python, OURS, lambda: self.now)
        self.assertEqual(source.load().settings.plugins, ())
        for name, program in (("a", "/bin/sh"), ("b", "./missing")):
            (self.installed / name).mkdir()
            (self.installed / name / "plugin.toml").write_text(f"command = ['{program}']\n")
        loaded = source.load()
        self.assertEqual([plugin.name for plugin in loaded.settings.plugins], ["a"])
        self.assertEqual([left.plugin for left in loaded.left_out], ["b"])
        keys = ("daemon.state_dir", "plugins.a.path", "plugins.a.command", "daemon.drain")
        origins = self.origins(loaded)
        self.assertEqual(
            [origins[key] for key in keys],
            ["development defaults", "development defaults", "installed/a/plugin.toml:1", "built in"],
        )
        self.assertEqual(loaded.identities, (None, None))
        self.assertEqual(loaded.local_authority, Path("/home/dev/.local/state/mcpd/tls"))
        values = {setting.key: setting.value for setting in loaded.effective}
        self.assertEqual(values["plugins.a.path"], f'["{self.python.parent}"]')
