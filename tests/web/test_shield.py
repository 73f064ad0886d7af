# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.web.shield`.
"""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from mcpd.web.head import Head
from mcpd.web.reply import Stamp
from mcpd.web.shield import Shield
from mcpd.wire.fault import Fault, Kind

OWN = b"127.0.0.1:8420"


def head(host: bytes | None = OWN, origin: bytes | None = None, secure: bool = False) -> Head:
    """
    Make a head with two fields.
    """
    pairs = ((b"host", host), (b"origin", origin))
    fields = {name: value for name, value in pairs if value is not None}
    return Head(b"POST", b"/mcp", b"", fields, frozenset(), "", "", secure)


def judge(shield: Shield, request: Head) -> Stamp:
    """
    Judge as a connection does.
    """
    host = request.fields.get(b"host", b"")
    stamp = shield.known.get(host) or shield.judge_host(host)
    return shield.judge_origin(request, stamp) if b"origin" in request.fields else stamp


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
        self.shield.stand("127.0.0.1")

    def verdict(
        self, host: bytes | None = OWN, origin: bytes | None = None, secure: bool = False
    ) -> Kind | None:
        """
        Judge twice: what is remembered says the same.
        """
        verdicts: list[Kind | None] = []
        for _ in range(2):
            try:
                judge(self.shield, head(host, origin, secure))
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
            b"HTTP://127.0.0.1:8420": None,
            b"https://app.example.org": None,
            b"https://a.pages.example.org": None,
            b"https://public.example.org": None,
            b"https://a.b.pages.example.org": Kind.FORBIDDEN,
            b"http://127.0.0.1": Kind.FORBIDDEN,
            b"http://localhost:8420": Kind.FORBIDDEN,
            b"http://127.0.0.1:3000": Kind.FORBIDDEN,
            b"https://127.0.0.1:8420": Kind.FORBIDDEN,
            b"https://tools.example.org": Kind.FORBIDDEN,
            b"https://evil.example.com": Kind.FORBIDDEN,
            b"https://app.example.org, https://app.example.org": Kind.FORBIDDEN,
            b"null": Kind.FORBIDDEN,
            b"": Kind.FORBIDDEN,
            b"\xff": Kind.FORBIDDEN,
        }.items():
            self.assertIs(self.verdict(OWN, origin), expected, origin)

    def test_own_origin(self) -> None:
        """
        A page that we might have served ourselves may call: same scheme, host and port as the request's.
        """
        for host, origin, secure, expected in (
            (b"localhost:8420", b"http://localhost:8420", False, None),
            (b"[::1]:8420", b"http://[0::1]:8420", False, None),
            (b"tools.example.org", b"http://tools.example.org", False, None),
            (b"tools.example.org", b"http://tools.example.org:80", False, None),
            (b"tools.example.org:80", b"http://tools.example.org", False, None),
            (b"Tools.Example.org", b"https://tools.example.org", True, None),
            (b"tools.example.org:443", b"https://tools.example.org", True, None),
            (b"tools.example.org", b"https://tools.example.org:444", True, Kind.FORBIDDEN),
            (b"tools.example.org", b"http://tools.example.org", True, Kind.FORBIDDEN),
            (b"tools.example.org", b"https://tools.example.org", False, Kind.FORBIDDEN),
            (b"localhost", b"http://tools.example.org", False, Kind.FORBIDDEN),
        ):
            self.assertIs(self.verdict(host, origin, secure), expected, (host, origin, secure))

    def test_rebound(self) -> None:
        """
        A page whose name was pointed at us is never our own: its name is no host of ours.
        """
        for name in (b"evil.example.com", b"127.0.0.1.evil.example.com", b"localhost.evil.example.com"):
            for port in (b"", b":8420"):
                verdict = self.verdict(name + port, b"http://" + name + port)
                self.assertIs(verdict, Kind.MISDIRECTED, name)
                self.assertIs(self.verdict(OWN, b"http://" + name + port), Kind.FORBIDDEN, name)

    def test_default_port(self) -> None:
        """
        A host that is configured with the usual port of the listener needs none in a request.
        """
        for secure, port, expected in (
            (True, 443, None),
            (True, 80, Kind.MISDIRECTED),
            (False, 80, None),
            (False, 443, Kind.MISDIRECTED),
        ):
            self.shield = Shield.new([f"a.example.org:{port}"], [], secure=secure)
            self.assertIs(self.verdict(b"a.example.org"), expected, (secure, port))

    def test_strict_transport(self) -> None:
        """
        Browsers are told to come over TLS only where we speak it, and only for a name.
        """
        hosts = ["tools.example.org", "192.0.2.1", "[2001:db8::1]", "a.localhost", "printer"]
        for host, expected in {
            b"tools.example.org": True,
            b"Tools.Example.org:8421": True,
            b"printer": True,
            b"192.0.2.1": False,
            b"[2001:db8::1]:443": False,
            b"localhost": False,
            b"localhost:8421": False,
            b"a.localhost": False,
        }.items():
            for secure in (False, True):
                shield = Shield.new(hosts, ["https://app.example.org"], secure=secure)
                shield.stand()
                for origin in (None, b"https://app.example.org", b"https://" + host.lower()):
                    lines = judge(shield, head(host, origin, True)).fields(0)
                    self.assertIs(b"Strict-Transport-Security" in lines, secure and expected, host)

    def test_quiet(self) -> None:
        """
        Where no origin was configured, nothing is said of origins, not even to our own pages.
        """
        shield = Shield.new([], [])
        shield.stand("127.0.0.1")
        stamps = {judge(shield, head(OWN, origin)).fields(0) for origin in (None, b"http://127.0.0.1:8420")}
        self.assertEqual(stamps, {Stamp().fields(0)})
        self.assertNotIn(b"Vary", Stamp().fields(0))

    def test_settings_named(self) -> None:
        """
        A refusal names the setting that would change it.
        """
        for request, setting in (
            (head(b"a.b"), "listen.hosts"),
            (head(OWN, b"http://a.b"), "listen.origins"),
        ):
            with self.assertRaises(Fault) as caught:
                judge(self.shield, request)
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
            ("fe80::1%eth0", b"[fe80::1]:8420", None),
            ("", b"localhost", None),
            ("", b"192.0.2.1", Kind.MISDIRECTED),
        ):
            self.shield = Shield.new([], [])
            self.shield.stand(address)
            self.assertIs(self.verdict(host), expected, (address, host))

    def test_memory(self) -> None:
        """
        A client that makes up ports does not fill our memory.
        """
        for port in range(1, 2000):
            judge(self.shield, head(b"localhost:%d" % port, b"https://app.example.org"))
        self.assertLess(len(self.shield.known), 300)
        self.assertLess(len(self.shield._pages), 300)

    def test_malformed(self) -> None:
        """
        A setting that is malformed is refused.
        """
        for hosts, origins, url in ((["a/b"], [], ""), ([], ["null"], ""), ([], [], "example.org")):
            with self.assertRaises(ValueError):
                Shield.new(hosts, origins, url)
