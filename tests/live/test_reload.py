# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
A daemon whose certificate is replaced while it serves.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.client import Client, Socket, holds, new_fields
from tests.live.daemon import Daemon
from tests.live.pki import Authority, Pair
from tests.live.process import VENV, Ended, finish
from tests.live.websocket import Talk

_PATIENCE = 30.0
_TOOL = "echo__misbehave_sleep"
# Seconds of a call during which a reload has to be done.
_LONG = 5.0

clock: Any = reactor


@define
class Scene:
    """
    A daemon with TLS.

    Attributes:
        running: It.
        authority: Who vouches for it.
        shown: The pair that it has in its files.
    """

    running: Daemon
    authority: Authority
    shown: Pair

    @property
    def key(self) -> str:
        """
        The first key.
        """
        return self.running.key.read_text().strip()

    async def connect(self) -> Socket:
        """
        Connect.
        """
        trusted = Certificate.loadPEM(self.authority.file.read_bytes())
        plain = TCP4ClientEndpoint(clock, "127.0.0.1", self.running.port)
        endpoint = wrapClientTLS(optionsForClientTLS("127.0.0.1", trusted), plain)
        made: Any = await endpoint.connect(Factory.forProtocol(lambda: Socket(clock)))
        connection: Socket = made
        # Its certificate is known with its first bytes.
        connection.send(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await connection.until(lambda: b'{"alive":true}' in connection.taken, _PATIENCE)
        connection.taken.clear()
        return connection

    async def serial(self) -> int:
        """
        Tell the serial number of the certificate that a new connection is shown.
        """
        connection = await self.connect()
        connection.close()
        return serial(connection)

    async def talk(self) -> Talk:
        """
        Open a WebSocket.
        """
        port, key, trusted = self.running.port, self.key, self.authority.file
        return await Talk.open(clock, port, key=key, authority=trusted)

    def replace(self, certificate: Pair, key: Pair) -> None:
        """
        Put another certificate and another key into the files.
        """
        os.replace(certificate.certificate, self.shown.certificate)
        os.replace(key.key, self.shown.key)

    def place(self, key: str) -> str:
        """
        Tell how a problem with a key of the listener's ``tls`` begins.
        """
        file = self.running.folder / "mcpd.toml"
        lines = enumerate(file.read_text().splitlines(), 1)
        (number,) = (number for number, line in lines if line.startswith(f"{key} ="))
        return f"{file}:{number}: listen[0].tls.{key}: "

    def told(self, event: str) -> list[dict[str, Any]]:
        """
        Tell what was logged of a kind.
        """
        return [line for line in self.running.logged() if line.get("event") == event]

    async def mcpctl(self, *words: str) -> Ended:
        """
        Ask as an operator.
        """
        path = str(self.running.runtime / "admin.sock")
        environment = {"NO_COLOR": "1", "MCPD_CONFIG": "/nowhere"}
        command = (str(VENV / "bin" / "mcpctl"), "--socket", path, *words)
        return await finish(clock, command, _PATIENCE, environment)


def serial(connection: Socket) -> int:
    """
    Tell the serial number of the certificate that a connection was shown.
    """
    transport: Any = connection.transport
    number: int = transport.getPeerCertificate().get_serial_number()
    return number


class ReloadTests(TestCase):
    """
    Tests for TLS that is reloaded in place.
    """

    timeout = 120

    def play(self, what: Callable[[Scene], Awaitable[None]]) -> Deferred[None]:
        """
        Do something with a daemon with TLS, which ends in order.
        """
        return Deferred.fromCoroutine(self._play(what))

    async def _play(self, what: Callable[[Scene], Awaitable[None]]) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        authority = Authority.make(folder)
        pair = authority.issue("server", ("127.0.0.1",))
        plugins: daemon.Tables = {
            "echo": {"command": daemon.fixture("modern"), "env": {"MCPD_FIXTURE": "hostile"}}
        }
        more: daemon.Tables = {"listen": {"tls": pair.tls}}
        running = await daemon.begin(clock, folder, "required", plugins, more, authority=authority.file)
        self.addCleanup(running.kill)
        await what(Scene(running, authority, pair))
        await running.stop()

    async def until(self, scene: Scene, event: str) -> dict[str, Any]:
        """
        Wait for the first event of a kind.
        """
        self.assertTrue(await holds(clock, lambda: scene.told(event), _PATIENCE), event)
        return scene.told(event)[0]

    async def _replaced(self, scene: Scene) -> None:
        connection, talk = await scene.connect(), await scene.talk()
        client = Client(clock, scene.running.port, new_fields(scene.key), connection)
        running = Deferred.fromCoroutine(client.call(_TOOL, {"seconds": _LONG}))
        _, spoken = talk.begin("tools/call", {"name": _TOOL, "arguments": {"seconds": _LONG}})
        other = scene.authority.issue("other", ("127.0.0.1",))
        scene.replace(other, other)
        scene.running.signal("HUP")
        await self.until(scene, "ConfigurationReloaded")
        self.assertEqual((serial(connection), await scene.serial()), (scene.shown.serial, other.serial))
        self.assertEqual((running.called, spoken.called), (False, False))
        for answer in (await running, await spoken):
            self.assertFalse(answer["result"].get("isError"), answer)
        for answer in (await client.call(_TOOL, {"seconds": 0.0}), await talk.call(_TOOL, {"seconds": 0.0})):
            self.assertIn("result", answer)
        self.assertFalse(connection.closed)
        client.close()
        self.assertEqual(await talk.close(), 1000)
        bad = [line for line in scene.running.logged() if line["level"] in ("error", "critical")]
        self.assertEqual(bad, [])

    def test_replaced(self) -> Deferred[None]:
        """
        Another certificate is shown from the next connection on; calls and connections go on as they are.
        """
        return self.play(self._replaced)

    async def _wrong(self, scene: Scene) -> None:
        connection = await scene.connect()
        strangers = [scene.authority.issue(name, ("127.0.0.1",)) for name in ("one", "two")]
        scene.replace(*strangers)
        scene.running.signal("HUP")
        refused = await self.until(scene, "ConfigurationRefused")
        place = scene.place("private_key")
        self.assertTrue(refused["problems"].startswith(place), refused)
        ended = await scene.mcpctl("reload")
        self.assertEqual(ended.code, 1, ended.said)
        for words in ("MCPD-E-RELOAD", place, "the key is not the certificate's"):
            self.assertIn(words, ended.said)
        self.assertEqual(await scene.serial(), scene.shown.serial)
        client = Client(clock, scene.running.port, new_fields(scene.key), connection)
        self.assertIn("result", await client.call(_TOOL, {"seconds": 0.0}))
        client.close()
        await self._mended(scene)

    async def _mended(self, scene: Scene) -> None:
        good = scene.authority.issue("good", ("127.0.0.1",))
        scene.replace(good, good)
        ended = await scene.mcpctl("reload")
        self.assertEqual((ended.code, await scene.serial()), (0, good.serial), ended.said)

    def test_wrong(self) -> Deferred[None]:
        """
        Another certificate's key is refused with file and line; the old pair is shown until that is mended.
        """
        return self.play(self._wrong)
