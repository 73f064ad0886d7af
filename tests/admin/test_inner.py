# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.admin.inner`.
"""

from __future__ import annotations

import json
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from mcpd.admin.inner import InnerWay, ask
from mcpd.events import Publisher
from mcpd.policy.seal import KEY, Seal
from mcpd.relay.router import Router
from mcpd.relay.spec import CatalogLimits, SessionLimits
from mcpd.relay.way import Way
from mcpd.web.spec import Limits
from mcpd.wire.fault import Fault, Kind

_OURS = "io.modelcontextprotocol/"
META = {f"{_OURS}protocolVersion": "2026-07-28", f"{_OURS}clientCapabilities": {}}


def router() -> Router:
    """
    Make a router that has no plugins.
    """
    seal = Seal((bytes(KEY),), bytes)
    limits = SessionLimits(), CatalogLimits()
    return Router.new(Clock(), bytes, Publisher(), Limits(), *limits, seal, True)


class InnerTests(SynchronousTestCase):
    """
    Tests for requests of the daemon's own.
    """

    def _ask(self, **request: Any) -> Any:
        message = json.dumps({"jsonrpc": "2.0", **request}).encode()
        return json.loads(self.successResultOf(ask(router(), b"/mcp", message, "uid:root", "r1")))

    def test_answer(self) -> None:
        """
        A request is answered as any client's, without a connection.
        """
        answer = self._ask(id=7, method="server/discover", params={"_meta": META})
        self.assertEqual((answer["id"], answer["result"]["supportedVersions"]), (7, ["2026-07-28"]))

    def test_error(self) -> None:
        """
        A request that is refused is answered with the error that any client has, and its number.
        """
        answer = self._ask(id=7, method="no/such", params={"_meta": META})
        self.assertEqual((answer["error"]["code"], answer["error"]["data"]["requestId"]), (-32601, "r1"))

    def test_nothing(self) -> None:
        """
        What has no answer is answered all the same.
        """
        answer = self._ask(method="notifications/cancelled", params={"_meta": META})
        self.assertEqual(answer["error"]["message"], "it ended without an answer")


class WayTests(SynchronousTestCase):
    """
    Tests for the way back.
    """

    def test_before(self) -> None:
        """
        What comes before the answer is dropped.
        """
        way = InnerWay("r1")
        held: Way = way
        held.open()
        held.prime(b"1", 1000)
        held.notice((b"{}",))
        self.assertNoResult(way.answered)
        held.answer((b"{", b"}"))
        held.fault(Fault(Kind.INTERNAL, "too late"))
        self.assertEqual(self.successResultOf(way.answered), b"{}")

    def test_cancel(self) -> None:
        """
        Who does not wait any more has hung up, once.
        """
        heard: list[str] = []
        way = InnerWay("r1", lambda: heard.append("hung up"))
        way.answered.cancel()
        way.answered.cancel()
        way.answer((b"{}",))
        self.failureResultOf(way.answered, CancelledError)
        self.assertEqual(heard, ["hung up"])

    def test_cancel_unheard(self) -> None:
        """
        Where nobody wants to know of it, nothing else happens.
        """
        answered: Deferred[bytes] = InnerWay("r1").answered
        answered.cancel()
        self.failureResultOf(answered, CancelledError)
