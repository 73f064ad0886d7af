# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
``mcpctl connect`` between real clients and real servers.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import TCP4ClientEndpoint, connectProtocol
from twisted.internet.error import ConnectError
from twisted.internet.protocol import Protocol
from twisted.internet.ssl import PrivateCertificate
from twisted.internet.task import deferLater
from twisted.trial.unittest import TestCase
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.live import daemon, environment
from tests.live.bridge import Bridge
from tests.live.client import Client
from tests.live.look import CLIENTS, LEGACY, MODERN, complaints, plan
from tests.live.process import VENV, Run, finish, start
from tests.web.pki import Paper, key_pem, root

_PATIENCE = 120.0
_SERVER = Path(__file__).with_name("servers") / "sdk.py"
_MCPCTL = str(VENV / "bin" / "mcpctl")
_TEXT = "This is a simple text response for testing."

clock: Any = reactor


class _Pong(Resource):
    # A far side that answers everything.
    isLeaf = True

    def render_POST(self, request: Request) -> bytes:
        body: Any = request.content
        request.setHeader("Content-Type", "application/json")
        return json.dumps({"jsonrpc": "2.0", "id": json.load(body)["id"], "result": {}}).encode()


def _pause() -> Deferred[None]:
    return deferLater(clock, 0.1, lambda: None)


async def _reachable(port: int) -> None:
    until = clock.seconds() + _PATIENCE
    while True:
        try:
            there = await connectProtocol(TCP4ClientEndpoint(clock, "127.0.0.1", port), Protocol())
        except ConnectError:
            assert clock.seconds() < until
            await _pause()
        else:
            there.transport.loseConnection()
            return


