# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.shield`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.head import Head
from mcpd.web.shield import Shield
from mcpd.wire.fault import Fault, Kind

OWN = b"127.0.0.1:8420"


def head(host: bytes | None = OWN, origin: bytes | None = None) -> Head:
    """
    Make a head with two fields.
    """
    pairs = ((b"host", host), (b"origin", origin))
    fields = {name: value for name, value in pairs if value is not None}
    return Head(b"POST", b"/mcp", b"", fields, frozenset(), "", "")


class ShieldTests(SynchronousTestCase):
    """
    Whom a listener answers.
    """

    def setUp(self) -> None:
        """
        Open a listener at 127.0.0.1:8420.
        """
        self.shield = Shield.new(
            ["tools.example.org", "other.example.org:8443"],
            ["https://app.example.org", "https://*.pages.example.org"],
            "https://Public.example.org/some/path",
        )
        self.shield.stand("127.0.0.1", 8420)

    def verdict(self, host: bytes | None = OWN, origin: bytes | None = None) -> Kind | None:
        """
        Judge twice: what is remembered says the same.
        """
        verdicts: list[Kind | None] = []
        for _ in range(2):
            try:
                self.shield.judge(head(host, origin))
                verdicts.append(None)
            except Fault as fault:
                verdicts.append(fault.kind)
        self.assertIs(verdicts[0], verdicts[1])
        return verdicts[0]

    def test_hosts(self) -> None:
        """
        A request must be meant for us: a page that had its own name point here gets nothing.
        """
        for host, expected in {
            OWN: None,
            b"127.0.0.1": None,
            b"127.0.0.1:9": None,
            b"LocalHost:8420": None,
            b"[::1]:8420": None,
            b"[0::1]": None,
            b"tools.example.org": None,
            b"tools.example.org:1": None,
            b"other.example.org:8443": None,
            b"public.example.org:444": None,
            b"other.example.org": Kind.MISDIRECTED,
            b"evil.example.com": Kind.MISDIRECTED,
            b"127.0.0.2": Kind.MISDIRECTED,
            b"app.example.org": Kind.MISDIRECTED,
            None: Kind.BAD_REQUEST,
            b"": Kind.BAD_REQUEST,
            b"127.0.0.1:8420, 127.0.0.1:8420": Kind.BAD_REQUEST,
            b"127.0.0.1:8420@evil.example.com": Kind.BAD_REQUEST,
            b"\xff": Kind.BAD_REQUEST,
        }.items():
            self.assertIs(self.verdict(host), expected, host)

    def test_origins(self) -> None:
        """
        A program needs no origin; a page needs one that is ours or was allowed.
        """
        for origin, expected in {
            None: None,
            b"http://127.0.0.1:8420": None,
            b"http://localhost:8420": None,
            b"HTTP://[::1]:8420": None,
            b"https://app.example.org": None,
            b"https://a.pages.example.org": None,
            b"https://public.example.org": None,
            b"https://a.b.pages.example.org": Kind.FORBIDDEN,
            b"http://127.0.0.1": Kind.FORBIDDEN,
            b"https://127.0.0.1:8420": Kind.FORBIDDEN,
            b"https://tools.example.org": Kind.FORBIDDEN,
            b"https://evil.example.com": Kind.FORBIDDEN,
            b"https://app.example.org, https://app.example.org": Kind.FORBIDDEN,
            b"null": Kind.FORBIDDEN,
            b"": Kind.FORBIDDEN,
            b"\xff": Kind.FORBIDDEN,
        }.items():
            self.assertIs(self.verdict(OWN, origin), expected, origin)

    def test_settings_named(self) -> None:
        """
        A refusal names the setting that would change it.
        """
        for request, setting in (
            (head(b"a.b"), "listen.hosts"),
            (head(OWN, b"http://a.b"), "listen.origins"),
        ):
            with self.assertRaises(Fault) as caught:
                self.shield.judge(request)
            self.assertIn(setting, caught.exception.text)

    def test_addresses(self) -> None:
        """
        A listener answers to the address that it is bound to, if it is one.
        """
        for address, host, expected in (
            ("192.0.2.1", b"192.0.2.1:8420", None),
            ("192.0.2.1", b"192.0.2.2:8420", Kind.MISDIRECTED),
            ("2001:db8::1", b"[2001:db8::1]:8420", None),
            ("0.0.0.0", b"0.0.0.0:8420", Kind.MISDIRECTED),
            ("::", b"[::]:8420", Kind.MISDIRECTED),
            ("::", b"localhost", None),
        ):
            self.shield = Shield.new([], [])
            self.shield.stand(address, 8420)
            self.assertIs(self.verdict(host), expected, (address, host))

    def test_memory(self) -> None:
        """
        A client that makes up ports does not fill our memory.
        """
        for port in range(1, 2000):
            self.shield.judge(head(b"localhost:%d" % port))
        self.assertLess(len(self.shield.good_hosts), 300)

    def test_malformed(self) -> None:
        """
        A setting that is malformed is refused.
        """
        for hosts, origins, url in ((["a/b"], [], ""), ([], ["null"], ""), ([], [], "example.org")):
            with self.assertRaises(ValueError):
                Shield.new(hosts, origins, url)
