# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What a call costs in Python alone: ``python -m tests.bench.inside [--profile]``.

Everything runs in one process without a socket, a pipe or a kernel: the bytes
of a request go into a connection, and the worker's answer into its peer.  The
least of several rounds is what to compare, side by side with another version's
on the same machine at the same time.
"""

from __future__ import annotations

import cProfile
import os
import pstats
import sys
import time
from typing import Any

from msgspec import Raw
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred, fail
from twisted.internet.task import Clock

from mcpd.access.credentials import KeyCredentials, SocketCredentials
from mcpd.access.tickets import Tickets
from mcpd.events import Publisher
from mcpd.policy.apikeys import ENTROPY, ApiKey, make
from mcpd.policy.seal import KEY, Seal
from mcpd.relay.catalog import Catalog
from mcpd.relay.router import Router
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.relay.stock import Stock
from mcpd.web.doors import Doors
from mcpd.web.frames import xor
from mcpd.web.ledger import Ledger
from mcpd.web.mcp import Mcp
from mcpd.web.shield import Shield
from mcpd.web.site import Resource, Site
from mcpd.web.socket import Sockets
from mcpd.web.spec import Limits, Rates, SocketSettings
from mcpd.web.websocket import WebSockets
from mcpd.wire.call import Call, Listener
from mcpd.wire.fault import Fault, Kind
from mcpd.wire.message import Answer, Refusal
from mcpd.wire.offer import Offer, Sort, Tool, read
from mcpd.wire.revision import NEWEST_LEGACY
from mcpd.workers.peer import Patience, Peer

_TEXT = b"x" * 200
_PATIENCE = Patience(60, 600)
_ANSWER = b',"result":{"content":[{"type":"text","text":"%b"}],"isError":false}}' % _TEXT
_META = (
    b',"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28",'
    b'"io.modelcontextprotocol/clientCapabilities":{},'
    b'"io.modelcontextprotocol/clientInfo":{"name":"bench","version":"1"}}'
)


class _Time(Clock):
    def seconds(self) -> float:
        return time.time()


class _Ring:
    def __init__(self, key: str) -> None:
        self._key = ApiKey.of("bench", key)

    def find(self, id: str) -> ApiKey | None:
        return self._key if id == self._key.id else None


class _Socket:
    """
    A plain transport that takes everything at once.
    """

    dataBuffer = b""
    offset = 0
    _tempDataBuffer = ()
    _tempDataLen = 0
    last = b""

    def __init__(self, protocol: Any) -> None:
        # What is connected to it, which may be another one later.
        self.protocol = protocol

    def writeSomeData(self, data: bytes) -> int:
        self.last = data
        return len(data)


class _Bench:
    """
    One connection, one worker, and the house between them.
    """

    def __init__(self) -> None:
        clock = _Time()
        limits = Limits(requests=1 << 60)
        seal = Seal((os.urandom(KEY),), os.urandom)
        listed = CatalogLimits()
        router = Router.new(clock, os.urandom, Publisher(), limits, SessionLimits(), listed, seal)
        self._said: list[bytes] = []
        self._peer = Peer(clock, self._take, lambda line, why: None, lambda: False)
        tool = read(Sort.TOOLS, Raw(b'{"name":"echo","inputSchema":{"type":"object"}}')).item
        assert isinstance(tool, Tool)
        offer = Offer(NEWEST_LEGACY, (tool,))
        stock = Stock("bench", "", ("*",), (), offer, self)
        router.fill({b"/mcp": Catalog.of([stock], listed, lambda event: None)})
        self._key = make(os.urandom(ENTROPY))
        shield = Shield.new((), ())
        shield.stand("127.0.0.1")
        judge = KeyCredentials(_Ring(self._key))
        resources: dict[bytes, Resource] = {b"/mcp": Mcp(router, judge)}
        doors = Doors(clock, Site(shield, resources), limits, Ledger(limits), os.urandom)
        porch = doors.porch
        opening = SocketCredentials(judge, Tickets(clock, os.urandom, 1))
        websockets = WebSockets(porch, SocketSettings(), Rates(None))
        resources[b"/ws"] = Sockets(router, opening, websockets, lambda: porch.mint.mint(clock.seconds()))
        self._doors = doors
        self.connect()

    def connect(self) -> None:
        """
        Begin anew, with another connection.
        """
        connection = self._doors.buildProtocol(IPv4Address("TCP", "127.0.0.1", 1))
        self.socket = _Socket(connection)
        transport: Any = self.socket
        connection.makeConnection(transport)

    def _take(self, line: bytes) -> int:
        self._said.append(line)
        return 0

    def ask(self, call: Call, listener: Listener) -> Deferred[Answer | Refusal]:
        return self._peer.ask(call, listener, _PATIENCE)

    def watch(self, uri: str) -> Deferred[Answer | Refusal]:
        return fail(Fault(Kind.UNKNOWN_METHOD, "nobody asks"))

    def unwatch(self, uri: str) -> None:
        pass

    def post(self, body: bytes, fields: bytes = b"") -> bytes:
        """
        Make a request.
        """
        return (
            b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:8420\r\nContent-Type: application/json\r\n"
            b"Accept: application/json, text/event-stream\r\nAuthorization: Bearer %b\r\n"
            b"%bContent-Length: %d\r\n\r\n%b" % (self._key.encode(), fields, len(body), body)
        )

    def call(self, meta: bytes = b"") -> bytes:
        """
        Make the body of a call.
        """
        return (
            b'{"jsonrpc":"2.0","id":17,"method":"tools/call","params":'
            b'{"name":"echo","arguments":{"text":"%b"}%b}}' % (_TEXT, meta)
        )

    def hello(self) -> bytes:
        """
        Make the message that opens a session.
        """
        return (
            b'{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25",'
            b'"capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}'
        )

    def legacy(self) -> bytes:
        """
        Open a session, and make a request in it.
        """
        self.socket.protocol.dataReceived(self.post(self.hello()))
        session = next(line for line in self.socket.last.split(b"\r\n") if line.startswith(b"Mcp-Session-Id"))
        return self.post(self.call(), session + b"\r\nMCP-Protocol-Version: 2025-11-25\r\n")

    def modern(self) -> bytes:
        """
        Make a request of the modern era.
        """
        fields = b"MCP-Protocol-Version: 2026-07-28\r\nMcp-Method: tools/call\r\nMcp-Name: echo\r\n"
        return self.post(self.call(_META), fields)

    def open(self) -> None:
        """
        Make a WebSocket of a new connection.
        """
        self.connect()
        self.socket.protocol.dataReceived(
            b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8420\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n"
            b"Authorization: Bearer %b\r\n\r\n" % self._key.encode()
        )

    def legacy_frame(self) -> bytes:
        """
        Open a WebSocket and a session on it, and make a call's frame.
        """
        self.open()
        hello = self.hello()
        self.socket.protocol.dataReceived(frame(hello))
        return frame(self.call())

    def modern_frame(self) -> bytes:
        """
        Open a WebSocket, and make the frame of a call of the modern era.
        """
        self.open()
        return frame(self.call(_META))

    def exchange(self, request: bytes) -> None:
        """
        Put a request in, and the worker's answer.
        """
        self.socket.protocol.dataReceived(request)
        line = self._said.pop()
        end = line.index(b",", 20)
        self._peer.heard((line[:end] + _ANSWER,))


def frame(message: bytes) -> bytes:
    """
    Make a client's frame, masked.
    """
    mask = b"\x12\x34\x56\x78"
    return b"\x81\xfe%b%b%b" % (len(message).to_bytes(2, "big"), mask, xor(message, mask))


def _measure(bench: _Bench, request: bytes, count: int = 5000, rounds: int = 9) -> float:
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for _ in range(count):
            bench.exchange(request)
        best = min(best, (time.process_time() - start) / count)
    return best * 1e6


def main(arguments: list[str]) -> None:
    """
    Measure both eras and print microseconds a call.
    """
    bench = _Bench()
    for era, make_one in (
        ("legacy", bench.legacy),
        ("modern", bench.modern),
        ("legacy by WebSocket", bench.legacy_frame),
        ("modern by WebSocket", bench.modern_frame),
    ):
        request = make_one()
        bench.exchange(request)
        if b'"isError":false' not in bench.socket.last:
            raise SystemExit(f"{era}: {bench.socket.last!r}")
        if "--profile" in arguments:
            profile = cProfile.Profile()
            profile.runcall(_measure, bench, request, 5000, 2)
            pstats.Stats(profile).sort_stats("tottime").print_stats(40)
        else:
            print(f"{era}: {_measure(bench, request):.1f} us a call")


if __name__ == "__main__":
    main(sys.argv[1:])
