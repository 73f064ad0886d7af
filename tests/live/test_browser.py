# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Pages in a real browser: those that may use a daemon, and those that must not reach a plugin.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import define
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.protocols.portforward import ProxyFactory
from twisted.trial.unittest import TestCase

from tests.live import daemon
from tests.live.browser import Browser, Findings, Opened, listen, site
from tests.live.daemon import Daemon
from tests.live.pki import Authority
from tests.live.websocket import Talk

_FETCHES = frozenset({"modern", "param", "legacy", "text", "form", "get", "opaque", "office"})
_SOCKETS = frozenset({"socket", "bare", "ticket"})
# What a page may send without being able to read what comes back.
_BLIND = frozenset({"text", "form", "opaque"})
_ABNORMAL = 1006
_NAMES = ("app.example", "foreign.example", "rebound.example", "127.0.0.1")

clock: Any = reactor


@define
class Stage:
    """
    A daemon with one plugin, a page's server, and a browser.

    Attributes:
        running: The daemon.
        folder: Where everything is.
        findings: What the page told.
        pages: The page's server.
        scheme: ``http`` or ``https``.
        authority: Whom clients have to trust; None: there is no TLS.
    """

    running: Daemon
    folder: Path
    findings: Findings
    pages: Opened
    browser: Browser
    scheme: str
    authority: Path | None

    async def visit(self, name: str, port: int, here: str = "") -> Mapping[str, Any]:
        """
        Open the page, and tell what it found.

        Args:
            name: The host that it comes from.
            port: That host's port.
            here: What it believes to be the daemon's host and port; by default they are.
        """
        place = here or f"127.0.0.1:{self.running.port}"
        plan = {
            "url": f"{self.scheme}://{place}/mcp",
            "socket": f"{'wss' if self.scheme == 'https' else 'ws'}://{place}/ws",
            "key": self.key,
            "moves": bool(here),
            "found": f"{self.scheme}://127.0.0.1:{self.pages.port}/found",
        }
        address = f"{self.scheme}://{name}:{port}/visit"
        return await self.browser.visit(address, plan, self.findings)

    @property
    def key(self) -> str:
        """
        The first key; where nobody needs one, something that looks like none.
        """
        return self.running.key.read_text().strip() if self.running.key.exists() else "none"

    def heard(self) -> list[str]:
        """
        Tell what the plugin was ever told: the methods.
        """
        (said,) = (each.read_text() for each in (self.folder / "state").rglob("heard"))
        return [json.loads(line)["method"] for line in said.splitlines()]


