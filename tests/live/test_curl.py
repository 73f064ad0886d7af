# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
What curl sees, which does some things that few clients do.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import SkipTest

from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.trial.unittest import TestCase

from tests.live import client, daemon
from tests.live.daemon import Daemon
from tests.live.process import finish
from tests.web.stage import Answer, read_answers

_PATIENCE = 20.0
_SECURITY = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
# The one that says nothing of its own accord, and then how much it sent.
_CURL = ("--silent", "--show-error", "--include", "--max-time", "15", "--write-out", "\n%{size_upload}")

clock: Any = reactor


class CurlTests(TestCase):
    """
    Requests by curl.
    """

    timeout = 60

    def _play(self, what: Callable[[Daemon], Awaitable[None]]) -> Deferred[None]:
        return Deferred.fromCoroutine(self._against(what))

    async def _against(self, what: Callable[[Daemon], Awaitable[None]]) -> None:
        if shutil.which("curl") is None:
            raise SkipTest("There is no curl on the PATH.")
        folder = Path(self.mktemp()).resolve()
        folder.mkdir()
        echo = {"command": daemon.fixture("legacy"), "env": {"MCPD_FIXTURE": "hostile"}}
        running = await daemon.begin(clock, folder, "required", {"echo": echo})
        try:
            await what(running)
        finally:
            await running.stop()

    async def _curl(self, running: Daemon, *options: str, bodyless: bool = False) -> tuple[Answer, int]:
        # The last answer, and how many bytes of the body were sent.
        ended = await finish(clock, (str(shutil.which("curl")), *_CURL, *options, running.url), _PATIENCE)
        self.assertEqual(ended.code, 0, ended.said)
        said, _, sent = ended.said.rpartition("\n")
        answer = read_answers(said.encode(), bodyless)[-1]
        self.assertLessEqual(_SECURITY.items(), dict(answer.fields).items())
        return answer, int(sent)

    def _call(self, running: Daemon, text: str, key: str = "") -> Sequence[str]:
        # A call of the modern era, whose body is in a file.
        message = client.modern(1, "tools/call", {"name": "echo__echo", "arguments": {"text": text}})
        body = running.folder / "body"
        body.write_text(json.dumps(message))
        fields = client.new_fields(key or running.key.read_text().strip())
        fields |= {
            "MCP-Protocol-Version": client.MODERN,
            "Mcp-Method": "tools/call",
            "Mcp-Name": "echo__echo",
        }
        headers = [option for name, value in fields.items() for option in ("--header", f"{name}: {value}")]
        return *headers, "--data-binary", f"@{body}"

    def _check_echo(self, answer: Answer, text: str) -> None:
        self.assertEqual(answer.status, 200, answer.body[:500])
        self.assertEqual(json.loads(answer.body)["result"]["content"][0]["text"], text)

    async def _h2c(self, running: Daemon) -> None:
        answer, _ = await self._curl(running, "--http2", *self._call(running, "upgrade"))
        self._check_echo(answer, "upgrade")

    def test_http2(self) -> Deferred[None]:
        """
        A client that would rather speak HTTP/2 is answered in HTTP/1.1, body and all.
        """
        return self._play(self._h2c)

    async def _expect(self, running: Daemon) -> None:
        text = "x" * (3 << 19)
        expect = ("--header", "Expect: 100-continue", "--expect100-timeout", "10")
        answer, sent = await self._curl(running, *expect, *self._call(running, text))
        self._check_echo(answer, text)
        self.assertGreater(sent, len(text))
        answer, sent = await self._curl(running, *expect, *self._call(running, text, "wrong"))
        self.assertEqual((answer.status, sent), (401, 0))

    def test_expect(self) -> Deferred[None]:
        """
        A client that asks before it sends a large body may, and one with a wrong key may not.
        """
        return self._play(self._expect)

    async def _chunked(self, running: Daemon) -> None:
        text = "x" * 300000
        chunked = ("--header", "Transfer-Encoding: chunked")
        answer, _ = await self._curl(running, *chunked, *self._call(running, text))
        self._check_echo(answer, text)

    def test_chunked(self) -> Deferred[None]:
        """
        A body whose length is not told beforehand is taken.
        """
        return self._play(self._chunked)

    async def _methods(self, running: Daemon) -> None:
        key = ("--header", f"Authorization: Bearer {running.key.read_text().strip()}")
        for name, method in {
            "HEAD": ("--head",),
            "OPTIONS": ("--request", "OPTIONS"),
            "PUT": ("--request", "PUT"),
        }.items():
            answer, _ = await self._curl(running, *method, *key, bodyless=name == "HEAD")
            self.assertEqual((name, answer.status), (name, 405))
            self.assertEqual(answer.fields["Allow"], "POST, GET, DELETE")
        answer, _ = await self._curl(running, *key)
        self.assertEqual((answer.status, answer.fields["Content-Type"]), (400, "application/json"))

    def test_methods(self) -> Deferred[None]:
        """
        What is not served is refused with what is, GET without a session too, with all the security fields.
        """
        return self._play(self._methods)
