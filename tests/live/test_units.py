# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The units in ``etc``: read by systemd's own programs, and their commands run as systemd runs them.
"""

from __future__ import annotations

import re
import shlex
import signal
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.client import connect, holds, is_whole
from tests.live.handed import Manager, configure, hand_over, hold
from tests.live.process import ROOT, VENV, finish
from tests.live.program import program

_ETC = ROOT / "etc"
_PATIENCE = 30.0
# As WatchdogSec=, but so short that a test can see it.
_WATCHDOG = 1.0

clock: Any = reactor


def installed(text: str) -> str:
    """
    Put the paths of this installation into a unit.
    """
    for name in ("twistd", "mcpctl"):
        text = text.replace(f"/usr/bin/{name}", str(VENV / "bin" / name))
    return text


def said(unit: str, key: str) -> str:
    """
    Tell what a unit says; it says it once.
    """
    (value,) = re.findall(rf"^{key}=(.*)$", unit, re.MULTILINE)
    return str(value)


class UnitsTests(TestCase):
    """
    Tests for the units.
    """

    timeout = 120

    def setUp(self) -> None:
        """
        Install them in a folder.
        """
        self.folder = Path(self.mktemp()).resolve()
        self.folder.mkdir()
        self.units = {}
        for name in ("mcpd.service", "mcpd.socket"):
            self.units[name] = installed((_ETC / name).read_text())
            (self.folder / name).write_text(self.units[name])

    async def _verify(self) -> None:
        for name in self.units:
            ended = await finish(
                clock, (program("systemd-analyze"), "verify", str(self.folder / name)), _PATIENCE
            )
            self.assertEqual((ended.code, ended.said), (0, ""))

    def test_verify(self) -> Deferred[None]:
        """
        The units are read by systemd without a word.
        """
        return Deferred.fromCoroutine(self._verify())

    async def _exposure(self) -> None:
        command = (program("systemd-analyze"), "security", "--offline=true", "--threshold=35")
        ended = await finish(clock, (*command, str(self.folder / "mcpd.service")), _PATIENCE)
        self.assertEqual(ended.code, 0, ended.said)

    def test_exposure(self) -> Deferred[None]:
        """
        The exposure of the service is 3.5 of 10 or less, by systemd's own measure.
        """
        return Deferred.fromCoroutine(self._exposure())

    async def _user(self) -> None:
        command = (program("systemd-sysusers"), "--dry-run", str(_ETC / "mcpd.sysusers"))
        ended = await finish(clock, command, _PATIENCE)
        self.assertEqual(ended.code, 0, ended.said)
        self.assertIn("user mcpd", ended.said.replace("'", ""))
        self.assertEqual(said(self.units["mcpd.service"], "User"), "mcpd")

    def test_user(self) -> Deferred[None]:
        """
        The service's user is one that systemd can make.
        """
        return Deferred.fromCoroutine(self._user())

    async def _begin(self) -> None:
        service, unit = self.units["mcpd.service"], self.units["mcpd.socket"]
        # The endpoint that the socket's own comment tells an operator to write.
        (endpoint,) = re.findall(r'^# +(endpoint = "systemd:.*")$', unit, re.MULTILINE)
        plugins: daemon.Tables = {"echo": {"command": daemon.fixture("modern")}}
        manager = Manager.begin(clock)
        self.addCleanup(lambda: Deferred.fromCoroutine(manager.end()))
        with hold() as held:
            port = held.getsockname()[1]
            config = str(configure(self.folder, port, plugins, endpoint))
            command = shlex.split(said(service, "ExecStart").replace("/etc/mcpd/mcpd.toml", config))
            watched = {"WATCHDOG_USEC": str(int(_WATCHDOG * 1e6)), "NOTIFY_SOCKET": manager.path}
            sockets = {said(unit, "FileDescriptorName"): held}
            run = hand_over(clock, command, sockets, watched)
            late = clock.callLater(_PATIENCE * 3, run.signal, "KILL")
            try:
                self.assertTrue(await manager.hears("READY=1"), run.said())
                self.assertTrue(await self._answered(port, b"/readyz", b'{"ready":true}'), run.said())
                self.assertTrue(await manager.hears("WATCHDOG=1"), run.said())
                reload = shlex.split(said(service, "ExecReload"))
                ended = await finish(clock, reload, _PATIENCE, {"MCPD_CONFIG": config})
                self.assertEqual(ended.code, 0, ended.said)
            finally:
                run.signal("TERM")
            self.assertTrue(await manager.hears("STOPPING=1"), run.said())
            ended = await run.ended
            late.cancel()
        self.assertEqual(ended.signal, signal.SIGTERM, ended.said)
        self.assertEqual(manager.said[0], "READY=1")
        self.assertTrue(await holds(clock, lambda: not daemon.left_behind(self.folder), 2.0))

    async def _answered(self, port: int, path: bytes, body: bytes) -> bool:
        client = await connect(clock, port)
        client.send(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        came = await client.until(lambda: is_whole(client.taken), _PATIENCE)
        client.close()
        return came and client.taken.endswith(body)

    def test_run(self) -> Deferred[None]:
        """
        The command, started with the socket's descriptor, says when it is ready, that it lives, that
        it stops; and the reload command reloads it.
        """
        return Deferred.fromCoroutine(self._begin())

    def test_patience(self) -> None:
        """
        A service that drains and stops its plugins has the time for it before systemd kills it.
        """
        self.assertGreaterEqual(int(said(self.units["mcpd.service"], "TimeoutStopSec")), 30 + 3 * 3)