class ConnectTests(TestCase):
    """
    What the clients of a bridge see.
    """

    timeout = 600

    async def _daemon(self, plugins: daemon.Tables, auth: str = "required") -> daemon.Daemon:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        return await daemon.begin(clock, folder, auth, plugins)

    def _bridge(self, *options: str) -> Bridge:
        bridge = Bridge.start(clock, *options)
        self.addCleanup(lambda: None if bridge.ended.called else Deferred.fromCoroutine(bridge.stop()))
        return bridge

    # The daemon.

    def test_sdk(self) -> Deferred[None]:
        """
        Clients of both eras see through the bridge what they would see at the daemon itself.
        """
        return Deferred.fromCoroutine(self._sdk())

    async def _sdk(self) -> None:
        running = await self._daemon({"modern": {"command": _hostile("modern")}})
        command = [_MCPCTL, "connect", "--url", running.url, "--key-file", str(running.key)]
        told = {"command": command, **plan("modern__", "modern__")}
        try:
            for version, program, mode, spoken in (
                ("1.30.0", "sdk1.py", "legacy", LEGACY),
                ("2.3.0", "sdk2.py", "legacy", LEGACY),
                ("2.3.0", "sdk2.py", "auto", MODERN),
            ):
                python = await environment.python(clock, "sdk", "mcp", version)
                words = (python, str(CLIENTS / program), json.dumps({**told, "mode": mode}))
                ended = await finish(clock, words, _PATIENCE)
                self.assertEqual(ended.code, 0, ended.said)
                said = complaints(json.loads(ended.said), spoken, "modern__", ())
                self.assertEqual(said, [])
        finally:
            await running.stop()

    def test_here(self) -> Deferred[None]:
        """
        Without an address it finds the daemon of this machine, and the daemon's first key.
        """
        return Deferred.fromCoroutine(self._here())

    async def _here(self) -> None:
        running = await self._daemon({"echo": {"command": daemon.fixture("modern")}})
        try:
            bridge = self._bridge("--socket", str(running.runtime / "admin.sock"), "connect")
            answer = await bridge.ask("tools/call", {"name": "echo__test_simple_text"}, modern=True)
            self.assertEqual(answer["result"]["content"][0]["text"], _TEXT)
            self.assertEqual((await bridge.stop(), bridge.noise, bridge.complaints), (0, [], b""))
        finally:
            await running.stop()

    def test_restart(self) -> Deferred[None]:
        """
        Clients of both eras survive a restart of the daemon, without a word of it.
        """
        return Deferred.fromCoroutine(self._restart())

    async def _restart(self) -> None:
        plugins: daemon.Tables = {"echo": {"command": daemon.fixture("legacy")}}
        running = await self._daemon(plugins)
        # Elsewhere: whoever knows of the daemon's folder is taken for something that it left behind.
        key = Path(self.mktemp()).resolve()
        key.touch(0o600)
        key.write_text(running.key.read_text())
        options = ("connect", "--url", running.url, "--key-file", str(key))
        legacy, modern = self._bridge(*options), self._bridge(*options)
        await legacy.shake()
        await self._call_both(legacy, modern)
        await running.stop()
        run = start(clock, daemon.command("-c", str(running.folder / "mcpd.toml")))
        try:
            await self._call_both(legacy, modern)
            self.assertEqual((await legacy.stop(), await modern.stop()), (0, 0))
        finally:
            run.signal("TERM")
            await run.ended

    async def _call_both(self, legacy: Bridge, modern: Bridge) -> None:
        for bridge in (legacy, modern):
            params = {"name": "echo__test_simple_text", "arguments": {}}
            until = clock.seconds() + _PATIENCE
            answer = await bridge.ask("tools/call", params, modern=bridge is modern)
            # The daemon is there before its plugin is.
            while "error" in answer and clock.seconds() < until:
                self.assertEqual(answer["error"]["message"], "there is no tool of this name")
                await _pause()
                answer = await bridge.ask("tools/call", params, modern=bridge is modern)
            self.assertEqual(answer["result"]["content"][0]["text"], _TEXT)
            self.assertEqual(bridge.noise, [])

    def test_signal(self) -> Deferred[None]:
        """
        A signal ends it well, and the session with it.
        """
        return Deferred.fromCoroutine(self._signal())

    async def _signal(self) -> None:
        running = await self._daemon({"echo": {"command": daemon.fixture("legacy")}})
        try:
            bridge = self._bridge("connect", "--url", running.url, "--key-file", str(running.key))
            await bridge.shake()
            self.assertEqual((await self._status(running))["sessions"], 1)
            bridge.signal("TERM")
            self.assertEqual((await bridge.ended, bridge.noise), (0, []))
            self.assertEqual((await self._status(running))["sessions"], 0)
        finally:
            await running.stop()

    # Other servers.

    def test_remote_legacy(self) -> Deferred[None]:
        """
        A remote server with version 1 of the SDK is a plugin for clients of both eras.
        """
        return Deferred.fromCoroutine(self._remote("1.30.0", LEGACY))

    def test_remote_modern(self) -> Deferred[None]:
        """
        A remote server with version 2 of the SDK is a plugin for clients of both eras, in the modern one.
        """
        return Deferred.fromCoroutine(self._remote("2.3.0", MODERN))

    async def _server(self, version: str) -> tuple[Run, str]:
        python = await environment.python(clock, "sdk", "mcp", version)
        port = daemon.free_port()
        run = start(clock, (python, str(_SERVER), str(port)))

        def end() -> Deferred[Any]:
            run.signal("KILL")
            return run.ended

        self.addCleanup(end)
        await _reachable(port)
        return run, f"http://127.0.0.1:{port}/mcp"

    async def _remote(self, version: str, spoken: str) -> None:
        _, url = await self._server(version)
        running = await self._daemon({"remote": {"command": [_MCPCTL, "connect", "--url", url]}})
        try:
            await self._call_through(running)
            (plugin,) = (await self._status(running))["plugins"]
            self.assertEqual(plugin["revision"], spoken)
            self.assertEqual([one for one in running.logged() if one["level"] in ("error", "critical")], [])
        finally:
            await running.stop()

    async def _status(self, running: daemon.Daemon) -> Any:
        words = ("--socket", str(running.runtime / "admin.sock"), "status", "-o", "json")
        return json.loads((await finish(clock, (_MCPCTL, *words), _PATIENCE)).said)

    async def _call_through(self, running: daemon.Daemon) -> None:
        key = running.key.read_text().strip()
        for is_legacy in (True, False):
            client = Client.new(clock, running.port, key)
            if is_legacy:
                await client.shake()
            answer = await client.call("remote__greet", {"name": "you"})
            self.assertEqual(answer["result"]["content"][0]["text"], "Hello, you!")
            client.close()

    def test_question(self) -> Deferred[None]:
        """
        What a remote server asks in the middle of a call reaches the client, and the answer reaches it.
        """
        return Deferred.fromCoroutine(self._question())

    async def _question(self) -> None:
        python = await environment.python(clock, "sdk", "mcp", "2.3.0")
        for version, mode in (("1.30.0", "legacy"), ("1.30.0", "auto"), ("2.3.0", "legacy")):
            _, url = await self._server(version)
            command = (python, str(CLIENTS / "asked.py"), mode, _MCPCTL, "connect", "--url", url)
            ended = await finish(clock, command, _PATIENCE)
            self.assertEqual((ended.code, ended.said), (0, "Hello, you!\n"))

    # How it connects.

    def _pong(self, listen: Callable[[Site], Any]) -> Any:
        port = listen(Site(_Pong()))
        self.addCleanup(port.stopListening)
        return port

    def test_socket(self) -> Deferred[None]:
        """
        A server at a UNIX socket is reached.
        """
        return Deferred.fromCoroutine(self._socket())

    async def _socket(self) -> None:
        # A socket's path has few bytes.
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        path = f"{folder}/socket"
        self._pong(lambda site: clock.listenUNIX(path, site))
        bridge = self._bridge("connect", "--socket", path)
        self.assertEqual((await bridge.ask("ping", {}))["result"], {})
        self.assertEqual(await bridge.stop(), 0)

    def test_tls(self) -> Deferred[None]:
        """
        A server is trusted if the authority vouches for it and its certificate names it; else it gets none.
        """
        return Deferred.fromCoroutine(self._tls())

    async def _tls(self) -> None:
        authority = root()
        good, other = (authority.issue(host, hosts=(host,)) for host in ("127.0.0.1", "far.example"))
        file = Path(self.mktemp()).resolve()
        file.write_bytes(authority.pem)
        for paper, options, said in (
            (good, ("--ca", str(file)), None),
            (good, (), "no TLS"),
            (other, ("--ca", str(file)), "names another host"),
        ):
            await self._try_tls(paper, options, said)

    async def _try_tls(self, paper: Paper, options: tuple[str, ...], said: str | None) -> None:
        context = PrivateCertificate.loadPEM(paper.pem + key_pem(paper.key)).options()
        port = self._pong(lambda site: clock.listenSSL(0, site, context, interface="127.0.0.1"))
        url = f"https://127.0.0.1:{port.getHost().port}/mcp"
        bridge = self._bridge("connect", "--url", url, *options)
        answer = await bridge.ask("ping", {})
        if said is None:
            self.assertEqual(answer["result"], {})
        else:
            self.assertIn(said, answer["error"]["message"])
        self.assertEqual(await bridge.stop(), 0)

    def test_nobody(self) -> Deferred[None]:
        """
        Where nobody listens a request gets an error in the end, and the client's end ends it before.
        """
        return Deferred.fromCoroutine(self._nobody())

    async def _nobody(self) -> None:
        bridge = self._bridge("connect", "--url", f"http://127.0.0.1:{daemon.free_port()}/mcp")
        asked = Deferred.fromCoroutine(bridge.ask("ping", {}))
        await _pause()
        self.assertEqual(await bridge.stop(), 0)
        self.assertEqual((await asked)["error"]["code"], -31103)


def _hostile(era: str) -> tuple[str, ...]:
    # Because it has the tool then that says that a resource changed.
    env, *command = daemon.fixture(era)
    return env, "MCPD_FIXTURE=hostile", *command
