# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.site`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.head import Head
from mcpd.web.shield import Shield
from mcpd.web.site import Resource, Site
from mcpd.wire.fault import Fault, Kind
from tests.web.stage import Echo


def head(path: bytes, method: bytes = b"POST", **fields: bytes) -> Head:
    """
    Make a head for localhost.
    """
    named = {name.encode(): value for name, value in fields.items()}
    return Head(method, path, b"", {b"host": b"localhost", **named}, frozenset(), "", "")


class SiteTests(SynchronousTestCase):
    """
    What stands at which path.
    """

    def setUp(self) -> None:
        """
        Make a site with an exact path, names below it, and a page.
        """
        self.mcp, self.named, self.page = Echo(), Echo(), Echo(methods=(b"GET", b"HEAD", b"DELETE"))
        resources: dict[bytes, Resource] = {b"/mcp": self.mcp, b"/mcp/": self.named, b"/page": self.page}
        shield = Shield.new([], [])
        shield.stand("127.0.0.1", 80)
        self.site = Site(shield, resources)

    def refusal(self, head: Head) -> Fault:
        """
        Have a request refused.
        """
        with self.assertRaises(Fault) as caught:
            self.site.admit(head)
        fault: Fault = caught.exception
        return fault

    def test_paths(self) -> None:
        """
        A path is exact, or a name below one.
        """
        for path, resource in ((b"/mcp", self.mcp), (b"/mcp/files", self.named), (b"/mcp/..", self.named)):
            found, caller = self.site.admit(head(path))
            self.assertIs(found, resource)
            self.assertEqual(caller, "key:test")

    def test_nothing(self) -> None:
        """
        Everything else is not there.
        """
        for path in (
            b"/",
            b"/mcp/",
            b"/mcp/a/b",
            b"/mcp/a/",
            b"/MCP",
            b"//mcp",
            b"/page/x",
            b"/mc",
            b"/mcpx",
        ):
            self.assertIs(self.refusal(head(path)).kind, Kind.NOT_FOUND, path)

    def test_methods(self) -> None:
        """
        A path has its methods and no others, and tells them.
        """
        for method in self.page.methods:
            self.site.admit(head(b"/page", method))
        self.mcp.methods = (b"POST", b"GET")
        for path, method, allow in (
            (b"/page", b"POST", b"GET, HEAD, DELETE"),
            (b"/page", b"OPTIONS", b"GET, HEAD, DELETE"),
            (b"/mcp", b"HEAD", b"POST, GET"),
            (b"/mcp", b"post", b"POST, GET"),
        ):
            fault = self.refusal(head(path, method))
            self.assertIs(fault.kind, Kind.METHOD_NOT_ALLOWED)
            self.assertEqual(fault.headers, ((b"Allow", allow),))

    def test_order(self) -> None:
        """
        A foreign page learns nothing of paths, and who may not ask nothing at all.
        """
        evil = b"http://evil.example.com"
        self.assertIs(self.refusal(head(b"/nothing", origin=evil)).kind, Kind.FORBIDDEN)
        self.assertIs(self.refusal(head(b"/mcp", b"BREW", origin=evil)).kind, Kind.FORBIDDEN)
        self.assertEqual(self.mcp.admitted, [])
        self.mcp.refusal = Fault(Kind.UNAUTHORIZED, "no")
        self.assertIs(self.refusal(head(b"/mcp")).kind, Kind.UNAUTHORIZED)
