# -*- test-case-name: tests.live.test_browser -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Chromium without a window, and the places that its pages come from.

Nothing here needs a network: every name is mapped to loopback in the browser.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from unittest import SkipTest
from urllib.parse import quote

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.protocols.policies import WrappingFactory
from twisted.protocols.portforward import ProxyFactory
from twisted.web.resource import Resource
from twisted.web.server import Request, Site

from tests.live.client import holds
from tests.live.pki import Pair
from tests.live.process import finish, start

_PAGE = Path(__file__).with_name("pages") / "visit.html"
_PATIENCE = 30.0
_END = 10.0
_OPTIONS = (
    "--headless=new",
    # Whoever runs the tests may be root, for whom the browser's own sandbox is not built.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--no-first-run",
    # No name is ever looked up.
    "--host-resolver-rules=MAP * 127.0.0.1",
)


@define(eq=False)
class Findings(Resource):
    """
    What a page's own server has: the page, and what became of its visit.

    Attributes:
        told: Fires with what a page found, attempt by attempt.
        rebinding: Where the page's name points from when the page was served on; None: it stays.
    """

    isLeaf = True

    told: Deferred[dict[str, dict[str, Any]]] = field(factory=Deferred)
    rebinding: tuple[ProxyFactory, int] | None = None

    def __attrs_pre_init__(self) -> None:
        Resource.__init__(self)

    def render_GET(self, request: Request) -> bytes:
        """
        Give the page.
        """
        # The next request looks the name up again.
        request.setHeader(b"Connection", b"close")
        if request.path != b"/visit":
            # As the daemon would not answer: the page sees when its name points there.
            request.setResponseCode(410)
            return b""
        if self.rebinding is not None:
            forwarder, port = self.rebinding
            forwarder.port = port
        request.setHeader(b"Content-Type", b"text/html; charset=utf-8")
        return _PAGE.read_bytes()

    def render_POST(self, request: Request) -> bytes:
        """
        Take what a page found.
        """
        if request.path != b"/found":
            request.setResponseCode(410)
            return b""
        request.setResponseCode(204)
        assert request.content is not None
        self.told.callback(json.load(request.content))
        return b""


@define
class Opened:
    """
    A listener of the tests.
    """

    _factory: WrappingFactory
    _listening: IListeningPort

    @property
    def port(self) -> int:
        """
        Where it listens.
        """
        number: int = self._listening.getHost().port  # type: ignore[attr-defined]  # TCP
        return number

    async def close(self, reactor: Any) -> None:
        """
        Stop listening, and let all connections end.
        """
        self._listening.stopListening()
        for protocol in tuple(self._factory.protocols):
            protocol.transport.abortConnection()
        await holds(reactor, lambda: not self._factory.protocols, _END)


def listen(reactor: Any, factory: Any, pair: Pair | None = None) -> Opened:
    """
    Listen on loopback.

    Args:
        reactor: The reactor.
        factory: Makes what is behind a connection.
        pair: The certificate; None: clear text.
    """
    wrapped = WrappingFactory(factory)
    if pair is None:
        return Opened(wrapped, reactor.listenTCP(0, wrapped, interface="127.0.0.1"))
    context = DefaultOpenSSLContextFactory(str(pair.key), str(pair.certificate))
    return Opened(wrapped, reactor.listenSSL(0, wrapped, context, interface="127.0.0.1"))


@frozen
class Browser:
    """
    A browser, as it comes out of its box.

    Attributes:
        home: An empty folder for all that it keeps.
    """

    _reactor: Any
    _program: str
    home: Path

    @classmethod
    def find(cls, reactor: Any, home: Path) -> Browser:
        """
        Find one.

        Raises:
            SkipTest: There is none; the text says what is missing.
        """
        program = shutil.which("chromium")
        if program is None:
            raise SkipTest("This needs chromium, which is not on the PATH.")
        return cls(reactor, program, home)

    async def trust(self, authority: Path) -> None:
        """
        Trust an authority, as a user's browser does: by the user's NSS database.

        Raises:
            SkipTest: What changes that is not installed.
        """
        certutil = shutil.which("certutil")
        if certutil is None:
            raise SkipTest("This needs certutil (Debian: libnss3-tools), which is not on the PATH.")
        folder = self.home / ".pki" / "nssdb"
        folder.mkdir(parents=True)
        add = ("-A", "-n", "authority", "-t", "C,,", "-i", str(authority))
        for verb in (("-N", "--empty-password"), add):
            ended = await finish(self._reactor, (certutil, "-d", f"sql:{folder}", *verb), _END)
            if ended.code != 0:
                raise AssertionError(f"The browser does not trust the authority: {ended.said}")

    async def visit(self, address: str, plan: Mapping[str, object], findings: Findings) -> dict[str, Any]:
        """
        Open a page, and tell what it found.

        Args:
            address: Where the page is.
            plan: What it is told.
            findings: Where it tells what it found.

        Raises:
            TimeoutError: It told nothing.
        """
        own = (f"--user-data-dir={self.home / 'profile'}", f"{address}#{quote(json.dumps(plan))}")
        run = start(self._reactor, (self._program, *_OPTIONS, *own), {"HOME": str(self.home)})
        try:
            return await findings.told.addTimeout(_PATIENCE, self._reactor)
        finally:
            run.signal("TERM")
            watch = self._reactor.callLater(_END, run.signal, "KILL")
            await run.ended
            if watch.active():
                watch.cancel()


def site(findings: Findings) -> Site:
    """
    Make the server of a page.
    """
    made = Site(findings, timeout=_PATIENCE)
    made.displayTracebacks = False
    return made
