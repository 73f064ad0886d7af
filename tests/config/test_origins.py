# -*- test-case-name: tests.config.test_origins -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.origins`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from attrs import evolve
from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.document import Trust
from mcpd.config.draft import Draft
from mcpd.config.judge import judge
from mcpd.config.load import gather, read_plugin
from mcpd.config.origins import MASK, Setting, effective
from mcpd.config.settings import Settings
from tests.config.configured import configurations, load, thrifty

OURS = os.geteuid()


class OriginsTests(SynchronousTestCase):
    """
    Tests for what is so in the end.
    """

    def setUp(self) -> None:
        """
        Make a folder.
        """
        self.folder = Path(self.mktemp()).absolute()
        self.folder.mkdir()
        self.main = self.folder / "mcpd.toml"

    def show(self, text: str, **environ: str) -> dict[str, Setting]:
        """
        Load a main file without a plugin folder; tell what is so, by key.
        """
        self.main.write_text(text)
        draft = gather(str(self.main), {"MCPD_DAEMON__PLUGIN_DIR": ""} | environ, OURS, "/")
        return {setting.key: setting for setting in effective(judge(draft), draft)}

    def where(self, shown: dict[str, Setting], *keys: str) -> list[tuple[str, str]]:
        """
        Tell value and origin of some keys, less the folder's name.
        """
        found = [shown[key] for key in keys]
        return [(setting.value, setting.origin.removeprefix(f"{self.folder}/")) for setting in found]

    def test_origins(self) -> None:
        """
        Each value stands with who said so: nobody, a line of a file, or a variable.
        """
        shown = self.show(
            "[daemon]\ndrain = '90s'\nlog = { level = 'warn' }\n[limits]\nbody = '1M'\nqueue = 7\n",
            MCPD_LIMITS__QUEUE="9",
        )
        keys = ("daemon.drain", "daemon.log.level", "daemon.log.format", "limits.body", "limits.queue")
        self.assertEqual(
            self.where(shown, *keys),
            [
                ('"90s"', "mcpd.toml:2"),
                ('"warn"', "mcpd.toml:3"),
                ('"auto"', "built in"),
                ('"1M"', "mcpd.toml:5"),
                ("9", "environment MCPD_LIMITS__QUEUE"),
            ],
        )

    def test_listen(self) -> None:
        """
        Listeners are counted, and the one that nobody said is built in.
        """
        self.assertEqual(
            self.where(self.show(""), "listen[0].endpoint"),
            [('"tcp:8420:interface=127.0.0.1"', "built in")],
        )
        shown = self.show(
            "[[listen]]\nendpoint = 'tcp:1:interface=127.0.0.1'\n"
            "[[listen]]\nendpoint = 'tcp:2:interface=127.0.0.1'\nserve = ['health']\n"
        )
        self.assertEqual(
            self.where(shown, "listen[0].serve", "listen[1].serve", "listen[1].plain_is_fine"),
            [
                ('["mcp", "websocket", "health"]', "built in"),
                ('["health"]', "mcpd.toml:5"),
                ("false", "built in"),
            ],
        )

    def test_tls(self) -> None:
        """
        Of a listener's keys where they are is shown; one without TLS has none to show.
        """
        shown = self.show(
            "[[listen]]\nendpoint = 'tcp:1:interface=127.0.0.1'\n"
            "[[listen]]\nendpoint = 'tcp:2'\n[listen.tls]\ncertificate = 'c.pem'\nprivate_key = 'cred:key'\n"
        )
        keys = ("certificate", "private_key", "client_auth")
        self.assertEqual(
            self.where(shown, *(f"listen[1].tls.{key}" for key in keys)),
            [
                (f'"{self.folder}/c.pem"', "mcpd.toml:6"),
                ('"cred:key"', "mcpd.toml:7"),
                ('"optional"', "built in"),
            ],
        )
        self.assertEqual([key for key in shown if key.startswith("listen[0].tls")], [])

    def test_rates(self) -> None:
        """
        A rate is shown as it is written, whether there is one or not.
        """
        said = self.where(self.show("[rate]\nmessages = 'off'\n"), "rate.messages", "websocket.ping")
        self.assertEqual(said, [('"off"', "mcpd.toml:2"), ('"30s"', "built in")])
        shown = self.show("", MCPD_RATE__MESSAGES="5/s, 10")
        self.assertEqual(
            self.where(shown, "rate.messages"), [('"5/s, 10"', "environment MCPD_RATE__MESSAGES")]
        )

    def test_plugin(self) -> None:
        """
        A plugin's values come from its own table or from the defaults, entry by entry.
        """
        shown = self.show(
            "[defaults]\nenv = { TZ = 'UTC', LANG = 'C' }\nrestart.give_up = '3/1h'\n"
            "[plugins.a]\ncommand = ['a', 'b c']\nenv.LANG = 'de'\ntimeouts.tools = { x = '2m' }\n"
        )
        a = "plugins.a"
        self.assertEqual(
            self.where(shown, f"{a}.command", f"{a}.env.TZ", f"{a}.env.LANG", f"{a}.restart.give_up"),
            [
                ('["a", "b c"]', "mcpd.toml:5"),
                ('"UTC"', "mcpd.toml:2"),
                ('"de"', "mcpd.toml:6"),
                ('"3/1h"', "mcpd.toml:3"),
            ],
        )
        self.assertEqual(
            self.where(shown, f"{a}.timeouts.tools.x", f"{a}.prefix", f"{a}.restart.backoff"),
            [('"2m"', "mcpd.toml:7"), ('"a"', "built in"), ('["500ms", "1m"]', "built in")],
        )
        self.assertNotIn(f"{a}.name", shown)
        self.assertNotIn("plugins", shown)
        self.assertEqual(shown[f"{a}.restart.max_memory"].value, '"0"')

    def test_own_file(self) -> None:
        """
        What a plugin's own file says is told with that file.
        """
        file = self.folder / "b.toml"
        file.write_text("command = ['b']\n\nconcurrency = 2\n")
        file.chmod(0o644)
        draft = Draft.of_nothing("somewhere")
        read_plugin(draft, "b", str(file), Trust((0, OURS)))
        shown = {setting.key: setting for setting in effective(judge(draft), draft)}
        self.assertEqual(self.where(shown, "plugins.b.concurrency"), [("2", "b.toml:3")])

    def test_secrets(self) -> None:
        """
        A variable that is a secret by its name, or an address with a password, is not shown.
        """
        variables = {
            "API_KEY": "sesame",
            "github_token": "sesame",
            "PGPASSWORD": "sesame",
            "DATABASE_URL": "postgres://me:sesame@db/x",
            "HOME_PAGE": "https://example.org/@me",
            "TZ": "UTC",
        }
        written = ", ".join(f"{name} = '{value}'" for name, value in variables.items())
        shown = self.show(f"[plugins.a]\ncommand = ['a']\nenv = {{ {written} }}\n")
        self.assertNotIn("sesame", str(shown))
        secret = [key for key, setting in shown.items() if setting.secret]
        self.assertEqual(secret, [f"plugins.a.env.{name}" for name in list(variables)[:4]])
        self.assertEqual({shown[key].value for key in secret}, {MASK})
        self.assertEqual(shown["plugins.a.env.TZ"].value, '"UTC"')

    def test_no_text(self) -> None:
        """
        A variable that is no text is shown, too.
        """
        shown = self.show("", MCPD_DAEMON__STATE_DIR=os.fsdecode(b"/\xff\x7f"))
        self.assertEqual(shown["daemon.state_dir"].value, '"/?\\u007f"')

    @thrifty
    @given(configurations())
    def test_again(self, drawn: Settings) -> None:
        """
        What is shown can be written into a file, and says the same again.
        """
        draft = Draft.of_nothing("drawn")
        lines: list[str] = []
        for setting in effective(drawn, draft):
            section, _, rest = setting.key.partition(".")
            if section.startswith("listen["):
                lines += ["[[listen]]"] if rest == "endpoint" else []
                lines.append(f"{rest} = {setting.value}")
            else:
                lines.insert(0, f"{setting.key} = {setting.value}")
        self.main.write_text("\n".join(lines))
        self.assertEqual(load(str(self.main), {}, OURS), said(drawn))


def said(drawn: Settings) -> Settings:
    """
    Have each plugin say its prefix; the order of plugins is that of the lines, from the last.
    """
    plugins: list[Any] = []
    for plugin in reversed(drawn.plugins):
        plugins.append(evolve(plugin, prefix=plugin.name if plugin.prefix is None else plugin.prefix))
    return evolve(drawn, plugins=tuple(plugins))
