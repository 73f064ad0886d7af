# -*- test-case-name: tests.wire.test_revision -*-
# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.wire.revision`.
"""

from __future__ import annotations

from attrs.exceptions import FrozenInstanceError
from twisted.trial.unittest import SynchronousTestCase

from mcpd.wire.revision import (
    LEGACY_NAMES,
    METHODS,
    MODERN,
    MODERN_NAMES,
    NEWEST_LEGACY,
    REVISIONS,
    Era,
    Side,
)


def having(feature: str) -> list[str]:
    """
    Name the revisions that have something.
    """
    return [name for name, revision in REVISIONS.items() if getattr(revision, feature)]


def said(sender: Side, era: Era, request: bool) -> set[str]:
    """
    Name what one side may send in an era.
    """
    return {
        method.name
        for method in METHODS.values()
        if method.sender is sender and era in method.eras and method.request is request
    }


BOTH_REQUESTS = {
    "tools/list",
    "tools/call",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "prompts/list",
    "prompts/get",
    "completion/complete",
}

BOTH_NOTICES = {
    "notifications/progress",
    "notifications/message",
    "notifications/tools/list_changed",
    "notifications/prompts/list_changed",
    "notifications/resources/list_changed",
    "notifications/resources/updated",
}


class RevisionTests(SynchronousTestCase):
    """
    Tests for the table of revisions.
    """

    def test_names(self) -> None:
        """
        All five revisions are spoken: four of the legacy era and one of the modern.
        """
        legacy = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"]
        self.assertEqual(list(REVISIONS), [*legacy, "2026-07-28"])
        self.assertEqual(LEGACY_NAMES, legacy)
        self.assertEqual(MODERN_NAMES, ["2026-07-28"])
        for name, revision in REVISIONS.items():
            self.assertEqual(revision.name, name)

    def test_unknown(self) -> None:
        """
        A name that is not in the table is unknown, however much it looks like a revision's.
        """
        names = ("2025-06-19", "2026-07-29", "2099-01-01", "DRAFT-2026-v1", "", "2025-6-18", "2025-11-25 ")
        for name in names:
            self.assertIsNone(REVISIONS.get(name), name)

    def test_newest(self) -> None:
        """
        A handshake with an unknown version is answered with the newest that has handshakes.
        """
        self.assertIs(NEWEST_LEGACY, REVISIONS["2025-11-25"])
        self.assertIs(NEWEST_LEGACY.era, Era.LEGACY)
        self.assertIs(MODERN, REVISIONS["2026-07-28"])
        self.assertIs(MODERN.era, Era.MODERN)

    def test_features(self) -> None:
        """
        A client is sent only what its revision has.
        """
        self.assertEqual(having("batches"), ["2025-03-26"])
        self.assertEqual(having("header"), ["2025-06-18", "2025-11-25", "2026-07-28"])
        self.assertEqual(having("annotations"), ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
        self.assertEqual(having("icons"), ["2025-11-25", "2026-07-28"])
        self.assertEqual(having("execution"), ["2025-11-25"])
        self.assertEqual(having("audio"), ["2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"])
        self.assertEqual(having("links"), ["2025-06-18", "2025-11-25", "2026-07-28"])
        self.assertEqual(having("structured"), ["2025-06-18", "2025-11-25", "2026-07-28"])
        self.assertEqual(having("resumes"), ["2025-03-26", "2025-06-18", "2025-11-25"])
        self.assertEqual(having("primes"), ["2025-11-25"])

    def test_frozen(self) -> None:
        """
        Nobody can change a revision or a method for everybody else.
        """
        self.assertRaises(FrozenInstanceError, setattr, MODERN, "batches", True)
        self.assertRaises(FrozenInstanceError, setattr, METHODS["ping"], "eras", frozenset(Era))


class MethodTests(SynchronousTestCase):
    """
    Tests for the table of methods.
    """

    def test_modern_client(self) -> None:
        """
        A modern client has ten requests, and one notice for transports that are not HTTP.
        """
        requests = BOTH_REQUESTS | {"server/discover", "subscriptions/listen"}
        self.assertEqual(said(Side.CLIENT, Era.MODERN, request=True), requests)
        self.assertEqual(said(Side.CLIENT, Era.MODERN, request=False), {"notifications/cancelled"})

    def test_legacy_client(self) -> None:
        """
        A legacy client also shakes hands, pings, subscribes and sets the log level.
        """
        more = {"initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe"}
        self.assertEqual(said(Side.CLIENT, Era.LEGACY, request=True), BOTH_REQUESTS | more)
        notices = {"initialized", "cancelled", "roots/list_changed"}
        sent = said(Side.CLIENT, Era.LEGACY, request=False)
        self.assertEqual(sent, {f"notifications/{name}" for name in notices})

    def test_server(self) -> None:
        """
        Only a legacy server asks; both tell what goes on.
        """
        questions = {"sampling/createMessage", "elicitation/create", "roots/list"}
        self.assertEqual(said(Side.SERVER, Era.LEGACY, request=True), questions)
        self.assertEqual(said(Side.SERVER, Era.MODERN, request=True), set())
        self.assertEqual(said(Side.SERVER, Era.LEGACY, request=False), BOTH_NOTICES)
        modern = BOTH_NOTICES | {"notifications/subscriptions/acknowledged"}
        self.assertEqual(said(Side.SERVER, Era.MODERN, request=False), modern)

    def test_cached(self) -> None:
        """
        The six results that modern clients may keep are marked.
        """
        lists = {"tools/list", "prompts/list", "resources/list", "resources/templates/list"}
        cached = {method.name for method in METHODS.values() if method.cached}
        self.assertEqual(cached, lists | {"resources/read", "server/discover"})
        for name in cached:
            self.assertIn(Era.MODERN, METHODS[name].eras)

    def test_routed(self) -> None:
        """
        The header Mcp-Name repeats what a request is about: a tool, a prompt or a resource.
        """
        routed = {method.name: method.routed_by for method in METHODS.values() if method.routed_by}
        self.assertEqual(routed, {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"})

    def test_names(self) -> None:
        """
        Each method is found by its name, and notices are those that say so.
        """
        for name, method in METHODS.items():
            self.assertEqual(method.name, name)
            self.assertTrue(method.eras)
            self.assertEqual(method.request, not name.startswith("notifications/"))
