# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
The doors of a whole daemon: WebSockets of both eras, and listeners that are configured otherwise.
"""

from __future__ import annotations

import json
from typing import Any

from attrs import evolve

from mcpd.events import CertificateEnds, ChangeWaits, ConfigurationRefused, ConfigurationReloaded
from mcpd.testing.client import Client, Fields, Legacy
from mcpd.testing.daemon import ADDRESS, MemoryDaemon
from mcpd.testing.socket import OPENING, Socketed
from mcpd.testing.worker import modern, tools
from mcpd.trouble import Trouble, Troubled
from mcpd.units import Rate
from mcpd.web.spec import Limits, Rates, Tls
from mcpd.wire.message import Notice
from tests.daemon.secure import TLS, Visitor, identity
from tests.daemon.stage import PLUGIN, SILENT, WAITING, DaemonCase, answer
from tests.web.pki import NOW

CALL = {"name": "p__wait", "arguments": {"a": 1}}
DAY = 86400.0
LIMITS = Limits()
PAGE = ((b"Origin", b"https://app.example.org"),)


class DoorsCase(DaemonCase):
    """
    A daemon with a plugin, and WebSockets.
    """

    def serving(self, **listen: Any) -> MemoryDaemon:
        """
        Start a daemon whose plugin says what it was given.
        """
        return self.started(self.settings(PLUGIN, **listen), p=modern(tools("wait")))

    def clients(self, memory: MemoryDaemon) -> tuple[Client, Client]:
        """
        Make a client of each era.
        """
        return memory.modern(), memory.legacy()

    def opened(self, client: Client, **about: Any) -> Socketed:
        """
        Open a WebSocket; a legacy client shakes hands over it.
        """
        socketed = client.upgrade(**about)
        self.assertEqual(socketed.status, 101)
        if isinstance(client, Legacy):
            socketed.shake()
            self.assertIn("capabilities", socketed.answer(0)["result"])
        return socketed

    def works(self, memory: MemoryDaemon, socketed: Socketed, id: str = "again") -> bool:
        """
        Say whether a call is answered.
        """
        socketed.ask("tools/call", CALL, id)
        memory.reactor.advance(0)
        answered = socketed.answer(id)
        return answered is not None and answered["result"]["content"] == [
            {"type": "text", "text": '{"a": 1}'}
        ]

    def listening(self, memory: MemoryDaemon, **keys: Any) -> None:
        """
        Configure the listener otherwise, and reload.
        """
        events = self.reload(memory, PLUGIN, listen=(evolve(memory.settings.listen[0], **keys),))
        self.assertEqual(events, [ConfigurationReloaded(*["nothing"] * 3)])


class WebSocketTests(DoorsCase):
    """
    Tests for WebSockets, from the client to the plugin and back.
    """

    def test_call(self) -> None:
        """
        A client of either era calls a plugin's tool over WebSocket, at all plugins' door or the plugin's own.
        """
        memory = self.serving(auth="required")
        for path in (b"/mcp", b"/mcp/p"):
            for client in (memory.modern(path=path), memory.legacy(path=path)):
                socketed = self.opened(client)
                self.assertEqual(socketed.fields["sec-websocket-protocol"], "mcp")
                name = "p__wait" if path == b"/mcp" else socketed_name(socketed)
                socketed.ask("tools/call", CALL | {"name": name}, 7)
                memory.reactor.advance(0)
                content = socketed.answer(7)["result"]["content"]
                self.assertEqual(content, [{"type": "text", "text": '{"a": 1}'}])
                socketed.close()
                memory.reactor.advance(0)
                self.assertEqual((socketed.code, socketed.is_connected), (1000, False))
        self.assertEqual(memory.daemon.status().sessions, 0)

    def test_hang_up(self) -> None:
        """
        A client that hangs up cancels what it waits for, in either era.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        for client in self.clients(memory):
            socketed = self.opened(client)
            socketed.ask("tools/call", CALL, 7)
            memory.reactor.advance(0)
            self.assertEqual(memory.daemon.status().exchanges, 1)
            socketed.hang_up()
            memory.reactor.advance(0)
            self.assertEqual(memory.daemon.status().exchanges, 0)
            last = memory.plugins["p"].workers[0].said[-1]
            assert isinstance(last, Notice)
            self.assertEqual(last.method, "notifications/cancelled")

    def test_drain(self) -> None:
        """
        A daemon that stops answers the calls that run, refuses others, and closes as going away.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        # A worker has one legacy client at a time.
        busy, idle = self.opened(memory.modern()), self.opened(memory.modern())
        busy.ask("tools/call", CALL, 7)
        stopped = memory.stop()
        memory.reactor.advance(1)
        self.assertEqual((busy.code, idle.code), (None, 1001))
        busy.ask("tools/list", id=8)
        self.assertEqual(busy.answer(8)["error"]["message"], "the server is stopping")
        answer(memory.plugins["p"].workers[0])
        memory.reactor.advance(0)
        self.assertEqual(busy.answer(7)["result"]["content"], [])
        self.assertEqual((busy.code, busy.why), (1001, "the server is stopping"))
        for socketed in (busy, idle):
            socketed.close(1001)
        memory.reactor.advance(1)
        self.successResultOf(stopped)
        self.assertEqual((busy.is_connected, idle.is_connected), (False, False))
        self.assertEqual(memory.reactor.getDelayedCalls(), [])

    def test_drain_legacy(self) -> None:
        """
        So it does with a client that shook hands.
        """
        memory = self.started(self.settings(PLUGIN), p=SILENT)
        socketed = self.opened(memory.legacy())
        socketed.ask("tools/call", CALL, 7)
        stopped = memory.stop()
        memory.reactor.advance(1)
        self.assertIs(socketed.code, None)
        answer(memory.plugins["p"].workers[0])
        self.assertEqual(socketed.answer(7)["result"]["content"], [])
        memory.reactor.advance(2)
        self.assertEqual((socketed.code, socketed.is_connected), (1001, False))
        self.successResultOf(stopped)

    def test_refused(self) -> None:
        """
        An opening that is refused has a plain answer, which no page of others can read and no cache keeps.
        """
        memory = self.serving(auth="required")
        client = memory.modern()
        for status, asking, fields in (
            (401, memory.modern(fields=()), OPENING),
            (403, client, (*OPENING, *PAGE)),
            (421, memory.modern(host=b"evil.example"), OPENING),
            (426, client, ()),
            (426, client, tuple(pair for pair in OPENING if pair[1] != b"13")),
            (400, client, tuple(pair for pair in OPENING if pair[0] != b"Sec-WebSocket-Key")),
            (404, memory.modern(path=b"/mcp/none"), OPENING),
        ):
            refused = asking.upgrade(fields)
            self.assertEqual((refused.status, refused.is_over), (status, True))
            self.assertTrue(refused.error["message"])
            self.assertEqual(refused.fields["x-content-type-options"], "nosniff")
            self.assertEqual(refused.fields["cross-origin-resource-policy"], "same-origin")
            self.assertEqual(refused.fields["cache-control"], "no-store")
            self.assertNotIn("access-control-allow-origin", refused.fields)

    def test_ticket(self) -> None:
        """
        A ticket opens one WebSocket, once, for who can send nothing but its address.
        """
        memory = self.serving(auth="required")
        given = json.loads(memory.modern(path=b"/ws/ticket").send(b"POST").body)
        self.assertTrue(given["url"].startswith("ws://127.0.0.1:8420/ws?ticket="))
        query, stranger = (
            given["url"].removeprefix("ws://127.0.0.1:8420/ws").encode(),
            memory.modern(fields=()),
        )
        self.assertTrue(self.works(memory, self.opened(stranger, query=query)))
        self.assertEqual(stranger.upgrade(query=query).status, 401)

    def test_revoke(self) -> None:
        """
        A key that is revoked closes its owner's WebSockets and voids its tickets, and nobody else's.
        """
        memory = self.serving(auth="required")
        key = self.successResultOf(self.ask(memory, "key create", name="alice"))["key"]
        fields: Fields = ((b"Authorization", f"Bearer {key}".encode()),)
        theirs = [
            self.opened(client) for client in (memory.modern(fields=fields), memory.legacy(fields=fields))
        ]
        other = self.opened(memory.modern())
        url = json.loads(memory.modern(fields=fields, path=b"/ws/ticket").send(b"POST").body)["url"]
        self.successResultOf(self.ask(memory, "key revoke", name="alice"))
        memory.reactor.advance(2)
        said = "these credentials are not accepted any more"
        self.assertEqual([(one.code, one.why, one.is_connected) for one in theirs], [(4401, said, False)] * 2)
        query = b"?" + url.partition("?")[2].encode()
        self.assertEqual(memory.modern(fields=()).upgrade(query=query).status, 401)
        self.assertTrue(self.works(memory, other))


def socketed_name(socketed: Socketed) -> str:
    """
    Tell the name of the only tool.
    """
    socketed.ask("tools/list", id="list")
    ((tool),) = socketed.answer("list")["result"]["tools"]
    return str(tool["name"])


class ReloadTests(DoorsCase):
    """
    Tests for a listener that is configured otherwise while clients are connected.
    """

    def test_stay(self) -> None:
        """
        Whatever is configured otherwise, WebSockets that stand go on with what runs on them.
        """
        memory = self.started(self.settings(PLUGIN), p=WAITING)
        socketed = self.opened(memory.modern())
        socketed.ask("tools/call", CALL, 7)
        self.listening(memory, hosts=("a.example",), origins=("https://a.example",), serve=("mcp",))
        self.assertEqual(memory.modern().upgrade().status, 404)
        answer(memory.plugins["p"].workers[0])
        self.assertEqual(socketed.answer(7)["result"]["content"], [])
        self.assertTrue(socketed.is_open)

    def test_origins(self) -> None:
        """
        Pages of another origin open WebSockets as long as that is allowed.
        """
        memory = self.serving()
        statuses = [memory.modern().upgrade((*OPENING, *PAGE)).status]
        for origins in (("https://app.example.org",), ()):
            self.listening(memory, origins=origins)
            statuses.append(memory.modern().upgrade((*OPENING, *PAGE)).status)
        self.assertEqual(statuses, [403, 101, 403])

    def test_rates(self) -> None:
        """
        Another rate holds for the WebSockets that come.
        """
        memory = self.serving()
        old = self.opened(memory.modern())
        self.reload(memory, PLUGIN, rate=Rates(Rate(1, 1)))
        new = self.opened(memory.modern())
        for socketed, answered in ((old, [True, True]), (new, [True, False])):
            for id in (1, 2):
                socketed.ask("tools/list", id=id)
            self.assertEqual(["result" in socketed.answer(id) for id in (1, 2)], answered)

    def test_auth(self) -> None:
        """
        Whether credentials are needed is decided at the start; a reload says that it waits.
        """
        memory = self.serving()
        socketed = self.opened(memory.modern())
        events = self.reload(memory, PLUGIN, listen=(evolve(memory.settings.listen[0], auth="required"),))
        self.assertEqual(events[1:], [ChangeWaits("listen[0].auth")])
        self.assertTrue(self.works(memory, socketed))
        self.assertEqual(memory.modern(fields=()).ask("tools/list").status, 200)

    def test_tls(self) -> None:
        """
        Another certificate is shown from the next connection on; those that stand go on.
        """
        old, new = identity(), identity(("localhost", "new.example.org"))
        memory = self.running(MemoryDaemon(self.settings(tls=TLS), identities=(old,)))
        factory = memory.reactor.ports[ADDRESS].factory
        before = Visitor.connect(factory, memory.reactor)
        memory.identities = (new,)
        self.reload(memory)
        after = Visitor.connect(factory, memory.reactor)
        serials = [one.chain[0].serial_number for one in (old, new)]
        self.assertEqual([before.shown, after.shown], serials)
        statuses = [one.status(host=b"new.example.org") for one in (before, after)]
        self.assertEqual(statuses, [200, 200])

    def test_tls_elsewhere(self) -> None:
        """
        So it is if the certificate is in another file by now.
        """
        old, new, elsewhere = identity(), identity(), Tls("d", "file:/l")
        memory = self.running(MemoryDaemon(self.settings(tls=TLS), identities=(old,)))
        memory.identities = (new,)
        self.reload(memory, listen=(evolve(memory.settings.listen[0], tls=elsewhere),))
        visitor = Visitor.connect(memory.reactor.ports[ADDRESS].factory, memory.reactor)
        self.assertEqual(visitor.shown, new.chain[0].serial_number)

    def test_tls_waits(self) -> None:
        """
        Whether there is TLS at all only a new start can change; till then the same certificate is shown.
        """
        shown = identity()
        memory = self.running(MemoryDaemon(self.settings(tls=TLS), identities=(shown,)))
        memory.identities = ()
        self.reload(memory, listen=(evolve(memory.settings.listen[0], tls=None),))
        visitor = Visitor.connect(memory.reactor.ports[ADDRESS].factory, memory.reactor)
        self.assertEqual((visitor.shown, visitor.status()), (shown.chain[0].serial_number, 200))


class CertificateTests(DaemonCase):
    """
    Tests for certificates that end, and for those of the local authority.
    """

    def ended(self, memory: MemoryDaemon) -> list[int]:
        """
        Take the days that were told of certificates.
        """
        told = [event.days for event in memory.events if isinstance(event, CertificateEnds)]
        memory.events[:] = []
        return told

    def test_ends(self) -> None:
        """
        A certificate that ends soon is told at the start, at reloads and once a day, until it is replaced.
        """
        memory = MemoryDaemon(self.settings(tls=TLS), identities=(identity(ends=20.5 * DAY),))
        self.running(memory)
        self.assertEqual(self.ended(memory), [20])
        self.reload(memory)
        self.assertEqual(self.ended(memory), [20])
        memory.reactor.advance(DAY - 60)
        self.assertEqual(self.ended(memory), [])
        for days in (19, 18):
            memory.reactor.advance(60)
            self.assertEqual(self.ended(memory), [days])
            memory.reactor.advance(DAY - 60)
            self.assertEqual(self.ended(memory), [])
        memory.identities = (identity(ends=90 * DAY),)
        self.reload(memory)
        memory.reactor.advance(DAY)
        self.assertEqual(self.ended(memory), [])

    def local(self) -> MemoryDaemon:
        """
        Make a daemon with a local authority.
        """
        tls = self.folder.absolute() / "tls"
        shown = Tls(str(tls / "certificate.pem"), f"file:{tls / 'key.pem'}")
        return MemoryDaemon(self.settings(tls=shown), local_authority=tls)

    def refused(self, memory: MemoryDaemon) -> str:
        """
        Start in vain; what is said.
        """
        code = self.assertRaises(SystemExit, memory.daemon.privilegedStartService).code
        memory.reactor.advance(0)
        self.assertEqual(memory.reactor.ports, {})
        self.successResultOf(memory.stop())
        return str(code)

    def test_local(self) -> None:
        """
        The local authority is made in the state folder, and who has to trust it is told where it is.
        """
        memory = self.local()
        memory.reactor.advance(NOW)
        self.running(memory)
        self.assertEqual(memory.daemon.addresses, ["https://127.0.0.1:8420"])
        authority = memory.daemon.local_authority
        assert authority is not None
        self.assertEqual(authority, self.folder.absolute() / "tls" / "ca.pem")
        visitor = Visitor.connect(
            memory.reactor.ports[ADDRESS].factory, memory.reactor, authority.read_text()
        )
        self.assertEqual(visitor.status(), 200)
        self.assertIs(MemoryDaemon(self.settings()).daemon.local_authority, None)

    def test_bad_folder(self) -> None:
        """
        An authority that others could change ends the start with a sentence that says what to do.
        """
        (self.folder / "tls").mkdir(parents=True, mode=0o755)
        self.folder.chmod(0o700)
        said = self.refused(self.local())
        for words in ("mcpd: MCPD-E-STATE: ", str(self.folder / "tls"), "chmod 700"):
            self.assertIn(words, said)

    def test_bad_pair(self) -> None:
        """
        So does a certificate that can't be used.
        """
        tls = self.folder.absolute() / "tls"
        configured = self.settings(tls=Tls("/nowhere/c.pem", f"file:{tls}/key.pem"))
        said = self.refused(MemoryDaemon(configured, local_authority=tls))
        for words in ("mcpd: MCPD-E-", "certificate", "/nowhere/c.pem"):
            self.assertIn(words, said)

    def test_reload(self) -> None:
        """
        An authority that can't be used at a reload is told, and all stays as it was until it can.
        """
        memory = self.local()
        memory.reactor.advance(NOW)
        self.running(memory)
        tls = self.folder.absolute() / "tls"
        tls.chmod(0o755)
        memory.settings = evolve(memory.settings, limits=evolve(LIMITS, inflight=7))
        reason = self.failureResultOf(self.ask(memory, "reload"), Troubled).value.reason
        self.assertIs(reason.trouble, Trouble.RELOAD)
        self.assertIn(f"{tls} can be opened by others", reason.text)
        self.assertIn(ConfigurationRefused(reason.text), memory.events)
        self.assertEqual(memory.daemon.settings.limits.inflight, LIMITS.inflight)
        tls.chmod(0o700)
        self.successResultOf(self.ask(memory, "reload"))
        self.assertEqual(memory.daemon.settings.limits.inflight, 7)
