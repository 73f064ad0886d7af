# -*- test-case-name: tests.config.test_load -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.load` and :mod:`mcpd.config.draft`.
"""

from __future__ import annotations

import os
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.addresses import SocketPath, read_endpoint
from mcpd.config.judge import judge
from mcpd.config.load import find_configuration, gather, scalar
from mcpd.config.problem import ConfigurationError
from mcpd.config.settings import LISTEN, DaemonSettings, Settings
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.units import Rate, Wait
from mcpd.web.spec import Limits, Rates, SocketSettings, Tls
from tests.config.configured import load

OURS = os.geteuid()


class LoadCase(SynchronousTestCase):
    """
    A folder with a main file and a plugin folder.
    """

    def setUp(self) -> None:
        """
        Make the folder.
        """
        self.folder = Path(self.mktemp()).absolute()
        self.plugins = self.folder / "plugins.d"
        self.plugins.mkdir(parents=True, mode=0o755)
        self.plugins.chmod(0o755)
        self.main = self.folder / "mcpd.toml"
        self.main.write_text("daemon.plugin_dir = 'plugins.d'\n")

    def add(self, name: str, text: str, mode: int = 0o644) -> Path:
        """
        Write a file into the plugin folder.
        """
        file = self.plugins / name
        file.write_text(text)
        file.chmod(mode)
        return file

    def load(self, uid: int = OURS, **environ: str) -> Settings:
        """
        Load the configuration.
        """
        return load(str(self.main), environ, uid)

    def refused(self, uid: int = OURS, **environ: str) -> list[str]:
        """
        Tell the lines of a refusal, less the folder's name.
        """
        try:
            self.load(uid, **environ)
        except ConfigurationError as error:
            return str(error).replace(f"{self.folder}/", "").split("\n")
        return []


class LoadTests(LoadCase):
    """
    Tests for the main file.
    """

    def test_empty(self) -> None:
        """
        A file that says nothing gives what is built in.
        """
        self.main.write_text("")
        settings = self.load(MCPD_DAEMON__PLUGIN_DIR="")
        self.assertEqual(settings, Settings(daemon=DaemonSettings(plugin_dir="")))
        self.assertEqual(settings.listen, (LISTEN,))

    def test_said(self) -> None:
        """
        What a file says is so, and the rest is as built in.
        """
        self.main.write_text(
            "[daemon]\n"
            "plugin_dir = ''\n"
            "state_dir = 'state'\n"
            "public_url = 'https://tools.example.org'\n"
            "log = { format = 'json' }\n"
            "[[listen]]\n"
            "endpoint = 'tcp:1:interface=127.0.0.1'\n"
            "[[listen]]\n"
            "endpoint = 'tcp:2:interface=127.0.0.1'\n"
            "auth = 'none'\n"
            "[limits]\n"
            "body = '1M'\n"
            "[sessions]\n"
            "idle = '1h'\n"
            "poll = '500ms'\n"
            "replay_bytes = '64K'\n"
            "[catalog]\n"
            "name_limit = 32\n"
            "ttl = '5m'\n"
            "[rate]\n"
            "messages = '5/s, 10'\n"
            "[websocket]\n"
            "compression = true\n"
        )
        settings = self.load()
        self.assertEqual(settings.daemon.state_dir, str(self.folder / "state"))
        self.assertEqual(settings.daemon.log.format, "json")
        self.assertEqual(settings.daemon.drain, 30)
        self.assertEqual([listen.auth for listen in settings.listen], ["required", "none"])
        self.assertEqual((settings.limits.body, settings.limits.buffered), (1 << 20, Limits().buffered))
        self.assertEqual((settings.sessions.idle, settings.sessions.life), (3600, SessionLimits().life))
        self.assertEqual((settings.sessions.poll, settings.sessions.replay_bytes), (0.5, 65536))
        self.assertEqual(settings.catalog, CatalogLimits(name_limit=32, ttl=Wait(300)))
        self.assertEqual(settings.rate, Rates(Rate(5, 10)))
        self.assertEqual(settings.websocket, SocketSettings(compression=True))

    def test_listen(self) -> None:
        """
        A listener's socket and certificates are found from the file's folder, wherever the daemon starts.
        """
        self.main.write_text(
            "daemon = { plugin_dir = '' }\n"
            "[[listen]]\n"
            "endpoint = 'unix:mcp.sock'\n"
            "[listen.tls]\n"
            "certificate = 'tls/cert.pem'\n"
            "private_key = 'file:tls/key.pem'\n"
            "[[listen]]\n"
            "endpoint = 'haproxy:unix:../mcp.sock'\n"
            "proxies = ['unix']\n"
        )
        first, second = self.load().listen
        self.assertEqual(first.endpoint, f"unix:{self.folder}/mcp.sock")
        tls = Tls(f"{self.folder}/tls/cert.pem", f"file:{self.folder}/tls/key.pem")
        self.assertEqual(first.tls, tls)
        self.assertEqual(read_endpoint(second.endpoint), SocketPath(f"{self.folder.parent}/mcp.sock", True))

    def test_slash(self) -> None:
        """
        The canonical address has no slash at its end, whoever writes one.
        """
        self.main.write_text("daemon = { plugin_dir = '', public_url = 'https://a.example/b/' }\n")
        self.assertEqual(self.load().daemon.public_url, "https://a.example/b")

    def test_default_folder(self) -> None:
        """
        A plugin folder that nobody named need not be there.
        """
        self.main.write_text("")
        self.assertEqual(self.load().daemon.plugin_dir, "/etc/mcpd/plugins.d")

    def test_relative(self) -> None:
        """
        Relative paths start at the folder of the file that they are written in, defaults' included.
        """
        self.main.write_text(
            "daemon.plugin_dir = 'plugins.d'\n"
            "[defaults]\n"
            "path = ['bin']\n"
            "[plugins.a]\n"
            "command = ['./a', '../x']\n"
        )
        self.add("b.toml", "command = ['bin/b', './x']\ncwd = 'work'\n")
        a, b = self.load().plugins
        self.assertEqual(a.command, (f"{self.folder}/a", f"{self.folder.parent}/x"))
        self.assertEqual(b.command, (f"{self.plugins}/bin/b", f"{self.plugins}/x"))
        self.assertEqual(b.cwd, f"{self.plugins}/work")
        self.assertEqual((a.path, b.path), ((f"{self.folder}/bin",),) * 2)

    def test_syntax(self) -> None:
        """
        A main file that cannot be understood is told alone: what it would have said is not guessed.
        """
        self.main.write_text("[daemon\n")
        lines = self.refused(MCPD_X__Y="1")
        self.assertEqual(len(lines), 1)
        self.assertTrue(lines[0].startswith("mcpd.toml:1: is not TOML: "), lines)


class PluginDirTests(LoadCase):
    """
    Tests for the plugin folder.
    """

    def test_order(self) -> None:
        """
        Plugins of the main file come first as they are written, then the folder's by name.
        """
        self.main.write_text(
            "daemon.plugin_dir = 'plugins.d'\n[plugins.z]\ncommand = ['z']\n[plugins.y]\ncommand = ['y']\n"
        )
        for name in ("b.toml", "a.toml", ".hidden.toml", "note.txt", "c.toml~"):
            self.add(name, "command = ['x']\n")
        self.assertEqual([plugin.name for plugin in self.load().plugins], ["z", "y", "a", "b"])

    def test_not_there(self) -> None:
        """
        A plugin folder that was named must be there.
        """
        self.main.write_text("\ndaemon.plugin_dir = 'nowhere'\n")
        self.assertEqual(
            self.refused(),
            [
                "mcpd.toml:2: daemon.plugin_dir: nowhere cannot be read: No such file or directory; "
                "must be a folder"
            ],
        )

    def test_odd(self) -> None:
        """
        A plugin folder whose name is no path at all is told once.
        """
        for value in ("3", '"a\\u0000"'):
            self.main.write_text(f"daemon.plugin_dir = {value}\n")
            self.assertEqual(len(self.refused()), 1)

    def test_writable_folder(self) -> None:
        """
        A plugin folder that others can write is refused where it is named.
        """
        self.plugins.chmod(0o775)
        self.assertEqual(
            self.refused(),
            [
                "mcpd.toml:1: daemon.plugin_dir: plugins.d can be written by others (mode 0775); "
                "its mode must be 0755"
            ],
        )

    def test_writable_file(self) -> None:
        """
        So is a file in it, while files with other names are nobody's concern.
        """
        self.add("note.txt", "", 0o666)
        self.add("a.toml", "command = ['a']\n", 0o646)
        self.assertEqual(
            self.refused(), ["plugins.d/a.toml: can be written by others (mode 0646); its mode must be 0644"]
        )

    def test_foreign(self) -> None:
        """
        Plugins that belong to somebody else than root and the daemon's user are refused.
        """
        file = self.add("a.toml", "command = ['a']\n")
        if OURS == 0:  # what root owns is always trusted
            os.chown(self.plugins, 12345, -1)
            os.chown(file, 12345, -1)
            self.assertEqual(len(self.load(uid=12345).plugins), 1)
        self.assertEqual(
            [line.split(" belongs to uid ")[0] for line in self.refused(uid=54321)],
            ["mcpd.toml:1: daemon.plugin_dir: plugins.d", "plugins.d/a.toml:"],
        )

    def test_broken(self) -> None:
        """
        Each file's mistakes are told with its name, and no broken file hides another's.
        """
        self.add("a.toml", "command = 'a'\n")
        self.add("b.toml", "= 1\n")
        self.add("c.toml", "\n\ncommand = ['c']\ntimeouts.cal = '1s'\n")
        self.add("D.toml", "command = ['d']\n")
        self.add("e.toml", "# nothing\n")
        self.assertEqual(
            [line.split("; ")[0] for line in self.refused()],
            [
                'plugins.d/D.toml:1: "D" is no plugin\'s name',
                "plugins.d/a.toml:1: command: is a string",
                "plugins.d/b.toml:1: is not TOML: Invalid statement",
                "plugins.d/c.toml:4: timeouts.cal: unknown key",
                "plugins.d/e.toml:1: command: is missing",
            ],
        )

    def test_twice(self) -> None:
        """
        A plugin that is in the main file and in the folder is refused, and both places are named.
        """
        self.main.write_text("daemon.plugin_dir = 'plugins.d'\n\n[plugins.a]\ncommand = ['a']\n")
        self.add("a.toml", "command = ['b']\n")
        self.assertEqual(
            self.refused(), ["plugins.d/a.toml:1: the plugin a is at mcpd.toml:3, too; keep one of them"]
        )

    def test_no_place(self) -> None:
        """
        A plugins key that is no table is told, although the folder has plugins.
        """
        self.main.write_text("daemon.plugin_dir = 'plugins.d'\nplugins = 3\n")
        self.add("a.toml", "command = ['b']\n")
        self.assertEqual(self.refused(), ["mcpd.toml:2: plugins: is no table; must be [plugins.NAME] tables"])


class DefaultsTests(LoadCase):
    """
    Tests for ``[defaults]``.
    """

    def test_key_by_key(self) -> None:
        """
        A plugin takes over what it does not say itself, key by key, and lists as a whole.
        """
        self.main.write_text(
            "daemon.plugin_dir = 'plugins.d'\n"
            "[defaults]\n"
            "env = { A = '1', B = '1' }\n"
            "inherit = ['C', 'D']\n"
            "timeouts = { call = '5s', tools = { x = '1s' } }\n"
            "[plugins.a]\n"
            "command = ['a']\n"
        )
        self.add(
            "b.toml",
            "command = ['b']\nenv.B = '2'\ninherit = []\ntimeouts = { stop = '1s', tools = { y = '2s' } }\n",
        )
        a, b = self.load().plugins
        self.assertEqual((a.env, b.env), ({"A": "1", "B": "1"}, {"A": "1", "B": "2"}))
        self.assertEqual((a.inherit, b.inherit), (("C", "D"), ()))
        self.assertEqual((a.timeouts.call, a.timeouts.stop, a.timeouts.tools), (5, 3, {"x": 1}))
        self.assertEqual((b.timeouts.call, b.timeouts.stop, b.timeouts.tools), (5, 1, {"x": 1, "y": 2}))

    def test_clash(self) -> None:
        """
        What a default and a plugin say together is judged, and told where the offending one is written.
        """
        self.main.write_text(
            "daemon.plugin_dir = 'plugins.d'\n[defaults]\ninherit = ['A']\ntimeouts.call = '5m'\n"
        )
        self.add("a.toml", "command = ['a']\nenv = { A = '1' }\ntimeouts.max = '1m'\n")
        self.assertEqual(
            self.refused(),
            [
                "mcpd.toml:3: defaults.inherit[0]: A is in env, too; say it in one of the two",
                "mcpd.toml:4: defaults.timeouts.call: is 5m; must be at most timeouts.max, which is 1m",
            ],
        )

    def test_other_types(self) -> None:
        """
        A plugin that has something else where the defaults have a table is told so.
        """
        self.main.write_text(
            "daemon.plugin_dir = ''\n[defaults]\nenv = { A = '1' }\n[plugins]\na = { env = 3 }\nb = 4\n"
        )
        self.assertEqual(
            [line.split("; ")[0] for line in self.refused()],
            [
                "mcpd.toml:5: plugins.a.command: is missing",
                "mcpd.toml:5: plugins.a.env: is a number",
                "mcpd.toml:6: plugins.b: is a number",
            ],
        )


class EnvironmentTests(LoadCase):
    """
    Tests for the environment.
    """

    def test_last_word(self) -> None:
        """
        The environment overrides files, and works where a file says nothing.
        """
        self.main.write_text(
            "[daemon]\nplugin_dir = ''\ndrain = '5s'\nstate_dir = '/a'\n[sessions]\npoll = '1s'\n"
        )
        settings = self.load(
            MCPD_DAEMON__DRAIN="10s",
            MCPD_DAEMON__STARTS="7",
            MCPD_LIMITS__BODY="1M",
            MCPD_LIMITS__STREAMS_PER_PRINCIPAL="3",
            MCPD_SESSIONS__TOTAL="9",
            MCPD_SESSIONS__POLL="0s",
            MCPD_CATALOG__PAGE="7",
            MCPD_CONFIG="/elsewhere",
            MCPD_PLUGIN="x",
            HOME="/",
        )
        self.assertEqual((settings.daemon.drain, settings.daemon.starts), (10, 7))
        self.assertEqual((settings.limits.body, settings.limits.streams_per_principal), (1 << 20, 3))
        self.assertEqual((settings.sessions.total, settings.sessions.poll), (9, 0))
        self.assertEqual(settings.catalog.page, 7)
        self.assertEqual(settings.daemon.state_dir, "/a")

    def test_relative(self) -> None:
        """
        A relative path in the environment starts where the daemon is started.
        """
        settings = self.load(MCPD_DAEMON__STATE_DIR="state")
        self.assertEqual(settings.daemon.state_dir, os.path.abspath("state"))
        self.assertEqual(settings.daemon.plugin_dir, str(self.plugins))

    def test_elsewhere(self) -> None:
        """
        So it does at a reload, when the daemon has left that folder.
        """
        draft = gather(str(self.main), {"MCPD_DAEMON__STATE_DIR": "state"}, OURS, "/began/here")
        self.assertEqual(judge(draft).daemon.state_dir, "/began/here/state")

    def test_plugin_dir(self) -> None:
        """
        A plugin folder named by the environment is the one that is read.
        """
        self.add("a.toml", "command = ['a']\n")
        self.main.write_text("")
        self.assertEqual(len(self.load(MCPD_DAEMON__PLUGIN_DIR=str(self.plugins)).plugins), 1)

    def test_refused(self) -> None:
        """
        A value that cannot be is told with the variable's name as its place.
        """
        self.assertEqual(
            [
                line.split("; ")[0]
                for line in self.refused(MCPD_DAEMON__DRAIN="10", MCPD_DAEMON__STARTS="many")
            ],
            [
                'MCPD_DAEMON__DRAIN: daemon.drain: "10" cannot be read',
                "MCPD_DAEMON__STARTS: daemon.starts: is a string",
            ],
        )

    def test_together(self) -> None:
        """
        What the environment and a file say together is judged.
        """
        self.main.write_text("[limits]\nbuffered = '1M'\n")
        self.assertEqual(
            self.refused(MCPD_LIMITS__BODY="2M"),
            ["MCPD_LIMITS__BODY: limits.body: is 2M; must be at most buffered, which is 1M"],
        )

    def test_built_in(self) -> None:
        """
        A value that is nowhere written, and is made impossible by one that is, is told at the main file.
        """
        self.main.write_text("")
        self.assertEqual(
            self.refused(MCPD_LIMITS__BUFFERED="1M", MCPD_DAEMON__PLUGIN_DIR=""),
            ["mcpd.toml:1: limits.body: is 4M; must be at most buffered, which is 1M"],
        )

    def test_unknown(self) -> None:
        """
        A misspelt variable is refused, and so is one for what only a file can say.
        """
        lines = self.refused(
            MCPD_DAEMON__DRIAN="1s", MCPD_DAEMON__LOG="x", MCPD_LISTEN__AUTH="none", MCPD_A__=""
        )
        self.assertEqual(
            [line.split(": ")[0] for line in lines], sorted(line.split(": ")[0] for line in lines)
        )
        self.assertEqual(len(lines), 4)
        self.assertIn(
            "MCPD_DAEMON__DRIAN: unknown variable; known are MCPD_SECTION__KEY for the scalar keys of "
            "[daemon], [limits], [rate], [sessions], [websocket] and [catalog]; "
            "did you mean MCPD_DAEMON__DRAIN?",
            lines,
        )

    def test_no_table(self) -> None:
        """
        A section that is no table is told, whatever the environment says.
        """
        self.main.write_text("limits = 3\n")
        self.assertEqual(
            self.refused(MCPD_LIMITS__BODY="2M"), ["mcpd.toml:1: limits: is a number; must be a table"]
        )

    def test_scalars(self) -> None:
        """
        Numbers and flags are read as in a file; what is none stays text, to be refused.
        """
        for text, kind, value in (
            ("12", int, 12),
            ("-1", int, -1),
            ("12s", int, "12s"),
            ("٣", int, "٣"),
            ("9" * 5000, int, "9" * 5000),
            ("true", bool, True),
            ("false", bool, False),
            ("yes", bool, "yes"),
            ("12", str, "12"),
        ):
            self.assertEqual((scalar(text, kind), type(scalar(text, kind))), (value, type(value)))

    @given(
        st.dictionaries(st.sampled_from(["file", "folder", "environment"]), st.integers(1, 999), min_size=1)
    )
    def test_precedence(self, said: dict[str, int]) -> None:
        """
        Of all that is said the environment counts before the plugin's own file, and that before the defaults.
        """
        main = self.folder / f"{said}.toml"
        main.write_text(
            "daemon.plugin_dir = ''\n"
            + (f"limits.queue = {said['file']}\n" if "file" in said else "")
            + (f"defaults.limits.open_files = {said['file']}\n" if "file" in said else "")
            + "plugins.a.command = ['a']\n"
            + (f"plugins.a.limits.open_files = {said['folder']}\n" if "folder" in said else "")
        )
        environ = {"MCPD_LIMITS__QUEUE": str(said["environment"])} if "environment" in said else {}
        settings = load(str(main), environ, OURS)
        queue = said.get("environment", said.get("file", Limits().queue))
        self.assertEqual(settings.limits.queue, queue)
        self.assertEqual(settings.plugins[0].limits.open_files, said.get("folder", said.get("file", 256)))


class FindTests(SynchronousTestCase):
    """
    Tests for choosing the main file.
    """

    def test_find(self) -> None:
        """
        The command line counts before the environment, that before the system's file, if there is one.
        """
        system = self.mktemp()
        self.assertIsNone(find_configuration(None, {}, system))
        self.assertIsNone(find_configuration("", {"MCPD_CONFIG": ""}, system))
        Path(system).touch()
        self.assertEqual(find_configuration(None, {}, system), system)
        self.assertEqual(find_configuration(None, {"MCPD_CONFIG": "b"}, system), "b")
        self.assertEqual(find_configuration("a", {"MCPD_CONFIG": "b"}, system), "a")
