# -*- test-case-name: tests.config.test_development -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.development`.
"""

from __future__ import annotations

import os
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

from mcpd.access.authority import local_pair
from mcpd.config.development import Development, development
from mcpd.config.identities import identity
from mcpd.config.origins import effective
from mcpd.config.problem import ConfigurationError
from mcpd.config.settings import LISTEN
from mcpd.web.spec import Listen, Tls
from tests.web.pki import NOW

OURS = os.geteuid()


class DevelopmentTests(SynchronousTestCase):
    """
    Tests for the development defaults.
    """

    def setUp(self) -> None:
        """
        Make a working folder, installed plugins and an interpreter.
        """
        self.root = Path(self.mktemp()).absolute()
        self.cwd, self.installed, self.bin = self.root / "cwd", self.root / "installed", self.root / "bin"
        for folder in (self.cwd, self.installed, self.bin):
            folder.mkdir(parents=True)
        self.python = self.bin / "python3"
        self.python.touch(0o755)

    def add(self, folder: Path, name: str, text: str) -> Path:
        """
        Write a plugin's file.
        """
        file = folder / name / "plugin.toml"
        file.parent.mkdir(parents=True)
        file.write_text(text)
        return file

    def develop(self, uid: int = OURS, **environ: str) -> Development:
        """
        Make the development defaults.
        """
        environ = {"HOME": "/home/dev", "PATH": ""} | environ
        return development(environ, self.cwd, self.installed, self.python, uid)

    def left_out(self, uid: int = OURS) -> dict[str, str]:
        """
        Tell which plugins are left out, and why, less the folder's name.
        """
        return {left.plugin: left.why.replace(f"{self.root}/", "") for left in self.develop(uid).left_out}

    def test_here_only(self) -> None:
        """
        Only this machine is served, in clear text and with TLS, and only with credentials.
        """
        found = self.develop()
        folder = "/home/dev/.local/state/mcpd/tls"
        tls = Tls(f"{folder}/certificate.pem", f"file:{folder}/key.pem")
        self.assertEqual(found.settings.listen, (LISTEN, Listen("tcp:8421:interface=127.0.0.1", tls=tls)))
        self.assertEqual((LISTEN.endpoint, LISTEN.auth), ("tcp:8420:interface=127.0.0.1", "required"))
        self.assertEqual(found.local_authority, Path(folder))

    def test_pair(self) -> None:
        """
        The certificate is the one that the local authority makes there.
        """
        found = self.develop(MCPD_DAEMON__STATE_DIR=str(self.root))
        local_pair(found.local_authority, NOW)
        tls = found.settings.listen[1].tls
        assert tls is not None
        self.assertIn("localhost", identity(tls, {}, OURS, NOW).names)

    def test_no_state(self) -> None:
        """
        A state folder that can't be is told once.
        """
        error = self.assertRaises(ConfigurationError, self.develop, MCPD_DAEMON__STATE_DIR="")
        self.assertEqual(len(error.problems), 1)

    def test_authority(self) -> None:
        """
        The local authority is kept with all else that survives a restart, and nobody configured it.
        """
        found = self.develop(MCPD_DAEMON__STATE_DIR="s")
        self.assertEqual(found.local_authority, self.cwd / "s" / "tls")
        shown = {setting.key: setting for setting in effective(found.settings, found.draft)}
        for key, value, origin in (
            ("listen[0].endpoint", LISTEN.endpoint, "development defaults"),
            ("listen[1].endpoint", "tcp:8421:interface=127.0.0.1", "development defaults"),
            ("listen[1].tls.certificate", f"{self.cwd}/s/tls/certificate.pem", "development defaults"),
            ("listen[1].tls.private_key", f"file:{self.cwd}/s/tls/key.pem", "development defaults"),
            ("listen[1].tls.client_auth", "optional", "built in"),
        ):
            self.assertEqual((shown[key].value, shown[key].origin), (f'"{value}"', origin))

    def test_state(self) -> None:
        """
        State is where the user's state is, and a relative XDG_STATE_HOME is ignored.
        """
        cases: tuple[tuple[dict[str, str], str], ...] = (
            ({}, "/home/dev/.local/state/mcpd"),
            ({"XDG_STATE_HOME": "/s"}, "/s/mcpd"),
            ({"XDG_STATE_HOME": "s"}, "/home/dev/.local/state/mcpd"),
            ({"HOME": ""}, os.path.expanduser("~/.local/state/mcpd")),
        )
        for environ, expected in cases:
            self.assertEqual(self.develop(OURS, **environ).settings.daemon.state_dir, expected)

    def test_environment(self) -> None:
        """
        The environment has the last word here, too, and its mistakes are refused.
        """
        daemon = self.develop(MCPD_DAEMON__STATE_DIR="/s", MCPD_DAEMON__DRAIN="1s").settings.daemon
        self.assertEqual((daemon.state_dir, daemon.drain, daemon.plugin_dir), ("/s", 1, ""))
        error = self.assertRaises(ConfigurationError, self.develop, MCPD_DAEMON__X="")
        self.assertIn("MCPD_DAEMON__X: unknown variable", str(error))

    def test_plugins(self) -> None:
        """
        The plugins of the working folder are run by the daemon's own interpreter; other folders are skipped.
        """
        self.add(self.cwd / "plugins", "b", "command = ['python3', './b.py']\npath = ['x']\n")
        self.add(self.cwd / "plugins", "a", "command = ['python3']\n")
        (self.cwd / "plugins" / "kit").mkdir()
        self.add(self.installed, "c", "command = ['python3']\n")
        found = self.develop()
        a, b = found.settings.plugins
        self.assertEqual((a.name, b.name), ("a", "b"))
        self.assertEqual(b.command, ("python3", f"{self.cwd}/plugins/b/b.py"))
        self.assertEqual(a.path, (str(self.bin),))
        self.assertEqual(b.path, (str(self.bin), f"{self.cwd}/plugins/b/x"))
        self.assertEqual(found.left_out, ())

    def test_installed(self) -> None:
        """
        Without plugins in the working folder the installed ones are run.
        """
        self.add(self.installed, "c", "command = ['python3']\n")
        self.assertEqual([plugin.name for plugin in self.develop().settings.plugins], ["c"])

    def test_none(self) -> None:
        """
        Where there are no plugins at all the daemon is served without any.
        """
        found = development({"HOME": "/"}, self.cwd, self.root / "no" / "plugins", self.python, OURS)
        self.assertEqual((found.settings.plugins, found.left_out), ((), ()))

    def test_no_program(self) -> None:
        """
        A plugin whose program is not on this machine, or not built yet, is left out with a sentence.
        """
        self.add(self.installed, "a", "command = ['./a']\n")
        self.add(self.installed, "b", "command = ['node']\n")
        self.assertEqual(
            self.left_out(),
            {"a": "there is no program installed/a/a", "b": "there is no program node"},
        )
        (self.installed / "a" / "a").touch(0o755)
        self.assertEqual([plugin.name for plugin in self.develop().settings.plugins], ["a"])

    def test_searched(self) -> None:
        """
        A program is searched in the daemon's own PATH.
        """
        tools = self.root / "tools"
        tools.mkdir()
        (tools / "node").touch(0o755)
        self.add(self.installed, "b", "command = ['node']\n")
        self.assertEqual(len(self.develop(PATH=str(tools)).settings.plugins), 1)

    def test_broken(self) -> None:
        """
        A plugin's mistakes do not keep the others from being served.
        """
        self.add(self.installed, "a", "command = ['python3']\n")
        self.add(self.installed, "b", "\ncomand = []\n")
        self.add(self.installed, "c", "=")
        self.assertEqual([plugin.name for plugin in self.develop().settings.plugins], ["a"])
        left = self.left_out()
        self.assertEqual(set(left), {"b", "c"})
        self.assertIn("installed/b/plugin.toml:2: comand: unknown key", left["b"])
        self.assertIn("installed/c/plugin.toml:1: is not TOML", left["c"])

    def test_strangers(self) -> None:
        """
        Nobody can make us run their programs by putting plugins where we happen to work.
        """
        plugins = self.cwd / "plugins"
        file = self.add(plugins, "a", "command = ['python3']\n")
        for path in (plugins, file.parent, file):
            mode = path.stat().st_mode
            path.chmod(mode | 0o002)
            self.assertIn("can be written by others", self.left_out()["a"])
            path.chmod(mode & ~0o002 | 0o020)
        self.assertEqual(self.left_out(), {})
        if OURS == 0:  # only root can give files away
            os.chown(plugins, 12345, -1)
            self.assertIn("belongs to uid 12345", self.left_out()["a"])
            os.chown(self.cwd, 12345, -1)
            self.assertEqual(self.left_out(), {})
