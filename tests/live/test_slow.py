# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Two hundred slow or hostile clients of each kind at once, and what they cost everybody else.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import daemon, rude
from tests.live.client import modern
from tests.live.pki import Authority
from tests.live.scene import plugin
from tests.live.slow import Kind, withstand
from tests.web.framed import CONTINUATION, frame

_MIB = 1 << 20
# The promise is four times as long as alone, on a machine that has nothing else
# to do.  Where it has, this is never too long for anybody.
_FACTOR, _FINE = 4.0, 0.5
# The same for those who want too much: as long as they get it, everybody gets less.
_FLOODED = 1.0
# By how much the daemon may be larger after a second crowd than it was after the first.
_KEPT = 16 * _MIB
# A deadline, and how late it may be seen: the daemon looks twice a second.
_DEADLINE, _LATE = 2.0, 8.0

_LIMITS: dict[str, object] = {
    "header_timeout": "2s",
    "body_timeout": "2s",
    "message_timeout": "2s",
    "stall": "2s",
    "inflight_per_principal": 512,
    "inflight": 1024,
}
_PLUGINS: dict[str, dict[str, object]] = {
    "echo": {"command": daemon.fixture("modern"), "env": {"MCPD_FIXTURE": "hostile"}, "workers": {"max": 1}},
    # One worker: that more of them are started is no descriptor that was lost.
    "unruly": plugin("modern", workers={"max": 1}),
}
_REQUESTS = 50
_LARGE = 256 << 10

clock: Any = reactor


class SlowTests(TestCase):
    """
    A crowd of a kind each, which is thrown out while another client is served.
    """

    timeout = 180

    def _check(
        self, name: str, kind: Kind, *, secure: bool = False, fine: float = _FINE, **more: dict[str, object]
    ) -> Deferred[None]:
        return Deferred.fromCoroutine(self._withstand(name, kind, secure, fine, more))

    async def _withstand(
        self, name: str, kind: Kind, secure: bool, fine: float, more: dict[str, dict[str, object]]
    ) -> None:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        authority = Authority.make(folder) if secure else None
        if authority is not None:
            more = {**more, "listen": {"tls": authority.issue("server", ("127.0.0.1",)).tls}}
        file = authority.file if authority else None
        tables = {"limits": {**_LIMITS, **more.pop("limits", {})}, **more}
        running = await daemon.begin(clock, folder, "required", _PLUGINS, tables, authority=file)
        self.addCleanup(running.kill)
        figures = await withstand(clock, running, "echo__echo", kind, file)
        print(f"\n{figures.line(name)}")  # noqa: T201  what was measured
        bad = [line for line in running.logged() if line["level"] in ("error", "critical")]
        self.assertEqual(bad, [])
        self.assertGreaterEqual(min(figures.ends), kind.least)
        self.assertLess(max(figures.ends), kind.most)
        self.assertLess(figures.kept, _KEPT)
        self.assertLess(figures.busy["p99"], max(_FACTOR * figures.quiet["p99"], fine))
        await running.stop()

    def test_handshake(self) -> Deferred[None]:
        """
        Who stops in the middle of a TLS handshake is gone after header_timeout.
        """
        kind = Kind(rude.half_handshake, least=_DEADLINE - 0.5, most=_LATE)
        return self._check("half a TLS handshake", kind, secure=True)

    def test_head(self) -> Deferred[None]:
        """
        Who sends a header line a second is refused after header_timeout.
        """
        kind = Kind(
            rude.half_head,
            drip=b"X-A: x\r\n",
            ends=re.compile(rb"^HTTP/1\.1 408 "),
            least=_DEADLINE - 0.5,
            most=_LATE,
        )
        return self._check("one header line a second", kind)

    def test_body(self) -> Deferred[None]:
        """
        Who sends a byte of a body a second is refused after body_timeout.
        """
        kind = Kind(
            rude.half_body,
            drip=b" ",
            ends=re.compile(rb"^HTTP/1\.1 408 "),
            least=_DEADLINE - 0.5,
            most=_LATE,
        )
        return self._check("one byte of a body a second", kind)

    def test_deaf(self) -> Deferred[None]:
        """
        Who asks for much and takes nothing is dropped after stall, and what waited is forgotten.
        """
        params = {"name": "unruly__large", "arguments": {"size": _LARGE}}

        def first(host: str, key: str) -> bytes:
            return rude.ask(host, key, "tools/call", params)

        # They are served one after another, and only then take nothing.
        return self._check("never reading", Kind(first, deaf=True, least=_DEADLINE - 0.5))

    def test_pipelined(self) -> Deferred[None]:
        """
        Who sends all requests of a connection at once has them answered in turn with the others.
        """

        def first(host: str, key: str) -> bytes:
            return 2 * _REQUESTS * rude.ask(host, key, "server/discover", {})

        kind = Kind(first, ends=re.compile(rb"\r\nConnection: close\r\n"))
        return self._check("pipelined requests", kind, fine=_FLOODED, limits={"requests": _REQUESTS})

    def test_half_upgrade(self) -> Deferred[None]:
        """
        Who never ends its WebSocket handshake is refused after header_timeout.
        """
        kind = Kind(
            rude.half_upgrade, ends=re.compile(rb"^HTTP/1\.1 408 "), least=_DEADLINE - 0.5, most=_LATE
        )
        return self._check("half a WebSocket handshake", kind)

    def test_messages(self) -> Deferred[None]:
        """
        Who sends more messages than rate.messages is told so, and then closed.
        """
        message = frame(json.dumps(modern(1, "server/discover", {})).encode())

        def first(host: str, key: str) -> bytes:
            return rude.upgrade(host, key) + 1000 * message

        kind = Kind(first, ends=rude.closed(1008))
        return self._check("a flood of messages", kind, fine=_FLOODED, rate={"messages": "10/s, 20"})

    def test_fragments(self) -> Deferred[None]:
        """
        Who never ends a message is closed after message_timeout, however it goes on.
        """

        def first(host: str, key: str) -> bytes:
            return rude.upgrade(host, key) + frame(b"{", fin=False)

        kind = Kind(
            first,
            drip=frame(b" ", CONTINUATION, fin=False),
            pace=0.2,
            ends=rude.closed(1008),
            least=_DEADLINE - 0.5,
            most=_LATE,
        )
        return self._check("endless fragments", kind)

    def test_many_fragments(self) -> Deferred[None]:
        """
        Who cuts a message into more than limits.fragments is closed at once.
        """

        def first(host: str, key: str) -> bytes:
            rest = frame(b" ", CONTINUATION, fin=False)
            return rude.upgrade(host, key) + frame(b"{", fin=False) + 1100 * rest

        return self._check("a thousand fragments", Kind(first, ends=rude.closed(1008)), fine=_FLOODED)

    def test_pongs(self) -> Deferred[None]:
        """
        Who does not answer pings is dropped after websocket.ping and websocket.pong.
        """
        kind = Kind(rude.upgrade, least=1.5, most=_LATE)
        return self._check("no pongs", kind, websocket={"ping": "1s", "pong": "1s"})

    def test_deaf_socket(self) -> Deferred[None]:
        """
        Who asks for much over WebSocket and takes nothing is dropped after stall.
        """
        call = modern(1, "tools/call", {"name": "unruly__large", "arguments": {"size": _LARGE}})

        def first(host: str, key: str) -> bytes:
            return rude.upgrade(host, key) + frame(json.dumps(call).encode())

        return self._check("never reading a WebSocket", Kind(first, deaf=True, least=_DEADLINE - 0.5))
