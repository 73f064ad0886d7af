# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.ctl.bridge.session`.
"""

from __future__ import annotations

from msgspec import Raw
from twisted.trial.unittest import SynchronousTestCase

from mcpd.ctl.bridge.session import MOST, Session
from mcpd.wire.message import Request


def _request(method: str, uri: str = "") -> Request:
    return Request(b"1", method, {"uri": Raw(f'"{uri}"'.encode())} if uri else {})


class SessionTests(SynchronousTestCase):
    """
    Tests for :class:`Session`.
    """

    def test_fields(self) -> None:
        """
        Once hands were shaken every request tells the session and the revision, as far as there are any.
        """
        session = Session()
        self.assertEqual(session.fields(), ())
        session.open(b"s", {}, {"protocolVersion": Raw(b'"2025-06-18"')})
        self.assertEqual(
            session.fields(), ((b"Mcp-Session-Id", b"s"), (b"MCP-Protocol-Version", b"2025-06-18"))
        )
        session.open(None, {}, {})
        self.assertEqual((session.fields(), session.greeting), ((), {}))

    def test_keep(self) -> None:
        """
        A new session has the client's level and the subscriptions that it did not end.
        """
        session = Session()
        for request in (
            _request("logging/setLevel"),
            level := _request("logging/setLevel"),
            _request("resources/subscribe", "a"),
            kept := _request("resources/subscribe", "b"),
            _request("resources/unsubscribe", "a"),
            _request("resources/unsubscribe", "c"),
            _request("tools/list"),
        ):
            session.keep(request)
        self.assertEqual(session.kept, (level, kept))

    def test_bounded(self) -> None:
        """
        Beyond a number subscriptions are not made again.
        """
        session = Session()
        for number in range(MOST + 1):
            session.keep(_request("resources/subscribe", str(number)))
        self.assertEqual(len(session.kept), MOST)
