# -*- test-case-name: tests.config.test_difference -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.config.difference`.
"""

from __future__ import annotations

from typing import Any

import attrs
from attrs import evolve
from hypothesis import given
from twisted.trial.unittest import SynchronousTestCase

from mcpd.config.difference import Difference, difference, standing
from mcpd.config.settings import LISTEN, DaemonSettings, Log, Settings
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.units import Bytes, Rate, Seconds
from mcpd.web.spec import Limits, Listen, Rates, SocketSettings, Tls
from mcpd.workers.spec import Chosen, Plugin, Restart, Timeouts, WorkerLimits, Workers
from tests.config.configured import configurations, thrifty

A, B, C = (Plugin(name=name, command=("program",)) for name in "abc")

LIVELY: dict[str, Any] = {
    "prefix": "other",
    "workers": Workers(max=2),
    "concurrency": 1,
    "tools": Chosen(exclude=("x",)),
    "timeouts": Timeouts(call=Seconds(1)),
    "restart": Restart(max_age=Seconds(60)),
}
"""What a plugin's living workers can go on with."""

BORN: dict[str, Any] = {
    "command": ("another",),
    "cwd": "/srv",
    "path": ("/opt/bin",),
    "env": {"TZ": "UTC"},
    "inherit": ("TZ",),
    "protocol": "modern",
    "share": "all",
    "limits": WorkerLimits(memory=Bytes(1 << 20)),
}
"""What a worker is born with."""


OPEN = Listen("unix:/a")

ASKED: dict[str, Any] = {
    "serve": ("health",),
    "hosts": ("a",),
    "origins": ("https://a.example",),
    "proxies": ("unix",),
    "plain_is_fine": True,
    "private_network": True,
}
"""What a listener asks of those who come."""


def of(*plugins: Plugin) -> Settings:
    """
    Make a configuration of plugins.
    """
    return Settings(plugins=plugins)


def run(configured: Settings) -> dict[str, Plugin]:
    """
    Tell which plugins are run.
    """
    return {plugin.name: plugin for plugin in configured.plugins if plugin.enabled}


def put(target: Any, source: Any, path: list[str]) -> Any:
    """
    Take the value at a path over from another configuration.
    """
    key, *rest = path
    value = getattr(source, key)
    return evolve(target, **{key: put(getattr(target, key), value, rest) if rest else value})


def apply(old: Settings, new: Settings, change: Difference) -> Settings:
    """
    Do what a difference says, and what it says that a new start would do.
    """
    crews = run(old)
    for name in change.removed:
        del crews[name]
    crews |= {plugin.name: plugin for plugin in change.added}
    crews |= {each.plugin.name: each.plugin for each in change.changed}
    for key in change.acts + change.waits:
        path = key.partition("[")[0].split(".")
        old = put(old, new, path)
    return evolve(old, plugins=tuple(crews[name] for name in change.order))


