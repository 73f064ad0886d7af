# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The samples for nginx and HAProxy in ``etc``, run by real ones before a real daemon.
"""

from __future__ import annotations

import shutil
import socket
import tempfile
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol, wrapClientTLS
from twisted.internet.ssl import Certificate, optionsForClientTLS
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.client import MODERN, holds, new_fields
from tests.live.daemon import Daemon
from tests.live.pki import Authority
from tests.live.process import ROOT, Run, start
from tests.live.program import program
from tests.live.stream import Stream, Visitor
from tests.live.websocket import Talk

_ETC = ROOT / "etc"
_LEGACY = "2025-11-25"
_PATIENCE = 30.0
# Whose requests these are, for a proxy that has 127.0.0.1, and what they say that they are.
_CLIENT, _SPOOFED = "127.0.0.2", "203.0.113.9"
_TOUCHED = "test://watched-resource"

clock: Any = reactor


@define(eq=False)
class Guest(Visitor):
    """
    A client that comes from an address of its own.

    Attributes:
        authority: Whom to trust; None: clear text.
    """

    authority: Path | None = field(default=None, kw_only=True)

    async def send(self, verb: str, body: bytes, fields: Mapping[str, str]) -> Stream:
        """
        Send a request on a new connection.
        """
        endpoint: Any = TCP4ClientEndpoint(clock, "127.0.0.1", self._port, bindAddress=(_CLIENT, 0))
        if self.authority is not None:
            trusted = Certificate.loadPEM(self.authority.read_bytes())
            endpoint = wrapClientTLS(optionsForClientTLS("127.0.0.1", trusted), endpoint)
        stream: Stream = await connectProtocol(endpoint, Stream(clock))
        self.write(stream, verb, body, fields)
        return stream


@define(frozen=True)
class Way:
    """
    One way to the daemon.

    Attributes:
        port: Where the proxy listens.
        authority: Whom to trust; None: clear text.
    """

    port: int
    authority: Path | None


@define(eq=False)
class Scene:
    """
    A daemon, and a proxy before it.
    """

    running: Daemon
    ways: tuple[Way, ...]

    async def guest(self, way: Way, revision: str = MODERN, key: str = "") -> Guest:
        """
        Make a client of a revision.
        """
        key = key or self.running.key.read_text().strip()
        guest = Guest(clock, way.port, new_fields(key), authority=way.authority)
        if revision != MODERN:
            await guest.shake(revision)
        return guest


class ProxyCase(TestCase):
    """
    A test with a daemon behind a proxy.
    """

    timeout = 120
    # Ways that the proxy has.
    many = 1

    def setUp(self) -> None:
        """
        Make an authority, and a folder whose name is short enough for a socket.
        """
        self.folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.folder)
        self.folder.chmod(0o755)
        self.authority = Authority.make(self.folder)
        self.pair = self.authority.issue("proxy", ["127.0.0.1", "localhost"])

    def play(self, what: Callable[[Scene], Awaitable[None]]) -> Deferred[None]:
        """
        Do something with each way.
        """
        return Deferred.fromCoroutine(self._play(what))

    async def _play(self, what: Callable[[Scene], Awaitable[None]]) -> None:
        through = daemon.free_port()
        plugins: daemon.Tables = {
            "modern": {"command": daemon.fixture("modern"), "env": {"MCPD_FIXTURE": "hostile"}}
        }
        believed = {"proxies": ["127.0.0.1"]}
        # The listeners that the samples tell an operator to write.
        more: daemon.Tables = {
            "listen": believed,
            "[listen]": {"endpoint": f"unix:{self.folder}/run/mcp.sock", "proxies": ["unix"]},
            "[ listen ]": {"endpoint": f"haproxy:tcp:{through}:interface=127.0.0.1", **believed},
        }
        state = self.folder / "daemon"
        state.mkdir()
        running = await daemon.begin(clock, state, "required", plugins, more)
        try:
            ports = daemon.free_port(), daemon.free_port()
            run = self.begin(running.port, through, ports)
            try:
                came = await holds(clock, lambda: all(map(_listens, ports[: self.many])), _PATIENCE)
                self.assertTrue(came, run.said())
                ways = Way(ports[0], self.authority.file), Way(ports[1], None)
                await what(Scene(running, ways[: self.many]))
            finally:
                run.signal("TERM")
                await run.ended
        finally:
            await running.stop()

    def begin(self, plain: int, through: int, ports: tuple[int, int]) -> Run:
        """
        Start the proxy.

        Args:
            plain: The daemon's port for HTTP.
            through: The one for PROXY.
            ports: Where the proxy is to listen.
        """
        raise NotImplementedError


class Promises:
    """
    What holds behind every proxy.
    """

    play: Any
    assertEqual: Any
    assertTrue: Any

    async def _calls(self, scene: Scene) -> None:
        for way in scene.ways:
            for revision in (MODERN, _LEGACY):
                guest = await scene.guest(way, revision)
                heard = await (await guest.call("modern__echo", {"text": revision})).end()
                self.assertEqual(heard.result["content"][0]["text"], revision)

    def test_calls(self) -> Deferred[None]:
        """
        Clients of both eras are answered.
        """
        return self.play(self._calls)  # type: ignore[no-any-return]

    async def _streams(self, scene: Scene) -> None:
        for way in scene.ways:
            for revision in (MODERN, _LEGACY):
                guest = await scene.guest(way, revision)
                stream = await guest.subscribe("tools", uris=(_TOUCHED,))
                other = await scene.guest(way)
                await (await other.call("modern__misbehave_touch", {"uri": _TOUCHED})).end()
                # The stream goes on: what comes was not kept until its end.
                (notice,) = await stream.wait(1)
                self.assertEqual(notice["method"], "notifications/resources/updated")
                self.assertEqual(stream.closed, False)
                stream.close()

    def test_streams(self) -> Deferred[None]:
        """
        Events come when they happen, and not at the end of the stream.
        """
        return self.play(self._streams)  # type: ignore[no-any-return]

    async def _websocket(self, scene: Scene) -> None:
        key = scene.running.key.read_text().strip()
        for way in scene.ways:
            talk = await Talk.open(clock, way.port, key=key, authority=way.authority)
            answer = await talk.call("modern__echo", {"text": "framed"})
            self.assertEqual(answer["result"]["content"][0]["text"], "framed")
            await talk.close()

    def test_websocket(self) -> Deferred[None]:
        """
        A WebSocket passes.
        """
        return self.play(self._websocket)  # type: ignore[no-any-return]

    async def _address(self, scene: Scene) -> None:
        for way in scene.ways:
            guest = await scene.guest(way, key="wrong")
            guest.fields["X-Forwarded-For"] = _SPOOFED
            heard = await (await guest.begin("tools/list", {})).end()
            self.assertEqual(heard.status, 401)

        def told() -> list[str]:
            events = scene.running.logged()
            return [line["peer"] for line in events if line.get("event") == "RequestRefused"]

        # The log comes by another way than the answer.
        await holds(clock, lambda: len(told()) >= len(scene.ways), _PATIENCE)
        self.assertEqual(told(), [_CLIENT] * len(scene.ways))

    def test_address(self) -> Deferred[None]:
        """
        The log has the client's own address, whatever the client says that it has.
        """
        return self.play(self._address)  # type: ignore[no-any-return]


class NginxTests(Promises, ProxyCase):
    """
    Tests for nginx, which takes the UNIX socket.
    """

    def begin(self, plain: int, through: int, ports: tuple[int, int]) -> Run:
        """
        Start it, with the sample as a part of its configuration.
        """
        sample = (_ETC / "nginx.conf").read_text()
        sample = _replaced(
            sample,
            {
                "unix:/run/mcpd/mcp.sock;": f"unix:{self.folder}/run/mcp.sock;",
                "listen 443 ssl;": f"listen 127.0.0.1:{ports[0]} ssl;",
                "/etc/nginx/tls/cert.pem": str(self.pair.certificate),
                "/etc/nginx/tls/key.pem": str(self.pair.key),
            },
        )
        (self.folder / "sample.conf").write_text(sample)
        temporary = "".join(
            f"{name}_temp_path {self.folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        main = self.folder / "nginx.conf"
        main.write_text(
            f"daemon off;\nmaster_process off;\npid {self.folder}/nginx.pid;\nerror_log stderr;\n"
            f"events {{}}\nhttp {{\naccess_log off;\n{temporary}include {self.folder}/sample.conf;\n}}\n"
        )
        return start(clock, (program("nginx"), "-p", str(self.folder), "-e", "stderr", "-c", str(main)))


class HaproxyTests(Promises, ProxyCase):
    """
    Tests for HAProxy, which speaks HTTP on one way and PROXY on the other.
    """

    many = 2

    def begin(self, plain: int, through: int, ports: tuple[int, int]) -> Run:
        """
        Start it with the sample.
        """
        pem = self.folder / "tools.pem"
        pem.write_bytes(self.pair.certificate.read_bytes() + self.pair.key.read_bytes())
        sample = _replaced(
            (_ETC / "haproxy.cfg").read_text(),
            {
                "bind :443 ": f"bind 127.0.0.1:{ports[0]} ",
                "bind :8443\n": f"bind 127.0.0.1:{ports[1]}\n",
                "/etc/haproxy/tls/tools.pem": str(pem),
                "127.0.0.1:8420 ": f"127.0.0.1:{plain} ",
                "127.0.0.1:8421 ": f"127.0.0.1:{through} ",
            },
        )
        config = self.folder / "haproxy.cfg"
        config.write_text(sample)
        return start(clock, (program("haproxy"), "-db", "-f", str(config)))


def _replaced(text: str, places: Mapping[str, str]) -> str:
    for place, ours in places.items():
        if text.count(place) != 1:
            raise AssertionError(f"{place!r} stands {text.count(place)} times in:\n{text}")
        text = text.replace(place, ours)
    return text


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
