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
from tests.web.stage import Echo, Stage, read_answers


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
        shield.stand("127.0.0.1")
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

    def test_preflight(self) -> None:
        """
        A browser may ask at each path that there is, without credentials, and at no other.
        """
        asked = {"origin": b"http://localhost", "access-control-request-method": b"POST"}
        self.mcp.refusal = self.named.refusal = Fault(Kind.UNAUTHORIZED, "no")
        for path in (b"/mcp", b"/mcp/nobody-has-this"):
            resource, caller = self.site.admit(head(path, b"OPTIONS", **asked))
            self.assertEqual((resource.methods, caller), ((b"POST",), "anonymous"))
        self.assertEqual(self.mcp.admitted + self.named.admitted, [])
        self.assertIs(self.refusal(head(b"/nothing", b"OPTIONS", **asked)).kind, Kind.NOT_FOUND)
        for name in asked:
            rest = {other: asked[other] for other in asked if other != name}
            fault = self.refusal(head(b"/mcp", b"OPTIONS", **rest))
            self.assertEqual(fault.headers, ((b"Allow", b"POST"),))

    def test_order(self) -> None:
        """
        A foreign page learns nothing of paths, and who may not ask nothing at all.
        """
        stage = Stage()
        for host, origin, status in (
            (b"localhost", b"http://evil.example.com", 403),
            (b"evil.example.com", b"http://evil.example.com", 421),
        ):
            for path, method in ((b"/nothing", b"POST"), (b"/mcp", b"BREW"), (b"/mcp", b"OPTIONS")):
                client = stage.connect()
                client.send(
                    b"%b %b HTTP/1.1\r\nHost: %b\r\nOrigin: %b\r\n\r\n" % (method, path, host, origin)
                )
                self.assertEqual([a.status for a in read_answers(bytes(client.socket.taken))], [status])
        self.assertEqual(stage.echo.admitted, [])
        self.mcp.refusal = Fault(Kind.UNAUTHORIZED, "no")
        self.assertIs(self.refusal(head(b"/mcp")).kind, Kind.UNAUTHORIZED)
