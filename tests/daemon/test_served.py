# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.daemon.served`.
"""

from __future__ import annotations

import json

from attrs import evolve

from mcpd.access.authority import UnsafeFolder
from mcpd.daemon.served import shown
from mcpd.testing.client import Modern
from mcpd.testing.daemon import MemoryDaemon
from mcpd.testing.worker import modern, tools
from mcpd.web.pem import UnusableTls
from mcpd.web.spec import Listen, Served, Tls
from tests.daemon.secure import TLS, identity
from tests.daemon.stage import PLUGIN, DaemonCase

SECOND = "tcp:8421:interface=127.0.0.1"


class ServedTests(DaemonCase):
    """
    Tests for what is served at a listener.
    """

    def statuses(self, client: Modern) -> dict[str, int]:
        """
        Ask for everything that there may be.
        """
        asked = {"mcp": client.ask("tools/list"), "ws": client.upgrade()}
        for path, method in (("/ws/ticket", b"POST"), ("/healthz", b"GET"), ("/readyz", b"GET")):
            asked[path] = evolve(client, path=path.encode()).send(method)
        return {name: one.status for name, one in asked.items()}

    def test_serve(self) -> None:
        """
        A listener serves what it is configured to serve, and nothing else.
        """
        served: tuple[tuple[tuple[Served, ...], set[str]], ...] = (
            (("mcp",), {"mcp"}),
            (("websocket",), {"ws", "/ws/ticket"}),
            (("health",), {"/healthz", "/readyz"}),
            (("mcp", "websocket", "health"), {"mcp", "ws", "/ws/ticket", "/healthz", "/readyz"}),
        )
        for serve, names in served:
            memory = self.started(self.settings(serve=serve))
            statuses = self.statuses(memory.modern())
            self.assertEqual({name for name, status in statuses.items() if status != 404}, names)
            self.assertEqual({statuses[name] for name in names}, {101, 200} if "ws" in names else {200})
            self.stopped(memory)

    def test_credentials(self) -> None:
        """
        Where credentials are needed only the daemon's health is told without them.
        """
        memory = self.started(self.settings(auth="required"))
        refused = {"mcp": 401, "ws": 401, "/ws/ticket": 401, "/healthz": 200, "/readyz": 200}
        self.assertEqual(self.statuses(memory.modern(fields=())), refused)
        self.assertEqual(set(self.statuses(memory.modern()).values()), {101, 200})

    def test_plugin(self) -> None:
        """
        Each plugin is served alone beneath, at both doors; what is no plugin is not there.
        """
        memory = self.started(self.settings(PLUGIN), p=modern(tools("x")))
        for path, statuses in ((b"/mcp/p", (200, 101)), (b"/mcp/q", (404, 404))):
            client = memory.modern(path=path)
            self.assertEqual((client.ask("tools/list").status, client.upgrade().status), statuses)

    def test_own_tickets(self) -> None:
        """
        A ticket of one listener opens no other.
        """
        first = self.settings(auth="required").listen[0]
        configured = evolve(self.settings(), listen=(first, Listen(SECOND)))
        memory = self.started(configured)
        url = json.loads(memory.modern(path=b"/ws/ticket").send(b"POST").body)["url"]
        query = b"?" + url.partition("?")[2].encode()
        factories = [port.factory for port in memory.reactor.ports.values()][:2]
        statuses = [
            memory.modern(doors=doors, fields=()).upgrade(query=query).status for doors in factories[::-1]
        ]
        self.assertEqual(statuses, [401, 101])


class ShownTests(DaemonCase):
    """
    Tests for what listeners show of themselves.
    """

    def test_none(self) -> None:
        """
        Listeners without TLS show nothing.
        """
        memory = MemoryDaemon(self.settings())
        self.assertEqual(shown(memory.loaded(), memory.world), {})

    def test_own(self) -> None:
        """
        Those with it show what was loaded with the configuration.
        """
        other, ours, theirs = Tls("d", "file:/k"), identity(), identity()
        listen = (Listen("a", tls=TLS), Listen("b"), Listen("c", tls=other))
        memory = MemoryDaemon(evolve(self.settings(), listen=listen), identities=(ours, None, theirs))
        self.assertEqual(shown(memory.loaded(), memory.world), {TLS: ours, other: theirs})

    def test_local(self) -> None:
        """
        A local authority is made once; it vouches for the listeners with TLS, and for no others.
        """
        folder = self.folder.absolute()
        folder.mkdir()
        tls = Tls(str(folder / "tls" / "certificate.pem"), f"file:{folder / 'tls' / 'key.pem'}")
        listen = (Listen("a"), Listen("b", tls=tls))
        memory = MemoryDaemon(evolve(self.settings(), listen=listen), local_authority=folder / "tls")
        found = [shown(memory.loaded(), memory.world) for _ in range(2)]
        self.assertEqual(found[0], found[1])
        self.assertEqual([(key, one.names[0]) for key, one in found[0].items()], [(tls, "localhost")])
        (folder / "tls").chmod(0o750)
        self.assertRaises(UnsafeFolder, shown, memory.loaded(), memory.world)
        (folder / "tls").chmod(0o700)
        memory.settings = evolve(memory.settings, listen=(Listen("a", tls=evolve(tls, certificate="/no")),))
        self.assertRaises(UnusableTls, shown, memory.loaded(), memory.world)
