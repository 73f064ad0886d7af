# Copyright (c) mcpd contributors.  See LICENSE for details.

"""
Tests for :mod:`mcpd.policy.origin`.
"""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from mcpd.policy.origin import Authority, HostRule, Origin, OriginRule, read_authority, read_origin

MALFORMED = (
    *(
        "",
        " ",
        ":",
        ":80",
        ".",
        "..",
        "a.",
        ".a",
        "a..b",
        "-a",
        "a-",
        "a b",
        "a/b",
        "a?b",
        "a#b",
        "a@b",
        "a\\b",
    ),
    *("a:", "a:0", "a:65536", "a:-1", "a:+1", "a: 1", "a:1 ", "a:1_0", "a:0x1", "a:1:2", "a:b", "a:000001"),
    *("127.0.0.1:8420@evil", "u:p@a", "a,b", "a, b", "*", "a.*.b", "%61", "\u00e4", "a:\u0661", "a" * 64),
    *("a." * 127 + "a", "[", "[]", "[::1", "::1", "[::1]]", "[::1]a", "[::1]a:80", "[::1]:", "[1.2.3.4]"),
    *("[::1%eth0]", "[::g]", "[[::1]]", "a\0", "a\n"),
)


class AuthorityTests(SynchronousTestCase):
    """
    Hosts with and without ports.
    """

    def test_read(self) -> None:
        """
        A host is compared without regard to case, and an IPv6 address in one way of writing it.
        """
        for text, expected in {
            "a": Authority("a", None),
            "Tools.Example.ORG:8443": Authority("tools.example.org", 8443),
            "127.0.0.1:1": Authority("127.0.0.1", 1),
            "my_service:65535": Authority("my_service", 65535),
            "[::1]": Authority("[::1]", None),
            "[0:0:0:0:0:0:0:1]:80": Authority("[::1]", 80),
            "[2001:DB8::A]:443": Authority("[2001:db8::a]", 443),
            "xn--nxasmq6b": Authority("xn--nxasmq6b", None),
            "a" * 63 + ".b": Authority("a" * 63 + ".b", None),
        }.items():
            self.assertEqual(read_authority(text), expected)

    def test_malformed(self) -> None:
        """
        What is no host, or could be taken for two, is refused.
        """
        for text in MALFORMED:
            with self.assertRaises(ValueError, msg=text):
                read_authority(text)

    @given(st.text(max_size=40))
    def test_anything(self, text: str) -> None:
        """
        Whatever is sent as a host, it is one or it is refused, and reads the same a second time.
        """
        try:
            authority = read_authority(text)
        except ValueError:
            return
        port = "" if authority.port is None else f":{authority.port}"
        self.assertEqual(read_authority(authority.name + port), authority)


class HostRuleTests(SynchronousTestCase):
    """
    Which hosts an operator's entry accepts.
    """

    def test_any_port(self) -> None:
        """
        An entry without a port accepts every port, and only its own name.
        """
        rule = HostRule.read("Tools.example.org")
        for text, good in {
            "tools.example.org": True,
            "TOOLS.example.org:1": True,
            "tools.example.org.evil.com": False,
            "eviltools.example.org": False,
            "example.org": False,
        }.items():
            self.assertEqual(rule.accepts(read_authority(text), 80), good, text)

    def test_port(self) -> None:
        """
        An entry with a port accepts that port, written or meant.
        """
        rule = HostRule.read("[::1]:80")
        for text, default, good in (
            ("[::1]:80", 443, True),
            ("[::1]", 80, True),
            ("[::1]", 443, False),
            ("[::1]:8080", 80, False),
        ):
            self.assertEqual(rule.accepts(read_authority(text), default), good, text)

    def test_below(self) -> None:
        """
        A wildcard, as certificates have it, stands for exactly one label.
        """
        rule = HostRule.read("*.Example.org")
        for text, good in {
            "tools.example.org": True,
            "tools.example.org:8443": True,
            "example.org": False,
            "a.b.example.org": False,
            "tools.example.org.evil.com": False,
        }.items():
            self.assertEqual(rule.accepts(read_authority(text), 443), good, text)

    def test_malformed(self) -> None:
        """
        An entry that is no host is refused, with a reason.
        """
        for text in (*MALFORMED, "*", "*.", "*.org", "*.*.example.org", "*.0.0.1", "a.*.example.org"):
            with self.assertRaises(ValueError, msg=text) as caught:
                HostRule.read(text)
            self.assertTrue(str(caught.exception))


class OriginTests(SynchronousTestCase):
    """
    Origins of web pages.
    """

    def test_read(self) -> None:
        """
        An origin is a scheme, a host and a port; the scheme's own port need not be written.
        """
        for text, expected in {
            "http://a": Origin("http", "a", 80),
            "HTTPS://A.b:8443": Origin("https", "a.b", 8443),
            "https://a:443": Origin("https", "a", 443),
            "http://[::1]:8420": Origin("http", "[::1]", 8420),
            "vscode-webview://0a1b": Origin("vscode-webview", "0a1b", None),
        }.items():
            self.assertEqual(read_origin(text), expected)

    def test_malformed(self) -> None:
        """
        ``null``, lists, paths, userinfo and everything else is no origin.
        """
        for text in (
            *("null", "", "*", "a", "//a", "://a", "http:a", "http:/a", "http://", "http:///a", "1http://a"),
            *("h ttp://a", "http://a/", "http://a/b", "http://a?b", "http://a#b", "http://u@a", "http://a,b"),
            *("http://a http://b", "http://a, http://b", "http://*.a.b", "h\u00e4://a", " http://a"),
        ):
            with self.assertRaises(ValueError, msg=text):
                read_origin(text)


class OriginRuleTests(SynchronousTestCase):
    """
    Which pages an operator's entry lets in.
    """

    def test_exact(self) -> None:
        """
        An entry lets in its own scheme, host and port, and nothing that merely resembles it.
        """
        rule = OriginRule.read("https://App.example.com")
        for text, good in {
            "https://app.example.com": True,
            "https://app.example.com:443": True,
            "http://app.example.com": False,
            "https://app.example.com:8443": False,
            "https://example.com": False,
            "https://x.app.example.com": False,
            "https://app.example.com.evil.com": False,
            "https://evilapp.example.com": False,
        }.items():
            self.assertEqual(rule.accepts(read_origin(text)), good, text)

    def test_wildcard(self) -> None:
        """
        A star stands for exactly one label.
        """
        rule = OriginRule.read("https://*.example.com:8443")
        for text, good in {
            "https://a.example.com:8443": True,
            "https://example.com:8443": False,
            "https://a.b.example.com:8443": False,
            "https://a.example.com": False,
            "http://a.example.com:8443": False,
            "https://aexample.com:8443": False,
            "https://a.example.com.evil.com:8443": False,
        }.items():
            self.assertEqual(rule.accepts(read_origin(text)), good, text)

    def test_malformed(self) -> None:
        """
        An entry that would let in too much, or nothing, is refused.
        """
        for text in ("*", "null", "https://*", "https://*.com", "https://a.*.com", "*.a.com", "https://a/"):
            with self.assertRaises(ValueError, msg=text):
                OriginRule.read(text)
