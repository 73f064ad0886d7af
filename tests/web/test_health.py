# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.health`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.head import Head
from mcpd.web.health import Health
from mcpd.web.reply import Reply
from mcpd.web.site import Request
from tests.web.test_reply import Line


class HealthTests(SynchronousTestCase):
    """
    Alive and ready.
    """

    def ask(self, health: Health) -> tuple[int, bytes]:
        """
        Ask, without any credentials.
        """
        head = Head(b"GET", b"/readyz", b"", {}, frozenset(), "192.0.2.1", "ID")
        line = Line()
        health.serve(Request(head, health.admit(head), b""), Reply(line, head.id))
        return line.answer.status, line.answer.body

    def test_states(self) -> None:
        """
        Anyone may ask whether the daemon is ready, and learns that and no more, each time anew.
        """
        ready: list[bool] = []
        health = Health("ready", lambda: bool(ready))
        self.assertEqual(self.ask(health), (503, b'{"ready":false}'))
        ready.append(True)
        self.assertEqual(self.ask(health), (200, b'{"ready":true}'))

    def test_methods(self) -> None:
        """
        It can only be read.
        """
        self.assertEqual(Health.methods, (b"GET", b"HEAD"))