class BrowserCase(TestCase):
    """
    A test with one page.
    """

    timeout = 120
    secure = False
    auth = "required"

    async def _stage(self) -> Stage:
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        authority = Authority.make(folder) if self.secure else None
        browser = Browser.find(clock, folder / "home")
        browser.home.mkdir()
        if authority is not None:
            await browser.trust(authority.file)
        findings = Findings()
        own = authority.issue("page", _NAMES) if authority else None
        pages = listen(clock, site(findings), own)
        self.addCleanup(pages.close, clock)
        scheme = "https" if self.secure else "http"
        more: dict[str, Any] = {"origins": [f"{scheme}://app.example:{pages.port}"]}
        if authority is not None:
            more["tls"] = authority.issue("server", ("127.0.0.1", "localhost")).tls
        running = await self._begin(folder, more, authority)
        file = authority.file if authority else None
        return Stage(running, folder, findings, pages, browser, scheme, file)

    async def _begin(self, folder: Path, more: dict[str, Any], authority: Authority | None) -> Daemon:
        # The pipe keeps what the plugin hears, so that nothing that reaches it is missed.
        program = " ".join(daemon.fixture("modern"))
        listens = ("/bin/sh", "-c", f'tee "$HOME/heard" | {program}')
        plugin = {"command": listens, "env": {"MCPD_FIXTURE": "hostile"}}
        file = authority.file if authority else None
        running = await daemon.begin(
            clock, folder, self.auth, {"page": plugin}, {"listen": more}, authority=file
        )
        self.addCleanup(running.kill)
        return running

    async def _end(self, stage: Stage) -> None:
        bad = [line for line in stage.running.logged() if line["level"] in ("error", "critical")]
        self.assertEqual(bad, [])
        await stage.running.stop()

    def allowed(self) -> Deferred[None]:
        """
        A page of an allowed origin does everything.
        """
        return Deferred.fromCoroutine(self._allowed())

    async def _allowed(self) -> None:
        stage = await self._stage()
        found = await stage.visit("app.example", stage.pages.port)
        self.assertEqual(found.keys(), _FETCHES | _SOCKETS)
        for name, text in (("modern", "from a page"), ("param", "Region: eu")):
            said = json.loads(found[name]["body"])
            self.assertEqual(said["result"]["content"][0]["text"], text)
            self.assertEqual(found[name]["type"], "cors")
        legacy = found["legacy"]
        self.assertEqual(json.loads(legacy["body"])["result"]["protocolVersion"], "2025-11-25")
        self.assertTrue(legacy["session"] and legacy["request"])
        # No session: refused, and a page can read why.
        self.assertEqual(found["get"]["status"], 400)
        self._judge_allowed_sockets(found)
        self._judge_blind(found)
        self.assertEqual(stage.heard().count("tools/call"), 4)
        await self._end(stage)

    def _judge_allowed_sockets(self, found: Mapping[str, Any]) -> None:
        for spoken in (found["socket"], found["ticket"]):
            self.assertEqual((spoken["opened"], spoken["protocol"], spoken["code"]), (True, "mcp", 1000))
            (said,) = spoken["said"]
            self.assertEqual(json.loads(said)["result"]["content"][0]["text"], "from a page")
        self.assertEqual(found["bare"], {"opened": False, "said": [], "code": _ABNORMAL})

    def _judge_blind(self, found: Mapping[str, Any]) -> None:
        # What needs no leave is sent, but nothing of its answer can be read.
        for name in _BLIND:
            self.assertEqual((found[name].get("status", 0), found[name].get("body", "")), (0, ""))

    def foreign(self) -> Deferred[None]:
        """
        A page of any other origin reads nothing and reaches nothing.
        """
        return Deferred.fromCoroutine(self._foreign())

    async def _foreign(self) -> None:
        stage = await self._stage()
        found = await stage.visit("foreign.example", stage.pages.port)
        self.assertEqual(found.keys(), _FETCHES | _SOCKETS)
        for name in _FETCHES - _BLIND:
            self.assertEqual(found[name], {"error": "TypeError"}, name)
        self._judge_blind(found)
        self._judge_closed(found)
        await self._judge_unheard(stage)

    def _judge_closed(self, found: Mapping[str, Any]) -> None:
        for name in _SOCKETS:
            self.assertEqual(found[name], {"opened": False, "said": [], "code": _ABNORMAL})

    async def _judge_unheard(self, stage: Stage) -> None:
        # That is the last but one thing that happens: a client's call is heard.
        heard = stage.heard()
        self.assertFalse({"tools/call", "prompts/get", "resources/read"}.intersection(heard), heard)
        key = stage.key if self.auth == "required" else ""
        talk = await Talk.open(clock, stage.running.port, key=key, authority=stage.authority)
        await talk.call("page__echo", {"text": "x"})
        self.assertEqual(await talk.close(), 1000)
        self.assertEqual(stage.heard()[len(heard) :], ["tools/call"])
        await self._end(stage)

    def rebound(self) -> Deferred[None]:
        """
        A page whose own name comes to point at the daemon reads nothing but refusals, and reaches nothing.
        """
        return Deferred.fromCoroutine(self._rebound())

    async def _rebound(self) -> None:
        stage = await self._stage()
        # Its name's address changes, as the browser sees it: what was the page's server is the daemon.
        forwarder = ProxyFactory("127.0.0.1", stage.pages.port)
        stage.findings.rebinding = forwarder, stage.running.port
        name = listen(clock, forwarder)
        self.addCleanup(name.close, clock)
        found = await stage.visit("rebound.example", name.port, f"rebound.example:{name.port}")
        self.assertEqual(found.keys(), _FETCHES | _SOCKETS)
        for attempt in _FETCHES - _BLIND:
            self._judge_rebound(found[attempt])
        self._judge_closed(found)
        await self._judge_unheard(stage)

    def _judge_rebound(self, told: Mapping[str, Any]) -> None:
        # To the browser it is the page's own server, whose answers may be read.
        self.assertEqual((told["status"], told["session"]), (421, None))


class PlainTests(BrowserCase):
    """
    In clear text, with a key that the page knows.
    """

    def test_allowed(self) -> Deferred[None]:
        """
        A page of an allowed origin calls, opens a session and a WebSocket, and reads what it needs.
        """
        return self.allowed()

    def test_foreign(self) -> Deferred[None]:
        """
        A page of another origin can read nothing and reach no plugin, though it knows the key.
        """
        return self.foreign()

    def test_rebound(self) -> Deferred[None]:
        """
        A page whose name comes to point at the daemon is told that it is wrong here, and reaches no plugin.
        """
        return self.rebound()


class OpenTests(BrowserCase):
    """
    In clear text, where nobody needs a key.
    """

    auth = "none"

    def test_foreign(self) -> Deferred[None]:
        """
        A page of another origin can read nothing and reach no plugin, though nobody asks for a key.
        """
        return self.foreign()

    def test_rebound(self) -> Deferred[None]:
        """
        A page whose name comes to point at the daemon reaches no plugin, though nobody asks for a key.
        """
        return self.rebound()


class SecureTests(BrowserCase):
    """
    Over TLS, with an authority that the browser's user trusts.
    """

    secure = True

    def test_allowed(self) -> Deferred[None]:
        """
        A page of an allowed origin can do all the same over TLS.
        """
        return self.allowed()

    def test_foreign(self) -> Deferred[None]:
        """
        A page of another origin can do as little over TLS.
        """
        return self.foreign()

    def test_rebound(self) -> Deferred[None]:
        """
        A page whose name comes to point at the daemon is stopped by the daemon's certificate.
        """
        return self.rebound()

    def _judge_rebound(self, told: Mapping[str, Any]) -> None:
        self.assertEqual(told, {"error": "TypeError"})