class DifferenceTests(SynchronousTestCase):
    """
    Tests for differences.
    """

    @thrifty
    @given(configurations())
    def test_same(self, one: Settings) -> None:
        """
        Who reloads what did not change changes nothing.
        """
        change = difference(one, evolve(one))
        self.assertFalse(change)
        self.assertEqual(change.order, tuple(run(one)))

    @thrifty
    @given(configurations(), configurations())
    def test_applied(self, old: Settings, new: Settings) -> None:
        """
        Who does what a difference says has the new configuration; nothing that differs is left out.
        """
        change = difference(old, new)
        wanted = evolve(new, plugins=tuple(run(new).values()))
        self.assertEqual(apply(old, new, change), wanted)
        self.assertEqual(bool(change), evolve(old, plugins=tuple(run(old).values())) != wanted)

    @thrifty
    @given(configurations(), configurations())
    def test_least(self, old: Settings, new: Settings) -> None:
        """
        A plugin that is the same before and after is not touched.
        """
        change = difference(old, new)
        touched = {plugin.name for plugin in change.added} | {each.plugin.name for each in change.changed}
        same = {name for name, plugin in run(old).items() if run(new).get(name) == plugin}
        self.assertEqual(same & (touched | set(change.removed)), set())

    def test_plugins(self) -> None:
        """
        A plugin that came, went or became another is told, each as what it is.
        """
        change = difference(of(A, B), of(evolve(B, concurrency=1), C))
        self.assertEqual((change.added, change.removed), ((C,), ("a",)))
        self.assertEqual([each.plugin.concurrency for each in change.changed], [1])
        self.assertEqual((change.order, change.reordered), (("b", "c"), False))

    def test_enabled(self) -> None:
        """
        To disable a plugin is to take it away, and whatever changes in one that is disabled is nothing.
        """
        off = evolve(A, enabled=False)
        self.assertEqual(difference(of(A), of(off)).removed, ("a",))
        self.assertEqual(difference(of(off), of(A)).added, (A,))
        self.assertFalse(difference(of(off, B), of(B, evolve(off, command=("x",)))))

    def test_order(self) -> None:
        """
        Plugins that only changed places are told to have, and nothing else is.
        """
        change = difference(of(A, B, C), of(A, C, B))
        self.assertTrue(change.reordered)
        self.assertEqual((change.added, change.removed, change.changed), ((), (), ()))
        self.assertFalse(difference(of(A, B), of(C, A, B)).reordered)

    def test_respawn(self) -> None:
        """
        Workers are replaced for what they were born with, and not for what their crew can change.
        """
        every = {field.name for field in attrs.fields(Plugin)}
        self.assertEqual(every - LIVELY.keys() - BORN.keys(), {"name", "enabled"})
        for key, value in (LIVELY | BORN).items():
            (change,) = difference(of(A), of(evolve(A, **{key: value}))).changed
            self.assertEqual(change.respawn, key in BORN, key)

    def test_acts(self) -> None:
        """
        Limits, and what is read when it is needed, act at once, each told by its key.
        """
        new = Settings(
            daemon=DaemonSettings(drain=Seconds(1), plugin_dir="/p"),
            limits=Limits(body=Bytes(1), queue=1),
            rate=Rates(Rate(1, 1)),
            websocket=SocketSettings(compression=True),
            catalog=CatalogLimits(page=1),
        )
        change = difference(Settings(), new)
        keys = (
            "daemon.plugin_dir",
            "daemon.drain",
            "limits.body",
            "limits.queue",
            "rate.messages",
            "websocket.compression",
            "catalog.page",
        )
        self.assertEqual((change.acts, change.waits), (keys, ()))
        self.assertTrue(change)
        sections = ("daemon", "listen", "limits", "rate", "sessions", "websocket", "catalog")
        concerned = [change.concerns(section) for section in sections]
        self.assertEqual(concerned, [True, False, True, True, False, True, True])
        self.assertEqual(
            difference(Settings(), Settings(sessions=SessionLimits(total=1))).acts, ("sessions.total",)
        )
        self.assertEqual(difference(Settings(), Settings(rate=Rates(None))).acts, ("rate.messages",))

    def test_waits(self) -> None:
        """
        What only a new start can change is told, and is not passed over in silence.
        """
        new = Settings(
            daemon=DaemonSettings(state_dir="/s", runtime_dir="/r", log=Log(level="debug"), starts=1),
            limits=Limits(backlog=1),
        )
        change = difference(Settings(), new)
        keys = (
            "daemon.state_dir",
            "daemon.runtime_dir",
            "daemon.log.level",
            "daemon.starts",
            "limits.backlog",
        )
        self.assertEqual((change.acts, change.waits), ((), keys))
        self.assertTrue(change)

    def listen(self, old: Listen, new: Listen) -> tuple[set[str], set[str], Listen]:
        """
        Compare two listeners.

        Returns:
            The keys of what acts and of what waits, and what is in force then.
        """
        change = difference(Settings(listen=(LISTEN, old)), Settings(listen=(LISTEN, new)))
        acts, waits = (
            {key.removeprefix("listen[1].") for key in keys} for keys in (change.acts, change.waits)
        )
        self.assertEqual(change.concerns("listen"), bool(acts))
        first, second = standing((LISTEN, old), (LISTEN, new))
        self.assertEqual(first, LISTEN)
        return acts, waits, second

    def test_listen(self) -> None:
        """
        What it says of those who come acts at once; its socket waits, and whether it asks for credentials.
        """
        new = evolve(OPEN, **ASKED, mode="0600", group="www", auth="none")
        acts, waits, then = self.listen(OPEN, new)
        self.assertEqual((acts, waits), (set(ASKED), {"mode", "group", "auth"}))
        self.assertEqual(then, evolve(OPEN, **ASKED))
        every = {field.name for field in attrs.fields(Listen)}
        self.assertEqual(every - acts - waits, {"endpoint", "tls"})

    def test_tls(self) -> None:
        """
        Another certificate acts at once; TLS where there was none, or none where it was, waits.
        """
        tls, other = Tls("c", "env:K"), Tls("d", "env:K", client_ca="ca")
        secure = evolve(OPEN, tls=tls)
        new = evolve(secure, tls=other, hosts=("a",))
        acts, waits, then = self.listen(secure, new)
        self.assertEqual((acts, waits, then), ({"tls.certificate", "tls.client_ca", "hosts"}, set(), new))
        for one, another in ((OPEN, evolve(secure, hosts=("a",))), (secure, evolve(OPEN, hosts=("a",)))):
            self.assertEqual(self.listen(one, another), (set(), {"tls", "hosts"}, one))

    def test_elsewhere(self) -> None:
        """
        Of a listener that shall be elsewhere nothing acts before it is there.
        """
        new = evolve(OPEN, endpoint="unix:/b", hosts=("a",))
        self.assertEqual(self.listen(OPEN, new), (set(), {"endpoint", "hosts"}, OPEN))

    def test_judged_open(self) -> None:
        """
        Where only the opened socket tells whether it is safe, a reload lets nobody in without credentials.
        """
        for endpoint, waiting in (
            ("systemd:domain=INET:name=a", {"auth", "plain_is_fine"}),
            ("haproxy:systemd:domain=INET6:index=0", {"auth", "plain_is_fine"}),
            ("systemd:domain=UNIX:name=a", {"auth"}),
        ):
            old = evolve(OPEN, endpoint=endpoint)
            new = evolve(old, auth="none", plain_is_fine=True, hosts=("a",))
            acts, waits, then = self.listen(old, new)
            self.assertEqual((acts | waits, waits), ({"auth", "plain_is_fine", "hosts"}, waiting))
            self.assertEqual(then.auth, "required")

    def test_number(self) -> None:
        """
        Another number of listeners waits as a whole.
        """
        two = (LISTEN, evolve(OPEN, hosts=("a",)))
        change = difference(Settings(), Settings(listen=two))
        self.assertEqual((change.acts, change.waits), ((), ("listen",)))
        self.assertFalse(change.concerns("listen"))
        self.assertEqual(standing((LISTEN,), two), (LISTEN,))
